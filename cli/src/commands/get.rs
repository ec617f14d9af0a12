//! `get`: reads one account.

use std::path::Path;

use serde_json::json;

use crate::arguments::Get;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, visible};
use crate::waits::aloud;

pub(super) async fn run(get: &Get, named: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(named)?;
    let connected = Connected::to(&config, &[&get.profile]).await?;
    let Some(system) = connected.registry.get(&get.profile) else {
        return Err(Failure::unexpected(format!("profile `{}` was not set up", get.profile)));
    };
    let status = aloud(&get.profile, output, system.status(&get.user))
        .await
        .map_err(|error| Failure::of_call_for(&get.profile, &get.user, &error))?;
    let unread = !status.unrecognized.is_empty();
    let document = json!({
        "profile": get.profile,
        "system": system.kind(),
        "user": get.user,
        "account": status,
        "can_sign_in": system.can_sign_in(&status),
    });
    output.result(&document, || {
        let sign_in = match system.can_sign_in(&status) {
            Some(true) => "; the owner can sign in",
            Some(false) => "; the owner cannot sign in",
            None if unread => {
                "; what the system says was not understood, and whether the owner can sign in is not known"
            }
            None => "",
        };
        format!("{} {}: {}{sign_in}\n", get.profile, visible(&get.user), visible(&status.to_string()))
    })?;
    // A script must not go on as if it knew.
    Ok(if unread { Exit::Unknown } else { Exit::Done })
}
