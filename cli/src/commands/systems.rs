//! `systems`: what each system can do, as the SDK itself says.

use serde_json::{Value, json};
use user_status::{Capabilities, Change, DisableEffect};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::systems::{ALL, Known};
use crate::table::table_with_head;

pub(super) fn run(output: Output) -> Result<Exit, Failure> {
    let with_capabilities = |known: &'static Known| (known.capabilities)().map(|can| (known, can));
    let systems: Vec<(&Known, Capabilities)> = ALL
        .into_iter()
        .map(with_capabilities)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::unexpected(error.to_string()))?;
    let document: Vec<Value> = systems
        .iter()
        .map(|(system, can)| {
            let changes = Change::ALL.iter().filter(|change| can.changes.contains(change));
            let (on_demand, always): (Vec<Change>, Vec<Change>) =
                changes.partition(|change| system.on_demand.contains(change));
            json!({
                "system": system.kind,
                "changes": always,
                "changes_if_switched_on": on_demand,
                "suspends_until": can.suspends_until,
                "comments": can.comments,
                "reads": can.reads,
                "lookups": can.lookups,
                "disable_effect": can.disable_effect.as_str(),
            })
        })
        .collect();
    output.result(&json!({ "systems": document }), || {
        let yes = |can: bool| if can { "yes" } else { "–" }.to_owned();
        let row = |name: &str, cell: &dyn Fn(&Known, &Capabilities) -> String| {
            let cells = systems.iter().map(|(system, can)| cell(system, can));
            [name.to_owned()].into_iter().chain(cells).collect::<Vec<String>>()
        };
        let mut rows = vec![row("", &|system, _| system.kind.to_string())];
        for change in Change::ALL {
            rows.push(row(change.as_str(), &|system, can| match can.changes.contains(&change) {
                true if system.on_demand.contains(&change) => "yes ¹".to_owned(),
                can => yes(can),
            }));
            if change == Change::Suspend {
                rows.push(row("suspend until", &|_, can| yes(can.suspends_until)));
            }
        }
        rows.push(row("comment", &|_, can| yes(can.comments)));
        rows.push(row("read", &|_, can| yes(can.reads)));
        rows.push(row("lookup", &|_, can| yes(!can.lookups.is_empty())));
        rows.push(row("disabled means", &|_, can| effect(can.disable_effect).to_owned()));
        format!("{}\n¹ only with `unlock_by_enabling = true` in the profile\n", table_with_head(&rows))
    })?;
    Ok(Exit::Done)
}

/// What a disabled account is there, in words.
fn effect(effect: DisableEffect) -> &'static str {
    match effect {
        DisableEffect::RecordOnly => "record only",
        DisableEffect::SignInRefused => "no sign-in",
        DisableEffect::SessionsEnded => "no session",
        _ => "–",
    }
}
