//! The program `user-status-mock` as a person meets it: what it prints, what it refuses, how it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_user-status-mock"));
    // What the machine has set must not decide.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("USER_STATUS_MOCK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A program that runs, killed at the end of the test.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    banner: String,
    address: String,
}

impl Running {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Running {
        let mut command = program();
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("\nAdmin ") {
            let read = stdout.read_line(&mut banner).unwrap();
            assert!(read > 0, "it ended: {banner}");
        }
        let address = banner.split("://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        Running { child, stderr, banner, address }
    }

    fn send(&self, line: &str, headers: &[&str], body: &str) -> String {
        send(&self.address, line, headers, body)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended; with what it said.
    fn ended(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request by hand, and reads the whole answer.
fn send(address: &str, line: &str, headers: &[&str], body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}");
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Runs the program until it ends by itself: exit code and standard error.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = program().args(arguments).envs(environment.iter().copied()).output().unwrap();
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A file that is gone at the end of the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Temporary {
        let path = std::env::temp_dir().join(format!("user-status-mock-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Temporary(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const DISABLE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const HEADERS: [&str; 2] = ["sessionToken: mock-symphony-session-token", "content-type: application/json"];

#[test]
fn the_banner_says_where_it_is_what_opens_it_and_a_call_that_works() {
    let running = Running::start(&[], &[]);
    let (banner, root) = (&running.banner, format!("http://{}", running.address));
    for part in [
        format!("listens on {root}\n"),
        format!("symphony\n    base URL   {root}/pod\n"),
        "    X-API-KEY: mock-userdocks-write-key\n".to_owned(),
        "    Cookie: AtmoAuthToken_acmepaymentscorp=TokenID%3Dmock-akana-admin-session\n".to_owned(),
        "    sessionToken: mock-symphony-session-token\n".to_owned(),
        format!("Docs   {root}/docs\n"),
        format!("Admin  {root}/__admin/openapi.yaml\n"),
    ] {
        assert!(banner.contains(&part), "{banner}\nlacks {part}");
    }
    // The call, as its words are.
    let call = banner.split("Try it:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let quoted: Vec<&str> = call.split('\'').skip(1).step_by(2).collect();
    let [token, content_type, body] = quoted[..] else { panic!("{call}") };
    let path = call.split_whitespace().last().unwrap().strip_prefix(&root).unwrap();
    let answer = running.send(&format!("POST {path}"), &[token, content_type], body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let docs = running.send("GET /docs", &[], "");
    assert!(
        docs.contains("content-type: text/html") && docs.contains("updateUserStatus") | docs.contains("/status/update")
    );
    let contract = running.send("GET /openapi.yaml", &[], "");
    assert!(contract.contains("operationId: updateUserStatus"));
}

#[test]
fn every_flag_is_a_variable_as_well() {
    let world = Temporary::new("world.yaml", "systems: { symphony: { users: { 1001: { status: DISABLED } } } }");
    let loose = r#"{"status":"ENABLED","suspendedUntil":"soon"}"#;
    let line = DISABLE.replace("7215545078541", "1001");
    let flags =
        ["--world", world.path(), "--seed", "7", "--lenient", "--log", "--admin-token", "hush-hush", "--workers", "1"];
    let more =
        ["--max-body", "50", "--journal-size", "1", "--max-worlds", "0", "--max-connections", "7", "--timeout", "9"];
    let more = [&more[..], &["--max-memory", "50000000"]].concat();
    let variables = [
        ("WORLD", world.path()),
        ("SEED", "7"),
        ("LENIENT", "true"),
        ("LOG", "true"),
        ("ADMIN_TOKEN", "hush-hush"),
        ("WORKERS", "1"),
        ("MAX_BODY", "50"),
        ("JOURNAL_SIZE", "1"),
        ("MAX_WORLDS", "0"),
        ("MAX_CONNECTIONS", "7"),
        ("TIMEOUT", "9"),
        ("MAX_MEMORY", "50000000"),
    ]
    .map(|(name, value)| (format!("USER_STATUS_MOCK_{name}"), value));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    for mut running in [Running::start(&[&flags[..], &more].concat(), &[]), Running::start(&[], &variables)] {
        assert!(running.banner.contains("with the admin token"));
        assert!(running.send(&line, &HEADERS, loose).starts_with("HTTP/1.1 200 "));
        let mut said = String::new();
        running.stderr.read_line(&mut said).unwrap();
        assert!(
            said.contains(" 200 POST /pod/v1/admin/user/1001/status/update operation=updateUserStatus user=1001"),
            "{said}"
        );
        assert!(said.contains("now=\"enabled, not suspended\""), "{said}");
        running.stderr.read_line(&mut said).unwrap();
        assert!(said.contains("/body/suspendedUntil must be integer, is string (by #/components/schemas/"), "{said}");
        assert!(!said.contains("mock-symphony-session-token"), "{said}");
        assert!(running.send(&line, &HEADERS, &"x".repeat(51)).starts_with("HTTP/1.1 413 "));
        assert!(running.send("GET /__admin/requests", &[], "").starts_with("HTTP/1.1 401 "));
        let token = "authorization: Bearer hush-hush";
        let requests = running.send("GET /__admin/requests", &[token], "");
        assert!(requests.contains("\"total\":1,\"dropped\":0"), "{requests}");
        assert!(running.send(&line, &["x-mock-world: other"], loose).starts_with("HTTP/1.1 503 "));
        assert!(running.send("GET /__admin/snapshot", &[token], "").contains("\"seed\":7,\"strict\":false"));
    }
}

#[test]
fn what_is_wrong_is_refused_with_what_where_and_what_would_be_right() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let broken = Temporary::new("broken.yaml", "systems:\n  symphony:\n    users: { 1: { status: GONE } }\n");
    let (tls, not_pem) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls"), Temporary::new("not.pem", "x"));
    let key = tls.join("key.pem");
    let key = key.to_str().unwrap();
    let pem = |name: &str| tls.join(name).to_str().unwrap().to_owned();
    let item = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let broken_key = Temporary::new("broken-key.pem", &item("PRIVATE KEY"));
    let broken_certificate = Temporary::new("broken-certificate.pem", &item("CERTIFICATE"));
    for (arguments, code, parts) in [
        (&["--nonsense"][..], 2, &["unexpected argument '--nonsense'", "Usage"][..]),
        (&["--listen", "nowhere"], 2, &["nowhere", "--listen <ADDR>"]),
        (&["--listen", &address], 1, &["error: cannot listen on 127.0.0.1:", "in use"]),
        (&["--listen", "0.0.0.0:0"], 1, &["error: 0.0.0.0:0 can be reached from other machines", "admin token"]),
        (&["--listen", "localhost"], 2, &["an address with a port", "localhost:4010"]),
        (&["--listen", "127.0.0.1"], 2, &["it has no port", "127.0.0.1:4010"]),
        (&["--listen", "::1"], 2, &["it has no port", "[::1]:4010"]),
        (&["--listen", "[::1]"], 2, &["it has no port", "[::1]:4010"]),
        (&["--listen", "99999"], 2, &["from 0 to 65535"]),
        (&["--listen", "*:80"], 2, &["0.0.0.0:80"]),
        (&["--listen", "http://127.0.0.1:80"], 2, &["must not have a scheme", "127.0.0.1:80"]),
        (&["--listen", "mock.example:80"], 2, &["is not looked up", "127.0.0.1:80"]),
        (&["--max-connections", "8192"], 1, &["--max-connections 8192", "--max-memory", "enough for 614"]),
        (&["--max-memory", "1000"], 2, &["at least 16777216 bytes"]),
        (&["--strict", "--lenient"], 1, &["cannot be used together"]),
        (&["--seed=-1"], 2, &["--seed"]),
        (&["--workers", "0"], 2, &["--workers"]),
        (&["--max-connections", "0"], 2, &["--max-connections"]),
        (&["--timeout", "0"], 2, &["--timeout", "1..=86400"]),
        (&["--admin-token", " "], 1, &["--admin-token must be visible ASCII"]),
        (&["--world", "/no/such/file.yaml"], 1, &["/no/such/file.yaml: No such file"]),
        (&["--world", broken.path()], 1, &[broken.path(), "/systems/symphony/users/1/status", "line 3", "ENABLED"]),
        (&["--tls-cert", "c.pem"], 2, &["--tls-key <FILE>"]),
        (&["--tls-cert", "/no/such.pem", "--tls-key", key], 1, &["/no/such.pem"]),
        (&["--tls-cert", not_pem.path(), "--tls-key", key], 1, &[not_pem.path(), "there is no certificate in it"]),
        (
            &["--tls-cert", tls.join("certificate.pem").to_str().unwrap(), "--tls-key", not_pem.path()],
            1,
            &[not_pem.path(), "there is no private key in it; it must be a PEM file"],
        ),
        (&["--tls-cert", key, "--tls-key", key], 1, &[key, "no certificate in it; what it has is `private key`"]),
        (
            &["--tls-cert", &pem("certificate.pem"), "--tls-key", &pem("certificate.pem")],
            1,
            &["certificate.pem: there is no private key in it; what it has is `certificate`"],
        ),
        (
            &["--tls-cert", &pem("certificate.pem"), "--tls-key", &pem("public-key.pem")],
            1,
            &["public-key.pem: there is no private key in it; what it has is `public key`"],
        ),
        (
            &["--tls-cert", &pem("certificate.pem"), "--tls-key", &pem("encrypted-key.pem")],
            1,
            &["encrypted-key.pem: the key in it is encrypted", "openssl pkey"],
        ),
        (
            &["--tls-cert", &pem("certificate.pem"), "--tls-key", &pem("other-key.pem")],
            1,
            &["other-key.pem: the key in it does not belong to the first certificate in ", "certificate.pem"],
        ),
        (&["--tls-cert", &pem("certificate.pem"), "--tls-key", "/no/such.pem"], 1, &["/no/such.pem: No such file"]),
        (
            &["--tls-cert", &pem("certificate.pem"), "--tls-key", broken_key.path()],
            1,
            &[broken_key.path(), "the key in it cannot be used"],
        ),
        (
            &["--tls-cert", broken_certificate.path(), "--tls-key", key],
            1,
            &[broken_certificate.path(), "the certificate in it cannot be used"],
        ),
    ] {
        let (found, said) = refused(arguments, &[]);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: {said}\nlacks {part}");
        }
    }
}

/// Each way to say where to listen, as a flag and as a variable, ends at an address of this machine alone.
#[test]
fn an_address_may_be_written_as_people_do() {
    for text in ["localhost:0", "LOCALHOST:0", ":0", "0", "127.0.0.1:0", "[::1]:0"] {
        for by_variable in [false, true] {
            if text.starts_with('[') && TcpListener::bind(text).is_err() {
                continue;
            }
            let mut command = program();
            if by_variable {
                command.env("USER_STATUS_MOCK_LISTEN", text);
            } else {
                command.args(["--listen", text]);
            }
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let _ = child.kill();
            let _ = child.wait();
            let host = if text.starts_with('[') { "http://[::1]:" } else { "http://127.0.0.1:" };
            assert!(line.contains(host), "{text}: {line}");
        }
    }
}

/// The flags, the variables, the defaults and the call that the README shows are those of the program.
#[test]
fn the_readme_says_what_the_program_says() {
    let readme = include_str!("../README.md");
    let help = String::from_utf8(program().arg("--help").output().unwrap().stdout).unwrap();
    let start = readme.lines().position(|line| line.starts_with("| Flag |")).unwrap();
    let rows = readme.lines().skip(start + 2).take_while(|line| line.starts_with('|'));
    let mut flags = Vec::new();
    for row in rows {
        for text in row.split(" | ").next().unwrap().split('`').skip(1).step_by(2) {
            let (flag, value) = text.split_once(' ').unwrap_or((text, ""));
            let shown = if value.is_empty() { flag.to_owned() } else { format!("{flag} <{value}>") };
            assert!(help.contains(&shown), "{shown}");
            flags.push(flag.to_owned());
        }
    }
    let known = help.lines().map(str::trim).filter(|line| line.starts_with("--"));
    for flag in known.map(|line| line.split_whitespace().next().unwrap()) {
        assert!(flags.iter().any(|shown| shown == flag), "the README lacks {flag}");
    }
    // Long lines are wrapped.
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for default in ["[default: 127.0.0.1:4010]", "[default: 1048576]", "[default: 512]", "[default: 30]"] {
        assert!(words.contains(default), "{default}: {words}");
    }
    assert!(words.contains(&format!("[default: {}]", 384 << 20)) && readme.contains("**384 MiB**"));
    for way in ["localhost:4010", ":4010", "4010", "[::1]:4010"] {
        assert!(readme.contains(&format!("`{way}`")), "{way}");
    }
    // The call is the one that the program prints, but for where it is.
    let call = |text: &str| {
        let call = text.split("Try it:\n").nth(1).unwrap();
        let lines: Vec<&str> = call.lines().take(2).map(str::trim).collect();
        lines.join(" ")
    };
    let running = Running::start(&[], &[]);
    let printed = call(&running.banner).replace(&running.address, "127.0.0.1:4010");
    assert_eq!(call(readme), printed);
}

#[test]
fn the_help_has_examples_and_shows_no_secret_of_the_environment() {
    let output = program().arg("--help").env("USER_STATUS_MOCK_ADMIN_TOKEN", "hush-hush").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        help.contains("Examples:\n") && help.contains("USER_STATUS_MOCK_ADMIN_TOKEN") && !help.contains("hush-hush")
    );
    for flag in [
        "listen",
        "world",
        "seed",
        "strict",
        "lenient",
        "log",
        "admin-token",
        "tls-cert",
        "tls-key",
        "workers",
        "max-body",
        "journal-size",
    ] {
        assert!(help.contains(&format!("--{flag}")), "{flag}");
    }
}

#[test]
fn a_signal_lets_requests_in_flight_end_and_a_second_one_does_not() {
    for (name, delay) in [("INT", 300), ("TERM", 300)] {
        let mut running = Running::start(&[], &[]);
        let slow = format!(r#"{{"kind":{{"delay":{{"milliseconds":{delay}}}}}}}"#);
        assert!(running.send("POST /__admin/faults", &[], &slow).starts_with("HTTP/1.1 201 "));
        let mut in_flight = TcpStream::connect(&running.address).unwrap();
        let request =
            format!("GET /pod/v1/admin/user/7215545078541/status HTTP/1.1\r\nhost: x\r\n{}\r\n\r\n", HEADERS[0]);
        in_flight.write_all(request.as_bytes()).unwrap();
        // The server has it when its fault has seen it.
        while !running.send("GET /__admin/faults", &[], "").contains("\"seen\":1") {}
        running.signal(name);
        let mut said = String::new();
        running.stderr.read_line(&mut said).unwrap();
        assert!(said.contains("stopping"), "{said}");
        let mut answer = String::new();
        in_flight.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("ENABLED"), "{answer}");
        let address = running.address.clone();
        let (status, said) = running.ended();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{name}");
        assert!(TcpStream::connect(address).is_err());
    }

    let mut running = Running::start(&[], &[]);
    assert!(running.send("POST /__admin/faults", &[], r#"{"kind":"hang"}"#).starts_with("HTTP/1.1 201 "));
    let mut in_flight = TcpStream::connect(&running.address).unwrap();
    in_flight.write_all(b"GET /pod/v1/admin/user/1/status HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    while !running.send("GET /__admin/faults", &[], "").contains("\"seen\":1") {}
    running.signal("INT");
    running.stderr.read_line(&mut String::new()).unwrap();
    running.signal("INT");
    assert_eq!(running.ended().0.code(), Some(130));
}

#[test]
fn it_goes_on_when_nobody_reads_what_it_says() {
    let mut command = program();
    // A port of its own: the banner, which says it, is not read.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    command.args(["--listen", &port.to_string(), "--log"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    while TcpStream::connect(port).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    for _ in 0..2 {
        let answer = send(&port.to_string(), DISABLE, &HEADERS, r#"{"status":"DISABLED"}"#);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_certificate_that_some_clients_do_not_take_is_named_at_the_start() {
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let (certificate, key) = (tls.join("authority.pem"), tls.join("authority-key.pem"));
    let mut running =
        Running::start(&["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()], &[]);
    let mut said = String::new();
    running.stderr.read_line(&mut said).unwrap();
    assert!(said.starts_with("warning: ") && said.contains("authority.pem: the certificate is one of an authority"));
    assert!(said.contains("basicConstraints=critical,CA:FALSE"), "{said}");
}

#[test]
fn https() {
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let (certificate, key) = (tls.join("certificate.pem"), tls.join("key.pem"));
    let running =
        Running::start(&["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()], &[]);
    assert!(running.banner.contains(&format!("https://{}/pod", running.address)));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());

    // Somebody who does not speak TLS is no harm to the next.
    let mut plain = TcpStream::connect(&running.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut socket = TcpStream::connect(&running.address).unwrap();
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    let request = "GET /__admin/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"status\":\"ok\""), "{answer}");
}
