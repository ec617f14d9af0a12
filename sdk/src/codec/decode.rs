//! From the bytes of a body to its text: the content encoding first, then the character set.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

/// Why a body cannot be read.
pub(crate) type Problem = Cow<'static, str>;

/// More encodings than this, one within the other, are not undone.
const MOST_ENCODINGS: usize = 4;

/// A body without its content encoding.
pub(crate) struct Decoded {
    pub(crate) bytes: Bytes,
    /// `true` if it is all of it: `false` if it is longer than the limit.
    pub(crate) whole: bool,
    pub(crate) problem: Option<Problem>,
}

/// Undoes the content encoding. The limit is that of what comes out: a small body may hold a large one. The headers lose
/// what does not hold for the decoded body.
pub(crate) fn content(headers: &mut HeaderMap, bytes: Bytes, whole: bool, limit: usize) -> Decoded {
    let named: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| String::from_utf8_lossy(value.as_bytes()).split(',').map(word).collect::<Vec<_>>())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    let mut decoded = Decoded { bytes, whole, problem: None };
    if named.is_empty() || decoded.bytes.is_empty() {
        return decoded;
    }
    headers.remove(CONTENT_LENGTH);
    if named.len() > MOST_ENCODINGS {
        // What it holds cannot be looked at, so that it is not shown.
        let problem = format!("the body has {} content encodings, one within the other", named.len());
        return Decoded { bytes: Bytes::new(), problem: Some(problem.into()), ..decoded };
    }
    for name in named.iter().rev() {
        let Some(undone) = undo(name, &decoded.bytes, limit) else {
            let name: String = name.chars().take(32).collect();
            let problem = format!("the body has the content encoding `{}`, which is not read", name.escape_debug());
            return Decoded { bytes: Bytes::new(), problem: Some(problem.into()), ..decoded };
        };
        decoded.bytes = undone.bytes;
        decoded.whole &= undone.whole;
        decoded.problem = decoded.problem.or(undone.problem);
    }
    headers.remove(CONTENT_ENCODING);
    decoded
}

fn word(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

fn undo(name: &str, bytes: &[u8], limit: usize) -> Option<Decoded> {
    Some(match name {
        "gzip" | "x-gzip" => drain(name, MultiGzDecoder::new(bytes), limit),
        "deflate" => {
            // By the standard it is in the form of zlib; some send it bare.
            let zlib = drain(name, ZlibDecoder::new(bytes), limit);
            match zlib.problem {
                Some(_) if zlib.bytes.is_empty() => drain(name, DeflateDecoder::new(bytes), limit),
                _ => zlib,
            }
        }
        _ => return None,
    })
}

/// Returns what comes out, up to the limit, and up to where it is damaged.
fn drain(name: &str, decoder: impl Read, limit: usize) -> Decoded {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let ended = decoder.take(most).read_to_end(&mut bytes);
    let whole = bytes.len() <= limit;
    bytes.truncate(limit);
    let problem = ended.is_err().then(|| format!("the body is not the {name} that its content encoding says").into());
    Decoded { bytes: bytes.into(), whole, problem }
}

/// A body as text.
pub(crate) struct Text {
    /// In UTF-8, without a byte order mark.
    pub(crate) bytes: Bytes,
    pub(crate) problem: Option<Problem>,
}

/// Reads a body in the character set that it says it has: in a byte order mark, in the header, or in an XML declaration;
/// else in UTF-8. What is not that is read as Windows-1252 for the sake of what it says to people, and is a problem.
pub(crate) fn text(headers: &HeaderMap, bytes: Bytes) -> Text {
    let marked = [(&b"\xef\xbb\xbf"[..], "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be")];
    let marked = marked.into_iter().find(|(mark, _)| bytes.starts_with(mark));
    let (bytes, marked) = match marked {
        Some((mark, name)) => (bytes.slice(mark.len()..), Some(name.to_owned())),
        None => (bytes, None),
    };
    let Some(name) = marked.or_else(|| in_header(headers)).or_else(|| in_declaration(&bytes)) else {
        return match std::str::from_utf8(&bytes) {
            Ok(_) => Text { bytes, problem: None },
            Err(_) => Text { bytes: single(&bytes, WINDOWS_1252), problem: Some("the body is not UTF-8".into()) },
        };
    };
    let (bytes, problem) = match name.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => match std::str::from_utf8(&bytes) {
            Ok(_) => (bytes, None),
            Err(_) => (single(&bytes, WINDOWS_1252), Some("the body is not UTF-8".into())),
        },
        "windows-1252" | "cp1252" | "x-cp1252" | "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" => {
            (single(&bytes, WINDOWS_1252), None)
        }
        "iso-8859-15" | "iso8859-15" | "iso_8859-15" | "latin9" | "latin-9" => (single(&bytes, ISO_8859_15), None),
        "utf-16" | "utf-16le" => wide(&bytes, u16::from_le_bytes),
        "utf-16be" => wide(&bytes, u16::from_be_bytes),
        _ => {
            let name: String = name.chars().take(32).collect();
            let problem = format!("the body has the character set `{}`, which is not read", name.escape_debug());
            (single(&bytes, WINDOWS_1252), Some(problem.into()))
        }
    };
    Text { bytes, problem }
}

/// The parameter `charset` of the media type.
fn in_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let parameters = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.map(|(name, value)| (word(name), word(value))).find(|(name, _)| name == "charset")?.1;
    Some(charset.trim_matches('"').trim_matches('\'').to_owned())
}

/// The encoding in an XML declaration, which is in ASCII in all the character sets that are not marked.
fn in_declaration(bytes: &[u8]) -> Option<String> {
    let start = bytes.strip_prefix(b"<?xml")?;
    let end = start.iter().take(200).position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(&start[..end]).ok()?;
    let rest = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(word(rest[1..].split(quote).next()?))
}

/// The characters of a set of one byte each, where they are not those of Latin-1.
type Set = &'static [(u8, char)];

// These two and UTF-16 are what is met; a crate for all of them (`encoding_rs`) is a tenth of what the SDK takes to compile.
const WINDOWS_1252: Set = &[
    (0x80, '€'),
    (0x82, '‚'),
    (0x83, 'ƒ'),
    (0x84, '„'),
    (0x85, '…'),
    (0x86, '†'),
    (0x87, '‡'),
    (0x88, 'ˆ'),
    (0x89, '‰'),
    (0x8a, 'Š'),
    (0x8b, '‹'),
    (0x8c, 'Œ'),
    (0x8e, 'Ž'),
    (0x91, '‘'),
    (0x92, '’'),
    (0x93, '“'),
    (0x94, '”'),
    (0x95, '•'),
    (0x96, '–'),
    (0x97, '—'),
    (0x98, '˜'),
    (0x99, '™'),
    (0x9a, 'š'),
    (0x9b, '›'),
    (0x9c, 'œ'),
    (0x9e, 'ž'),
    (0x9f, 'Ÿ'),
];
const ISO_8859_15: Set =
    &[(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];

fn single(bytes: &[u8], set: Set) -> Bytes {
    let character = |byte: &u8| match set.iter().find(|(known, _)| known == byte) {
        Some((_, character)) if !byte.is_ascii() => *character,
        _ => char::from(*byte),
    };
    Bytes::from(bytes.iter().map(character).collect::<String>())
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (Bytes, Option<Problem>) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut damaged = !rest.is_empty();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    let character = |character: Result<char, _>| {
        damaged |= character.is_err();
        character.unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    let text: String = characters.map(character).collect();
    (Bytes::from(text), damaged.then(|| "the body is not UTF-16".into()))
}
