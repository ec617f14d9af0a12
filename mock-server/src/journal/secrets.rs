//! Whether a text shows a credential: whether it has eight characters in a row in common with one, as it is or after any
//! number of decodings.
//!
//! Every request is looked through, so the first look is cheap: a run of eight characters has four in it whose place in
//! the text is a multiple of four, and whether any credential has these four is one bit.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use user_status_openapi::{Contract, SchemeKind, SystemKind};

use crate::codec::decode::{self, Decoded, RUN};

/// The number of characters that the first look takes at a time.
const BLOCK: usize = 4;

/// Credentials, and what gives them away.
#[derive(Clone, Default)]
pub(crate) struct Known {
    whole: HashSet<Box<str>>,
    runs: HashSet<u64>,
    /// One bit for each hash of a block.
    blocks: Vec<u64>,
}

impl Known {
    /// These credentials. Those that are too short would hit words by chance, and are left out.
    pub(crate) fn of<'a>(credentials: impl IntoIterator<Item = &'a str>) -> Known {
        let mut known = Known::default();
        credentials.into_iter().for_each(|credential| known.add(credential));
        known
    }

    /// One more.
    pub(crate) fn add(&mut self, credential: &str) {
        if credential.len() < RUN || !self.whole.insert(credential.into()) {
            return;
        }
        if self.blocks.is_empty() {
            self.blocks = vec![0; 1 << (16 - 6)];
        }
        self.add_runs(credential.as_bytes());
        // It may be written otherwise in the first place, as Akana's are.
        let mut text = credential.as_bytes().to_vec();
        while let Some(decoded) = decode::escapes(&text) {
            self.add_runs(&decoded);
            text = decoded;
        }
    }

    fn add_runs(&mut self, credential: &[u8]) {
        for run in credential.windows(RUN).map(folded) {
            if !public().contains(&run) {
                self.runs.insert(run);
                for block in run.to_le_bytes().windows(BLOCK) {
                    let bit = hash(block);
                    self.blocks[bit >> 6] |= 1 << (bit & 63);
                }
            }
        }
    }

    /// Where the first run begins at or after `from`.
    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        if self.blocks.is_empty() {
            return None;
        }
        let (blocks, _) = text.as_chunks::<BLOCK>();
        for (i, block) in blocks.iter().enumerate().skip(from / BLOCK) {
            let bit = hash(block);
            if self.blocks[bit >> 6] & (1 << (bit & 63)) == 0 {
                continue;
            }
            let at = i * BLOCK;
            let starts = at.saturating_sub(BLOCK - 1).max(from)..=at;
            let is_run =
                |start: &usize| text.get(*start..start + RUN).is_some_and(|run| self.runs.contains(&folded(run)));
            if let Some(start) = starts.into_iter().find(is_run) {
                return Some(start);
            }
        }
        None
    }
}

/// Without regard to case, which the names of headers lose; a few other characters fall together as well.
fn folded(run: &[u8]) -> u64 {
    let mut bytes = [0; RUN];
    bytes.copy_from_slice(run);
    u64::from_le_bytes(bytes) | 0x2020_2020_2020_2020
}

fn hash(block: &[u8]) -> usize {
    let mut bytes = [0; BLOCK];
    bytes.copy_from_slice(block);
    let block = u32::from_le_bytes(bytes) | 0x2020_2020;
    // Any odd factor with bits all over it spreads the blocks.
    (block.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

/// Runs of the words that the contract has in public, such as the names of the systems: a credential may have one in it,
/// which gives nothing away.
fn public() -> &'static HashSet<u64> {
    static PUBLIC: LazyLock<HashSet<u64>> = LazyLock::new(|| {
        let contract = Contract::embedded();
        let mut words: Vec<&str> = SystemKind::ALL.iter().map(|system| system.as_str()).collect();
        for operation in contract.operations() {
            words.push(&operation.id);
            words.extend(operation.path.split('/'));
            words.extend(operation.parameters.iter().map(|parameter| parameter.name.as_str()));
            let schemes = operation.security.iter().flatten().filter_map(|scheme| contract.scheme(scheme));
            words.extend(schemes.filter_map(|scheme| match &scheme.kind {
                SchemeKind::Header(name) | SchemeKind::Cookie(name) => Some(name.as_str()),
                SchemeKind::Bearer => None,
            }));
        }
        words.iter().flat_map(|word| word.as_bytes().windows(RUN)).map(folded).collect()
    });
    &PUBLIC
}

/// The credentials of a world, and those that came with a request and are none of it.
pub(crate) struct Secrets<'a> {
    known: &'a Known,
    others: Option<Known>,
}

impl<'a> Secrets<'a> {
    pub(crate) fn of<'b>(known: &'a Known, presented: impl Iterator<Item = &'b str>) -> Secrets<'a> {
        let mut others: Option<Known> = None;
        for credential in presented.filter(|credential| credential.len() >= RUN && !known.whole.contains(*credential)) {
            others.get_or_insert_default().add(credential);
        }
        Secrets { known, others }
    }

    /// Returns whether a text shows one.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        if self.find(text, 0).is_some() {
            return true;
        }
        let mut work = Vec::new();
        decode::all(text, &mut work);
        // Each decoding is shorter than what it is of. What takes more than this was made to take long.
        let mut left = 16 * text.len();
        while let Some(Decoded(text)) = work.pop() {
            if text.len() > left || self.find(&text, 0).is_some() {
                return true;
            }
            left -= text.len();
            decode::all(&text, &mut work);
        }
        false
    }

    /// The text with something else in the place of every run that is in it as it is.
    pub(crate) fn without_runs(&self, text: &str, instead: &str) -> String {
        let bytes = text.as_bytes();
        let (mut clean, mut kept, mut from) = (String::new(), 0, 0);
        while let Some(start) = self.find(bytes, from) {
            let mut end = start + RUN;
            // As long as the next one overlaps.
            while let Some(next) = self.find(bytes, end - RUN + 1).filter(|next| *next <= end) {
                end = next + RUN;
            }
            // A run of a credential is ASCII; one that falls together with it may not be.
            let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            clean.push_str(&text[kept..start.max(kept)]);
            clean.push_str(instead);
            (kept, from) = (end, end);
        }
        clean.push_str(&text[kept..]);
        clean
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let other = self.others.as_ref().and_then(|others| others.find(text, from));
        let known = self.known.find(text, from);
        known.into_iter().chain(other).min()
    }
}

impl Known {
    /// Returns what is shared until there is one more.
    pub(crate) fn shared<'a>(credentials: impl IntoIterator<Item = &'a str>) -> Arc<Known> {
        Arc::new(Known::of(credentials))
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a-Secret_token.1234567890/end";

    fn show(text: &str) -> bool {
        Secrets::of(&Known::of([SECRET]), std::iter::empty()).are_in(text)
    }

    fn base64(text: &[u8]) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |bytes: &[u8]| {
            let number = bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
            let of = |i: usize| alphabet[(number >> (18 - 6 * i)) as usize & 63] as char;
            (0..4).map(|i| if i <= bytes.len() { of(i) } else { '=' }).collect::<String>()
        };
        text.chunks(3).map(group).collect()
    }

    #[test]
    fn a_run_of_eight_is_seen_wherever_it_is_and_seven_are_not() {
        for start in 0..=SECRET.len() - RUN {
            for before in ["", "x", "xy", "xyz", "/api/users/"] {
                assert!(show(&format!("{before}{}~~", &SECRET[start..start + RUN])), "{start} {before}");
                assert!(!show(&format!("{before}~{}~~", &SECRET[start..start + RUN - 1])), "{start} {before}");
            }
        }
        assert!(show(&SECRET.to_uppercase()) && show(&SECRET[..SECRET.len() - 1]));
    }

    #[test]
    fn a_run_is_seen_through_every_encoding_and_any_number_of_them() {
        fn each(text: &str, form: impl Fn(u8) -> String) -> String {
            text.bytes().map(form).collect()
        }
        type Encoding = Box<dyn Fn(&str) -> String>;
        let encodings: [(&str, Encoding); 9] = [
            ("percent", Box::new(|t| each(t, |b| format!("%{b:02x}")))),
            ("PERCENT", Box::new(|t| each(t, |b| format!("%{b:02X}")))),
            ("JSON", Box::new(|t| each(t, |b| format!("\\u{b:04x}")))),
            ("decimal", Box::new(|t| each(t, |b| format!("&#{b};")))),
            ("hexadecimal", Box::new(|t| each(t, |b| format!("&#x{b:X};")))),
            ("CDATA", Box::new(|t| format!("<![CDATA[{}]]><![CDATA[{}]]>", &t[..t.len() / 2], &t[t.len() / 2..]))),
            ("base64", Box::new(|t| base64(t.as_bytes()))),
            (
                "base64 within",
                Box::new(|t| base64(format!("{{\"a\":\"{t}\"}}").as_bytes()).replace('+', "-").replace('/', "_")),
            ),
            ("hex", Box::new(|t| each(t, |b| format!("{b:02x}")))),
        ];
        for (one, first) in &encodings {
            assert!(show(&first(SECRET)), "{one}: {}", first(SECRET));
            for (two, second) in &encodings {
                assert!(show(&format!("x {}", second(&first(SECRET)))), "{one}, {two}");
                for (three, third) in &encodings {
                    assert!(show(&third(&second(&first(SECRET)))), "{one}, {two}, {three}");
                }
            }
            assert!(!show(&first("a-text-that-is-nothing-of-the-kind")), "{one}");
        }
    }

    #[test]
    fn what_is_public_gives_nothing_away() {
        let known = Known::of(["mock-symphony-session-token"]);
        let secrets = Secrets::of(&known, std::iter::empty());
        assert!(!secrets.are_in("POST /pod/v1 (updateUserStatus, symphony)"));
        assert!(secrets.are_in("symphony-s"));
        assert_eq!(secrets.without_runs("say mock-symphony-session-token, twice", "***"), "say ***, twice");
    }

    #[test]
    fn what_was_made_to_take_long_counts_as_one() {
        let mut text = "%".to_owned();
        for _ in 0..2000 {
            text.push_str("25");
        }
        show(&text.repeat(20));
        show(&base64(&[b'A'; 30_000]));
    }
}
