//! The way to a system: proxies, certificates, and what is said of each that does not lead there.

mod common;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Folder, Ran};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

const USER: &str = "7215545078541";
const TOKEN: &str = "canary-0123456789";

/// An authority that nobody trusts but who is told to, in a folder with its certificate.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: Folder,
}

impl Authority {
    fn new() -> Authority {
        Authority::named("the authority")
    }

    fn named(name: &str) -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let folder = Folder::new();
        folder.write("ca.pem", &certificate.pem());
        Authority { issuer: Issuer::new(parameters, key), folder }
    }

    /// Where its certificate is.
    fn file(&self) -> String {
        self.folder.path("ca.pem").to_str().unwrap().to_owned()
    }

    /// A server's certificate, with what is different about it.
    fn server(&self, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut parameters = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        server(&certificate, &key)
    }
}

fn server(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

/// Something that listens, on a port of its own, for as long as the test runs.
struct Place {
    port: u16,
    /// The number of connections that it had.
    connections: Arc<AtomicUsize>,
    /// The heads that it read.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Place {
    fn new(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) -> io::Result<()> + Send + Sync + 'static) -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, heads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
        let place = Place { port, connections: connections.clone(), heads: heads.clone() };
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (serve, heads) = (serve.clone(), heads.clone());
                // Whoever speaks to it may go away at any time.
                thread::spawn(move || serve(stream, &heads));
            }
        });
        place
    }

    /// Answers every request with 404, over TLS.
    fn tls(config: Arc<ServerConfig>) -> Place {
        Place::new(move |stream, heads| {
            let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            answer(StreamOwned::new(connection, stream), heads, NOT_FOUND)
        })
    }

    /// A proxy that answers every CONNECT with this head.
    fn proxy(head: &'static str) -> Place {
        Place::new(move |stream, heads| answer(stream, heads, head))
    }

    /// A proxy that lets everything through.
    fn open_proxy() -> Place {
        Place::new(|mut stream, heads| {
            let head = read_head(&mut stream)?;
            let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
            heads.lock().unwrap().push(head);
            let mut there = TcpStream::connect(target)?;
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            let (mut from, mut to) = (stream.try_clone()?, there.try_clone()?);
            thread::spawn(move || io::copy(&mut from, &mut to));
            io::copy(&mut there, &mut stream).map(drop)
        })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn https(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn answer(mut stream: impl Read + Write, heads: &Mutex<Vec<String>>, head: &str) -> io::Result<()> {
    let request = read_head(&mut stream)?;
    heads.lock().unwrap().push(request);
    stream.write_all(head.as_bytes())?;
    stream.flush()
}

fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// Returns what a call to this address ends with, and the error as programs get it.
fn call(base_url: &str, environment: &[(&str, &str)]) -> (Ran, Value) {
    call_with(base_url, "", environment)
}

/// The same, with these lines in the profile.
fn call_with(base_url: &str, lines: &str, environment: &[(&str, &str)]) -> (Ran, Value) {
    let folder = Folder::pod(base_url, &format!("session_token = {{ env = \"POD_TOKEN\" }}\n{lines}"));
    let mut all = vec![("POD_TOKEN", TOKEN)];
    // Nothing of the machine's own.
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        all.push((name, ""));
    }
    all.extend(environment);
    let ran = folder.run(&["--json", "set", "pod", USER, "disable", "--no-verify"], &all);
    ran.kept(TOKEN).kept("hunter2");
    let error = serde_json::from_str::<Value>(&ran.stderr).unwrap_or_default()["error"].take();
    (ran, error)
}

#[track_caller]
fn ended(error: &Value, problem: &str, attempts: u64, parts: &[&str]) {
    assert_eq!(error["connection_problem"], problem, "{error:#}");
    assert_eq!(error["applied"], "no", "{error:#}");
    assert_eq!(error["attempts"], attempts, "{error:#}");
    let said = format!("{} {}", error["message"].as_str().unwrap(), error["next"].as_str().unwrap_or_default());
    for part in parts {
        assert!(said.contains(part), "{said}\nlacks {part}");
    }
    assert_eq!(said.contains("Is the system running?"), matches!(problem, "refused" | "proxy_cannot_reach"), "{said}");
}

#[test]
fn each_certificate_that_is_no_good_is_called_what_it_is_and_not_tried_again() {
    let authority = Authority::new();
    let file = authority.file();
    let trusted = [("SSL_CERT_FILE", file.as_str())];
    let good = Place::tls(authority.server(|_| {}));
    let (_, error) = call(&good.https(), &trusted);
    assert_eq!((error["status"].as_u64(), good.heads().len()), (Some(404), 1), "{error:#}");

    // Others' certificates, without which nothing here would be trusted at all: of another name, and of the same with
    // another key, as after a renewal.
    for (name, part) in
        [("another", "issued by nobody who is trusted here"), ("the authority", "if the authority was renewed")]
    {
        let other = Authority::named(name);
        let (_, error) = call(&good.https(), &[("SSL_CERT_FILE", &other.file())]);
        ended(&error, "unknown_issuer", 1, &["localhost:", "SSL_CERT_FILE", "SSL_CERT_DIR", part]);
    }

    let expired = authority.server(|it| it.not_after = date_time_ymd(2001, 2, 3));
    let early = authority.server(|it| it.not_before = date_time_ymd(2900, 2, 3));
    let name = authority.server(|it| {
        *it = CertificateParams::new(["pod.acme.example".to_owned()]).unwrap();
    });
    let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = parameters.self_signed(&key).unwrap();
    authority.folder.write("own.pem", &own.pem());
    let own_file = authority.folder.path("own.pem");
    let own_file = [("SSL_CERT_FILE", own_file.to_str().unwrap())];
    for (config, environment, problem, part) in [
        (expired, &trusted, "expired", "expired at 2001-02-03T00:00:00Z"),
        (early, &trusted, "not_yet_valid", "from 2900-02-03T00:00:00Z on, and the clock here shows 20"),
        (name, &trusted, "other_name", "pod.acme.example"),
        (server(&own, &key), &own_file, "authority_certificate", "basicConstraints=critical,CA:FALSE"),
    ] {
        let place = Place::tls(config);
        let (_, error) = call(&place.https(), environment);
        ended(&error, problem, 1, &[part]);
        assert_eq!((place.connections(), place.heads().len()), (1, 0), "{problem}");
    }

    // A certificate of its own that is no authority's is taken, as the words above promise.
    let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.is_ca = IsCa::ExplicitNoCa;
    let own = parameters.self_signed(&key).unwrap();
    authority.folder.write("own.pem", &own.pem());
    let (_, error) = call(&Place::tls(server(&own, &key)).https(), &own_file);
    assert_eq!(error["status"].as_u64(), Some(404), "{error:#}");
}

#[test]
fn what_speaks_no_tls_or_not_at_all_is_called_what_it_is() {
    let authority = Authority::new();
    let file = authority.file();
    let trusted = [("SSL_CERT_FILE", file.as_str())];
    let plain = Place::new(|mut stream, _| {
        stream.read_exact(&mut [0; 5])?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    let (_, error) = call(&plain.https(), &trusted);
    ended(&error, "not_tls", 1, &["does not speak TLS", "plain http"]);
    assert_eq!(plain.connections(), 1);

    let closing = Place::new(|mut stream, _| stream.read_exact(&mut [0; 5]));
    let (_, error) = call(&closing.https(), &trusted);
    ended(&error, "closed", 4, &["closed the connection before it could be used"]);

    let silent = Place::new(|mut stream, _| io::copy(&mut stream, &mut io::sink()).map(drop));
    let (_, error) = call_with(&silent.https(), "connect_timeout = 1", &trusted);
    ended(&error, "timed_out", 4, &["in time", "HTTPS_PROXY"]);

    // The other way around: the request left, in clear on this machine, and nobody read it.
    let secure = Place::tls(authority.server(|_| {}));
    let (_, error) = call(&format!("http://127.0.0.1:{}", secure.port), &[]);
    assert_eq!(error["applied"], "unknown", "{error:#}");
    assert!(error["message"].as_str().unwrap().contains("does not speak HTTP; is the port right, or is it https?"));

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_, error) = call(&format!("https://127.0.0.1:{port}"), &trusted);
    ended(&error, "refused", 4, &[&format!("nothing accepts connections at 127.0.0.1:{port}")]);
    let (_, error) = call(&format!("http://127.0.0.1:{port}"), &[]);
    ended(&error, "refused", 4, &["Is the system running?"]);
    let (_, error) = call("https://nobody.invalid", &trusted);
    ended(&error, "unknown_name", 4, &["nobody.invalid:443 cannot be resolved (DNS)", "Is `base_url` right"]);
}

#[test]
fn trust_that_is_not_there_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    authority.folder.write("text.pem", "no certificate\n");
    let path = |name: &str| authority.folder.path(name).to_str().unwrap().to_owned();
    let place = Place::tls(authority.server(|_| {}));
    for (variable, value, part) in [
        ("SSL_CERT_FILE", path("none.pem"), "none.pem: No such file"),
        ("SSL_CERT_FILE", path("text.pem"), "there is no certificate in it"),
        ("SSL_CERT_DIR", path("none"), "none: No such file"),
    ] {
        let (ran, _) = call(&place.https(), &[(variable, &value)]);
        ran.ended(8).said(variable).said(part);
    }
    let folder = path("");
    let (_, error) = call(&place.https(), &[("SSL_CERT_DIR", &folder)]);
    assert_eq!(error["status"].as_u64(), Some(404), "{error:#}");
    assert_eq!(place.connections(), 1);
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_and_never_passed_by() {
    let authority = Authority::new();
    let file = authority.file();
    let place = Place::tls(authority.server(|_| {}));
    for (variable, value) in [
        ("HTTPS_PROXY", "garbage"),
        ("https_proxy", "http://u:hunter2@ss@127.0.0.1:1"),
        ("ALL_PROXY", "socks5://u:hunter2@127.0.0.1:1080"),
        ("all_proxy", "http://127.0.0.1:port"),
    ] {
        let (ran, _) = call(&place.https(), &[("SSL_CERT_FILE", &file), (variable, value)]);
        ran.ended(8).said(variable).said("http://name:password@proxy.example:3128");
    }
    assert_eq!(place.connections(), 0);
}

#[test]
fn a_proxy_is_used_and_its_exceptions_hold_for_addresses() {
    let authority = Authority::new();
    let file = authority.file();
    let place = Place::tls(authority.server(|_| {}));
    let proxy = Place::open_proxy();
    let address = format!("http://u:p%40hunter2@127.0.0.1:{}", proxy.port);
    let with = |base_url: &str, exceptions: &str| {
        let (_, error) =
            call(base_url, &[("SSL_CERT_FILE", &file), ("HTTPS_PROXY", &address), ("NO_PROXY", exceptions)]);
        assert_eq!(error["status"].as_u64(), Some(404), "{error:#}");
        proxy.connections()
    };
    let (name, number) = (place.https(), format!("https://127.0.0.1:{}", place.port));
    assert_eq!(with(&name, ""), 1);
    assert_eq!(with(&number, "10.0.0.0/8"), 2);
    for exceptions in ["*", "127.0.0.1", "127.0.0.0/8", &format!("127.0.0.1:{}", place.port)] {
        assert_eq!(with(&number, exceptions), 2, "{exceptions}");
    }
    for exceptions in ["*", "localhost", ".localhost"] {
        assert_eq!(with(&name, exceptions), 2, "{exceptions}");
    }
    let head = &proxy.heads()[0];
    assert!(head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", place.port)), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic dtpwqgh1bnrlcji=\r\n"), "{head}");
}

#[test]
fn what_a_proxy_says_is_told_and_refused_credentials_are_not_sent_again() {
    let authority = Authority::new();
    let file = authority.file();
    let place = Place::tls(authority.server(|_| {}));
    let base_url = place.https();
    let through = |proxy: &str| call(&base_url, &[("SSL_CERT_FILE", &file), ("HTTPS_PROXY", proxy)]).1;

    let proxy = Place::proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let error = through(&format!("http://127.0.0.1:{}", proxy.port));
    ended(&error, "proxy_credentials_missing", 1, &["HTTPS_PROXY", "wants a name and a password (407)"]);
    assert_eq!(proxy.connections(), 1);
    let error = through(&format!("http://u:hunter2@127.0.0.1:{}", proxy.port));
    ended(&error, "proxy_credentials_refused", 1, &["HTTPS_PROXY", "refuses the name and password (407)"]);
    assert_eq!(proxy.connections(), 2, "credentials that were refused went again");

    for (head, problem, attempts, part) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "proxy_forbids", 1, "lets nobody through to localhost:"),
        ("HTTP/1.1 405 Method Not Allowed\r\n\r\n", "proxy_forbids", 1, "(405)"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy_cannot_reach", 4, "does not reach localhost:"),
        ("HTTP/1.0 504 Gateway Timeout\r\n\r\n", "proxy_cannot_reach", 4, "(504)"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", "proxy_failed", 4, "gave no tunnel"),
    ] {
        let proxy = Place::proxy(head);
        let error = through(&format!("http://127.0.0.1:{}", proxy.port));
        ended(&error, problem, attempts, &[part, &format!("127.0.0.1:{} (HTTPS_PROXY)", proxy.port)]);
    }

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = through(&format!("http://u:hunter2@127.0.0.1:{port}"));
    let part = format!("the proxy cannot be reached: nothing accepts connections at 127.0.0.1:{port} (HTTPS_PROXY)");
    ended(&error, "proxy_unreachable", 4, &[&part]);

    // A proxy that is spoken to over TLS says as much.
    let config = authority.server(|_| {});
    let proxy = Place::new(move |stream, heads| {
        let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        answer(StreamOwned::new(connection, stream), heads, "HTTP/1.1 403 Forbidden\r\n\r\n")
    });
    let error = through(&format!("https://localhost:{}", proxy.port));
    ended(&error, "proxy_forbids", 1, &["(403)"]);
    assert_eq!(place.connections(), 0, "a proxy was passed by");
}
