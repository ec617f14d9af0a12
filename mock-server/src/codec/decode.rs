//! What a text may be the encoding of.

/// The number of characters in a row that give a credential away.
pub(crate) const RUN: usize = 8;

/// The shortest base64, and the shortest hexadecimal text, of eight characters.
const BASE64: usize = 11;
const HEX: usize = 16;

/// A text that another one may be the encoding of.
pub(crate) struct Decoded(pub(crate) Vec<u8>);

/// Adds what a text is the encoding of: with its escapes resolved, and each part of it that is base64 or hexadecimal.
pub(crate) fn all(text: &[u8], found: &mut Vec<Decoded>) {
    let look = Look::at(text);
    if look.base64 {
        let words = text.split(|byte| value(*byte).is_none()).filter(|word| word.len() >= BASE64);
        // A text before it may have ended anywhere.
        words.for_each(|word| (0..4).for_each(|start| base64(&word[start..], found)));
    }
    if look.hex {
        let runs = text.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= HEX);
        runs.for_each(|run| [run, &run[1..]].into_iter().for_each(|digits| hex(digits, found)));
    }
    if look.escapes
        && let Some(decoded) = escapes(text)
    {
        found.push(Decoded(decoded));
    }
}

/// The filter for texts that are worth a closer look. Every request is looked at, and almost none has anything.
struct Look {
    escapes: bool,
    base64: bool,
    hex: bool,
}

impl Look {
    fn at(text: &[u8]) -> Look {
        let (mut base64, mut hex) = (false, false);
        let (mut escapes, mut digits) = (0, 0_u32);
        // Of each of the last 16 characters, for each place at which base64 may begin a group: whether it can be a
        // character of visible text.
        let mut places = 0_u64;
        let (groups, rest) = text.as_chunks::<4>();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        for group in groups.iter().chain([&last]) {
            for (place, byte) in group.iter().enumerate() {
                let class = CLASSES[place][usize::from(*byte)];
                places = places << 4 | u64::from(class & PLACES);
                digits = digits << 1 | u32::from(class & DIGIT != 0);
                escapes |= class & ESCAPE;
            }
            // Eight in a row that end here; the shortest base64 has them in one of four groups.
            let two = places & places >> 4;
            let four = two & two >> 8;
            base64 |= four & four >> 16 & u64::from(PLACES) != 0;
            let row = (1 << (HEX - 3)) - 1;
            hex |= digits & row == row;
        }
        Look { escapes: escapes != 0, base64, hex }
    }
}

const PLACES: u8 = 0b1111;
const DIGIT: u8 = 1 << 6;
const ESCAPE: u8 = 1 << 7;

/// The classes of a byte, for each place in the text modulo four.
const CLASSES: [[u8; 256]; 4] = {
    let mut classes = [[0; 256]; 4];
    let mut at = 0;
    while at < 4 * 256 {
        let (place, byte) = (at / 256, (at % 256) as u8);
        let mut class = 0;
        if let Some(value) = value(byte) {
            // Bytes from 0x20 to 0x7f, cut into pieces of six bits.
            let may_be = [value >= 8 && value < 32, value & 15 >= 2 && value & 15 < 8, value & 3 < 2, true];
            let mut begin = 0;
            while begin < 4 {
                class |= (may_be[(4 + place - begin) % 4] as u8) << begin;
                begin += 1;
            }
        }
        if byte.is_ascii_hexdigit() {
            class |= DIGIT;
        }
        if matches!(byte, b'%' | b'\\' | b'&' | b'<') {
            class |= ESCAPE;
        }
        classes[place][byte as usize] = class;
        at += 1;
    }
    classes
};

/// The value of a character of base64, in either alphabet.
const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Adds what hexadecimal digits are the encoding of, if that may be text.
fn hex(digits: &[u8], found: &mut Vec<Decoded>) {
    // They are digits.
    let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
    let decoded: Vec<u8> = digits.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect();
    if decoded.split(|byte| !byte.is_ascii_graphic()).any(|part| part.len() >= RUN) {
        found.push(Decoded(decoded));
    }
}

/// Adds what base64 is the encoding of, if that may be text.
fn base64(word: &[u8], found: &mut Vec<Decoded>) {
    let decoded = word.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0, |bits, byte| bits << 6 | u32::from(value(*byte).unwrap_or_default()));
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        [bytes[1], bytes[2], bytes[3]].into_iter().take(group.len() * 6 / 8)
    });
    let decoded: Vec<u8> = decoded.collect();
    if decoded.split(|byte| !byte.is_ascii_graphic()).any(|part| part.len() >= RUN) {
        found.push(Decoded(decoded));
    }
}

/// The text with the escapes of URLs, JSON and XML resolved, once; `None` if it has none.
pub(crate) fn escapes(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let escape = match rest[0] {
            b'%' => percent(rest),
            b'\\' => backslash(rest),
            b'&' => reference(rest),
            b'<' if rest.starts_with(b"<![CDATA[") => Some((None, 9)),
            b']' if rest.starts_with(b"]]>") => Some((None, 3)),
            _ => None,
        };
        match escape {
            Some((character, length)) => {
                let decoded = decoded.get_or_insert_with(|| text[..at].to_vec());
                match character {
                    // A byte of a URL may be part of a character.
                    Some(byte @ 0..=255) if rest[0] == b'%' => decoded.push(byte as u8),
                    Some(number) => {
                        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
                        decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    None => {}
                }
                at += length;
            }
            None => {
                if let Some(decoded) = &mut decoded {
                    decoded.push(rest[0]);
                }
                at += 1;
            }
        }
    }
    decoded
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

fn percent(rest: &[u8]) -> Option<(Option<u32>, usize)> {
    let digits = rest.get(1..3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    Some((number(digits, 16), 3))
}

fn backslash(rest: &[u8]) -> Option<(Option<u32>, usize)> {
    let character = match rest.get(1)? {
        b'u' => {
            let digits = rest.get(2..6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            return Some((number(digits, 16), 6));
        }
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        byte @ (b'"' | b'\\' | b'/') => *byte,
        _ => return None,
    };
    Some((Some(character.into()), 2))
}

fn reference(rest: &[u8]) -> Option<(Option<u32>, usize)> {
    // Leading zeros may make it longer than this; no credential needs it.
    let end = rest.iter().take(64).position(|byte| *byte == b';')?;
    let name = &rest[1..end];
    let character = match name {
        b"lt" => b'<'.into(),
        b"gt" => b'>'.into(),
        b"amp" => b'&'.into(),
        b"apos" => b'\''.into(),
        b"quot" => b'"'.into(),
        [b'#', b'x' | b'X', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit) => number(digits, 16)?,
        [b'#', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => number(digits, 10)?,
        _ => return None,
    };
    Some((Some(character), end + 1))
}
