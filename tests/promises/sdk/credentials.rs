//! Credentials from a source, and limits of the client's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use user_status::systems::{Clearsquare, Mediconnect, Symphony, clearsquare, mediconnect, symphony};
use user_status::{AccountSystem, Applied, BoxFuture, CredentialSource, ErrorKind, Limit, StatusChange, Wait};
use user_status_mock::SystemKind;
use user_status_tests::{Recorder, TestClock};

use crate::support::systems;

type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Gives one token after the other, and then none.
#[derive(Clone)]
struct Tokens {
    tokens: &'static [&'static str],
    asked: Arc<AtomicU32>,
}

impl Tokens {
    fn new(tokens: &'static [&'static str]) -> Tokens {
        Tokens { tokens, asked: Arc::default() }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl CredentialSource<symphony::Credentials> for Tokens {
    fn credentials(&self) -> BoxFuture<'_, Result<symphony::Credentials, SourceError>> {
        Box::pin(async move {
            let n = self.asked.fetch_add(1, Ordering::SeqCst) as usize;
            // Others are let in between, as they are while a real source is asked.
            tokio::task::yield_now().await;
            let token = self.tokens.get(n).ok_or("the vault is closed")?;
            Ok(symphony::Credentials::session_token(*token))
        })
    }
}

const GOOD: &str = "mock-symphony-session-token";

#[tokio::test]
async fn an_expired_session_is_renewed_once_for_all_calls_and_each_is_repeated() {
    let server = systems::standalone_server().await;
    let source = Tokens::new(&["an-expired-session", GOOD]);
    let symphony = Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credential_source(source.clone())
        .build()
        .unwrap();
    let change = StatusChange::disable();
    let calls = (0..20).map(|_| {
        let (symphony, change) = (symphony.clone(), change.clone());
        tokio::spawn(async move { symphony.apply("7215545078541", &change).await })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let receipt = call.await.unwrap().unwrap();
        assert!(receipt.attempts <= 2, "{receipt:?}");
    }
    assert_eq!(source.asked(), 2, "once before the first call, and once for all that were refused");
    assert!(server.requests("updateUserStatus") > 20);
    symphony.apply("7215545078541", &StatusChange::enable()).await.unwrap();
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn a_session_that_stays_refused_is_an_error_after_one_renewal() {
    let server = systems::standalone_server().await;
    let symphony = |source: &Tokens| {
        let builder = Symphony::builder().base_url(server.uri(SystemKind::Symphony));
        builder.credential_source(source.clone()).build().unwrap()
    };
    let source = Tokens::new(&["an-expired-session", "another-expired-session", GOOD]);
    let error = symphony(&source).apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.applied(), error.attempts()),
        (ErrorKind::Credentials, Applied::No, 2),
        "{error:?}"
    );
    assert_eq!(source.asked(), 2);

    // A source that has none: before the first call, and at the renewal.
    for (tokens, attempts) in [(&[][..], 0), (&["an-expired-session"][..], 1)] {
        let source = Tokens::new(tokens);
        let error = symphony(&source).apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Credentials, Applied::No));
        assert_eq!(error.attempts(), attempts, "{error:?}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the vault is closed");
    }

    // Fixed credentials cannot be renewed.
    let builder = Symphony::builder().base_url(server.uri(SystemKind::Symphony));
    let fixed = builder.credentials(symphony::Credentials::session_token("an-expired-session")).build().unwrap();
    let error = fixed.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 1));
}

/// A credential from a source that cannot travel is refused as one from the builder is.
#[tokio::test]
async fn what_a_source_gives_is_checked() {
    let server = Recorder::answering(200, "{}").await;
    let source = Tokens::new(&["a token with spaces"]);
    let symphony = Symphony::builder().base_url(server.uri()).credential_source(source).build().unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("white space"), "{error}");
    assert_eq!(server.connections(), 0);
}

/// The token of ClearSquare is renewed in the header and in the body; the toggle, which was refused, is sent again once.
#[tokio::test]
async fn the_toggle_is_repeated_with_a_fresh_token_in_both_places() {
    struct Source(AtomicU32);
    impl CredentialSource<clearsquare::Credentials> for Source {
        fn credentials(&self) -> BoxFuture<'_, Result<clearsquare::Credentials, SourceError>> {
            let token = ["an-expired-token", "mock-clearsquare-token"][self.0.fetch_add(1, Ordering::SeqCst) as usize];
            Box::pin(async move { Ok(clearsquare::Credentials::token(token)) })
        }
    }
    let server = systems::standalone_server().await;
    let builder = Clearsquare::builder().base_url(server.uri(SystemKind::Clearsquare));
    let clearsquare = builder.credential_source(Source(AtomicU32::new(0))).build().unwrap();
    let user = user_status_mock::world::CLEARSQUARE_USER;
    let receipt = clearsquare.apply(user, &StatusChange::toggle()).await.unwrap();
    assert_eq!(receipt.attempts, 2);
    assert_eq!(server.status(SystemKind::Clearsquare, user).unwrap().enabled, Some(false), "toggled once");
}

/// A source that never answers does not hold a call beyond its time.
#[tokio::test]
async fn a_call_does_not_wait_for_its_source_for_ever() {
    struct Silent;
    impl CredentialSource<symphony::Credentials> for Silent {
        fn credentials(&self) -> BoxFuture<'_, Result<symphony::Credentials, SourceError>> {
            Box::pin(std::future::pending())
        }
    }
    let clock = TestClock::new();
    let builder = Symphony::builder().base_url("http://127.0.0.1:9").clock(clock.clone());
    let symphony = builder.credential_source(Silent).build().unwrap();
    let change = StatusChange::disable();
    let mut call = std::pin::pin!(symphony.apply("42", &change));
    let error = loop {
        tokio::select! {
            biased;
            result = &mut call => break result.unwrap_err(),
            () = tokio::task::yield_now() => clock.expire(),
        }
    };
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::NotSent, Applied::No, 0), "{error:?}");
}

/// MediConnect says 403 for a token that has expired.
#[tokio::test]
async fn mediconnect_says_403_for_an_expired_token() {
    struct Source(AtomicU32);
    impl CredentialSource<mediconnect::Credentials> for Source {
        fn credentials(&self) -> BoxFuture<'_, Result<mediconnect::Credentials, SourceError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(mediconnect::Credentials::token("an-expired-token")) })
        }
    }
    let server = Recorder::answering(403, r#"{"error":"Invalid token"}"#).await;
    let mediconnect =
        Mediconnect::builder().base_url(server.uri()).credential_source(Source(AtomicU32::new(0))).build().unwrap();
    let error = mediconnect.status("42").await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Credentials, Some(403), 2), "{error:?}");

    let server = Recorder::answering(403, r#"{"error":"Access denied"}"#).await;
    let mediconnect =
        Mediconnect::builder().base_url(server.uri()).credential_source(Source(AtomicU32::new(0))).build().unwrap();
    let error = mediconnect.status("42").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Forbidden, 1), "{error:?}");
}

#[tokio::test]
async fn a_client_keeps_its_own_limits_over_all_its_clones() {
    let server = systems::mock_server().await;
    let clock = TestClock::new();
    let builder = Symphony::builder().base_url(server.uri(SystemKind::Symphony)).clock(clock.clone());
    let credentials = symphony::Credentials::session_token(GOOD);
    let symphony = builder.credentials(credentials).limit(Limit::default().per_second(4.0)).build().unwrap();
    for _ in 0..5 {
        symphony.clone().apply("7215545078541", &StatusChange::disable()).await.unwrap();
    }
    let waits = clock.waits(Wait::RateLimit);
    assert_eq!(waits, [Duration::from_millis(250); 4], "the first at once, the others evenly spaced");

    // Two at once: of three calls that nobody answers, two reach the server.
    let server = systems::standalone_server().await;
    server.fault(user_status_mock::Fault::hang()).unwrap();
    let builder = Symphony::builder().base_url(server.uri(SystemKind::Symphony)).clock(TestClock::new());
    let credentials = symphony::Credentials::session_token(GOOD);
    let symphony = builder.credentials(credentials).limit(Limit::default().max_in_flight(2)).build().unwrap();
    let call = |symphony: Symphony| {
        tokio::spawn(async move {
            let options = user_status::CallOptions::default().with_retry(user_status::RetryPolicy::never());
            symphony.apply_with("42", &StatusChange::disable(), options).await
        })
    };
    let first = call(symphony.clone());
    let others = [call(symphony.clone()), call(symphony.clone())];
    let requests = async |count: u64| {
        while server.requests("updateUserStatus") < count {
            tokio::task::yield_now().await;
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.requests("updateUserStatus"), count);
    };
    requests(2).await;
    // A call that is dropped leaves its place to the next.
    first.abort();
    requests(3).await;
    others.iter().for_each(|call| call.abort());

    // A call whose time would be over before there is a place is not sent.
    let server = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    let credentials = symphony::Credentials::session_token(GOOD);
    let builder = Symphony::builder().base_url(server.uri()).clock(TestClock::new()).credentials(credentials);
    let symphony = builder.limit(Limit::default().per_second(0.001)).build().unwrap();
    symphony.apply("42", &StatusChange::disable()).await.unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied(), error.attempts()), (ErrorKind::NotSent, Applied::No, 0), "{error:?}");
    assert_eq!(server.received().len(), 1);
}
