//! Everything that the README of the mock server shows is sent to a server as it stands there.

use serde_json::{Value, json};
use user_status_mock::{Fault, Options, StandaloneServer, SystemKind, WorldState};
use user_status_tests::send;

const README: &str = include_str!("../../../mock-server/README.md");

/// The rows of the table whose header starts like this, without the header.
fn rows(header: &str) -> Vec<&'static str> {
    let start = README.lines().position(|line| line.starts_with(header)).unwrap_or_else(|| panic!("{header}"));
    let rows: Vec<&str> = README.lines().skip(start + 2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 2, "{header}");
    rows
}

/// Returns what stands between backticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The blocks in this language.
fn blocks(language: &str) -> Vec<String> {
    let of = |block: &str| block.strip_prefix(language).map(|rest| rest.split("```").next().unwrap().to_owned());
    let blocks: Vec<String> = README.split("\n```").filter_map(of).filter(|block| block.starts_with('\n')).collect();
    assert!(!blocks.is_empty(), "{language}");
    blocks
}

async fn register(server: &StandaloneServer, fault: &Value) {
    let answer = send(&server.root(), "POST /__admin/faults", &[], &fault.to_string()).await;
    assert_eq!(answer.status(), 201, "{fault}: {}", answer.text());
}

/// Each kind of fault as its row has it: over the admin API, in a world's document, in a snapshot that is put back, and as a
/// step of a script.
#[tokio::test]
async fn every_fault_of_the_table_is_taken_in_every_way_in() {
    let server = StandaloneServer::start().await.unwrap();
    let mut kinds: Vec<Value> = Vec::new();
    for row in rows("| `kind` |") {
        let (first, rest) = row.trim_matches('|').split_once(" | ").unwrap();
        for text in code(first) {
            kinds.push(serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}")));
        }
        for text in code(rest).into_iter().filter(|text| text.starts_with('{') || *text == "\"missing\"") {
            kinds.push(json!({ "rate_limited": { "retry_after": serde_json::from_str::<Value>(text).unwrap() } }));
        }
    }
    // The words that the text below the table names.
    let words =
        README.split("What may be left out of ").nth(1).unwrap().split("may be left out as a whole").next().unwrap();
    kinds.extend(code(words).into_iter().map(Value::from));
    kinds.extend(code(words).into_iter().map(|word| json!({ word: {} })));
    assert!(kinds.len() > 30, "{kinds:?}");
    for kind in &kinds {
        let mut fault = json!({ "kind": kind });
        if kind.get("response").is_some() {
            let refused = send(&server.root(), "POST /__admin/faults", &[], &fault.to_string()).await;
            assert_eq!(refused.status(), 400, "{fault}");
            assert!(refused.text().contains("say `off_contract`"), "{}", refused.text());
            fault["off_contract"] = true.into();
        }
        register(&server, &fault).await;
        let parsed: Fault = serde_json::from_value(fault.clone()).unwrap();
        server.fault(parsed).unwrap();
        // JSON is YAML.
        let world = json!({ "faults": [fault] }).to_string();
        WorldState::from_yaml(&world).unwrap_or_else(|e| panic!("{world}: {e}"));
        if kind.get("script").is_none() && kind.get("quota").is_none() {
            register(&server, &json!({ "kind": { "script": [fault] } })).await;
        }
        let snapshot = send(&server.root(), "GET /__admin/snapshot", &[], "").await.text();
        assert_eq!(send(&server.root(), "PUT /__admin/snapshot", &[], &snapshot).await.status(), 204, "{fault}");
        assert_eq!(send(&server.root(), "GET /__admin/snapshot", &[], "").await.text(), snapshot, "{fault}");
        server.clear_faults();
    }
}

/// What strikes a call is what the row says.
#[tokio::test]
async fn the_faults_of_the_table_do_what_it_says() {
    let server = StandaloneServer::start().await.unwrap();
    let headers = [("sessionToken", "mock-symphony-session-token")];
    for (kind, status, content_type) in [
        (json!("rate_limited"), 429, "application/json"),
        (json!({ "unavailable": { "retry_after": { "seconds": 2 } } }), 503, "application/json"),
        (json!({ "quota": { "requests": 0, "seconds": 60 } }), 429, "application/json"),
        (json!("html_502"), 502, "text/html"),
        (json!("malformed_body"), 200, "application/json"),
        (json!({ "wrong_content_type": {} }), 200, "text/plain"),
        (json!("invalid_utf8"), 200, "application/json"),
        (json!({ "empty_body": { "status": 500 } }), 500, "application/json"),
    ] {
        register(&server, &json!({ "kind": kind, "times": 1 })).await;
        let answer = send(&server.root(), "GET /pod/v1/admin/user/7215545078541/status", &headers, "").await;
        assert_eq!((answer.status(), answer.header("content-type")), (status, vec![content_type]), "{kind}");
        server.clear_faults();
    }
}

#[tokio::test]
async fn every_document_of_the_readme_is_taken() {
    let server = StandaloneServer::start().await.unwrap();
    for block in blocks("json") {
        register(&server, &serde_json::from_str(&block).unwrap()).await;
    }
    // The ways of a SCIM service are in `mock::scim`.
    for block in blocks("yaml").iter().filter(|block| !block.contains("ways:")) {
        let world = WorldState::from_yaml(block).unwrap();
        let server = StandaloneServer::start_with(Options::new().world(world)).await.unwrap();
        assert_eq!(server.status(SystemKind::Symphony, "1001").unwrap().enabled, Some(false));
        let headers = [("sessionToken", "the-token-of-my-tests")];
        let answer = send(&server.root(), "GET /pod/v1/admin/user/1001/status", &headers, "").await;
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn every_call_of_the_admin_api_in_the_table_is_one() {
    let server = StandaloneServer::start().await.unwrap();
    let description = send(&server.root(), "GET /__admin/openapi.json", &[], "").await.json();
    let mut calls = Vec::new();
    for row in rows("| | |\n".trim_end()) {
        let mut methods: Vec<&str> = Vec::new();
        let mut last = String::new();
        for text in code(row.trim_matches('|').split(" | ").next().unwrap()) {
            let (method, path) =
                text.split_once(' ').unwrap_or(if text.starts_with('/') { ("", text) } else { (text, "") });
            methods.extend((!method.is_empty()).then_some(method));
            if path.is_empty() {
                continue;
            }
            // `…/sign-in` goes on where the one before ended, and `/find` beside it.
            let path = match path.strip_prefix('…') {
                Some(end) => format!("{last}{end}"),
                None if method.is_empty() => format!("{}{path}", last.rsplit_once('/').unwrap().0),
                None => path.to_owned(),
            };
            // A path without a method of its own is asked by the one before.
            if methods.is_empty() {
                methods.push("POST");
            }
            calls.extend(methods.drain(..).map(|method| (method.to_owned(), path.clone())));
            last = path;
        }
    }
    assert!(calls.len() > 25, "{calls:?}");
    for (method, path) in calls {
        let described = &description["paths"][format!("/__admin{path}")][method.to_lowercase()];
        assert!(described.is_object(), "{method} {path} is not described");
        let path = path.replace("{system}", "symphony").replace("{id}", "7215545078541");
        let example = &described["requestBody"]["content"]["application/json"];
        let body = if described["requestBody"].is_null() { String::new() } else { "{}".to_owned() };
        let body = if example["example"].is_null() { body } else { example["example"].to_string() };
        let answer = send(&server.root(), &format!("{method} /__admin{path}"), &[], &body).await;
        let known = described["responses"].as_object().unwrap();
        assert!(known.contains_key(&answer.status().to_string()), "{method} {path}: {}", answer.text());
        assert_ne!(answer.status(), 405, "{method} {path}");
    }
}

/// Every example and every form of a body that the description of the admin API has is accepted.
#[tokio::test]
async fn every_example_of_the_admin_api_is_accepted() {
    let server = StandaloneServer::start().await.unwrap();
    let description = send(&server.root(), "GET /__admin/openapi.json", &[], "").await.json();
    let mut sent = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            let mut content = &operation["requestBody"];
            if let Some(reference) = content["$ref"].as_str() {
                content = description.pointer(&reference[1..]).unwrap();
            }
            let content = &content["content"]["application/json"];
            let one = content.get("example").map(|example| ("the example", example));
            let many = content["examples"].as_object().into_iter().flatten();
            let many = many.map(|(name, example)| (name.as_str(), &example["value"]));
            for (name, example) in one.into_iter().chain(many) {
                let id = match name {
                    "mediconnect" | "symphony" => "1001",
                    "akana" => "a.b",
                    _ => "u-1",
                };
                let target = path.replace("{system}", name).replace("{id}", id);
                let line = format!("{} {target}", method.to_uppercase());
                let answer = send(&server.root(), &line, &[], &example.to_string()).await;
                assert!(answer.status() < 300, "{line} {example}: {}", answer.text());
                sent += 1;
            }
        }
    }
    assert!(sent > 15, "{sent}");
}

#[tokio::test]
async fn every_header_that_the_text_names_does_what_it_says() {
    let server = StandaloneServer::start().await.unwrap();
    let read = "GET /pod/v1/admin/user/7215545078541/status";
    let session = ("sessionToken", "mock-symphony-session-token");
    let preferences: Vec<&str> = code(README).into_iter().filter_map(|text| text.strip_prefix("Prefer: ")).collect();
    assert_eq!(preferences, ["code=404", "code=404, example=unknownUser", "dynamic=true"]);
    // Akana has a 404 of that name.
    let akana = [("cookie", "AtmoAuthToken_acmepaymentscorp=TokenID%3Dmock-akana-admin-session")];
    let read_akana = "GET /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
    for (preference, status) in [(preferences[0], 404), (preferences[1], 404), (preferences[2], 400)] {
        let answer = send(&server.root(), read_akana, &[akana[0], ("prefer", preference)], "").await;
        assert_eq!(answer.status(), status, "{preference}: {}", answer.text());
        assert_eq!(answer.header("preference-applied").is_empty(), status == 400, "{preference}");
    }
    for (preference, ignored) in [
        ("respond-async", "respond-async"),
        ("respond-async, wait=10", "respond-async, wait=10"),
        ("dynamic=false, return=minimal", "return=minimal"),
        ("code=200, code=500", "code=500"),
    ] {
        let answer = send(&server.root(), read, &[session, ("prefer", preference)], "").await;
        assert_eq!(answer.status(), 200, "{preference}: {}", answer.text());
        assert_eq!(answer.header("x-mock-preference-ignored"), [ignored]);
    }
    for (preference, part) in [
        ("dynamic", "`dynamic`"),
        ("Dynamic=TRUE", "`dynamic`"),
        ("code", "a value for `code`"),
        ("example=\"\"", "a value for `example`"),
        ("code=abc", "there are code=200"),
        ("example=\"a, b; c\"", "there are code=200"),
        ("code=200; example=none", "there are code=200"),
    ] {
        let answer = send(&server.root(), read, &[session, ("prefer", preference)], "").await;
        assert_eq!(answer.status(), 400, "{preference}: {}", answer.text());
        assert!(answer.text().contains(part), "{preference}: {}", answer.text());
    }
    // Named in both ways, and the same world.
    for (line, headers) in
        [("POST /__admin/faults", vec![("X-Mock-World", "NAME")]), ("POST /__world/NAME/__admin/faults", vec![])]
    {
        assert_eq!(send(&server.root(), line, &headers, r#"{"kind":"hang"}"#).await.status(), 201);
    }
    assert_eq!(
        server.engine().named_world("NAME").unwrap().snapshot().to_json()["faults"].as_array().unwrap().len(),
        2
    );
}
