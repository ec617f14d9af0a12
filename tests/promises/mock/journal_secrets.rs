//! The journal shows no text that has eight characters in a row in common with a credential, however it is written.

use serde_json::{Value, json};
use user_status_mock::{Expectation, Mint, Options, RequestMatcher, StandaloneServer, SystemKind, WorldState};
use user_status_tests::send;

const WORLD: &str = "
systems:
  symphony: { sessions: [{ token: Zq7-first-Session/Token_42 }, { token: Zq7-first-Session/Token_42-and-more }] }
  clearsquare: { tokens: [{ token: hunter2.Clear.Credential }] }
  akana: { sessions: [{ cookie: 'TokenID%3DqWertyUiop', csrf: 'Csrf%2BasDfghJkl' }] }
  mediconnect: { tokens: [{ token: medi.Yxcvbnm.12345 }] }
  userdocks: { keys: [{ key: uDocks-PqRstUvw, type: write }] }
";
const SECRETS: [&str; 7] = [
    "Zq7-first-Session/Token_42-and-more",
    "hunter2.Clear.Credential",
    "TokenID%3DqWertyUiop",
    "TokenID=qWertyUiop",
    "Csrf+asDfghJkl",
    "medi.Yxcvbnm.12345",
    "uDocks-PqRstUvw",
];
const LINE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const JSON: (&str, &str) = ("content-type", "application/json");

async fn server() -> StandaloneServer {
    StandaloneServer::start_with(Options::new().world(WorldState::from_yaml(WORLD).unwrap().lenient())).await.unwrap()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn unicode(text: &str) -> String {
    text.bytes().map(|byte| format!("\\u{byte:04x}")).collect()
}

fn references(text: &str) -> String {
    text.bytes().map(|byte| format!("&#x{byte:x};")).collect()
}

fn base64(text: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |bytes: &[u8]| {
        let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
        (0..=bytes.len()).map(|i| alphabet[(bits >> (18 - 6 * i)) as usize & 63] as char).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

/// The secret and what is left of it when something at either end is cut off, each written in many ways.
fn forms(secret: &str) -> Vec<String> {
    let (without_first, without_last, eight) = (&secret[1..], &secret[..secret.len() - 1], &secret[2..10]);
    vec![
        secret.to_owned(),
        eight.to_owned(),
        without_first.to_uppercase(),
        percent(&percent(without_last)),
        base64(&format!("user:{eight}")),
        base64(&base64(secret)),
        percent(&base64(without_last)),
    ]
}

/// Nothing that is shown has any of the forms in it, nor any secret once it is decoded.
#[track_caller]
fn nothing_shows(shown: &str, form: &str) {
    let flat = |text: &str| text.to_lowercase();
    for secret in SECRETS {
        for run in secret.as_bytes().windows(8).map(|run| String::from_utf8_lossy(run).into_owned()) {
            for written in [run.clone(), percent(&run), unicode(&run).replace('\\', "\\\\"), references(&run)] {
                assert!(!flat(shown).contains(&flat(&written)), "{form}: {written} of {secret} in {shown}");
            }
        }
    }
    assert!(!shown.contains(form), "{form} in {shown}");
}

async fn shown(server: &StandaloneServer) -> String {
    let listed = send(&server.root(), "GET /__admin/requests?limit=1000", &[], "").await.text();
    format!("{listed}\n{:?}", server.journal())
}

#[tokio::test]
async fn no_place_of_a_request_shows_a_credential_of_any_system_of_the_world() {
    let server = server().await;
    let good = [("sessionToken", "Zq7-first-Session/Token_42"), JSON];
    for secret in SECRETS {
        for form in forms(secret) {
            server.clear_journal();
            let root = server.root();
            // With good credentials and with none: what is in the request is no less a credential of the world.
            for headers in [&good[..], &[JSON]] {
                let target = percent(&form);
                for line in [
                    format!("{LINE}?{form}"),
                    format!("{LINE}?a={form}&{form}=1"),
                    format!("{LINE}?{form}/{target}"),
                    format!("GET /pod/v1/admin/user/{form}/status"),
                    format!("GET /pod/v1/admin/user/{target}/status"),
                    format!("GET /{form}/{target}/{form}"),
                    format!("GET /api/users/{form}"),
                ] {
                    send(&root, &line, headers, r#"{"status":"ENABLED"}"#).await;
                }
                for body in [
                    json!({ form.as_str(): 1, "status": "ENABLED" }),
                    json!({ "suspensionReason": form, "suspended": true }),
                    json!({ "suspensionReason": format!("because of {form}, and more"), "suspended": true }),
                    json!({ "status": form }),
                    json!({ form.as_str(): { form.as_str(): form } }),
                ] {
                    send(&root, LINE, headers, &body.to_string()).await;
                }
                for name in ["user-agent", "prefer", "accept", "accept-language", "x-mock-note", "origin"] {
                    send(&root, LINE, &[headers, &[(name, form.as_str())]].concat(), r#"{"status":"ENABLED"}"#).await;
                }
            }
            nothing_shows(&shown(&server).await, &form);
        }
        // As the name of a header and of a method, and escaped in JSON.
        let name: String = secret.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        server.clear_journal();
        for (line, body) in [
            (LINE, format!(r#"{{"suspended":true,"suspensionReason":"{}"}}"#, unicode(secret))),
            (LINE, format!(r#"{{"{}":1}}"#, unicode(secret))),
            (LINE, format!(r#"{{"suspended":true,"suspensionReason":"{}"}}"#, references(secret))),
            (LINE, format!(r#"{{"a":"{secret}""#)),
        ] {
            send(&server.root(), line, &[good[0], JSON, (&name, "1")], &body).await;
        }
        send(&server.root(), &LINE.replacen("POST", &name, 1), &good, "").await;
        nothing_shows(&shown(&server).await, secret);
    }
}

#[tokio::test]
async fn xml_shows_none_either() {
    let server = server().await;
    let headers =
        [("cookie", "AtmoAuthToken_acmepaymentscorp=TokenID%3DqWertyUiop"), ("content-type", "application/xml")];
    let line = "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status";
    for secret in SECRETS {
        let (one, other) = secret.split_at(5);
        for text in [
            secret.to_owned(),
            references(secret),
            format!("<![CDATA[{one}]]><![CDATA[{other}]]>"),
            format!("{one}<![CDATA[{other}]]>"),
        ] {
            let body = format!(
                "<ChangeUserStatusRequest><UserStatus>{text}</UserStatus><Comments>{text}</Comments>\
                 <a>{text}</a></ChangeUserStatusRequest>"
            );
            for accept in ["application/json", "application/xml"] {
                send(&server.root(), line, &[headers[0], headers[1], ("accept", accept)], &body).await;
            }
        }
    }
    nothing_shows(&shown(&server).await, "none");
}

/// A credential that is none of the world is one as well where it is sent as one.
#[tokio::test]
async fn a_strangers_credential_in_a_second_place_is_not_shown() {
    let server = server().await;
    let real = "a-real-Token-of-production";
    for (name, value) in [
        ("sessionToken", real.to_owned()),
        ("authorization", format!("Bearer {real}")),
        ("authorization", real.to_owned()),
        ("cookie", format!("a=b; c={real}")),
        ("x-api-key", real.to_owned()),
        ("x-csrf-token_some", real.to_owned()),
    ] {
        for place in [real.to_owned(), percent(real), base64(real), real[..real.len() - 1].to_owned()] {
            let headers = [(name, value.as_str()), JSON];
            let body = json!({ place.as_str(): 1, "suspended": true, "suspensionReason": place }).to_string();
            send(&server.root(), &format!("{LINE}?{place}"), &headers, &body).await;
            send(&server.root(), &format!("GET /{place}/{}", percent(&place)), &headers, "").await;
        }
    }
    let member = json!({ "id": "634441cecbb5901d133039f8", "token": real, "tokn": real }).to_string();
    send(&server.root(), &format!("POST /api/users/manage-status?{real}"), &[JSON], &member).await;
    let shown = shown(&server).await;
    for run in real.as_bytes().windows(8) {
        let run = String::from_utf8_lossy(run).into_owned();
        assert!(!shown.contains(&run) && !shown.contains(&percent(&run)), "{run} in {shown}");
    }
}

/// Those that were made, and those of a world that was put back.
#[tokio::test]
async fn a_credential_that_was_made_later_is_one() {
    let server = server().await;
    let made = server.mint(&Mint::new(SystemKind::Mediconnect)).unwrap();
    let bearer = made.get("bearer").unwrap().to_owned();
    send(&server.root(), &format!("GET /{bearer}"), &[], "").await;
    assert_eq!(server.journal()[0].target, "/[redacted]");
    let world = WorldState::from_yaml("systems: { symphony: { sessions: [{ token: another-one-altogether }] } }");
    server.restore(world.unwrap()).unwrap();
    send(&server.root(), "GET /another-one-altogether", &[], "").await;
    assert_eq!(server.journal()[1].target, "/[redacted]");
    server.reset();
    send(&server.root(), "GET /another-one-altogether", &[], "").await;
    send(&server.root(), "GET /hunter2.Clear.Credential/uDocks-Pq", &[], "").await;
    let targets: Vec<String> = server.journal().into_iter().map(|exchange| exchange.target).collect();
    assert_eq!(targets, ["/another-one-altogether", "/[redacted]/[redacted]"]);
}

/// The journal keeps the beginning of an answer; what the end of that cuts through is no longer known by itself.
#[tokio::test]
async fn a_credential_that_the_end_of_what_is_kept_cuts_through_is_not_shown() {
    let server = server().await;
    let secret = "hunter2.Clear.Credential";
    for written in [secret.to_owned(), percent(secret), unicode(secret), base64(secret)] {
        for shift in 0..40 {
            let body = json!({ "x": format!("{}{written}", "-".repeat(4096 - 6 - shift)) });
            let fault =
                json!({ "kind": { "response": { "status": 200, "body": body } }, "off_contract": true, "times": 1 });
            server.fault(serde_json::from_value(fault).unwrap()).unwrap();
            send(&server.root(), "GET /pod/v1/admin/user/1/status", &[], "").await;
        }
    }
    for exchange in server.journal() {
        assert!(exchange.response.len() <= 4096);
        let kept = exchange.response.trim_end_matches(|c| c != '-');
        let rest = &exchange.response[kept.len()..];
        assert!("[redacted]".starts_with(rest) || rest.starts_with("[redacted]"), "{rest}");
    }
}

/// What the tests of a team see of an expectation may have been made with a credential.
#[tokio::test]
async fn what_was_expected_shows_none() {
    let server = server().await;
    server.expect(Expectation::of(RequestMatcher::new().header("sessionToken", SECRETS[0]).user(SECRETS[1])).once());
    let failures = server.verify().unwrap_err().failures().join("\n");
    assert!(failures.contains("[redacted]"), "{failures}");
    nothing_shows(&failures, SECRETS[0]);
    let wanted = json!({ "pattern": { "user": SECRETS[1] } }).to_string();
    send(&server.root(), "GET /pod/v1/admin/user/1/status", &[], "").await;
    let verified = send(&server.root(), "POST /__admin/requests/verify", &[], &wanted).await;
    nothing_shows(&verified.text(), SECRETS[1]);
    server.reset();
    // It does not hold, and must not fail this test when the server goes.
    std::mem::forget(server);
}

/// Names that everybody knows, and what has nothing of a credential, stay as they are.
#[tokio::test]
async fn what_gives_nothing_away_is_shown() {
    let server = StandaloneServer::start().await.unwrap();
    let headers = [("sessionToken", "mock-symphony-session-token"), JSON, ("user-agent", "symphony/1.0 (clearsquare)")];
    let body = r#"{"suspended":true,"suspensionReason":"100 % of it: \"a\\b\" <![CDATA[c]]> &amp; dGhpcyBpcyBub25l"}"#;
    send(&server.root(), &format!("{LINE}?caf%C3%A9=1"), &headers, body).await;
    let exchange = &server.journal()[0];
    assert_eq!(exchange.target, "/pod/v1/admin/user/7215545078541/status/update?caf%C3%A9=[redacted]");
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(exchange.body, Some(sent));
    assert!(exchange.headers.contains(&("user-agent".to_owned(), "symphony/1.0 (clearsquare)".to_owned())));
}
