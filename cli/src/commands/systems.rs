//! `systems`: what each system can do, as the SDK itself says.

use serde_json::{Value, json};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{AccountSystem, Capabilities, Change, SystemKind};

use super::CHANGES;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::table_with_head;

pub(super) fn run(output: Output) -> Result<Exit, Failure> {
    let systems = capabilities().map_err(|error| Failure::unexpected(error.to_string()))?;
    let unlocks = |system: SystemKind, change: Change| system == SystemKind::AKANA && change == Change::Unlock;
    let document: Vec<Value> = systems
        .iter()
        .map(|(system, can)| {
            let changes = CHANGES.iter().filter(|change| can.changes.contains(change));
            let (on_demand, always): (Vec<Change>, Vec<Change>) =
                changes.partition(|change| unlocks(*system, **change));
            json!({
                "system": system,
                "changes": always,
                "changes_if_switched_on": on_demand,
                "suspends_until": can.suspends_until,
                "comments": can.comments,
                "reads": can.reads,
            })
        })
        .collect();
    output.result(&json!({ "systems": document }), || {
        let yes = |can: bool| if can { "yes" } else { "–" }.to_owned();
        let row = |name: &str, cell: &dyn Fn(SystemKind, &Capabilities) -> String| {
            let cells = systems.iter().map(|(system, can)| cell(*system, can));
            [name.to_owned()].into_iter().chain(cells).collect::<Vec<String>>()
        };
        let mut rows = vec![row("", &|system, _| system.to_string())];
        for change in CHANGES {
            rows.push(row(change.as_str(), &|system, can| match can.changes.contains(&change) {
                true if unlocks(system, change) => "yes ¹".to_owned(),
                can => yes(can),
            }));
            if change == Change::Suspend {
                rows.push(row("suspend until", &|_, can| yes(can.suspends_until)));
            }
        }
        rows.push(row("comment", &|_, can| yes(can.comments)));
        rows.push(row("read", &|_, can| yes(can.reads)));
        format!("{}\n¹ only with `unlock_by_enabling = true` in the profile\n", table_with_head(&rows))
    })?;
    Ok(Exit::Done)
}

/// What each system can do with everything switched on. Nothing is sent.
fn capabilities() -> user_status::Result<Vec<(SystemKind, Capabilities)>> {
    // Never called; plain http, so that no trust roots are loaded for it.
    const NOWHERE: &str = "http://127.0.0.1";
    let none = "none";
    let systems: [Box<dyn AccountSystem>; 5] = [
        Box::new(
            Userdocks::builder().base_url(NOWHERE).credentials(userdocks::Credentials::api_key(none, none)).build()?,
        ),
        Box::new(
            Akana::builder()
                .base_url(NOWHERE)
                .tenant(none)
                .credentials(akana::Credentials::session(none, none))
                .unlock_by_enabling(true)
                .build()?,
        ),
        Box::new(Mediconnect::builder().base_url(NOWHERE).credentials(mediconnect::Credentials::token(none)).build()?),
        Box::new(
            Symphony::builder().base_url(NOWHERE).credentials(symphony::Credentials::session_token(none)).build()?,
        ),
        Box::new(Clearsquare::builder().base_url(NOWHERE).credentials(clearsquare::Credentials::token(none)).build()?),
    ];
    Ok(systems.iter().map(|system| (system.kind(), system.capabilities())).collect())
}
