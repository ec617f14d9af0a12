//! The servers, each started by its script, and what is known of each without the SDK: its record of the users, and whether they
//! can sign in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// A server that somebody else wrote.
pub(crate) struct Kind {
    /// The name of its script, and of its package.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The path of its SCIM service.
    path: &'static str,
    record: Record,
    sign_in: SignIn,
    /// `true` if it heeds the filter of a lookup.
    pub(crate) looks_up: bool,
    /// `true` if it has versions, and means them.
    pub(crate) versions: bool,
}

/// How its record is read: by something else than SCIM.
enum Record {
    /// Its own store, as JSON at a port that is so much higher, at this path.
    Dump { port: u16, path: &'static str },
    /// Its database: id and whether the user is active.
    Database(&'static str),
}

/// How a user signs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SignIn {
    None,
    Canaille,
    BetterAuth,
    Django,
}

pub(crate) const KINDS: [Kind; 5] = [
    Kind {
        name: "scim2-server",
        version: "0.8.3",
        path: "/v2",
        record: Record::Dump { port: 1, path: "/" },
        sign_in: SignIn::None,
        looks_up: true,
        versions: true,
    },
    Kind {
        name: "canaille",
        version: "0.3.6",
        path: "/scim/v2",
        record: Record::Database("select id, lock_date is null from user"),
        sign_in: SignIn::Canaille,
        looks_up: false,
        versions: false,
    },
    Kind {
        name: "scimmy",
        version: "1.3.5",
        path: "/scim/v2",
        record: Record::Dump { port: 0, path: "/dump" },
        sign_in: SignIn::None,
        looks_up: true,
        versions: false,
    },
    Kind {
        name: "better-auth",
        version: "1.7.5",
        path: "/api/auth/scim/v2",
        record: Record::Dump { port: 0, path: "/dump" },
        sign_in: SignIn::BetterAuth,
        looks_up: true,
        versions: false,
    },
    Kind {
        name: "django-scim2",
        version: "0.23.0",
        path: "/scim/v2",
        record: Record::Database("select id, is_active from app_user"),
        sign_in: SignIn::Django,
        looks_up: true,
        versions: false,
    },
];

const PASSWORD: &str = "correct-horse-1";

/// The token of the SCIM client. One of them wants it to be long.
pub(crate) const TOKEN: &str = "real-servers-scim-token-0001-aaaaaaaaaaaaaaaaaaaa";

/// A server that runs, until it is dropped.
pub(crate) struct Server {
    pub(crate) kind: &'static Kind,
    pub(crate) address: SocketAddr,
    database: PathBuf,
    http: Client,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // With the processes that it has started in turn.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The users of a server by id, each with whether it is active.
pub(crate) type Users = BTreeMap<String, bool>;

impl Server {
    /// Starts one by its script, and waits until it answers.
    pub(crate) async fn start(kind: &'static Kind, state: &Path) -> Result<Server, String> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("real/servers");
        let port = free_ports();
        let log = state.join(format!("{}.log", kind.name));
        let file = std::fs::File::create(&log).map_err(|e| e.to_string())?;
        let mut command = Command::new(scripts.join(format!("{}.sh", kind.name)));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command
            .args(["serve", &port.to_string(), TOKEN])
            .env("REAL_SERVERS", state)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(|e| e.to_string())?)
            .stderr(file)
            .spawn()
            .map_err(|e| e.to_string())?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let database = state.join(kind.name).join(format!("{port}.sqlite"));
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().map_err(|e| e.to_string())?;
        let mut server = Server { kind, address, database, http, process };
        for _ in 0..600 {
            let asked = server.scim(Method::GET, "/ServiceProviderConfig").send().await;
            if asked.is_ok_and(|response| response.status().is_success()) {
                return Ok(server);
            }
            if let Ok(Some(ended)) = server.process.try_wait() {
                return Err(format!("{} ended with {ended}; see {}", kind.name, log.display()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(format!("{} did not start; see {}", kind.name, log.display()))
    }

    fn scim(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("http://{}{}{path}", self.address, self.kind.path));
        request.bearer_auth(TOKEN).header("content-type", "application/scim+json")
    }

    /// The base URL of its SCIM service, through a proxy.
    pub(crate) fn base_url(&self, proxy: SocketAddr) -> String {
        format!("http://{proxy}{}", self.kind.path)
    }

    /// Creates a user, by its own SCIM, and returns the id. A password takes a server as long to keep as many changes.
    pub(crate) async fn create(&self, name: &str, signs_in: bool) -> Result<String, String> {
        let mut user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": name,
            "externalId": format!("hr-{name}"),
            "name": { "familyName": "Doe", "givenName": "Jane", "formatted": "Jane Doe" },
            "emails": [{ "value": name }],
            "active": true,
        });
        if signs_in {
            user["password"] = PASSWORD.into();
        }
        let response =
            self.scim(Method::POST, "/Users").body(user.to_string()).send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|e| e.to_string())?;
        let created: Value = serde_json::from_str(&text).unwrap_or_default();
        let id = created["id"].as_str().filter(|_| status == 201);
        let id = id.ok_or_else(|| format!("{}: {name} was not created ({status}): {text}", self.kind.name))?;
        if signs_in && self.kind.sign_in == SignIn::BetterAuth {
            let url = format!("http://{}/set-password", self.address);
            let set = self.http.get(url).query(&[("email", name), ("password", PASSWORD)]).send().await;
            set.and_then(reqwest::Response::error_for_status).map_err(|e| e.to_string())?;
        }
        Ok(id.to_owned())
    }

    /// Changes something else of a user, past the SDK.
    pub(crate) async fn touch(&self, id: &str) -> Result<(), String> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "displayName", "value": "Renamed" }],
        });
        let sent = self.scim(Method::PATCH, &format!("/Users/{id}")).body(body.to_string()).send().await;
        sent.and_then(reqwest::Response::error_for_status).map(drop).map_err(|e| e.to_string())
    }

    /// Its record of the users, read past SCIM.
    pub(crate) async fn users(&self) -> Result<Users, String> {
        match &self.kind.record {
            Record::Dump { port, path } => {
                let url = format!("http://127.0.0.1:{}{path}", self.address.port() + port);
                let dumped = self.http.get(url).send().await.map_err(|e| e.to_string())?;
                let dumped: Value = serde_json::from_str(&dumped.text().await.map_err(|e| e.to_string())?)
                    .map_err(|e| format!("{}: {e}", self.kind.name))?;
                let users = dumped.as_array().into_iter().flatten();
                Ok(users
                    .filter_map(|user| Some((user["id"].as_str()?.to_owned(), user["active"].as_bool()?)))
                    .collect())
            }
            Record::Database(query) => {
                let read = || {
                    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
                    let database = rusqlite::Connection::open_with_flags(&self.database, flags)?;
                    let mut statement = database.prepare(query)?;
                    let rows = statement.query_map([], |row| {
                        let id = match row.get_ref(0)? {
                            rusqlite::types::ValueRef::Integer(id) => id.to_string(),
                            other => other.as_str()?.to_owned(),
                        };
                        Ok((id, row.get(1)?))
                    })?;
                    rows.collect::<Result<Users, rusqlite::Error>>()
                };
                read().map_err(|e| format!("{}: {e}", self.kind.name))
            }
        }
    }

    /// Returns whether users can sign in here at all.
    pub(crate) fn has_sign_in(&self) -> bool {
        self.kind.sign_in != SignIn::None
    }

    /// Signs a user in, and returns the session; `None` if that is refused.
    pub(crate) async fn sign_in(&self, name: &str) -> Result<Option<String>, String> {
        // Canaille fails if a user signs in twice in one second: the two tokens would be the same.
        for _ in 0..3 {
            match self.try_sign_in(name).await {
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                result => return result,
            }
        }
        self.try_sign_in(name).await
    }

    async fn try_sign_in(&self, name: &str) -> Result<Option<String>, String> {
        let url = |path: &str| format!("http://{}{path}", self.address);
        let request = match self.kind.sign_in {
            SignIn::None => return Ok(None),
            SignIn::Canaille => {
                let form = format!("grant_type=password&username={}&password={PASSWORD}", name.replace('@', "%40"));
                let request = self.http.post(url("/oauth/token")).basic_auth("scim", Some("scim-secret"));
                request.header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            SignIn::BetterAuth => self
                .http
                .post(url("/api/auth/sign-in/email"))
                .header("content-type", "application/json")
                .header("origin", url(""))
                .body(json!({ "email": name, "password": PASSWORD }).to_string()),
            SignIn::Django => self.http.get(url("/sign-in")).query(&[("user", name), ("password", PASSWORD)]),
        };
        let response = request.send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body: Value = serde_json::from_str(&response.text().await.unwrap_or_default()).unwrap_or_default();
        let session = match self.kind.sign_in {
            SignIn::Canaille => body["access_token"].as_str().map(str::to_owned),
            SignIn::BetterAuth => body["token"].as_str().map(str::to_owned),
            _ => cookie.and_then(|cookie| cookie.split(';').next().map(str::to_owned)),
        };
        match status.as_u16() {
            200..300 if session.is_some() => Ok(session),
            400..500 => Ok(None),
            _ => Err(format!("{}: signing in answers {status}: {body}", self.kind.name)),
        }
    }

    /// Returns whether a session from before still works.
    pub(crate) async fn session_works(&self, session: &str) -> Result<bool, String> {
        let url = |path: &str| format!("http://{}{path}", self.address);
        let request = match self.kind.sign_in {
            SignIn::None => return Ok(false),
            SignIn::Canaille => self.http.get(url("/oauth/userinfo")).bearer_auth(session),
            SignIn::BetterAuth => self.http.get(url("/api/auth/get-session")).bearer_auth(session),
            SignIn::Django => self.http.get(url("/me")).header("cookie", session),
        };
        let response = request.send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let body = response.text().await.unwrap_or_default();
        Ok(status.is_success() && body.trim() != "null")
    }
}

/// Two ports next to each other that are free now. Every server takes one, or both. They are below those that the system gives to
/// connections: else one that asks whether the server is there already could be given the server's own port, and keep it.
fn free_ports() -> u16 {
    use std::net::TcpListener;
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let port = fastrand::u16(20_000..32_000);
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}
