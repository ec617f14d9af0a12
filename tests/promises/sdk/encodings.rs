//! Bodies as gateways send them: compressed although nobody asked for it, and in other character sets.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use user_status::systems::akana;
use user_status::{AccountSystem, Applied, ErrorKind, Proof, StatusChange};
use user_status_tests::Recorder;

use crate::support::systems::{akana_builder, mediconnect_builder, symphony_builder};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn server(status: u16, headers: &str, body: &[u8]) -> Recorder {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}\r\ncontent-length: {}\r\n\r\n", body.len());
    Recorder::start([head.as_bytes(), body].concat()).await
}

fn json(more: &str) -> String {
    format!("content-type: application/json\r\n{more}")
}

const YES: &[u8] = br#"{"format":"TEXT","message":"OK"}"#;

#[tokio::test]
async fn nothing_is_asked_for_and_what_comes_is_decoded() {
    for (name, body) in [
        ("content-encoding: identity", YES.to_vec()),
        ("content-encoding: gzip", gzip(YES)),
        ("content-encoding: X-GZip", gzip(YES)),
        ("content-encoding: gzip", [gzip(&YES[..10]), gzip(&YES[10..])].concat()),
        ("content-encoding: deflate", zlib(YES)),
        ("content-encoding: deflate", deflate(YES)),
        ("content-encoding: deflate, gzip", gzip(&zlib(YES))),
        ("content-encoding: identity\r\ncontent-encoding: gzip", gzip(YES)),
    ] {
        let server = server(200, &json(name), &body).await;
        let receipt = symphony_builder(&server.uri()).build().unwrap().apply("42", &StatusChange::disable()).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(receipt.proof, Proof::Accepted);
        let raw = receipt.raw.unwrap();
        assert_eq!(raw.body, YES, "{name}");
        assert!(!raw.headers.contains_key("content-encoding") || name.ends_with("identity"), "{name}");
        assert_eq!(server.only_request().header("accept-encoding"), ["identity"]);
    }
    // A refusal keeps its reason, and a no in a 200 is seen.
    let body = gzip(br#"{"code":1,"message":"no such user"}"#);
    for (status, kind) in [(400, ErrorKind::Rejected), (200, ErrorKind::Contradicted), (502, ErrorKind::Server)] {
        let server = server(status, &json("content-encoding: gzip"), &body).await;
        let symphony = symphony_builder(&server.uri()).retry(user_status::RetryPolicy::never()).build().unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("no such user"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_named() {
    let cut = &gzip(YES)[..20];
    for (name, body, text) in [
        ("br", YES, "content encoding `br`"),
        ("zstd", YES, "content encoding `zstd`"),
        ("gzip", YES, "not the gzip"),
        ("gzip", cut, "not the gzip"),
        ("deflate", YES, "not the deflate"),
        ("gzip, a\tb", YES, "content encoding `a\\tb`"),
        ("gzip,gzip,gzip,gzip,gzip,gzip", YES, "6 content encodings"),
    ] {
        let server = server(200, &json(&format!("content-encoding: {name}")), body).await;
        let symphony = symphony_builder(&server.uri()).build().unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.applied()),
            (ErrorKind::UnexpectedResponse, Applied::Unknown),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(text), "{name}: {error}");
        let read = symphony.status("42").await.unwrap_err();
        assert_eq!((read.kind(), read.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{name}: {read:?}");
    }
}

/// The limit is that of the decoded body, so that a small one cannot fill the memory.
#[tokio::test]
async fn the_limit_is_that_of_what_comes_out() {
    let bomb = gzip(&gzip(&vec![b' '; 64 << 20]));
    for (name, body) in [("gzip", gzip(&vec![b' '; 64 << 20])), ("gzip, gzip", bomb)] {
        assert!(body.len() < 100_000);
        let server = server(200, &json(&format!("content-encoding: {name}")), &body).await;
        let symphony = symphony_builder(&server.uri()).body_limit(100_000).build().unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert!(error.to_string().contains("longer than the 100000 bytes"), "{error}");
        assert_eq!((error.applied(), error.raw().unwrap().body.len()), (Applied::Unknown, 100_000));
    }
}

#[tokio::test]
async fn a_reason_is_read_in_the_character_set_that_it_has() {
    let text = r#"{"error":"Usuario inválido: señal “€”"}"#;
    let latin: Vec<u8> = text
        .chars()
        .map(|c| match c {
            '“' => 0x93,
            '”' => 0x94,
            '€' => 0x80,
            c => u8::try_from(u32::from(c)).unwrap(),
        })
        .collect();
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = [&[0xff, 0xfe][..], &wide(u16::to_le_bytes)].concat();
    for (media_type, body) in [
        ("application/json; charset=utf-8", text.as_bytes().to_vec()),
        ("application/json; charset=\"UTF-8\"", ["\u{feff}", text].concat().into_bytes()),
        ("application/json; charset=windows-1252", latin.clone()),
        ("application/json;version=1;Charset=ISO-8859-1", latin.clone()),
        // Without a word of it.
        ("application/json", latin.clone()),
        ("application/json; charset=utf-8", latin.clone()),
        ("application/json; charset=utf-16le", wide(u16::to_le_bytes)),
        ("application/json; charset=utf-16be", wide(u16::to_be_bytes)),
        ("application/json", marked),
    ] {
        let server = server(403, &format!("content-type: {media_type}"), &body).await;
        let mediconnect = mediconnect_builder(&server.uri()).assume_active(true).build().unwrap();
        let error = mediconnect.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Forbidden, Applied::No), "{media_type}");
        assert!(error.to_string().contains("Usuario inválido: señal “€”"), "{media_type}: {error}");
        assert_eq!(std::str::from_utf8(&error.raw().unwrap().body).unwrap(), text, "{media_type}");
    }
    let latin_9 = [br#"{"error":"10 "#.as_slice(), &[0xa4], br#""}"#].concat();
    let server = server(403, "content-type: application/json; charset=iso-8859-15", &latin_9).await;
    let mediconnect = mediconnect_builder(&server.uri()).assume_active(true).build().unwrap();
    let error = mediconnect.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert!(error.to_string().contains("10 €"), "{error}");
}

#[tokio::test]
async fn a_yes_is_one_only_in_a_character_set_that_is_known() {
    let body = r#"{"format":"TEXT","message":"hecho é"}"#;
    let latin: Vec<u8> = body.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (charset, known) in
        [("", false), ("; charset=utf-8", false), ("; charset=iso-8859-1", true), ("; charset=koi8-r", false)]
    {
        let server = server(200, &format!("content-type: application/json{charset}"), &latin).await;
        let symphony = symphony_builder(&server.uri()).build().unwrap();
        match symphony.apply("42", &StatusChange::disable()).await {
            Ok(receipt) => assert!(known && receipt.proof == Proof::Accepted, "{charset}"),
            Err(error) => {
                assert!(
                    !known && error.is_unexpected_response() && error.applied() == Applied::Unknown,
                    "{charset}: {error:?}"
                );
                let text = if charset.contains("koi8") { "character set `koi8-r`" } else { "not UTF-8" };
                assert!(error.to_string().contains(text), "{charset}: {error}");
            }
        }
    }
    // XML says it itself.
    let xml = b"<?xml version=\"1.0\" encoding='ISO-8859-1'?><User><FirstName>Jos\xe9</FirstName><Disabled>true</Disabled></User>";
    let server = server(200, "content-type: application/xml", xml).await;
    let akana = akana_builder(&server.uri()).media_type(akana::MediaType::Xml).build().unwrap();
    assert_eq!(akana.apply("u", &StatusChange::disable()).await.unwrap().proof, Proof::Confirmed);
    let user = akana.client().get_platform_user().user_id("u").send().await.unwrap().into_inner();
    assert_eq!(user.first_name.as_deref(), Some("José"));
}

/// A gateway may add hundreds of headers; what is too much even so has words of its own.
#[tokio::test]
async fn many_headers_are_read_and_too_many_are_named() {
    let headers = |count: usize| (0..count).map(|at| format!("x-{at}: v\r\n")).collect::<String>();
    for count in [101, 300, 900] {
        let server = server(200, &json(headers(count).trim_end()), YES).await;
        let receipt = symphony_builder(&server.uri()).build().unwrap().apply("42", &StatusChange::disable()).await;
        assert_eq!(receipt.unwrap().proof, Proof::Accepted, "{count}");
    }
    let server = server(200, &json(headers(2000).trim_end()), YES).await;
    let symphony = symphony_builder(&server.uri()).retry(user_status::RetryPolicy::never()).build().unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown), "{error:?}");
    assert!(error.to_string().contains("too many headers"), "{error}");
}
