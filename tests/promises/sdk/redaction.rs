//! A text of a system that shares a run of eight characters with a credential of the call is not shown, however it is
//! encoded.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use user_status::bulk::{InvalidRows, Journal, Row, Runner};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{
    AccountSystem, BoxFuture, CallOptions, CredentialSource, Error, ErrorKind, Registry, RetryPolicy, StatusChange,
};
use user_status_tests::Recorder;

type System = Box<dyn AccountSystem>;

const SYSTEMS: usize = 7;

fn system(number: usize, uri: &str, token: &str) -> (System, StatusChange) {
    let policy = RetryPolicy::never();
    let api_key = userdocks::Credentials::api_key(token, "the-id-of-an-app");
    let access = userdocks::Credentials::access_token(token);
    let userdocks = |credentials| {
        let builder = Userdocks::builder().base_url(uri).retry(policy).credentials(credentials);
        (Box::new(builder.build().unwrap()) as System, StatusChange::disable())
    };
    let akana = |media_type| {
        let credentials = akana::Credentials::session(token, "TokenID%3Dcsrf");
        let builder = Akana::builder().base_url(uri).retry(policy).tenant("acme").credentials(credentials);
        (Box::new(builder.media_type(media_type).build().unwrap()) as System, StatusChange::disable())
    };
    match number {
        0 => userdocks(api_key),
        1 => userdocks(access),
        2 => akana(akana::MediaType::Json),
        3 => akana(akana::MediaType::Xml),
        4 => {
            let builder = Mediconnect::builder().base_url(uri).retry(policy).assume_active(true);
            let builder = builder.credentials(mediconnect::Credentials::token(token));
            (Box::new(builder.build().unwrap()), StatusChange::suspend("why"))
        }
        5 => (Box::new(symphony(uri, token)), StatusChange::disable()),
        _ => {
            let builder = Clearsquare::builder().base_url(uri).retry(policy);
            let builder = builder.credentials(clearsquare::Credentials::token(token));
            (Box::new(builder.build().unwrap()), StatusChange::toggle())
        }
    }
}

fn symphony(uri: &str, token: &str) -> Symphony {
    let builder = Symphony::builder().base_url(uri).retry(RetryPolicy::never());
    builder.credentials(symphony::Credentials::session_token(token)).build().unwrap()
}

fn http(status: u16, media_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// All that can be seen of an error.
fn seen(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?} {:?}", error.request_id());
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(" {cause} {cause:?}");
        next = cause.source();
    }
    fn fault<T: Debug + serde::de::DeserializeOwned>(error: &Error) -> String {
        error.error_body::<T>().map(|fault| format!(" {fault:?}")).unwrap_or_default()
    }
    text += &fault::<symphony::types::SymphonyError>(error);
    text += &fault::<akana::types::AkanaFault>(error);
    text += &fault::<akana::types::AkanaUser>(error);
    text += &fault::<mediconnect::types::MediconnectError>(error);
    text += &fault::<userdocks::types::UserdocksError>(error);
    text += &fault::<clearsquare::types::ClearsquareResult>(error);
    text += &error.error_body::<Value>().map(|value| value.to_string()).unwrap_or_default();
    if let Some(raw) = error.raw() {
        text += &String::from_utf8_lossy(&raw.body);
        let headers =
            raw.headers.iter().map(|(name, value)| format!(" {name}: {}", String::from_utf8_lossy(value.as_bytes())));
        text.extend(headers);
    }
    text
}

/// Returns whether a text has a run of eight characters of a credential.
fn shares(text: &str, token: &str) -> bool {
    let (text, token) = (text.to_lowercase(), token.to_lowercase());
    let token: Vec<char> = token.chars().collect();
    token.windows(8).any(|run| text.contains(&run.iter().collect::<String>()))
}

// ---- the ways in which a text may be encoded ------------------------------------------------------------------------

type Encoding = (&'static str, fn(&str) -> String);

fn each(text: &str, write: impl Fn(char) -> String) -> String {
    text.chars().map(write).collect()
}

fn each_byte(text: &str, write: impl Fn(u8) -> String) -> String {
    text.bytes().map(write).collect()
}

fn base64(text: &str, alphabet: &[u8; 64], pad: bool) -> String {
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            encoded.push(char::from(alphabet[(bits >> (18 - 6 * at)) as usize & 63]));
        }
        if pad {
            encoded.push_str(&"=".repeat(3 - chunk.len()));
        }
    }
    encoded
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const ENCODINGS: &[Encoding] = &[
    ("as it is", |text| text.to_owned()),
    ("percent signs", |text| each_byte(text, |byte| format!("%{byte:02X}"))),
    ("percent signs, in lower case", |text| each_byte(text, |byte| format!("%{byte:02x}"))),
    ("some percent signs", |text| {
        let plain = |byte: u8| byte.is_ascii_alphabetic();
        each_byte(text, |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
    }),
    ("JSON", |text| each(text, |c| format!("\\u{:04x}", u32::from(c)))),
    ("JSON, in capitals", |text| each(text, |c| format!("\\u{:04X}", u32::from(c)))),
    ("backslashes", |text| each(text, |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\{c}") })),
    ("backslashes and x", |text| each_byte(text, |byte| format!("\\x{byte:02x}"))),
    ("decimal references", |text| each(text, |c| format!("&#{};", u32::from(c)))),
    ("hexadecimal references", |text| each(text, |c| format!("&#x{:X};", u32::from(c)))),
    ("long references", |text| each(text, |c| format!("&#{:07};", u32::from(c)))),
    ("entities", |text| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")),
    ("CDATA", |text| {
        let middle = text.chars().count() / 2;
        let (one, other): (String, String) = (text.chars().take(middle).collect(), text.chars().skip(middle).collect());
        format!("<![CDATA[{one}]]><![CDATA[{other}]]>")
    }),
    ("base64", |text| base64(text, STANDARD, true)),
    ("base64 for URLs", |text| base64(text, URL, false)),
    ("base64 of more", |text| base64(&format!("ab{text}c"), STANDARD, true)),
    ("base64 after a word", |text| format!("abc{}", base64(text, STANDARD, true))),
    ("base64 in lines", |text| {
        let encoded = base64(text, STANDARD, true);
        encoded.as_bytes().chunks(5).map(|line| String::from_utf8_lossy(line) + "\r\n").collect()
    }),
    ("hexadecimal", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("capitals", |text| text.to_ascii_uppercase()),
    ("within more", |text| format!("the token {text} is not valid")),
    ("but for its last character", |text| {
        let mut characters = text.chars();
        characters.next_back();
        characters.as_str().to_owned()
    }),
];

/// What leaves letters and digits only, so that credentials without eight of them are not found through it.
const SPACED: &[Encoding] = &[
    ("spaces", |text| each(text, |c| format!("{c} "))),
    ("invisible characters", |text| each(text, |c| format!("{c}\u{200b}\u{ad}"))),
    ("line ends", |text| each(text, |c| format!("{c}\r\n"))),
];

// ---- the promises ---------------------------------------------------------------------------------------------------

const TOKEN: &str = "eyJ0b2tlbiI6.Zm9v-YmFy_Kz09/x+Q";

/// The token in every encoding, alone and in every other one.
fn encoded(token: &str) -> Vec<(String, String)> {
    let all = || ENCODINGS.iter().chain(SPACED);
    let mut texts = Vec::new();
    for (first, inner) in all() {
        for (second, outer) in ENCODINGS {
            // Capitals are another text in an encoding that minds them.
            if *second == "capitals" && first != &"as it is" {
                continue;
            }
            texts.push((format!("{first}, then {second}"), outer(&inner(token))));
        }
    }
    texts
}

/// In every text that the five shapes of an error have, with a member beside it that was a hole once.
#[tokio::test]
async fn no_encoding_of_a_credential_is_shown() {
    let mut tried = 0;
    for (number, (what, text)) in encoded(TOKEN).into_iter().enumerate() {
        let refusal = json!({
            "error": text, "faultstring": text, "faultcode": "x", "message": text, "status": "error", "code": 7,
            "errors": [{ "message": text }], "nested": { text.as_str(): [text] },
        });
        let mut with_hole = refusal.to_string();
        with_hole.truncate(with_hole.len() - 1);
        let with_hole = format!("{with_hole},\"x\":\"\\ud83d\",\"y\":1e999}}");
        let xml_text = text.replace('&', "&amp;").replace('<', "&lt;");
        let xml = format!(
            "<Fault a=\"{xml_text}\"><!-- {} --><faultcode>x</faultcode><faultstring>{xml_text}</faultstring></Fault>",
            xml_text.replace('-', "")
        );
        let shapes = [
            (0, "application/json", refusal.to_string()),
            (1, "application/json", with_hole),
            (2, "application/xml", xml),
            (3, "text/html", text.clone()),
            (4, "application/json", format!("{{\"message\":\"{}", text.replace(['"', '\n', '\r'], ""))),
        ];
        // Two of them for each encoding, in turn.
        let turn = number % 5;
        for (at, media_type, body) in shapes.into_iter().cycle().skip(turn).take(2) {
            let headers =
                format!("x-request-id: {}\r\nserver: s\r\n", text.replace(['\r', '\n', '\u{200b}', '\u{ad}'], ""));
            let status = if tried % 2 == 0 { 400 } else { 200 };
            let server = Recorder::start(http(status, media_type, &headers, body.as_bytes())).await;
            let (system, change) = system(if at == 2 { 3 } else { tried % SYSTEMS }, &server.uri(), TOKEN);
            let error = system.apply("42", &change).await.unwrap_err();
            let shown = seen(&error);
            assert!(!shares(&shown, TOKEN), "{what}: {body}\n{shown}");
            assert!(!shown.contains(&text), "{what}: {body}\n{shown}");
            if at < 3 && status == 400 {
                assert!(error.to_string().contains("[redacted]"), "{what}: {body}\n{error}");
            }
            tried += 1;
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// In XML, where a text is put together of parts, and attributes and comments are texts as well.
#[tokio::test]
async fn no_form_of_xml_shows_a_credential() {
    let token = "TokenID=abc<def>&ghi\"jkl";
    let escaped = token.replace('&', "&amp;").replace('<', "&lt;");
    let (one, other) = ("TokenID=ab", "c<def>&ghi\"jkl");
    for inner in [
        format!("<faultstring>{escaped}</faultstring>"),
        format!("<faultstring><![CDATA[{token}]]></faultstring>"),
        format!("<faultstring>{one}<![CDATA[{other}]]></faultstring>"),
        format!("<faultstring>{one}<!-- x -->{}</faultstring>", other.replace('&', "&amp;").replace('<', "&lt;")),
        format!("<faultstring>{one}<?x y?>{}</faultstring>", other.replace('&', "&amp;").replace('<', "&lt;")),
        format!("<faultstring>{}</faultstring>", each(token, |c| format!("&#{};", u32::from(c)))),
        format!("<faultstring>{}</faultstring>", each(token, |c| format!("&#x{:x};", u32::from(c)))),
        format!("<faultcode>{escaped}</faultcode>"),
        format!("<deep><deeper>{escaped}</deeper></deep><faultstring>x</faultstring>"),
        format!("<faultstring a='{escaped}'>x</faultstring>"),
        format!("<faultstring>x</faultstring><!-- {token} -->"),
        format!("<faultstring>x</faultstring><?pi {token} ?>"),
        "<TokenID.abc.def.ghi.jkl>x</TokenID.abc.def.ghi.jkl>".to_owned(),
    ] {
        for root in ["Fault", "User", "TokenIDabcdefghijkl"] {
            for status in [200, 400, 500] {
                let body = format!("<?xml version=\"1.0\"?><{root}>{inner}<Disabled>true</Disabled></{root}>");
                let server = Recorder::start(http(status, "application/xml", "", body.as_bytes())).await;
                let credentials = akana::Credentials::session("another-cookie", "TokenID=abc<def>&ghi%22jkl");
                let builder = Akana::builder().base_url(server.uri()).retry(RetryPolicy::never()).tenant("acme");
                let builder = builder.credentials(credentials).media_type(akana::MediaType::Xml);
                let akana = builder.build().unwrap();
                let result = akana.apply("u", &StatusChange::disable()).await;
                let shown = match &result {
                    Ok(receipt) => {
                        format!("{receipt:?} {}", String::from_utf8_lossy(&receipt.raw.as_ref().unwrap().body))
                    }
                    Err(error) => seen(error),
                };
                let squeezed: String = shown.chars().filter(char::is_ascii_alphanumeric).collect();
                assert!(
                    !shares(&shown, token) && !shares(&squeezed, "TokenIDabcdefghijkl"),
                    "{status} {body}\n{shown}"
                );
                let typed = akana.client().get_platform_user().user_id("u").send().await;
                let typed = match typed {
                    Ok(user) => format!("{user:?}"),
                    Err(error) => format!("{error:?} {error}"),
                };
                assert!(!shares(&typed, token), "{status} {body}\n{typed}");
            }
        }
    }
}

/// Where the body limit cuts through a credential, nothing of it is left, wherever the cut is.
#[tokio::test]
async fn a_cut_leaves_no_beginning() {
    let body = json!({ "message": format!("{TOKEN}, {}", "x".repeat(500)) }).to_string();
    let start = body.find(TOKEN).unwrap();
    for encode in [0, 1] {
        let body = if encode == 1 { body.replace(TOKEN, &ENCODINGS[4].1(TOKEN)) } else { body.clone() };
        for limit in start..start + if encode == 1 { 6 } else { 1 } * TOKEN.len() + 3 {
            let server = Recorder::start(http(400, "application/json", "", body.as_bytes())).await;
            let builder = Symphony::builder().base_url(server.uri()).retry(RetryPolicy::never()).body_limit(limit);
            let symphony = builder.credentials(symphony::Credentials::session_token(TOKEN)).build().unwrap();
            let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
            let shown = seen(&error);
            assert!(!shown.contains(&TOKEN[..4]), "{limit}: {shown}");
            assert_eq!(error.kind(), ErrorKind::Rejected);
        }
    }
    // And what is shown of a long text is cut after it was looked at.
    for before in 460..505 {
        let body = json!({ "message": format!("{}{TOKEN}", "-".repeat(before)) }).to_string();
        let server = Recorder::answering(400, &body).await;
        let error = symphony(&server.uri(), TOKEN).apply("42", &StatusChange::disable()).await.unwrap_err();
        assert!(!shares(&seen(&error), TOKEN) && !error.to_string().contains(&TOKEN[..3]), "{before}: {error}");
    }
}

/// Two credentials of which one begins with the other.
#[tokio::test]
async fn of_two_credentials_neither_is_shown() {
    for (key, client) in
        [("secret-key-1", "secret-key-1-and-more-of-it"), ("secret-key-1-and-more-of-it", "secret-key-1")]
    {
        let body =
            json!({ "success": false, "error": "no: secret-key-1-and-more-of-it", "message": null, "data": null });
        let server = Recorder::answering(403, &body.to_string()).await;
        let credentials = userdocks::Credentials::api_key(key, client);
        let userdocks = Userdocks::builder().base_url(server.uri()).credentials(credentials).build().unwrap();
        let shown = seen(&userdocks.apply("u", &StatusChange::disable()).await.unwrap_err());
        assert!(!shown.contains("more") && !shown.contains("secret"), "{shown}");
    }
}

/// What a receipt or a status has of the system's words, and numbers and names.
#[tokio::test]
async fn a_success_shows_no_credential_either() {
    let number = "7512345678901";
    let body = json!({
        "id": 42, "name": TOKEN, "email": TOKEN, "role": TOKEN, "isActive": true, "isSuspended": true,
        "suspensionReason": format!("for {TOKEN}"), TOKEN: 1, "number": 7_512_345_678_901_i64, "createdAt": TOKEN,
    });
    let headers = format!("x-request-id: {TOKEN}\r\nx-{}: 1\r\n", "eyj0b2tlbii6zm9v");
    for token in [TOKEN, number] {
        let server = Recorder::start(http(200, "application/json", &headers, body.to_string().as_bytes())).await;
        let builder = Mediconnect::builder().base_url(server.uri()).assume_active(true);
        let mediconnect = builder.credentials(mediconnect::Credentials::token(token)).build().unwrap();
        let receipt = mediconnect.apply("42", &StatusChange::suspend("why")).await;
        let status = mediconnect.status("42").await.unwrap();
        let user = mediconnect.client().get_admin_user().id(42).send().await.unwrap();
        let mut shown = format!("{status} {status:?} {} {user:?}", serde_json::to_string(&status).unwrap());
        match receipt {
            Ok(receipt) => {
                let raw = receipt.raw.as_ref().unwrap();
                shown += &format!("{receipt:?} {} {:?}", String::from_utf8_lossy(&raw.body), receipt.request_id);
                shown.extend(raw.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
                assert!(token == TOKEN, "another reason is another suspension");
            }
            Err(error) => shown += &seen(&error),
        }
        assert!(!shares(&shown, token), "{shown}");
    }
    // What is not understood is shown as it came, and no credential with it.
    let server = Recorder::answering(200, &json!({ "status": TOKEN, "suspended": false }).to_string()).await;
    let status = symphony(&server.uri(), TOKEN).status("42").await.unwrap();
    assert_eq!(status.to_string(), "unknown (status: [redacted])");
}

/// What is hidden has no influence on what is concluded: an account whose id is like a credential is the same account.
#[tokio::test]
async fn what_is_hidden_is_concluded_from_all_the_same() {
    let id = "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10";
    let body = json!({ "success": true, "message": "m", "error": null, "data": { "id": id, "freezed": true } });
    let server = Recorder::answering(200, &body.to_string()).await;
    let credentials = userdocks::Credentials::api_key("a-secret-key", id);
    let userdocks = Userdocks::builder().base_url(server.uri()).credentials(credentials).build().unwrap();
    assert_eq!(userdocks.status(id).await.unwrap().enabled, Some(false));
    assert!(userdocks.status("another").await.unwrap_err().is_contradicted());
    let receipt = userdocks.apply(id, &StatusChange::disable()).await.unwrap();
    assert!(!String::from_utf8_lossy(&receipt.raw.unwrap().body).contains(id));
}

/// The credentials before the present ones are credentials of the call, too; also in what the source of others says.
#[tokio::test]
async fn earlier_credentials_of_a_call_are_not_shown() {
    struct Source(AtomicUsize, bool);
    impl CredentialSource<symphony::Credentials> for Source {
        fn credentials(
            &self,
        ) -> BoxFuture<'_, Result<symphony::Credentials, Box<dyn std::error::Error + Send + Sync>>> {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let fails = self.1;
            Box::pin(async move {
                match count {
                    0 => Ok(symphony::Credentials::session_token(TOKEN)),
                    _ if fails => Err(format!("the vault does not know {TOKEN}").into()),
                    _ => Ok(symphony::Credentials::session_token("the-other-token")),
                }
            })
        }
    }
    let server = Recorder::answering(401, &json!({ "code": 1, "message": TOKEN }).to_string()).await;
    for fails in [false, true] {
        let source = Source(AtomicUsize::new(0), fails);
        let symphony = Symphony::builder().base_url(server.uri()).credential_source(source).build().unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert!(error.is_credentials(), "{error:?}");
        assert!(!shares(&seen(&error), TOKEN), "{}", seen(&error));
    }
}

/// A journal is a file that many may read.
#[tokio::test]
async fn a_journal_holds_no_credential() {
    for (_, text) in encoded(TOKEN).into_iter().step_by(7) {
        let refusal = json!({ "code": 7, "message": text, "x": 1 }).to_string().replace("\"x\":1", "\"x\":\"\\ud83d\"");
        let headers = format!("x-request-id: {}\r\n", text.replace(['\r', '\n', '\u{200b}', '\u{ad}'], ""));
        let server = Recorder::start(http(400, "application/json", &headers, refusal.as_bytes())).await;
        let registry = Arc::new(Registry::default().with("pod", symphony(&server.uri(), TOKEN)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sqlite");
        let rows = futures_util::stream::iter([Ok(Row::new("pod", "42", StatusChange::disable()))]);
        let (journal, _) = Journal::create(&path, "test", &registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap();
        Runner::new(registry).passes(1).read_first(false).run(journal).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let kept = String::from_utf8_lossy(&bytes);
            assert!(!shares(&kept, TOKEN) && !kept.contains(&text), "{text}");
        }
    }
}

/// Words that have nothing of a credential are shown as they are.
#[tokio::test]
async fn other_texts_are_shown() {
    for text in [
        "User not found",
        "Invalid session",
        "The user lacks the required entitlement to perform this operation",
        "suspensionReason is required when suspending a user",
        "100 % of \\ & <b>bold</b> &amp; %41 \\u0041 aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk",
        "eyJ0b2t and then Zm9v-Y",
    ] {
        let server = Recorder::answering(400, &json!({ "code": 7, "message": text }).to_string()).await;
        let error = symphony(&server.uri(), TOKEN).apply("42", &StatusChange::disable()).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    // A credential of less than eight characters is not looked for: it would be found in words by chance.
    let server = Recorder::answering(400, r#"{"code":7,"message":"a session"}"#).await;
    let error = symphony(&server.uri(), "session").apply("42", &StatusChange::disable()).await.unwrap_err();
    assert!(error.to_string().contains("a session"), "{error}");
}

/// The shortest credential that is looked for, with one character that every encoding escapes, in all pairs of encodings.
#[tokio::test]
async fn eight_characters_of_which_one_is_escaped_are_not_shown() {
    const SHORT: &str = "0aAaAa!0";
    let cuts = |encoding: &&Encoding| !encoding.0.starts_with("but for") && encoding.0 != "capitals";
    for inner in ENCODINGS.iter().filter(cuts) {
        for outer in ENCODINGS.iter().filter(cuts) {
            let text = outer.1(&inner.1(SHORT));
            let server = Recorder::answering(400, &json!({ "code": 7, "message": text }).to_string()).await;
            let error = symphony(&server.uri(), SHORT).apply("42", &StatusChange::disable()).await.unwrap_err();
            let shown = seen(&error);
            assert!(shown.contains("[redacted]") && !shown.contains(&text), "{} {}: {shown}", inner.0, outer.0);
        }
    }
}

/// A credential that ends with what looks like the beginning of an escape, before a text that goes on with one, encoded in
/// another way.
#[tokio::test]
async fn a_credential_that_ends_like_an_escape_is_not_shown() {
    for (token, text) in [
        (r#"aaAAA"A\"#, r"the token aaAAA&quot;A\ is not valid"),
        (r#"aaAAA"A\"#, r"the token aaAAA%22A\x41 is not valid"),
        ("aaAAA\"A%", "the token aaAAA&quot;A%41 is not valid"),
        ("aaAAA\"A%", r"the token aaAAA\u0022A%41 is not valid"),
        ("aaAAA\"A&", "the token aaAAA%22A&amp; is not valid"),
        ("aaAAA\"A&", r"the token aaAAA\x22A&lt; is not valid"),
    ] {
        let server = Recorder::answering(400, &json!({ "code": 7, "message": text }).to_string()).await;
        let error = symphony(&server.uri(), token).apply("42", &StatusChange::disable()).await.unwrap_err();
        let shown = seen(&error);
        assert!(shown.contains("[redacted]") && !shown.contains(text), "{token} {text}: {shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any credential, in any two encodings, one of the other.
    #[test]
    fn no_credential_in_any_two_encodings_is_shown(
        token in "[!-~]{8,60}",
        inner in select(ENCODINGS),
        outer in select(ENCODINGS),
        from in 0_usize..3,
        length in 8_usize..60,
    ) {
        // A part of it, of eight characters at least.
        let from = from.min(token.len() - 8);
        let part = &token[from..(from + length).min(token.len())];
        let cuts = |encoding: &Encoding| encoding.0.starts_with("but for") || encoding.0 == "capitals";
        prop_assume!(!cuts(&inner) && !cuts(&outer));
        let text = outer.1(&inner.1(part));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let shown = runtime.block_on(async {
            let body = json!({ "code": 7, "message": text }).to_string();
            let server = Recorder::answering(400, &body).await;
            let symphony = symphony(&server.uri(), &token);
            let options = CallOptions::default();
            let error = symphony.apply_with("42", &StatusChange::disable(), options).await.unwrap_err();
            seen(&error)
        });
        prop_assert!(shown.contains("[redacted]"), "{inner:?} {outer:?} {text}: {shown}", inner = inner.0, outer = outer.0);
        prop_assert!(!shown.contains(&text), "{text}: {shown}");
    }
}
