//! A system of one's own: an in-house HTTP API becomes a system like every other, in a registry, in a bulk run, and undone.
//!
//! `cargo run --example own_system`, or with `-p user-status-examples --features bulk` to see the bulk run too.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::Path, http::StatusCode, routing::get};
use serde_json::{Value, json};
use user_status::dialect::{Before, Conventions, Dialect, HttpCredentials, HttpSystem, Request, Response, Verdict};
use user_status::{AccountStatus, AccountSystem, Capabilities, Change, Registry, Result, StatusChange, SystemKind};

/// The payroll system: `GET` and `PUT` of `/people/{id}/access`, with `{"open": true}`.
#[derive(Clone, Debug)]
struct Payroll;

impl Dialect for Payroll {
    fn kind(&self) -> SystemKind {
        SystemKind::custom("payroll")
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Enable, Change::Disable]).with_reads(true)
    }
    fn conventions(&self) -> Conventions {
        let proves_no_change = &[(404, user_status::Conclusion::Refused, "handbook, section 4")];
        Conventions::new().with_refusals(proves_no_change, |body| body.contains_key("error"))
    }
    fn repeatable(&self, _: &StatusChange) -> bool {
        true // the request names the state, and not a step to it
    }
    fn change_request(&self, user: &str, change: &StatusChange, _: Option<&Before<'_>>) -> Result<Request<'_>> {
        let body = json!({ "open": change.change() == Change::Enable });
        Ok(Request::put(&["people", user, "access"]).with_json(&body))
    }
    fn read_request(&self, user: &str) -> Result<Request<'_>> {
        Ok(Request::get(&["people", user, "access"]))
    }
    fn verdict(&self, response: &Response<'_>) -> Verdict {
        let mut status = AccountStatus::default();
        status.enabled = response.flag("open", &[""], &mut status);
        Verdict::Proof(status)
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let token = HttpCredentials::bearer("a-token");
    let payroll = HttpSystem::speaking(Payroll).base_url(server().await?).credentials(token).build()?;
    println!("1: {}", payroll.apply_and_verify("1", &StatusChange::disable()).await?.proof);
    payroll.apply("7", &StatusChange::disable()).await.map_or_else(|error| println!("7: {error}"), drop);
    let registry = Registry::from_iter([("payroll", payroll)]);
    #[cfg(feature = "bulk")]
    there_and_back(Arc::new(registry.clone())).await?;
    println!("2 is {}", registry.get("payroll").expect("it was put in").status("2").await?);
    Ok(())
}

/// Disables two people in a run with a journal, and takes the run back.
#[cfg(feature = "bulk")]
async fn there_and_back(registry: Arc<Registry>) -> std::result::Result<(), Box<dyn std::error::Error>> {
    use user_status::bulk::{InvalidRows, Journal, JournalReader, Row, Runner, undo};
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let mut rows: Vec<Row> = ["0", "2"].map(|id| Row::new("payroll", id, StatusChange::disable())).into();
    for name in ["there", "back"] {
        let input = futures_util::stream::iter(rows.into_iter().map(Ok));
        let (journal, _) = Journal::create(path(name), name, &registry, input, InvalidRows::Refuse, |_| {}).await?;
        println!("{name}: {}", Runner::new(registry.clone()).read_first(true).run(journal).await?.counts);
        let entries = JournalReader::open(path(name))?;
        rows = entries.entries().filter_map(|entry| undo(&entry.ok()?).ok()?).collect();
    }
    Ok(())
}

/// Somebody else's server, with three people whose access is open.
async fn server() -> std::io::Result<String> {
    let people = Arc::new(Mutex::new([true; 3]));
    let access = async move |Path(id): Path<usize>, body: Option<Json<Value>>| {
        let mut people = people.lock().expect("nobody panics");
        let unknown = (StatusCode::NOT_FOUND, Json(json!({ "error": "no such person" })));
        let Some(open) = people.get_mut(id) else { return unknown };
        *open = body.and_then(|body| body["open"].as_bool()).unwrap_or(*open);
        (StatusCode::OK, Json(json!({ "id": id, "open": *open })))
    };
    let app = Router::new().route("/people/{id}/access", get(access.clone()).put(access));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(uri)
}
