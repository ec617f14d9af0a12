//! Keeps credentials out of what is shown of a system's responses.
//!
//! One rule: a text that shares a run of eight characters with a credential of the call is not shown, whatever it is
//! encoded in. It is looked for after each of the usual decodings, undone one after the other, in any case, and with
//! everything left out that is neither a letter nor a digit.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

/// The text in the place of one that is not shown.
pub(crate) const REDACTED: &str = "[redacted]";

/// A credential that is shorter than this is not looked for in responses: it would be found in words by chance.
const RUN: usize = 8;

/// This many decodings are undone, one after the other.
const DEEPEST: usize = 8;

/// As much is looked at for each byte of a text, decoded forms included. What takes more was made to take more.
const EFFORT: usize = 64;

/// At the end of a text that was cut off, this much of the beginning of a credential is not shown either.
const BEGINNING: usize = 4;

/// The runs of eight characters that the credentials of a call have, in the forms that decoding may lead to. Not the
/// credentials themselves.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Sorted.
    runs: Box<[u64]>,
    /// A bit for each value that [`bit`] gives for a run: most runs of a text are ruled out by it.
    filter: Box<[u64]>,
    /// The beginnings of the forms: less than a run.
    beginnings: Vec<[u8; RUN - 1]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Secrets {
    /// Those of these credentials.
    pub(crate) fn of<'a>(credentials: impl IntoIterator<Item = &'a str>) -> Secrets {
        let (mut runs, mut beginnings) = (Vec::new(), Vec::new());
        for credential in credentials.into_iter().filter(|credential| credential.len() >= RUN) {
            let mut form = Some(credential.as_bytes().to_ascii_lowercase());
            // Where a credential holds what looks encoded, decoding an answer may take that apart too.
            let mut plain = Some(credential.as_bytes().to_vec());
            for _ in 0..DEEPEST {
                let Some(text) = form.take() else { break };
                let letters: Vec<u8> = text.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
                for text in [text, letters] {
                    runs.extend(text.windows(RUN).map(|run| run.iter().fold(0, |run, byte| push(run, *byte))));
                    beginnings.extend(text.first_chunk::<{ RUN - 1 }>().copied());
                }
                plain = plain.and_then(|text| unescaped(&text, b"%\\&")).map(|(plain, _)| plain);
                form = plain.as_ref().map(|text| text.to_ascii_lowercase());
            }
        }
        Secrets::new(runs, beginnings)
    }

    fn new(mut runs: Vec<u64>, mut beginnings: Vec<[u8; RUN - 1]>) -> Secrets {
        runs.sort_unstable();
        runs.dedup();
        beginnings.sort_unstable();
        beginnings.dedup();
        let words = if runs.is_empty() { 0 } else { (runs.len() / 4).next_power_of_two().max(16) };
        let mut secrets = Secrets { runs: runs.into(), filter: vec![0; words].into(), beginnings };
        for run in &secrets.runs {
            let (word, bit) = bit(*run, words);
            secrets.filter[word] |= bit;
        }
        secrets
    }

    /// Those of two sets together.
    pub(crate) fn and(&self, others: &Secrets) -> Secrets {
        let runs = self.runs.iter().chain(&others.runs).copied().collect();
        Secrets::new(runs, self.beginnings.iter().chain(&others.beginnings).copied().collect())
    }

    /// Returns whether a text has something of a credential in it.
    pub(crate) fn are_in(&self, text: &[u8]) -> bool {
        self.look(text, Look::default())
    }

    /// The same for a text whose end was cut off.
    pub(crate) fn are_in_beginning(&self, text: &[u8]) -> bool {
        self.look(text, Look { cut: true, ..Look::default() })
    }

    /// The same for the text of a document whose parts were looked at one by one: that letters of two of them make up a run
    /// is chance.
    pub(crate) fn are_in_document(&self, text: &[u8]) -> bool {
        self.look(text, Look { parts: true, ..Look::default() })
    }

    /// A text as it is shown.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> &'a str {
        if self.are_in(text.as_bytes()) { REDACTED } else { text }
    }

    /// A body of a request or the like as it is shown: member by member if it is JSON.
    pub(crate) fn clean_body(&self, body: Bytes) -> Bytes {
        if !self.are_in(&body) {
            return body;
        }
        let value = std::str::from_utf8(&body).ok().and_then(|text| crate::codec::json::read(text).ok());
        match value.and_then(|value| self.cleaned(&value)) {
            Some(clean) => Bytes::from(clean.to_string()),
            None => Bytes::from_static(REDACTED.as_bytes()),
        }
    }

    /// A value as it is shown; `None` if that is as it is.
    pub(crate) fn cleaned(&self, value: &Value) -> Option<Value> {
        if !self.are_in_value(value) {
            return None;
        }
        let mut clean = value.clone();
        self.redact(&mut clean);
        Some(clean)
    }

    fn are_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => self.are_in_number(number),
            Value::String(text) => self.are_in(text.as_bytes()),
            Value::Array(items) => items.iter().any(|item| self.are_in_value(item)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.are_in(name.as_bytes()) || self.are_in_value(value))
            }
        }
    }

    fn are_in_number(&self, number: &serde_json::Number) -> bool {
        // A number that is shorter than a run needs no look, and most are.
        if number.as_i64().is_some_and(|number| number.unsigned_abs() < 1_000_000) {
            return false;
        }
        self.are_in(number.to_string().as_bytes())
    }

    fn redact(&self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if self.are_in_number(number) {
                    *value = Value::from(REDACTED);
                }
            }
            Value::String(text) => {
                if self.are_in(text.as_bytes()) {
                    REDACTED.clone_into(text);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::Object(members) => {
                let mut clean = Map::with_capacity(members.len());
                for (name, mut value) in std::mem::take(members) {
                    self.redact(&mut value);
                    let name = if self.are_in(name.as_bytes()) { REDACTED.to_owned() } else { name };
                    clean.insert(name, value);
                }
                *members = clean;
            }
        }
    }

    fn look(&self, text: &[u8], how: Look) -> bool {
        if self.runs.is_empty() || text.len() < if how.cut { BEGINNING } else { RUN } {
            return false;
        }
        let mut effort = text.len().saturating_mul(EFFORT).max(4096);
        self.found(text, DEEPEST, &mut effort, how)
    }

    /// Looks at a text, and at what it may be an encoding of.
    fn found(&self, text: &[u8], depth: usize, effort: &mut usize, how: Look) -> bool {
        // Whoever makes it so hard has something to hide.
        let Some(left) = effort.checked_sub(text.len()) else { return true };
        *effort = left;
        if self.scan(text, how) || (how.cut && self.begins_at_end(text)) {
            return true;
        }
        if depth == 0 {
            return false;
        }
        if let Some((plain, marks)) = unescaped(text, b"%\\&") {
            if self.found(&plain, depth - 1, effort, how) {
                return true;
            }
            // Also one kind after the other: what ends a credential may look like the beginning of an escape of another kind.
            let each = marks.iter().filter(|_| marks.len() > 1);
            for (plain, _) in each.filter_map(|mark| unescaped(text, &[*mark])) {
                if self.found(&plain, depth - 1, effort, how) {
                    return true;
                }
            }
        }
        match self.scan_base64(text) {
            Base64::Found => return true,
            Base64::Text(offsets) => {
                for offset in (0..4).filter(|offset| offsets & (1 << offset) != 0) {
                    if self.found(&base64(text, offset), depth - 1, effort, how) {
                        return true;
                    }
                }
            }
        }
        hexadecimal(text).iter().any(|plain| self.found(plain, depth - 1, effort, how))
    }

    /// Looks at a text as it is, and without what is neither a letter nor a digit.
    fn scan(&self, text: &[u8], how: Look) -> bool {
        let (mut run, mut letters) = (0_u64, 0_u64);
        text.iter().any(|byte| {
            let byte = byte.to_ascii_lowercase();
            run = push(run, byte);
            // A run that is not full has a zero at its front, which no credential has.
            if !how.parts && byte.is_ascii_alphanumeric() {
                letters = push(letters, byte);
                if letters != run && self.has(letters) {
                    return true;
                }
            }
            self.has(run)
        })
    }

    /// Looks at what the base64 in a text stands for, wherever in the text it begins.
    fn scan_base64(&self, text: &[u8]) -> Base64 {
        // Eight characters that need decoding once more, since one of them has a backslash before it, are nine.
        const READABLE: u8 = 9;
        let (mut runs, mut letters, mut readable, mut offsets) = ([0_u64; 4], [0_u64; 4], [0_u8; 4], 0);
        let (mut bits, mut count) = (0_u32, 0_usize);
        // The zeros at the end give the last characters, which make up less than a group.
        for sextet in text.iter().filter_map(|byte| sextet(*byte)).chain([0, 0, 0]) {
            bits = (bits << 6) | u32::from(sextet);
            count += 1;
            let offset = count % 4;
            let (run, letters, readable) = (&mut runs[offset], &mut letters[offset], &mut readable[offset]);
            for byte in [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8] {
                *run = push(*run, byte.to_ascii_lowercase());
                if self.has(*run) {
                    return Base64::Found;
                }
                if byte.is_ascii_alphanumeric() {
                    *letters = push(*letters, byte.to_ascii_lowercase());
                    if *letters != *run && self.has(*letters) {
                        return Base64::Found;
                    }
                }
                *readable =
                    if matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t') { readable.saturating_add(1) } else { 0 };
                if *readable >= READABLE {
                    offsets |= 1 << offset;
                }
            }
        }
        Base64::Text(offsets)
    }

    /// Returns whether a text ends with the beginning of a credential.
    fn begins_at_end(&self, text: &[u8]) -> bool {
        let end = text[text.len().saturating_sub(RUN - 1)..].to_ascii_lowercase();
        let ends = |beginning: &[u8; RUN - 1]| (BEGINNING..RUN).any(|length| end.ends_with(&beginning[..length]));
        self.beginnings.iter().any(ends)
    }

    fn has(&self, run: u64) -> bool {
        let (word, bit) = bit(run, self.filter.len());
        self.filter[word] & bit != 0 && self.runs.binary_search(&run).is_ok()
    }
}

/// The way in which a text is looked at.
#[derive(Clone, Copy, Default)]
struct Look {
    /// Its end was cut off.
    cut: bool,
    /// Its parts were looked at already.
    parts: bool,
}

/// The result of looking at base64.
enum Base64 {
    Found,
    /// At these offsets, one bit for each, there is a readable text in it.
    Text(u8),
}

fn push(run: u64, byte: u8) -> u64 {
    (run << 8) | u64::from(byte)
}

/// Where in a filter of this many words, a power of two, a run has its bit.
fn bit(run: u64, words: usize) -> (usize, u64) {
    let hash = run.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((hash >> 32) as usize & (words - 1), 1 << (hash >> 58))
}

/// The value of a character of base64, in either of its two alphabets.
fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Returns what the base64 in a text stands for, if groups end at this offset.
fn base64(text: &[u8], offset: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_usize);
    for sextet in text.iter().filter_map(|byte| sextet(*byte)).chain([0, 0, 0]) {
        bits = (bits << 6) | u32::from(sextet);
        count += 1;
        if count % 4 == offset {
            bytes.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
        }
    }
    bytes
}

/// Returns what long runs of hexadecimal digits stand for, from the first digit and from the second.
fn hexadecimal(text: &[u8]) -> Vec<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut found = Vec::new();
    for run in text.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 2 * RUN) {
        for digits in [run, &run[1..]] {
            let pairs = digits.as_chunks::<2>().0;
            let bytes = pairs.iter().filter_map(|[high, low]| Some((digit(high)? << 4) | digit(low)?));
            found.push(bytes.collect());
        }
    }
    found
}

/// A text without what it is escaped with by these marks (percent signs, backslashes, character references) and CDATA
/// sections, and the marks that were there; `None` if it is not escaped.
fn unescaped(text: &[u8], marks: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // First of all, because a section may end within an escape.
    if let Some(joined) = joined(text) {
        return Some((joined, Vec::new()));
    }
    let mut at = text.iter().position(|byte| marks.contains(byte))?;
    let mut plain: Vec<u8> = text[..at].to_vec();
    let mut seen = Vec::new();
    while at < text.len() {
        let rest = &text[at..];
        let (length, character) = match rest[0] {
            mark if !marks.contains(&mark) => (0, None),
            b'%' => percent(rest),
            b'\\' => backslash(rest),
            _ => reference(rest),
        };
        if length == 0 {
            plain.push(rest[0]);
            at += 1;
            continue;
        }
        if !seen.contains(&rest[0]) {
            seen.push(rest[0]);
        }
        at += length;
        match character {
            Some(Plain::Byte(byte)) => plain.push(byte),
            Some(Plain::Character(character)) => {
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => {}
        }
    }
    (!seen.is_empty()).then_some((plain, seen))
}

/// A text without the marks of CDATA sections; `None` if it has none.
fn joined(text: &[u8]) -> Option<Vec<u8>> {
    const OPEN: &[u8] = b"<![CDATA[";
    const CLOSE: &[u8] = b"]]>";
    memchr::memmem::find(text, OPEN)?;
    let (mut plain, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, more @ ..] = rest {
        let mark = [OPEN, CLOSE].into_iter().find(|mark| rest.starts_with(mark));
        rest = match mark {
            Some(mark) => &rest[mark.len()..],
            None => {
                plain.push(*first);
                more
            }
        };
    }
    Some(plain)
}

/// The meaning of an escape.
enum Plain {
    Byte(u8),
    Character(char),
}

impl Plain {
    fn of(code: u32) -> Option<Plain> {
        Some(Plain::Character(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

/// The number that the digits at the start of a text make, at most so many, and how many there are.
fn number(text: &[u8], radix: u32, most: usize) -> (usize, u32) {
    let digits = text.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
    digits.fold((0, 0), |(length, number), digit| (length + 1, number.saturating_mul(radix).saturating_add(digit)))
}

/// The length of an escape at the start of a text, 0 if there is none, and what it stands for.
type Escape = (usize, Option<Plain>);

fn percent(text: &[u8]) -> Escape {
    match number(&text[1..], 16, 2) {
        (2, byte) => (3, Some(Plain::Byte(byte as u8))),
        _ if matches!(text.get(1), Some(b'u' | b'U')) => match number(&text[2..], 16, 4) {
            (4, code) => (6, Plain::of(code)),
            _ => (0, None),
        },
        _ => (0, None),
    }
}

fn backslash(text: &[u8]) -> Escape {
    let coded = |start: usize, least: usize, radix: u32, most: usize, close: usize| {
        let (length, code) = number(&text[start.min(text.len())..], radix, most);
        (length >= least).then(|| (start + length + close, Plain::of(code)))
    };
    let escape = match text.get(1) {
        None => return (0, None),
        Some(b'u' | b'U') if text.get(2) == Some(&b'{') => coded(3, 1, 16, 6, 1),
        Some(b'u') => coded(2, 4, 16, 4, 0),
        Some(b'U') => coded(2, 8, 16, 8, 0),
        Some(b'x') if text.get(2) == Some(&b'{') => coded(3, 1, 16, 6, 1),
        Some(b'x') => coded(2, 2, 16, 2, 0),
        Some(b'0'..=b'7') => coded(1, 1, 8, 3, 0),
        Some(b'n' | b'r' | b't' | b'b' | b'f') => Some((2, Some(Plain::Byte(b' ')))),
        Some(_) => None,
    };
    match escape {
        Some((length, character)) => (length.min(text.len()), character),
        // The character after it, whatever it is.
        None => (2, Some(Plain::Byte(text[1]))),
    }
}

fn reference(text: &[u8]) -> Escape {
    let closed = |length: usize| length + usize::from(text.get(length) == Some(&b';'));
    if text.get(1) == Some(&b'#') {
        let hexadecimal = matches!(text.get(2), Some(b'x' | b'X'));
        let start = if hexadecimal { 3 } else { 2 };
        let (length, code) = number(&text[start..], if hexadecimal { 16 } else { 10 }, 12);
        return if length == 0 { (0, None) } else { (closed(start + length), Plain::of(code)) };
    }
    let name: Vec<u8> = text[1..].iter().copied().take(9).take_while(u8::is_ascii_alphanumeric).collect();
    let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
    match known {
        Some((_, byte)) => (closed(1 + name.len()), Some(Plain::Byte(*byte))),
        None => (0, None),
    }
}

/// The named references for characters that a credential may have.
const NAMES: [(&str, u8); 36] = [
    ("amp", b'&'),
    ("AMP", b'&'),
    ("lt", b'<'),
    ("LT", b'<'),
    ("gt", b'>'),
    ("GT", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("excl", b'!'),
    ("num", b'#'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("ast", b'*'),
    ("plus", b'+'),
    ("comma", b','),
    ("period", b'.'),
    ("sol", b'/'),
    ("colon", b':'),
    ("semi", b';'),
    ("equals", b'='),
    ("quest", b'?'),
    ("commat", b'@'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("bsol", b'\\'),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("Hat", b'^'),
    ("lowbar", b'_'),
    ("grave", b'`'),
    ("lcub", b'{'),
    ("verbar", b'|'),
    ("rcub", b'}'),
    ("nbsp", b' '),
];
