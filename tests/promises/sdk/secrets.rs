//! No credential shows in anything that can be printed.

use std::fmt::Debug;

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{Error, RetryPolicy, Secret};
use user_status_tests::Recorder;

/// Every credential in these tests has this in it.
const CANARY: &str = "canary-7f3a";

#[track_caller]
fn shows_nothing(what: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(CANARY), "{what}: {text}");
    }
}

/// A message and the whole chain of its causes.
#[track_caller]
fn error_shows_nothing(error: &(dyn std::error::Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        assert!(!error.to_string().contains(CANARY), "{error}");
        shows_nothing("error", &error);
        next = error.source();
    }
}

/// An answer that gives everything back that it got: in headers, and in a body that is not what is documented.
const ECHO: &str = "HTTP/1.1 502 Bad Gateway\r\nset-cookie: session=canary-7f3a\r\nx-echo: canary-7f3a\r\n\
                    content-type: text/html\r\ncontent-length: 11\r\n\r\ncanary-7f3a";

/// Answers of the documented status codes, with secrets where a text may be and where none may be.
const ANSWERS: [&str; 8] = [
    "401 {\"error\":\"canary-7f3a\",\"faultstring\":\"canary-7f3a\",\"message\":\"canary-7f3a\",\"faultcode\":\"x\"}",
    "401 canary-7f3a",
    "401 \"canary-7f3a\"",
    "200 {\"success\":\"canary-7f3a\",\"Disabled\":\"canary-7f3a\",\"isActive\":\"canary-7f3a\",\"format\":7,\"message\":7}",
    "200 canary-7f3a",
    "400 {\"error\":{\"canary-7f3a\":1},\"faultstring\":[\"canary-7f3a\"],\"message\":{\"canary-7f3a\":2}}",
    "500 {\"canary-7f3a\":",
    "302 {\"location\":\"canary-7f3a\"}",
];

/// One that is documented, with a secret in a header.
const REFUSAL: &str = "HTTP/1.1 401 Unauthorized\r\nset-cookie: session=canary-7f3a\r\n\
                       content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn clients_builders_bodies_and_errors_show_no_credential() {
    let answers = ANSWERS.map(|answer| {
        let (status, body) = answer.split_once(' ').unwrap();
        let length = body.len();
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
    });
    for answer in answers.into_iter().chain([ECHO.to_owned(), REFUSAL.to_owned()]) {
        let server = Recorder::start(answer).await;
        let uri = server.uri();

        for credentials in
            [userdocks::Credentials::api_key(CANARY, CANARY), userdocks::Credentials::access_token(CANARY)]
        {
            shows_nothing("credentials", &credentials);
            let builder = Userdocks::builder().base_url(&uri).retry(RetryPolicy::never()).credentials(credentials);
            shows_nothing("builder", &builder);
            let system = builder.build().unwrap();
            shows_nothing("system", &system);
            let call = system.client().set_access_status().user_id("u").access_status("0");
            shows_nothing("call", &call);
            let error = call.send().await.unwrap_err();
            shows_nothing("generated error", &error);
            assert!(!error.to_string().contains(CANARY), "{error}");
            error_shows_nothing(&Error::from(error));
        }

        let credentials = akana::Credentials::session(CANARY, CANARY);
        shows_nothing("credentials", &credentials);
        let builder =
            Akana::builder().base_url(&uri).retry(RetryPolicy::never()).tenant("acme").credentials(credentials);
        shows_nothing("builder", &builder);
        let system = builder.build().unwrap();
        shows_nothing("system", &system);
        let call = system.client().change_user_status().user_id("u").body_map(|body| body.user_status("x"));
        shows_nothing("call", &call);
        let error = call.send().await.unwrap_err();
        shows_nothing("generated error", &error);
        error_shows_nothing(&Error::from(error));

        let credentials = mediconnect::Credentials::token(CANARY);
        shows_nothing("credentials", &credentials);
        let builder = Mediconnect::builder().base_url(&uri).retry(RetryPolicy::never()).credentials(credentials);
        shows_nothing("builder", &builder);
        let system = builder.build().unwrap();
        shows_nothing("system", &system);
        let call = system.client().toggle_user_status().id(42).body_map(|body| body.is_active(true));
        shows_nothing("call", &call);
        let error = call.send().await.unwrap_err();
        shows_nothing("generated error", &error);
        error_shows_nothing(&Error::from(error));

        let credentials = symphony::Credentials::session_token(CANARY);
        shows_nothing("credentials", &credentials);
        let builder = Symphony::builder().base_url(&uri).retry(RetryPolicy::never()).credentials(credentials);
        shows_nothing("builder", &builder);
        let system = builder.build().unwrap();
        shows_nothing("system", &system);
        let call = system.client().update_user_status().uid(42).body_map(|body| body.suspended(false));
        shows_nothing("call", &call);
        let error = call.send().await.unwrap_err();
        shows_nothing("generated error", &error);
        error_shows_nothing(&Error::from(error));

        let credentials = clearsquare::Credentials::token(CANARY);
        shows_nothing("credentials", &credentials);
        let builder = Clearsquare::builder().base_url(&uri).retry(RetryPolicy::never()).credentials(credentials);
        shows_nothing("builder", &builder);
        let system = builder.build().unwrap();
        shows_nothing("system", &system);
        // The token may be given in the body too; it shows there no more than elsewhere.
        let call = system.client().manage_user_status().body_map(|body| body.id("u").token(Secret::from(CANARY)));
        shows_nothing("call", &call);
        let body = clearsquare::types::ClearsquareManageStatusRequest::builder().id("u").token(Secret::from(CANARY));
        shows_nothing("body builder", &body);
        shows_nothing("body", &clearsquare::types::ClearsquareManageStatusRequest::try_from(body).unwrap());
        let error = call.send().await.unwrap_err();
        shows_nothing("generated error", &error);
        error_shows_nothing(&Error::from(error));

        // What was hidden was there: the server got it.
        let received = server.received();
        assert_eq!(received.len(), 6);
        for request in &received {
            let seen = request.headers.iter().any(|(_, value)| value.contains(CANARY));
            assert!(seen, "{request:?}");
        }
        assert!(received[5].text().contains(CANARY));
    }
}

/// A credential that cannot travel is refused by name, not by value.
#[test]
fn a_credential_that_cannot_travel_is_named_and_not_shown() {
    for bad in [
        String::new(),
        format!("{CANARY}\n"),
        format!("{CANARY} {CANARY}"),
        format!("{CANARY}\u{e9}"),
        format!("{CANARY}\0"),
    ] {
        let errors = [
            Userdocks::builder()
                .base_url("http://localhost")
                .credentials(userdocks::Credentials::api_key(bad.as_str(), "id"))
                .build()
                .unwrap_err(),
            Akana::builder()
                .base_url("http://localhost")
                .tenant("acme")
                .credentials(akana::Credentials::session("c", bad.as_str()))
                .build()
                .unwrap_err(),
            Mediconnect::builder()
                .base_url("http://localhost")
                .credentials(mediconnect::Credentials::token(bad.as_str()))
                .build()
                .unwrap_err(),
            Symphony::builder()
                .base_url("http://localhost")
                .credentials(symphony::Credentials::session_token(bad.as_str()))
                .build()
                .unwrap_err(),
            Clearsquare::builder()
                .base_url("http://localhost")
                .credentials(clearsquare::Credentials::token(bad.as_str()))
                .build()
                .unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.contains("token") || text.contains("key"), "{text}");
            assert!(text.contains("is empty") || text.contains("has "), "{text}");
            error_shows_nothing(&error);
        }
    }
}
