//! What the program makes of answers that are not quite what the contract says.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use common::Folder;
use serde_json::Value;

const USER: &str = "7215545078541";
const TOKEN: &str = "eyJ0b2tlbiI6.Zm9v-YmFyKz09x";

/// Symphony, with an answer for reads and one for writes.
fn pod(read: &str, write: (u16, &str)) -> Folder {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/pod", listener.local_addr().unwrap());
    let answer = |status: u16, body: &str| {
        let head = "content-type: application/json\r\nconnection: close\r\ncontent-length";
        format!("HTTP/1.1 {status} X\r\n{head}: {}\r\n\r\n{body}", body.len())
    };
    let (read, write) = (answer(200, read), answer(write.0, write.1));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut space = [0; 4096];
            let length = |text: &str| {
                let length = text.to_lowercase().split_once("content-length: ")?.1.lines().next()?.parse::<usize>();
                length.ok()
            };
            loop {
                let count = stream.read(&mut space).unwrap_or_default();
                request.extend_from_slice(&space[..count]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { if count == 0 { break } else { continue } };
                if count == 0 || body.len() >= length(head).unwrap_or_default() {
                    let answer = if head.starts_with("GET ") { &read } else { &write };
                    let _ = stream.write_all(answer.as_bytes());
                    break;
                }
            }
        }
    });
    Folder::pod(&uri, r#"session_token = { env = "POD_TOKEN" }"#)
}

/// A status that nobody knows is shown, and no script goes on as if it knew.
#[test]
fn a_status_that_was_not_understood_is_not_fine() {
    for (read, value) in [
        (r#"{"status":"TERMINATED","suspended":false}"#, "TERMINATED"),
        (r#"{"status":null,"suspended":false}"#, "null"),
        (r#"{"status":"disabled"}"#, "disabled"),
    ] {
        let folder = pod(read, (200, r#"{"message":"OK"}"#));
        let ran = folder.run(&["get", "pod", USER], &[("POD_TOKEN", TOKEN)]);
        ran.ended(4).said(&format!("unknown (status: {value})")).said("not known").kept("can sign in\n");
        let ran = folder.run(&["--json", "get", "pod", USER], &[("POD_TOKEN", TOKEN)]);
        let document: Value = serde_json::from_str(&ran.ended(4).stdout).unwrap();
        assert_eq!(document["can_sign_in"], Value::Null, "{document}");
        assert_eq!(document["account"]["unrecognized"]["status"], value, "{document}");
        let ran = folder.run(&["set", "pod", USER, "disable"], &[("POD_TOKEN", TOKEN)]);
        ran.ended(0).said("accepted").said("not understood").said(value).kept("offers no proof");
    }
}

/// A credential that the system sends back, in whatever it is encoded, is on no screen, in no document and in no journal.
#[test]
fn a_credential_that_comes_back_is_not_shown() {
    let escaped: String = TOKEN.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for text in [TOKEN, &escaped, &percent, &TOKEN[..TOKEN.len() - 1]] {
        let refusal = format!(r#"{{"code":7,"message":"{text}","x":"\ud83d"}}"#);
        let read = format!(r#"{{"status":"ENABLED","suspended":true,"suspensionReason":"{text}"}}"#);
        let folder = pod(&read, (400, &refusal));
        let runs = folder.path("runs");
        let environment = [("POD_TOKEN", TOKEN), ("USER_STATUS_RUNS", runs.to_str().unwrap())];
        let rows = folder.path("rows.csv");
        std::fs::write(&rows, format!("system,user,change\npod,{USER},disable\n")).unwrap();
        let rows = rows.to_str().unwrap();
        for arguments in [
            vec!["get", "pod", USER],
            vec!["--json", "get", "pod", USER],
            vec!["set", "pod", USER, "disable"],
            vec!["--json", "set", "pod", USER, "disable"],
            vec!["plan", rows],
            vec!["apply", rows, "--yes"],
            vec!["report", "last", "--format", "csv"],
        ] {
            let ran = folder.run(&arguments, &environment);
            ran.kept(&TOKEN[..12]).kept(&percent[..30]);
            if arguments.contains(&"set") {
                ran.ended(3).said("[redacted]");
            }
        }
        for file in std::fs::read_dir(&runs).unwrap().flatten() {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let kept = String::from_utf8_lossy(&bytes);
            assert!(!kept.contains(&TOKEN[..12]) && !kept.contains(&percent[..30]), "{:?}", file.path());
        }
    }
}
