//! An answer is read once, into one value: what one part of the code sees, all see.

use serde_json::{Value, json};
use user_status::systems::symphony::types::SymphonyError;
use user_status::systems::{akana, mediconnect::ActiveFlag};
use user_status::{AccountSystem, Applied, Error, ErrorKind, Proof, StatusChange};
use user_status_mock::world;
use user_status_tests::Recorder;

use crate::support::systems::{akana_builder, clearsquare, mediconnect_builder, symphony_builder, userdocks};

type System = Box<dyn AccountSystem>;
type Build = fn(&str) -> System;

fn symphony(uri: &str) -> System {
    Box::new(symphony_builder(uri).build().unwrap())
}

fn akana(uri: &str) -> System {
    Box::new(akana_builder(uri).build().unwrap())
}

fn mediconnect(uri: &str) -> System {
    Box::new(mediconnect_builder(uri).active_flag(ActiveFlag::Assume(true)).build().unwrap())
}

/// The parts of a test: how it is built, a user, a change, a yes, a no, and a read.
type Asked = (Build, &'static str, StatusChange, Value, Value, Option<Value>);

/// Each system with a plain yes, the members of a plain no, and what it reads as once the change is made.
fn systems() -> Vec<Asked> {
    let disable = StatusChange::disable;
    let user = json!({ "id": 42, "isActive": false, "isSuspended": false });
    let error = json!({ "error": "not carried out" });
    vec![
        (
            |uri| Box::new(userdocks(uri)),
            world::USERDOCKS_USER,
            disable(),
            json!({ "success": true, "message": "m", "error": null, "data": null }),
            json!({ "errors": [{ "message": "not carried out" }] }),
            Some(json!({ "success": true, "error": null, "data": { "freezed": true } })),
        ),
        (
            akana,
            "u",
            disable(),
            json!({ "UserID": "u", "Disabled": true }),
            json!({ "faultstring": "not carried out" }),
            Some(json!({ "UserID": "u", "Disabled": true })),
        ),
        (mediconnect, "42", disable(), user.clone(), error.clone(), Some(user)),
        (
            symphony,
            "42",
            disable(),
            json!({ "format": "TEXT", "message": "not carried out" }),
            json!({ "code": 500 }),
            Some(json!({ "status": "DISABLED" })),
        ),
        (
            |uri| Box::new(clearsquare(uri)),
            "634441cecbb5901d133039f8",
            StatusChange::toggle(),
            json!({ "message": "m", "status": "success" }),
            error,
            None,
        ),
    ]
}

/// An object with more at its end, as text.
fn and(value: &Value, more: &str) -> String {
    let text = value.to_string();
    format!("{},{more}}}", text.strip_suffix('}').unwrap())
}

fn both(yes: &Value, no: &Value) -> Value {
    let mut members = yes.as_object().unwrap().clone();
    members.extend(no.as_object().unwrap().clone());
    members.into()
}

async fn apply(build: Build, user: &str, change: &StatusChange, body: &str) -> Result<Proof, Error> {
    let server = Recorder::answering(200, body).await;
    build(&server.uri()).apply(user, change).await.map(|receipt| receipt.proof)
}

/// Members that one reader takes and another does not, as they are taken here.
const TAKEN: [&str; 10] = [
    r#""x":"\ud83d""#,
    r#""x":"\udc00 and \ud83d\u0041""#,
    r#""x":"\uD83D\uDE00 \\ud83d \" \ud83d""#,
    r#""\ud83d":1"#,
    r#""x":1e999"#,
    r#""x":[-1E+999,1e-999]"#,
    r#""x":123456789012345678901234567890"#,
    r#""x":"a\u0000\u007f""#,
    r#""x":{"y":[{"z":"\ude00"}]}"#,
    "\"x\"\t:\r\n \"y\"",
];

#[tokio::test]
async fn a_no_is_seen_beside_whatever_else() {
    for (build, user, change, yes, no, read) in systems() {
        for member in TAKEN {
            let body = and(&both(&yes, &no), member);
            let error = apply(build, user, &change, &body).await.expect_err(&body);
            assert_eq!(
                (error.kind(), error.applied()),
                (ErrorKind::Contradicted, Applied::Unknown),
                "{body}: {error:?}"
            );
            assert!(error.to_string().contains("not carried out") || user == "42", "{body}: {error}");

            // And a yes, an account, and a plain refusal are what they are.
            let body = and(&yes, member);
            apply(build, user, &change, &body).await.unwrap_or_else(|error| panic!("{body}: {error:?}"));
            let refusal = Recorder::answering(
                400,
                &and(
                    &json!({
                        "success": false, "error": "why", "faultcode": "why", "faultstring": "why", "message": "why",
                        "code": 7, "status": "error",
                    }),
                    member,
                ),
            )
            .await;
            let error = build(&refusal.uri()).apply(user, &change).await.unwrap_err();
            assert!(error.applied() == Applied::No && error.to_string().contains("why"), "{member}: {error:?}");
            if let Some(read) = &read {
                let body = and(read, member);
                let server = Recorder::answering(200, &body).await;
                let status =
                    build(&server.uri()).status(user).await.unwrap_or_else(|error| panic!("{body}: {error:?}"));
                assert_eq!(status.enabled, Some(false), "{body}");
                let body = and(&both(read, &no), member);
                let server = Recorder::answering(200, &body).await;
                let error = build(&server.uri()).status(user).await.expect_err(&body);
                assert_eq!((error.kind(), error.applied()), (ErrorKind::Contradicted, Applied::No), "{body}");
            }
        }
    }
}

/// What the one reader does not take is off contract, and no yes.
#[tokio::test]
async fn what_the_reader_does_not_take_is_off_contract() {
    let deep = format!("\"x\":{}{}", "[".repeat(200), "]".repeat(200));
    let deep_object = format!("\"x\":{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    for (build, user, change, yes, _, read) in systems() {
        let first = yes.as_object().unwrap().iter().next().unwrap();
        let again = format!("{}:{}", json!(first.0), first.1);
        let escaped = format!("\"\\u{:04x}{}\":{}", first.0.as_bytes()[0], &first.0[1..], first.1);
        let members = [
            (deep.as_str(), "nested too deeply"),
            (&deep_object, "nested too deeply"),
            (&again, "twice"),
            (&escaped, "twice"),
            (r#""x":1,"x":2"#, "twice"),
            (r#""x":[{"a":1,"b":{"c":null,"c":null}}]"#, "twice"),
            (r#""x":01"#, "not JSON"),
            (r#""x":1.e999"#, "not JSON"),
            (r#""x":+1"#, "not JSON"),
            (r#""x":NaN"#, "not JSON"),
            (r#""x":"\ud83""#, "not JSON"),
            (r#""x":"\q""#, "not JSON"),
            ("\"x\":\"a\nb\"", "not JSON"),
            (r#""x":'y'"#, "not JSON"),
            (r#""x":1,"#, "not JSON"),
        ];
        for (member, text) in members {
            let body = and(&yes, member);
            let error = apply(build, user, &change, &body).await.expect_err(&body);
            assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::Unknown), "{body}");
            assert!(error.to_string().contains(text), "{body}: {error}");
            // The first of a write may not be in a read.
            if let Some(read) = read.as_ref().filter(|_| !member.starts_with(&again[..3]) && member != escaped) {
                let body = and(read, member);
                let server = Recorder::answering(200, &body).await;
                let error = build(&server.uri()).status(user).await.expect_err(&body);
                assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{body}");
            }
        }
        for body in
            [format!("{yes} {yes}"), format!("{yes},"), format!("{yes}x"), format!("x{yes}"), format!("{yes}\0")]
        {
            let error = apply(build, user, &change, &body).await.expect_err(&body);
            assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::Unknown), "{body}");
        }
        // White space and a byte order mark are no part of it.
        for body in [format!("\u{feff}{yes}"), format!(" \t\r\n{yes}\r\n ")] {
            apply(build, user, &change, &body).await.unwrap_or_else(|error| panic!("{body}: {error:?}"));
        }
    }
}

/// An account whose name has half an emoji in it can be changed, with the account read first.
#[tokio::test]
async fn an_account_with_half_an_emoji_can_be_changed() {
    let body =
        r#"{"id":42,"name":"Ana \ud83d","email":"a@x.example","role":"PATIENT","isActive":true,"isSuspended":true}"#;
    let server = Recorder::answering(200, body).await;
    let mediconnect = mediconnect_builder(&server.uri()).build().unwrap();
    let receipt = mediconnect.apply("42", &StatusChange::suspend("Leave")).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    assert_eq!(server.received().len(), 2);
    assert_eq!(receipt.raw.unwrap().body, body, "it is kept as it came");
    let user = mediconnect.client().get_admin_user().id(42).send().await.unwrap().into_inner();
    assert_eq!(user.name.as_deref(), Some("Ana \u{fffd}"));
}

/// The typed fault of an error is of the same value.
#[tokio::test]
async fn a_fault_is_of_the_same_value() {
    // What cannot be read is nobody's word.
    for (body, code, applied) in [
        (r#"{"code":7,"message":"a\ud83d","x":1e999}"#, Some(7), Applied::No),
        (r#"{"code":7,"message":"a","code":8}"#, None, Applied::Unknown),
        (r#"{"code":7,"message":"a"} {}"#, None, Applied::Unknown),
    ] {
        let server = Recorder::answering(400, body).await;
        let error = symphony(&server.uri()).apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!(error.error_body::<SymphonyError>().and_then(|fault| fault.code), code, "{body}: {error:?}");
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Rejected, applied), "{body}");
    }
    let fault = "<Fault><faultcode>Client</faultcode><faultstring>a &amp; <![CDATA[<b>]]></faultstring></Fault>";
    let length = fault.len();
    let server = Recorder::start(format!(
        "HTTP/1.1 400 X\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{fault}"
    ))
    .await;
    for media_type in [akana::MediaType::Xml, akana::MediaType::Json] {
        let akana = akana_builder(&server.uri()).media_type(media_type).build().unwrap();
        let error = akana.apply("u", &StatusChange::disable()).await.unwrap_err();
        assert_eq!(error.error_body::<akana::types::AkanaFault>().unwrap().faultstring.as_deref(), Some("a & <b>"));
        assert!(error.to_string().contains("a & <b>"), "{error}");
    }
}
