//! No id leads a request to another user.

use serde_json::{Value, json};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, Error, ErrorKind, StatusChange};
use user_status_mock::{StandaloneServer, SystemKind};
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

    let scim = Scim::builder().base_url(server.uri()).credentials(scim::Credentials::bearer("t")).build().unwrap();

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
            results.push(("scim", {
                let disable = scim::types::ScimPatchOperation {
                    op: scim::ScimPatchOp::Replace,
                    path: scim::ScimPatchPath::Active,
                    value: false,
                };
                let call = scim.client().patch_scim_user().id(id);
                call.body_map(|body| body.schemas(vec![]).operations(vec![disable])).send().await.err().map(Error::from)
            }));
            results.push(("scim", scim.apply(id, &StatusChange::disable()).await.err()));
            results.push(("scim", scim.status(id).await.err()));
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

/// Names by which accounts are found are texts, and whatever is in one, it finds the user who is called so and nobody else.
#[tokio::test]
async fn a_strange_name_finds_its_owner_and_nobody_else() {
    let server = StandaloneServer::start().await.unwrap();
    let token = server.credentials().scim.token;
    let names = [
        "\"",
        "\\",
        "\\\"",
        "/",
        "..",
        "../Users",
        "a/b",
        "\u{1f600}",
        "\u{e9}t\u{e9}@acme.example",
        "e\u{301}",
        "%22",
        "a%20b",
        "a+b",
        "a&filter=x",
        "a#b",
        "a?b",
        "\"or\"userName\"pr",
        "x\")or(userName",
        "${jndi:x}",
        "\u{202e}42",
        "userName:jane@acme.example",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let user = json!({ "userName": name, "externalId": format!("\"{name}\"") });
        server.put_user(SystemKind::Scim, &format!("strange-{number}"), &user).unwrap();
    }
    let before = server.snapshot().to_json();
    let uri = server.uri(SystemKind::Scim);
    let scim = Scim::builder().base_url(uri).credentials(scim::Credentials::bearer(token)).build().unwrap();
    for (number, name) in names.into_iter().enumerate() {
        for named in [format!("userName:{name}"), format!("externalId:\"{name}\"")] {
            assert_eq!(scim.find(&named).await.unwrap(), format!("strange-{number}"), "{named}");
        }
        let nobody = format!("userName:{name}x");
        assert!(scim.apply(&nobody, &StatusChange::disable()).await.unwrap_err().is_not_found(), "{nobody}");
    }
    assert_eq!(server.snapshot().to_json(), before);
    // The change is of the one who was named.
    scim.apply_and_verify("userName:\\\"", &StatusChange::disable()).await.unwrap();
    for (number, name) in names.into_iter().enumerate() {
        let enabled = server.status(SystemKind::Scim, &format!("strange-{number}")).unwrap().enabled;
        assert_eq!(enabled, Some(name != "\\\""), "{name}");
    }
    // What is no name of anybody is refused before anything is sent.
    let sent = server.total_requests();
    for name in
        ["userName:", "userName: ", "externalId:a\nb", "userName:a\0b", &format!("userName:{}", "x".repeat(10_000))]
    {
        assert_eq!(scim.find(name).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    assert_eq!(server.total_requests(), sent);
}
