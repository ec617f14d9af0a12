//! Answers as bytes on a connection, and all that can happen to them there.

use crate::answers::Answer;
use crate::random::Random;
use crate::truth::Word;

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It stays.
    Keep,
    /// It is closed.
    Fin,
    /// It is reset.
    Reset,
    /// Nothing more comes, until the client gives up.
    Silence,
}

/// What is written, each part so many milliseconds after the one before.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) parts: Vec<(u64, Vec<u8>)>,
    pub(crate) end: End,
    /// `true` if more was written than the answer.
    pub(crate) left: bool,
}

/// Longer than any client waits.
const TOO_LATE: u64 = 5_000;

/// Puts an answer on the wire. What happens to it there may make it say nothing.
pub(crate) fn send(answer: &mut Answer, single: bool, random: &mut Random) -> Sent {
    let no_body = [204, 304].contains(&answer.status) && !answer.body.is_empty();
    let keep = |bytes| Sent { parts: vec![(0, bytes)], end: End::Keep, left: no_body };
    if random.percent(62) {
        return keep(framed(answer, random));
    }
    let lost = |answer: &mut Answer, class| {
        // Of a refusal that the system documents, the head may say enough.
        answer.word = if answer.is_refusal_by_its_head { Word::Unclear } else { Word::Nothing };
        answer.shows = None;
        answer.class = class;
    };
    match random.below(16) {
        0..5 => {
            let bytes = framed(answer, random);
            let at = random.below(bytes.len());
            lost(answer, "an answer that breaks off");
            let end = *random.pick(&[End::Fin, End::Reset, End::Silence]);
            Sent { parts: vec![(0, bytes[..at].to_vec())], end, left: false }
        }
        5 => {
            lost(answer, "nothing");
            answer.word = Word::Nothing;
            Sent { parts: Vec::new(), end: *random.pick(&[End::Fin, End::Reset, End::Silence]), left: false }
        }
        6 => {
            let bytes = framed(answer, random);
            lost(answer, "an answer that is too late");
            Sent { parts: vec![(TOO_LATE, bytes)], end: End::Keep, left: no_body }
        }
        7 => {
            let bytes = framed(answer, random);
            let parts = bytes.chunks(1 + bytes.len() / 4).map(|part| (30, part.to_vec())).collect();
            Sent { parts, end: End::Keep, left: no_body }
        }
        8 => {
            let interim = ["100 Continue", "102 Processing", "103 Early Hints\r\nlink: </x>"];
            let lines: String =
                (0..1 + random.below(3)).map(|_| format!("HTTP/1.1 {}\r\n\r\n", random.pick(&interim))).collect();
            keep([lines.as_bytes(), &framed(answer, random)].concat())
        }
        9 => {
            // Another answer behind it, at once; nobody asked for it.
            let bytes = framed(answer, random);
            Sent { left: true, ..keep([&bytes[..], &bytes[..]].concat()) }
        }
        10 | 12 | 13 if single => {
            // Another one that is late: to whom does it belong?
            let bytes = framed(answer, random);
            Sent { parts: vec![(0, bytes.clone()), (20, bytes)], end: End::Keep, left: true }
        }
        11 => {
            // Chunks that break off say so.
            let bytes = chunked(answer, random);
            let cut = bytes.len() - 5 - random.below(3);
            lost(answer, "an answer that breaks off");
            let garbage = *random.pick(&["\r\nzz\r\n", "", "\r\n-1\r\n\r\n", "\r\nffffffffffffffffff\r\n"]);
            Sent { parts: vec![(0, [&bytes[..cut], garbage.as_bytes()].concat())], end: End::Fin, left: false }
        }
        _ => {
            let bytes = garbage(answer, random);
            lost(answer, "what is not HTTP");
            Sent { parts: vec![(0, bytes)], end: *random.pick(&[End::Fin, End::Reset]), left: false }
        }
    }
}

/// As it is.
pub(crate) fn plain(answer: &Answer) -> Sent {
    let length = format!("content-length: {}\r\n", answer.body.len());
    Sent {
        parts: vec![(0, [head(answer, &length, "OK").as_bytes(), &answer.body].concat())],
        end: End::Keep,
        left: false,
    }
}

/// In one of the ways in which HTTP/1.1 delimits a body, whole.
fn framed(answer: &Answer, random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => chunked(answer, random),
        _ => {
            let length = format!("content-length: {}\r\n", answer.body.len());
            [head(answer, &length, "OK").as_bytes(), &answer.body].concat()
        }
    }
}

fn chunked(answer: &Answer, random: &mut Random) -> Vec<u8> {
    let mut bytes = head(answer, "transfer-encoding: chunked\r\n", "OK").into_bytes();
    for chunk in answer.body.chunks(1 + random.below(200)) {
        let extension = if random.percent(20) { ";a=\"b\"" } else { "" };
        bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn head(answer: &Answer, framing: &str, reason: &str) -> String {
    let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {} {reason}\r\n{headers}{framing}\r\n", answer.status)
}

/// Returns what is no answer of HTTP/1.1, or not the one that it seems to be.
fn garbage(answer: &Answer, random: &mut Random) -> Vec<u8> {
    let length = answer.body.len();
    let with = |framing: &str| [head(answer, framing, "OK").as_bytes(), &answer.body].concat();
    match random.below(10) {
        0 => with(&format!("content-length: {}\r\n", length + 1 + random.below(100))),
        1 => with(&format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 7)),
        2 => with("content-length: -1\r\n"),
        3 => with(&format!("content-length: {length}x\r\n")),
        4 => with("transfer-encoding: gzip, chunked\r\n"),
        5 => [b"HTTP/2.0 200 OK\r\n\r\n", &answer.body[..]].concat(),
        6 => [b"ICY 200 OK\r\n\r\n", &answer.body[..]].concat(),
        7 => format!("HTTP/1.1 {} OK\r\nx: {}\r\n", answer.status, "y".repeat(70_000)).into_bytes(),
        8 => (0..1 + random.below(200)).map(|_| random.next() as u8).collect(),
        _ => [b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n", &answer.body[..]].concat(),
    }
}
