//! Changes through a network that fails, and each claim of the SDK held against the record of the server.

use std::collections::BTreeMap;
use std::time::Duration;

use user_status::systems::Scim;
use user_status::systems::scim::Credentials;
use user_status::{AccountSystem, Applied, Change, Proof, RetryPolicy, StatusChange};

use crate::proxy::{Fault, Proxy};
use crate::servers::{Server, TOKEN, Users};

/// The longest time of an attempt; what is late comes after it.
const ATTEMPT: Duration = Duration::from_millis(250);
pub(crate) const LATE: Duration = Duration::from_millis(350);

/// The same, where no response is late.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How the users of a lane are called, of whom one is changed at a time.
pub(crate) const NAMES: [&str; 4] = ["jane", "joe", "jane.doe", "ann"];

/// What came of the calls.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    /// The calls that a fault struck.
    pub(crate) faulted: u32,
    pub(crate) faults: BTreeMap<Fault, u32>,
    /// How many calls claimed what.
    pub(crate) claims: BTreeMap<&'static str, u32>,
    /// The claims that the record denies.
    pub(crate) wrong: Vec<String>,
}

impl Tally {
    /// Adds what came of other calls.
    pub(crate) fn add(&mut self, other: Tally) {
        self.calls += other.calls;
        self.faulted += other.faulted;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        for (claim, times) in other.claims {
            *self.claims.entry(claim).or_default() += times;
        }
        self.wrong.extend(other.wrong);
    }
}

/// A client of a server behind a proxy.
pub(crate) fn client(server: &Server, proxy: &Proxy, attempt: Duration) -> Result<Scim, String> {
    let built = Scim::builder()
        .base_url(server.base_url(proxy.address))
        .credentials(Credentials::bearer(TOKEN))
        // The proxy has one request on a connection.
        .fresh_connections(true)
        .attempt_timeout(attempt)
        .total_timeout(attempt * 16)
        .retry(
            RetryPolicy::default()
                .with_first_wait(Duration::from_millis(5))
                .with_longest_wait(Duration::from_millis(20)),
        )
        .build();
    built.map_err(|e| e.to_string())
}

/// Makes changes of these users, each an id and a name, until so many were struck by a fault.
pub(crate) async fn drive(
    server: &Server,
    users: &[(String, String)],
    faulted: u32,
    seed: u64,
) -> Result<Tally, String> {
    // The record of those that this lane alone changes.
    let record = async || {
        let mut all = server.users().await?;
        all.retain(|id, _| users.iter().any(|(mine, _)| mine == id));
        Ok::<Users, String>(all)
    };
    let proxy = Proxy::start(server.address, LATE).await;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut scim = client(server, &proxy, ATTEMPT)?;
    while tally.faulted < faulted {
        // A new client asks what the service can do, through the same network.
        if tally.calls % 16 == 0 {
            scim = client(server, &proxy, ATTEMPT)?;
        }
        let (id, name) = &users[random.usize(..users.len())];
        let user = match random.u8(..8) {
            0 => format!("userName:{name}"),
            1 => format!("externalId:hr-{name}"),
            _ => id.clone(),
        };
        let change = if random.bool() { StatusChange::enable() } else { StatusChange::disable() };
        proxy.plan(
            (0..5).map(|_| (random.bool()).then(|| Fault::ALL[random.usize(..Fault::ALL.len())])).collect::<Vec<_>>(),
        );
        let before = record().await?;
        let verified = random.u8(..4) > 0;
        let result = match verified {
            true => scim.apply_and_verify(&user, &change).await,
            false => scim.apply(&user, &change).await,
        };
        let struck = proxy.settled().await;
        let after = record().await?;

        tally.calls += 1;
        tally.faulted += u32::from(!struck.is_empty());
        for fault in &struck {
            *tally.faults.entry(*fault).or_default() += 1;
        }
        let (claim, denied) = match &result {
            Ok(receipt) => {
                let denied = held(id, &change, receipt.proof, &before, &after)
                    .or_else(|| (receipt.account != *id).then(|| format!("it says that it is {}", receipt.account)));
                (claim(receipt.proof), denied)
            }
            Err(error) if error.applied() == Applied::No => {
                ("not applied", (before != after).then(|| format!("the record has changed, and {error}")))
            }
            Err(_) => ("unknown", others(id, &before, &after)),
        };
        *tally.claims.entry(claim).or_default() += 1;
        if let Some(why) = denied {
            let name = server.kind.name;
            tally.wrong.push(format!("{name}: {} of {user}, {claim}, through {struck:?}: {why}", change.change()));
        }
    }
    Ok(tally)
}

fn claim(proof: Proof) -> &'static str {
    match proof {
        Proof::Confirmed => "confirmed",
        Proof::Unchanged => "unchanged",
        _ => "accepted",
    }
}

/// Why a receipt is denied by the record; `None` if it is not.
fn held(id: &str, change: &StatusChange, proof: Proof, before: &Users, after: &Users) -> Option<String> {
    let asked = change.change() == Change::Enable;
    let is = after.get(id).copied();
    match proof {
        Proof::Confirmed if is != Some(asked) => Some(format!("the record has active: {is:?}")),
        Proof::Unchanged if is != Some(asked) || before != after => Some(format!("the record has active: {is:?}")),
        _ => others(id, before, after),
    }
}

/// Says whether anybody else was changed, added or lost.
fn others(id: &str, before: &Users, after: &Users) -> Option<String> {
    let without =
        |users: &Users| users.iter().filter(|(user, _)| *user != id).map(|(u, a)| (u.clone(), *a)).collect::<Users>();
    (without(before) != without(after)).then(|| "the record of somebody else has changed".to_owned())
}

/// What a confirmed disable does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// There is no way to sign in.
    NoSignIn,
    /// Signing in works as before.
    RecordOnly,
    /// Signing in is refused; a session from before still works.
    SignInRefused,
    /// Signing in is refused, and a session from before has ended.
    SessionsEnded,
}

/// Disables a user, and tries to sign in.
pub(crate) async fn effect(server: &Server, id: &str, name: &str) -> Result<Effect, String> {
    let proxy = Proxy::start(server.address, LATE).await;
    let scim = client(server, &proxy, PATIENCE)?;
    let confirm = |change: StatusChange| {
        let scim = &scim;
        async move {
            let receipt = scim.apply_and_verify(id, &change).await.map_err(|e| format!("{}: {e}", server.kind.name))?;
            match receipt.proof {
                Proof::Accepted => Err(format!("{}: {} is not proved", server.kind.name, change.change())),
                _ => Ok(()),
            }
        }
    };
    confirm(StatusChange::enable()).await?;
    if !server.has_sign_in() {
        return Ok(Effect::NoSignIn);
    }
    let session = server.sign_in(name).await?.ok_or_else(|| format!("{}: {name} cannot sign in", server.kind.name))?;
    if !server.session_works(&session).await? {
        return Err(format!("{}: the session of {name} does not work", server.kind.name));
    }
    confirm(StatusChange::disable()).await?;
    let effect = match (server.sign_in(name).await?, server.session_works(&session).await?) {
        (Some(_), _) => Effect::RecordOnly,
        (None, true) => Effect::SignInRefused,
        (None, false) => Effect::SessionsEnded,
    };
    confirm(StatusChange::enable()).await?;
    match server.sign_in(name).await? {
        Some(_) => Ok(effect),
        None => Err(format!("{}: {name} cannot sign in again", server.kind.name)),
    }
}
