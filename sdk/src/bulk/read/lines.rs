//! Lines of a file, counted, and never more of one in memory than a record may have.

use std::io::{self, BufRead, BufReader, Read};

use crate::bulk::BadRow;

/// The most bytes that a record may have.
pub(super) const RECORD_MAX: usize = 64 * 1024;

/// A byte order mark before a line and the CRLF after it, which do not count.
const AROUND: usize = 5;

/// The lines of a source, one at a time.
pub(super) struct Lines<R> {
    source: BufReader<R>,
    text: Vec<u8>,
    number: u64,
    /// The source stands within a line that was too long.
    within: bool,
}

/// The result of reading a line.
pub(super) enum Next {
    /// A line, with or without an ending.
    Line,
    /// The beginning of a line that is longer than there was room for. The rest of it is skipped.
    TooLong,
    /// There is no further line.
    End,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(source: R) -> Lines<R> {
        Lines { source: BufReader::new(source), text: Vec::new(), number: 0, within: false }
    }

    /// Reads the next line. A source that fails or is UTF-16 ends the input.
    pub(super) fn next(&mut self, room: usize) -> Result<Next, BadRow> {
        self.text.clear();
        if self.within {
            self.source.skip_until(b'\n').map_err(|error| self.fail(self.number, error))?;
            self.within = false;
        }
        let most = (room + AROUND) as u64;
        let read = self.source.by_ref().take(most).read_until(b'\n', &mut self.text);
        if read.map_err(|error| self.fail(self.number + 1, error))? == 0 {
            return Ok(Next::End);
        }
        self.number += 1;
        if self.number == 1 {
            if self.text.starts_with(b"\xff\xfe") || self.text.starts_with(b"\xfe\xff") {
                self.text.clear();
                return Err(BadRow::new(1, None, "the file is UTF-16, and must be UTF-8").ending());
            }
            if self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
        }
        if self.body().len() <= room {
            return Ok(Next::Line);
        }
        self.within = !self.text.ends_with(b"\n");
        Ok(Next::TooLong)
    }

    fn fail(&mut self, line: u64, error: io::Error) -> BadRow {
        self.text.clear();
        BadRow::new(line, None, format!("cannot be read: {error}")).ending()
    }
}

impl<R> Lines<R> {
    /// The number of the line, from 1; 0 before the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The line without its ending.
    pub(super) fn body(&self) -> &[u8] {
        &self.text[..self.split()]
    }

    /// The ending of the line: LF, CRLF, or nothing.
    pub(super) fn ending(&self) -> &[u8] {
        &self.text[self.split()..]
    }

    /// Returns whether the line has nothing but spaces and tabs.
    pub(super) fn is_blank(&self) -> bool {
        self.body().iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn split(&self) -> usize {
        let ending = match self.text.as_slice() {
            [.., b'\r', b'\n'] => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        self.text.len() - ending
    }
}
