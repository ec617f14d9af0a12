//! NDJSON: an object per line.

use std::fmt;
use std::io::Read;
use std::iter::FusedIterator;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::fields::{Column, Fields, shown};
use super::lines::{Lines, Next, RECORD_MAX};
use crate::bulk::{BadRow, Row};

/// The rows of an NDJSON file. Made by [`ndjson`](super::ndjson()).
pub struct NdjsonRows<R> {
    lines: Lines<R>,
    ended: bool,
}

impl<R: Read> NdjsonRows<R> {
    pub(super) fn new(source: R) -> NdjsonRows<R> {
        NdjsonRows { lines: Lines::new(source), ended: false }
    }

    fn read(&mut self) -> Result<Option<Row>, BadRow> {
        loop {
            let next = self.lines.next(RECORD_MAX)?;
            let line = self.lines.number();
            return match next {
                Next::End => Ok(None),
                Next::Line if self.lines.is_blank() => continue,
                Next::Line => row(line, self.lines.body()).map(Some),
                Next::TooLong => Err(BadRow::new(line, None, "is longer than 64 KiB")),
            };
        }
    }
}

impl<R: Read> Iterator for NdjsonRows<R> {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.read().transpose();
        self.ended = match &row {
            Some(Err(bad)) => bad.ends_input,
            Some(Ok(_)) => false,
            None => true,
        };
        row
    }
}

impl<R: Read> FusedIterator for NdjsonRows<R> {}

/// Without what is in the file.
impl<R> fmt::Debug for NdjsonRows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NdjsonRows").field("line", &self.lines.number()).finish_non_exhaustive()
    }
}

fn row(line: u64, text: &[u8]) -> Result<Row, BadRow> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let problem = format!("is not UTF-8 from byte {} on; the file must be UTF-8", error.valid_up_to() + 1);
        BadRow::new(line, None, problem)
    })?;
    let Members(members) =
        serde_json::from_str(text).map_err(|error| BadRow::new(line, None, not_json(text, &error)))?;

    let mut fields = Fields::at(line);
    let mut seen = Vec::with_capacity(members.len());
    for (name, value) in members {
        let refuse = |problem: String| BadRow::new(line, Some(&shown(&name)), problem);
        let Some(column) = Column::of(&name) else {
            return Err(refuse(format!("is not known; the members are {}", Column::names())));
        };
        if seen.contains(&column) {
            return Err(refuse("stands twice".to_owned()));
        }
        seen.push(column);
        if let Some(value) = string(column, value).map_err(refuse)? {
            fields.set(column, value);
        }
    }
    fields.into_row()
}

/// The text of a member; `None` for null, which is as good as not being there.
fn string(column: Column, value: Value) -> Result<Option<String>, String> {
    let written = value.to_string();
    let is = match value {
        Value::String(text) => return Ok(Some(text)),
        Value::Null if !column.is_required() => return Ok(None),
        Value::Number(number) if column == Column::User => {
            // Others are floating-point numbers here, whose digits are no longer those of the file.
            if number.is_u64() || number.is_i64() {
                return Ok(Some(number.to_string()));
            }
            return Err(format!("must be a string or a whole number below 2^64, and is {number}"));
        }
        Value::Null => "null",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(_) => "a number",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let must = if column == Column::User { "a string or a whole number" } else { "a string" };
    let value = if is == written { String::new() } else { format!(", `{}`", shown(&written)) };
    Err(format!("must be {must}, and is {is}{value}"))
}

/// Returns what is wrong with a line, and at which of its characters.
fn not_json(text: &str, error: &serde_json::Error) -> String {
    if error.is_data() {
        return r#"must be an object such as {"system":"pod","user":"42","change":"disable"}"#.to_owned();
    }
    // The column of the error is a count of bytes, from 1.
    let character = text.char_indices().take_while(|(at, _)| *at < error.column()).count();
    let problem = error.to_string();
    let problem = problem.rsplit_once(" at line ").map_or(problem.as_str(), |(problem, _)| problem);
    format!("is not JSON at character {character}: {problem}")
}

/// The members of an object in their order, also those that stand twice, of which a map would keep only the last.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
