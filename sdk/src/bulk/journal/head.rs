//! How far a journal must at least be, kept outside of it.
//!
//! SQLite takes a write-ahead log that lost its end, or all of it, for an earlier state of the database, without an error. So
//! the number of the last transaction is in a file of its own beside the journal, `FILE-head`. It is on the disk before anybody
//! is told that the transaction is, and so before a request leaves that the transaction says of: a journal that is not as far
//! as its head has lost something, and one that is further by one was killed between the two.
//!
//! A copy of a journal at work, with all that lies beside it, is true for a moment only: the head names the file itself, so that
//! one that takes its place, before the run ended in order, is noticed too. A file that is moved stays the same.
//!
//! The file has two places, a sector each, that are written in turn: what tears one leaves the other.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::error::{JournalError, JournalErrorKind};
use super::sums::{Key, Seal};

/// How far the places are from each other: the sectors of disks have no more.
const PLACE: usize = 4096;

const MAGIC: &[u8; 8] = b"USjrhead";

/// The bytes of a mark: the magic, the key, the file, the number of transactions, the sum of all checksums, and a checksum.
const LENGTH: usize = 48;

/// The head of a journal that is worked on.
pub(super) struct Head {
    file: File,
    /// The number of the file of the journal.
    number: u64,
}

/// A state of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    key: Key,
    /// The number of the file of the journal; 0 if it has none.
    file: u64,
    commits: u64,
    digest: u64,
}

/// The extent that a journal must have at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    there: bool,
    /// The later of the two that can be read.
    mark: Option<Mark>,
    /// The other one cannot be read.
    torn: bool,
    /// The number of the file that the journal is now.
    file: u64,
}

impl Head {
    /// Begins with this state, in the place of whatever there was.
    pub(super) fn begin(journal: &Path, seal: Seal) -> std::io::Result<Head> {
        let path = path(journal)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut head = Head { file: options.open(&path)?, number: number(journal)? };
        for place in 0..2 {
            head.put(place, seal)?;
        }
        head.file.sync_all()?;
        if let Some(folder) = super::folder_of(&path).filter(|_| cfg!(unix)) {
            // The name of a new file is on the disk only after this.
            File::open(folder)?.sync_all()?;
        }
        Ok(head)
    }

    /// Says that the journal is in this state. It is on the disk when this returns.
    pub(super) fn advance(&mut self, seal: Seal) -> std::io::Result<()> {
        self.put(usize::from(!seal.commits.is_multiple_of(2)), seal)?;
        self.file.sync_data()
    }

    fn put(&mut self, place: usize, seal: Seal) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(MAGIC);
        bytes.extend([seal.key.0, self.number, seal.commits, seal.digest].into_iter().flat_map(u64::to_le_bytes));
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        self.file.seek(SeekFrom::Start((place * PLACE) as u64))?;
        self.file.write_all(&bytes)
    }
}

/// Where the head of a journal is: the same, by whatever link the journal is named.
pub(super) fn path(journal: &Path) -> std::io::Result<PathBuf> {
    Ok(super::with_suffix(&std::fs::canonicalize(journal)?, "-head"))
}

/// Looks how far a journal must be. To be asked before the journal is, which may go on meanwhile.
pub(super) fn find(journal: &Path) -> Result<Found, JournalError> {
    let mut bytes = Vec::new();
    match path(journal).and_then(File::open) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Found { there: false, mark: None, torn: false, file: 0 });
        }
        file => file.and_then(|file| file.take(2 * PLACE as u64).read_to_end(&mut bytes)).map_err(JournalError::io)?,
    };
    let places = [0, PLACE].map(|at| bytes.get(at..at + LENGTH).and_then(read));
    let torn = places.iter().any(Option::is_none);
    let mark = places.into_iter().flatten().max_by_key(|mark| mark.commits);
    Ok(Found { there: true, mark, torn, file: number(journal).map_err(JournalError::io)? })
}

impl Found {
    /// Returns the number of transactions that there must have been.
    pub(super) fn commits(&self) -> u64 {
        self.mark.map_or(0, |mark| mark.commits)
    }

    pub(super) fn is_there(&self) -> bool {
        self.there
    }

    /// Refuses a journal that lacks something. `later` is how far it must have been after it was read: a program that is at
    /// work goes on.
    pub(super) fn hold(
        &self,
        seal: Seal,
        later: impl FnOnce() -> Result<Found, JournalError>,
    ) -> Result<(), JournalError> {
        let Some(mark) = self.mark else {
            return match (self.there, seal.open) {
                (true, true) => lost("the file beside it whose name ends in -head cannot be read"),
                (false, true) => lost("the file beside it whose name ends in -head is missing"),
                // Everything is in the file itself, which can be moved and copied alone. A program may have been killed while
                // it wrote the first head: before it says in the file that it began.
                (_, false) => Ok(()),
            };
        };
        if mark.key != seal.key {
            return lost("the file beside it whose name ends in -head belongs to another run");
        }
        let one_less = seal.commits.saturating_sub(1);
        if seal.commits < mark.commits {
            lost(&format!("{} of {} transactions are missing", mark.commits - seal.commits, mark.commits))
        } else if seal.commits == mark.commits && mark.digest != seal.digest {
            lost("it is in another state than it was")
        } else if seal.commits == mark.commits && self.torn && seal.open {
            // A program that was killed while it wrote the head had written the journal before.
            lost("the file beside it whose name ends in -head is damaged")
        } else if seal.open && mark.file != self.file {
            lost("it is a copy, made before the run had ended in order")
        } else if one_less > mark.commits && one_less > later()?.commits() {
            lost("the file beside it whose name ends in -head is older than it is")
        } else {
            Ok(())
        }
    }
}

fn lost(what: &str) -> Result<(), JournalError> {
    let what = format!(
        "it lacks its end ({what}), as after it was copied or restored without the files beside it, or after damage: \
         requests may have been sent of which it does not know"
    );
    Err(JournalError::new(JournalErrorKind::LostEnd, what))
}

/// Returns what tells a file from its copies, and stays when it is moved. Elsewhere than on Unix nothing is known that does.
#[cfg(unix)]
fn number(journal: &Path) -> std::io::Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(journal)?))
}

#[cfg(not(unix))]
fn number(_: &Path) -> std::io::Result<u64> {
    Ok(0)
}

fn read(bytes: &[u8]) -> Option<Mark> {
    let (says, check) = bytes.split_at_checked(LENGTH - 8)?;
    let mut numbers = says.get(8..)?.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
    let whole = says.starts_with(MAGIC) && check == xxh3_64(says).to_le_bytes();
    let mark =
        Mark { key: Key(numbers.next()?), file: numbers.next()?, commits: numbers.next()?, digest: numbers.next()? };
    whole.then_some(mark)
}
