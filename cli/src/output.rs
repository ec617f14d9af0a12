//! What the program says: results to the standard output, everything else to the standard error.

use std::io::{self, ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::failure::Failure;

/// What is proved, or in order.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is not certain.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// As JSON, or as text for people.
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    /// Writes what a command found out: one JSON document, or the text. A reader that is gone wants no more, which is no
    /// failure; text that cannot be written for another reason is in the failure, so that no outcome is lost.
    pub(crate) fn result(&self, document: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { format!("{document:#}\n") } else { text() };
        let mut stdout = anstream::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => {
                let said = anstream::adapter::strip_str(text.trim_end()).to_string();
                Err(Failure::unexpected(format!("the standard output cannot be written ({e}); it was to say: {said}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes one of many results: a JSON document on a line of its own, or the text. Whether anybody reads on.
    pub(crate) fn one_of_many(&self, document: &Value, text: impl FnOnce() -> String) -> Result<bool, Failure> {
        let text = if self.json { format!("{document}\n") } else { text() };
        let mut stdout = anstream::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(Failure::unexpected(format!("the standard output cannot be written: {e}"))),
            Ok(()) => Ok(true),
        }
    }

    /// Says something beside the results, also to programs: as a JSON document on a line of its own.
    pub(crate) fn beside(&self, document: &Value, text: impl FnOnce() -> String) {
        to_stderr(&format!("{}\n", if self.json { document.to_string() } else { text() }));
    }

    /// Asks something; what is typed stands beside it.
    pub(crate) fn prompt(&self, text: &str) {
        to_stderr(text);
    }

    /// Says something beside the results. Who hears it may be gone.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            to_stderr(&format!("{text}\n"));
        }
    }

    /// Says why a command did not do what was asked.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            to_stderr(&format!("{}\n", failure.json()));
            return;
        }
        to_stderr(&format!("{BAD}error:{BAD:#} {}\n", failure.message));
        if let Some(next) = &failure.next {
            to_stderr(&format!("{next}\n"));
        }
    }
}

fn to_stderr(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _: io::Result<()> = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// A text of somebody else's on one line, so that nothing in it moves the cursor or hides what stands beside it.
pub(crate) fn visible(text: &str) -> String {
    // What turns the direction of writing around is no control character, and hides as well.
    let hides = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().flat_map(|c| if hides(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Lines of columns, each as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    Columns::default().lines(rows)
}

/// The widths of columns, for a table that is written a part at a time: no part makes one narrower.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<usize>);

impl Columns {
    /// Lines of a part, each column as wide as its widest cell so far.
    pub(crate) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        let width = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
        for row in rows {
            self.0.resize(self.0.len().max(row.len()), 0);
            for (widest, cell) in self.0.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        let mut text = String::new();
        for row in rows {
            let mut line = String::new();
            for (cell, widest) in row.iter().zip(&self.0) {
                line.push_str(cell);
                line.push_str(&" ".repeat(widest - width(cell) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// How wide the columns are together, up to the last, with what is between them.
    pub(crate) fn before_last(&self) -> usize {
        self.0.iter().rev().skip(1).map(|width| width + 2).sum()
    }
}
