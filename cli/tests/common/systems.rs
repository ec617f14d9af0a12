//! Five systems in this process, with as many accounts as a test wants, and a configuration for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use user_status_mock::{Options, StandaloneServer, SystemKind, WorldState};

use super::{Folder, Ran, program};

/// The number of times that each account was changed.
type Changes = Arc<Mutex<BTreeMap<(SystemKind, String), usize>>>;

/// Five systems, a configuration for them, and a place for runs.
pub(crate) struct Systems {
    pub(crate) server: StandaloneServer,
    pub(crate) folder: Folder,
    changes: Changes,
    _runtime: tokio::runtime::Runtime,
}

/// The accounts of the pod.
pub(crate) fn of_pod(number: u64) -> String {
    (7_300_000_000_000 + number).to_string()
}

impl Systems {
    /// With so many accounts in the pod, beside those that the mock has.
    pub(crate) fn start(accounts: u64) -> Systems {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let changes = Changes::default();
        let count = changes.clone();
        let options = Options::new().on_request(move |_, exchange| {
            if let (Some(system), Some(user)) = (exchange.system, &exchange.user)
                && exchange.before != exchange.after
            {
                *count.lock().unwrap().entry((system, user.clone())).or_default() += 1;
            }
        });
        let server = runtime.block_on(StandaloneServer::start_with(options)).unwrap();
        for number in 0..accounts {
            server.put_user(SystemKind::Symphony, &of_pod(number), &json!({})).unwrap();
        }
        let systems = Systems { server, folder: Folder::new(), changes, _runtime: runtime };
        systems.configure("", "");
        systems
    }

    /// Writes the configuration, with these lines at its beginning and these in the profile of the pod.
    pub(crate) fn configure(&self, first: &str, of_pod: &str) {
        let uri = |system| self.server.uri(system);
        let config = format!(
            "{first}
[profiles.pod]
system = \"symphony\"
base_url = \"{}\"
session_token = {{ env = \"POD\" }}
{of_pod}
[profiles.portal]
system = \"akana\"
base_url = \"{}\"
tenant = \"acmepaymentscorp\"
session_cookie = {{ env = \"COOKIE\" }}
csrf_token = {{ env = \"CSRF\" }}
unlock_by_enabling = true
[profiles.clinic]
system = \"mediconnect\"
base_url = \"{}\"
token = {{ env = \"CLINIC\" }}
own_account = 7
[profiles.docs]
system = \"userdocks\"
base_url = \"{}\"
api_key = {{ env = \"DOCS_KEY\" }}
client_id = {{ env = \"DOCS_ID\" }}
[profiles.shop]
system = \"clearsquare\"
base_url = \"{}\"
token = {{ env = \"SHOP\" }}
",
            uri(SystemKind::Symphony),
            uri(SystemKind::Akana),
            uri(SystemKind::Mediconnect),
            uri(SystemKind::Userdocks),
            uri(SystemKind::Clearsquare),
        );
        self.folder.write("user-status.toml", &config);
    }

    /// The credentials, by the variables of the configuration.
    pub(crate) fn secrets(&self) -> Vec<(&'static str, String)> {
        let credentials = self.server.credentials();
        vec![
            ("POD", credentials.symphony.session_token),
            ("COOKIE", credentials.akana.session_cookie),
            ("CSRF", credentials.akana.csrf_token),
            ("CLINIC", credentials.mediconnect.token),
            ("DOCS_KEY", credentials.userdocks.api_key),
            ("DOCS_ID", credentials.userdocks.client_id),
            ("SHOP", credentials.clearsquare.token),
        ]
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--config").arg(self.folder.path("user-status.toml")).arg("--runs").arg(self.runs());
        command.args(arguments).current_dir(self.folder.path("")).envs(self.secrets());
        command
    }

    /// Returns what a run of the program leaves; nothing that it says holds a credential.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.checked(self.command(arguments).output().unwrap().into())
    }

    /// The same, with something on the standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        use std::io::Write as _;
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who does not read it to its end has refused it before.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        self.checked(child.wait_with_output().unwrap().into())
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    #[track_caller]
    pub(crate) fn checked(&self, ran: Ran) -> Ran {
        for (name, secret) in self.secrets() {
            // A client id is no secret, and stands in no output either.
            ran.kept(&secret);
            assert!(!secret.is_empty(), "{name}");
        }
        ran
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.folder.path("runs")
    }

    /// The journals that there are.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.runs()).into_iter().flatten().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "sqlite")).collect()
    }

    /// All accounts.
    pub(crate) fn world(&self) -> Value {
        WorldState::to_json(&self.server.snapshot())["systems"].clone()
    }

    /// Returns how often each account was changed; none that was not.
    pub(crate) fn changes(&self) -> BTreeMap<(SystemKind, String), usize> {
        self.changes.lock().unwrap().clone()
    }

    /// A file that disables so many accounts of the pod.
    pub(crate) fn leavers(&self, accounts: u64) {
        let rows: String = (0..accounts).map(|number| format!("pod,{},disable\n", of_pod(number))).collect();
        self.folder.write("leavers.csv", &format!("system,user,change\n{rows}"));
    }
}
