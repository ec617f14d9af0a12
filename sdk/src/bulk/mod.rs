//! Changes to many accounts, which survive anything: a crash, an outage, a full disk.
//!
//! Three steps. Rows come from a file or from a program; a [`Journal`] takes them in, each held against its system, before
//! anything is sent; a [`Runner`] carries them out. Whatever ends the program, the same [`Runner`] goes on from the journal:
//! it passes over what is finished, looks at what is in doubt, and repeats nothing blindly. [`JournalReader`] reports, and
//! [`undo`] makes the rows that take a run back.
//!
//! | State of a row | What is known | A resumed run |
//! |---|---|---|
//! | `pending` | nothing was sent | carries it out |
//! | `sending` | the program ended while the request may have been on its way | as `unknown` |
//! | `confirmed` | the change is proved | – |
//! | `accepted` | the system accepted the change and offers no proof | – |
//! | `unchanged` | the account was already as asked; nothing was sent | – |
//! | `refused` | the system said no, or the row cannot be carried out; nothing was changed | – |
//! | `failed` | it did not work, and nothing was changed | carries it out |
//! | `unknown` | nobody knows | reads the account; what may not be repeated stays for a person |
//!
//! What may not be repeated is a toggle, and whatever [`AccountSystem::repeatable`](crate::AccountSystem::repeatable) says so of.
//! A row that was unknown once stays so, whatever is answered to later requests for it, until a proof takes it away: the account
//! shows what was asked, or the system says yes.

mod breaker;
mod decide;
mod doubt;
mod entry;
mod event;
mod journal;
mod lane;
mod names;
mod plan;
pub mod read;
mod rest;
mod row;
mod run;
mod runner;
mod stop;
mod undo;

pub use breaker::BreakerPolicy;
pub use entry::{Counts, JournalEntry, RowOutcome, RowState};
pub use event::{Event, PauseReason, Summary};
#[doc(hidden)]
pub use journal::Boundary;
pub use journal::{ImportSummary, InvalidRows, Journal, JournalError, JournalErrorKind, JournalReader, RunInfo};
pub use plan::{Planned, Step};
pub use read::{Format, csv, ndjson};
pub use row::{BadRow, Row};
pub use runner::Runner;
pub use stop::StopHandle;
pub use undo::{NotReversible, undo};
