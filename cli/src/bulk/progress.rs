//! How far a run is, while it runs: a bar on a terminal, else a line now and then.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal as _, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use jiff::Timestamp;
use user_status::bulk::{Counts, Event, PauseReason, RowState};

use super::estimate::{about, exactly};
use crate::output::{Output, understands_more_than_lines, visible};

/// The number of times that a bar is drawn.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// The number of times that a line is written where there is no bar.
const BEAT: Duration = Duration::from_secs(10);

/// Over how long the speed is measured: it should follow a pause, and not jump.
const WINDOW: Duration = Duration::from_secs(15);

/// The part of its line that the bar takes, with the per cent beside it.
const BESIDE: usize = 16;

/// The counters that the tasks of a run share: a few atomic numbers, and lines that are rare.
#[derive(Clone, Default)]
pub(crate) struct EventCounters(Arc<Counters>);

#[derive(Default)]
struct Counters {
    states: [AtomicU64; RowState::ALL.len()],
    lines: Mutex<Vec<String>>,
    waits: Mutex<BTreeMap<String, Timestamp>>,
}

impl EventCounters {
    /// Takes an event in. Must be cheap: rows wait for it.
    pub(crate) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Row { entry, state, again, .. } => {
                if *again {
                    self.0.states[entry.state as usize].fetch_sub(1, Ordering::Relaxed);
                }
                self.0.states[*state as usize].fetch_add(1, Ordering::Relaxed);
            }
            Event::Paused { system, reason, pause, until, why } => {
                let (pause, time, why) = (exactly(*pause), clock(*until), visible(why));
                self.line(match reason {
                    PauseReason::Asked => {
                        format!("{system}: waiting until {time} (the system asked for {pause}): {why}")
                    }
                    _ => format!("{system}: fails; waiting until {time} ({pause}) before it is tried again: {why}"),
                });
                self.waits().insert((*system).to_owned(), *until);
            }
            Event::Resumed { system } => {
                self.waits().remove(*system);
                self.line(format!("{system}: works again"));
            }
            Event::Abandoned { system, why } => {
                self.waits().remove(*system);
                self.line(format!("{system}: abandoned, its other rows are left for another time: {}", visible(why)));
            }
            _ => {}
        }
    }

    fn line(&self, line: String) {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The systems that get nothing, and until when.
    fn waits(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.0.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Such as `pod waits until 14:03:20 UTC`.
    fn waiting(&self, now: Timestamp) -> Vec<String> {
        let mut waits = self.waits();
        waits.retain(|_, until| *until > now);
        waits.iter().map(|(system, until)| format!("{system} waits until {}", clock(*until))).collect()
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for state in RowState::ALL {
            counts[state] = self.0.states[state as usize].load(Ordering::Relaxed);
        }
        counts
    }
}

/// The progress of a run, as it is shown.
pub(crate) struct Progress {
    heard: EventCounters,
    output: Output,
    bar: Option<ProgressBar>,
    quiet: bool,
    /// All rows of the run, and those that were finished before.
    total: u64,
    finished: u64,
    /// The number of rows of this session that were handled, and when.
    samples: VecDeque<(Instant, u64)>,
    last_beat: Instant,
    /// The text that was shown last: the same again would say nothing.
    last_text: String,
}

impl Progress {
    /// Of a run with so many rows, of which so many are finished. Programs get none: what they read is the result.
    pub(crate) fn new(heard: EventCounters, total: u64, finished: u64, quiet: bool, output: Output) -> Progress {
        let shown = !quiet && !output.is_json() && stderr().is_terminal() && understands_more_than_lines();
        let bar = shown.then(|| {
            let terminal = ProgressDrawTarget::term_like(Box::new(Narrow(Term::stderr())));
            let bar = ProgressBar::with_draw_target(Some(total), terminal);
            // Without a style of its own it is still a bar.
            if let Ok(style) = ProgressStyle::with_template("{bar:10} {percent:>3}% {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        let now = Instant::now();
        let samples = VecDeque::from([(now, 0)]);
        Progress { heard, output, bar, quiet, total, finished, samples, last_beat: now, last_text: String::new() }
    }

    /// Shows what came since the last time.
    pub(crate) fn refresh(&mut self) {
        for line in self.heard.lines() {
            self.say(&line);
        }
        let counts = self.heard.counts();
        let now = Instant::now();
        self.samples.push_back((now, counts.total()));
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.samples.pop_front();
        }
        let open = self.total.saturating_sub(self.finished);
        let room = self.bar.as_ref().map(|_| usize::from(Narrow(Term::stderr()).width()).saturating_sub(BESIDE));
        let waiting = self.heard.waiting(Timestamp::now());
        let text = words(&counts, open, self.rate(), &waiting, room.unwrap_or(usize::MAX));
        if let Some(bar) = &self.bar {
            bar.set_position((self.finished + counts.total()).min(self.total));
            bar.set_message(text);
        } else if !self.quiet && now.duration_since(self.last_beat) >= BEAT && text != self.last_text {
            self.last_beat = now;
            self.output.note(&text);
            self.last_text = text;
        }
    }

    /// Says something that stays, above the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.note(line)),
            None => self.output.note(line),
        }
    }

    /// The last of it.
    pub(crate) fn end(mut self) {
        self.refresh();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Rows per second, lately.
    fn rate(&self) -> f64 {
        let (Some((from, first)), Some((to, last))) = (self.samples.front(), self.samples.back()) else { return 0.0 };
        let seconds = to.duration_since(*from).as_secs_f64();
        if seconds > 0.0 { last.saturating_sub(*first) as f64 / seconds } else { 0.0 }
    }
}

/// A terminal of which the end of the lines is left free: a bar is filled up to it, and the `^C` that a terminal shows would
/// go to the next line, where the bar is not found again.
#[derive(Debug)]
struct Narrow(Term);

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(4)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Such as `120 of 412 rows, 34/s, about 2 min left: 118 confirmed, 2 refused`. Where there is little room, what is in order is
/// left out first, then how fast it is, then how long it takes; never what went wrong.
fn words(counts: &Counts, open: u64, rate: f64, waiting: &[String], room: usize) -> String {
    let handled = counts.total();
    let waits: String = waiting.iter().map(|system| format!(", {system}")).collect();
    let far = format!("{handled} of {open} rows{waits}");
    let (mut fast, mut left) = (String::new(), String::new());
    // How long the rest takes is for a system that waits to say.
    if rate > 0.0 && waiting.is_empty() {
        fast = if rate < 10.0 { format!(", {rate:.1}/s") } else { format!(", {rate:.0}/s") };
        let seconds = open.saturating_sub(handled) as f64 / rate;
        if let Ok(time) = Duration::try_from_secs_f64(seconds) {
            left = format!(", {} left", about(time));
        }
    }
    // The worst first.
    let bad: Vec<String> = [RowState::Unknown, RowState::Failed, RowState::Refused]
        .into_iter()
        .filter(|state| counts[*state] > 0)
        .map(|state| format!("{} {state}", counts[state]))
        .collect();
    let told = |what: String| if what.is_empty() { what } else { format!(": {what}") };
    let (all, bad) = (told(if handled > 0 { counts.to_string() } else { String::new() }), told(bad.join(", ")));
    let shortest = format!("{handled}/{open}{bad}");
    [
        format!("{far}{fast}{left}{all}"),
        format!("{far}{left}{all}"),
        format!("{far}{fast}{left}{bad}"),
        format!("{far}{left}{bad}"),
        format!("{far}{bad}"),
    ]
    .into_iter()
    .find(|text| text.len() <= room)
    .unwrap_or(shortest)
}

/// A time of today, or nearly.
fn clock(time: Timestamp) -> String {
    format!("{} UTC", time.strftime("%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_run_is_how_far_how_fast_and_how_well() {
        let mut counts = Counts::default();
        assert_eq!(words(&counts, 412, 0.0, &[], 100), "0 of 412 rows");
        counts[RowState::Confirmed] = 118;
        counts[RowState::Refused] = 2;
        let expected = "120 of 412 rows, 3.4/s, about 1 min left: 118 confirmed, 2 refused";
        assert_eq!(words(&counts, 412, 3.4, &[], 100), expected);
        let waits = ["pod waits until 14:03:20 UTC".to_owned()];
        let expected = "120 of 412 rows, pod waits until 14:03:20 UTC: 118 confirmed, 2 refused";
        assert_eq!(words(&counts, 412, 3.4, &waits, 100), expected);
        let expected = "120 of 412 rows, pod waits until 14:03:20 UTC: 2 refused";
        assert_eq!(words(&counts, 412, 3.4, &waits, 60), expected);
        assert_eq!(
            words(&counts, 120, 34.4, &[], 100),
            "120 of 120 rows, 34/s, a few seconds left: 118 confirmed, 2 refused"
        );
    }

    #[test]
    fn what_went_wrong_is_said_on_a_narrow_terminal_too() {
        let mut counts = Counts::default();
        counts[RowState::Confirmed] = 118;
        counts[RowState::Refused] = 2;
        counts[RowState::Unknown] = 1;
        for (room, text) in [
            (79, "121 of 412 rows, 3.4/s, about 1 min left: 118 confirmed, 2 refused, 1 unknown"),
            (72, "121 of 412 rows, about 1 min left: 118 confirmed, 2 refused, 1 unknown"),
            (64, "121 of 412 rows, 3.4/s, about 1 min left: 1 unknown, 2 refused"),
            (60, "121 of 412 rows, about 1 min left: 1 unknown, 2 refused"),
            (44, "121 of 412 rows: 1 unknown, 2 refused"),
            (20, "121/412: 1 unknown, 2 refused"),
        ] {
            assert_eq!(words(&counts, 412, 3.4, &[], room), text, "{room}");
        }
    }
}
