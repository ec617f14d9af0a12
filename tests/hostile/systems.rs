//! The five systems as their documents describe them: who calls them and how, and what a request asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{BoxFuture, Clock, CredentialSource, Registry, RetryPolicy, StatusChange};

use crate::random::Random;
use crate::secrets::secrets;
use crate::truth::{Effect, Purpose};

/// Which system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Userdocks,
    Akana,
    Mediconnect,
    Symphony,
    Clearsquare,
}

/// A system with settings of one kind: each has a folder of its own on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Docks,
    DocksCurrent,
    DocksToken,
    Portal,
    PortalXml,
    PortalV81,
    PortalV80Xml,
    ClinicReads,
    ClinicAssumes,
    ClinicLeavesOut,
    Pod,
    PodSource,
    Site,
    SiteSource,
    /// With an HTTP client that would follow redirects.
    PodFollows,
    SiteFollows,
}

use Kind::*;

/// The id of the app, in the current route of Userdocks.
const APP: &str = "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10";
/// The most bytes of a body that a client reads.
pub(crate) const BODY_LIMIT: usize = 6 << 10;
/// The time for which a client waits for an answer.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(4);

impl Kind {
    pub(crate) const ALL: [Kind; 16] = [
        Docks,
        DocksCurrent,
        DocksToken,
        Portal,
        PortalXml,
        PortalV81,
        PortalV80Xml,
        ClinicReads,
        ClinicAssumes,
        ClinicLeavesOut,
        Pod,
        PodSource,
        Site,
        SiteSource,
        PodFollows,
        SiteFollows,
    ];

    /// Of a row: those more often of which a run could do what a single call does not.
    pub(crate) fn of_row(random: &mut Random) -> Kind {
        match random.below(100) {
            0..20 => ClinicLeavesOut,
            20..35 => ClinicReads,
            _ => *random.pick(&Kind::ALL),
        }
    }

    /// Its name in a registry, and its folder on the server.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub(crate) fn of_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn system(self) -> System {
        match self {
            Docks | DocksCurrent | DocksToken => System::Userdocks,
            Portal | PortalXml | PortalV81 | PortalV80Xml => System::Akana,
            ClinicReads | ClinicAssumes | ClinicLeavesOut => System::Mediconnect,
            Pod | PodSource | PodFollows => System::Symphony,
            Site | SiteSource | SiteFollows => System::Clearsquare,
        }
    }

    /// Returns what Akana speaks.
    pub(crate) fn media_type(self) -> akana::MediaType {
        match self {
            PortalXml => akana::MediaType::Xml,
            PortalV81 => akana::MediaType::JsonV81,
            PortalV80Xml => akana::MediaType::XmlV80,
            _ => akana::MediaType::Json,
        }
    }

    /// Returns whether there is a source of fresh credentials.
    pub(crate) fn has_source(self) -> bool {
        matches!(self, DocksCurrent | PortalV81 | PodSource | SiteSource)
    }

    /// A change that the system can express.
    pub(crate) fn change(self, random: &mut Random) -> StatusChange {
        let reasons = ["Leave", "Violation of terms of service", "Grund: Übergabe an <Ärztin> & \"Team\""];
        match self.system() {
            System::Clearsquare => StatusChange::toggle(),
            System::Userdocks => random.pick(&[StatusChange::enable(), StatusChange::disable()]).clone(),
            System::Akana => {
                let lock = StatusChange::lock().with_comment("Compromised & <closed>");
                random.pick(&[StatusChange::enable(), StatusChange::disable(), lock, StatusChange::unlock()]).clone()
            }
            System::Mediconnect | System::Symphony => {
                let suspend = StatusChange::suspend(*random.pick(&reasons));
                let until = suspend.clone().with_until("2098-12-31T23:59:59Z".parse().unwrap());
                let last = if self.system() == System::Symphony { until } else { suspend.clone() };
                let plain = [StatusChange::enable(), StatusChange::disable(), StatusChange::unsuspend()];
                match random.below(5) {
                    3 => suspend,
                    4 => last,
                    at => plain[at].clone(),
                }
            }
        }
    }

    /// Adds a client of this kind to a registry, new and without a connection.
    pub(crate) fn client(self, to: Registry, root: &str, seed: u64, clock: Arc<dyn Clock>) -> Registry {
        let name = self.name();
        let base = format!("{root}/{name}");
        let retry = RetryPolicy::default()
            .with_longest_wait(Duration::from_secs(1))
            .with_longest_retry_after(Duration::from_secs(3));
        let secret = move |generation: u64| secrets(seed, self, generation);
        macro_rules! built {
            ($builder:expr, $credentials:expr) => {{
                let credentials = $credentials;
                let builder = match self.has_source() {
                    true => $builder.credential_source(Source { next: AtomicU64::new(0), credentials }),
                    false => $builder.credentials(credentials(0)),
                };
                let builder = builder.base_url(base).clock(clock).retry(retry).body_limit(BODY_LIMIT);
                let builder = builder.attempt_timeout(ATTEMPT).total_timeout(ATTEMPT * 10);
                let builder = match self {
                    PodFollows | SiteFollows => builder.configure_http(following),
                    _ => builder,
                };
                to.with(name, builder.build().expect("good settings"))
            }};
        }
        match self.system() {
            System::Userdocks => {
                let token = self == DocksToken;
                let credentials = move |generation| match token {
                    true => userdocks::Credentials::access_token(&*secret(generation)[0]),
                    false => userdocks::Credentials::api_key(&*secret(generation)[0], &*secret(generation)[1]),
                };
                let builder = match self {
                    DocksCurrent => Userdocks::builder().route(userdocks::Route::Current).app(APP),
                    _ => Userdocks::builder(),
                };
                built!(builder, credentials)
            }
            System::Akana => {
                let credentials =
                    move |generation| akana::Credentials::session(&*secret(generation)[0], &*secret(generation)[1]);
                let builder = Akana::builder().tenant("acme").media_type(self.media_type()).unlock_by_enabling(true);
                built!(builder, credentials)
            }
            System::Mediconnect => {
                let flag = match self {
                    ClinicAssumes => mediconnect::ActiveFlag::Assume(true),
                    ClinicLeavesOut => mediconnect::ActiveFlag::LeaveOut,
                    _ => mediconnect::ActiveFlag::ReadFirst,
                };
                let credentials = move |generation| mediconnect::Credentials::token(&*secret(generation)[0]);
                built!(Mediconnect::builder().active_flag(flag), credentials)
            }
            System::Symphony => {
                let credentials = move |generation| symphony::Credentials::session_token(&*secret(generation)[0]);
                built!(Symphony::builder(), credentials)
            }
            System::Clearsquare => {
                let credentials = move |generation| clearsquare::Credentials::token(&*secret(generation)[0]);
                built!(Clearsquare::builder(), credentials)
            }
        }
    }
}

/// Settings as somebody makes them who knows nothing of what this is for.
fn following(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.redirect(reqwest::redirect::Policy::limited(10)).retry(reqwest::retry::for_host("127.0.0.1"))
}

/// Gives other credentials each time.
struct Source<F> {
    next: AtomicU64,
    credentials: F,
}

impl<C: Send + 'static, F: Fn(u64) -> C + Send + Sync + 'static> CredentialSource<C> for Source<F> {
    fn credentials(&self) -> BoxFuture<'_, Result<C, Box<dyn std::error::Error + Send + Sync>>> {
        let credentials = (self.credentials)(self.next.fetch_add(1, Ordering::Relaxed) % crate::secrets::GENERATIONS);
        Box::pin(std::future::ready(Ok(credentials)))
    }
}

/// The account that a call is for, as its system names it.
pub(crate) fn user(system: System, number: u64) -> String {
    match system {
        System::Userdocks => format!("6f1e9c1e-3b57-4f0a-9d0e-{number:012}"),
        System::Akana => format!("u{number:08}.acme"),
        System::Mediconnect => (1_000_000 + number).to_string(),
        System::Symphony => (7_000_000_000_000 + number).to_string(),
        System::Clearsquare => format!("634441cecbb5{number:012}"),
    }
}

fn number(system: System, id: &str) -> Option<u64> {
    let found = match system {
        System::Userdocks => id.rsplit('-').next()?.parse().ok()?,
        System::Akana => id.strip_prefix('u')?.strip_suffix(".acme")?.parse().ok()?,
        System::Mediconnect => id.parse::<u64>().ok()?.checked_sub(1_000_000)?,
        System::Symphony => id.parse::<u64>().ok()?.checked_sub(7_000_000_000_000)?,
        System::Clearsquare => id.get(12..)?.parse().ok()?,
    };
    (user(system, found) == id).then_some(found)
}

/// Returns what a request is for, by its own bytes: the call whose account it names, and what it asks for. `None` if it is not
/// one that the contract knows.
pub(crate) fn asked(kind: Kind, method: &str, path: &str, body: &[u8]) -> Option<(u64, Purpose, Effect)> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let write = |number, idempotent, effect| Some((number, Purpose::Write { idempotent }, effect));
    let read = |number| Some((number, Purpose::Read, Effect::default()));
    let number = |id: &str| number(kind.system(), id);
    match (kind.system(), method, &parts[..]) {
        (System::Userdocks, "PUT", ["api", "v1", "users", id, "access-status", to]) if kind != DocksCurrent => {
            write(number(id)?, true, Effect { enabled: Some(zero_or_one(to)?), ..Effect::default() })
        }
        (System::Userdocks, "PUT", ["v1", "apps", APP, "users", id, "access-status", to]) => {
            write(number(id)?, true, Effect { enabled: Some(zero_or_one(to)?), ..Effect::default() })
        }
        (System::Userdocks, "GET", ["v1", "users", id]) => read(number(id)?),
        (System::Akana, "PUT", ["api", "users", id, "status"]) => {
            let text = std::str::from_utf8(body).ok()?;
            let status = match text.split_once("<UserStatus>") {
                Some((_, rest)) => rest.split_once("</UserStatus>")?.0.to_owned(),
                None => serde_json::from_str::<Value>(text).ok()?["UserStatus"].as_str()?.to_owned(),
            };
            let effect = match status.strip_prefix("com.soa.user.status.")? {
                // One status for all: what is enabled is not locked.
                "enabled" => Effect { enabled: Some(true), locked: Some(false), ..Effect::default() },
                "disabled" => Effect { enabled: Some(false), ..Effect::default() },
                "locked" => Effect { locked: Some(true), ..Effect::default() },
                _ => return None,
            };
            write(number(id)?, true, effect)
        }
        (System::Akana, "GET", ["api", "users", id]) => read(number(id)?),
        (System::Mediconnect, "PATCH", ["api", "admin", "users", id, "status"]) => {
            let members: Value = serde_json::from_slice(body).ok()?;
            let enabled = members["isActive"].as_bool();
            let effect = Effect {
                enabled,
                // The deployed system flips what is left out.
                flip: enabled.is_none(),
                suspended: members["isSuspended"].as_bool(),
                reason: members["suspensionReason"].as_str().map(str::to_owned),
                ..Effect::default()
            };
            write(number(id)?, enabled.is_some(), effect)
        }
        (System::Mediconnect, "GET", ["api", "admin", "users", id]) => read(number(id)?),
        (System::Symphony, "POST", ["v1", "admin", "user", id, "status", "update"]) => {
            let members: Value = serde_json::from_slice(body).ok()?;
            let effect = Effect {
                enabled: members["status"].as_str().map(|status| status == "ENABLED"),
                suspended: members["suspended"].as_bool(),
                reason: members["suspensionReason"].as_str().map(str::to_owned),
                until: members["suspendedUntil"].as_i64(),
                ..Effect::default()
            };
            write(number(id)?, true, effect)
        }
        (System::Symphony, "GET", ["v1", "admin", "user", id, "status"]) => read(number(id)?),
        (System::Clearsquare, "POST", ["api", "users", "manage-status"]) => {
            let members: Value = serde_json::from_slice(body).ok()?;
            let effect = Effect { flip: true, ..Effect::default() };
            write(number(members["id"].as_str()?)?, false, effect)
        }
        _ => None,
    }
}

fn zero_or_one(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}
