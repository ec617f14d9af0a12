//! The tables of the README are what the contract and the code say.

use std::time::Duration;

use user_status::retry::{AttemptOutcome, Decision, Progress, RetryContext, decide};
use user_status::{Conclusion, RetryPolicy, status_rules};
use user_status_openapi::{Change, Contract, SystemKind};

const README: &str = include_str!("../../../README.md");

/// The rows of the table whose header starts like this, cell by cell, the header first.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let start = README.lines().position(|line| line.starts_with(header)).unwrap_or_else(|| panic!("{header}"));
    let lines = README.lines().skip(start).take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.filter(|line| !line.starts_with("|---")).map(cells).collect()
}

#[test]
fn what_each_system_can_do() {
    let contract = Contract::embedded();
    let table = table("| Change |");
    assert_eq!(table[0][1..], ["Userdocks", "Akana", "MediConnect", "Symphony", "ClearSquare", "SCIM 2.0"]);
    let mut seen = Vec::new();
    for row in &table[1..] {
        for (&system, cell) in SystemKind::ALL.iter().zip(&row[1..]) {
            let operations = || contract.operations().iter().filter(|operation| operation.system == system);
            let can = match row[0] {
                "read" => operations().any(|operation| operation.changes.is_empty()),
                "suspend until" => operations().any(|operation| {
                    let bodies = operation.request_body.iter().flat_map(|body| &body.content);
                    bodies
                        .into_iter()
                        .any(|body| contract.resolve(&format!("{}/properties/suspendedUntil", body.schema)).is_some())
                }),
                change => {
                    let change: Change = change.parse().unwrap();
                    operations().any(|operation| operation.changes.contains(&change))
                }
            };
            assert_eq!(*cell != "–", can, "{} in {system}: {cell}", row[0]);
        }
        seen.push(row[0]);
    }
    for change in Change::ALL {
        assert!(seen.contains(&change.as_str()), "{change} has no row");
    }
}

#[test]
fn what_is_sent_again() {
    let with = |status, conclusion, retry_after| AttemptOutcome::Answered { status, conclusion, retry_after };
    let answered = |status| with(status, Conclusion::Unknown, None);
    let refused = |status| with(status, Conclusion::Refused, None);
    let later = Some(Duration::from_secs(1));
    let rows = [
        ("not sent", vec![AttemptOutcome::NotSent]),
        ("a refusal for now that the system documents", vec![with(429, Conclusion::RefusedForNow, later)]),
        (
            "408, other 429, 502, 503, 504; no whole answer",
            vec![
                answered(408),
                answered(429),
                with(429, Conclusion::Unknown, later),
                answered(502),
                answered(503),
                with(503, Conclusion::Unknown, later),
                answered(504),
                AttemptOutcome::Lost,
            ],
        ),
        ("500", vec![answered(500)]),
        ("401 that the system documents", vec![refused(401)]),
        ("other 401", vec![answered(401)]),
        (
            "anything else",
            [200, 302, 400, 403, 404, 409, 422, 425, 499, 501, 505, 599]
                .map(answered)
                .into_iter()
                .chain([400, 403, 404, 413].map(refused))
                .collect(),
        ),
    ];
    let table = table("| Outcome of an attempt |");
    assert_eq!(table[0][1..], ["idempotent", "toggle"]);
    assert_eq!(table[1..].iter().map(|row| row[0]).collect::<Vec<_>>(), rows.clone().map(|(name, _)| name));
    let progress = Progress { attempt: 1, time_left: Duration::from_secs(60), budget: true, jitter: 0.0 };
    for (row, (name, outcomes)) in table[1..].iter().zip(rows) {
        for (idempotent, cell) in [(true, row[1]), (false, row[2])] {
            for outcome in outcomes.iter().copied() {
                let decided = |repeats_500, can_refresh| {
                    let safety = RetryContext { idempotent, repeats_500, can_refresh };
                    decide(&RetryPolicy::default(), safety, outcome, progress)
                };
                let said = match (decided(false, false), decided(true, false), decided(false, true)) {
                    (Decision::Again(_), Decision::Again(_), Decision::Again(_)) => "again",
                    (Decision::Stop, Decision::Again(_), Decision::Stop) => "again with Symphony",
                    (Decision::Stop, Decision::Stop, Decision::Refresh) => "once more with fresh credentials",
                    (Decision::Stop, Decision::Stop, Decision::Stop) => "stop",
                    other => panic!("{name}: {other:?}"),
                };
                let cell = if cell == "the same" { row[1] } else { cell };
                assert!(
                    cell.split([':', ',']).next().unwrap().trim() == said,
                    "{name}, {outcome:?}: {cell}, not {said}"
                );
            }
        }
    }
}

/// What a status code proves, as the SDK has it. A test that fails prints the table that is right.
#[test]
fn what_a_status_code_proves() {
    let name = |system: &str| match system {
        "userdocks" => "Userdocks",
        "akana" => "Akana",
        "mediconnect" => "MediConnect",
        "symphony" => "Symphony",
        "scim" => "SCIM",
        _ => "ClearSquare",
    };
    let says = |conclusion| match conclusion {
        Conclusion::Refused => "nothing was changed",
        Conclusion::RefusedForNow => "nothing was changed; it may be asked again later",
        _ => "nothing",
    };
    let mut rows: Vec<(&str, Vec<String>, &str, &str)> = Vec::new();
    for system in user_status::SystemKind::KNOWN {
        let mut rules: Vec<_> = status_rules().filter(|rule| rule.system == system).collect();
        let document = |source: &str| !source.starts_with("its document");
        rules.sort_by_key(|rule| (document(rule.source), rule.conclusion != Conclusion::Refused));
        for rule in rules {
            let (name, says) = (name(system.as_str()), says(rule.conclusion));
            match rows.iter_mut().find(|row| (row.0, row.2, row.3) == (name, says, rule.source)) {
                Some(row) => row.1.push(rule.status.to_string()),
                None => rows.push((name, vec![rule.status.to_string()], says, rule.source)),
            }
        }
    }
    let mut table = String::from("| System | Status | What it proves | Source |\n|---|---|---|---|\n");
    for (name, statuses, says, source) in rows {
        table.push_str(&format!("| {name} | {} | {says} | {source} |\n", statuses.join(", ")));
    }
    table.push_str(
        "| each | every other one but 2xx, and every one of another media type, with another body, or from a cache | ",
    );
    table.push_str("nothing: the outcome is unknown | it may be a gateway's word |\n");
    let written = README.split("<!-- conclusions -->\n").nth(1).unwrap().split("<!-- end").next().unwrap();
    assert!(written == table, "the README must have:\n{table}");
}

/// Every refusal is of a code that the contract has, or of one whose source says more than the contract.
#[test]
fn refusals_are_documented() {
    for rule in status_rules() {
        let operations = Contract::embedded().operations().iter();
        // A standard is the source itself; 501 is its word for what a service does not have.
        if rule.source.starts_with("RFC ") {
            assert!((400..500).contains(&rule.status) || rule.status == 501, "{rule:?}");
            continue;
        }
        let mut changes = operations
            .filter(|operation| operation.system.as_str() == rule.system.as_str() && !operation.changes.is_empty());
        let documented = changes.all(|operation| operation.responses.contains_key(&rule.status));
        let beyond = rule.source.starts_with("the platform's page") || rule.source.starts_with("its published code");
        assert!(documented || beyond, "{rule:?}");
        assert!((400..500).contains(&rule.status) && ![408, 425, 499].contains(&rule.status), "{rule:?}");
    }
}
