//! The engine inside a Rust test, over `wiremock`.

use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use user_status_openapi::{Contract, SystemKind};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::engine::{Engine, Options};
use crate::world::World;

/// The priority of the contract: the lowest, so that every mock that a test mounts comes first.
const LOWEST: u8 = u8::MAX;

/// A server on a free port of this machine that implements the contract, each with a world of its own. It is used as that
/// [`World`]. When it is dropped, it verifies what was [expected](World::expect).
///
/// ```
/// use user_status_mock::{MockServer, SystemKind};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = MockServer::start().await;
/// assert!(server.uri(SystemKind::Symphony).ends_with("/pod"));
/// let status = server.status(SystemKind::Mediconnect, "42").unwrap();
/// assert_eq!(status.enabled, Some(true));
/// # }
/// ```
///
/// It is a [`wiremock::MockServer`] underneath, on which a test mounts mocks and expectations of its own. They come
/// before the contract:
///
/// ```
/// use user_status_mock::MockServer;
/// use wiremock::{Mock, ResponseTemplate, matchers::path_regex};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = MockServer::start().await;
/// let outage = Mock::given(path_regex("^/pod/")).respond_with(ResponseTemplate::new(503)).expect(0..=1);
/// outage.mount(server.wiremock()).await;
/// # }
/// ```
#[derive(Debug)]
pub struct MockServer {
    server: wiremock::MockServer,
    engine: Arc<Engine>,
}

impl MockServer {
    /// Starts a server with the default world on a free port of this machine.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start() -> MockServer {
        MockServer::start_with(Options::default()).await
    }

    /// Starts a server that is set up otherwise, on a free port of this machine.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start_with(options: Options) -> MockServer {
        // A listener of its own: the pool behind `wiremock::MockServer::start` hands ports out again while clients of
        // the server before may still use them.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine can be bound");
        let server = wiremock::MockServer::builder().listener(listener).start().await;
        let engine = Arc::new(Engine::with(options.without_wire_faults()));
        let contract =
            Mock::given(wiremock::matchers::any()).respond_with(Answers(engine.clone())).with_priority(LOWEST);
        contract.mount(&server).await;
        MockServer { server, engine }
    }

    /// Returns the base URL for a system, such as `http://127.0.0.1:PORT/pod` for Symphony.
    pub fn uri(&self, system: SystemKind) -> String {
        format!("{}{}", self.server.uri(), Contract::embedded().base_path(system))
    }

    /// Returns the URL of the server itself, such as `http://127.0.0.1:PORT`.
    pub fn root(&self) -> String {
        self.server.uri()
    }

    /// Returns the engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the server underneath: for mocks and expectations that come before the contract, and for the requests received.
    pub fn wiremock(&self) -> &wiremock::MockServer {
        &self.server
    }
}

impl Deref for MockServer {
    type Target = World;

    fn deref(&self) -> &World {
        self.engine.world()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.engine.verify_on_drop();
    }
}

/// The engine as a responder.
struct Answers(Arc<Engine>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut plain = http::Request::new(Bytes::copy_from_slice(&request.body));
        *plain.method_mut() = request.method.clone();
        *plain.headers_mut() = request.headers.clone();
        let target = match request.url.query() {
            Some(query) => format!("{}?{query}", request.url.path()),
            None => request.url.path().to_owned(),
        };
        match target.parse() {
            Ok(uri) => *plain.uri_mut() = uri,
            Err(_) => return ResponseTemplate::new(400),
        }

        let reply = self.0.handle(&plain);
        if reply.wire.is_some() {
            // It is in the document with which the world began.
            return ResponseTemplate::new(500).set_body_string("this transport cannot break the wire");
        }
        let (parts, body) = reply.response.into_parts();
        // As bytes: a body of a type would get this header from the type, and one that is not ASCII would be lost.
        let mut template = ResponseTemplate::new(parts.status.as_u16()).set_body_bytes(body.to_vec());
        if let Some(delay) = reply.delay {
            template = template.set_delay(delay);
        }
        for (name, value) in &parts.headers {
            template = template.append_header(name, value);
        }
        template
    }
}
