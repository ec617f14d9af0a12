//! A report for people.

use std::io::Write;

use user_status::bulk::{JournalEntry, RowState};

use super::{Broken, Reported};
use crate::bulk::outcome::style;
use crate::output::{shown, visible};
use crate::table::{Columns, cut, fitted, stacked};

/// The number of rows that are laid out together.
const PAGE: usize = 200;

/// The narrowest that a last column is cut to.
const NARROW: usize = 20;

/// The names of the columns.
const HEAD: [&str; 7] = ["#", "LINE", "SYSTEM", "USER", "CHANGE", "STATE", "WHAT IS KNOWN"];

/// The layout of a page.
#[derive(Clone, Copy)]
pub(super) struct PageLayout {
    /// The longest line: as a terminal is wide. Without one lines are whole.
    pub(super) width: Option<usize>,
    /// `true` if it takes no colours, and cannot leave them out itself.
    pub(super) plain: bool,
}

/// A header, the rows, and what to do next.
pub(super) fn write(to: &mut dyn Write, reported: &Reported<'_>, paper: PageLayout) -> Result<(), Broken> {
    to.write_all(shown(&header(reported, paper.width)).as_bytes())?;
    let mut columns = Columns::default();
    let mut page = vec![HEAD.map(str::to_owned).to_vec()];
    let mut count: u64 = 0;
    for entry in reported.rows.read() {
        page.push(cells(&entry?));
        count += 1;
        if page.len() >= PAGE {
            lay_out(to, &mut columns, &mut page, paper)?;
        }
    }
    if count > 0 {
        lay_out(to, &mut columns, &mut page, paper)?;
    }
    if !reported.rows.are_all() {
        writeln!(to, "{count} of {} rows are shown.", reported.seen.counts.total())?;
    }
    Ok(to.write_all(shown(&next(reported)).as_bytes())?)
}

fn header(reported: &Reported<'_>, width: Option<usize>) -> String {
    let seen = &reported.seen;
    let about = &seen.about;
    let times = match about.sessions {
        0 => "no program has worked on it yet".to_owned(),
        1 => "one session".to_owned(),
        sessions => format!("{sessions} sessions"),
    };
    let of_run = [
        vec!["run".to_owned(), visible(&reported.name.id)],
        vec!["source".to_owned(), visible(&about.source)],
        vec![
            "created".to_owned(),
            format!("{} by version {}", about.created.strftime("%Y-%m-%dT%H:%M:%SZ"), visible(&about.version)),
        ],
        vec!["state".to_owned(), format!("{}; {times}", visible(seen.state()))],
    ];
    let mut text = fitted(None, &of_run, width);
    // Only states that some row is in.
    let states: Vec<RowState> = RowState::ALL.into_iter().filter(|state| seen.counts[*state] > 0).collect();
    let head =
        ["SYSTEM", "ROWS"].map(str::to_owned).into_iter().chain(states.iter().map(|s| s.as_str().to_uppercase()));
    let mut rows = vec![head.collect::<Vec<String>>()];
    let all = (reported.by_system.len() > 1).then_some(("all".to_owned(), &seen.counts));
    for (name, counts) in reported.by_system.iter().map(|(name, counts)| (visible(name), counts)).chain(all) {
        let cells = states.iter().map(|state| counts[*state].to_string());
        rows.push([name, counts.total().to_string()].into_iter().chain(cells).collect());
    }
    text.push('\n');
    text + &fitted(Some(&rows[0]), &rows, width) + "\n"
}

/// The cells of a row, of which the last may be cut.
fn cells(entry: &JournalEntry) -> Vec<String> {
    let style = style(entry.state);
    let outcome = &entry.outcome;
    let known = match (&outcome.message, &outcome.after) {
        (Some(message), _) => message.clone(),
        (None, Some(after)) => after.to_string(),
        (None, None) => String::new(),
    };
    let line = match entry.row.line {
        0 => String::new(),
        line => line.to_string(),
    };
    vec![
        entry.number.to_string(),
        line,
        visible(&entry.row.system),
        visible(&entry.row.user),
        entry.row.change.change().to_string(),
        format!("{style}{}{style:#}", entry.state),
        visible(&known),
    ]
}

fn lay_out(
    to: &mut dyn Write,
    columns: &mut Columns,
    page: &mut Vec<Vec<String>>,
    PageLayout { width, plain }: PageLayout,
) -> std::io::Result<()> {
    let mut text = columns.lines(page);
    if let Some(width) = width {
        let room = width.saturating_sub(columns.before_last());
        if room < NARROW {
            // Not side by side: each row below its number, and none of it cut.
            let head = HEAD.map(str::to_owned);
            let rows = page.strip_prefix(&[head.to_vec()]).unwrap_or(page);
            text = stacked(Some(&head), rows, width);
        } else {
            for last in page.iter_mut().filter_map(|row| row.last_mut()) {
                *last = cut(last, room);
            }
            text = columns.lines(page);
        }
    }
    page.clear();
    if plain {
        text = anstream::adapter::strip_str(&text).to_string();
    }
    to.write_all(shown(&text).as_bytes())
}

/// Returns what a person has to do, if anything.
fn next(reported: &Reported<'_>) -> String {
    let Reported { name, seen, .. } = reported;
    let counts = &seen.counts;
    if seen.in_use {
        return "\nA program is at work on the run: rows may have gone on since they were read.\n".to_owned();
    }
    if seen.lost_end {
        return format!(
            "\nThe journal lost its end: rows that are pending or failed here may have been sent. Put back the files that were \
             beside it, if they are somewhere.\nElse:   {} --in-doubt\n",
            name.command("resume")
        );
    }
    let mut lines = Vec::new();
    let mut resume = false;
    for (states, what, takes_up) in [
        (
            &[RowState::Unknown, RowState::Sending][..],
            "nobody knows whether the account was changed. A resumed run looks at it, where it can; at the others look in \
             the system itself",
            true,
        ),
        (&[RowState::Failed][..], "it did not work, and nothing was changed. A resumed run tries again", true),
        (&[RowState::Pending][..], "nothing was sent. A resumed run carries them out", true),
        (
            &[RowState::Refused][..],
            "nothing was changed, and trying again would be the same. Put right what is wrong, in a run of its own",
            false,
        ),
    ] {
        let count: u64 = states.iter().map(|state| counts[*state]).sum();
        if count > 0 {
            let words: Vec<&str> =
                states.iter().filter(|state| counts[**state] > 0).map(|state| state.as_str()).collect();
            lines.push(format!("  {count} {}: {what}.", words.join(" or ")));
            resume |= takes_up;
        }
    }
    if lines.is_empty() {
        return "\nEvery row is settled: there is nothing left to do.\n".to_owned();
    }
    if resume {
        lines.push(format!("  To resume it: {}", name.command("resume")));
    }
    format!("\nWhat to do next:\n{}\n", lines.join("\n"))
}
