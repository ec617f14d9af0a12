//! The page of five megabytes as something that all its readers share: only what differs between worlds is made for each.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};
use user_status_openapi::docs::Page;

use crate::world::WorldState;

/// The mark around the name of what differs. No page has it for another reason.
const MARK: &str = "user-status-mock-slot:";
const END: &str = ":";

/// A page with slots.
struct Template(Vec<Part>);

enum Part {
    Shared(Bytes),
    /// The path of the server.
    Server,
    /// The credential of this system under this name.
    Credential(String, String),
}

/// The page for the server at this path, with these credentials; with none if they are null.
pub(super) fn page(server: &str, credentials: &Value) -> Vec<Bytes> {
    static WITH: LazyLock<Template> = LazyLock::new(|| Template::of(marked()));
    static WITHOUT: LazyLock<Template> = LazyLock::new(|| Template::of(Value::Null));
    let Template(parts) = if credentials.is_null() { &*WITHOUT } else { &*WITH };
    // As the page has it in its script, in which `<` may stand in strings only.
    let written = |value: Value| Bytes::from(value.to_string().replace('<', "\\u003c"));
    let piece = |part: &Part| match part {
        Part::Shared(text) => text.clone(),
        Part::Server => written(server.into()),
        Part::Credential(system, name) => written(credentials[system][name].clone()),
    };
    parts.iter().map(piece).collect()
}

/// The default credentials, each replaced by a mark.
fn marked() -> Value {
    let mut known = json!({});
    for (system, credentials) in WorldState::default().listed_credentials() {
        for name in credentials.as_object().into_iter().flatten().map(|(name, _)| name) {
            known[&system][name] = format!("{MARK}{system}/{name}{END}").into();
        }
    }
    known
}

impl Template {
    fn of(credentials: Value) -> Template {
        let html = Bytes::from(Page::new().server(format!("/{MARK}{END}")).credentials(credentials).html());
        let text = std::str::from_utf8(&html).unwrap_or_default();
        let (mut parts, mut from) = (Vec::new(), 0);
        for (at, _) in text.match_indices(MARK) {
            // Each stands in quotes, that of the server behind a slash.
            let name = &text[at + MARK.len()..];
            let Some(length) = name.find(END) else { continue };
            let slot = match name[..length].split_once('/') {
                Some((system, name)) => Part::Credential(system.to_owned(), name.to_owned()),
                None => Part::Server,
            };
            let start = at - if matches!(slot, Part::Server) { 2 } else { 1 };
            parts.push(Part::Shared(html.slice(from..start)));
            parts.push(slot);
            from = at + MARK.len() + length + END.len() + 1;
        }
        parts.push(Part::Shared(html.slice(from..)));
        Template(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_pieces_is_the_page() {
        let world = WorldState::default();
        let credentials = Value::Object(world.listed_credentials().into_iter().collect());
        for (server, credentials) in
            [("/", &credentials), ("/__world/suite-1", &credentials), ("/", &Value::Null), ("/__world/a", &Value::Null)]
        {
            let whole = Page::new().server(server).credentials(credentials.clone()).html();
            assert!(page(server, credentials).concat() == whole.as_bytes(), "{server}");
        }
        let shared = |pieces: Vec<Bytes>| pieces.iter().map(|piece| piece.as_ptr()).step_by(2).collect::<Vec<_>>();
        let (one, other) = (page("/", &credentials), page("/__world/a", &json!({})));
        assert_eq!(shared(one), shared(other));
    }
}
