//! What strangers, and web pages of somebody else, can do to the worlds of a server's owner: nothing.

use std::time::Duration;

use serde_json::{Value, json};
use user_status_mock::{Fault, Options, StandaloneServer};
use user_status_tests::{Message, send};

const LINE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const DISABLE: &str = r#"{"status":"DISABLED"}"#;
const TOKEN: (&str, &str) = ("authorization", "Bearer the-admin-token");

async fn start(most: usize, token: bool) -> StandaloneServer {
    let options = Options::new().worlds(most, Duration::from_secs(3600));
    let options = if token { options.admin_token("the-admin-token") } else { options };
    StandaloneServer::start_with(options).await.unwrap()
}

async fn names(server: &StandaloneServer) -> Value {
    send(&server.root(), "GET /__admin/worlds", &[TOKEN], "").await.json()["worlds"].clone()
}

async fn call(server: &StandaloneServer, world: &str, more: &[(&str, &str)]) -> Message {
    let good = [("sessionToken", "mock-symphony-session-token"), ("content-type", "application/json")];
    let headers = [&good[..], more, &[("x-mock-world", world)]].concat();
    send(&server.root(), LINE, &headers, DISABLE).await
}

/// Also with the token: what is about the server, or only shows something, is about no world.
#[tokio::test]
async fn open_paths_make_no_world() {
    for token in [false, true] {
        let server = start(10, token).await;
        for path in ["/health", "/openapi.yaml", "/openapi.json", "/worlds", "/nothing", "/credentials/x"] {
            for method in ["GET", "OPTIONS", "PUT"] {
                for headers in [&[][..], &[TOKEN]] {
                    send(&server.root(), &format!("{method} /__world/x/__admin{path}"), headers, "").await;
                }
            }
        }
        for line in [
            "GET /__world/x/docs",
            "GET /__world/x/",
            "GET /__world/x/openapi.json",
            "GET /__world/x/nothing",
            "OPTIONS /__world/x/pod/v1/admin/user/1/status",
            "DELETE /__world/x/pod/v1/admin/user/1/status",
            "DELETE /__world/x/__admin/worlds",
        ] {
            send(&server.root(), line, &[TOKEN], "").await;
        }
        assert_eq!(names(&server).await, json!(["default"]), "{token}");
    }
}

#[tokio::test]
async fn a_world_made_without_the_token_takes_the_place_of_none_made_with_it() {
    let server = start(3, true).await;
    for name in ["mine", "also-mine"] {
        assert_eq!(
            send(&server.root(), "POST /__admin/reset", &[TOKEN, ("x-mock-world", name)], "").await.status(),
            204
        );
    }
    let mine = server.engine().named_world("mine").unwrap();
    mine.fault(Fault::hang()).unwrap();
    for i in 0..20 {
        call(&server, &format!("stranger-{i}"), &[]).await;
        send(&server.root(), &format!("GET /__world/other-{i}/__admin/health"), &[], "").await;
    }
    assert_eq!(names(&server).await, json!(["default", "also-mine", "mine", "stranger-0"]));
    assert_eq!(mine.snapshot().to_json()["faults"].as_array().unwrap().len(), 1);
    // The owner's next one takes a stranger's place, though that is in use, and none of the owner's.
    call(&server, "stranger-0", &[]).await;
    let third = [TOKEN, ("x-mock-world", "third")];
    assert_eq!(send(&server.root(), "POST /__admin/reset", &third, "").await.status(), 204);
    assert_eq!(names(&server).await, json!(["default", "also-mine", "mine", "third"]));
    assert_eq!(call(&server, "stranger-0", &[]).await.status(), 503);
    // A stranger's becomes the owner's when the owner asks for it.
    let server = start(1, true).await;
    assert_eq!(call(&server, "shared", &[]).await.status(), 200);
    assert_eq!(
        send(&server.root(), "GET /__admin/users", &[TOKEN, ("x-mock-world", "shared")], "").await.status(),
        200
    );
    assert_eq!(call(&server, "another", &[]).await.status(), 503);
    let other = [TOKEN, ("x-mock-world", "other")];
    assert_eq!(send(&server.root(), "POST /__admin/reset", &other, "").await.status(), 503, "it is in use");
}

/// What a page of another origin can make a browser send without asking: forms, images, scripts and links; and, to the
/// operations, everything.
#[tokio::test]
async fn a_page_of_somebody_else_takes_the_place_of_no_world_and_reads_nothing() {
    let server = start(2, false).await;
    for name in ["mine", "also-mine"] {
        assert_eq!(send(&server.root(), "POST /__admin/reset", &[("x-mock-world", name)], "").await.status(), 204);
    }
    let pages: [&[(&str, &str)]; 6] = [
        &[("origin", "https://elsewhere.example")],
        &[("origin", "null"), ("content-type", "text/plain")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("sec-fetch-site", "same-site"), ("sec-fetch-dest", "script")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")],
    ];
    for (i, page) in pages.iter().enumerate() {
        call(&server, &format!("page-{i}"), page).await;
        for line in ["GET /__admin/credentials", "POST /__admin/reset", "GET /__admin/health", "DELETE /__admin/faults"]
        {
            let answer = send(&server.root(), &line.replace("/__", &format!("/__world/w{i}/__")), page, "").await;
            assert_eq!(answer.status(), 403, "{line} {page:?}");
        }
        let docs = send(&server.root(), "GET /docs", page, "").await;
        assert!(
            !docs.text().contains("mock-symphony-session-token") && docs.header("set-cookie").is_empty(),
            "{page:?}"
        );
    }
    assert_eq!(names(&server).await, json!(["default", "also-mine", "mine"]));
    // A name that was made to lead here.
    let authority = server.root().replace("http://", "");
    let rebound = |line: &str| format!("{line} HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n");
    for line in ["GET /__world/r/__admin/credentials", "GET /__world/r/pod/v1/admin/user/1/status"] {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
        stream.write_all(rebound(line).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
    assert_eq!(names(&server).await, json!(["default", "also-mine", "mine"]));
    // The server's own page may.
    let own = [("origin", server.root()), ("sec-fetch-site", "same-origin".to_owned())];
    let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(send(&server.root(), "GET /__admin/credentials", &own, "").await.status(), 200);
    assert!(send(&server.root(), "GET /docs", &own, "").await.text().contains("mock-symphony-session-token"));
}

/// No answer is taken for what it is not, and none of the mock's own is framed, cached or read by other pages.
#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    for token in [false, true] {
        let server = start(2, token).await;
        let lines = [
            "GET /docs",
            "GET /",
            "GET /openapi.json",
            "GET /openapi.yaml",
            "PUT /docs",
            "GET /__admin/health",
            "GET /__admin/openapi.yaml",
            "GET /__admin/credentials",
            "GET /__admin/nothing",
            "OPTIONS /__admin/reset",
            "POST /__admin/reset",
        ];
        for line in lines {
            let answer = send(&server.root(), line, &[], "").await;
            let one = |name: &str| answer.header(name).join("|");
            assert_eq!(one("x-content-type-options"), "nosniff", "{line}");
            assert!(one("content-security-policy").contains("frame-ancestors 'none'"), "{line}");
            assert_eq!(one("x-frame-options"), "DENY", "{line}");
            assert_eq!(one("referrer-policy"), "no-referrer", "{line}");
            assert_eq!(one("cross-origin-resource-policy"), "same-origin", "{line}");
            assert_eq!(one("cache-control"), "no-store", "{line}");
        }
        for line in [LINE, "GET /nothing", "DELETE /pod/v1/admin/user/1/status", "OPTIONS /api/users/1"] {
            let answer = send(&server.root(), line, &[], "").await;
            assert_eq!(answer.header("x-content-type-options"), ["nosniff"], "{line}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_encoded_is_refused_with_the_reason_and_kept_in_the_journal() {
    let server = start(2, false).await;
    for coding in ["gzip", "br", "deflate", "identity, gzip", "x-gzip"] {
        for line in [LINE, "POST /__admin/faults"] {
            let headers = [("content-encoding", coding), ("content-type", "application/json")];
            let answer = send(&server.root(), line, &headers, "\u{1f}not what it seems").await;
            assert_eq!((answer.status(), answer.header("accept-encoding")), (415, vec!["identity"]), "{line} {coding}");
            assert!(answer.text().contains("/header/content-encoding must be `identity`"), "{}", answer.text());
        }
        let last = server.journal().pop().unwrap();
        assert_eq!((last.status, last.operation), (Some(415), Some("updateUserStatus")));
        assert_eq!(last.violations[0].location, "/header/content-encoding");
        assert!(last.headers.contains(&("content-encoding".to_owned(), coding.to_owned())));
    }
    assert_eq!(call(&server, "default", &[("content-encoding", "identity")]).await.status(), 200);
    assert_eq!(call(&server, "default", &[("content-encoding", "")]).await.status(), 200);
    let read = [("sessionToken", "mock-symphony-session-token"), ("content-encoding", "gzip")];
    assert_eq!(send(&server.root(), "GET /pod/v1/admin/user/7215545078541/status", &read, "").await.status(), 200);
}
