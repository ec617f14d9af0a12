//! SCIM: what is sent, what counts as said, whom a name finds, and what is kept of a person; over real sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use user_status::bulk::{InvalidRows, Journal, JournalReader, Row, RowState, Runner, Step};
use user_status::systems::scim::{Credentials, Method, Preset, ScimBuilder};
use user_status::systems::{Scim, Symphony, symphony};
use user_status::{
    AccountSystem, Applied, CallOptions, Consistency, ErrorKind, Proof, Registry, RetryPolicy, StatusChange,
};

use crate::support::script::{Reply, Script};

const TOKEN: &str = "scim-token-3f9a1c77e2";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What a service does in its own way.
#[derive(Clone)]
struct Ways {
    /// Its `ServiceProviderConfig`; a status code if it refuses.
    config: Result<Value, u16>,
    versions: bool,
    /// It answers a change with 204.
    silent: bool,
    /// It passes over filters.
    unfiltered: bool,
    /// What is answered to every change, if it is not carried out.
    refuses: Option<(u16, &'static str, String)>,
    /// The same, for a read of a user.
    hides: Option<(u16, &'static str, String)>,
}

const JSON: &str = "application/scim+json";

fn ways() -> Ways {
    let config = Ok(json!({ "patch": { "supported": true }, "etag": { "supported": false } }));
    Ways { config, versions: false, silent: false, unfiltered: false, refuses: None, hides: None }
}

/// The users of a service by id, and how often each was changed.
type Users = Arc<Mutex<BTreeMap<String, (Value, u32)>>>;

struct Service {
    script: Script,
    users: Users,
}

fn answer(status: u16, headers: &str, media_type: &str, body: &str) -> Reply {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\n{headers}content-length: {length}\r\n\r\n");
    Reply::Kept((head + body).into_bytes())
}

fn error(status: u16, detail: &str) -> String {
    json!({ "schemas": [ERROR], "status": status.to_string(), "detail": detail }).to_string()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

impl Service {
    async fn start(ways: Ways, users: &[(&str, Value)]) -> Service {
        let users = users.iter().map(|(id, user)| {
            let mut user = user.clone();
            user["id"] = json!(id);
            user["name"] = json!({ "familyName": "Surname-of-the-person" });
            ((*id).to_owned(), (user, 1))
        });
        let users: Users = Arc::new(Mutex::new(users.collect()));
        let shared = users.clone();
        Service { script: Script::start(move |_, request| reply(&ways, &shared, request)).await, users }
    }

    fn builder(&self) -> ScimBuilder {
        let builder = Scim::builder().base_url(format!("{}/scim/v2", self.script.uri));
        builder.credentials(Credentials::bearer(TOKEN)).retry(RetryPolicy::never())
    }

    fn client(&self) -> Scim {
        self.builder().build().unwrap()
    }

    fn active(&self, id: &str) -> Value {
        self.users.lock().unwrap()[id].0["active"].clone()
    }

    /// The requests so far, without those that ask what the service can do.
    fn requests(&self) -> Vec<String> {
        let all = self.script.requests();
        all.into_iter().filter(|request| !request.starts_with("get /scim/v2/serviceproviderconfig ")).collect()
    }
}

fn reply(ways: &Ways, users: &Users, request: &str) -> Reply {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut line = head.lines().next().unwrap().split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: BTreeMap<String, String> =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), decoded(v))).collect();
    let mut users = users.lock().unwrap();
    let user = path.strip_prefix("/scim/v2/users/").map(decoded);
    match (method, user) {
        ("get", None) if path.ends_with("/serviceproviderconfig") => match &ways.config {
            Ok(config) => answer(200, "", JSON, &config.to_string()),
            Err(status) => answer(*status, "", "text/html", "<html>no</html>"),
        },
        ("get", None) => {
            // The script has it in lower case, and so compares.
            let (attribute, name) = query["filter"].split_once(" eq ").unwrap();
            let name: String = serde_json::from_str(name).unwrap();
            let named = |user: &Value| {
                let found = user.as_object().unwrap().iter().find(|(key, _)| key.to_lowercase() == attribute);
                found.is_some_and(|(_, found)| found.as_str().unwrap().to_lowercase() == name)
            };
            let found: Vec<&Value> =
                users.values().map(|(user, _)| user).filter(|user| ways.unfiltered || named(user)).collect();
            assert_eq!(query.keys().collect::<Vec<_>>(), ["attributes", "filter"]);
            let page: Vec<&&Value> = found.iter().take(2).collect();
            answer(200, "", JSON, &json!({ "totalResults": found.len(), "Resources": page }).to_string())
        }
        (method, Some(id)) => {
            let Some((user, version)) = users.get_mut(&id) else {
                return answer(404, "", JSON, &error(404, "no such user"));
            };
            if method == "get" {
                if let Some((status, media_type, body)) = &ways.hides {
                    return answer(*status, "", media_type, body);
                }
            } else {
                if let Some((status, media_type, body)) = &ways.refuses {
                    return answer(*status, "", media_type, body);
                }
                let stale = head.lines().find_map(|line| line.strip_prefix("if-match: "));
                if stale.is_some_and(|asked| asked != format!("w/\"{version}\"")) {
                    return answer(412, "", JSON, &error(412, "it was changed"));
                }
                let body: Value = serde_json::from_str(body).unwrap();
                match method {
                    "patch" => user["active"] = body["Operations"][0]["value"].clone(),
                    _ => *user = body,
                }
                *version += 1;
            }
            if ways.silent && method != "get" {
                return answer(204, "", JSON, "");
            }
            let mut shown = user.clone();
            let etag = format!("W/\"{version}\"");
            if ways.versions {
                shown["meta"] = json!({ "version": etag });
            }
            let etag = if ways.versions { format!("etag: {etag}\r\n") } else { String::new() };
            answer(200, &etag, JSON, &shown.to_string())
        }
        _ => answer(405, "", "text/html", ""),
    }
}

fn jane(active: impl Into<Value>) -> (&'static str, Value) {
    ("u-1", json!({ "userName": "Jane@acme.example", "externalId": "hr-1", "active": active.into() }))
}

fn joe() -> (&'static str, Value) {
    ("u-2", json!({ "userName": "joe@acme.example", "externalId": "hr-2", "active": true }))
}

#[tokio::test]
async fn a_change_is_one_operation_on_one_path_and_asks_for_no_more_than_it_needs() {
    let service = Service::start(ways(), &[jane(true)]).await;
    let scim = service.client();
    let receipt = scim.apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(false)));
    let [read, change] = &service.requests()[..] else { panic!("{:?}", service.requests()) };
    assert!(read.starts_with("get /scim/v2/users/u-1?attributes=id%2cactive%2cmeta http/1.1\r\n"), "{read}");
    assert!(change.starts_with("patch /scim/v2/users/u-1 http/1.1\r\n"), "{change}");
    assert!(change.contains("content-type: application/scim+json\r\n"), "{change}");
    assert!(change.contains("accept: application/scim+json\r\n") && !change.contains("if-match"), "{change}");
    let (_, body) = change.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "active", "value": false }],
        })
    );
    // It is so already, and what the service can do is known.
    let receipt = scim.clone().apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts), (Proof::Unchanged, 0));
    scim.apply("u-1", &StatusChange::enable()).await.unwrap();
    assert_eq!(service.active("u-1"), true);
    assert_eq!(service.script.requests().len() - service.requests().len(), 1, "it is asked once");
}

#[tokio::test]
async fn a_success_without_a_body_is_no_proof_and_the_account_is_read() {
    let service = Service::start(Ways { silent: true, ..ways() }, &[jane(true)]).await;
    let receipt = service.client().apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Accepted, None));
    let receipt = service.client().apply_and_verify("u-1", &StatusChange::enable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true)));
}

#[tokio::test]
async fn active_is_read_leniently_and_nothing_is_made_up() {
    for (active, enabled, understood) in [
        (json!(true), Some(true), true),
        (json!("True"), Some(true), true),
        (json!("false"), Some(false), true),
        (json!("banana"), None, false),
        (json!(1), None, false),
        (json!(null), None, false),
    ] {
        let service = Service::start(ways(), &[jane(active.clone())]).await;
        let status = service.client().status("u-1").await.unwrap();
        assert_eq!((status.enabled, status.unrecognized.is_empty()), (enabled, understood), "{active}");
    }
    // It may be left out: then nothing is known, and a change is sent.
    let service = Service::start(ways(), &[("u-1", json!({ "userName": "jane" }))]).await;
    let error = service.client().status("u-1").await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No));
}

#[tokio::test]
async fn a_name_finds_the_one_who_has_it_and_the_id_counts_from_then_on() {
    let service = Service::start(ways(), &[jane(true), joe()]).await;
    let scim = service.client();
    assert_eq!(scim.find("userName:jane@ACME.example").await.unwrap(), "u-1");
    assert_eq!(scim.find("externalId:hr-2").await.unwrap(), "u-2");
    assert_eq!(scim.find("u-7").await.unwrap(), "u-7", "an id is one already");
    assert!(scim.is_id("u-1") && !scim.is_id("userName:jane@acme.example"));
    let before = service.requests().len();
    let receipt = scim.apply_and_verify("userName:joe@acme.example", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.user.as_str(), receipt.account.as_str()), ("userName:joe@acme.example", "u-2"));
    assert_eq!((service.active("u-1"), service.active("u-2")), (json!(true), json!(false)));
    let sent = &service.requests()[before..];
    assert_eq!(sent.iter().filter(|request| request.contains("filter=")).count(), 1, "{sent:?}");
    assert!(sent[0].starts_with("get /scim/v2/users?attributes=id%2cusername&filter=username%20eq%20"), "{}", sent[0]);
    let dry_run = scim.dry_run("externalId:hr-1", &StatusChange::disable()).await.unwrap();
    assert_eq!(dry_run.account, "u-1");
    assert!(dry_run.request.unwrap().url.ends_with("/Users/u-1"));
}

#[tokio::test]
async fn every_name_arrives_as_it_is() {
    for name in ["müller", "a\"b", "a\\b", "a/b", "..", "x%2fy", "😀", "a b+c&d=e", "a\" or username pr"] {
        let user = ("u-1", json!({ "userName": name, "active": true }));
        let service = Service::start(ways(), &[joe(), user]).await;
        assert_eq!(service.client().find(&format!("userName:{name}")).await.unwrap(), "u-1", "{name}");
    }
    let service = Service::start(ways(), &[joe()]).await;
    let long = format!("userName:{}", "x".repeat(257));
    for name in ["userName:", "userName: ", "externalId:a\nb", &long] {
        let error = service.client().find(name).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::InvalidInput, Applied::No), "{name:?}");
        let error = service.client().check(name, &StatusChange::disable()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    for id in ["", ".", "..", "a/b", "a%2fb", "a\tb", "a\nb", "a?b"] {
        let error = service.client().apply(id, &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::InvalidInput, Applied::No), "{id:?}");
    }
    assert_eq!(service.requests().len(), 0);
}

/// The filter is a wish. A service that passes over it answers with everybody, and counting is no check.
#[tokio::test]
async fn a_name_that_several_have_or_nobody_or_that_cannot_be_told_changes_nothing() {
    let twin = ("u-3", json!({ "userName": "JANE@acme.example", "active": true }));
    let stranger = ("u-4", json!({ "userName": "someone-else", "active": true }));
    let unfiltered = || Ways { unfiltered: true, ..ways() };
    for (ways, users, kind) in [
        (ways(), vec![jane(true), twin], ErrorKind::InvalidInput),
        (ways(), vec![joe()], ErrorKind::NotFound),
        (unfiltered(), vec![stranger.clone()], ErrorKind::NotFound),
        (unfiltered(), vec![stranger.clone(), joe(), jane(true)], ErrorKind::UnexpectedResponse),
        (unfiltered(), vec![jane(true), joe(), stranger], ErrorKind::UnexpectedResponse),
    ] {
        let service = Service::start(ways, &users).await;
        let before = service.users.lock().unwrap().clone();
        let name = "userName:jane@acme.example";
        for error in [
            service.client().find(name).await.unwrap_err(),
            service.client().apply_and_verify(name, &StatusChange::disable()).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.applied()), (kind, Applied::No), "{error}");
        }
        assert_eq!(*service.users.lock().unwrap(), before);
    }
    // A list that is whole shows that nobody else has the name.
    let service = Service::start(unfiltered(), &[jane(true), joe()]).await;
    assert_eq!(service.client().find("userName:jane@acme.example").await.unwrap(), "u-1");
}

#[tokio::test]
async fn a_system_without_a_lookup_says_so() {
    let symphony = Symphony::builder()
        .base_url("https://acme.symphony.com/pod")
        .credentials(symphony::Credentials::session_token("a-token"))
        .build()
        .unwrap();
    let error = symphony.find("7215545078541").await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Unsupported, Applied::No));
    assert!(error.to_string().contains("no lookup"), "{error}");
}

#[tokio::test]
async fn only_the_services_own_404_says_that_there_is_no_such_user() {
    let service = Service::start(ways(), &[joe()]).await;
    let error = service.client().apply("u-9", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::NotFound, Applied::No));
    assert!(error.to_string().contains("no such user"), "{error}");
    let hides = Some((404, "text/html", "<html>Not Found</html>".to_owned()));
    let service = Service::start(Ways { hides, ..ways() }, &[joe()]).await;
    let error = service.client().apply("u-2", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No));
    assert!(error.to_string().contains("base URL"), "{error}");
}

#[tokio::test]
async fn a_refusal_in_the_services_words_is_one_and_any_other_leaves_it_open() {
    for (status, own, applied) in [
        (400, true, Applied::No),
        (403, true, Applied::No),
        (501, true, Applied::No),
        (501, false, Applied::Unknown),
        (403, false, Applied::Unknown),
        // It was refused because it was changed since, or because it was carried out before.
        (412, true, Applied::Unknown),
        (500, true, Applied::Unknown),
    ] {
        let body = if own { error(status, "not here") } else { "<html></html>".to_owned() };
        let refuses = Some((status, if own { JSON } else { "text/html" }, body));
        let service = Service::start(Ways { refuses, ..ways() }, &[jane(true)]).await;
        let error = service.client().apply("u-1", &StatusChange::disable()).await.unwrap_err();
        assert_eq!(error.applied(), applied, "{status} {own}: {error}");
    }
}

#[tokio::test]
async fn a_change_is_conditional_where_the_service_means_its_versions() {
    let etags = || Ok(json!({ "patch": { "supported": true }, "etag": { "supported": true } }));
    for (config, versions, conditional) in [
        (etags(), true, true),
        // It says that it has them, and shows none; or shows some, and does not say so.
        (etags(), false, false),
        (Ok(json!({ "patch": { "supported": true } })), true, false),
        (Err(401), true, false),
        (Err(404), true, false),
    ] {
        let service = Service::start(Ways { config, versions, ..ways() }, &[jane(true)]).await;
        let receipt = service.client().apply("u-1", &StatusChange::disable()).await.unwrap();
        assert_eq!(receipt.proof, Proof::Confirmed);
        let requests = service.requests();
        assert_eq!(requests[1].contains("if-match: w/\"1\"\r\n"), conditional, "{}", requests[1]);
    }
}

#[tokio::test]
async fn a_service_without_patch_gets_the_whole_user_back_and_only_by_version() {
    let put_only = |etag| Ok(json!({ "patch": { "supported": false }, "etag": { "supported": etag } }));
    let service = Service::start(Ways { config: put_only(true), versions: true, ..ways() }, &[jane(true)]).await;
    let receipt = service.client().apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    let [read, change] = &service.requests()[..] else { panic!("{:?}", service.requests()) };
    assert!(read.starts_with("get /scim/v2/users/u-1 http/1.1\r\n"), "{read}");
    assert!(
        change.starts_with("put /scim/v2/users/u-1 http/1.1\r\n") && change.contains("if-match: w/\"1\""),
        "{change}"
    );
    let (_, body) = change.split_once("\r\n\r\n").unwrap();
    let mut due = jane(false).1;
    due["id"] = json!("u-1");
    due["name"] = json!({ "familyName": "Surname-of-the-person" });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), due);

    let blind = Service::start(Ways { config: put_only(false), ..ways() }, &[jane(true)]).await;
    let error = blind.client().apply("u-1", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Unsupported, Applied::No));
    assert_eq!(blind.active("u-1"), true);
    let allowed = blind.builder().allow_blind_put(true).build().unwrap();
    assert_eq!(allowed.apply("u-1", &StatusChange::disable()).await.unwrap().proof, Proof::Confirmed);
    // What the caller knows goes before what the service says.
    let told = Service::start(Ways { versions: true, ..ways() }, &[jane(true)]).await;
    told.builder()
        .method(Method::Put)
        .allow_blind_put(true)
        .build()
        .unwrap()
        .apply("u-1", &StatusChange::disable())
        .await
        .unwrap();
    assert!(told.requests()[1].starts_with("put "), "{:?}", told.requests());
}

#[tokio::test]
async fn nothing_of_the_person_is_kept_or_shown() {
    let service = Service::start(ways(), &[jane(true), joe()]).await;
    let receipt = service.client().apply("u-1", &StatusChange::disable()).await.unwrap();
    let raw = receipt.raw.as_ref().unwrap();
    let body = String::from_utf8(raw.body.to_vec()).unwrap();
    assert!(body.contains("\"active\":false") && body.contains("\"id\":\"u-1\""), "{body}");
    assert!(!body.contains("Surname") && !body.contains("Jane@"), "{body}");
    assert!(!format!("{receipt:?}").contains("Surname"), "{receipt:?}");
    // Nor in an error: it is somebody else's account that came back.
    let stranger =
        json!({ "id": "u-7", "userName": "stranger", "displayName": "Surname-of-the-person", "active": false });
    let hides = Some((200, JSON, stranger.to_string()));
    let service = Service::start(Ways { hides, ..ways() }, &[jane(true)]).await;
    let error = service.client().status("u-1").await.unwrap_err();
    let raw = String::from_utf8(error.raw().unwrap().body.to_vec()).unwrap();
    assert!(!raw.contains("Surname") && !raw.contains("stranger"), "{raw}");
    assert!(!format!("{error:?} {error}").contains("Surname"), "{error:?}");
}

/// A name is looked up when a row is taken in. What it names later is no matter.
#[tokio::test]
async fn a_run_has_the_ids() {
    let service = Service::start(ways(), &[jane(true), joe()]).await;
    let registry = Arc::new(Registry::default().with("idp", service.client()));
    let rows = || ["userName:jane@acme.example", "u-2"].map(|user| Row::new("idp", user, StatusChange::disable()));
    let runner = Runner::new(registry.clone());
    let planned: Vec<_> = runner.plan(stream::iter(rows())).collect().await;
    assert!(planned.iter().all(|planned| matches!(planned.step, Step::Send(_))), "{planned:?}");
    assert_eq!(planned[0].row.user, "u-1");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let rows = stream::iter(rows().map(Ok));
    let (journal, _) =
        Journal::create(&path, "test", &registry, rows, InvalidRows::Refuse, |bad| panic!("{bad}")).await.unwrap();
    // The two change names meanwhile.
    {
        let mut users = service.users.lock().unwrap();
        users.get_mut("u-1").unwrap().0["userName"] = json!("jane.doe@acme.example");
        users.insert("u-3".to_owned(), (json!({ "id": "u-3", "userName": "jane@acme.example", "active": true }), 1));
    }
    runner.run(journal).await.unwrap();
    let entries: Vec<_> = JournalReader::open(&path).unwrap().entries().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries.iter().map(|entry| entry.row.user.as_str()).collect::<Vec<_>>(), ["u-1", "u-2"]);
    assert_eq!(entries[0].row.key.as_deref(), Some("userName:jane@acme.example"));
    assert!(entries.iter().all(|entry| entry.state == RowState::Confirmed), "{entries:?}");
    assert_eq!(["u-1", "u-2", "u-3"].map(|id| service.active(id)), [json!(false), json!(false), json!(true)]);

    // A name that nobody has, and a second name of one account, are bad rows: nothing is sent.
    let rows =
        ["userName:nobody", "u-1", "externalId:hr-1"].map(|user| Ok(Row::new("idp", user, StatusChange::enable())));
    let mut bad = Vec::new();
    let path = folder.path().join("bad");
    let created = Journal::create(&path, "test", &registry, stream::iter(rows), InvalidRows::Refuse, |row| {
        bad.push(row.to_string())
    });
    assert!(created.await.is_err());
    assert_eq!(bad.len(), 2, "{bad:?}");
    assert!(bad[0].contains("no user has this userName") && bad[0].contains("userName:nobody"), "{bad:?}");
    assert!(bad[1].contains("another row"), "{bad:?}");
}

/// What a stale read shows denies nothing, and what it seems to show is not relied on.
#[tokio::test]
async fn where_reads_may_be_stale_none_of_them_is_taken_for_the_truth() {
    let eventual = Consistency::Eventual { reads: 3, within: Duration::from_millis(30) };
    // The read shows for ever what was there before.
    let stale = |active| {
        let hides = Some((200, JSON, json!({ "id": "u-1", "active": active }).to_string()));
        Ways { silent: true, hides, ..ways() }
    };
    let service = Service::start(stale(true), &[jane(true)]).await;
    let scim = service.builder().consistency(eventual).build().unwrap();
    let receipt = scim.apply_and_verify("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, service.active("u-1")), (Proof::Accepted, json!(false)));
    let reads = service.requests().iter().filter(|request| request.starts_with("get ")).count();
    assert_eq!(reads, 1 + 1 + 3, "before, after, and three times again");

    // It reads as disabled, and was enabled since.
    let service = Service::start(stale(false), &[jane(true)]).await;
    let scim = service.builder().consistency(eventual).build().unwrap();
    let receipt = scim.apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, service.active("u-1")), (Proof::Accepted, json!(false)));
    // Without it the record is the truth.
    let service = Service::start(stale(false), &[jane(true)]).await;
    let receipt = service.client().apply("u-1", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, service.active("u-1")), (Proof::Unchanged, json!(true)));
}

#[tokio::test]
async fn a_change_that_is_already_so_is_sent_if_the_caller_says_so() {
    let service = Service::start(ways(), &[jane(true), joe()]).await;
    let scim = service.client();
    let options = CallOptions::default().with_even_if_so(true);
    let receipt = scim.apply_with("u-1", &StatusChange::enable(), options).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts), (Proof::Confirmed, 1));
    // In a run as well.
    let registry = Arc::new(Registry::default().with("idp", scim));
    let folder = tempfile::tempdir().unwrap();
    let rows = stream::iter([Ok(Row::new("idp", "u-2", StatusChange::enable()))]);
    let path = folder.path().join("run");
    let (journal, _) =
        Journal::create(&path, "test", &registry, rows, InvalidRows::Refuse, |bad| panic!("{bad}")).await.unwrap();
    let before = service.requests().len();
    Runner::new(registry).call_options(options).run(journal).await.unwrap();
    assert!(service.requests()[before..].iter().any(|request| request.starts_with("patch ")));
}

#[tokio::test]
async fn a_refusal_for_now_says_when_to_come_back_under_every_name() {
    for (headers, status, wait) in [
        ("retry-after: 7\r\n", 429, Some(7)),
        ("ratelimit-reset: 7\r\n", 429, Some(7)),
        ("x-ratelimit-reset: 7\r\n", 429, Some(7)),
        ("retry-after: 7\r\nx-rate-limit-reset: 9\r\n", 429, Some(7)),
        // A time that is past.
        ("x-rate-limit-reset: 1500000000\r\n", 429, Some(0)),
        ("x-rate-limit-reset: soon\r\n", 429, None),
        // It tells of the window, and asks for nothing.
        ("x-rate-limit-reset: 7\r\n", 403, None),
    ] {
        let body = error(status, "not now");
        let script = Script::start(move |_, _| answer(status, headers, JSON, &body)).await;
        let builder = Scim::builder().base_url(script.uri).credentials(Credentials::bearer(TOKEN));
        let scim = builder.retry(RetryPolicy::never()).build().unwrap();
        let error = scim.status("u-1").await.unwrap_err();
        assert_eq!(error.retry_after().map(|wait| wait.as_secs()), wait, "{headers}");
    }
    let far = jiff::Timestamp::now().as_second() + 100;
    let headers = format!("x-rate-limit-reset: {far}\r\nx-okta-request-id: req-77\r\n");
    let script = Script::start(move |_, _| answer(429, &headers, JSON, &error(429, "not now"))).await;
    let builder = Scim::builder().base_url(script.uri).credentials(Credentials::bearer(TOKEN));
    let error = builder.retry(RetryPolicy::never()).build().unwrap().status("u-1").await.unwrap_err();
    let wait = error.retry_after().unwrap().as_secs();
    assert!((50..=100).contains(&wait), "{wait}");
    assert_eq!(error.request_id().as_deref(), Some("req-77"));
}

#[tokio::test]
async fn a_preset_knows_what_a_service_does_not_say() {
    // JSON that is labelled as HTML.
    let labelled = || {
        let hides = Some((200, "text/html; charset=utf-8", json!({ "id": "u-1", "active": true }).to_string()));
        Ways { hides, ..ways() }
    };
    let service = Service::start(labelled(), &[jane(true)]).await;
    let refused = service.client().status("u-1").await.unwrap_err();
    assert_eq!((refused.kind(), refused.applied()), (ErrorKind::UnexpectedResponse, Applied::No));
    let forti = service.builder().preset(Preset::FORTIAUTHENTICATOR).build().unwrap();
    assert_eq!(forti.status("u-1").await.unwrap().enabled, Some(true));

    // Whoever deletes says 404 to the very change that it has made.
    for (preset, applied, reversible) in [
        (Preset::STANDARD, Applied::No, true),
        (Preset::OPEN_WEBUI, Applied::Unknown, false),
        (Preset::FLEET, Applied::Unknown, false),
        (Preset::GITHUB_ORGANIZATION, Applied::Unknown, false),
    ] {
        let refuses = Some((404, JSON, error(404, "gone")));
        let service = Service::start(Ways { refuses, ..ways() }, &[jane(true)]).await;
        let scim = service.builder().preset(preset).build().unwrap();
        let error = scim.apply("u-1", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.applied(), scim.capabilities().reversible), (applied, reversible), "{}", preset.name());
    }

    let config = Ok(json!({ "patch": { "supported": false } }));
    let service = Service::start(Ways { config, ..ways() }, &[jane(true)]).await;
    let entra = service.builder().preset(Preset::ENTRA).build().unwrap();
    assert_eq!(entra.apply("u-1", &StatusChange::disable()).await.unwrap().proof, Proof::Confirmed);
    for preset in Preset::ALL {
        assert_eq!(preset.name().parse(), Ok(preset));
    }
}
