//! The admin API does what its own description says: every operation and every status code of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use user_status_mock::{Options, ServerOptions, StandaloneServer, SystemKind, world};
use user_status_openapi::pointer;
use user_status_openapi::validate::Validator;
use user_status_tests::{Message, send};

/// A server, its description, and which of the described answers were seen.
struct Admin {
    server: StandaloneServer,
    description: Value,
    validator: Validator,
    seen: BTreeSet<String>,
}

impl Admin {
    async fn start(options: Options) -> Admin {
        let server = StandaloneServer::start_with(options).await.unwrap();
        let description = send(&server.root(), "GET /__admin/openapi.json", &[], "").await.json();
        let validator = Validator::of_document(&description, schemas(&description)).unwrap();
        Admin { server, description, validator, seen: BTreeSet::new() }
    }

    /// Sends a request, and holds the answer to the description.
    async fn send(&mut self, line: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        let answer = send(&self.server.root(), line, &all, body).await;
        let (method, target) = line.split_once(' ').unwrap();
        let path = target.split('?').next().unwrap();
        let template = template(&self.description, path).unwrap_or_else(|| panic!("{line} is described"));
        let at =
            format!("{}/{}/responses/{}", pointer::join("/paths", &template), method.to_lowercase(), answer.status());
        let described = resolve(&self.description, &at).unwrap_or_else(|| panic!("{at}: {}", answer.text()));
        match resolve(&self.description, &format!("{described}/content/application~1json/schema")) {
            Some(schema) => {
                assert_eq!(answer.header("content-type"), ["application/json"]);
                let violations = self.validator.validate(&schema, &answer.json());
                assert!(violations.is_empty(), "{line}: {violations:?} in {}", answer.text());
            }
            None if answer.status() == 204 => assert!(answer.body.is_empty()),
            None => {}
        }
        self.seen.insert(at);
        answer
    }

    async fn json(&mut self, line: &str, body: Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.send(line, &[], &text).await;
        assert!(answer.status() < 300, "{line}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// The request is refused with this code, and the error says this.
    async fn refused(&mut self, line: &str, body: &str, status: u16, part: &str) {
        let answer = self.send(line, &[], body).await;
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(answer.status(), status, "{line}: {error}");
        assert!(error.contains(part), "{line}: {error}");
    }
}

fn schemas(description: &Value) -> Vec<String> {
    answers(description)
        .iter()
        .filter_map(|at| {
            let response = resolve(description, at).unwrap();
            resolve(description, &format!("{response}/content/application~1json/schema"))
        })
        .collect()
}

/// The JSON pointers of all described answers.
fn answers(description: &Value) -> Vec<String> {
    let mut answers = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            for code in operation["responses"].as_object().unwrap().keys() {
                answers.push(format!("{}/{method}/responses/{code}", pointer::join("/paths", path)));
            }
        }
    }
    answers
}

/// Where the value at a pointer stands after following references.
fn resolve(description: &Value, at: &str) -> Option<String> {
    let value = description.pointer(at)?;
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => resolve(description, target.strip_prefix('#').unwrap()),
        None => Some(at.to_owned()),
    }
}

/// A request line for the operation of a described answer.
fn line_of(at: &str, code: &str) -> String {
    let operation = at.strip_prefix("/paths/").unwrap().strip_suffix(&format!("/responses/{code}")).unwrap();
    let (path, method) = operation.rsplit_once('/').unwrap();
    let path = path.replace("~1", "/").replace("{system}", "akana").replace("{id}", "1");
    format!("{} {path}", method.to_uppercase())
}

fn template(description: &Value, path: &str) -> Option<String> {
    let given: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || w.starts_with('{'))
    };
    let paths = description["paths"].as_object().unwrap();
    let exact = paths.keys().find(|template| *template == path);
    exact.or_else(|| paths.keys().find(fits)).cloned()
}

#[tokio::test]
async fn every_operation_and_every_code_of_the_description() {
    let mut admin = Admin::start(Options::new()).await;

    assert_eq!(admin.json("GET /__admin/health", Value::Null).await["status"], "ok");
    let yaml = admin.send("GET /__admin/openapi.yaml", &[], "").await;
    assert_eq!((yaml.status(), yaml.header("content-type")), (200, vec!["application/yaml"]));
    admin.json("GET /__admin/openapi.json", Value::Null).await;

    // Credentials, and a call with those that were made.
    let known = admin.json("GET /__admin/credentials", Value::Null).await;
    assert_eq!(known["userdocks"]["X-API-KEY-TYPE"], "write");
    let made = admin.json("POST /__admin/tokens", json!({ "system": "symphony", "expires_in": 60 })).await;
    let session = made["credentials"]["sessionToken"].as_str().unwrap().to_owned();
    admin.refused("POST /__admin/tokens", r#"{"system":"okta"}"#, 400, "userdocks, akana").await;
    let line = format!("POST /pod/v1/admin/user/{}/status/update", world::SYMPHONY_USER);
    let change = async |server: &StandaloneServer, body: &str| {
        let headers = [("sessionToken", session.as_str()), ("content-type", "application/json")];
        send(&server.root(), &line, &headers, body).await.status()
    };
    assert_eq!(change(&admin.server, r#"{"status":"DISABLED"}"#).await, 200);

    // Users.
    let user = format!("/__admin/users/symphony/{}", world::SYMPHONY_USER);
    assert_eq!(admin.json("GET /__admin/users", Value::Null).await["clearsquare"].as_array().unwrap().len(), 1);
    assert_eq!(admin.json("GET /__admin/users/symphony", Value::Null).await.as_array().unwrap().len(), 3);
    admin.refused("GET /__admin/users/okta", "", 404, "unknown system").await;
    assert_eq!(admin.json(&format!("GET {user}"), Value::Null).await["status"]["enabled"], false);
    admin.refused("GET /__admin/users/symphony/5", "", 404, "symphony has no user `5`").await;
    let put = [
        ("userdocks/u-1", json!({ "freezed": true })),
        ("akana/a.b", json!({ "Disabled": true })),
        ("mediconnect/9", json!({ "isActive": false })),
        ("symphony/9", json!({ "status": "DISABLED" })),
        ("clearsquare/c-1", json!({ "active": false })),
    ];
    for (path, body) in put {
        let listed = admin.json(&format!("PUT /__admin/users/{path}"), body).await;
        assert_eq!(listed["status"]["enabled"], false, "{listed}");
    }
    admin.refused("PUT /__admin/users/symphony/9", r#"{"status":"GONE"}"#, 400, "/status: unknown variant").await;
    admin.refused("PUT /__admin/users/akana/a.b", r#"{"Locked":1}"#, 400, "/Locked must be boolean, is number").await;
    admin.refused("PUT /__admin/users/akana/a%2Fb", "{}", 400, "AkanaUserId").await;
    admin.refused("PUT /__admin/users/mediconnect/x", "{}", 400, "the id must be an integer").await;
    admin.refused("PUT /__admin/users/okta/9", "{}", 404, "unknown system").await;
    assert_eq!(
        admin.server.status(SystemKind::Akana, "a.b").unwrap().enabled,
        Some(false),
        "what was refused changed nothing"
    );
    admin.json("DELETE /__admin/users/symphony/9", Value::Null).await;
    admin.refused("DELETE /__admin/users/symphony/9", "", 404, "no user").await;

    // The clock, and a suspension that reads as one until the user signs in.
    admin.json("PUT /__admin/clock", json!({ "now": "2026-01-01T00:00:00Z" })).await;
    admin.refused("PUT /__admin/clock", r#"{"now":"noon"}"#, 400, "now").await;
    assert_eq!(
        admin.json("GET /__admin/clock", Value::Null).await,
        json!({ "now": "2026-01-01T00:00:00Z", "frozen": true })
    );
    let until = "2026-01-01T01:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let suspend = json!({ "suspended": true, "suspendedUntil": until, "suspensionReason": "why" }).to_string();
    assert_eq!(change(&admin.server, &suspend).await, 200);
    for (seconds, afterwards) in [(3599, true), (1, false)] {
        admin.json("POST /__admin/clock/advance", json!({ "seconds": seconds })).await;
        assert_eq!(admin.json(&format!("GET {user}"), Value::Null).await["status"]["suspended"]["active"], true);
        let signed_in = admin.json(&format!("POST {user}/sign-in"), Value::Null).await;
        assert_eq!(signed_in["status"]["suspended"]["active"], afterwards);
    }
    admin.refused("POST /__admin/clock/advance", r#"{"seconds":"1"}"#, 400, "seconds").await;
    admin.refused("POST /__admin/users/symphony/5/sign-in", "", 404, "no user").await;
    // The session was made for a minute of the machine's time, and is as good on a clock that was put back.
    assert_eq!(change(&admin.server, r#"{"status":"ENABLED"}"#).await, 200);
    assert_eq!(admin.json("DELETE /__admin/clock", Value::Null).await["frozen"], false);
    admin.json("POST /__admin/clock/advance", json!({ "seconds": 61 })).await;
    assert_eq!(change(&admin.server, r#"{"status":"ENABLED"}"#).await, 401, "it has expired");

    // Faults.
    let id =
        admin.json("POST /__admin/faults", json!({ "kind": "hang", "on": { "system": "akana" } })).await["id"].clone();
    admin.json("POST /__admin/faults", json!({ "kind": { "delay": { "milliseconds": 0 } } })).await;
    let off = r#"{"kind":{"response":{"status":502}}}"#;
    admin.refused("POST /__admin/faults", off, 400, "has no 502; say `off_contract`").await;
    assert_eq!(admin.json("GET /__admin/faults", Value::Null).await["faults"][0]["id"], id);
    admin.json(&format!("DELETE /__admin/faults/{id}"), Value::Null).await;
    admin.refused(&format!("DELETE /__admin/faults/{id}"), "", 404, "no fault").await;
    assert_eq!(admin.json("GET /__admin/faults", Value::Null).await["faults"].as_array().unwrap().len(), 1);
    admin.json("DELETE /__admin/faults", Value::Null).await;
    assert_eq!(admin.json("GET /__admin/faults", Value::Null).await, json!({ "faults": [] }));

    // Requests.
    let requests = admin.json("GET /__admin/requests?limit=2", Value::Null).await;
    assert_eq!((requests["requests"].as_array().unwrap().len(), &requests["total"]), (2, &json!(4)));
    assert_eq!(requests["requests"][0]["response"]["status"], 401, "the newest comes first");
    admin.refused("GET /__admin/requests?limit=x", "", 400, "`limit`").await;
    admin.refused("GET /__admin/requests?status=200", "", 400, "`limit=N`").await;
    let disables = json!({ "operation": "updateUserStatus", "body": { "status": "DISABLED" } });
    assert_eq!(admin.json("POST /__admin/requests/count", disables.clone()).await, json!({ "count": 1, "dropped": 0 }));
    admin.refused("POST /__admin/requests/count", r#"{"opration":"x"}"#, 400, "unknown field").await;
    let found = admin.json("POST /__admin/requests/find", disables.clone()).await;
    assert_eq!(found["requests"][0]["after"]["enabled"], false);
    admin.refused("POST /__admin/requests/find", "[", 400, "must be JSON").await;
    let verified = admin.json("POST /__admin/requests/verify", json!({ "pattern": disables, "most": 1 })).await;
    assert_eq!(verified, json!({ "verified": true, "count": 1, "dropped": 0 }));
    let wanted = json!({ "user": "7", "operation": "updateUserStatus", "status": 401 });
    let verified = admin.json("POST /__admin/requests/verify", json!({ "pattern": wanted })).await;
    assert_eq!((&verified["verified"], &verified["nearest"]["request"]["id"]), (&json!(false), &json!(4)));
    assert_eq!(verified["nearest"]["differences"], json!(["user is 7215545078541, not 7"]));
    admin.refused("POST /__admin/requests/verify", "", 400, "must have a JSON body").await;
    admin.json("DELETE /__admin/requests", Value::Null).await;
    assert_eq!(admin.json("GET /__admin/requests", Value::Null).await["total"], 0);

    // The whole world.
    let snapshot = admin.json("GET /__admin/snapshot", Value::Null).await;
    admin.json("PUT /__admin/snapshot", snapshot.clone()).await;
    assert_eq!(admin.json("GET /__admin/snapshot", Value::Null).await, snapshot);
    admin.refused("PUT /__admin/snapshot", r#"{"systems":{"okta":{}}}"#, 400, "/systems").await;
    admin.json("POST /__admin/reset", Value::Null).await;
    assert_eq!(admin.json("GET /__admin/users/symphony", Value::Null).await[2]["status"]["enabled"], true);
    admin.send("GET /__admin/credentials", &[("x-mock-world", "other")], "").await;
    assert_eq!(admin.json("GET /__admin/worlds", Value::Null).await["worlds"], json!(["default", "other"]));
    assert_eq!(admin.send("DELETE /__admin/worlds", &[("x-mock-world", "other")], "").await.status(), 204);
    admin.refused("DELETE /__admin/worlds", "", 409, "the default world stays").await;

    // With a token, and without it.
    let mut seen = admin.seen;
    let mut admin = Admin::start(Options::new().admin_token("the-admin-token")).await;
    let described = answers(&admin.description);
    for at in described.iter().filter(|at| at.ends_with("/403")) {
        let line = line_of(at, "403");
        let answer = admin.send(&line, &[("origin", "https://elsewhere.example")], "").await;
        assert_eq!(answer.status(), 403, "{line}");
    }
    for at in described.iter().filter(|at| at.ends_with("/401")) {
        let line = line_of(at, "401");
        for headers in [
            &[][..],
            &[("authorization", "Bearer the-admin-tokem")],
            &[("authorization", "Bearer the-admin-token-")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic the-admin-token")],
        ] {
            let answer = admin.send(&line, headers, "").await;
            assert_eq!((answer.status(), answer.header("www-authenticate")), (401, vec!["Bearer"]), "{line}");
        }
    }
    let headers = [("authorization", "bearer the-admin-token")];
    assert_eq!(admin.send("GET /__admin/credentials", &headers, "").await.status(), 200);
    assert_eq!(admin.send("GET /__admin/health", &[], "").await.status(), 200, "it is open");

    seen.extend(admin.seen);
    let unseen: Vec<&String> = described.iter().filter(|at| !seen.contains(*at)).collect();
    assert!(unseen.is_empty(), "no test has seen {unseen:#?}");
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_what_is() {
    let server = StandaloneServer::start().await.unwrap();
    let answer = send(&server.root(), "GET /__admin/user", &[], "").await;
    assert_eq!(answer.status(), 404);
    assert!(answer.text().contains("/__admin/users/{system}"), "{}", answer.text());
    let answer = send(&server.root(), "POST /__admin/users", &[], "").await;
    assert_eq!((answer.status(), answer.header("allow")), (405, vec!["GET"]));
    let answer = send(&server.root(), "OPTIONS /__admin/clock", &[], "").await;
    assert_eq!((answer.status(), answer.header("allow")), (204, vec!["GET, PUT, DELETE"]));
}

#[tokio::test]
async fn a_page_of_another_origin_may_call_the_operations_and_not_the_admin_api() {
    let server = StandaloneServer::start().await.unwrap();
    let own = server.root();
    let foreign = ("origin", "https://elsewhere.example");
    let answer = send(&own, "GET /pod/v1/admin/user/7215545078541/status", &[foreign], "").await;
    assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (401, vec!["*"]));
    let preflight = [
        foreign,
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,x-api-key"),
    ];
    let answer = send(&own, "OPTIONS /api/v1/users/u/access-status/1", &preflight, "").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.header("access-control-allow-headers"), ["authorization,x-api-key"]);
    assert!(answer.header("access-control-allow-methods")[0].contains("PUT"));

    // Such a request needs no preflight, and would be sent by a page's form.
    let answer = send(&own, "POST /__admin/reset", &[foreign], "").await;
    assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (403, vec![]));
    assert_eq!(send(&own, "POST /__admin/reset", &[("origin", &own)], "").await.status(), 204);
    let answer = send(&own, "OPTIONS /__admin/reset", &preflight, "").await;
    assert_eq!(answer.header("access-control-allow-methods"), Vec::<&str>::new());

    let closed = StandaloneServer::start_with(Options::new().cors(false)).await.unwrap();
    let answer = send(&closed.root(), "GET /pod/v1/admin/user/1/status", &[foreign], "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Vec::<&str>::new());
}

#[tokio::test]
async fn an_address_that_others_reach_needs_an_admin_token() {
    let open = || ServerOptions::new().listen("0.0.0.0:0".parse().unwrap());
    let error = StandaloneServer::start_with(open()).await.unwrap_err().to_string();
    assert!(error.contains("0.0.0.0:0 can be reached from other machines; set an admin token"), "{error}");
    StandaloneServer::start_with(open().engine(Options::new().admin_token("the-admin-token"))).await.unwrap();
}

/// A page whose name was made to lead to this machine is of the server's own origin. It does not know the admin token; if
/// there is none, the server must be called by its address.
#[tokio::test]
async fn a_name_that_was_made_to_lead_here_opens_nothing() {
    let open = StandaloneServer::start().await.unwrap();
    let closed = StandaloneServer::start_with(Options::new().admin_token("the-admin-token")).await.unwrap();
    let ask = async |server: &StandaloneServer, line: &str, headers: &str| {
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let text = format!("{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        answer
    };
    let token = open.credentials().symphony.session_token;
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
        let same = format!("host: {host}\r\norigin: http://{host}\r\n");
        for headers in [same, format!("host: {host}\r\n")] {
            assert!(ask(&open, "POST /__admin/reset", &headers).await.starts_with("HTTP/1.1 403 "), "{headers}");
            assert!(!ask(&open, "GET /docs", &headers).await.contains(&token), "{headers}");
        }
    }
    for host in ["127.0.0.1", "127.0.0.1:80", "[::1]:80", "localhost", "LOCALHOST:4010"] {
        let headers = format!("host: {host}\r\n");
        assert!(ask(&open, "POST /__admin/reset", &headers).await.starts_with("HTTP/1.1 204 "), "{headers}");
    }
    let known = "host: evil.example\r\nauthorization: Bearer the-admin-token\r\n";
    assert!(ask(&closed, "POST /__admin/reset", known).await.starts_with("HTTP/1.1 204 "));
    let twice = "host: localhost\r\nauthorization: Bearer the-admin-token\r\nauthorization: Bearer x\r\n";
    assert!(ask(&closed, "POST /__admin/reset", twice).await.starts_with("HTTP/1.1 401 "));

    // The page has credentials filled in for whom the admin API is open to, and for nobody else.
    let page = ask(&open, "GET /docs", "host: localhost\r\n").await;
    assert!(page.contains(&token) && page.contains("set-cookie: AtmoAuthToken_acmepaymentscorp="));
    let foreign = "host: localhost\r\norigin: https://elsewhere.example\r\n";
    for (server, headers) in [(&closed, "host: localhost\r\n"), (&open, foreign)] {
        let page = ask(server, "GET /docs", headers).await;
        assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("updateUserStatus"));
        let head = page.split("\r\n\r\n").next().unwrap();
        assert!(!page.contains(&token) && !head.contains("set-cookie") && !head.contains("access-control"), "{head}");
    }
    assert!(!format!("{closed:?} {:?}", closed.engine()).contains("the-admin-token"));
}

#[tokio::test]
async fn what_means_nothing_is_refused() {
    let mut admin = Admin::start(Options::new()).await;
    for (line, body, part) in [
        ("PUT /__admin/snapshot", "[]", "must be a JSON object"),
        ("POST /__admin/faults", r#"["reset"]"#, "must be a JSON object"),
        ("PUT /__admin/users/symphony/9", "[]", "must be a JSON object"),
        ("PUT /__admin/users/symphony/007", "{}", "must be written as 7"),
        ("PUT /__admin/users/mediconnect/9", r#"{"id":8}"#, "/id must be the id under which the user is"),
        ("PUT /__admin/users/akana/a.b", r#"{"UserID":"c.d"}"#, "/UserID must be the id under which the user is"),
        ("PUT /__admin/users/akana/a.b", r#"{"a b><x":1}"#, "is no member of a user"),
        ("PUT /__admin/users/akana/a.b", r#"{"Title":"\u0001"}"#, "/Title must not have control characters"),
        ("PUT /__admin/clock", r#"{"now":"-000001-01-01T00:00:00Z"}"#, "the years 1 to 9999"),
        ("POST /__admin/requests/count", r#"{"operation":"updateUserStatsu"}"#, "is no operation; there are"),
        ("POST /__admin/requests/verify", r#"{"least":5,"most":1}"#, "`most` must not be less than `least`"),
        (
            "POST /__admin/faults",
            r#"{"kind":{"response":{"status":200,"body":{"message":"OK"},"headers":{"Content-Type":"text/html"}}},"on":{"operation":"updateUserStatus"}}"#,
            "a content type of its own",
        ),
    ] {
        admin.refused(line, body, 400, part).await;
    }
    assert_eq!(admin.server.users(SystemKind::Symphony).len(), 3);
    // As early and as late as a clock can be, a change is answered with a date that the contract allows.
    for seconds in [i64::MIN, i64::MAX] {
        admin.json("POST /__admin/clock/advance", json!({ "seconds": seconds })).await;
        let bearer = format!("Bearer {}", admin.server.credentials().mediconnect.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer =
            send(&admin.server.root(), "PATCH /api/admin/users/42/status", &headers, r#"{"isActive":false}"#).await;
        assert!([200, 401].contains(&answer.status()), "{}", answer.text());
        admin.json("PUT /__admin/snapshot", admin.server.snapshot().to_json()).await;
        admin.json("DELETE /__admin/clock", Value::Null).await;
    }
}
