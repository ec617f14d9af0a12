//! Calls of all five systems, many at once, each for an account of its own.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use user_status::{AccountStatus, CallOptions, Clock as _, Error, Receipt, Registry, RetryPolicy, StatusChange};

use crate::judge::{self, Claim, Fault, Made};
use crate::random::Random;
use crate::secrets::Watch;
use crate::server::Hostile;
use crate::systems::{self, Kind, System};
use crate::table::Table;
use crate::truth::{Case, State, Word};

/// The calls of one set of clients: few enough that no client uses its budget for repetitions up.
const CALLS: u64 = 84;
/// The calls of such a set that are under way at the same time.
const IN_FLIGHT: usize = 21;

/// A run: a server, and what its clients claimed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) hostile: Arc<Hostile>,
    pub(crate) watch: Arc<Watch>,
    table: Mutex<Table>,
    next: AtomicU64,
}

impl Run {
    pub(crate) async fn start(seed: u64, watch: Arc<Watch>) -> Arc<Run> {
        let hostile = Hostile::start(seed).await;
        Arc::new(Run { seed, hostile, watch, table: Mutex::default(), next: AtomicU64::new(0) })
    }

    pub(crate) fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of so many calls that nobody else has.
    pub(crate) fn take(&self, calls: u64) -> std::ops::Range<u64> {
        let first = self.next.fetch_add(calls, Ordering::Relaxed);
        first..first + calls
    }

    /// A client for every kind of system, new and without a connection.
    pub(crate) fn clients(&self) -> Registry {
        let root = self.hostile.root();
        let one = |to, kind: Kind| kind.client(to, &root, self.seed, Arc::new(self.hostile.clock.clone()));
        Kind::ALL.into_iter().fold(Registry::default(), one)
    }

    /// Opens an account.
    pub(crate) fn open(&self, number: u64, kind: Kind, change: &StatusChange, random: &mut Random) {
        let suspended = random.percent(40);
        let before = State {
            enabled: random.percent(60),
            suspended,
            reason: suspended.then(|| "Leave".to_owned()),
            until: None,
            locked: random.percent(30),
        };
        self.hostile.truth.cases().insert(number, Case::new(kind.system(), before, change));
    }

    /// Makes single calls until there are so many in all.
    pub(crate) async fn calls(self: Arc<Run>, calls: u64) {
        loop {
            let numbers = self.take(CALLS);
            if numbers.start >= calls {
                return;
            }
            self.clone().set(numbers).await;
        }
    }

    /// Makes the calls of these numbers with one set of clients, and holds their claims against the truth.
    pub(crate) async fn set(self: Arc<Run>, numbers: std::ops::Range<u64>) {
        let clients = self.clients();
        // Toggles one after another, so that one finds the connection of the one before.
        let toggles = |number: &u64| self.kind(*number).system() == System::Clearsquare;
        let (toggles, others): (Vec<u64>, Vec<u64>) = numbers.partition(toggles);
        let others = stream::iter(others).map(|number| self.call(number, &clients)).buffer_unordered(IN_FLIGHT);
        let toggles = stream::iter(toggles).then(|number| self.call(number, &clients));
        let made: Vec<(u64, Made, Claim)> = stream::select(others, toggles).collect().await;
        // What has left may still be on its way.
        self.hostile.clock.pause(200).await;
        for (number, made, claim) in made {
            let case = self.hostile.truth.cases().remove(&number);
            self.judge(&case.expect("it was opened"), &made, &claim, || format!("CALL={number}"));
        }
    }

    fn kind(&self, number: u64) -> Kind {
        *Random::of(self.seed, "kind", number, 0).pick(&Kind::ALL)
    }

    async fn call(&self, number: u64, clients: &Registry) -> (u64, Made, Claim) {
        let mut random = Random::of(self.seed, "call", number, 0);
        let kind = self.kind(number);
        let change = kind.change(&mut random);
        self.open(number, kind, &change, &mut random);
        let name = kind.name();
        let system = clients.get(&name).expect("it was registered");
        let user = systems::user(kind.system(), number);
        let mut options = CallOptions::default();
        if random.percent(20) {
            options = options.with_retry(RetryPolicy::never());
        }
        let ask = random.weighed(&[(38, 'a'), (42, 'v'), (12, 's'), (4, 'r'), (4, 'd')]);
        let from = self.hostile.clock.now();
        let claim = match ask {
            'a' => self.done(system.apply_with(&user, &change, options).await),
            'v' => self.done(system.apply_and_verify_with(&user, &change, options).await),
            's' => match system.status_with(&user, options).await {
                Ok(status) => self.reads(status),
                Err(error) => self.failed(&error, Claim::Nothing),
            },
            'r' => match system.dry_run_with(&user, &change, options).await {
                Ok(dry_run) => {
                    self.watch.look(&format!("{dry_run:?}"), "a dry run");
                    Claim::Nothing
                }
                Err(error) => self.failed(&error, Claim::Nothing),
            },
            _ => {
                let call = system.apply_and_verify_with(&user, &change, options);
                match tokio::time::timeout(Duration::from_millis(random.below(30) as u64), call).await {
                    Ok(result) => self.done(result),
                    Err(_) => Claim::Dropped,
                }
            }
        };
        let writes = matches!(ask, 'a' | 'v' | 'd');
        (number, Made { kind, change, writes, row: false, from, to: self.hostile.clock.now() }, claim)
    }

    pub(crate) fn done(&self, result: Result<Receipt, Error>) -> Claim {
        match result {
            Ok(receipt) => {
                let raw = receipt.raw.as_ref().map(|raw| String::from_utf8_lossy(&raw.body).into_owned());
                let text = format!("{receipt:?} {} {raw:?} {:?}", receipt.status, receipt.request_id);
                self.watch.look(&text, "a receipt");
                Claim::Done(receipt.proof, receipt.status)
            }
            Err(error) => self.failed(&error, Claim::of_error(&error)),
        }
    }

    fn reads(&self, status: AccountStatus) -> Claim {
        self.watch.look(&format!("{status} {status:?}"), "a status");
        Claim::Reads(status)
    }

    fn failed(&self, error: &Error, claim: Claim) -> Claim {
        let mut text = format!("{error} {error:?} {:?}", error.request_id());
        let mut next = error.source();
        while let Some(source) = next {
            text.push_str(&format!(" {source} {source:?}"));
            next = source.source();
        }
        if let Some(raw) = error.raw() {
            text.push_str(&format!(" {raw:?} {}", String::from_utf8_lossy(&raw.body)));
            let values = raw.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()));
            values.for_each(|value| text.push_str(&value));
        }
        if let Some(fault) = error.error_body::<serde_json::Value>() {
            text.push_str(&fault.to_string());
            // As a program has it that prints what it was told.
            fault
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(_, v)| v.as_str())
                .for_each(|said| text.push_str(said));
        }
        if crate::is_looked_at() {
            println!("{claim:?}: {text}");
        }
        self.watch.look(&text, "an error");
        claim
    }

    /// Takes a claim down, and all that is wrong with it.
    pub(crate) fn judge(&self, case: &Case, made: &Made, claim: &Claim, which: impl Fn() -> String) {
        let faults = judge::faults(case, made, claim);
        let after = case.requests.last().map_or("nothing was asked", |seen| seen.class);
        let mut table = self.table();
        table.claimed(after, claim.name());
        table.requests += case.requests.len() as u64;
        let write = case.writes().next();
        if let (Some(write), true) =
            (write, case.requests.iter().all(|seen| seen.clean && matches!(seen.word, Word::Yes | Word::No)))
        {
            // What flips besides is rightly no plain yes.
            let plain = write.word == Word::Yes && made.kind != Kind::ClinicLeavesOut;
            let so = plain && case.writes().count() == 1 && write.carried_out.is_some();
            // On a machine that has much to do, an answer may come too late.
            let so = so && made.to.saturating_sub(write.at) < systems::ATTEMPT;
            table.plain += u64::from(so);
            table.weak += u64::from(so && matches!(claim, Claim::Unknown(_) | Claim::No));
        }
        for fault in faults {
            self.wrong(&mut table, fault, case, made, claim, &which);
        }
    }

    pub(crate) fn wrong(
        &self,
        table: &mut Table,
        fault: Fault,
        case: &Case,
        made: &Made,
        claim: &Claim,
        which: impl Fn() -> String,
    ) {
        let requests: Vec<String> = case
            .requests
            .iter()
            .map(|seen| {
                let write = if seen.purpose == crate::truth::Purpose::Read { "read" } else { "write" };
                let done = if seen.carried_out.is_some() { ", carried out" } else { "" };
                format!("{write}{done}: {} {} ({:?})", seen.status, seen.class, seen.word)
            })
            .collect();
        let last = judge::blamed(case, claim, fault);
        table.wrong(fault, &format!("{last} [{:?}]", case.system), || {
            format!(
                "SEED={} {} {:?} {}: {claim:?} after {requests:?}",
                self.seed,
                which(),
                made.kind,
                made.change.change()
            )
        });
    }

    /// Returns what was found beside the claims: requests for what nobody named, and parts of credentials.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found = self.hostile.truth.strays();
        found.extend(self.watch.found());
        found
    }
}
