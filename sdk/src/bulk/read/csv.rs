//! CSV as RFC 4180 has it, and nothing else.
//!
//! It is read by hand: readers of CSV commonly find a row in anything, take `a"b` and `"a"b` for what they may mean, end
//! a row at a lone carriage return, and count lines otherwise than an editor does. Here a row that was misread changes
//! an account that nobody meant.

use std::fmt;
use std::io::Read;
use std::iter::FusedIterator;

use super::fields::{Column, Fields, shown, shown_bytes};
use super::lines::{Lines, Next, RECORD_MAX};
use crate::bulk::{BadRow, Row};

/// The rows of a CSV file. Made by [`csv`](super::csv()).
pub struct CsvRows<R> {
    lines: Lines<R>,
    /// As the header names them; empty before it is read.
    columns: Vec<Column>,
    /// The number of columns without a name that are behind them. Nothing may be in them.
    nameless: usize,
    /// The number of records that had nothing in any field.
    blank: u64,
    record: Record,
    ended: bool,
}

impl<R: Read> CsvRows<R> {
    pub(super) fn new(source: R) -> CsvRows<R> {
        let (lines, record) = (Lines::new(source), Record::default());
        CsvRows { lines, columns: Vec::new(), nameless: 0, blank: 0, record, ended: false }
    }

    fn read(&mut self) -> Result<Option<Row>, BadRow> {
        if self.columns.is_empty() {
            self.columns = self.header().map_err(BadRow::ending)?;
        }
        if self.read_filled()? { self.row().map(Some) } else { Ok(None) }
    }

    /// Reads the next record in which something is; false if there is none.
    fn read_filled(&mut self) -> Result<bool, BadRow> {
        while self.read_record()? {
            if !self.record.is_blank() {
                return Ok(true);
            }
            self.blank += 1;
        }
        Ok(false)
    }

    fn header(&mut self) -> Result<Vec<Column>, BadRow> {
        let rule = format!("the first line names the columns, which are {}", Column::names());
        let read = self.read_filled();
        // First, since with another delimiter the first line is one long name, or has quotes out of place.
        if let Some(delimiter) = other_delimiter(self.lines.body()) {
            let problem = format!("the columns are separated by {delimiter}, and must be separated by commas");
            return Err(BadRow::new(self.lines.number(), None, problem));
        }
        if !read? {
            return Err(BadRow::new(1, None, format!("there is no header; {rule}")));
        }
        let line = self.record.line;
        self.record.check(&[])?;
        let names: Vec<&[u8]> = self.record.fields().collect();
        // Spreadsheets write as many columns as they once had.
        let named = names.iter().rposition(|name| !name.trim_ascii().is_empty()).map_or(0, |last| last + 1);
        let nameless = names.len() - named;
        let mut columns = Vec::new();
        for (at, name) in names.into_iter().take(named).enumerate() {
            let Ok(name) = std::str::from_utf8(name) else {
                let problem =
                    format!("the header is not UTF-8, and has `{}`; the file must be UTF-8", shown_bytes(name));
                return Err(BadRow::new(line, None, problem));
            };
            let name = name.trim();
            if name.is_empty() {
                return Err(BadRow::new(line, None, format!("the header has no name for column {}", at + 1)));
            }
            let refuse = |problem: &str| Err(BadRow::new(line, Some(&shown(name)), problem));
            match Column::of(&name.to_ascii_lowercase()) {
                None => return refuse(&format!("is not known; {rule}")),
                Some(column) if columns.contains(&column) => return refuse("stands twice"),
                Some(column) => columns.push(column),
            }
        }
        match Column::REQUIRED.into_iter().find(|column| !columns.contains(column)) {
            Some(missing) => Err(BadRow::new(line, Some(missing.as_str()), format!("is missing; {rule}"))),
            None => {
                self.nameless = nameless;
                Ok(columns)
            }
        }
    }

    /// Reads the next record; false if there is none.
    fn read_record(&mut self) -> Result<bool, BadRow> {
        self.record.clear();
        loop {
            let next = self.lines.next(RECORD_MAX - self.record.size)?;
            let within = self.record.place == Place::Quoted;
            match next {
                Next::End if within => return Err(self.record.not_closed("before the end of the file", &self.columns)),
                Next::End => return Ok(false),
                Next::Line if !within && self.lines.is_blank() => continue,
                Next::Line | Next::TooLong => {}
            }
            self.record.take(&self.lines, &self.columns)?;
            let whole = matches!(next, Next::Line);
            match self.record.place {
                Place::Quoted if whole && self.record.size < RECORD_MAX => {}
                Place::Quoted => return Err(self.record.not_closed("within 64 KiB", &self.columns)),
                _ if whole => return Ok(true),
                // In the rest of the line a field could begin that spans lines, which would then be taken for rows.
                _ => return Err(BadRow::new(self.record.line, None, "is longer than 64 KiB").ending()),
            }
        }
    }

    fn row(&self) -> Result<Row, BadRow> {
        let line = self.record.line;
        self.record.check(&self.columns)?;
        let (has, expected) = (self.record.ends.len(), self.columns.len());
        // Columns without a name are not there in every row either.
        if has < expected || has > expected + self.nameless {
            let fields = if has == 1 { "field" } else { "fields" };
            let hint = if has > expected { "; a field with a comma must be in quotes" } else { "" };
            let problem = format!("has {has} {fields}, and the header names {expected} columns{hint}");
            return Err(BadRow::new(line, None, problem));
        }
        let filled = self.record.fields().enumerate().skip(expected).find(|(_, value)| !value.is_empty());
        if let Some((at, value)) = filled {
            let problem =
                format!("has no name in the header, and is `{}`; name it, or leave it empty", shown_bytes(value));
            return Err(BadRow::new(line, Some(&(at + 1).to_string()), problem));
        }
        let mut fields = Fields::at(line);
        for (column, value) in self.columns.iter().zip(self.record.fields()) {
            let Ok(value) = std::str::from_utf8(value) else {
                let problem = format!("is not UTF-8, and is `{}`; the file must be UTF-8", shown_bytes(value));
                return Err(BadRow::new(line, Some(column.as_str()), problem));
            };
            if !value.is_empty() || column.is_required() {
                fields.set(*column, value.to_owned());
            }
        }
        fields.into_row()
    }
}

impl<R> CsvRows<R> {
    /// Returns the number of records skipped so far because every field was empty, as the rows of nothing but commas
    /// that spreadsheets write.
    pub fn blank_rows(&self) -> u64 {
        self.blank
    }
}

impl<R: Read> Iterator for CsvRows<R> {
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

impl<R: Read> FusedIterator for CsvRows<R> {}

/// Without what is in the file.
impl<R> fmt::Debug for CsvRows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRows").field("line", &self.lines.number()).finish_non_exhaustive()
    }
}

/// Returns what spreadsheets write where the comma is the decimal sign. A header that is right has a comma.
fn other_delimiter(header: &[u8]) -> Option<&'static str> {
    let has = |byte: u8| header.contains(&byte);
    match () {
        () if has(b',') => None,
        () if has(b';') => Some("semicolons"),
        () if has(b'\t') => Some("tabs"),
        () => None,
    }
}

/// A record: its fields one after the other, without their quotes.
#[derive(Default)]
struct Record {
    /// The line on which it begins.
    line: u64,
    text: Vec<u8>,
    /// Where in `text` each field ends.
    ends: Vec<usize>,
    /// The bytes that it took in the file.
    size: usize,
    place: Place,
    /// The line on which the last quoted field began.
    quoted_from: u64,
    /// The first field with a carriage return outside quotes, from 0.
    lone_return: Option<usize>,
}

/// Where in a record the next byte stands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a field.
    #[default]
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote that closes the field, or is the first of a doubled one.
    Closed,
}

const QUOTE_WITHIN: &str = "has a quote in it; the field must be in quotes, and the quote doubled";
const TEXT_AFTER_QUOTE: &str = "goes on after its closing quote; a quote in a field must be doubled";

impl Record {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        (self.line, self.size, self.place, self.lone_return) = (0, 0, Place::Start, None);
    }

    /// Returns whether there is nothing in any field.
    fn is_blank(&self) -> bool {
        self.text.iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// Takes a line, or the beginning of one. Afterwards the record is whole, unless its place is between quotes.
    fn take<R>(&mut self, lines: &Lines<R>, columns: &[Column]) -> Result<(), BadRow> {
        if self.size == 0 {
            self.line = lines.number();
        }
        self.size += lines.body().len() + lines.ending().len();
        for &byte in lines.body() {
            self.place = match (self.place, byte) {
                (Place::Quoted, b'"') => Place::Closed,
                (Place::Quoted, _) | (Place::Closed, b'"') => {
                    self.text.push(byte);
                    Place::Quoted
                }
                (_, b',') => {
                    self.ends.push(self.text.len());
                    Place::Start
                }
                (Place::Start, b'"') => {
                    self.quoted_from = lines.number();
                    Place::Quoted
                }
                (Place::Plain, b'"') => return Err(self.uncertain(QUOTE_WITHIN, columns)),
                (Place::Closed, _) => return Err(self.uncertain(TEXT_AFTER_QUOTE, columns)),
                (Place::Start | Place::Plain, _) => {
                    if byte == b'\r' {
                        self.lone_return.get_or_insert(self.ends.len());
                    }
                    self.text.push(byte);
                    Place::Plain
                }
            };
        }
        match self.place {
            Place::Quoted => self.text.extend_from_slice(lines.ending()),
            _ => self.ends.push(self.text.len()),
        }
        Ok(())
    }

    /// Returns what is wrong with it, although its fields can be told apart.
    fn check(&self, columns: &[Column]) -> Result<(), BadRow> {
        match self.lone_return {
            Some(field) => Err(BadRow::new(
                self.line,
                name(columns, field),
                format!(
                    "has a carriage return outside quotes, and is `{}`; a line must end with a line feed",
                    shown_bytes(self.fields().nth(field).unwrap_or_default())
                ),
            )),
            None => Ok(()),
        }
    }

    /// A quote out of place. Where the record ends is then uncertain, and what follows may be text of a field.
    fn uncertain(&self, problem: &str, columns: &[Column]) -> BadRow {
        let begun = &self.text[self.ends.last().copied().unwrap_or_default()..];
        let problem = format!("{problem}; it begins with `{}`, and nothing after it can be read", shown_bytes(begun));
        BadRow::new(self.line, name(columns, self.ends.len()), problem).ending()
    }

    fn not_closed(&self, by: &str, columns: &[Column]) -> BadRow {
        let problem = format!("a quoted field that begins on line {} is not closed {by}", self.quoted_from);
        BadRow::new(self.line, name(columns, self.ends.len()), problem).ending()
    }
}

/// The name of a field, if the header has one for it.
fn name(columns: &[Column], field: usize) -> Option<&'static str> {
    columns.get(field).map(|column| column.as_str())
}
