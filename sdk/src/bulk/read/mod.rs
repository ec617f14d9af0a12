//! Reads the rows of a bulk change from a file.
//!
//! | Column | | What it holds |
//! |---|---|---|
//! | `system` | required | the name of the system in the [`Registry`](crate::Registry) |
//! | `user` | required | the account, as the system names it |
//! | `change` | required | `enable`, `disable`, `suspend`, `unsuspend`, `lock`, `unlock` or `toggle` |
//! | `reason` | | why the account is suspended, 1 to 500 characters; with `suspend` only |
//! | `until` | | when the suspension ends, such as `2026-12-31T23:59:59Z`; with `suspend` only |
//! | `comment` | | 1 to 2000 characters, for a system that keeps one |
//! | `key` | | the caller's own name for the row, such as a ticket |
//!
//! As CSV (RFC 4180), the first line names the columns, in any order; an empty field of an optional one is not there:
//!
//! ```
//! let file = "\
//! system,user,change,reason,until
//! pod,7215545078541,suspend,\"Leave, as agreed\",2026-12-31T23:59:59Z
//! clinic,42,disable,,
//! ";
//! let rows: Vec<_> = user_status::bulk::csv(file.as_bytes()).collect::<Result<_, _>>()?;
//! assert_eq!(rows[0].change.reason(), Some("Leave, as agreed"));
//! assert_eq!((rows[1].line, rows[1].user.as_str()), (3, "42"));
//! # Ok::<(), user_status::bulk::BadRow>(())
//! ```
//!
//! As NDJSON, each line is an object with these members; `user` may be a whole number, and null is not there:
//!
//! ```
//! let file = r#"{"system":"pod","user":"7215545078541","change":"suspend","until":"tomorrow"}
//! {"system":"clinic","user":42,"change":"disable","key":"HR-17"}
//! "#;
//! let mut rows = user_status::bulk::ndjson(file.as_bytes());
//! let bad = rows.next().unwrap().unwrap_err();
//! assert_eq!(
//!     bad.to_string(),
//!     "line 1, column until: must be a time such as 2026-12-31T23:59:59Z, and is `tomorrow`"
//! );
//! let row = rows.next().unwrap()?;
//! assert_eq!((row.user.as_str(), row.key.as_deref()), ("42", Some("HR-17")));
//! # Ok::<(), user_status::bulk::BadRow>(())
//! ```
//!
//! A file is UTF-8, with or without a byte order mark; its lines end with LF or CRLF, and blank ones are skipped, as are those of
//! nothing but commas. The last columns of CSV may have no name if nothing is in them. A record may have 64 KiB. A file changes
//! people's accounts, so nothing in it is guessed: what can be read in two ways is a [`BadRow`], an id is never trimmed, and a
//! column that is not known is refused rather than ignored. After a bad row reading goes on, so that all bad rows of a file are
//! known at once, unless [`BadRow::ends_input`] says that nothing after it can be read.

mod csv;
mod fields;
mod lines;
mod ndjson;

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

pub use csv::CsvRows;
pub(super) use fields::shown;
pub use ndjson::NdjsonRows;

#[cfg(doc)]
use super::BadRow;

/// Returns the rows of a CSV file, in the [form described here](self). Only one row at a time is in memory.
///
/// # Errors
///
/// A row that cannot be carried out is a [`BadRow`], and reading goes on after it. It ends with the bad row
/// ([`BadRow::ends_input`]) if the header is wrong, if `source` fails, if a record has more than 64 KiB, and if a quote
/// is out of place or not closed, since where the record ends is then uncertain.
///
/// ```
/// let mut rows = user_status::bulk::csv("system,user,changes\n".as_bytes());
/// let bad = rows.next().unwrap().unwrap_err();
/// assert_eq!(
///     bad.to_string(),
///     "line 1, column changes: is not known; the first line names the columns, which are system, user, change, \
///      reason, until, comment, key"
/// );
/// assert!(bad.ends_input);
/// ```
pub fn csv<R: Read>(source: R) -> CsvRows<R> {
    CsvRows::new(source)
}

/// Returns the rows of an NDJSON file, in the [form described here](self). Only one row at a time is in memory.
///
/// # Errors
///
/// A line that is no row, or that has more than 64 KiB, is a [`BadRow`], and reading goes on after it. It ends with the
/// bad row ([`BadRow::ends_input`]) only if `source` fails, or is UTF-16.
///
/// ```
/// let mut rows = user_status::bulk::ndjson(r#"{"system":"pod","user":42,"change":"Disable"}"#.as_bytes());
/// let bad = rows.next().unwrap().unwrap_err();
/// assert_eq!(bad.to_string(), "line 1, column change: must be in lower case, `disable`, and is `Disable`");
/// ```
pub fn ndjson<R: Read>(source: R) -> NdjsonRows<R> {
    NdjsonRows::new(source)
}

/// The format of a file of rows.
///
/// ```
/// use std::path::Path;
/// use user_status::bulk::Format;
///
/// assert_eq!("jsonl".parse(), Ok(Format::Ndjson));
/// assert_eq!(Format::of_path(Path::new("leavers.CSV")), Some(Format::Csv));
/// assert_eq!(Format::of_path(Path::new("leavers.xlsx")), None);
/// let error = "xlsx".parse::<Format>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown format `xlsx`; known are csv, ndjson, jsonl");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Comma-separated values, read by [`csv()`].
    Csv,
    /// A JSON object per line, read by [`ndjson()`].
    Ndjson,
}

/// The words for the formats, which are the extensions of their files, too.
const WORDS: [(&str, Format); 3] = [("csv", Format::Csv), ("ndjson", Format::Ndjson), ("jsonl", Format::Ndjson)];

impl Format {
    /// Returns the format that the extension of a file says: `.csv`, `.ndjson` or `.jsonl`, in any case.
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?;
        WORDS.into_iter().find(|(word, _)| extension.eq_ignore_ascii_case(word)).map(|(_, format)| format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
        })
    }
}

/// `csv`, `ndjson`, or `jsonl`, which is the same.
impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        let found = WORDS.into_iter().find(|(word, _)| *word == name);
        found.map(|(_, format)| format).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// A name that is not one of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = WORDS.map(|(word, _)| word).join(", ");
        write!(f, "unknown format `{}`; known are {known}", fields::shown(&self.0))
    }
}

impl std::error::Error for UnknownFormat {}
