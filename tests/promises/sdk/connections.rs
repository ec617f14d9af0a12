//! What a call is sent on: no client that follows redirects, no connection that an earlier response may still come on, and
//! no request that is said to have left before there was a connection.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use user_status::systems::mediconnect;
use user_status::{AccountSystem, Applied, ErrorKind, Proof, RetryPolicy, StatusChange};
use user_status_tests::Recorder;

use crate::support::script::{Reply, Script, json};
use crate::support::systems::*;

const TOGGLED: &str = r#"{"message":"User status updated successfully","status":"success"}"#;

/// Whatever is set on the HTTP client, it follows nothing and repeats nothing.
#[tokio::test]
async fn redirects_are_not_followed_whatever_is_configured() {
    let elsewhere = Recorder::answering(200, TOGGLED).await;
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for target in [format!("{}/x", elsewhere.uri()), String::new(), "http://127.0.0.1:1/".to_owned()] {
            let location = format!("location: {target}\r\n");
            let server = Recorder::start(json(status, &location, TOGGLED)).await;
            let toggle = clearsquare_builder(&server.uri())
                .configure_http(|http| http.redirect(Policy::limited(10)).retry(reqwest::retry::for_host("127.0.0.1")));
            let error = toggle.build().unwrap().apply("u", &StatusChange::toggle()).await.unwrap_err();
            assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::Unknown), "{error:?}");
            assert_eq!((error.status(), error.attempts(), server.requests()), (Some(status), 1, 1), "{error:?}");

            let read = symphony_builder(&server.uri()).configure_http(|http| http.redirect(Policy::limited(10)));
            let error = read.build().unwrap().status("42").await.unwrap_err();
            assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{error:?}");
            assert_eq!(server.requests(), 2);
        }
    }
    assert_eq!(elsewhere.requests(), 0);
}

/// A second response that comes a moment later is not taken for the next call's.
#[tokio::test]
async fn a_toggle_travels_on_a_connection_of_its_own() {
    let twice =
        |_: usize, _: &str| Reply::Twice(json(200, "", TOGGLED), json(200, "", r#"{"message":"no","status":"error"}"#));
    let server = Script::start(twice).await;
    let clearsquare = clearsquare(&server.uri);
    for call in 1..=100 {
        let receipt = clearsquare.apply("u", &StatusChange::toggle()).await;
        assert_eq!(receipt.expect("the answer to this call").proof, Proof::Accepted);
        assert_eq!(server.connections(), call);
    }
    assert!(server.requests().iter().all(|request| request.contains("\r\nconnection: close\r\n")));

    // The typed client too, and what leaves a flag out; but nothing that can be sent twice.
    clearsquare.client().manage_user_status().body_map(|body| body.id("u")).send().await.unwrap();
    assert_eq!(server.connections(), 101);
    let closes = |server: &Script| {
        server.requests().iter().map(|request| request.contains("\r\nconnection: close\r\n")).collect::<Vec<_>>()
    };
    for (flag, closed) in
        [(mediconnect::ActiveFlag::LeaveOut, [false, true]), (mediconnect::ActiveFlag::ReadFirst, [false, false])]
    {
        let server =
            Script::start(|_, _| Reply::Kept(json(200, "", r#"{"id":42,"isActive":true,"isSuspended":false}"#))).await;
        let mediconnect = mediconnect_builder(&server.uri).active_flag(flag).build().unwrap();
        let _ = mediconnect.apply("42", &StatusChange::suspend("Leave")).await;
        assert_eq!(closes(&server), closed, "{flag:?}");
    }

    // It can be had for all, and for none.
    for (fresh, connections) in [(Some(true), 3), (Some(false), 1), (None, 1)] {
        let server = Script::start(|_, _| Reply::Kept(json(200, "", r#"{"message":"OK"}"#))).await;
        let builder = symphony_builder(&server.uri);
        let builder = match fresh {
            Some(fresh) => builder.fresh_connections(fresh),
            None => builder,
        };
        let symphony = builder.build().unwrap();
        for _ in 0..3 {
            symphony.apply("42", &StatusChange::disable()).await.unwrap();
        }
        assert_eq!(server.connections(), connections, "{fresh:?}");
    }
    let server = Script::start(|_, _| Reply::Kept(json(200, "", TOGGLED))).await;
    let clearsquare = clearsquare_builder(&server.uri).fresh_connections(false).build().unwrap();
    for _ in 0..3 {
        clearsquare.apply("u", &StatusChange::toggle()).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
}

/// Never finds an address.
struct Nowhere;

impl reqwest::dns::Resolve for Nowhere {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

/// An attempt whose time is over while it connects, in the look-up of the name or in the TLS handshake, sent nothing.
#[tokio::test]
async fn an_attempt_that_ends_while_it_connects_sent_nothing() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = silent.local_addr().unwrap();
    // Takes connections, and says nothing.
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            taken.push(stream);
        }
    });
    for (url, nowhere) in [(format!("https://{address}"), false), ("https://system.example".to_owned(), true)] {
        let configure = move |http: reqwest::ClientBuilder| match nowhere {
            true => http.dns_resolver(std::sync::Arc::new(Nowhere)),
            false => http,
        };
        let short = Duration::from_millis(50);
        let toggle = clearsquare_builder(&url).attempt_timeout(short).retry(RetryPolicy::never());
        let error = toggle.configure_http(configure).build().unwrap().apply("u", &StatusChange::toggle()).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::NotSent, Applied::No), "{url}: {error:?}");

        // The time of the whole call does the same, also with a pool.
        let pooled = symphony_builder(&url).total_timeout(short).configure_http(configure).build().unwrap();
        let error = pooled.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::NotSent, Applied::No), "{url}: {error:?}");
    }
}

/// But one that has a connection may have left, also while another one is opened.
#[tokio::test]
async fn an_attempt_that_has_a_connection_may_have_left() {
    let server = Script::start(|number, _| match number {
        0 => Reply::Kept(json(200, "", r#"{"message":"OK"}"#)),
        _ => Reply::Never,
    })
    .await;
    for fresh in [true, false] {
        let builder = symphony_builder(&server.uri).fresh_connections(fresh).retry(RetryPolicy::never());
        let symphony = builder.attempt_timeout(Duration::from_millis(200)).build().unwrap();
        if !fresh {
            // There is a connection to use.
            let _ = symphony.apply("42", &StatusChange::disable()).await;
        }
        let error = loop {
            if let Err(error) = symphony.apply("42", &StatusChange::disable()).await {
                break error;
            }
        };
        assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown), "{error:?}");
    }
}
