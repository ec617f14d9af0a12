//! What the columns of a row may hold, in whichever format they are written.

use jiff::Timestamp;

use crate::bulk::{BadRow, Row};
use crate::codec::text::visible;
use crate::model::change::{Change, StatusChange};

/// A column of CSV, or a member of NDJSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    System,
    User,
    Change,
    Reason,
    Until,
    Comment,
    Key,
}

impl Column {
    const ALL: [Column; 7] =
        [Column::System, Column::User, Column::Change, Column::Reason, Column::Until, Column::Comment, Column::Key];

    /// Those that each row must have.
    pub(super) const REQUIRED: [Column; 3] = [Column::System, Column::User, Column::Change];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Column::System => "system",
            Column::User => "user",
            Column::Change => "change",
            Column::Reason => "reason",
            Column::Until => "until",
            Column::Comment => "comment",
            Column::Key => "key",
        }
    }

    pub(super) fn of(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.as_str() == name)
    }

    /// All names, as they are shown to people.
    pub(super) fn names() -> String {
        Column::ALL.map(Column::as_str).join(", ")
    }

    pub(super) fn is_required(self) -> bool {
        Column::REQUIRED.contains(&self)
    }

    /// Returns whether it is text for people, in which white space is of no account.
    fn is_prose(self) -> bool {
        matches!(self, Column::Reason | Column::Comment)
    }
}

/// The values of one row, before anybody has looked at them.
#[derive(Default)]
pub(super) struct Fields {
    line: u64,
    values: [Option<String>; Column::ALL.len()],
}

impl Fields {
    pub(super) fn at(line: u64) -> Fields {
        Fields { line, ..Fields::default() }
    }

    pub(super) fn set(&mut self, column: Column, value: String) {
        self.values[column as usize] = Some(value);
    }

    /// The row, or the first thing that is wrong with it.
    pub(super) fn into_row(mut self) -> Result<Row, BadRow> {
        let system = self.required(Column::System)?;
        let user = self.required(Column::User)?;
        let change = self.required(Column::Change)?;
        let change = self.hold(Column::Change, read_change(&change))?;
        let until = match self.optional(Column::Until)? {
            Some(until) => Some(self.hold(Column::Until, read_instant(&until))?),
            None => None,
        };
        let reason = self.optional(Column::Reason)?;
        let comment = self.optional(Column::Comment)?;
        let key = self.optional(Column::Key)?;
        let change = StatusChange::from_parts(change, reason, until, comment);
        if let Some((member, problem)) = change.member_problem() {
            let value = match member {
                "reason" => change.reason().unwrap_or_default().to_owned(),
                "until" => change.until().map(|end| end.to_string()).unwrap_or_default(),
                _ => change.comment().unwrap_or_default().to_owned(),
            };
            return Err(BadRow::new(self.line, Some(member), format!("{problem}; it is `{}`", shown(&value))));
        }
        Ok(Row { line: self.line, key, ..Row::new(system, user, change) })
    }

    fn required(&mut self, column: Column) -> Result<String, BadRow> {
        let value = self.optional(column)?;
        self.hold(column, value.ok_or_else(|| "is missing".to_owned()))
    }

    fn optional(&mut self, column: Column) -> Result<Option<String>, BadRow> {
        let Some(value) = self.values[column as usize].take() else { return Ok(None) };
        if value.is_empty() {
            return self.hold(column, Err("must not be empty".to_owned()));
        }
        // Trimmed, it could name another account than the one that was written.
        if !column.is_prose() && value.trim() != value {
            let problem = format!("must not begin or end with white space, and is `{}`", shown(&value));
            return self.hold(column, Err(problem));
        }
        Ok(Some(value))
    }

    fn hold<T>(&self, column: Column, value: Result<T, String>) -> Result<T, BadRow> {
        value.map_err(|problem| BadRow::new(self.line, Some(column.as_str()), problem))
    }
}

fn read_change(text: &str) -> Result<Change, String> {
    if let Ok(change) = text.parse::<Change>() {
        return Ok(change);
    }
    Err(match Change::ALL.into_iter().find(|change| change.as_str().eq_ignore_ascii_case(text)) {
        Some(change) => format!("must be in lower case, `{change}`, and is `{}`", shown(text)),
        None => format!("must be one of {}, and is `{}`", Change::ALL.map(Change::as_str).join(", "), shown(text)),
    })
}

/// A time zone in brackets is refused: it may contradict the offset before it, which alone would count.
fn read_instant(text: &str) -> Result<Timestamp, String> {
    let instant = if text.contains('[') { None } else { text.parse().ok() };
    instant.ok_or_else(|| format!("must be a time such as 2026-12-31T23:59:59Z, and is `{}`", shown(text)))
}

/// The most characters of a value that are shown.
const SHOWN_MAX: usize = 40;

/// The same, of what may not be UTF-8.
pub(super) fn shown_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => shown(text),
        Err(_) => {
            let more = if bytes.len() > SHOWN_MAX { "…" } else { "" };
            format!("{}{more}", bytes[..bytes.len().min(SHOWN_MAX)].escape_ascii())
        }
    }
}

/// A value from a file as a problem shows it: short, on one line, with nothing in it that a terminal would obey, and nothing
/// that cannot be seen.
pub(in crate::bulk) fn shown(text: &str) -> String {
    let mut shown = visible(&text.chars().take(SHOWN_MAX).collect::<String>());
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}
