//! The thread that writes a journal: what waits to be written goes into one transaction.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::error::{JournalError, JournalErrorKind};
use super::identity::Identity;
use super::schema::{COLUMNS, entry, name_of_rest};
use crate::bulk::entry::{Entry, RowOutcome, RowState};

/// How many commands may wait. More callers than that wait for a place.
pub(super) const QUEUE: usize = 1024;

/// How long a transaction waits for others to join it. A row waits so long, and the disk is asked a tenth as often: two
/// rows are under way for each call that may be, so that the wire does not wait.
const GATHER: Duration = Duration::from_millis(1);

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the thread is asked to do.
pub(super) enum Command {
    Watch(Arc<dyn Fn(Boundary) + Send + Sync>),
    Begin { at: Timestamp, reply: Reply<()> },
    Next { system: String, after: i64, most: usize, reply: Reply<Vec<Entry>> },
    Intend { number: i64, found: RowState, before: Option<String>, at: Timestamp, reply: Reply<()> },
    Record { number: i64, state: RowState, outcome: Box<RowOutcome>, at: Timestamp },
    Rest { system: String, until: Timestamp },
    End { how: &'static str, at: Timestamp, reply: Reply<()> },
}

/// A place in a write at which a program may end.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Nothing of the transaction is written.
    Before,
    /// All of it is written and not committed.
    Written,
    /// It is on the disk, and nobody was told.
    Committed,
}

/// Works until nobody is left who could ask.
pub(super) fn work(mut connection: Connection, identity: Identity, mut queue: mpsc::Receiver<Command>) {
    let mut writer = Writer { identity, hook: None, session: None, unwritten: Vec::new() };
    let mut commands = Vec::new();
    while queue.blocking_recv_many(&mut commands, QUEUE) > 0 {
        if commands.iter().any(|command| matches!(command, Command::Intend { .. } | Command::Record { .. })) {
            std::thread::sleep(GATHER);
            while let Ok(command) = queue.try_recv() {
                commands.push(command);
            }
        }
        writer.all(&mut connection, commands.drain(..));
    }
    // A last attempt, for outcomes that no transaction took.
    writer.all(&mut connection, std::iter::empty());
    drop(writer);
    // A file on its own, which can be copied and read without its folder being writable. It stays as it is while somebody
    // else reads it.
    let _ = connection.pragma_update(None, "journal_mode", "DELETE");
}

struct Writer {
    /// Which file it was when it was opened.
    identity: Identity,
    hook: Option<Arc<dyn Fn(Boundary) + Send + Sync>>,
    session: Option<i64>,
    /// Outcomes that are not on the disk. More than the rows under way only if a transaction failed; then no intent is
    /// taken any more, so that they cannot become many.
    unwritten: Vec<(i64, RowState, Box<RowOutcome>, Timestamp)>,
}

/// That a request is about to leave, and who waits for the end of the transaction.
struct Intent {
    number: i64,
    found: RowState,
    before: Option<String>,
    at: Timestamp,
    reply: Reply<()>,
}

impl Writer {
    fn all(&mut self, connection: &mut Connection, commands: impl Iterator<Item = Command>) {
        let mut intents = Vec::new();
        let mut session = None;
        let (mut reads, mut rests) = (Vec::new(), Vec::new());
        for command in commands {
            match command {
                Command::Watch(hook) => self.hook = Some(hook),
                Command::Next { system, after, most, reply } => reads.push((system, after, most, reply)),
                Command::Intend { number, found, before, at, reply } => {
                    intents.push(Intent { number, found, before, at, reply });
                }
                Command::Record { number, state, outcome, at } => self.unwritten.push((number, state, outcome, at)),
                Command::Rest { system, until } => rests.push((system, until)),
                Command::Begin { at, reply } => session = Some((None, at, reply)),
                Command::End { how, at, reply } => session = Some((Some(how), at, reply)),
            }
        }
        let mut result = Ok(());
        if !intents.is_empty() || !self.unwritten.is_empty() || !rests.is_empty() || session.is_some() {
            self.boundary(Boundary::Before);
            let change = session.as_ref().map(|(how, at, _)| (*how, *at));
            result = self.write(connection, &intents, &rests, change);
            if result.is_ok() {
                self.unwritten.clear();
                self.boundary(Boundary::Committed);
            }
            // Whoever asked may be gone.
            let waiting = intents.into_iter().map(|intent| intent.reply);
            for reply in waiting.chain(session.map(|(.., reply)| reply)) {
                let _ = reply.send(result.as_ref().copied().map_err(JournalError::again));
            }
        }
        for (system, after, most, reply) in reads {
            // Without the outcomes that are not written, a finished row would be taken for one in doubt.
            let written = result.as_ref().copied().map_err(JournalError::again);
            let rows = written.and_then(|()| Ok(next(connection, &system, after, most)?));
            let _ = reply.send(rows);
        }
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        intents: &[Intent],
        rests: &[(String, Timestamp)],
        session: Option<(Option<&'static str>, Timestamp)>,
    ) -> Result<(), JournalError> {
        self.identity.hold()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut record = transaction.prepare_cached(
                "UPDATE rows SET state = ?2, after = ?3, why = ?4, message = ?5, http = ?6, attempts = ?7, request_id = ?8,
                 ended = ?9 WHERE number = ?1",
            )?;
            for (number, state, outcome, at) in &self.unwritten {
                let after = outcome.after.as_ref().map(|after| serde_json::json!(after).to_string());
                record.execute(params![
                    number,
                    state.as_str(),
                    after,
                    outcome.reason,
                    outcome.message,
                    outcome.status,
                    outcome.attempts,
                    outcome.request_id,
                    at.to_string()
                ])?;
            }
            // What the account was before the first request is what it was before; a later look may see what that did.
            let mut intend = transaction.prepare_cached(
                "UPDATE rows SET state = 'sending', before = coalesce(?2, before), started = ?3, ended = NULL
                 WHERE number = ?1 AND state = ?4",
            )?;
            for Intent { number, found, before, at, .. } in intents {
                // No lock keeps out a program that does not see it, such as one that came after its file was removed.
                if intend.execute(params![number, before, at.to_string(), found.as_str()])? == 0 {
                    let what = format!("another program is at work on this run, and has changed row {number}");
                    return Err(JournalError::new(JournalErrorKind::InUse, what));
                }
            }
            for (system, until) in rests {
                transaction.execute(
                    "INSERT INTO run (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    params![name_of_rest(system), until.to_string()],
                )?;
            }
            match session {
                Some((None, at)) => {
                    transaction.execute("INSERT INTO sessions (started) VALUES (?1)", [at.to_string()])?;
                    self.session = Some(transaction.last_insert_rowid());
                }
                Some((Some(how), at)) => {
                    transaction.execute(
                        "UPDATE sessions SET ended = ?2, how = ?3 WHERE number = ?1",
                        params![self.session, at.to_string(), how],
                    )?;
                }
                None => {}
            }
        }
        self.boundary(Boundary::Written);
        Ok(transaction.commit()?)
    }

    fn boundary(&self, boundary: Boundary) {
        if let Some(hook) = &self.hook {
            hook(boundary);
        }
    }
}

/// The next rows of a system that are not finished.
fn next(connection: &Connection, system: &str, after: i64, most: usize) -> rusqlite::Result<Vec<Entry>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM rows
         WHERE number > ?2 AND +system = ?1 AND state IN ('pending', 'sending', 'failed', 'unknown')
         ORDER BY number LIMIT ?3"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    select.query_map(params![system, after, most], entry)?.collect()
}
