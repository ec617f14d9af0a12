//! The file that rows come from.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;
use std::rc::Rc;

use user_status::bulk::{BadRow, Format, Row, csv, ndjson};

use crate::arguments::Input;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, visible};

/// A file with rows, open.
pub(crate) struct Source {
    file: File,
    format: Format,
    /// As it is shown, and kept in the journal.
    pub(crate) name: String,
    /// The number of rows of nothing but commas that the last reading passed over.
    blank: Rc<Cell<u64>>,
}

impl Source {
    /// Opens the file that is named. What can be read only once, such as the standard input, is copied to a file that has
    /// no name and goes with the program: the rows are read twice.
    pub(crate) fn open(input: &Input) -> Result<Source, Failure> {
        let from_stdin = input.file == Path::new("-");
        let name = if from_stdin { "the standard input".to_owned() } else { visible(&input.file.to_string_lossy()) };
        let format = input.format.or_else(|| Format::of_path(&input.file)).ok_or_else(|| {
            let problem = format!("{name} does not say how its rows are written");
            Failure::usage(problem).next("Name the format: --format csv, or --format ndjson.")
        })?;
        let unread = |e: io::Error| {
            let failure = Failure::usage(format!("{name} cannot be read: {e}"));
            match e.kind() {
                io::ErrorKind::NotFound => failure.next("FILE is a .csv, .ndjson or .jsonl file, or `-`."),
                _ => failure,
            }
        };
        let file = if from_stdin {
            spooled(&mut io::stdin().lock()).map_err(unread)??
        } else {
            let mut file = File::open(&input.file).map_err(unread)?;
            let kind = file.metadata().map_err(unread)?.file_type();
            match kind {
                _ if kind.is_dir() => return Err(unread(io::Error::other("it is a folder"))),
                _ if kind.is_file() => file,
                // It may have no end.
                _ if is_device(kind) => return Err(unread(io::Error::other("it is a device"))),
                // As `<(…)` of a shell is.
                _ => spooled(&mut file).map_err(unread)??,
            }
        };
        Ok(Source { file, format, name, blank: Rc::default() })
    }

    /// All rows, from the beginning.
    pub(crate) fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<Row, BadRow>>>, Failure> {
        let open = || {
            let mut file = self.file.try_clone()?;
            file.rewind()?;
            Ok(file)
        };
        let file = open().map_err(|e: io::Error| Failure::unexpected(format!("{} cannot be read: {e}", self.name)))?;
        match self.format {
            Format::Csv => {
                let (mut rows, blank) = (csv(file), self.blank.clone());
                Ok(Box::new(std::iter::from_fn(move || {
                    let row = rows.next();
                    blank.set(rows.blank_rows());
                    row
                })))
            }
            Format::Ndjson => Ok(Box::new(ndjson(file))),
            other => Err(Failure::usage(format!("{}: rows as {other} cannot be read", self.name))),
        }
    }

    /// Says what was passed over.
    pub(crate) fn note_blank(&self, output: Output) {
        match self.blank.get() {
            0 => {}
            1 => output.note("1 row of nothing but commas was passed over."),
            blank => output.note(&format!("{blank} rows of nothing but commas were passed over.")),
        }
    }

    /// The profiles that rows name. Found by a reading of its own, since the systems must be there before a row is taken
    /// in, and nobody should need the credentials of a system of which the file says nothing.
    pub(crate) fn profiles(&self, config: &Config) -> Result<BTreeSet<String>, Failure> {
        let mut names = BTreeSet::new();
        for row in self.rows()?.flatten() {
            // Any other is that of a bad row.
            if !names.contains(&row.system) && config.profiles.contains_key(&row.system) {
                names.insert(row.system);
            }
        }
        Ok(names)
    }
}

#[cfg(unix)]
fn is_device(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_: std::fs::FileType) -> bool {
    false
}

/// A copy in a file without a name. What cannot be read and what cannot be written are two failures.
fn spooled(from: &mut dyn io::Read) -> io::Result<Result<File, Failure>> {
    let full = |e: io::Error| {
        let place = std::env::temp_dir();
        Failure::unexpected(format!("the rows cannot be kept in the temporary folder {}: {e}", place.display()))
            .next("Make room there, or name another folder in TMPDIR.")
    };
    let mut file = match tempfile::tempfile() {
        Ok(file) => file,
        Err(e) => return Ok(Err(full(e))),
    };
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(Ok(file)),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if let Err(e) = io::Write::write_all(&mut file, &chunk[..count]) {
            return Ok(Err(full(e)));
        }
    }
}
