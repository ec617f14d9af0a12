//! The documentation: one page that needs nothing but itself, made from `docs.json`, which is generated from the contract.
//!
//! ```
//! use user_status_openapi::docs::Page;
//!
//! let page = Page::new().html();
//! assert!(page.starts_with("<!doctype html>"));
//! ```

use serde_json::{Value, json};

use crate::{Contract, SchemeKind, SystemKind};

mod bundle;
mod markdown;

pub use markdown::pages as markdown;

/// The contract as its readers get it, written by `cargo contract generate`: with samples, and with what was decided in
/// the prose.
pub const JSON: &str = include_str!("../../docs.json");

/// The settings of a page: what it shows, and the server on which it tries requests.
#[derive(Clone, Debug, Default)]
pub struct Page {
    server: Option<String>,
    credentials: Value,
}

impl Page {
    /// Creates a page whose requests go to the server of this machine that the contract names.
    pub fn new() -> Page {
        Page::default()
    }

    /// Sends requests to this server, such as `http://127.0.0.1:4010`, and to no other. A path (`/`, `/__world/suite-1`)
    /// is one of the server that the page comes from.
    #[must_use]
    pub fn server(mut self, root: impl Into<String>) -> Page {
        self.server = Some(root.into());
        self
    }

    /// Fills in these credentials: by system, and by the name under which they travel, with `bearer` for the token
    /// in `Authorization`.
    #[must_use]
    pub fn credentials(mut self, credentials: Value) -> Page {
        self.credentials = credentials;
        self
    }

    /// Returns the document that the page shows.
    pub fn document(&self) -> Value {
        // A file of this crate, held current and readable by a test.
        let mut document: Value = serde_json::from_str(JSON).expect("docs.json is JSON");
        let root = self.root(&document);
        let own = if root.is_empty() { "/" } else { &root };
        document["servers"] = json!([{ "url": own, "description": "The server under test" }]);
        for (_, item) in document["paths"].as_object_mut().into_iter().flatten() {
            item.as_object_mut().map(|item| item.remove("servers"));
        }
        // ClearSquare's token is a member of the body as well, where no security scheme fills it in.
        if let Some(token) = self.credentials["clearsquare"]["bearer"].as_str() {
            fill_tokens(&mut document["paths"]["/api/users/manage-status"]["post"]["requestBody"], token);
        }
        document
    }

    fn root(&self, document: &Value) -> String {
        let known = document["servers"][0]["url"].as_str().unwrap_or_default();
        self.server.as_deref().unwrap_or(known).trim_end_matches('/').to_owned()
    }

    /// Returns the page: one HTML file without any reference to another.
    pub fn html(&self) -> String {
        let document = self.document();
        let root = document["servers"][0]["url"].as_str().unwrap_or_default().to_owned();
        let title = document["info"]["title"].as_str().unwrap_or_default().to_owned();
        let configuration = json!({
            "content": document,
            "authentication": self.authentication(),
            // Nothing of what the page can load from elsewhere, or send there.
            "withDefaultFonts": false,
            "telemetry": false,
            "proxyUrl": "",
            "agent": { "disabled": true },
            "mcp": { "disabled": true },
            "hideClientButton": true,
            "showDeveloperTools": "never",
            "documentDownloadType": "none",
            "persistAuth": false,
            "isEditable": false,
            "theme": "default",
            "defaultOpenAllTags": true,
            // The samples of each operation were compiled and run; what the page would make up was not.
            "hiddenClients": true,
        });
        bundle::page(&title, &policy(&root), &configuration)
    }

    /// The credentials as the page's own settings have them.
    fn authentication(&self) -> Value {
        let contract = Contract::embedded();
        let mut schemes = serde_json::Map::new();
        for &system in SystemKind::ALL {
            let known = &self.credentials[system.as_str()];
            for operation in contract.operations().iter().filter(|operation| operation.system == system) {
                for name in operation.security.iter().flatten() {
                    let setting = match contract.scheme(name).map(|scheme| &scheme.kind) {
                        Some(SchemeKind::Header(wire) | SchemeKind::Cookie(wire)) => {
                            json!({ "name": wire, "value": known[wire.as_str()] })
                        }
                        _ => json!({ "token": known["bearer"] }),
                    };
                    schemes.insert(name.clone(), setting);
                }
            }
        }
        json!({ "securitySchemes": schemes })
    }
}

/// The page may load nothing, and send to the server under test only.
fn policy(root: &str) -> String {
    let server = if root.starts_with('/') { "'self'" } else { root };
    format!(
        "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; \
         img-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'; connect-src {server}"
    )
}

fn fill_tokens(value: &mut Value, token: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| fill_tokens(item, token)),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| {
            if name == "token" && member.is_string() {
                *member = token.into();
            } else {
                fill_tokens(member, token);
            }
        }),
        _ => {}
    }
}
