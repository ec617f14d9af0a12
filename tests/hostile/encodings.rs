//! Bodies as gateways and old systems encode them.

use crate::random::Random;

/// As gzip has it, in stored blocks.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a small body");
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend(crc_32(body).to_le_bytes());
    bytes.extend(u32::from(length).to_le_bytes());
    bytes
}

fn crc_32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// Returns what does not fit becomes a question mark.
pub(crate) fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

pub(crate) fn utf_16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// With a byte in it that is no UTF-8.
pub(crate) fn broken(text: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let quotes: Vec<usize> =
        text.char_indices().filter(|(_, c)| *c == '"' || *c == '>').map(|(at, _)| at + 1).collect();
    if !quotes.is_empty() {
        bytes.insert(*random.pick(&quotes), *random.pick(&[0xff, 0xc0, 0xe9, 0x80]));
    }
    bytes
}
