//! Tables for people, as wide as the terminal is at most.

use console::Term;
use unicode_width::UnicodeWidthStr as _;

/// The space between two columns.
const GAP: usize = 2;

/// The narrowest that text is broken to beside something else.
const NARROW: usize = 10;

/// Lines of columns, each as wide as its widest cell, for the standard output.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    fitted(None, rows, width_of(&Term::stdout()))
}

/// The same, under a first row that names the columns.
pub(crate) fn table_with_head(rows: &[Vec<String>]) -> String {
    match rows {
        [head, ..] => fitted(Some(head), rows, width_of(&Term::stdout())),
        [] => String::new(),
    }
}

/// The same, for a terminal that the standard error may be.
pub(crate) fn table_to_stderr(rows: &[Vec<String>]) -> String {
    match rows {
        [head, ..] => fitted(Some(head), rows, width_of(&Term::stderr())),
        [] => String::new(),
    }
}

/// Returns how wide a terminal is; `None` if it is none, where lines are whole.
fn width_of(terminal: &Term) -> Option<usize> {
    terminal.size_checked().map(|(_, width)| usize::from(width)).filter(|width| *width > 0)
}

/// Returns the number of cells of a terminal that a text takes, without what colours it.
pub(crate) fn width(text: &str) -> usize {
    if text.contains('\u{1b}') { anstream::adapter::strip_str(text).to_string().width() } else { text.width() }
}

/// The beginning of a text that takes so many cells at most, with a sign if it is not all of it.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    match room {
        0 | 1 => "…".to_owned(),
        room => format!("{}…", &text[..fits(text, room - 1)]),
    }
}

/// The widths of columns, for a table that is written a part at a time: no part makes one narrower.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<usize>);

impl Columns {
    /// Lines of a part, each column as wide as its widest cell so far.
    pub(crate) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            self.0.resize(self.0.len().max(row.len()), 0);
            for (widest, cell) in self.0.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        rows.iter().map(|row| line(row, &self.0)).collect()
    }

    /// Returns how wide the columns are together, up to the last, with what is between them.
    pub(crate) fn before_last(&self) -> usize {
        self.0.iter().rev().skip(1).map(|width| width + GAP).sum()
    }
}

/// A table that fits, if it can be made to: with whole lines; else with cells that are broken between words; else with each
/// row below its first cell. A single word that is longer than there is room is broken where it must.
pub(crate) fn fitted(head: Option<&[String]>, rows: &[Vec<String>], room: Option<usize>) -> String {
    let mut columns = Columns::default();
    let text = columns.lines(rows);
    let Some(room) = room else { return text };
    if text.lines().all(|line| width(line) <= room) {
        return text;
    }
    match narrowed(rows, &columns.0, room) {
        Some(widths) => rows.iter().map(|row| broken(row, &widths)).collect(),
        None => stacked(head, &rows[usize::from(head.is_some()).min(rows.len())..], room),
    }
}

/// Widths that are no narrower than the longest word of each column, and fit together.
fn narrowed(rows: &[Vec<String>], natural: &[usize], room: usize) -> Option<Vec<usize>> {
    let words = |at: usize| rows.iter().filter_map(move |row| row.get(at)).flat_map(|cell| cell.split_whitespace());
    let least: Vec<usize> = (0..natural.len()).map(|at| words(at).map(width).max().unwrap_or_default()).collect();
    let room = room.checked_sub(natural.len().saturating_sub(1) * GAP)?;
    let at_most = |most: usize| -> Vec<usize> {
        natural.iter().zip(&least).map(|(natural, least)| (*natural).min(most.max(*least))).collect()
    };
    // The widest lose first.
    let most = natural.iter().copied().max().unwrap_or_default();
    (1..=most).rev().map(at_most).find(|widths| widths.iter().sum::<usize>() <= room)
}

/// A row whose cells take as many lines as they need.
fn broken(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| wrapped(cell, *width)).collect();
    let lines = cells.iter().map(Vec::len).max().unwrap_or_default();
    let at = |number: usize| {
        let parts: Vec<String> = cells.iter().map(|cell| cell.get(number).cloned().unwrap_or_default()).collect();
        line(&parts, widths)
    };
    (0..lines).map(at).collect()
}

/// Each row as its first cell, and the others below it, each beside the name of its column.
pub(crate) fn stacked(head: Option<&[String]>, rows: &[Vec<String>], room: usize) -> String {
    let names = head.into_iter().flatten().map(|name| width(name)).max();
    // Where there is no room for names beside their values, they go.
    let names = names.filter(|names| names + 2 * GAP + NARROW <= room);
    let indent = names.map_or(GAP, |names| names + 2 * GAP);
    let mut text = String::new();
    for row in rows {
        let Some((first, others)) = row.split_first() else { continue };
        text.extend(wrapped(first, room).into_iter().map(|line| line + "\n"));
        for (at, cell) in others.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let name = head.and_then(|head| head.get(at + 1)).filter(|_| names.is_some());
            for (number, part) in wrapped(cell, room.saturating_sub(indent).max(1)).into_iter().enumerate() {
                let name = name.filter(|_| number == 0).map_or("", String::as_str);
                let before = format!("{:GAP$}{name}", "");
                let padding = indent.saturating_sub(width(&before));
                text.push_str(&format!("{before}{:padding$}{part}\n", ""));
            }
        }
    }
    text
}

/// A line of cells, without white space at its end.
fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, widest) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(widest.saturating_sub(width(cell)) + GAP));
    }
    line.truncate(line.trim_end().len());
    line + "\n"
}

/// The lines of a text that may take so many cells each: broken between words, and in a word only if it is longer alone.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    if width(text) <= room {
        return vec![text.to_owned()];
    }
    // A colour would go on beside the cell.
    let text = anstream::adapter::strip_str(text).to_string();
    let mut lines = vec![String::new()];
    for mut word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| width(line));
        if used > 0 && used + 1 + width(word) > room {
            lines.push(String::new());
        }
        while width(word) > room && lines.last().is_none_or(String::is_empty) {
            let (beginning, rest) = word.split_at(fits(word, room));
            lines.pop();
            lines.extend([beginning.to_owned(), String::new()]);
            word = rest;
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Returns the number of bytes of a text that take so many cells at most; at least a character.
fn fits(text: &str, room: usize) -> usize {
    let whole = text.width();
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let ends = ends.take_while(|end| text[..*end].width() <= room);
    let first = text.chars().next().map_or(0, char::len_utf8);
    // What is drawn together, as an accent with its letter, stays together.
    ends.filter(|end| text[..*end].width() + text[*end..].width() == whole).last().unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_of_the_terminal() {
        let rows = cells(&[&["田中", "x"], &["e\u{301}", "x"], &["👩‍👩‍👧", "x"], &["\u{1b}[1mbold\u{1b}[0m", "x"]]);
        let text = fitted(None, &rows, None);
        let columns: Vec<usize> = text.lines().map(|line| width(line.split_once('x').unwrap().0)).collect();
        assert_eq!(columns, [6, 6, 6, 6], "{text}");
        assert_eq!([cut("田中さん", 5), cut("田中さん", 8), cut("ab", 1)], ["田中…", "田中さん", "…"]);
    }

    #[test]
    fn a_table_is_broken_between_words() {
        let rows = cells(&[
            &["3", "confirmed", "the change is proved"],
            &["12", "accepted", "the system accepted the change and offers no proof"],
        ]);
        let expected = "\
3   confirmed  the change is proved
12  accepted   the system accepted the
               change and offers no
               proof
";
        assert_eq!(fitted(None, &rows, Some(40)), expected);
        assert_eq!(fitted(None, &rows, Some(200)), fitted(None, &rows, None));
    }

    #[test]
    fn what_cannot_stand_side_by_side_stands_one_below_the_other() {
        let rows = cells(&[
            &["RUN", "CREATED", "OUTCOMES"],
            &["20261124-023034-k7q2", "2026-11-24T02:30:34Z", "118 confirmed, 2 refused, 1 unknown"],
            &["20261125-023034-k7q2", "", ""],
        ]);
        let expected = "\
20261124-023034-k7q2
  CREATED   2026-11-24T02:30:34Z
  OUTCOMES  118 confirmed, 2 refused, 1
            unknown
20261125-023034-k7q2
";
        assert_eq!(fitted(Some(&rows[0]), &rows, Some(40)), expected);
        let rows = cells(&[&["pod", "symphony", "https://a-name-that-is-longer-than-the-terminal.example"]]);
        let expected = "\
pod
  symphony
  https://a-name-that-is-longer-than-the
  -terminal.example
";
        assert_eq!(fitted(None, &rows, Some(40)), expected);
    }

    #[test]
    fn no_line_is_wider_than_there_is_room() {
        let long =
            ["田中".repeat(30), "word ".repeat(30), "👩‍👩‍👧".repeat(9), "\u{1b}[1mbold\u{1b}[0m".to_owned(), String::new()];
        for room in 12..90 {
            for head in [true, false] {
                let rows = vec![long.to_vec(), long.iter().rev().cloned().collect()];
                let text = fitted(head.then_some(&*rows[0]), &rows, Some(room));
                assert!(text.lines().all(|line| width(line) <= room), "{room}\n{text}");
            }
        }
    }
}
