//! Showing what rows would do, without doing it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};
use user_status::bulk::{Planned, Row, RowState, Runner, Step};
use user_status::{AccountSystem, Change, Registry, StatusChange};

use super::estimate::{Estimate, about};
use super::intake::counted;
use crate::config::Config;
use crate::failure::{Failure, of_call};
use crate::output::{BAD, DOUBTFUL, Output, visible};
use crate::signals::Interrupts;
use crate::table::table_with_head;

/// The input of a plan.
pub(crate) struct Planning<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) registry: &'a Registry,
    pub(crate) config: &'a Config,
    /// The number of rows at once.
    pub(crate) max_in_flight: usize,
    /// `true` if requests are shown.
    pub(crate) requests: bool,
    pub(crate) interrupts: &'a Interrupts,
    pub(crate) output: Output,
}

/// A plan.
#[derive(Default)]
pub(crate) struct Plan {
    /// The number of times that each step would be taken, for each system.
    steps: BTreeMap<String, [u64; STEPS.len()]>,
    estimate: Estimate,
    elapsed: Duration,
    /// Why it ended before the last row.
    pub(crate) cut_short: Option<String>,
}

/// The steps, as they are named and counted.
const STEPS: [&str; 5] = ["send", "unchanged", "changed_since", "refused", "failed"];

/// So many failures in a row are an outage: each further row would wait for it.
const OUTAGE: u32 = 10;

impl Planning<'_> {
    /// Shows what each of the rows would do. Ends at the first signal, since nothing is under way that matters; when nobody
    /// reads on; and when nothing but failures comes.
    pub(crate) async fn show(&self, rows: impl Iterator<Item = Row>) -> Result<Plan, Failure> {
        let started = Instant::now();
        let mut plan = Plan::default();
        let mut failures = 0;
        let mut planned = pin!(self.runner.plan(stream::iter(rows)));
        loop {
            let planned = tokio::select! {
                planned = planned.next() => planned,
                () = self.interrupts.heard(1) => {
                    plan.cut_short = Some("stopped".to_owned());
                    break;
                }
            };
            let Some(planned) = planned else { break };
            let step = step(&planned.step);
            plan.steps.entry(planned.row.system.clone()).or_default()[step] += 1;
            plan.estimate.add(&planned.row.system, self.cost(&planned), planned.status.is_some());
            let document = json!(document(&planned, STEPS[step], self.requests));
            if !self.output.one_of_many(&document, || text(&planned, self.requests))? {
                plan.cut_short = Some("the output was closed".to_owned());
                break;
            }
            failures = if STEPS[step] == "failed" { failures + 1 } else { 0 };
            if let Step::Refused(error) = &planned.step
                && failures == OUTAGE
            {
                plan.cut_short = Some(format!("{OUTAGE} rows in a row failed, the last with: {}", of_call(error)));
                break;
            }
        }
        plan.elapsed = started.elapsed();
        Ok(plan)
    }

    /// The requests that a run would send for a row.
    fn cost(&self, planned: &Planned) -> u64 {
        let reads = self.registry.get(&planned.row.system).is_some_and(|system| reads(system, &planned.row.change));
        match (&planned.step, reads) {
            // The account is read, changed, and read back.
            (Step::Send(_), true) => 3,
            (Step::Send(_), false) => 1,
            (_, reads) => u64::from(reads),
        }
    }

    /// Returns the time for which a run would take, in words.
    fn duration(&self, plan: &Plan) -> Option<String> {
        let duration = plan.estimate.duration(plan.elapsed, self.max_in_flight, &self.config.profiles)?;
        Some(format!(
            "{}, with up to {} at once for each system",
            about(duration),
            counted(self.max_in_flight as u64, "row")
        ))
    }

    /// The end of the plan, for people.
    pub(crate) fn summary(&self, plan: &Plan) -> String {
        let words = ["would be sent", "unchanged", "changed since", "refused", "failed"];
        let used: Vec<usize> =
            (0..STEPS.len()).filter(|step| plan.steps.values().any(|steps| steps[*step] > 0)).collect();
        let head = [String::new()].into_iter().chain(used.iter().map(|step| words[*step].to_owned()));
        let mut rows = vec![head.collect::<Vec<String>>()];
        for (system, steps) in &plan.steps {
            let cells = used.iter().map(|step| steps[*step].to_string());
            rows.push([system.clone()].into_iter().chain(cells).collect());
        }
        let mut text = format!("\n{}", table_with_head(&rows));
        text += &match plan.count("send") {
            0 => "\nNothing would be sent.\n".to_owned(),
            changes => match self.duration(plan) {
                Some(duration) => {
                    format!("\n{} would be sent. A run would take {duration}.\n", counted(changes, "change"))
                }
                None => format!(
                    "\n{} would be sent. How long that takes is not known: no account could be read.\n",
                    counted(changes, "change")
                ),
            },
        };
        if let Some(why) = &plan.cut_short {
            text += &format!("{DOUBTFUL}The plan ends before the last row:{DOUBTFUL:#} {why}\n");
        }
        text + "Nothing was changed.\n"
    }

    /// The end of the plan, for programs.
    pub(crate) fn members(&self, plan: &Plan) -> Map<String, Value> {
        let steps = |steps: &[u64; STEPS.len()]| -> Map<String, Value> {
            STEPS.iter().zip(steps).map(|(name, count)| ((*name).to_owned(), json!(count))).collect()
        };
        let by_system: Map<String, Value> =
            plan.steps.iter().map(|(name, counts)| (name.clone(), steps(counts).into())).collect();
        let all = STEPS.map(|name| plan.count(name));
        let duration = plan.estimate.duration(plan.elapsed, self.max_in_flight, &self.config.profiles);
        let mut members = steps(&all);
        members.insert("by_system".to_owned(), by_system.into());
        members.insert("estimated_seconds".to_owned(), json!(duration.map(|duration| duration.as_secs_f64().ceil())));
        members.insert("cut_short".to_owned(), json!(plan.cut_short));
        members
    }
}

impl Plan {
    pub(crate) fn count(&self, step: &str) -> u64 {
        let index = STEPS.iter().position(|name| *name == step);
        index.map_or(0, |index| self.steps.values().map(|steps| steps[index]).sum())
    }

    /// Returns whether some row would not become what is asked.
    pub(crate) fn falls_short(&self) -> bool {
        ["changed_since", "refused", "failed"].into_iter().any(|step| self.count(step) > 0)
    }
}

/// Returns whether a run reads the account for such a change.
fn reads(system: &dyn AccountSystem, change: &StatusChange) -> bool {
    system.capabilities().reads && change.change() != Change::Toggle
}

/// Returns which of [`STEPS`] it is.
fn step(step: &Step) -> usize {
    match step {
        Step::Send(_) => 0,
        Step::Unchanged => 1,
        Step::ChangedSince => 2,
        Step::Refused(error) => match RowState::of_error(error) {
            RowState::Refused => 3,
            _ => 4,
        },
        _ => 3,
    }
}

fn document(planned: &Planned, step: &str, requests: bool) -> Map<String, Value> {
    let row = &planned.row;
    let mut members = Map::new();
    let mut member = |name: &str, value: Value| members.insert(name.to_owned(), value);
    member("line", json!(row.line));
    member("system", json!(row.system));
    member("user", json!(row.user));
    member("change", json!(row.change));
    member("key", json!(row.key));
    member("account", json!(planned.status));
    member("step", json!(step));
    match &planned.step {
        Step::Send(request) if requests => {
            member("request", json!(request));
        }
        Step::Refused(error) => {
            member("message", json!(of_call(error)));
        }
        Step::NoSystem => {
            member("message", json!("there is no such system"));
        }
        _ => {}
    }
    members
}

fn text(planned: &Planned, requests: bool) -> String {
    let row = &planned.row;
    let status = planned.status.as_ref().map(|status| visible(&status.to_string()));
    let what = match &planned.step {
        Step::Send(_) => {
            let asked = asked(&row.change);
            match &status {
                Some(status) => format!("{status} → {asked}"),
                None => format!("→ {asked}"),
            }
        }
        Step::Unchanged => format!("{} already; nothing would be sent", status.unwrap_or_default()),
        Step::ChangedSince => {
            let status = status.unwrap_or_default();
            format!("{DOUBTFUL}changed since:{DOUBTFUL:#} it is {status}, and would be left as it is")
        }
        Step::Refused(error) => format!("{BAD}{}:{BAD:#} {}", STEPS[step(&planned.step)], of_call(error)),
        _ => format!("{BAD}refused:{BAD:#} there is no such system"),
    };
    let line = if row.line > 0 { format!("line {}: ", row.line) } else { String::new() };
    let mut text = format!("{line}{} {}: {what}\n", row.system, visible(&row.user));
    if let (Step::Send(request), true) = (&planned.step, requests) {
        for line in request.to_string().lines() {
            text += format!("    {}", visible(line)).trim_end();
            text.push('\n');
        }
    }
    text
}

/// Returns what the account would be, as far as the change says.
fn asked(change: &StatusChange) -> String {
    match change.change() {
        Change::Enable => "enabled".to_owned(),
        Change::Disable => "disabled".to_owned(),
        Change::Suspend => {
            let until = change.until().map(|end| format!(" until {end}")).unwrap_or_default();
            let reason = change.reason().map(|reason| format!(" ({})", visible(reason))).unwrap_or_default();
            format!("suspended{until}{reason}")
        }
        Change::Unsuspend => "no longer suspended".to_owned(),
        Change::Lock => "locked".to_owned(),
        Change::Unlock => "no longer locked".to_owned(),
        Change::Toggle => "the other state, whichever it is".to_owned(),
        other => other.to_string(),
    }
}
