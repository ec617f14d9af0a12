//! The credentials of the clients, and the look for any part of one in whatever can be seen.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::random::Random;
use crate::systems::Kind;

/// The number of credentials that a source gives in turn.
pub(crate) const GENERATIONS: u64 = 3;

/// A run of so many characters is a part of a credential that tells something.
const RUN: usize = 8;

/// The credentials of a kind of client: the second begins with the first where there are two.
pub(crate) fn secrets(seed: u64, kind: Kind, generation: u64) -> Vec<String> {
    const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    // What is written otherwise in JSON, in XML, or in a URL.
    let odd: &[&str] = match kind {
        Kind::Portal | Kind::PortalXml | Kind::PortalV81 | Kind::PortalV80Xml => &["%3D", "/", "+", "&", "<", "'"],
        _ => &["%2F", "/", "+", "&", "<", "\"", "\\", "=", "'"],
    };
    let mut random = Random::of(seed, "secrets", kind as u64, generation);
    let mut text = |length: usize| {
        let mut text = String::new();
        for at in 0..length {
            match at % 5 {
                4 if random.percent(60) => text.push_str(random.pick::<&str>(odd)),
                _ => text.push(char::from(*random.pick(PLAIN))),
            }
        }
        text
    };
    let first = text(30);
    let second = format!("{first}{}", text(8));
    vec![first, second]
}

/// Of which generation the credentials in a request are.
pub(crate) fn generation(seed: u64, kind: Kind, head: &str) -> u64 {
    (0..GENERATIONS).rev().find(|generation| head.contains(&secrets(seed, kind, *generation)[0])).unwrap_or_default()
}

/// All that no text may have a part of.
#[derive(Debug)]
pub(crate) struct Watch {
    runs: HashSet<[u8; RUN]>,
    /// By the first two bytes: whether a run may begin so.
    begins: Vec<bool>,
    found: Mutex<Vec<String>>,
}

impl Watch {
    pub(crate) fn new(seed: u64) -> Watch {
        let mut watch = Watch { runs: HashSet::new(), begins: vec![false; 1 << 16], found: Mutex::default() };
        for kind in Kind::ALL {
            for generation in 0..GENERATIONS {
                for secret in secrets(seed, kind, generation) {
                    for text in [percent(&secret), secret] {
                        for run in text.as_bytes().windows(RUN) {
                            watch.begins[usize::from(run[0]) << 8 | usize::from(run[1])] = true;
                            watch.runs.insert(run.try_into().expect("so long"));
                        }
                    }
                }
            }
        }
        watch
    }

    /// The first place at which a text, or what it says when it is decoded, has a run of a credential.
    pub(crate) fn leak(&self, text: &str) -> Option<String> {
        let mut texts = vec![text.to_owned()];
        for _ in 0..3 {
            if let Some(found) = texts.iter().find_map(|text| self.plain(text)) {
                return Some(found);
            }
            let mut next = Vec::new();
            for text in &texts {
                for (sign, decode) in DECODERS {
                    let decoded = if text.contains(sign) { decode(text) } else { continue };
                    if decoded != *text && !next.contains(&decoded) {
                        next.push(decoded);
                    }
                }
            }
            texts = next;
        }
        texts.iter().find_map(|text| self.plain(text))
    }

    fn plain(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let at = bytes
            .windows(RUN)
            .position(|run| self.begins[usize::from(run[0]) << 8 | usize::from(run[1])] && self.runs.contains(run))?;
        let part = &bytes[at.saturating_sub(40)..bytes.len().min(at + 40)];
        Some(String::from_utf8_lossy(part).into_owned())
    }

    /// Looks through what somebody else printed, such as a log.
    pub(crate) fn look(&self, text: &str, what: &str) {
        if let Some(found) = self.leak(text) {
            let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(format!("{what}: {found}"));
        }
    }

    /// Returns what [`look`](Watch::look) found.
    pub(crate) fn found(&self) -> Vec<String> {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// By the sign that tells of it: what undoes an encoding.
const DECODERS: [(char, Decoder); 3] = [('%', percent), ('\\', escapes), ('&', references)];

type Decoder = fn(&str) -> String;

/// Percent-decoded.
fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Without the escapes of JSON, and those of Rust's Debug.
fn escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let unicode = after.strip_prefix('u').and_then(|code| match code.strip_prefix('{') {
            Some(code) => code.split_once('}'),
            None => Some((code.get(..4)?, code.get(4..)?)),
        });
        let unicode = unicode.and_then(|(hex, rest)| Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, rest)));
        match unicode {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                let next = after.chars().next();
                decoded.extend(next);
                rest = &after[next.map_or(0, char::len_utf8)..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Without the references of XML.
fn references(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let character = after.split_once(';').and_then(|(name, rest)| {
            let number = |text: &str, radix| char::from_u32(u32::from_str_radix(text, radix).ok()?);
            let character = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "apos" => '\'',
                "quot" => '"',
                _ => match name.strip_prefix("#x") {
                    Some(hex) => number(hex, 16)?,
                    None => number(name.strip_prefix('#')?, 10)?,
                },
            };
            Some((character, rest))
        });
        match character {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// A credential as a system may send it back: in other clothes, and not always whole.
pub(crate) fn echo(secret: &str, random: &mut Random) -> (String, &'static str) {
    let whole: String = match random.below(8) {
        0 => secret[..secret.len() - 1].to_owned(),
        1 => secret[1..].to_owned(),
        2 => secret[secret.len() / 2..].to_owned(),
        _ => secret.to_owned(),
    };
    let hex = |upper: bool| -> String {
        whole.bytes().map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
    };
    match random.below(12) {
        0 | 1 => (whole, "plain"),
        2 => (hex(true), "percent"),
        3 => (hex(false).replace('%', "%25"), "percent twice"),
        4 => {
            let some = whole.char_indices().map(|(at, c)| match at % 3 {
                0 => format!("%{:02x}", u32::from(c)),
                _ => c.to_string(),
            });
            (some.collect(), "percent in part")
        }
        5 => (whole.chars().map(|c| format!("&#{};", u32::from(c))).collect(), "references"),
        6 => (whole.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(), "references in hex"),
        7 => (whole.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(), "escapes"),
        8 => (
            whole.chars().map(|c| format!("\\u{:04X}", u32::from(c))).collect::<String>().replace('\\', "%5C"),
            "escapes in percent",
        ),
        9 => (hex(true).chars().map(|c| format!("&#{};", u32::from(c))).collect(), "percent in references"),
        10 => (format!("{}{}", &whole[..whole.len() / 2], whole), "begins twice"),
        _ => (format!("Bearer {whole}, {whole}"), "twice"),
    }
}
