//! Requests made of the contract, sent as bytes, and everything that comes back, for the modules that look at the wire.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use user_status_mock::SystemKind;
use user_status_openapi::{Contract, Location, MediaType, Operation, Parameter, SchemeKind, pointer};
use user_status_tests::Message;

/// After this long a connection that should have ended is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same for every server, so that answers and journals do not differ by the port.
pub(crate) const HOST: &str = "localhost:4010";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &str, target: &str) -> Call {
        Call {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An operation of the contract: its path with the examples of the parameters, and the first example of a JSON body.
    pub(crate) fn of(operation: &Operation, credentials: &Value) -> Call {
        let call = Call::new(&operation.method, &target(operation)).credentials(credentials);
        match examples(operation).into_iter().next() {
            Some((media_type, _, example)) => call.example(media_type, example, credentials),
            None => call,
        }
    }

    pub(crate) fn at(self, target: &str) -> Call {
        Call { target: target.to_owned(), ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Call {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Call {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Call {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With credentials as the admin API lists them.
    pub(crate) fn credentials(self, listed: &Value) -> Call {
        let names = listed.as_object().into_iter().flatten();
        names.fold(self, |call, (name, value)| {
            let value = value.as_str().unwrap();
            match name.as_str() {
                "bearer" => call.header("authorization", &format!("Bearer {value}")),
                cookie if is_cookie(cookie) => call.header("cookie", &format!("{cookie}={value}")),
                header => call.header(header, value),
            }
        })
    }

    /// With an example of the contract as the body, in the form of its media type. Where the example has a credential,
    /// the body has that of the caller.
    pub(crate) fn example(self, media_type: &MediaType, example: &Value, credentials: &Value) -> Call {
        let contract = Contract::embedded();
        let mut example = example.clone();
        for (name, value) in example.as_object_mut().unwrap() {
            let property =
                contract.resolve(&pointer::join(&format!("{}/properties", media_type.schema), name)).unwrap();
            if property["x-credential"] == true {
                *value = credentials.get("bearer").cloned().unwrap_or_else(|| "none".into());
            }
        }
        let body = if media_type.name.ends_with("xml") {
            let schema = contract.resolve(&media_type.schema).unwrap();
            let root = schema["xml"]["name"].as_str().unwrap();
            let members = example.as_object().unwrap().iter();
            let members = members.map(|(name, value)| format!("<{name}>{}</{name}>", value.as_str().unwrap()));
            format!("<{root}>{}</{root}>", members.collect::<String>())
        } else {
            example.to_string()
        };
        self.header("content-type", &media_type.name).body(body)
    }

    /// The bytes of the request: the last one of its connection, unless it says otherwise.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut text = format!("{} {} {}\r\n", self.method, self.target, self.version);
        let mut line = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        if !has("host") {
            line("host", HOST);
        }
        if !has("connection") {
            line("connection", "close");
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        if !self.body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            line("content-length", &self.body.len().to_string());
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }
}

fn is_cookie(name: &str) -> bool {
    name.starts_with("AtmoAuthToken_")
}

/// The path of an operation below the root of a server, with the examples of its parameters.
pub(crate) fn target(operation: &Operation) -> String {
    target_with(operation, |_, example| example)
}

/// As [`target`], each parameter by its name and example.
pub(crate) fn target_with(operation: &Operation, value: impl Fn(&str, String) -> String) -> String {
    let contract = Contract::embedded();
    let path = format!("{}{}", contract.base_path(operation.system), operation.path);
    let parameters = operation.parameters.iter().filter(|parameter| parameter.location == Location::Path);
    parameters.fold(path, |path, parameter| {
        let example = example_of(parameter);
        path.replace(&format!("{{{}}}", parameter.name), &value(&parameter.name, example))
    })
}

/// The query of an operation, with the examples of its parameters; empty if it has none.
pub(crate) fn query(operation: &Operation) -> String {
    let parameters = operation.parameters.iter().filter(|parameter| parameter.location == Location::Query);
    let pairs: Vec<String> =
        parameters.map(|parameter| format!("{}={}", parameter.name, encoded(&example_of(parameter)))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The example of a parameter, as text.
pub(crate) fn example_of(parameter: &Parameter) -> String {
    match Contract::embedded().resolve(&format!("{}/example", parameter.pointer)).unwrap() {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as the value of a query, every byte encoded that need be.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte);
    let each = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(each).collect()
}

/// The examples of an operation's request bodies, of all media types: media type, name and value.
pub(crate) fn examples(operation: &Operation) -> Vec<(&'static MediaType, &'static str, &'static Value)> {
    let contract = Contract::embedded();
    let operation = contract.operation(&operation.id).unwrap();
    let content = operation.request_body.iter().flat_map(|body| &body.content);
    content.flat_map(|media_type| examples_of(media_type).map(move |(name, value)| (media_type, name, value))).collect()
}

/// The examples of a media type: name and value.
pub(crate) fn examples_of(media_type: &MediaType) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let contract = Contract::embedded();
    let at = format!("{}/examples", media_type.pointer);
    let examples = contract.resolve(&at).and_then(Value::as_object).into_iter().flatten();
    examples.map(move |(name, _)| {
        let example = contract.resolve(&pointer::join(&at, name)).unwrap();
        (name.as_str(), &example["value"])
    })
}

/// The names under which an operation's credentials travel, with the same value for all.
pub(crate) fn credentials_of(operation: &Operation, value: &str) -> Value {
    let names = operation.security[0].iter().map(|name| match &Contract::embedded().scheme(name).unwrap().kind {
        SchemeKind::Header(name) | SchemeKind::Cookie(name) => name.clone(),
        SchemeKind::Bearer => "bearer".to_owned(),
    });
    names.map(|name| (name, Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// The operations that change an account.
pub(crate) fn changes() -> impl Iterator<Item = &'static Operation> {
    Contract::embedded().operations().iter().filter(|operation| !operation.changes.is_empty())
}

/// The user of an operation's examples.
pub(crate) fn user(operation: &Operation) -> &'static str {
    use user_status_mock::world;
    match operation.system {
        SystemKind::Userdocks => world::USERDOCKS_USER,
        SystemKind::Akana => world::AKANA_USER,
        SystemKind::Mediconnect => "42",
        SystemKind::Symphony => "7215545078541",
        SystemKind::Clearsquare => world::CLEARSQUARE_USER,
        SystemKind::Scim => world::SCIM_USER,
    }
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With FIN.
    Closed,
    /// With RST.
    Reset,
}

/// What came on a connection.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// What came with each read.
    pub(crate) reads: Vec<Vec<u8>>,
    pub(crate) end: End,
}

impl Received {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.reads.concat()
    }

    /// The bytes after the first head, and the head itself.
    pub(crate) fn head_and_body(&self) -> (Message, Vec<u8>) {
        let bytes = self.bytes();
        let (message, rest) = head(&bytes).unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(&bytes)));
        (message, rest.to_vec())
    }

    /// The one whole answer, after which the connection was closed.
    #[track_caller]
    pub(crate) fn answer(&self, method: &str) -> Message {
        assert_eq!(self.end, End::Closed);
        let mut answers = answers(&self.bytes(), &[method]);
        answers.remove(0)
    }
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends bytes on a connection of their own, and reads until the server ends it.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Received {
    let mut stream = connect(address).await;
    stream.write_all(bytes).await.unwrap();
    receive(&mut stream).await
}

/// The answer to a call.
pub(crate) async fn answer(address: SocketAddr, call: &Call) -> Message {
    send(address, &call.bytes()).await.answer(&call.method)
}

/// Reads until the server ends the connection.
pub(crate) async fn receive(stream: &mut TcpStream) -> Received {
    let mut reads = Vec::new();
    let mut space = vec![0; 256 << 10];
    loop {
        let end = match timeout(PATIENCE, stream.read(&mut space)).await.expect("the connection ends") {
            Ok(0) => End::Closed,
            Ok(count) => {
                reads.push(space[..count].to_vec());
                continue;
            }
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => End::Reset,
            Err(e) => panic!("{e}"),
        };
        return Received { reads, end };
    }
}

/// Waits until something is so.
pub(crate) async fn until(so: impl AsyncFn() -> bool) {
    let wait = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it becomes so");
}

/// Returns the number of calls that the faults of the default world have struck.
pub(crate) async fn struck(address: SocketAddr) -> u64 {
    let faults = answer(address, &Call::new("GET", "/__admin/faults")).await.json();
    faults["faults"].as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum()
}

/// The head at the start of these bytes, and the bytes after it.
fn head(bytes: &[u8]) -> Option<(Message, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.split("\r\n");
    let mut message = Message { first_line: lines.next()?.to_owned(), ..Message::default() };
    message.headers =
        lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Some((message, &bytes[end + 4..]))
}

/// The answers to requests with these methods, interim ones too. Nothing is missing, and nothing is left over.
#[track_caller]
pub(crate) fn answers(mut bytes: &[u8], methods: &[&str]) -> Vec<Message> {
    let mut answers = Vec::new();
    let mut methods = methods.iter();
    while !bytes.is_empty() {
        let (mut message, rest) = head(bytes).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(bytes)));
        bytes = rest;
        let status = message.status();
        if status >= 200 {
            let method = methods.next().unwrap_or_else(|| panic!("one answer too many: {message:?}"));
            let length = message.header("content-length").first().map_or(0, |length| length.parse().unwrap());
            let length = if *method == "HEAD" || [204, 304].contains(&status) { 0 } else { length };
            assert!(bytes.len() >= length, "{message:?} has {} bytes", bytes.len());
            let (body, rest) = bytes.split_at(length);
            (message.body, bytes) = (body.to_vec(), rest);
        }
        answers.push(message);
    }
    assert_eq!(methods.next(), None, "an answer is missing after {answers:?}");
    answers
}
