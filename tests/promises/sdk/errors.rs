//! An error says what happened, and whether the account may have been changed.

use std::time::Duration;

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{Applied, Error, ErrorKind, RetryPolicy};
use user_status_tests::Recorder;

fn symphony(uri: &str) -> Symphony {
    Symphony::builder()
        .base_url(uri)
        .credentials(symphony::Credentials::session_token("t"))
        .attempt_timeout(Duration::from_millis(500))
        .retry(RetryPolicy::never())
        .build()
        .unwrap()
}

async fn error_of(uri: &str) -> Error {
    let symphony = symphony(uri);
    let call = symphony.client().update_user_status().uid(42).body_map(|body| body.suspended(true));
    Error::from(call.send().await.unwrap_err())
}

#[tokio::test]
async fn by_status_code() {
    for (status, kind, applied) in [
        (400, ErrorKind::Rejected, Applied::No),
        (401, ErrorKind::Credentials, Applied::No),
        (403, ErrorKind::Forbidden, Applied::No),
        // Not documented for this system, and so possibly the word of a gateway.
        (404, ErrorKind::NotFound, Applied::Unknown),
        (429, ErrorKind::RateLimited, Applied::Unknown),
        (500, ErrorKind::Server, Applied::Unknown),
        (502, ErrorKind::Server, Applied::Unknown),
        (301, ErrorKind::UnexpectedResponse, Applied::Unknown),
    ] {
        let server = Recorder::answering(status, r#"{"code":7,"message":"the system's words"}"#).await;
        let error = error_of(&server.uri()).await;
        assert_eq!((error.kind(), error.applied(), error.status()), (kind, applied, Some(status)), "{error}");
        // A redirect is no error body, whatever it has.
        assert_eq!(error.to_string().contains("the system's words (code 7)"), status >= 400, "{error}");
        assert_eq!(server.received().len(), 1, "nothing is repeated");
    }
}

#[tokio::test]
async fn without_an_answer() {
    // A port that nobody listens on: bound, and closed again.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = error_of(&closed).await;
    assert_eq!((error.kind(), error.applied()), (ErrorKind::NotSent, Applied::No), "{error}");

    let broken =
        Recorder::start("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"mess").await;
    let error = error_of(&broken.uri()).await;
    assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown), "{error}");

    let silent = Recorder::start("").await;
    let error = error_of(&silent.uri()).await;
    assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown), "{error}");
    assert_eq!(silent.received().len(), 1);

    let nonsense = Recorder::answering(200, "<html>").await;
    let error = error_of(&nonsense.uri()).await;
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::Unknown), "{error}");
    assert!(!error.to_string().contains("html"), "{error}");
}

#[test]
fn a_builder_names_what_is_missing_or_wrong() {
    let text = |error: Error| {
        assert_eq!((error.kind(), error.applied()), (ErrorKind::InvalidInput, Applied::No));
        error.to_string()
    };
    let error = Symphony::builder().credentials(symphony::Credentials::session_token("t")).build().unwrap_err();
    assert_eq!(text(error), "symphony: invalid input: base_url is missing; set it on the builder");
    let error = Userdocks::builder().base_url("https://api.userdocks.com").build().unwrap_err();
    assert_eq!(text(error), "userdocks: invalid input: credentials is missing; set it on the builder");
    let error = Akana::builder()
        .base_url("https://portal.example")
        .credentials(akana::Credentials::session("s", "c"))
        .build()
        .unwrap_err();
    assert_eq!(text(error), "akana: invalid input: tenant is missing; set it on the builder");
    for tenant in ["", "a b", "a;b", "a/b", "é", &"a".repeat(129)] {
        let builder = Akana::builder().base_url("https://portal.example").tenant(tenant);
        let error = builder.credentials(akana::Credentials::session("s", "c")).build().unwrap_err();
        assert!(text(error).contains("such as acmepaymentscorp"), "{tenant}");
    }
    let error = Mediconnect::builder()
        .base_url("http://api.example.com")
        .credentials(mediconnect::Credentials::token("t"))
        .build()
        .unwrap_err();
    assert!(text(error).contains("plain http would send the credentials in clear"));
}

/// TLS is set up, with the trust roots of the machine, when the address asks for it.
#[test]
fn a_client_of_every_system_is_built_for_https() {
    let url = "https://system.example/base";
    let symphony = Symphony::builder().base_url(url).credentials(symphony::Credentials::session_token("t"));
    let shown = format!("{:?}", symphony.build().unwrap());
    assert!(shown.contains(url), "{shown}");
    let userdocks = Userdocks::builder().base_url(url).credentials(userdocks::Credentials::access_token("t"));
    userdocks.build().unwrap();
    let akana = Akana::builder().base_url(url).tenant("acme").credentials(akana::Credentials::session("s", "c"));
    akana.build().unwrap();
    let mediconnect = Mediconnect::builder().base_url(url).credentials(mediconnect::Credentials::token("t"));
    mediconnect.build().unwrap();
    let clearsquare = Clearsquare::builder().base_url(url).credentials(clearsquare::Credentials::token("t"));
    clearsquare.build().unwrap();
}

/// A port that speaks no TLS: the request did not leave.
#[tokio::test]
async fn without_tls_nothing_is_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let error = error_of(&url).await;
    assert_eq!((error.kind(), error.applied()), (ErrorKind::NotSent, Applied::No), "{error}");
}

#[tokio::test]
async fn of_a_typed_client_it_does_not_show_whose_account_it_is_about() {
    let server = Recorder::answering(500, r#"{"code":7,"message":"the system's words"}"#).await;
    for uri in [server.uri(), "http://127.0.0.1:1".to_owned()] {
        let client = symphony(&uri);
        let error = client.client().get_user_status().uid(7_215_545_078_541_i64).send().await.unwrap_err();
        for text in [format!("{error}"), format!("{error:?}")] {
            assert!(!text.contains("7215545078541"), "{text}");
        }
    }
    assert!(server.only_request().first_line.contains("7215545078541"));
}
