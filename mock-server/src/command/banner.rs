//! What the program says when it is ready: where it is, what opens it, and a call that works.

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
    if let Some(curl) = server.sample_call() {
        text.push_str(&format!("\nTry it:\n    {curl}\n"));
    }
    let token = if arguments.has_admin_token() { " (with the admin token)" } else { "" };
    text.push_str(&format!("\nDocs   {root}/docs\nAdmin  {root}/__admin/openapi.yaml{token}\n"));
    text
}
