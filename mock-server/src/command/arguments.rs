//! The arguments of the program. Each can be given by environment as well.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::BoolishValueParser;
use user_status_mock::{Exchange, Limits, Options, ServerOptions, Tls, World, WorldState};

/// A mock of six systems in which a person's account is enabled, disabled, suspended, locked or toggled: Userdocks,
/// Akana, MediConnect, Symphony, ClearSquare and a SCIM 2.0 service. It checks credentials and requests as they do, and its accounts really
/// change.
#[derive(Parser)]
#[command(name = "user-status-mock", version, max_term_width = 100, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to listen: an address with a port, such as 127.0.0.1:4010 or [::1]:4010. With localhost or without an address
    /// it is 127.0.0.1. Port 0 takes a free one, and prints it. An address that other machines reach needs --admin-token.
    #[arg(
        long,
        value_name = "ADDR",
        env = "USER_STATUS_MOCK_LISTEN",
        default_value = "127.0.0.1:4010",
        value_parser = address
    )]
    listen: SocketAddr,

    /// Users and credentials, as YAML or JSON. What the file leaves out is as in the default world;
    /// GET /__admin/snapshot shows all of it.
    #[arg(long, value_name = "FILE", env = "USER_STATUS_MOCK_WORLD")]
    world: Option<PathBuf>,

    /// Seed of everything that happens by chance, such as faults with a probability.
    #[arg(long, value_name = "N", env = "USER_STATUS_MOCK_SEED")]
    seed: Option<u64>,

    /// Refuse a body that the contract does not allow. The default, unless the world file says otherwise.
    #[arg(long, env = "USER_STATUS_MOCK_STRICT", value_parser = BoolishValueParser::new())]
    strict: bool,

    /// Ignore what the contract does not allow in a body, and only record it.
    #[arg(long, env = "USER_STATUS_MOCK_LENIENT", value_parser = BoolishValueParser::new())]
    lenient: bool,

    /// Write one line to the standard error for each request, with what is wrong in it. No credentials.
    #[arg(long, env = "USER_STATUS_MOCK_LOG", value_parser = BoolishValueParser::new())]
    pub(super) log: bool,

    /// The token of the admin API, as `Authorization: Bearer …`. Better given by environment, where other users of the
    /// machine do not see it.
    #[arg(long, value_name = "TOKEN", env = "USER_STATUS_MOCK_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,

    /// Certificate chain (PEM) for HTTPS.
    #[arg(long, value_name = "FILE", env = "USER_STATUS_MOCK_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key (PEM) for HTTPS.
    #[arg(long, value_name = "FILE", env = "USER_STATUS_MOCK_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// The number of threads that serve; as many as cores, if it is left out.
    #[arg(long, value_name = "N", env = "USER_STATUS_MOCK_WORKERS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// The most bytes of a request body.
    #[arg(long, value_name = "BYTES", env = "USER_STATUS_MOCK_MAX_BODY", default_value_t = Limits::default().body)]
    max_body: usize,

    /// The most connections at a time; further ones wait.
    #[arg(
        long,
        value_name = "N",
        env = "USER_STATUS_MOCK_MAX_CONNECTIONS",
        default_value_t = Limits::default().connections,
        value_parser = at_least_one
    )]
    max_connections: usize,

    /// The most bytes that callers can hold in all: connections, bodies, answers, journals and worlds.
    #[arg(
        long,
        value_name = "BYTES",
        env = "USER_STATUS_MOCK_MAX_MEMORY",
        default_value_t = Limits::default().memory,
        value_parser = memory
    )]
    max_memory: usize,

    /// Seconds until a request line and its headers are there, until its body is, and for each 64 KiB of a response. A
    /// connection that waits because of a fault makes room after it when all places are taken.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "USER_STATUS_MOCK_TIMEOUT",
        default_value_t = Limits::default().head_timeout.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    timeout: u64,

    /// The number of requests that each world's journal keeps; 8 MiB of them at most.
    #[arg(long, value_name = "N", env = "USER_STATUS_MOCK_JOURNAL_SIZE", default_value_t = 1000)]
    journal_size: usize,

    /// The most worlds beside the default one. Each is dropped after an hour without a request.
    #[arg(long, value_name = "N", env = "USER_STATUS_MOCK_MAX_WORLDS", default_value_t = 256)]
    max_worlds: usize,
}

const EXAMPLES: &str = "\
Examples:
  user-status-mock
  user-status-mock --listen 127.0.0.1:0 --log
  user-status-mock --world users.yaml --seed 7
  USER_STATUS_MOCK_ADMIN_TOKEN=… user-status-mock --listen 0.0.0.0:4010

Stops on SIGINT (Ctrl-C) and SIGTERM, after the requests in flight.";

/// An address with a port; that of this machine if it is left out.
fn address(text: &str) -> Result<SocketAddr, String> {
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Err(format!("it has no port; such as {} would be right", SocketAddr::new(ip, 4010)));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let Ok(port) = port.parse::<u16>() else {
        return Err("it must be an address with a port from 0 to 65535, such as 127.0.0.1:4010, [::1]:4010 or \
                    localhost:4010"
            .to_owned());
    };
    match host {
        "" => Ok(SocketAddr::new(HERE, port)),
        host if host.eq_ignore_ascii_case("localhost") => Ok(SocketAddr::new(HERE, port)),
        "*" => Err(format!("all addresses of this machine are 0.0.0.0:{port}, or [::]:{port}")),
        host if host.contains("//") => {
            Err(format!("it must not have a scheme; such as 127.0.0.1:{port} would be right"))
        }
        host if host.parse::<Ipv6Addr>().is_ok() => Err(format!("an address of IPv6 is in brackets: [{host}]:{port}")),
        _ => Err(format!("a name other than localhost is not looked up; such as 127.0.0.1:{port} would be right")),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse::<NonZeroUsize>().map(NonZeroUsize::get).map_err(|e| e.to_string())
}

fn memory(text: &str) -> Result<usize, String> {
    const LEAST: usize = 16 << 20;
    let bytes = text.parse::<usize>().map_err(|e| e.to_string())?;
    if bytes < LEAST { Err(format!("it must be at least {LEAST} bytes")) } else { Ok(bytes) }
}

impl Arguments {
    /// Returns how the server is set up. With `--log`, the function is called with every request.
    pub(super) fn options(
        &self,
        log: impl Fn(&World, &Exchange) + Send + Sync + 'static,
    ) -> Result<ServerOptions, String> {
        let mut world = match &self.world {
            None => WorldState::default(),
            Some(path) => {
                let problem = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
                let text = fs::read_to_string(path).map_err(|e| problem(&e))?;
                WorldState::from_yaml(&text).map_err(|e| problem(&e))?
            }
        };
        if let Some(seed) = self.seed {
            world = world.seed(seed);
        }
        world = match (self.strict, self.lenient) {
            (true, true) => return Err("--strict and --lenient cannot be used together".to_owned()),
            (true, _) => world.strict(),
            (_, true) => world.lenient(),
            _ => world,
        };
        let mut limits = Limits::default();
        limits.body = self.max_body;
        limits.connections = self.max_connections;
        limits.head_timeout = Duration::from_secs(self.timeout);
        (limits.body_timeout, limits.write_timeout) = (limits.head_timeout, limits.head_timeout);
        (limits.wait_timeout, limits.memory) = (limits.head_timeout, self.max_memory);
        if limits.places() < limits.connections {
            let (places, connections) = (limits.places(), limits.connections);
            return Err(format!(
                "--max-connections {connections} is more than there is room for; half of --max-memory is for connections, \
                 which is enough for {places}"
            ));
        }
        let mut engine = Options::new()
            .world(world)
            .journal(self.journal_size, 8 << 20)
            .worlds(self.max_worlds, Duration::from_secs(60 * 60));
        match &self.admin_token {
            Some(token) if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err("--admin-token must be visible ASCII characters, and at least one".to_owned());
            }
            Some(token) => engine = engine.admin_token(token),
            None => {}
        }
        if self.log {
            engine = engine.on_request(log);
        }
        let mut options = ServerOptions::from(engine).listen(self.listen).limits(limits).workers(match self.workers {
            Some(workers) => workers.into(),
            None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        });
        if let (Some(certificates), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let tls = Tls::from_pem_files(certificates, key).map_err(|e| e.to_string())?;
            if let Some(warning) = tls.warning() {
                super::say(&format!("warning: {}: {warning}\n", certificates.display()));
            }
            options = options.tls(tls);
        }
        Ok(options)
    }

    /// Returns whether the admin API asks for a token.
    pub(super) fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }
}
