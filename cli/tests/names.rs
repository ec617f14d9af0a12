//! Accounts that are named otherwise than by their id: looked up once, and held against the rules by the id.

mod common;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::Folder;
use serde_json::{Value, json};

/// The users of a service by id: the name, and whether it is active.
type Users = Arc<Mutex<BTreeMap<&'static str, (&'static str, bool)>>>;

/// Starts a SCIM service, and returns its base URL.
fn service(users: Users) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let users = users.clone();
            std::thread::spawn(move || serve(client, &users));
        }
    });
    base_url
}

fn serve(mut client: TcpStream, users: &Users) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        let Some((head, body)) = whole else {
            let mut more = [0; 4096];
            let read = client.read(&mut more).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&more[..read]);
            continue;
        };
        let (status, answer) = reply(head, body, &mut users.lock().unwrap());
        let answer = answer.to_string();
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/scim+json\r\ncontent-length: {}", answer.len());
        client.write_all(format!("{head}\r\n\r\n{answer}").as_bytes()).ok()?;
        bytes.clear();
    }
}

fn reply(head: &str, body: &str, users: &mut BTreeMap<&'static str, (&'static str, bool)>) -> (u16, Value) {
    let mut line = head.split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    let shown = |id: &str, (name, active): (&str, bool)| json!({ "id": id, "userName": name, "active": active });
    if let Some(query) = target.strip_prefix("/scim/v2/Users?") {
        let found: Vec<Value> = users
            .iter()
            .filter(|(_, (name, _))| query.contains(&format!("eq%20%22{}%22", name.replace('@', "%40"))))
            .map(|(id, user)| shown(id, *user))
            .collect();
        return (200, json!({ "totalResults": found.len(), "Resources": found }));
    }
    let id = target.strip_prefix("/scim/v2/Users/").map(|rest| rest.split('?').next().unwrap());
    let Some((id, user)) = users.iter_mut().find(|(known, _)| Some(**known) == id) else {
        let schema = "urn:ietf:params:scim:api:messages:2.0:Error";
        return (404, json!({ "schemas": [schema], "status": "404", "detail": "there is none" }));
    };
    if method == "PATCH" {
        let body: Value = serde_json::from_str(body).unwrap();
        user.1 = body["Operations"][0]["value"].as_bool().unwrap();
    }
    (200, shown(id, *user))
}

const TOKEN: &str = "canary-of-the-scim-token";

fn idp(lines: &str) -> (Folder, Users) {
    let people = [("u-1", ("jane@acme.example", true)), ("u-7", ("me@acme.example", true)), ("u-9", ("root", true))];
    let users: Users = Arc::new(Mutex::new(people.into()));
    let base_url = service(users.clone());
    let folder = Folder::new();
    let profile = format!(
        "[profiles.idp]\nsystem = \"scim\"\nbase_url = \"{base_url}\"\ntoken = {{ env = \"TOKEN\" }}\n{lines}\n"
    );
    folder.write("user-status.toml", &profile);
    (folder, users)
}

#[test]
fn a_name_is_looked_up_and_the_id_is_said() {
    let (folder, users) = idp("");
    let run = |arguments: &[&str]| folder.run(arguments, &[("TOKEN", TOKEN)]);
    let name = "userName:jane@acme.example";
    run(&["get", "idp", name]).ended(0).said("idp userName:jane@acme.example: enabled").kept(TOKEN);
    run(&["set", "idp", name, "disable", "--dry-run"]).ended(0).said("PATCH").said("/Users/u-1 ").kept(TOKEN);
    assert!(users.lock().unwrap()["u-1"].1);
    run(&["set", "idp", name, "disable"])
        .ended(0)
        .said("confirmed: disable of idp userName:jane@acme.example (u-1): the account is disabled");
    assert!(!users.lock().unwrap()["u-1"].1);
    let ran = run(&["--json", "set", "idp", name, "disable", "--even-if-so"]);
    let document: Value = serde_json::from_str(&ran.ended(0).stdout).unwrap();
    assert_eq!((&document["user"], &document["account_id"]), (&json!(name), &json!("u-1")));
    assert_eq!((&document["outcome"], &document["attempts"]), (&json!("confirmed"), &json!(1)));
    run(&["set", "idp", name, "disable"]).ended(0).said("unchanged");
    run(&["set", "idp", "userName:nobody", "disable"]).ended(3).said("no user has this userName").said("not changed");
    run(&["set", "idp", "userName:nobody", "lock"]).ended(3).said("cannot lock");
    run(&["check"]).ended(0).said("the credentials were accepted");
}

/// Who is protected by id is not changed under another name.
#[test]
fn a_protected_account_is_not_changed_under_another_name() {
    let (folder, users) = idp("own_account = \"u-7\"\nprotected = [\"u-9\"]");
    let run = |arguments: &[&str]| folder.run(arguments, &[("TOKEN", TOKEN)]);
    run(&["set", "idp", "userName:me@acme.example", "disable"]).ended(6).said("your own account");
    run(&["set", "idp", "userName:root", "disable"]).ended(6).said("protected");
    let rows = "system,user,change\nidp,userName:me@acme.example,disable\nidp,userName:root,disable\nidp,userName:nobody,disable\n";
    folder.write("bad.csv", rows);
    let path = folder.path("bad.csv");
    let path = path.to_str().unwrap();
    let runs = folder.path("runs");
    let runs = runs.to_str().unwrap();
    let ran = run(&["--runs", runs, "apply", path, "--yes"]);
    ran.ended(7).said("line 2, column user").said("your own account").said("line 3").said("protected").said("line 4");
    assert!(users.lock().unwrap().values().all(|(_, active)| *active));
    folder.write("good.csv", "system,user,change\nidp,userName:jane@acme.example,disable\n");
    let path = folder.path("good.csv");
    let path = path.to_str().unwrap();
    run(&["--runs", runs, "plan", path]).ended(0).said("enabled → disabled");
    run(&["--runs", runs, "apply", path, "--yes"]).ended(0).said("1  confirmed");
    run(&["--runs", runs, "report", "last", "--format", "csv"]).ended(0).said("u-1").said("userName:jane@acme.example");
    run(&["--runs", runs, "undo", "last", "--yes"]).ended(0).said("1  confirmed");
    assert!(users.lock().unwrap().values().all(|(_, active)| *active));
}
