//! What the program says: results to the standard output, everything else to the standard error.

use std::io::{self, ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use user_status::text::hides;
pub(crate) use user_status::text::visible;

use crate::exit::Exit;
use crate::failure::{Changed, Failure};

/// The style of what is proved, or in order.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// The style of what is not certain.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// The style of what failed.
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
    /// failure.
    pub(crate) fn result(&self, document: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { json_pretty(document) + "\n" } else { shown(&text()) };
        match to_stdout(&text) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::unwritten(&e)),
            _ => Ok(()),
        }
    }

    /// Writes what became of accounts, and ends as that does. Where it cannot be written it is said on the standard error:
    /// what is said of an account does not depend on whether it can be printed, and a worse end is not hidden by that.
    pub(crate) fn outcome(
        &self,
        exit: Exit,
        changed: Changed,
        document: &Value,
        text: impl FnOnce() -> String,
    ) -> Result<Exit, Failure> {
        let text = if self.json { json_pretty(document) + "\n" } else { shown(&text()) };
        match to_stdout(&text) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => {
                let exit = if exit == Exit::Done { Exit::Unwritten } else { exit };
                let said = anstream::adapter::strip_str(text.trim_end()).to_string();
                let failure = Failure { exit, changed, said: Some(said), ..Failure::unwritten(&e) };
                Err(failure.detail("result", document.clone()))
            }
            _ => Ok(exit),
        }
    }

    /// Returns whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes one of many results: a JSON document on a line of its own, or the text. Whether anybody reads on.
    pub(crate) fn one_of_many(&self, document: &Value, text: impl FnOnce() -> String) -> Result<bool, Failure> {
        let text = if self.json { json_line(document) + "\n" } else { shown(&text()) };
        match to_stdout(&text) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(e) => Err(Failure::unwritten(&e)),
            Ok(()) => Ok(true),
        }
    }

    /// Says something beside the results, also to programs: as a JSON document on a line of its own.
    pub(crate) fn beside(&self, document: &Value, text: impl FnOnce() -> String) {
        to_stderr(&(if self.json { json_line(document) } else { shown(&text()) } + "\n"));
    }

    /// Asks something; what is typed stands beside it.
    pub(crate) fn prompt(&self, text: &str) {
        to_stderr(&shown(text));
    }

    /// Says something beside the results. Who hears it may be gone.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            to_stderr(&(shown(text) + "\n"));
        }
    }

    /// Says why a command did not do what was asked.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            to_stderr(&(json_line(&failure.json()) + "\n"));
            return;
        }
        let mut text = format!("{BAD}error:{BAD:#} {}\n", visible(&failure.message));
        for further in failure.next.iter().map(|next| visible(next)).chain(failure.said.as_deref().map(shown)) {
            text += &further;
            text.push('\n');
        }
        to_stderr(&text);
    }
}

/// Passes on what another program says.
pub(crate) fn relayed(text: &str) {
    to_stderr(&shown(&anstream::adapter::strip_str(text).to_string()));
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Returns who hears it may be gone.
fn to_stderr(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _: io::Result<()> = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// The path of a file, as text.
pub(crate) fn path(path: &std::path::Path) -> String {
    visible(&path.to_string_lossy())
}

/// A text of many parts, in which a terminal obeys nothing but this program's own colours. What comes from outside is made
/// [`visible`] where it is put in; what was forgotten there is caught here.
pub(crate) fn shown(text: &str) -> String {
    let own: Vec<String> =
        [GOOD, DOUBTFUL, BAD].iter().flat_map(|style| [style.to_string(), format!("{style:#}")]).collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(style) = own.iter().find(|style| c == '\u{1b}' && rest.starts_with(style.as_str())) {
            shown.push_str(style);
            rest = &rest[style.len()..];
            continue;
        }
        match hides(c) && !matches!(c, '\n' | '\t') {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    shown
}

/// A JSON document on one line, for programs and for the terminals that it may end on.
pub(crate) fn json_line(document: &Value) -> String {
    json_shown(&document.to_string())
}

fn json_pretty(document: &Value) -> String {
    json_shown(&format!("{document:#}"))
}

/// The same JSON, with everything that a terminal would obey or not show as JSON escapes it.
fn json_shown(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // Outside of texts nothing hides but the ends of lines, and within them those are escaped already.
        match hides(c) && c != '\n' {
            true => shown.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            false => shown.push(c),
        }
    }
    shown
}

/// Returns whether a terminal understands more than lines: one that is `dumb`, or does not say what it is, gets lines only.
pub(crate) fn understands_more_than_lines() -> bool {
    match std::env::var_os("TERM") {
        Some(name) => !name.is_empty() && name != "dumb",
        None => cfg!(windows),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_what_comes_from_outside_a_terminal_obeys_nothing() {
        let text = format!("{GOOD}ok{GOOD:#}\n\u{1b}[8mhidden\u{1b}]0;title\u{7}\u{202e}\u{e0041}\u{3164}\u{9b}2J");
        let expected = format!(
            "{GOOD}ok{GOOD:#}\n\\u{{1b}}[8mhidden\\u{{1b}}]0;title\\u{{7}}\\u{{202e}}\\u{{e0041}}\\u{{3164}}\\u{{9b}}2J"
        );
        assert_eq!(shown(&text), expected);
    }

    #[test]
    fn json_is_the_same_and_can_be_seen() {
        let document =
            json!({ "\u{200b}a": "b\u{1b}\u{7f}\u{9b}\u{ad}\u{61c}\u{2060}\u{feff}\u{180e}\u{e0041}\u{ffa0}ñ\n" });
        for text in [json_line(&document), json_pretty(&document)] {
            assert!(text.chars().all(|c| c == '\n' || !hides(c)), "{text}");
            assert!(text.contains("\\u00ad") && text.contains("\\udb40\\udc41") && text.contains('ñ'), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        }
    }
}
