//! The thread that writes a journal: what waits to be written goes into one transaction.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::error::{JournalError, JournalErrorKind};
use super::head::Head;
use super::identity::Identity;
use super::records::{self, Small};
use super::schema::{COLUMNS, entry, name_of_rest};
use super::sums::{Key, Seal};
use crate::bulk::entry::{JournalEntry, RowOutcome, RowState};

/// The number of commands that may wait. More callers than that wait for a place.
pub(super) const QUEUE: usize = 1024;

/// The time for which a transaction waits for others to join it. A row waits so long, and the disk is asked a tenth as often: two
/// rows are under way for each call that may be, so that the wire does not wait.
const GATHER: Duration = Duration::from_millis(1);

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// A command to the thread.
pub(super) enum Command {
    Watch(Arc<dyn Fn(Boundary) + Send + Sync>),
    Confirm { at: Timestamp, reply: Reply<()> },
    Begin { at: Timestamp, reply: Reply<()> },
    Next { system: String, after: i64, most: usize, reply: Reply<Vec<JournalEntry>> },
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
    /// That it is on the disk is on the disk as well.
    Marked,
}

/// Works until nobody is left who could ask.
pub(super) fn work(
    mut connection: Connection,
    path: PathBuf,
    seal: Seal,
    identity: Identity,
    mut queue: mpsc::Receiver<Command>,
) {
    let mut writer =
        Writer { path, identity, seal, head: None, behind: false, hook: None, session: None, unwritten: Vec::new() };
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
    // Else the end stays beside the file, and the head says so.
    let _ = writer.close(&mut connection);
}

struct Writer {
    path: PathBuf,
    /// The identity of the file when it was opened.
    identity: Identity,
    /// The checksum of the journal since the last transaction.
    seal: Seal,
    /// Since a session began.
    head: Option<Head>,
    /// The head is not on the disk as it should be.
    behind: bool,
    hook: Option<Arc<dyn Fn(Boundary) + Send + Sync>>,
    session: Option<(i64, Timestamp)>,
    /// Outcomes that are not on the disk. More than the rows under way only if a transaction failed; then no intent is
    /// taken any more, so that they cannot become many.
    unwritten: Vec<(i64, RowState, Box<RowOutcome>, Timestamp)>,
}

/// A fact about the run as a whole.
#[derive(Clone, Copy)]
enum Said {
    Confirmed,
    Begun,
    Ended(&'static str),
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
                Command::Confirm { at, reply } => session = Some((Said::Confirmed, at, reply)),
                Command::Begin { at, reply } => session = Some((Said::Begun, at, reply)),
                Command::End { how, at, reply } => session = Some((Said::Ended(how), at, reply)),
            }
        }
        let mut result = Ok(());
        if !intents.is_empty() || !self.unwritten.is_empty() || !rests.is_empty() || session.is_some() {
            self.boundary(Boundary::Before);
            let said = session.as_ref().map(|(said, at, _)| (*said, *at));
            result = self.write(connection, &intents, &rests, said);
            if result.is_ok() {
                self.unwritten.clear();
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
            let rows = written.and_then(|()| Ok(next(connection, self.seal.key, &system, after, most)?));
            let _ = reply.send(rows);
        }
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        intents: &[Intent],
        rests: &[(String, Timestamp)],
        said: Option<(Said, Timestamp)>,
    ) -> Result<(), JournalError> {
        self.identity.hold()?;
        let more = !intents.is_empty() || !rests.is_empty() || !self.unwritten.is_empty();
        if matches!(said, Some((Said::Confirmed, _))) && !more && is_confirmed(connection)? {
            return Ok(());
        }
        let begins = matches!(said, Some((Said::Begun, _)));
        if begins {
            self.alone(connection)?;
            self.prepare(connection)?;
        }
        if self.behind {
            self.mark()?;
        }
        let (key, mut grown) = (self.seal.key, 0u64);
        let mut session = self.session;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.alone(&transaction)?;
        for (number, state, outcome, at) in &self.unwritten {
            let record = records::change(&transaction, key, *number, |row| {
                row.record(*state, outcome, at.to_string());
                Ok(())
            });
            grown = grown.wrapping_add(record?);
        }
        for Intent { number, found, before, at, .. } in intents {
            let mark_sending = records::change(&transaction, key, *number, |row| {
                if row.state() != found.as_str() {
                    let what = format!("another program is at work on this run, and has changed row {number}");
                    return Err(JournalError::new(JournalErrorKind::InUse, what));
                }
                row.mark_sending(before.clone(), at.to_string());
                Ok(())
            });
            grown = grown.wrapping_add(mark_sending?);
        }
        let mut put = |table, columns: &[Value]| -> rusqlite::Result<()> {
            grown = grown.wrapping_add(records::put(&transaction, key, table, columns)?);
            Ok(())
        };
        for (system, until) in rests {
            put(Small::Run, &[name_of_rest(system).into(), until.to_string().into()])?;
        }
        if let Some((said, at)) = said {
            if !matches!(said, Said::Ended(_)) && !is_confirmed(&transaction)? {
                put(Small::Run, &["confirmed".to_owned().into(), at.to_string().into()])?;
            }
            match (said, session) {
                (Said::Begun, _) => {
                    let last = "SELECT coalesce(max(number), 0) FROM sessions";
                    let number = transaction.query_row(last, [], |record| record.get::<_, i64>(0))? + 1;
                    put(Small::Sessions, &[number.into(), at.to_string().into(), Value::Null, Value::Null])?;
                    session = Some((number, at));
                }
                (Said::Ended(how), Some((number, began))) => {
                    let columns =
                        [number.into(), began.to_string().into(), at.to_string().into(), how.to_owned().into()];
                    put(Small::Sessions, &columns)?;
                }
                _ => {}
            }
        }
        let seal = Seal { open: self.seal.open || begins, ..self.seal.next(grown) };
        seal.write(&transaction)?;
        self.boundary(Boundary::Written);
        transaction.commit()?;
        (self.seal, self.session) = (seal, session);
        self.boundary(Boundary::Committed);
        self.mark()?;
        if begins {
            // That the end may be elsewhere is in the file itself; from here on it may. Small transactions at a sequential
            // write each, beside readers. Where it cannot be had, the run goes on without it.
            let _ = journal_mode(connection, "WAL");
        }
        self.boundary(Boundary::Marked);
        Ok(())
    }

    /// That nobody else wrote to it. No lock keeps out a program that does not see it, such as one that came after its file was
    /// removed.
    fn alone(&self, connection: &Connection) -> Result<(), JournalError> {
        match Seal::read(connection)? == self.seal {
            true => Ok(()),
            false => Err(JournalError::new(JournalErrorKind::InUse, "another program is at work on this run as well")),
        }
    }

    /// Before a session begins: that it does must be in the file itself, and not in a log beside it.
    fn prepare(&mut self, connection: &Connection) -> Result<(), JournalError> {
        if !self.seal.open && journal_mode(connection, "DELETE")? != "delete" {
            let what = "another program reads it, and keeps what is written out of the file; wait for its end";
            return Err(JournalError::new(JournalErrorKind::InUse, what));
        }
        self.head = Some(Head::begin(&self.path, self.seal).map_err(JournalError::io)?);
        Ok(())
    }

    /// Says outside of the journal how far it is.
    fn mark(&mut self) -> Result<(), JournalError> {
        let Some(head) = &mut self.head else { return Ok(()) };
        self.behind = true;
        head.advance(self.seal).map_err(JournalError::io)?;
        self.behind = false;
        Ok(())
    }

    /// Makes it a file on its own, which can be copied, and be read without its folder being writable; unless somebody reads
    /// it now, or something could not be written.
    fn close(&mut self, connection: &mut Connection) -> Result<(), JournalError> {
        self.identity.hold()?;
        if self.head.is_none() || !self.unwritten.is_empty() || journal_mode(connection, "DELETE")? != "delete" {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.alone(&transaction)?;
        let seal = Seal { open: false, ..self.seal.next(0) };
        seal.write(&transaction)?;
        transaction.commit()?;
        self.seal = seal;
        self.mark()
    }

    fn boundary(&self, boundary: Boundary) {
        if let Some(hook) = &self.hook {
            hook(boundary);
        }
    }
}

/// Asks for a journal mode, and says which one there is.
fn journal_mode(connection: &Connection, mode: &str) -> rusqlite::Result<String> {
    connection.pragma_update_and_check(None, "journal_mode", mode, |record| record.get(0))
}

fn is_confirmed(connection: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT 1 FROM run WHERE name = 'confirmed'";
    Ok(connection.query_row(select, [], |_| Ok(())).optional()?.is_some())
}

/// The next rows of a system that are not finished.
fn next(
    connection: &Connection,
    key: Key,
    system: &str,
    after: i64,
    most: usize,
) -> rusqlite::Result<Vec<JournalEntry>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM rows
         WHERE number > ?2 AND +system = ?1 AND state IN ('pending', 'sending', 'failed', 'unknown')
         ORDER BY number LIMIT ?3"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    select.query_map(params![system, after, most], |record| entry(key, record))?.collect()
}
