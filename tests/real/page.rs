//! The page of the results.

use std::fmt::Write as _;

use crate::bulk::Outcome;
use crate::drive::{Effect, Tally};
use crate::servers::Kind;

/// What is known of one server.
pub(crate) struct Row {
    pub(crate) kind: &'static Kind,
    pub(crate) effect: Effect,
    pub(crate) tally: Tally,
}

/// The results as a table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = "| server | version | calls | struck by faults | confirmed | unchanged | accepted | not applied | unknown | wrong claims \
                    | what a proof means there |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for Row { kind, effect, tally } in rows {
        let claimed = |claim| tally.claims.get(claim).copied().unwrap_or_default();
        let means = match effect {
            Effect::NoSignIn => "the record; it has no sign-in",
            Effect::RecordOnly => "record only: signing in still works",
            Effect::SignInRefused => "sign-in refused; a session from before still works",
            Effect::SessionsEnded => "sign-in refused, sessions from before ended",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {means} |",
            kind.name,
            kind.version,
            tally.calls,
            tally.faulted,
            claimed("confirmed"),
            claimed("unchanged"),
            claimed("accepted"),
            claimed("not applied"),
            claimed("unknown"),
            tally.wrong.len(),
        );
    }
    text
}

/// The run over all servers, in a sentence.
pub(crate) fn run(run: &Outcome) -> String {
    format!(
        "One run over all of them at once: {} rows, {} times ended with `kill -9` and resumed, then taken back; {} rows whose \
         outcome the records deny.\n",
        run.rows,
        run.kills,
        run.wrong.len()
    )
}

/// The page.
pub(crate) fn page(rows: &[Row], outcome: &Outcome) -> String {
    let mut text = "# Servers that nobody here wrote\n\n\
        Five independent SCIM 2.0 servers, each as it is installed from PyPI or npm. Every change travels through a proxy that \
        refuses, drops the request before or after it was carried out, cuts or delays the response, delivers it late, or sends it \
        twice. Afterwards the record of the server is read past the SDK (its database file, its own dump), and each claim is \
        held against it: *confirmed* must be as asked, *not applied* must be as before, and nobody else may have changed. Then a \
        user is disabled, and tries to sign in.\n\n\
        `.ci/real-servers` installs, starts and meets them, and writes this page.\n\n"
        .to_owned();
    text.push_str(&table(rows));
    text.push_str("\nThe faults, over all of them:\n\n| fault | times |\n|---|---|\n");
    let mut faults = std::collections::BTreeMap::<_, u32>::new();
    for (fault, times) in rows.iter().flat_map(|row| &row.tally.faults) {
        *faults.entry(*fault).or_default() += times;
    }
    for (fault, times) in faults {
        let name = match fault {
            crate::proxy::Fault::Refuse => "the connection is closed before the request is read",
            crate::proxy::Fault::DropBefore => "the request is lost on its way",
            crate::proxy::Fault::DropAfter => "the response is lost",
            crate::proxy::Fault::Cut => "half of the response arrives",
            crate::proxy::Fault::Delay => "the response comes after the deadline",
            crate::proxy::Fault::Late => "the request arrives after the deadline",
            crate::proxy::Fault::Repeat => "the request arrives twice",
            crate::proxy::Fault::Hold | crate::proxy::Fault::Stale => continue,
        };
        let _ = writeln!(text, "| {name} | {times} |");
    }
    text.push('\n');
    text.push_str(&run(outcome));
    text
}
