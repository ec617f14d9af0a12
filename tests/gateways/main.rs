//! Varnish and nginx, as Debian ships them, between the SDK and the mock server: whatever they say for the system, nothing
//! is claimed that is not so, and no toggle is sent twice.
//!
//! `apt-get install varnish nginx` installs both. Without them the tests say that they are skipped; in CI they fail.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use user_status::systems::{
    Clearsquare, Mediconnect, Symphony, Userdocks, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{AccountSystem, Applied, Error, ErrorKind, Proof, RetryPolicy, StatusChange};
use user_status_mock::{Fault, Options, StandaloneServer, SystemKind, world};

const SYMPHONY_USER: &str = "7215545078541";

/// The time in which a gateway must start before it counts as stuck.
const STUCK: Duration = Duration::from_secs(60);

/// A gateway on this machine, with a folder of its own.
struct Gateway {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Gateway {
    fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts a program at a port, in a folder, and waits until it takes connections. A port that was free a moment ago may not
    /// be any more: then at another one.
    fn start(command: impl Fn(u16, &Path) -> Command) -> Gateway {
        let started = Instant::now();
        loop {
            let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
            let log = fs::File::create(folder.path().join("log")).unwrap();
            let mut command = command(port, folder.path());
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
            let mut gateway = Gateway { process: command.spawn().unwrap(), port, folder };
            loop {
                // Both write it after they have the port: who answers there is no stranger.
                let has_port = gateway.folder.path().join("pid").exists();
                if has_port && TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return gateway;
                }
                let ended = gateway.process.try_wait().unwrap().is_some();
                let said = ["log", "error"].map(|name| fs::read_to_string(gateway.folder.path().join(name)));
                let said: String = said.into_iter().flatten().collect();
                if ended && said.contains("Address already in use") {
                    break;
                }
                assert!(!ended, "it ended: {said}");
                assert!(started.elapsed() < STUCK, "it does not start: {said}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Where a program of this machine is; `None` if there is none.
fn program(test: &str, name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder: PathBuf| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "there is no {name} to test with; CI installs it");
        // Written past the harness, which shows nothing of a test that passes.
        let _ = writeln!(io::stderr(), "SKIPPED: `{test}` needs {name}, and there is none on this machine");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Host and port of a server.
fn authority(server: &StandaloneServer) -> String {
    server.root().trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Varnish with its built-in policy, which gives up on a system that takes longer than so many seconds.
fn varnish(test: &str, server: &StandaloneServer, patience: u32) -> Option<Gateway> {
    let file = program(test, "varnishd")?;
    Some(Gateway::start(|port, folder| {
        let mut command = Command::new(&file);
        command.arg("-F").args(["-j", "none"]).arg("-n").arg(folder.join("work")).arg("-P").arg(folder.join("pid"));
        command.args(["-a", &format!("127.0.0.1:{port}"), "-b", &authority(server)]);
        command.args(["-s", "malloc,32m", "-p", &format!("first_byte_timeout={patience}"), "-T", "none"]);
        command
    }))
}

/// nginx with these settings of the server.
fn nginx(test: &str, http: &str, location: &str) -> Option<Gateway> {
    let file = program(test, "nginx")?;
    Some(Gateway::start(|port, folder| {
        let path = |name: &str| folder.join(name).display().to_string();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", path(kind)))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log {};\nevents {{}}\nhttp {{\naccess_log off;\n\
             {temporary}{http}\nserver {{\nlisten 127.0.0.1:{port};\nlocation / {{\n{location}\n}}\n}}\n}}\n",
            path("pid"),
            path("error"),
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(&file);
        command.arg("-p").arg(folder).arg("-e").arg(path("error")).arg("-c").arg(path("nginx.conf"));
        command
    }))
}

async fn mock() -> StandaloneServer {
    StandaloneServer::start_with(Options::new()).await.unwrap()
}

fn toggling(uri: &str, server: &StandaloneServer) -> Clearsquare {
    let credentials = clearsquare::Credentials::token(server.credentials().clearsquare.token);
    Clearsquare::builder().base_url(uri).credentials(credentials).build().unwrap()
}

fn pod(uri: &str, server: &StandaloneServer) -> Symphony {
    let credentials = symphony::Credentials::session_token(server.credentials().symphony.session_token);
    Symphony::builder().base_url(format!("{uri}/pod")).credentials(credentials).build().unwrap()
}

fn clinic(uri: &str, server: &StandaloneServer) -> Mediconnect {
    let credentials = mediconnect::Credentials::token(server.credentials().mediconnect.token);
    let builder = Mediconnect::builder().base_url(uri).credentials(credentials);
    builder.retry(RetryPolicy::never()).build().unwrap()
}

/// A toggle through a gateway that fails, with this status code: sent once, and the outcome unknown.
async fn toggle_is_unknown(uri: &str, server: &StandaloneServer, status: u16, sent: u64) -> Error {
    let before = server.requests("manageUserStatus");
    let error = toggling(uri, server).apply(world::CLEARSQUARE_USER, &StatusChange::toggle()).await.unwrap_err();
    assert_eq!((error.status(), error.applied()), (Some(status), Applied::Unknown), "{error:?}");
    assert_eq!(error.attempts(), 1, "{error:?}");
    assert_eq!(server.requests("manageUserStatus") - before, sent, "{error:?}");
    error
}

/// Varnish waits for a second, and then says 503 with `Retry-After: 5` for a toggle that was carried out.
#[tokio::test]
async fn varnish_gives_up_on_a_toggle_that_was_carried_out() {
    let server = mock().await;
    let Some(varnish) = varnish("varnish_gives_up_on_a_toggle_that_was_carried_out", &server, 1) else { return };
    let before = server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap();
    let slow = Fault::delay(Duration::from_secs(3)).after_the_change().on_operation("manageUserStatus");
    server.fault(slow).unwrap();
    let error = toggle_is_unknown(&varnish.uri(), &server, 503, 1).await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Server, Some(Duration::from_secs(5))), "{error:?}");
    let after = server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap();
    assert_ne!(before, after, "it was carried out, once");
}

/// Varnish keeps Symphony's reads, whose credential is no `Authorization`.
#[tokio::test]
async fn varnish_keeps_reads_and_they_prove_nothing() {
    let server = mock().await;
    let Some(varnish) = varnish("varnish_keeps_reads_and_they_prove_nothing", &server, 60) else { return };
    let pod = pod(&varnish.uri(), &server);
    assert_eq!(pod.status(SYMPHONY_USER).await.unwrap().enabled, Some(true));
    let error = pod.status(SYMPHONY_USER).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{error:?}");
    assert!(error.to_string().contains("came from a cache"), "{error}");

    let receipt = pod.apply_and_verify(SYMPHONY_USER, &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted, "made, and not to be proved through this cache");
    assert_eq!(server.status(SystemKind::Symphony, SYMPHONY_USER).unwrap().enabled, Some(false));
    let receipt = pod.apply_and_verify(SYMPHONY_USER, &StatusChange::enable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);

    // What travels with `Authorization` is not kept.
    let clinic = clinic(&varnish.uri(), &server);
    for change in [StatusChange::suspend("Leave"), StatusChange::unsuspend()] {
        assert_eq!(clinic.apply_and_verify("42", &change).await.unwrap().proof, Proof::Confirmed);
        clinic.status("42").await.unwrap();
    }
}

/// nginx waits for a second, and then says 504 for a toggle that was carried out; or passes it on to the next upstream,
/// which it does not for a POST.
#[tokio::test]
async fn nginx_gives_up_on_a_toggle_that_was_carried_out() {
    let server = mock().await;
    let at = authority(&server);
    for upstreams in [1, 2] {
        let servers = format!("server {at};\n").repeat(upstreams);
        let http = format!("upstream system {{\n{servers}}}");
        let location = "proxy_pass http://system;\nproxy_read_timeout 1s;";
        let test = "nginx_gives_up_on_a_toggle_that_was_carried_out";
        let Some(nginx) = nginx(test, &http, location) else { return };
        server.clear_faults();
        let slow = Fault::delay(Duration::from_secs(3)).after_the_change();
        server.fault(slow.on_operation("manageUserStatus")).unwrap();
        let error = toggle_is_unknown(&nginx.uri(), &server, 504, 1).await;
        assert_eq!(error.kind(), ErrorKind::Server, "{error:?}");
    }
}

/// What nginx says by itself is not the system's word, whatever the code.
#[tokio::test]
async fn what_nginx_says_by_itself_proves_nothing() {
    let server = mock().await;
    let test = "what_nginx_says_by_itself_proves_nothing";
    let at = authority(&server);
    for (location, status, kind) in [
        // Nobody listens there.
        ("proxy_pass http://127.0.0.1:1;".to_owned(), 502, ErrorKind::Server),
        (format!("proxy_pass http://{at};\nclient_max_body_size 1;"), 413, ErrorKind::Rejected),
        ("return 400;".to_owned(), 400, ErrorKind::Rejected),
        ("return 401;".to_owned(), 401, ErrorKind::Credentials),
        ("return 403;".to_owned(), 403, ErrorKind::Forbidden),
        ("return 404;".to_owned(), 404, ErrorKind::NotFound),
        ("return 425;".to_owned(), 425, ErrorKind::Rejected),
        ("return 301 https://elsewhere.example/;".to_owned(), 301, ErrorKind::UnexpectedResponse),
    ] {
        let Some(nginx) = nginx(test, "", &location) else { return };
        let error = toggle_is_unknown(&nginx.uri(), &server, status, 0).await;
        assert_eq!(error.kind(), kind, "{location}: {error:?}");
        let error = clinic(&nginx.uri(), &server).apply("42", &StatusChange::disable()).await.unwrap_err();
        // The account is read first, and a read changes nothing; only what has a body is too large.
        let applied = if status == 413 { Applied::Unknown } else { Applied::No };
        assert_eq!(error.applied(), applied, "{location}: {error:?}");
    }
}

/// nginx limits how often it may be asked, with 429 or 503, and never says for how long to wait.
#[tokio::test]
async fn a_limit_of_nginx_is_not_the_systems() {
    let server = mock().await;
    let at = authority(&server);
    for status in [429, 503] {
        let http = format!("limit_req_zone $binary_remote_addr zone=calls:1m rate=1r/m;\nlimit_req_status {status};");
        let location = format!("limit_req zone=calls;\nproxy_pass http://{at};");
        let Some(nginx) = nginx("a_limit_of_nginx_is_not_the_systems", &http, &location) else { return };
        let toggling = toggling(&nginx.uri(), &server);
        toggling.apply(world::CLEARSQUARE_USER, &StatusChange::toggle()).await.unwrap();
        toggle_is_unknown(&nginx.uri(), &server, status, 0).await;
    }
}

/// nginx sends a PUT again to the next upstream, which may be; what is answered then is the answer.
#[tokio::test]
async fn nginx_repeats_what_may_be_repeated() {
    let server = mock().await;
    let at = authority(&server);
    let http = format!("upstream system {{\nserver {at};\nserver {at};\n}}");
    let location = "proxy_pass http://system;\nproxy_read_timeout 3s;";
    let Some(nginx) = nginx("nginx_repeats_what_may_be_repeated", &http, location) else { return };
    let slow = Fault::delay(Duration::from_secs(8)).after_the_change();
    server.fault(slow.on_operation("setAccessStatus").times(1)).unwrap();
    let known = server.credentials().userdocks;
    let credentials = userdocks::Credentials::api_key(known.api_key, known.client_id);
    let userdocks = Userdocks::builder().base_url(nginx.uri()).credentials(credentials).build().unwrap();
    let receipt = userdocks.apply_and_verify(world::USERDOCKS_USER, &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts), (Proof::Confirmed, 1));
    assert_eq!(server.requests("setAccessStatus"), 2);
}

/// nginx as a cache, with the header that its users add.
#[tokio::test]
async fn what_nginx_keeps_proves_nothing() {
    let server = mock().await;
    let at = authority(&server);
    let folder = tempfile::tempdir().unwrap();
    let http = format!("proxy_cache_path {} keys_zone=reads:1m;", folder.path().join("cache").display());
    let location = format!(
        "proxy_pass http://{at};\nproxy_cache reads;\nproxy_cache_valid 200 1h;\n\
         add_header X-Cache-Status $upstream_cache_status;"
    );
    let Some(nginx) = nginx("what_nginx_keeps_proves_nothing", &http, &location) else { return };
    let pod = pod(&nginx.uri(), &server);
    assert_eq!(pod.status(SYMPHONY_USER).await.unwrap().enabled, Some(true));
    let error = pod.status(SYMPHONY_USER).await.unwrap_err();
    assert!(error.to_string().contains("x-cache-status: HIT"), "{error}");
    let receipt = pod.apply_and_verify(SYMPHONY_USER, &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
}
