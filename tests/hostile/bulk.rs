//! Runs with a journal: what it says of a row, session after session.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream;
use tempfile::TempDir;
use user_status::bulk::{
    BreakerPolicy, Event, InvalidRows, Journal, JournalEntry, JournalReader, Row, RowState, Runner, undo,
};
use user_status::{AccountStatus, Clock as _, ErrorKind, Proof, Registry};

use crate::drive::Run;
use crate::judge::{self, Claim, Fault, Made};
use crate::random::Random;
use crate::systems::{self, Kind};
use crate::truth::Case;

/// The rows of a run.
const ROWS: u64 = 40;

/// What is known of a row beside its account.
struct Asked {
    number: u64,
    made: Made,
    /// The number of requests for its account before.
    before: usize,
    /// The state that was held against the truth last, and the requests that there were then.
    held: Option<(RowState, usize)>,
}

impl Run {
    /// Carries out runs until there are so many rows in all.
    pub(crate) async fn runs(self: Arc<Run>, rows: u64) {
        for _ in 0..rows.div_ceil(ROWS) {
            let numbers = self.take(ROWS);
            self.run(numbers).await;
        }
    }

    /// One run: a session under fire, one that has other troubles, and one without any.
    pub(crate) async fn run(&self, numbers: std::ops::Range<u64>) {
        let mut random = Random::of(self.seed, "run", numbers.start, 0);
        let folder = TempDir::new().expect("a folder");
        let mut rows = BTreeMap::new();
        let mut list = Vec::new();
        for number in numbers.clone() {
            let kind = Kind::of_row(&mut random);
            let change = kind.change(&mut random);
            self.open(number, kind, &change, &mut random);
            let user = systems::user(kind.system(), number);
            list.push(Row::new(kind.name(), &user, change.clone()));
            let made = Made { kind, change, writes: true, row: true, from: Duration::ZERO, to: Duration::ZERO };
            rows.insert((kind.name(), user), Asked { number, made, before: 0, held: None });
        }
        let path = folder.path().join("run.sqlite");
        let registry = self.registry();
        let (read_first, verify) = (random.percent(70), random.percent(80));
        let runner = |registry: &Arc<Registry>| {
            let runner = Runner::new(registry.clone())
                .breaker(BreakerPolicy::default().with_failures(10_000).with_pause(Duration::ZERO).with_probes(1))
                .max_in_flight(8);
            runner.read_first(read_first).verify(verify).clock(Arc::new(self.hostile.clock.clone()))
        };
        let create = Journal::create(
            &path,
            "hostile",
            &registry,
            stream::iter(list.into_iter().map(Ok)),
            InvalidRows::Refuse,
            |bad| panic!("{bad}"),
        );
        drop(create.await.expect("good rows"));
        let unknown = Arc::new(Mutex::new(HashSet::new()));
        let second = random.below(3);
        for session in 0..3 {
            for number in numbers.clone() {
                if let Some(case) = self.hostile.truth.cases().get_mut(&number) {
                    case.locked_out = session == 1 && second > 0;
                    case.calm = session == 2;
                }
            }
            let registry = self.registry();
            self.session(&runner(&registry), &path, &unknown).await;
            self.hold(&path, &mut rows, &unknown, &format!("RUN={} session {session}", numbers.start)).await;
        }
        // The way back.
        let entries = self.entries(&path);
        let back: Vec<Row> = entries.iter().filter_map(|entry| undo(entry).ok().flatten()).collect();
        if !back.is_empty() {
            for row in &back {
                let asked = rows.get_mut(&(row.system.clone(), row.user.clone())).expect("of this run");
                asked.made.change = row.change.clone();
                let mut cases = self.hostile.truth.cases();
                let case = cases.get_mut(&asked.number).expect("it was opened");
                (case.calm, case.locked_out) = (false, false);
                asked.before = case.requests.len();
                asked.held = None;
            }
            rows.retain(|(system, user), _| back.iter().any(|row| (&row.system, &row.user) == (system, user)));
            let path = folder.path().join("undo.sqlite");
            let rows_back = stream::iter(back.into_iter().map(Ok));
            let create = Journal::create(&path, "undo", &registry, rows_back, InvalidRows::Skip, |_| {});
            if let Ok((journal, _)) = create.await {
                drop(journal);
                let unknown = Arc::new(Mutex::new(HashSet::new()));
                self.session(&runner(&self.registry()), &path, &unknown).await;
                self.hold(&path, &mut rows, &unknown, &format!("RUN={} undo", numbers.start)).await;
            }
        }
        for number in numbers {
            self.hostile.truth.cases().remove(&number);
        }
        for file in std::fs::read_dir(folder.path()).expect("a folder") {
            let bytes = std::fs::read(file.expect("a file").path()).expect("a file");
            self.watch.look(&String::from_utf8_lossy(&bytes), "a journal");
        }
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::new(self.clients())
    }

    async fn session(&self, runner: &Runner, path: &std::path::Path, unknown: &Arc<Mutex<HashSet<i64>>>) {
        let unknown = unknown.clone();
        let runner = runner.clone().on_event(move |event| {
            if let Event::Row { entry, state: RowState::Unknown, .. } = event {
                unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.number);
            }
        });
        let journal = Journal::open(path).expect("a journal");
        runner.run(journal).await.expect("a journal that can be written");
        self.hostile.clock.pause(200).await;
    }

    fn entries(&self, path: &std::path::Path) -> Vec<JournalEntry> {
        let reader = JournalReader::open(path).expect("a journal");
        reader.entries().map(|entry| entry.expect("a row")).collect()
    }

    async fn hold(
        &self,
        path: &std::path::Path,
        rows: &mut BTreeMap<(String, String), Asked>,
        unknown: &Arc<Mutex<HashSet<i64>>>,
        which: &str,
    ) {
        for entry in self.entries(path) {
            let Some(asked) = rows.get_mut(&(entry.row.system.clone(), entry.row.user.clone())) else { continue };
            let Some(mut case): Option<Case> = self.hostile.truth.cases().get(&asked.number).cloned() else { continue };
            case.requests.drain(..asked.before);
            // What is finished was held against the truth before.
            let held = Some((entry.state, case.requests.len()));
            if asked.held == held {
                continue;
            }
            asked.held = held;
            let made = Made { to: self.hostile.clock.now(), ..asked.made.clone() };
            let claim = claim(&entry);
            let which = || format!("{which} row {} {}", entry.number, entry.state);
            self.judge(&case, &made, &claim, which);
            let nothing_sent = entry.state == RowState::Pending;
            let wrong = |fault| self.wrong(&mut self.table(), fault, &case, &made, &claim, which);
            if nothing_sent && case.writes().next().is_some() {
                wrong(Fault::Sent);
            }
            let was_unknown = unknown.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry.number);
            if was_unknown
                && matches!(entry.state, RowState::Refused | RowState::Failed | RowState::Pending)
                && !judge::was_carried_out(&case)
            {
                wrong(Fault::Forgotten);
            }
        }
    }
}

/// Returns what the state of a row says.
fn claim(entry: &JournalEntry) -> Claim {
    let after = entry.outcome.after.clone().unwrap_or_default();
    match entry.state {
        RowState::Confirmed => Claim::Done(Proof::Confirmed, after),
        RowState::Accepted => Claim::Done(Proof::Accepted, AccountStatus::default()),
        RowState::Unchanged => Claim::Done(Proof::Unchanged, after),
        RowState::Sending | RowState::Unknown => Claim::Unknown(ErrorKind::OutcomeUnknown),
        _ => Claim::No,
    }
}
