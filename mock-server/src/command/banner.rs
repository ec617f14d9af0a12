//! What the program says when it is ready: where it is, what opens it, and a call that works.

use serde_json::Value;
use user_status_mock::{StandaloneServer, SystemKind};

use super::arguments::Arguments;

/// The banner.
pub(super) fn text(server: &StandaloneServer, arguments: &Arguments) -> String {
    let root = server.root();
    let mut text = format!("user-status-mock {} listens on {root}\n\n", env!("CARGO_PKG_VERSION"));
    let credentials = server.listed_credentials();
    for &system in SystemKind::ALL {
        text.push_str(&format!("{system}\n    base URL   {}\n", server.uri(system)));
        let user = server.users(system).into_iter().next().unwrap_or_else(|| "none".to_owned());
        text.push_str(&format!("    a user     {user}\n"));
        for (name, value) in credentials[system.as_str()].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            text.push_str(&match name.as_str() {
                "bearer" => format!("    Authorization: Bearer {value}\n"),
                name if name.starts_with("AtmoAuthToken_") => format!("    Cookie: {name}={value}\n"),
                name => format!("    {name}: {value}\n"),
            });
        }
    }
    if let Some(curl) = curl(server, &credentials) {
        text.push_str(&format!("\nTry it:\n    {curl}\n"));
    }
    let token = if arguments.has_admin_token() { " (with the admin token)" } else { "" };
    text.push_str(&format!("\nDocs   {root}/docs\nAdmin  {root}/__admin/openapi.yaml{token}\n"));
    text
}

/// A call that works: it disables the first user of Symphony that can be.
fn curl(server: &StandaloneServer, credentials: &Value) -> Option<String> {
    let token = credentials["symphony"]["sessionToken"].as_str()?;
    let users = server.users(SystemKind::Symphony).into_iter();
    let user = users
        .into_iter()
        .find(|user| server.user(SystemKind::Symphony, user).is_some_and(|user| user.get("service").is_none()))?;
    let insecure = if server.root().starts_with("https") { " --insecure" } else { "" };
    Some(format!(
        "curl{insecure} -H 'sessionToken: {}' -H 'Content-Type: application/json' \\\n      \
         -d '{{\"status\": \"DISABLED\"}}' {}/v1/admin/user/{user}/status/update",
        token.replace('\'', "'\\''"),
        server.uri(SystemKind::Symphony)
    ))
}
