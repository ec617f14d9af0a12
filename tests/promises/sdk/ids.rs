//! No id leads a request to another user.

use serde_json::{Value, json};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{Error, ErrorKind};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;
use user_status_tests::Recorder;

/// Ids that name something else when they stand in a path, and some that are merely wrong.
fn hostile() -> Vec<String> {
    let mut ids: Vec<String> = [
        "",
        ".",
        "..",
        "../admin",
        "..\\..\\admin",
        "a/b",
        "/",
        "\\",
        "%2e%2e",
        "%2E%2E%2Fadmin",
        "a%00b",
        "a\0b",
        "a\r\nb",
        "42?x=1",
        "42#x",
        "42;x=1",
        "4 2",
        " 42",
        "42\n",
        "\u{202e}42",
        "\u{ff0e}\u{ff0e}",
        "４２",
        "-1",
        "0",
        "+42",
        "0x2a",
        "1e3",
        "42.0",
        "9223372036854775808",
        "é",
    ]
    .map(str::to_owned)
    .into();
    ids.push("9".repeat(10_000));
    ids.push("a".repeat(10_000));
    ids
}

/// Those of them that are strange and still name one user only, where an id is a string.
const HARMLESS_AS_STRING: [&str; 7] = ["-1", "0", "+42", "0x2a", "1e3", "42.0", "9223372036854775808"];

#[tokio::test]
async fn a_hostile_id_is_an_error_and_nothing_reaches_the_socket() {
    let server = Recorder::answering(200, "{}").await;
    let userdocks = Userdocks::builder()
        .base_url(server.uri())
        .credentials(userdocks::Credentials::access_token("t"))
        .build()
        .unwrap();
    let akana = Akana::builder()
        .base_url(server.uri())
        .tenant("acme")
        .credentials(akana::Credentials::session("s", "c"))
        .build()
        .unwrap();
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri())
        .credentials(mediconnect::Credentials::token("t"))
        .build()
        .unwrap();
    let symphony = Symphony::builder()
        .base_url(server.uri())
        .credentials(symphony::Credentials::session_token("t"))
        .build()
        .unwrap();
    let clearsquare = Clearsquare::builder()
        .base_url(server.uri())
        .credentials(clearsquare::Credentials::token("t"))
        .build()
        .unwrap();

    let mut refused = 0;
    for id in hostile() {
        let id = id.as_str();
        let mut results: Vec<(&str, Option<Error>)> = vec![
            ("mediconnect", {
                let call = mediconnect.client().toggle_user_status().id(id).body_map(|body| body.is_active(false));
                call.send().await.err().map(Error::from)
            }),
            ("symphony", {
                let call = symphony.client().update_user_status().uid(id).body_map(|body| body.suspended(true));
                call.send().await.err().map(Error::from)
            }),
        ];
        if !HARMLESS_AS_STRING.contains(&id) {
            results.push(("userdocks", {
                let call = userdocks.client().set_access_status().user_id(id).access_status("0");
                call.send().await.err().map(Error::from)
            }));
            results.push(("akana", {
                let call = akana.client().change_user_status().user_id(id);
                call.body_map(|body| body.user_status("x")).send().await.err().map(Error::from)
            }));
            results.push(("clearsquare", {
                let call = clearsquare.client().manage_user_status().body_map(|body| body.id(id));
                call.send().await.err().map(Error::from)
            }));
        }
        for (system, error) in results {
            let error = error.unwrap_or_else(|| panic!("{system} took {id:?}"));
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{system} {id:?}: {error}");
            let text = error.to_string();
            assert!(text.contains(&format!("{system} user id must")), "{text}");
            assert!(text.len() < 300, "the text does not repeat a long id: {text}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
    assert_eq!(server.connections(), 0);

    // The server would have been reached: a good id is.
    userdocks.client().set_access_status().user_id("good").access_status("0").send().await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_other_path_parameter_is_closed_too() {
    let server = Recorder::answering(200, "{}").await;
    let userdocks = Userdocks::builder()
        .base_url(server.uri())
        .credentials(userdocks::Credentials::access_token("t"))
        .build()
        .unwrap();
    for value in ["", "2", "..", "../../x", "0/", "freezed"] {
        let call = userdocks.client().set_access_status().user_id("good").access_status(value);
        let error = Error::from(call.send().await.unwrap_err());
        assert_eq!(error.to_string(), "userdocks: invalid input: access_status: must be one of 0, 1");
    }
    assert_eq!(server.connections(), 0);
}

/// The SDK's hand-written rule and the contract's pattern are the same rule.
#[test]
fn the_rule_of_the_sdk_is_that_of_the_contract() {
    let validator = Validator::new(Contract::embedded()).unwrap();
    let by_contract =
        |schema: &str, value: Value| validator.validate(&format!("/components/schemas/{schema}"), &value).is_empty();

    let mut strings = hostile();
    strings.extend(["a", "a.b", ".a", "..a", "...", "a..", "homer.globex", "x@y.example"].map(str::to_owned));
    strings.push("a".repeat(128));
    strings.push("a".repeat(129));
    strings.push("é".repeat(100));
    for c in (0..=0x2ff).filter_map(char::from_u32) {
        strings.extend([c.to_string(), format!("a{c}"), format!("{c}a"), format!(".{c}"), format!("..{c}")]);
    }
    let mut good = 0;
    for text in &strings {
        let allowed = by_contract("UserdocksUserId", json!(text));
        good += usize::from(allowed);
        assert_eq!(userdocks::UserdocksUserId::try_from(text.as_str()).is_ok(), allowed, "{text:?}");
        assert_eq!(
            akana::AkanaUserId::try_from(text.as_str()).is_ok(),
            by_contract("AkanaUserId", json!(text)),
            "{text:?}"
        );
        assert_eq!(
            clearsquare::ClearsquareUserId::try_from(text.as_str()).is_ok(),
            by_contract("ClearsquareUserId", json!(text)),
            "{text:?}"
        );
    }
    assert!(good > 300 && good < strings.len() - 300, "both answers occur: {good} of {}", strings.len());

    for number in [i64::MIN, -1, 0, 1, 42, 7_215_545_078_541, i64::MAX] {
        let allowed = by_contract("MediconnectUserId", json!(number));
        assert_eq!(allowed, number >= 1);
        assert_eq!(mediconnect::MediconnectUserId::try_from(number).is_ok(), allowed);
        assert_eq!(symphony::SymphonyUserId::try_from(number).is_ok(), by_contract("SymphonyUserId", json!(number)));
    }
}
