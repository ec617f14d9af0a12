//! The Rust client that openapi-generator makes of the contract.

use std::{env, fmt, process};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use user_status_client::apis::configuration::Configuration;
use user_status_client::apis::{
    Error, akana_api, clearsquare_api, mediconnect_api, scim_api, symphony_api, userdocks_api,
};
use user_status_client::models::{
    AkanaChangeUserStatusRequest, ClearsquareManageStatusRequest, ClearsquareOutcome,
    MediconnectToggleUserStatusRequest, ScimPatch, ScimPatchOp, ScimPatchOperation, ScimPatchPath, SymphonyAccountState,
    SymphonyUserStatus, UserdocksAccessStatus,
};

const USERDOCKS: &str = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
const AKANA: &str = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
const MEDICONNECT: i64 = 42;
const SYMPHONY: i64 = 7215545078541;
const CLEARSQUARE: &str = "634441cecbb5901d133039f8";
const SCIM: &str = "2819c223-7f76-453a-919d-413861904646";

/// Counts what is as expected, and ends the program at the first thing that is not.
#[derive(Default)]
struct Client {
    name: String,
    passed: u32,
}

impl Client {
    fn expect(&mut self, operation: &str, expected: &str, got: &str) {
        if got != expected {
            eprintln!("{}: {operation}: expected {expected}, got {got}", self.name);
            process::exit(1);
        }
        self.passed += 1;
    }

    /// `change(trusted, active)` says whether the answer confirms it; `read()` whether the account is active, or `None`
    /// if nobody can tell.
    async fn check(
        &mut self,
        operation: &str,
        change: impl AsyncFn(bool, bool) -> String,
        read: impl AsyncFn() -> Option<String>,
    ) {
        for (trusted, active, answer) in [(true, false, "true"), (true, true, "true"), (false, false, "401")] {
            let bad = if trusted { "" } else { " with a bad credential" };
            let what = format!("{operation} {}{bad}", if active { "on" } else { "off" });
            self.expect(&what, answer, &change(trusted, active).await);
            let state = read().await.unwrap_or_else(|| "no such user".to_owned());
            let expected = if trusted { active } else { true };
            self.expect(&format!("the account after {what}"), &expected.to_string(), &state);
        }
    }
}

/// Returns what a call gives: what `look` sees in its value, or the status of the client's error.
fn outcome<T, E: fmt::Debug>(result: Result<T, Error<E>>, look: impl FnOnce(T) -> bool) -> String {
    match result {
        Ok(value) => look(value).to_string(),
        Err(Error::ResponseError(refused)) => refused.status.as_u16().to_string(),
        Err(failed) => format!("{failed:?}"),
    }
}

/// A configuration with headers on every request: the client has one API key for all headers, and none for cookies.
fn with(headers: &[(&str, &str)]) -> Configuration {
    let header = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    };
    let headers: HeaderMap = headers.iter().map(header).collect();
    Configuration {
        base_path: env::var("MOCK_URL").expect("MOCK_URL"),
        client: reqwest::Client::builder().default_headers(headers).build().expect("a client"),
        ..Configuration::default()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let name = format!("openapi-generator {} rust", env::var("GENERATOR").expect("GENERATOR"));
    let mut client = Client { name, ..Client::default() };
    let credentials = env::var("CREDENTIALS").expect("CREDENTIALS");
    let credentials: Value = serde_json::from_str(&credentials).expect("JSON");
    let credential = |system: &str, name: &str, trusted: bool| match trusted {
        true => credentials[system][name].as_str().expect("a text").to_owned(),
        false => "wrong".to_owned(),
    };

    let userdocks = |trusted| {
        let names = ["X-API-KEY", "X-API-KEY-TYPE", "X-CLIENT-ID"];
        let values = names.map(|name| credential("userdocks", name, trusted || name != "X-API-KEY"));
        with(&[(names[0], &values[0]), (names[1], &values[1]), (names[2], &values[2])])
    };
    let change = async |trusted, active| {
        let status = if active { UserdocksAccessStatus::Unfreezed } else { UserdocksAccessStatus::Freezed };
        let answer = userdocks_api::set_access_status(&userdocks(trusted), USERDOCKS, status).await;
        outcome(answer, |answer| answer.success)
    };
    let read = async || {
        let answer = userdocks_api::get_user(&userdocks(true), USERDOCKS).await;
        Some(outcome(answer, |answer| !answer.data.freezed))
    };
    client.check("userdocks setAccessStatus", change, read).await;

    let akana = |trusted| {
        let session = "AtmoAuthToken_acmepaymentscorp";
        let cookie = format!("{session}={}", credential("akana", session, trusted));
        let csrf = "X-Csrf-Token_acmepaymentscorp";
        with(&[("Cookie", &cookie), (csrf, &credential("akana", csrf, true))])
    };
    let change = async |trusted, active| {
        let status = format!("com.soa.user.status.{}", if active { "enabled" } else { "locked" });
        let request = AkanaChangeUserStatusRequest::new(status);
        let answer = akana_api::change_user_status(&akana(trusted), AKANA, request).await;
        outcome(answer, |user| user.locked == Some(!active))
    };
    let read = async || {
        let answer = akana_api::get_platform_user(&akana(true), AKANA).await;
        Some(outcome(answer, |user| user.locked == Some(false)))
    };
    client.check("akana changeUserStatus", change, read).await;

    let mediconnect = |trusted| {
        let bearer_access_token = Some(credential("mediconnect", "bearer", trusted));
        Configuration { bearer_access_token, ..with(&[]) }
    };
    let change = async |trusted, active| {
        let request = MediconnectToggleUserStatusRequest {
            is_active: Some(active),
            is_suspended: Some(false),
            ..MediconnectToggleUserStatusRequest::new()
        };
        let answer = mediconnect_api::toggle_user_status(&mediconnect(trusted), MEDICONNECT, request).await;
        outcome(answer, |user| user.is_active == active)
    };
    let read = async || {
        let answer = mediconnect_api::get_admin_user(&mediconnect(true), MEDICONNECT).await;
        Some(outcome(answer, |user| user.is_active))
    };
    client.check("mediconnect toggleUserStatus", change, read).await;

    let symphony = |trusted| with(&[("sessionToken", &credential("symphony", "sessionToken", trusted))]);
    let change = async |trusted, active| {
        let status = if active { SymphonyAccountState::Enabled } else { SymphonyAccountState::Disabled };
        let request = SymphonyUserStatus { status: Some(status), ..SymphonyUserStatus::new() };
        let answer = symphony_api::update_user_status(&symphony(trusted), SYMPHONY, request).await;
        outcome(answer, |answer| answer.message.is_some())
    };
    let read = async || {
        let answer = symphony_api::get_user_status(&symphony(true), SYMPHONY).await;
        Some(outcome(answer, |user| user.status == Some(SymphonyAccountState::Enabled)))
    };
    client.check("symphony updateUserStatus", change, read).await;

    let change = async |trusted, _active| {
        let token = credential("clearsquare", "bearer", trusted);
        let configuration = Configuration { bearer_access_token: Some(token.clone()), ..with(&[]) };
        let request = ClearsquareManageStatusRequest::new(CLEARSQUARE.to_owned(), token);
        let answer = clearsquare_api::manage_user_status(&configuration, request, None).await;
        outcome(answer, |answer| answer.status == ClearsquareOutcome::Success)
    };
    // ClearSquare has no read: the server's own word, if it has one.
    let read = async || {
        let server = with(&[]);
        let url = server.base_path + "/__admin/users/clearsquare/" + CLEARSQUARE;
        let answer = server.client.get(url).send().await.expect("an answer");
        if answer.status() == 404 {
            return None;
        }
        let body: Value = serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON");
        Some(body["status"]["enabled"].to_string())
    };
    client.check("clearsquare manageUserStatus", change, read).await;

    let scim = |trusted| {
        let bearer_access_token = Some(credential("scim", "bearer", trusted));
        Configuration { bearer_access_token, ..with(&[]) }
    };
    let change = async |trusted, active| {
        let operation = ScimPatchOperation::new(ScimPatchOp::Replace, ScimPatchPath::Active, active);
        let schemas = vec!["urn:ietf:params:scim:api:messages:2.0:PatchOp".to_owned()];
        let schemas = serde_json::from_value(schemas.into()).expect("the schema of the message");
        let answer = scim_api::patch_scim_user(&scim(trusted), SCIM, ScimPatch::new(schemas, vec![operation]), None).await;
        outcome(answer, |user| user.active == Some(active))
    };
    let read = async || {
        let answer = scim_api::get_scim_user(&scim(true), SCIM, Some("active"), None).await;
        Some(outcome(answer, |user| user.active == Some(true)))
    };
    client.check("scim patchScimUser", change, read).await;

    println!("{}: {} passed", client.name, client.passed);
}
