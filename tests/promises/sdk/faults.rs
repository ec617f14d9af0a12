//! The fault matrix: every operation against everything that goes wrong, on a real wire, with the clock in the test's
//! hands. Held against it: the kind of the error, what it claims of the account, how many requests the server got, and
//! what the account then is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, Applied, Error, ErrorKind, Proof, RetryPolicy, StatusChange, Wait};
use user_status_mock::{AccountStatus, Fault, RetryAfter, StandaloneServer, SystemKind, world};
use user_status_tests::TestClock;

use crate::support::systems;

/// A call: an operation, and how the SDK comes to send it.
#[derive(Clone, Copy, Debug)]
struct Operation {
    id: &'static str,
    system: SystemKind,
    user: &'static str,
    /// Sending it again is safe.
    idempotent: bool,
    /// The change; `None` for a read.
    change: Option<fn() -> StatusChange>,
    /// `true` if 500 is repeated, as the system's own clients do.
    repeats_500: bool,
}

const SYMPHONY_USER: &str = "7215545078541";

const fn write(id: &'static str, system: SystemKind, user: &'static str, change: fn() -> StatusChange) -> Operation {
    Operation { id, system, user, idempotent: true, change: Some(change), repeats_500: false }
}

const fn read(id: &'static str, system: SystemKind, user: &'static str) -> Operation {
    Operation { id, system, user, idempotent: true, change: None, repeats_500: false }
}

fn suspend() -> StatusChange {
    StatusChange::suspend("Violation of terms of service")
}

const OPERATIONS: [Operation; 13] = [
    write("setAccessStatus", SystemKind::Userdocks, world::USERDOCKS_USER, StatusChange::disable),
    write("setAppAccessStatus", SystemKind::Userdocks, world::USERDOCKS_USER, StatusChange::disable),
    read("getUser", SystemKind::Userdocks, world::USERDOCKS_USER),
    write("changeUserStatus", SystemKind::Akana, world::AKANA_USER, StatusChange::lock),
    read("getPlatformUser", SystemKind::Akana, world::AKANA_USER),
    write("toggleUserStatus", SystemKind::Mediconnect, "42", suspend),
    read("getAdminUser", SystemKind::Mediconnect, "42"),
    Operation {
        repeats_500: true,
        ..write("updateUserStatus", SystemKind::Symphony, SYMPHONY_USER, StatusChange::disable)
    },
    Operation { repeats_500: true, ..read("getUserStatus", SystemKind::Symphony, SYMPHONY_USER) },
    Operation {
        idempotent: false,
        ..write("manageUserStatus", SystemKind::Clearsquare, world::CLEARSQUARE_USER, StatusChange::toggle)
    },
    write("patchScimUser", SystemKind::Scim, world::SCIM_USER, StatusChange::disable),
    write("replaceScimUser", SystemKind::Scim, world::SCIM_USER, StatusChange::disable),
    read("getScimUser", SystemKind::Scim, world::SCIM_USER),
];

/// A server, a system that calls it, and the clock.
struct Setting {
    server: StandaloneServer,
    clock: Arc<TestClock>,
    system: Box<dyn AccountSystem>,
}

impl Setting {
    async fn for_operation(operation: &Operation) -> Setting {
        let known = user_status_mock::Engine::with(systems::options()).world().credentials();
        let key = match operation.system {
            SystemKind::Userdocks => known.userdocks.api_key,
            SystemKind::Akana => known.akana.session_cookie,
            SystemKind::Mediconnect => known.mediconnect.token,
            SystemKind::Symphony => known.symphony.session_token,
            SystemKind::Clearsquare => known.clearsquare.token,
            SystemKind::Scim => known.scim.token,
        };
        Setting::with_key(operation, &key).await
    }

    async fn with_key(operation: &Operation, key: &str) -> Setting {
        let server = systems::standalone_server().await;
        let clock = TestClock::new();
        let known = server.credentials();
        let uri = server.uri(operation.system);
        let system: Box<dyn AccountSystem> = match operation.system {
            SystemKind::Userdocks => {
                let route = match operation.id {
                    "setAppAccessStatus" => userdocks::Route::Current,
                    _ => userdocks::Route::Documented,
                };
                let credentials = userdocks::Credentials::api_key(key, known.userdocks.client_id.as_str());
                let builder = Userdocks::builder().base_url(uri).clock(clock.clone()).credentials(credentials);
                Box::new(builder.route(route).app(known.userdocks.client_id).build().unwrap())
            }
            SystemKind::Akana => {
                let credentials = akana::Credentials::session(key, known.akana.csrf_token);
                let builder = Akana::builder().base_url(uri).clock(clock.clone()).credentials(credentials);
                Box::new(builder.tenant(world::AKANA_TENANT).build().unwrap())
            }
            SystemKind::Mediconnect => {
                let credentials = mediconnect::Credentials::token(key);
                let builder = Mediconnect::builder().base_url(uri).clock(clock.clone()).credentials(credentials);
                Box::new(builder.build().unwrap())
            }
            SystemKind::Symphony => {
                let credentials = symphony::Credentials::session_token(key);
                let builder = Symphony::builder().base_url(uri).clock(clock.clone()).credentials(credentials);
                Box::new(builder.build().unwrap())
            }
            SystemKind::Clearsquare => {
                let credentials = clearsquare::Credentials::token(key);
                let builder = Clearsquare::builder().base_url(uri).clock(clock.clone()).credentials(credentials);
                Box::new(builder.build().unwrap())
            }
            SystemKind::Scim => {
                let method = match operation.id {
                    "replaceScimUser" => scim::Method::Put,
                    _ => scim::Method::Patch,
                };
                let builder = Scim::builder().base_url(uri).clock(clock.clone()).method(method);
                Box::new(builder.credentials(scim::Credentials::bearer(key)).build().unwrap())
            }
        };
        Setting { server, clock, system }
    }

    fn account(&self, operation: &Operation) -> AccountStatus {
        self.server.status(operation.system, operation.user).unwrap()
    }

    /// Makes the call. For so many attempts, the time is over as soon as the server has the request.
    async fn call(&self, operation: &Operation, expire: u32) -> Result<Option<Proof>, Error> {
        let call = async {
            match operation.change {
                Some(change) => self.system.apply(operation.user, &change()).await.map(|receipt| Some(receipt.proof)),
                None => self.system.status(operation.user).await.map(|_| None),
            }
        };
        self.drive(operation, expire, call).await
    }

    async fn drive<T>(&self, operation: &Operation, mut expire: u32, call: impl Future<Output = T>) -> T {
        let mut call = std::pin::pin!(call);
        let mut seen = self.server.requests(operation.id);
        loop {
            tokio::select! {
                biased;
                result = &mut call => return result,
                () = tokio::task::yield_now() => {
                    let requests = self.server.requests(operation.id);
                    if expire > 0 && requests > seen {
                        seen = requests;
                        expire -= 1;
                        self.clock.expire();
                    }
                }
            }
        }
    }
}

/// What must come of a fault that always strikes.
struct Expected {
    kind: ErrorKind,
    status: Option<u16>,
    /// `true` if the call is repeated until its attempts are used up, for operations that may be sent again.
    repeated: bool,
    /// And for those that may not.
    toggle_repeated: bool,
    /// `true` if the status code counts as a refusal where the system documents it.
    refusal: bool,
}

/// The status codes that the systems document as refusals.
fn refuses(system: SystemKind, status: u16) -> bool {
    let documented: &[u16] = match system {
        SystemKind::Userdocks | SystemKind::Symphony => &[400, 401, 403],
        SystemKind::Akana => &[400, 401, 403, 404, 405],
        SystemKind::Mediconnect => &[400, 401, 403, 404, 413, 429],
        SystemKind::Clearsquare => &[400, 401],
        // None without an error body of its own.
        SystemKind::Scim => &[],
    };
    documented.contains(&status)
}

fn lost(status: Option<u16>) -> Expected {
    Expected { kind: ErrorKind::OutcomeUnknown, status, repeated: true, toggle_repeated: false, refusal: false }
}

fn answered(status: u16, kind: ErrorKind, repeated: bool) -> Expected {
    Expected { kind, status: Some(status), repeated, toggle_repeated: false, refusal: true }
}

/// A status code of the system's, and a body that is not.
fn foreign(status: u16, kind: ErrorKind) -> Expected {
    Expected { refusal: false, ..answered(status, kind, false) }
}

fn date() -> RetryAfter {
    RetryAfter::Date(Timestamp::from_second(TestClock::START + 9).unwrap())
}

/// Every fault, by name, with what must come of it.
fn faults() -> Vec<(&'static str, Fault, Expected)> {
    use ErrorKind::{RateLimited, Rejected, Server, UnexpectedResponse};
    let off = |status, body| Fault::response(status, body).off_contract();
    vec![
        ("reset before the headers", Fault::reset(), lost(None)),
        ("closed before the headers", Fault::close(), lost(None)),
        ("reset in the body", Fault::reset_in_body(), lost(Some(200))),
        ("truncated body", Fault::truncate(), lost(Some(200))),
        ("no answer", Fault::hang(), lost(None)),
        ("an answer far too late", Fault::delay(Duration::from_secs(3600)), lost(None)),
        ("429", Fault::rate_limited(RetryAfter::Missing), answered(429, RateLimited, true)),
        ("429, 7 s", Fault::rate_limited(RetryAfter::Seconds(7)), answered(429, RateLimited, true)),
        ("429, a date", Fault::rate_limited(date()), answered(429, RateLimited, true)),
        ("429, an hour", Fault::rate_limited(RetryAfter::Seconds(3600)), answered(429, RateLimited, false)),
        ("503", Fault::unavailable(RetryAfter::Missing), answered(503, Server, true)),
        ("503, 7 s", Fault::unavailable(RetryAfter::Seconds(7)), answered(503, Server, true)),
        ("504", off(504, json!({})), answered(504, Server, true)),
        ("502 in HTML", Fault::html_502(), answered(502, Server, true)),
        ("501", off(501, json!({})), answered(501, Server, false)),
        ("408", off(408, json!({})), answered(408, Rejected, true)),
        ("409", off(409, json!({})), answered(409, Rejected, false)),
        ("201", off(201, json!({})), answered(201, UnexpectedResponse, false)),
        ("302", off(302, json!({})), answered(302, UnexpectedResponse, false)),
        ("malformed JSON", Fault::malformed_body(200), answered(200, UnexpectedResponse, false)),
        ("wrong content type", Fault::wrong_content_type(200), answered(200, UnexpectedResponse, false)),
        ("invalid UTF-8", Fault::invalid_utf8(200), answered(200, UnexpectedResponse, false)),
        ("empty body", Fault::empty_body(200), answered(200, UnexpectedResponse, false)),
        ("another shape", off(200, json!([1])), answered(200, UnexpectedResponse, false)),
        ("401, malformed", Fault::malformed_body(401), foreign(401, ErrorKind::Credentials)),
        ("403, empty", Fault::empty_body(403), foreign(403, ErrorKind::Forbidden)),
        ("404, malformed", Fault::malformed_body(404), foreign(404, ErrorKind::NotFound)),
    ]
}

/// For a fault that is over only when the client's time is: how many attempts it can strike.
fn needs_patience(name: &str, times: u32) -> u32 {
    if matches!(name, "no answer" | "an answer far too late") { times } else { 0 }
}

#[tokio::test]
async fn every_operation_against_every_fault() {
    let mut cells = 0;
    for operation in &OPERATIONS {
        for (name, fault, expected) in faults() {
            let place = format!("{} × {name}", operation.id);
            let setting = Setting::for_operation(operation).await;
            let before = setting.account(operation);
            setting.server.fault(fault.on_operation(operation.id)).unwrap();

            let error = setting.call(operation, needs_patience(name, 4)).await.expect_err(&place);
            let repeated = if operation.idempotent { expected.repeated } else { expected.toggle_repeated };
            let attempts = if repeated { 4 } else { 1 };
            // A 404 of SCIM that is not in its own words says nothing of a user.
            let kind = match (operation.system, expected.kind) {
                (SystemKind::Scim, ErrorKind::NotFound) => ErrorKind::UnexpectedResponse,
                (_, kind) => kind,
            };
            assert_eq!(error.kind(), kind, "{place}: {error:?}");
            // Nothing is changed by a read, however it ends.
            let refused = expected.refusal && expected.status.is_some_and(|status| refuses(operation.system, status));
            let applied = if operation.change.is_none() || refused { Applied::No } else { Applied::Unknown };
            assert_eq!(error.applied(), applied, "{place}: {error:?}");
            assert_eq!(error.status(), expected.status, "{place}: {error:?}");
            assert_eq!(u64::from(error.attempts()), attempts, "{place}: {error:?}");
            assert_eq!(setting.server.requests(operation.id), attempts, "{place}");
            if name != "an answer far too late" {
                assert_eq!(setting.account(operation), before, "{place}: the fault strikes before the change");
            }
            if let Some(status) = expected.status.filter(|_| error.kind() != ErrorKind::OutcomeUnknown) {
                assert_eq!(error.raw().unwrap().status, status, "{place}: the answer is kept");
            }

            let waits = setting.clock.waits(Wait::Backoff);
            assert_eq!(waits.len() as u64, attempts - 1, "{place}");
            let asked = match name {
                "429, 7 s" | "503, 7 s" => 7,
                "429, a date" => 9,
                "429, an hour" => 3600,
                _ => 0,
            };
            // A date is nearer with every wait; the first wait is as long as it asked.
            assert!(waits.first().is_none_or(|wait| wait.as_secs() >= asked), "{place}: {waits:?}");
            if name == "429, 7 s" || name == "429, an hour" {
                assert_eq!(error.retry_after(), Some(Duration::from_secs(asked)), "{place}");
                assert!(waits.iter().all(|wait| wait.as_secs() >= asked), "{place}: {waits:?}");
            }
            cells += 1;
        }
    }
    assert_eq!(cells, OPERATIONS.len() * faults().len());
}

/// 500 is repeated only where the system's own clients do.
#[tokio::test]
async fn a_500_is_repeated_with_symphony_only() {
    for operation in &OPERATIONS {
        let setting = Setting::for_operation(operation).await;
        setting.server.fault(Fault::response(500, json!({})).off_contract().on_operation(operation.id)).unwrap();
        let error = setting.call(operation, 0).await.unwrap_err();
        let applied = if operation.change.is_some() { Applied::Unknown } else { Applied::No };
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Server, applied), "{}", operation.id);
        let attempts = if operation.repeats_500 { 4 } else { 1 };
        assert_eq!(setting.server.requests(operation.id), attempts, "{}", operation.id);
    }
}

/// One lost answer, before or after the change: what may be repeated succeeds, what may not says that it does not know.
/// Whatever is said of the account is true.
#[tokio::test]
async fn a_claim_about_a_lost_answer_is_never_wrong() {
    type MakeFault = fn() -> Fault;
    let lost: [(&str, MakeFault); 11] = [
        ("reset before the headers", Fault::reset),
        ("closed before the headers", Fault::close),
        ("reset in the body", Fault::reset_in_body),
        ("truncated body", Fault::truncate),
        ("no answer", Fault::hang),
        ("502 in HTML", Fault::html_502),
        ("503", || Fault::unavailable(RetryAfter::Missing)),
        ("504", || Fault::response(504, json!({})).off_contract()),
        ("408", || Fault::response(408, json!({})).off_contract()),
        ("500", || Fault::response(500, json!({})).off_contract()),
        ("malformed JSON", || Fault::malformed_body(200)),
    ];
    for operation in OPERATIONS.iter().filter(|operation| operation.change.is_some()) {
        for (name, fault) in lost {
            for after in [false, true] {
                for policy in [RetryPolicy::default(), RetryPolicy::never()] {
                    let place = format!("{} × {name}, after the change: {after}, {policy:?}", operation.id);
                    let setting = Setting::for_operation(operation).await;
                    let before = setting.account(operation);
                    let fault = if after { fault().after_the_change() } else { fault().before_the_change() };
                    setting.server.fault(fault.on_operation(operation.id).times(1)).unwrap();

                    let change = operation.change.unwrap()();
                    let options = user_status::CallOptions::default().with_retry(policy);
                    let call = setting.system.apply_with(operation.user, &change, options);
                    let result = setting.drive(operation, needs_patience(name, 1), call).await;
                    let now = setting.account(operation);
                    let changed = now != before;
                    match result {
                        Ok(receipt) => {
                            // What is not repeated cannot succeed: its one answer was lost.
                            assert!(operation.idempotent && policy != RetryPolicy::never(), "{place}: {receipt:?}");
                            assert!(name != "500" || operation.repeats_500, "{place}: {receipt:?}");
                            assert!(changed, "{place}: it says that it happened, and it did");
                            assert_eq!(receipt.attempts, 2, "{place}");
                        }
                        // The change was made, so that the account is not of the version any more that was read: it is
                        // not known by whom it was changed.
                        Err(error) if error.status() == Some(412) => {
                            assert_eq!((operation.system, after), (SystemKind::Scim, true), "{place}: {error:?}");
                            assert_eq!(
                                (error.applied(), error.attempts()),
                                (Applied::Unknown, 2),
                                "{place}: {error:?}"
                            );
                        }
                        Err(error) => {
                            assert_eq!(error.applied(), Applied::Unknown, "{place}: {error:?}");
                            assert_eq!(changed, after, "{place}: the call was not repeated");
                            assert_eq!(setting.server.requests(operation.id), 1, "{place}");
                        }
                    }
                }
            }
        }
    }
}

/// A refusal after a lost answer does not make the lost one certain.
#[tokio::test]
async fn a_refusal_after_a_lost_answer_is_no_proof_that_nothing_happened() {
    for operation in OPERATIONS.iter().filter(|operation| operation.change.is_some() && operation.idempotent) {
        let setting = Setting::for_operation(operation).await;
        let lost = Fault::reset().after_the_change().on_operation(operation.id).times(1);
        setting.server.fault(lost).unwrap();
        let refusal = Fault::response(403, json!({})).off_contract().on_operation(operation.id);
        setting.server.fault(refusal).unwrap();
        let error = setting.call(operation, 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!((error.applied(), error.attempts()), (Applied::Unknown, 2), "{error:?}");
    }
}

/// Where a read exists, `apply_and_verify` finds out what became of a lost answer.
#[tokio::test]
async fn a_lost_answer_is_verified_by_reading() {
    for operation in OPERATIONS.iter().filter(|operation| operation.change.is_some()) {
        for after in [false, true] {
            let setting = Setting::for_operation(operation).await;
            let fault = if after { Fault::reset().after_the_change() } else { Fault::reset() };
            setting.server.fault(fault.on_operation(operation.id)).unwrap();
            let change = operation.change.unwrap()();
            let result = setting.system.apply_and_verify(operation.user, &change).await;
            match result {
                Ok(receipt) => {
                    assert!(after && operation.idempotent, "{}: {receipt:?}", operation.id);
                    assert_eq!((receipt.proof, receipt.attempts), (Proof::Confirmed, 4));
                }
                Err(error) => {
                    assert!(!after || !operation.idempotent, "{}: {error:?}", operation.id);
                    assert_eq!(error.applied(), Applied::Unknown);
                }
            }
        }
    }
}

/// The time for a call is over: before another attempt, and in the middle of one.
#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let operation = &OPERATIONS[7];
    let setting = Setting::for_operation(operation).await;
    setting.server.fault(Fault::rate_limited(RetryAfter::Seconds(50))).unwrap();
    let options = user_status::CallOptions::default().with_total_timeout(Duration::from_secs(120));
    let error = setting.system.apply_with(operation.user, &StatusChange::disable(), options).await.unwrap_err();
    // 50 s and 50 s are waited; a third time would end after the 120 s.
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 3), "{error:?}");

    let setting = Setting::for_operation(operation).await;
    setting.server.fault(Fault::hang()).unwrap();
    let options = user_status::CallOptions::default().with_total_timeout(Duration::from_secs(5));
    let change = StatusChange::disable();
    let call = setting.system.apply_with(operation.user, &change, options);
    let error = setting.drive(operation, 1, call).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::OutcomeUnknown, 1), "{error:?}");
    assert!(setting.clock.waits(Wait::Deadline).contains(&Duration::from_secs(5)));
}

/// A client in an outage stops repeating, and starts again when calls succeed.
#[tokio::test]
async fn the_budget_for_repetitions_is_shared_by_all_calls_of_a_client() {
    let operation = &OPERATIONS[0];
    let setting = Setting::for_operation(operation).await;
    setting.server.fault(Fault::html_502()).unwrap();
    let mut attempts = Vec::new();
    for _ in 0..6 {
        attempts.push(setting.call(operation, 0).await.unwrap_err().attempts());
    }
    assert_eq!(attempts, [4, 4, 4, 2, 1, 1], "ten repetitions, and no more");
    setting.server.clear_faults();
    for _ in 0..10 {
        setting.call(operation, 0).await.unwrap();
    }
    setting.server.fault(Fault::html_502()).unwrap();
    assert_eq!(setting.call(operation, 0).await.unwrap_err().attempts(), 2, "ten successes earned one back");
}

/// A body is read up to the limit, and no further.
#[tokio::test]
async fn a_long_body_is_not_read_to_its_end() {
    let body = format!("{{\"message\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let server = user_status_tests::Recorder::answering(200, &body).await;
    let symphony = Symphony::builder()
        .base_url(server.uri())
        .credentials(symphony::Credentials::session_token("the-session"))
        .build()
        .unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.applied(), error.status()),
        (ErrorKind::UnexpectedResponse, Applied::Unknown, Some(200))
    );
    assert!(error.to_string().contains("1048576 bytes"), "{error}");

    let roomy = Symphony::builder()
        .base_url(server.uri())
        .credentials(symphony::Credentials::session_token("the-session"))
        .body_limit(3 * 1024 * 1024);
    assert_eq!(roomy.build().unwrap().apply("42", &StatusChange::disable()).await.unwrap().proof, Proof::Accepted);
}

/// Dropping the future of a call ends it: nothing is sent any more.
#[tokio::test]
async fn a_dropped_call_sends_nothing_more() {
    let operation = &OPERATIONS[7];
    let setting = Setting::for_operation(operation).await;
    setting.server.fault(Fault::hang()).unwrap();
    {
        let call = setting.call(operation, 0);
        let mut call = std::pin::pin!(call);
        while setting.server.requests(operation.id) == 0 {
            tokio::select! {
                biased;
                _ = &mut call => panic!("nobody answers"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    setting.clock.expire();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(setting.server.requests(operation.id), 1);
}

/// A session that has expired: refused by every operation, once, and nothing is changed.
#[tokio::test]
async fn an_expired_session_is_a_refusal_with_every_operation() {
    for operation in &OPERATIONS {
        let setting = Setting::with_key(operation, "an-expired-credential").await;
        let before = setting.account(operation);
        let error = setting.call(operation, 0).await.expect_err(operation.id);
        assert_eq!(
            (error.kind(), error.applied()),
            (ErrorKind::Credentials, Applied::No),
            "{}: {error:?}",
            operation.id
        );
        assert_eq!((error.status(), error.attempts()), (Some(401), 1), "{}", operation.id);
        assert_eq!(setting.account(operation), before, "{}", operation.id);
    }
}

/// The matrix has every operation that the SDK has. What a SCIM service is asked beside a change, and has no effect of its own,
/// is in `sdk::scim`.
#[test]
fn no_operation_is_left_out() {
    let mut tested: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    tested.extend(["findScimUsers", "getScimConfig"]);
    let mut all: Vec<&str> = user_status::operations().iter().map(|operation| operation.id).collect();
    tested.sort_unstable();
    all.sort_unstable();
    assert_eq!(tested, all);
}
