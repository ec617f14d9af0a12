//! `config`: writes a configuration, or shows the one that counts.

use std::path::Path;

use serde_json::{Value, json};

use crate::arguments::Init;
use crate::config::file::Profile;
use crate::config::{Config, example, search};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, path as shown_path, visible};
use crate::table::table;

pub(super) fn init(init: &Init, output: Output) -> Result<Exit, Failure> {
    let found = init.path.is_none();
    let path = init.path.clone().or_else(search::of_the_user).ok_or_else(|| {
        Failure::configuration("there is no folder of the user: HOME is not set").next("Name a file with --path.")
    })?;
    example::write(&path, example::EXAMPLE, init.force).map_err(|e| refused(&path, &e))?;
    output.result(&json!({ "config": path.to_string_lossy() }), || {
        let path = shown_path(&path);
        let named = if found { String::new() } else { format!(" --config '{path}'") };
        format!(
            "{path} is written.\n\nNext:\n  1. Edit it: addresses, where the credentials come from; delete what you do \
             not have.\n  2. user-status{named} check\n  3. user-status{named} get PROFILE USER\n"
        )
    })?;
    Ok(Exit::Done)
}

/// Why a configuration cannot be written.
pub(super) fn refused(path: &Path, e: &std::io::Error) -> Failure {
    match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::configuration(format!("{} is there already, and left as it is", path.display()))
                .next("--force replaces it.")
        }
        _ => Failure::configuration(format!("{}: {e}", path.display())),
    }
}

pub(super) fn show(named: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(named)?;
    let profiles: Vec<Value> = config.profiles.iter().map(|(name, profile)| described(name, profile)).collect();
    let document = json!({
        "config": config.path.to_string_lossy(),
        "protected": config.protected,
        "max_changes": config.max_changes,
        "confirm_above": config.confirm_above,
        "profiles": profiles,
    });
    output.result(&document, || {
        let rows: Vec<Vec<String>> = profiles
            .iter()
            .map(|profile| {
                let cell = |name: &str| profile[name].as_str().unwrap_or_default().to_owned();
                let credentials = profile["credentials"].as_object().into_iter().flatten();
                let credentials =
                    credentials.map(|(name, from)| format!("{name} from {}", from.as_str().unwrap_or("?")));
                let credentials = credentials.collect::<Vec<_>>().join(", ");
                vec![cell("profile"), cell("system"), cell("base_url"), credentials]
            })
            .collect();
        format!("{}\n{}", shown_path(&config.path), table(&rows))
    })?;
    Ok(Exit::Done)
}

fn described(name: &str, profile: &Profile) -> Value {
    let common = &profile.common;
    let credentials: serde_json::Map<String, Value> = profile
        .own
        .references()
        .unwrap_or_default()
        .into_iter()
        .map(|(setting, reference)| (setting.to_owned(), json!(reference.to_string())))
        .collect();
    json!({
        "profile": name,
        "system": common.system,
        "base_url": address(&common.base_url),
        "credentials": credentials,
        "own_account": common.own_account.as_ref().map(|account| &account.0),
        "protected": common.protected.iter().map(|account| &account.0).collect::<Vec<_>>(),
        "max_in_flight": common.max_in_flight,
        "per_second": common.per_second,
    })
}

/// An address without what may be a credential in it: a user name, a password, a query, a fragment. One that has any of them
/// is refused when it is used.
fn address(base_url: &str) -> String {
    let Ok(url) = reqwest::Url::parse(base_url) else { return "(not shown: it is no address)".to_owned() };
    if !matches!(url.scheme(), "http" | "https") {
        return "(not shown: it is neither https nor http)".to_owned();
    }
    let mut plain = url.clone();
    plain.set_query(None);
    plain.set_fragment(None);
    // Neither fails for an address with a host.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    match plain == url {
        true => visible(base_url),
        false => format!("{plain} (not shown: what else it holds, which has no place in an address)"),
    }
}
