//! One request to a mock server and the answer to it, as they travel: what the benchmarks of the mock server send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a benchmark ends with.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(crate) const PATH: &str = "/pod/v1/admin/user/7215545078541/status/update";
const BODY: &str = r#"{"status":"ENABLED"}"#;
pub(crate) const JSON: &str = "application/json";
/// What every server answers.
pub(crate) const ANSWER: &str = r#"{"format":"TEXT","message":"OK"}"#;
/// The most bytes of an answer that are waited for.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The address in the first `http://127.0.0.1:PORT` of a text.
pub(crate) fn authority(text: &str) -> Result<SocketAddr> {
    let start = "http://127.0.0.1:";
    let port = text.find(start).and_then(|at| {
        let rest = &text[at + start.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<u16>().ok()
    });
    port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .ok_or_else(|| format!("no {start}PORT in {text:?}").into())
}

/// The request to every server, with this before its path.
pub(crate) fn request(world: &str, token: &str) -> Vec<u8> {
    let length = BODY.len();
    format!(
        "POST {world}{PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nsessionToken: {token}\r\ncontent-type: {JSON}\r\n\
         content-length: {length}\r\n\r\n{BODY}"
    )
    .into_bytes()
}

/// Returns whether these bytes are the whole answer; `false` if more must come.
///
/// # Errors
/// What is wrong with it, and the answer itself.
pub(crate) fn is_answer(bytes: &[u8]) -> Result<bool> {
    let wrong = |problem: &str| Err(format!("{problem}:\n{}", String::from_utf8_lossy(bytes)).into());
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() < ANSWER_LIMIT { Ok(false) } else { wrong("the head of the answer does not end") };
    };
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let length = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked("content-length:".len())?;
        let value = name.eq_ignore_ascii_case(b"content-length:").then(|| str::from_utf8(value).ok())??;
        value.trim().parse::<usize>().ok()
    });
    match length {
        None => wrong("the answer has no Content-Length"),
        Some(length) if length > ANSWER_LIMIT => wrong("the answer is too long"),
        Some(length) if body.len() < length => Ok(false),
        Some(_) if !head.starts_with(b"HTTP/1.1 200 ") => wrong("the answer is not 200"),
        Some(_) if body != ANSWER.as_bytes() => wrong("the answer is another one"),
        Some(_) => Ok(true),
    }
}

/// Sends the request, and reads the whole answer to it.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
    stream.write_all(request).await?;
    bytes.clear();
    while !is_answer(bytes)? {
        if stream.read_buf(bytes).await? == 0 {
            return Err("the connection was closed before the whole answer".into());
        }
    }
    Ok(())
}
