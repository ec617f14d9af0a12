//! Who may call: every way in which credentials can be wrong, each with the code and the body of its system, and nothing
//! changed by it; and what a caller prefers to be answered.

use std::sync::LazyLock;

use serde_json::{Value, json};
use user_status_mock::{Mint, StandaloneServer, SystemKind, world};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;
use user_status_tests::{Message, send};

const JSON: (&str, &str) = ("content-type", "application/json");
const FREEZE: &str = "PUT /api/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/0";
const LOCK: &str = "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status";
const LOCKED: &str = r#"{"UserStatus":"com.soa.user.status.locked"}"#;
const DEACTIVATE: &str = "PATCH /api/admin/users/42/status";
const DISABLE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const TOGGLE: &str = "POST /api/users/manage-status";

/// The answer has that code, and is one that the contract documents for the operation.
#[track_caller]
fn documented(operation: &str, answer: &Message, status: u16) -> Value {
    assert_eq!(answer.status(), status, "{}", answer.text());
    let contract = Contract::embedded();
    let response = &contract.operation(operation).unwrap().responses[&status];
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Contract::embedded()).unwrap());
    let violations = VALIDATOR.validate(&response.content[0].schema, &answer.json());
    assert!(violations.is_empty(), "{violations:?}");
    answer.json()
}

/// A token of a system that the mock has signed, as `Authorization` has it.
fn bearer(server: &StandaloneServer, mint: Mint) -> String {
    let made = server.mint(&mint).unwrap();
    format!("Bearer {}", made.get("bearer").unwrap())
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", signature.chars().rev().collect::<String>())
}

fn unchanged(server: &StandaloneServer) {
    for (system, user) in [
        (SystemKind::Userdocks, world::USERDOCKS_USER.to_owned()),
        (SystemKind::Akana, world::AKANA_USER.to_owned()),
        (SystemKind::Mediconnect, world::MEDICONNECT_USER.to_string()),
        (SystemKind::Symphony, world::SYMPHONY_USER.to_string()),
        (SystemKind::Clearsquare, world::CLEARSQUARE_USER.to_owned()),
    ] {
        let status = server.status(system, &user).unwrap();
        assert_eq!((status.enabled, status.locked.unwrap_or_default()), (Some(true), false), "{system}");
    }
}

#[tokio::test]
async fn userdocks() {
    let server = StandaloneServer::start().await.unwrap();
    let known = server.credentials().userdocks;
    let mint = |user: &str| Mint::new(SystemKind::Userdocks).user(user);
    let own = bearer(&server, mint(world::USERDOCKS_USER));
    let expired = bearer(&server, mint(world::USERDOCKS_USER).expires_in(0));
    let unentitled = bearer(&server, mint(world::USERDOCKS_USER).unentitled());
    let others = bearer(&server, mint(world::USERDOCKS_SECOND_USER));
    let foreign = bearer(&server, Mint::new(SystemKind::Mediconnect).user(world::USERDOCKS_USER));
    let (write, read) = (("x-api-key", known.api_key.as_str()), ("x-api-key", known.read_key.as_str()));
    let (kind, app) = (("x-api-key-type", "write"), ("x-client-id", known.client_id.as_str()));
    fn token(token: &str) -> (&str, &str) {
        ("authorization", token)
    }
    let forged = forged(&own);
    for (headers, status, error) in [
        (&[][..], 401, "X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE are required, or Authorization"),
        (&[write, kind], 401, "X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE are required, or Authorization"),
        (&[write, write, kind, app], 401, "X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE are required, or Authorization"),
        (&[("x-api-key", "wrong"), kind, app], 401, "the API key is not valid"),
        (&[write, kind, ("x-client-id", "another")], 401, "X-CLIENT-ID is not that of an app"),
        (&[write, ("x-api-key-type", "read"), app], 401, "X-API-KEY-TYPE is not the type of this key"),
        (&[read, ("x-api-key-type", "read"), app], 403, "an API key of type write is needed"),
        (&[token("Bearer")], 401, "Authorization must be `Bearer` and a token"),
        (&[token("Basic dTpw")], 401, "Authorization must be `Bearer` and a token"),
        (&[token(&forged)], 401, "the access token is not valid"),
        (&[token(&foreign)], 401, "the access token is not valid"),
        (&[token(&expired)], 401, "the access token has expired"),
        (&[token(&unentitled)], 403, "the user needs permissions to change the access status"),
        (&[token(&others)], 403, "the access token belongs to another user"),
    ] {
        let answer = send(&server.root(), FREEZE, headers, "").await;
        assert_eq!(documented("setAccessStatus", &answer, status)["error"], error);
    }
    unchanged(&server);
    // Something beside a token that is enough is not in its way.
    let answer = send(&server.root(), FREEZE, &[token(&own), app], "").await;
    documented("setAccessStatus", &answer, 200);
}

#[tokio::test]
async fn akana() {
    let server = StandaloneServer::start().await.unwrap();
    let known = server.credentials().akana;
    let name = "AtmoAuthToken_acmepaymentscorp";
    let made = |mint: Mint| {
        let made = server.mint(&mint).unwrap();
        let value = |name: &str| made.get(name).unwrap().to_owned();
        (format!("{name}={}", value(name)), value("X-Csrf-Token_acmepaymentscorp"))
    };
    let expired = made(Mint::new(SystemKind::Akana).expires_in(0));
    let member = made(Mint::new(SystemKind::Akana).unentitled());
    let good = format!("{name}={}", known.session_cookie);
    let globex = good.replace("acmepaymentscorp", "globex");
    let wrong = format!("{name}=TokenID%3Dwrong");
    let twice = format!("{good}; {good}");
    fn csrf(value: &str) -> (&str, &str) {
        ("X-Csrf-Token_acmepaymentscorp", value)
    }
    fn cookie(value: &str) -> (&str, &str) {
        ("cookie", value)
    }
    let ours = known.csrf_token.as_str();
    for (headers, fault) in [
        (&[csrf(ours)][..], "the cookie AtmoAuthToken_acmepaymentscorp is required, once"),
        (&[cookie(&twice), csrf(ours)], "the cookie AtmoAuthToken_acmepaymentscorp is required, once"),
        (&[cookie(&globex), csrf(ours)], "the cookie AtmoAuthToken_globex is of another tenant"),
        (&[cookie(&wrong), csrf(ours)], "the session is not valid"),
        (&[cookie(&expired.0), csrf(&expired.1)], "the session has expired"),
        (&[cookie(&good)], "X-Csrf-Token_acmepaymentscorp is required, once"),
        (&[cookie(&good), ("X-Csrf-Token_globex", ours)], "the CSRF header is of another tenant"),
        (&[cookie(&good), csrf("wrong")], "X-Csrf-Token_acmepaymentscorp is not valid"),
        (&[cookie(&good), csrf(&member.1)], "X-Csrf-Token_acmepaymentscorp is not valid"),
        (&[cookie(&member.0), csrf(&member.1)], "only a Site Admin may do this"),
    ] {
        let mut all = vec![JSON];
        all.extend(headers);
        let answer = send(&server.root(), LOCK, &all, LOCKED).await;
        let body = documented("changeUserStatus", &answer, 401);
        assert!(body["faultstring"].as_str().unwrap().starts_with(fault), "{body}");
    }
    // Who calls comes before what is spoken.
    let answer = send(&server.root(), LOCK, &[cookie(&good), ("content-type", "text/plain")], "x").await;
    documented("changeUserStatus", &answer, 401);
    unchanged(&server);
    // A read needs no CSRF header.
    let answer = send(&server.root(), &LOCK.replace("PUT", "GET").replace("/status", ""), &[cookie(&good)], "").await;
    documented("getPlatformUser", &answer, 200);
}

#[tokio::test]
async fn mediconnect_symphony_and_clearsquare() {
    let server = StandaloneServer::start().await.unwrap();
    let mint = |system| Mint::new(system);
    let good = bearer(&server, mint(SystemKind::Mediconnect));
    let foreign = bearer(&server, mint(SystemKind::Clearsquare));
    let expired = bearer(&server, mint(SystemKind::Mediconnect).expires_in(-1));
    let patient = bearer(&server, mint(SystemKind::Mediconnect).unentitled());
    let raw = good.strip_prefix("Bearer ").unwrap();
    for (token, status, error) in [
        (None, 401, "No token provided"),
        (Some(raw), 401, "Authorization must be `Bearer` and a token"),
        (Some(&*forged(&good)), 401, "Invalid token"),
        (Some(&foreign), 401, "Invalid token"),
        (Some(&expired), 401, "Token expired"),
        (Some(&patient), 403, "Access denied"),
    ] {
        let headers: Vec<_> = token.map(|token| ("authorization", token)).into_iter().chain([JSON]).collect();
        let answer = send(&server.root(), DEACTIVATE, &headers, r#"{"isActive":false}"#).await;
        assert_eq!(documented("toggleUserStatus", &answer, status), json!({ "error": error }));
    }

    let session = |mint| server.mint(&mint).unwrap().get("sessionToken").unwrap().to_owned();
    let (expired, unentitled) =
        (session(mint(SystemKind::Symphony).expires_in(0)), session(mint(SystemKind::Symphony).unentitled()));
    for (token, status, message) in [
        (None, 401, "Invalid session"),
        (Some("wrong"), 401, "Invalid session"),
        (Some(&*expired), 401, "Invalid session"),
        (Some(&unentitled), 403, "The user lacks the required entitlement to perform this operation"),
    ] {
        let headers: Vec<_> = token.map(|token| ("sessionToken", token)).into_iter().chain([JSON]).collect();
        let answer = send(&server.root(), DISABLE, &headers, r#"{"status":"DISABLED"}"#).await;
        assert_eq!(documented("updateUserStatus", &answer, status)["message"], message);
    }

    let good = bearer(&server, mint(SystemKind::Clearsquare));
    let another = bearer(&server, mint(SystemKind::Clearsquare).user("another"));
    let expired = bearer(&server, mint(SystemKind::Clearsquare).expires_in(0));
    let unentitled = bearer(&server, mint(SystemKind::Clearsquare).unentitled());
    for (header, body) in [
        (None, &good),
        (Some(&forged(&good)), &forged(&good)),
        (Some(&expired), &expired),
        (Some(&unentitled), &unentitled),
        (Some(&good), &another),
    ] {
        let headers: Vec<_> =
            header.map(|header| ("authorization", header.as_str())).into_iter().chain([JSON]).collect();
        let token = body.strip_prefix("Bearer ").unwrap();
        let body = json!({ "id": world::CLEARSQUARE_USER, "token": token }).to_string();
        let answer = send(&server.root(), TOGGLE, &headers, &body).await;
        let refused = json!({ "message": "Invalid token or user ID", "status": "error" });
        assert_eq!(documented("manageUserStatus", &answer, 401), refused);
    }
    unchanged(&server);
}

/// Every example of every answer of the contract can be preferred, and changes nothing.
#[tokio::test]
async fn every_answer_of_the_contract_can_be_preferred() {
    let server = StandaloneServer::start().await.unwrap();
    let contract = Contract::embedded();
    let before = server.snapshot().to_json();
    let known = server.listed_credentials();
    let mut preferred = 0;
    for operation in contract.operations() {
        let user = server.users(operation.system).pop().unwrap();
        let values = &known[operation.system.as_str()];
        let text = |name: &str| values[name].as_str().unwrap().to_owned();
        let mut headers = vec![];
        match operation.system {
            SystemKind::Userdocks => {
                headers.extend(["X-API-KEY", "X-API-KEY-TYPE", "X-CLIENT-ID"].map(|name| (name, text(name))));
            }
            SystemKind::Akana => {
                let (cookie, csrf) = ("AtmoAuthToken_acmepaymentscorp", "X-Csrf-Token_acmepaymentscorp");
                headers.extend([("cookie", format!("{cookie}={}", text(cookie))), (csrf, text(csrf))]);
            }
            SystemKind::Symphony => headers.push(("sessionToken", text("sessionToken"))),
            _ => headers.push(("authorization", format!("Bearer {}", text("bearer")))),
        }
        let mut path = format!("{}{}", contract.base_path(operation.system), operation.path);
        for parameter in &operation.parameters {
            let value = match parameter.name.as_str() {
                "appId" => text("X-CLIENT-ID"),
                "accessStatus" => "0".to_owned(),
                _ => user.clone(),
            };
            path = path.replace(&format!("{{{}}}", parameter.name), &value);
        }
        let mut body = String::new();
        if let Some(content) = operation.request_body.as_ref().and_then(|body| body.content.first()) {
            let examples = contract.resolve(&format!("{}/examples", content.pointer)).unwrap().as_object().unwrap();
            let name = examples.keys().next().unwrap();
            let at = format!("{}/examples/{name}", content.pointer);
            let mut example = contract.resolve(&at).unwrap()["value"].clone();
            if operation.system == SystemKind::Clearsquare {
                example["token"] = values["bearer"].clone();
            }
            body = example.to_string();
            headers.push(("content-type", content.name.clone()));
        }
        for (code, response) in &operation.responses {
            let Some(content) = response.content.first() else {
                let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let prefer = format!("code={code}");
                all.push(("Prefer", &prefer));
                let answer = send(&server.root(), &format!("{} {path}", operation.method), &all, &body).await;
                assert_eq!((answer.status(), &answer.body[..]), (*code, &b""[..]), "{}", operation.id);
                assert_eq!(answer.header("preference-applied"), [prefer.as_str()]);
                preferred += 1;
                continue;
            };
            let examples = contract.resolve(&format!("{}/examples", content.pointer)).unwrap().as_object().unwrap();
            for name in examples.keys() {
                let value = &contract.resolve(&format!("{}/examples/{name}", content.pointer)).unwrap()["value"];
                for prefer in [format!("code={code}, example={name}"), format!("code={code};example=\"{name}\"")] {
                    let mut all: Vec<(&str, &str)> =
                        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    all.push(("Prefer", &prefer));
                    let answer = send(&server.root(), &format!("{} {path}", operation.method), &all, &body).await;
                    assert_eq!((answer.status(), &answer.json()), (*code, value), "{}", operation.id);
                    let applied = format!("code={code}, example={name}");
                    assert_eq!(answer.header("preference-applied"), [applied.as_str()]);
                    preferred += 1;
                }
            }
        }
        // Credentials are still checked, and what there is not is refused with what there is.
        let line = format!("{} {path}", operation.method);
        let answer = send(&server.root(), &line, &[("prefer", "code=200"), JSON], &body).await;
        assert_eq!(answer.status(), 401, "{}", operation.id);
        let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.push(("prefer", "code=418"));
        let answer = send(&server.root(), &line, &all, &body).await;
        assert_eq!((answer.status(), answer.header("preference-applied").len()), (400, 0), "{}", operation.id);
        assert!(answer.text().contains("code=200, example="), "{}", answer.text());
    }
    assert!(preferred > 80, "{preferred}");
    assert_eq!(server.snapshot().to_json(), before);
}
