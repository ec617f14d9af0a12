//! Systems of one's own: a dialect from outside the SDK keeps every promise that a built-in system keeps, over real sockets; the
//! example compiles outside the workspace; `AccountSystem` can be implemented without HTTP.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use user_status::bulk::{InvalidRows, Journal, Row, RowState, Runner};
use user_status::dialect::{
    Before, Conventions, Dialect, HttpCredentials, HttpSystem, ReadFirst, Request, Response, Verdict,
};
use user_status::testing::{TestFailure, TestSystem};
use user_status::{
    AccountStatus, AccountSystem, Applied, BoxFuture, CallOptions, Capabilities, Change, Conclusion, Error, ErrorKind,
    Proof, Receipt, Registry, Result, RetryPolicy, StatusChange, SystemKind,
};

use crate::support::repository;
use crate::support::script::{Reply, Script, json as response};

const KIND: SystemKind = SystemKind::custom("payroll");

const TOKEN: &str = "tok-3f9a1c77e2";

/// `PUT /people/{id}/access` with `{"open": …}`; what differs from case to case is a field.
#[derive(Clone, Debug)]
struct Payroll {
    repeatable: bool,
    read_first: ReadFirst,
    refusals: &'static [(u16, Conclusion, &'static str)],
}

const PAYROLL: Payroll = Payroll {
    repeatable: true,
    read_first: ReadFirst::No,
    refusals: &[(404, Conclusion::Refused, "handbook, section 4")],
};

impl Dialect for Payroll {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Enable, Change::Disable]).with_reads(true)
    }

    fn conventions(&self) -> Conventions {
        Conventions::new()
            .with_refusals(self.refusals, |body: &Map<String, Value>| body.contains_key("error"))
            .with_rate_limit_403(|body: &Map<String, Value>| body["error"] == "rateLimitExceeded")
    }

    fn repeatable(&self, _: &StatusChange) -> bool {
        self.repeatable
    }

    fn read_first(&self, _: &StatusChange) -> ReadFirst {
        self.read_first.clone()
    }

    fn change_request(&self, user: &str, change: &StatusChange, _: Option<&Before<'_>>) -> Result<Request<'_>> {
        let body = json!({ "open": change.change() == Change::Enable });
        Ok(Request::put(&["people", user, "access"]).with_json(&body))
    }

    fn read_request(&self, user: &str) -> Result<Request<'_>> {
        Ok(Request::get(&["people", user, "access"]).with_query("full", "yes & no"))
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        let mut status = AccountStatus::default();
        status.enabled = response.flag("open", &[""], &mut status);
        Verdict::Proof(status)
    }
}

fn system(payroll: Payroll, script: &Script) -> HttpSystem<Payroll> {
    let builder = HttpSystem::speaking(payroll).base_url(format!("{}/api", script.uri));
    builder.credentials(HttpCredentials::bearer(TOKEN)).build().unwrap()
}

fn ok(open: bool) -> Vec<u8> {
    response(200, "", &json!({ "id": "4711", "open": open }).to_string())
}

fn refusal(text: &str) -> Vec<u8> {
    response(404, "", &json!({ "error": text }).to_string())
}

#[tokio::test]
async fn a_change_travels_as_the_dialect_says_and_its_response_proves_it() {
    let script = Script::start(|_, _| Reply::Kept(ok(false))).await;
    let receipt = system(PAYROLL, &script).apply("4711", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled, receipt.attempts), (Proof::Confirmed, Some(false), 1));
    let [request] = &script.requests()[..] else { panic!("{:?}", script.requests()) };
    assert!(request.starts_with("put /api/people/4711/access http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: bearer {TOKEN}\r\n")), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"open\":false}"), "{request}");
}

#[tokio::test]
async fn a_read_travels_as_the_dialect_says() {
    let script = Script::start(|_, _| Reply::Kept(ok(true))).await;
    let status = system(PAYROLL, &script).status("4711").await.unwrap();
    assert_eq!(status.enabled, Some(true));
    let requests = script.requests();
    assert!(requests[0].starts_with("get /api/people/4711/access?full=yes%20%26%20no http/1.1\r\n"), "{requests:?}");
}

/// A 403 that says that there were too many requests is one that may be asked again, also by what may not be sent twice; any other
/// 403 is not.
#[tokio::test]
async fn too_many_requests_may_come_as_a_403() {
    const REFUSALS: &[(u16, Conclusion, &str)] = &[(403, Conclusion::Refused, "handbook, section 9")];
    let too_many = || response(403, "retry-after: 0\r\n", &json!({ "error": "rateLimitExceeded" }).to_string());
    for repeatable in [true, false] {
        let payroll = || Payroll { repeatable, refusals: REFUSALS, ..PAYROLL };
        let script =
            Script::start(move |number, _| Reply::Kept(if number == 0 { too_many() } else { ok(false) })).await;
        let receipt = system(payroll(), &script).apply("4711", &StatusChange::disable()).await.unwrap();
        assert_eq!((receipt.proof, receipt.attempts), (Proof::Confirmed, 2));

        let script = Script::start(move |_, _| Reply::Kept(too_many())).await;
        let never = CallOptions::default().with_retry(RetryPolicy::never());
        let error = system(payroll(), &script).apply_with("4711", &StatusChange::disable(), never).await.unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.status()), (ErrorKind::RateLimited, Applied::No, Some(403)));

        let forbidden = response(403, "", &json!({ "error": "forbidden" }).to_string());
        let script = Script::start(move |_, _| Reply::Kept(forbidden.clone())).await;
        let error = system(payroll(), &script).apply("4711", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::Forbidden, Applied::No, 1));
    }
}

/// A dry run reads where the dialect reads first, and sends nothing that changes.
#[tokio::test]
async fn a_dry_run_sends_no_change() {
    for read_first in [ReadFirst::No, ReadFirst::Yes, ReadFirst::SkipIfSo] {
        let reads = read_first != ReadFirst::No;
        let script = Script::start(|_, _| Reply::Kept(ok(true))).await;
        let dry_run =
            system(Payroll { read_first, ..PAYROLL }, &script).dry_run("4711", &StatusChange::disable()).await.unwrap();
        let request = dry_run.request.unwrap();
        assert_eq!(request.url, format!("{}/api/people/4711/access", script.uri));
        assert_eq!(request.body.as_deref(), Some(r#"{"open":false}"#));
        assert!(!request.to_string().contains(TOKEN), "{request}");
        assert_eq!(script.requests().len(), usize::from(reads), "{:?}", script.requests());
        assert!(script.requests().iter().all(|request| request.starts_with("get ")), "{:?}", script.requests());
    }
}

#[tokio::test]
async fn an_account_that_is_so_already_is_not_sent_anything() {
    let script = Script::start(|_, _| Reply::Kept(ok(false))).await;
    let system = system(Payroll { read_first: ReadFirst::SkipIfSo, ..PAYROLL }, &script);
    let receipt = system.apply("4711", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts), (Proof::Unchanged, 0));
    assert_eq!(script.requests().len(), 1);
}

/// An id that would lead elsewhere is encoded, or refused before anything is sent.
#[tokio::test]
async fn no_id_leads_to_another_path() {
    let script = Script::start(|_, _| Reply::Kept(response(200, "", r#"{"open":false}"#))).await;
    let system = system(PAYROLL, &script);
    for id in ["", ".", "..", "a\tb", ".\n.", "a\u{7f}"] {
        let error = system.apply(id, &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::InvalidInput, Applied::No), "{id:?}");
        assert_eq!(system.check(id, &StatusChange::disable()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(system.status(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(script.requests().is_empty());
    for id in ["../admin", "a/b", "a?b=c", "a#b", "a%2fb", "a;b", "%2e%2e", "a\\b", "a b", "é"] {
        system.apply(id, &StatusChange::disable()).await.unwrap();
        let request = script.requests().pop().unwrap();
        let target = request.split(' ').nth(1).unwrap();
        let segments: Vec<&str> = target.split('/').collect();
        assert_eq!((segments.len(), segments[2], segments[4]), (5, "people", "access"), "{id:?}: {target}");
        assert!(!target.contains(['?', '#', ';', '\\']) || id.contains(';'), "{id:?}: {target}");
        let decoded = percent_decoded(segments[3]);
        assert_eq!(decoded, id, "{target}");
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let hex = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Only a refusal that the dialect documents, in the system's own words, proves that nothing was changed.
#[tokio::test]
async fn a_refusal_counts_if_the_dialect_documents_it_in_its_own_words() {
    let documented = refusal("no such person");
    let of_proxy = response(404, "", r#"{"message":"no route"}"#);
    let undocumented = response(409, "", r#"{"error":"locked by payroll"}"#);
    for (answer, applied) in [(documented, Applied::No), (of_proxy, Applied::Unknown), (undocumented, Applied::Unknown)]
    {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let script = Script::start(move |_, _| Reply::Kept(answer.clone())).await;
        let error =
            system(Payroll { repeatable: false, ..PAYROLL }, &script).apply("4711", &StatusChange::disable()).await;
        assert_eq!(error.unwrap_err().applied(), applied, "{text}");
    }
}

/// A change that the dialect does not call repeatable is sent once, however it ends; one that it does is retried.
#[tokio::test]
async fn what_may_not_be_repeated_is_sent_once() {
    for repeatable in [false, true] {
        let script = Script::start(|number, _| match number {
            0 => Reply::Closed(Vec::new()),
            _ => Reply::Kept(ok(false)),
        });
        let script = script.await;
        let result = system(Payroll { repeatable, ..PAYROLL }, &script).apply("4711", &StatusChange::disable()).await;
        match repeatable {
            true => assert_eq!(result.unwrap().attempts, 2),
            false => assert_eq!(result.unwrap_err().applied(), Applied::Unknown),
        }
        assert_eq!(script.requests().len(), 1 + usize::from(repeatable));
    }
}

/// A lost response is looked up, a response about somebody else is none, and a response that shows the contrary is none.
#[tokio::test]
async fn a_response_is_weighed_and_read_back() {
    let once = Payroll { repeatable: false, ..PAYROLL };
    let script = Script::start(|number, _| match number {
        0 => Reply::Closed(Vec::new()),
        _ => Reply::Kept(ok(false)),
    });
    let script = script.await;
    let receipt = system(once.clone(), &script).apply_and_verify("4711", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    for body in [r#"{"id":"4712","open":false}"#, r#"{"open":true}"#, r#"{"open":false,"success":false}"#] {
        let script = Script::start(move |_, _| Reply::Kept(response(200, "", body))).await;
        let error = system(once.clone(), &script).apply("4711", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Contradicted, Applied::Unknown), "{body}");
    }
}

#[tokio::test]
async fn no_text_has_the_credential() {
    let answer = refusal(&format!("bad token {TOKEN}"));
    let script = Script::start(move |_, _| Reply::Kept(answer.clone())).await;
    let system = system(PAYROLL, &script);
    let error = system.apply("4711", &StatusChange::disable()).await.unwrap_err();
    for text in [error.to_string(), format!("{error:?}"), format!("{system:?}"), format!("{:?}", error.raw())] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

/// A deadline holds for reading first and the change together.
#[tokio::test]
async fn a_deadline_holds() {
    let script = Script::start(|_, _| Reply::Never).await;
    let options = CallOptions::default().with_total_timeout(std::time::Duration::from_millis(200));
    let system = system(Payroll { read_first: ReadFirst::Yes, ..PAYROLL }, &script);
    let error = system.apply_with("4711", &StatusChange::disable(), options).await.unwrap_err();
    assert_eq!(error.applied(), Applied::No, "only the read was sent: {error}");
    assert!(script.requests().iter().all(|request| request.starts_with("get ")));
}

/// Returns what a dialect says of its own failure cannot make a call uncertain that sent nothing.
#[tokio::test]
async fn a_dialect_that_refuses_has_sent_nothing() {
    #[derive(Debug)]
    struct Refusing;
    impl Dialect for Refusing {
        fn kind(&self) -> SystemKind {
            KIND
        }
        fn capabilities(&self) -> Capabilities {
            Capabilities::new(&[Change::Disable]).with_reads(true)
        }
        fn change_request(&self, _: &str, _: &StatusChange, _: Option<&Before<'_>>) -> Result<Request<'_>> {
            Err(Error::new(ErrorKind::UnexpectedResponse, KIND, "\u{1b}[2J"))
        }
        fn read_request(&self, _: &str) -> Result<Request<'_>> {
            // A read that is no GET could not be told from a change.
            Ok(Request::post(&["search"]))
        }
        fn verdict(&self, _: &Response<'_>) -> Verdict {
            Verdict::NOTHING
        }
    }
    let script = Script::start(|_, _| Reply::Kept(ok(false))).await;
    let system = HttpSystem::speaking(Refusing).base_url(&*script.uri).credentials(HttpCredentials::none());
    let system = system.build().unwrap();
    let error = system.apply("4711", &StatusChange::disable()).await.unwrap_err();
    assert_eq!(error.applied(), Applied::No);
    assert!(error.to_string().ends_with("\\u{1b}[2J"), "{error}");
    assert_eq!(system.status("4711").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(script.requests().is_empty());
}

/// An implementation without HTTP that says no more than it must.
#[derive(Debug)]
struct Least(TestSystem);

impl AccountSystem for Least {
    fn kind(&self) -> SystemKind {
        KIND
    }
    fn base_url(&self) -> &str {
        "least:"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Disable])
    }
    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        self.0.apply_with(user, change, options)
    }
}

fn enabled() -> AccountStatus {
    AccountStatus { enabled: Some(true), ..AccountStatus::default() }
}

#[tokio::test]
async fn what_an_implementation_leaves_out_is_derived() {
    let system = TestSystem::new().with_account("jane", enabled());
    let least = Least(system.clone());
    assert_eq!(least.check("jane", &StatusChange::lock()).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(least.status("jane").await.unwrap_err().kind(), ErrorKind::Unsupported);
    let dry_run = least.dry_run("jane", &StatusChange::disable()).await.unwrap();
    assert_eq!(dry_run.request.unwrap().body.as_deref(), Some(r#"{"change":"disable"}"#));
    assert!(!least.repeatable(&StatusChange::disable()));
    assert!(system.received().is_empty());
    let receipt = least.apply_and_verify("jane", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
}

/// Every failure that a system in memory can be told of, in single calls and verified ones.
#[tokio::test]
async fn a_system_in_memory_fails_as_told() {
    use TestFailure::{AcceptedOnly, Credentials, Ignored, LostAfter, LostBefore, NotSent, RateLimited, Refused};
    let minute = std::time::Duration::from_secs(60);
    type Ended = std::result::Result<Proof, (ErrorKind, Applied)>;
    let unknown = Err((ErrorKind::OutcomeUnknown, Applied::Unknown));
    let no = |kind| Err((kind, Applied::No));
    let table: [(TestFailure, Ended, Ended, bool, usize); 8] = [
        (NotSent, no(ErrorKind::NotSent), no(ErrorKind::NotSent), true, 0),
        (Credentials, no(ErrorKind::Credentials), no(ErrorKind::Credentials), true, 1),
        (Refused, no(ErrorKind::Rejected), no(ErrorKind::Rejected), true, 1),
        (RateLimited(minute), no(ErrorKind::RateLimited), no(ErrorKind::RateLimited), true, 1),
        (LostBefore, unknown, unknown, true, 1),
        (LostAfter, unknown, Ok(Proof::Confirmed), false, 1),
        (AcceptedOnly, Ok(Proof::Accepted), Ok(Proof::Confirmed), false, 1),
        (Ignored, Ok(Proof::Accepted), Err((ErrorKind::Contradicted, Applied::Unknown)), true, 1),
    ];
    let ended = |result: Result<Receipt>| result.map(|receipt| receipt.proof).map_err(|e| (e.kind(), e.applied()));
    for (failure, single, verified, still_enabled, received) in table {
        for (verify, expected) in [(false, single), (true, verified)] {
            let system = TestSystem::new().with_account("jane", enabled());
            system.fail_next(failure);
            let disable = StatusChange::disable();
            let result = match verify {
                true => system.apply_and_verify("jane", &disable).await,
                false => system.apply("jane", &disable).await,
            };
            assert_eq!(ended(result), expected, "{failure:?}, verify: {verify}");
            assert_eq!(system.account("jane").unwrap().enabled, Some(still_enabled), "{failure:?}");
            assert_eq!(system.received().len(), received, "{failure:?}");
            // The failure is used up.
            assert_eq!(ended(system.apply("jane", &disable).await), Ok(Proof::Confirmed), "{failure:?}");
        }
    }
    let error = TestSystem::new().apply("nobody", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::NotFound, Applied::No));
}

/// Whatever a system says of a failed look, nothing was changed by it: the row can be tried again.
#[tokio::test]
async fn a_run_takes_systems_of_ones_own() {
    let system = TestSystem::new().with_account("jane", enabled()).with_account("joe", enabled());
    system.fail_next_read(TestFailure::LostBefore);
    system.fail_next(TestFailure::LostAfter);
    let shared: Arc<dyn AccountSystem> = Arc::new(system.clone());
    let registry = Arc::new(Registry::from_iter([("memory", shared)]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let rows = ["jane", "joe"].map(|user| Ok(Row::new("memory", user, StatusChange::disable())));
    let rows = futures_util::stream::iter(rows);
    let (journal, _) = Journal::create(&path, "rows", &registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap();
    let runner = Runner::new(registry).read_first(true).max_in_flight(1).passes(1);
    let summary = runner.run(journal).await.unwrap();
    assert_eq!(summary.counts[RowState::Failed], 1, "{}", summary.counts);
    assert_eq!(summary.counts[RowState::Confirmed], 1, "{}", summary.counts);
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.counts[RowState::Confirmed], 2, "{}", summary.counts);
    assert_eq!(system.account("jane").unwrap().enabled, Some(false));
}

/// The example is what anybody can write: it compiles in a package of its own, with the published features only.
#[test]
fn the_example_compiles_outside_the_workspace() {
    let repository = repository().canonicalize().unwrap();
    let text = fs::read_to_string(repository.join("examples/own_system.rs")).unwrap();
    assert!(text.lines().count() < 90, "{} lines", text.lines().count());
    let package = tempfile::tempdir().unwrap();
    let path = package.path();
    let manifest = format!(
        r#"
[package]
name = "outside"
version = "0.1.0"
edition = "2024"

[features]
bulk = ["user-status/bulk"]

[dependencies]
axum = {{ version = "0.8", default-features = false, features = ["http1", "json", "tokio"] }}
futures-util = {{ version = "0.3", default-features = false }}
serde_json = "1"
tempfile = "3"
tokio = {{ version = "1", features = ["macros", "net", "rt-multi-thread"] }}
user-status = {{ path = {:?} }}
"#,
        repository.join("sdk")
    );
    fs::create_dir(path.join("src")).unwrap();
    fs::write(path.join("Cargo.toml"), manifest).unwrap();
    fs::write(path.join("src/main.rs"), text).unwrap();
    fs::copy(repository.join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
    for features in ["", "bulk"] {
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet", "--features", features, "--target-dir"])
            .arg(repository.join("target/outside"))
            .current_dir(path)
            .env("RUSTFLAGS", "-D warnings")
            .output()
            .unwrap();
        assert!(output.status.success(), "features `{features}`: {}", String::from_utf8_lossy(&output.stderr));
    }
}
