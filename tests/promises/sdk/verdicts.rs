//! What each system's yes looks like, in a write and in a read: whatever else is in the answer takes the proof away.

use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use user_status::systems::{akana, mediconnect::ActiveFlag};
use user_status::{AccountSystem, Applied, Error, ErrorKind, Proof, RetryPolicy, StatusChange};
use user_status_mock::world;
use user_status_tests::{Recorder, read_message};

use crate::support::systems::{akana_builder, clearsquare, mediconnect_builder, symphony_builder, userdocks};

/// One of the systems, as it is asked here.
struct Asked {
    name: &'static str,
    user: &'static str,
    change: StatusChange,
    xml: bool,
    build: fn(&str) -> Box<dyn AccountSystem>,
    /// What its write answers when it says yes.
    yes: Value,
    proof: Proof,
    /// What its read answers once the change is made; `None` if it has no read.
    read: Option<Value>,
}

fn akana_user() -> Value {
    json!({ "UserID": world::AKANA_USER, "UserName": "p", "Disabled": true, "Locked": false })
}

fn mediconnect_user() -> Value {
    json!({ "id": 42, "name": "J", "email": "j@x.example", "role": "PATIENT", "isActive": false, "isSuspended": false })
}

fn all() -> Vec<Asked> {
    let asked = |name, user, build, yes, proof, read| Asked {
        name,
        user,
        change: StatusChange::disable(),
        xml: false,
        build,
        yes,
        proof,
        read: Some(read),
    };
    let user = json!({ "id": world::USERDOCKS_USER, "freezed": true, "deleted": false });
    let envelope = |data: Value| json!({ "success": true, "message": "done", "error": null, "data": data });
    vec![
        asked(
            "userdocks",
            world::USERDOCKS_USER,
            |uri| Box::new(userdocks(uri)),
            envelope(Value::Null),
            Proof::Accepted,
            envelope(user.clone()),
        ),
        asked(
            "userdocks, as observed",
            world::USERDOCKS_USER,
            |uri| Box::new(userdocks(uri)),
            json!({ "kind": "user", "itemsLength": 1, "response": { "id": world::USERDOCKS_USER } }),
            Proof::Accepted,
            envelope(user),
        ),
        asked(
            "akana",
            world::AKANA_USER,
            |uri| Box::new(akana_builder(uri).build().unwrap()),
            akana_user(),
            Proof::Confirmed,
            akana_user(),
        ),
        Asked {
            xml: true,
            ..asked(
                "akana in XML",
                world::AKANA_USER,
                |uri| Box::new(akana_builder(uri).media_type(akana::MediaType::XmlV72).build().unwrap()),
                akana_user(),
                Proof::Confirmed,
                akana_user(),
            )
        },
        asked(
            "mediconnect",
            "42",
            |uri| Box::new(mediconnect_builder(uri).active_flag(ActiveFlag::Assume(true)).build().unwrap()),
            mediconnect_user(),
            Proof::Confirmed,
            mediconnect_user(),
        ),
        asked(
            "mediconnect, as observed",
            "42",
            |uri| Box::new(mediconnect_builder(uri).active_flag(ActiveFlag::Assume(true)).build().unwrap()),
            json!({ "message": "Usuario actualizado", "user": mediconnect_user() }),
            Proof::Confirmed,
            json!({ "user": mediconnect_user() }),
        ),
        asked(
            "symphony",
            "7215545078541",
            |uri| Box::new(symphony_builder(uri).build().unwrap()),
            json!({ "format": "TEXT", "message": "OK" }),
            Proof::Accepted,
            json!({ "status": "DISABLED", "suspended": false }),
        ),
        Asked {
            change: StatusChange::toggle(),
            read: None,
            ..asked(
                "clearsquare",
                world::CLEARSQUARE_USER,
                |uri| Box::new(clearsquare(uri)),
                json!({ "message": "User status updated successfully", "status": "success" }),
                Proof::Accepted,
                Value::Null,
            )
        },
    ]
}

/// As XML, with an element for each member.
fn xml(root: &str, value: &Value) -> String {
    let inner: String = match value {
        Value::Object(members) => members.iter().map(|(name, value)| xml(name, value)).collect(),
        Value::Array(items) => return items.iter().map(|item| xml(root, item)).collect(),
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;"),
        other => other.to_string(),
    };
    format!("<{root}>{inner}</{root}>")
}

fn http(asked: &Asked, body: &Value) -> String {
    let (media_type, body) = match asked.xml {
        true => ("application/vnd.soa.v72+xml", xml("User", body)),
        false => ("application/json", body.to_string()),
    };
    format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn write(asked: &Asked, answer: String) -> Result<Proof, Error> {
    let server = Recorder::start(answer).await;
    let system = (asked.build)(&server.uri());
    system.apply(asked.user, &asked.change).await.map(|receipt| receipt.proof)
}

/// A server that loses the answer to every write, and answers reads.
async fn loses_writes(read: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let read = read.clone();
            tokio::spawn(async move {
                while let Some(message) = read_message(&mut stream).await {
                    if !message.first_line.starts_with("GET ") || stream.write_all(read.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    uri
}

/// A read, and what it proves of a write whose answer was lost.
async fn read(asked: &Asked, answer: String) -> Result<bool, Error> {
    let uri = loses_writes(answer).await;
    let system = (asked.build)(&uri);
    let status = system.status(asked.user).await;
    let options = user_status::CallOptions::default().with_retry(RetryPolicy::never());
    let verified = system.apply_and_verify_with(asked.user, &asked.change, options).await;
    match &verified {
        Ok(receipt) => assert_eq!(receipt.proof, Proof::Confirmed, "{}", asked.name),
        Err(error) => assert_eq!(error.applied(), Applied::Unknown, "{}: {error:?}", asked.name),
    }
    let proves = verified.is_ok();
    match status {
        Ok(status) => Ok(proves && status.shows(&asked.change) == Some(true)),
        Err(error) => {
            assert!(!proves, "{}: what is refused as a read is no proof: {error}", asked.name);
            Err(error)
        }
    }
}

#[track_caller]
fn no_yes(asked: &Asked, what: &str, result: Result<Proof, Error>) {
    let error = match result {
        Ok(proof) => panic!("{}: {what} is {proof}", asked.name),
        Err(error) => error,
    };
    assert_eq!(error.applied(), Applied::Unknown, "{}: {what}: {error:?}", asked.name);
    let kinds = [ErrorKind::Contradicted, ErrorKind::UnexpectedResponse];
    assert!(kinds.contains(&error.kind()), "{}: {what}: {error:?}", asked.name);
}

/// A value with a member more, in an object of that name in it, if it is to be in one.
fn with(value: &Value, place: &[&str], name: &str, member: Value) -> Value {
    let mut changed = value.clone();
    let mut at = &mut changed;
    for step in place {
        let members = at.as_object_mut().unwrap();
        let inner = members.entry(*step).or_insert_with(|| json!({}));
        if *step == "items" && !inner.is_array() {
            *inner = json!([{}]);
        }
        if let Value::Array(items) = inner {
            at = &mut items[0];
        } else {
            if !inner.is_object() {
                *inner = json!({});
            }
            at = inner;
        }
    }
    at.as_object_mut().unwrap().insert(name.to_owned(), member);
    changed
}

const PLACES: [&[&str]; 8] = [
    &[],
    &["data"],
    &["user"],
    &["response"],
    &["items"],
    &["data", "user"],
    &["response", "items"],
    &["user", "data"],
];

/// What each system says when it says yes, and nothing else, is one.
#[tokio::test]
async fn a_plain_yes_is_one() {
    for asked in all() {
        let written = write(&asked, http(&asked, &asked.yes)).await.unwrap_or_else(|e| panic!("{}: {e:?}", asked.name));
        assert_eq!(written, asked.proof, "{}", asked.name);
        if let Some(body) = &asked.read {
            assert!(read(&asked, http(&asked, body)).await.unwrap_or_else(|e| panic!("{}: {e:?}", asked.name)));
            // Members that nobody knows change nothing.
            let more = with(body, &["more"], "id", json!("something else"));
            assert!(read(&asked, http(&asked, &more)).await.unwrap(), "{}", asked.name);
        }
    }
}

/// A sign of refusal takes the yes away, whichever it is and wherever it stands.
#[tokio::test]
async fn a_sign_of_refusal_takes_the_yes_away() {
    let signs = [
        ("error", json!("not carried out")),
        ("error", json!("")),
        ("error", json!({ "message": "no" })),
        ("error", json!(true)),
        ("Error", json!("not carried out")),
        ("errors", json!([{ "message": "no" }])),
        ("errors", json!([])),
        ("errors", json!({})),
        ("faultstring", json!("failed")),
        ("faultcode", json!("Server")),
        ("code", json!(500)),
        ("code", json!("RATE_LIMITED")),
        ("success", json!(false)),
        ("success", json!("true")),
        ("success", json!(1)),
        ("kind", json!("errors")),
        ("status", json!("error")),
        ("status", json!("FAILED")),
        ("status", json!(500)),
    ];
    let mut tried = 0;
    for asked in all() {
        for place in PLACES {
            for (name, sign) in &signs {
                // An empty list leaves nothing in XML.
                if asked.xml && *sign == json!([]) {
                    continue;
                }
                let what = format!("{name}: {sign} in {place:?}");
                no_yes(&asked, &what, write(&asked, http(&asked, &with(&asked.yes, place, name, sign.clone()))).await);
                if let Some(body) = &asked.read {
                    let answer = http(&asked, &with(body, place, name, sign.clone()));
                    let proof = read(&asked, answer).await;
                    // Of what is no status, nobody knows what it means; it is no proof in any case.
                    assert!(!proof.is_ok_and(|proof| proof), "{}: {what} is a proof", asked.name);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// So does another account, whoever it is named by.
#[tokio::test]
async fn another_account_takes_the_yes_away() {
    for asked in all() {
        for place in PLACES {
            for name in ["id", "userId", "UserID", "uid"] {
                for other in [json!("43"), json!(43), json!(42.5), json!({ "id": 1 })] {
                    let what = format!("{name}: {other} in {place:?}");
                    let body = with(&asked.yes, place, name, other.clone());
                    no_yes(&asked, &what, write(&asked, http(&asked, &body)).await);
                    if let Some(body) = &asked.read {
                        let answer = http(&asked, &with(body, place, name, other.clone()));
                        let error = read(&asked, answer).await.expect_err(&what);
                        assert_eq!(error.applied(), Applied::No, "{}: {what}", asked.name);
                    }
                }
            }
        }
    }
}

/// Two places that disagree prove nothing, and what a write shows besides its yes must not be something else than was asked.
#[tokio::test]
async fn places_that_disagree_prove_nothing() {
    for asked in all() {
        let facts = match asked.name.split([' ', ',']).next().unwrap() {
            "userdocks" => vec![("freezed", json!(false))],
            "akana" => vec![("Disabled", json!(false)), ("Disabled", json!("maybe"))],
            "mediconnect" => vec![("isActive", json!(true)), ("isActive", json!("no")), ("isActive", Value::Null)],
            "symphony" => vec![("status", json!("ENABLED")), ("status", json!("TERMINATED"))],
            _ => continue,
        };
        for (name, value) in facts {
            for place in PLACES {
                let what = format!("{name}: {value} in {place:?}");
                // Symphony's write says nothing of the account: only a status where a status would be is one.
                if asked.name != "symphony" || place.is_empty() {
                    let body = with(&asked.yes, place, name, value.clone());
                    no_yes(&asked, &what, write(&asked, http(&asked, &body)).await);
                }
                if let Some(body) = &asked.read {
                    let proof = read(&asked, http(&asked, &with(body, place, name, value.clone()))).await;
                    assert!(!proof.is_ok_and(|proof| proof), "{}: {what} is a proof", asked.name);
                }
            }
        }
    }
}

/// Shapes of answers that are close to a yes, and none.
#[tokio::test]
async fn nearly_a_yes_is_none() {
    for asked in all() {
        let good = http(&asked, &asked.yes);
        let (_, body) = good.split_once("\r\n\r\n").unwrap();
        let answer = |status: &str, media_type: &str, body: &str| {
            format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        };
        let media_type = if asked.xml { "application/xml" } else { "application/json" };
        for status in ["201", "202", "203", "206", "226", "299"] {
            no_yes(&asked, status, write(&asked, answer(status, media_type, body)).await);
        }
        no_yes(&asked, "204", write(&asked, "HTTP/1.1 204 X\r\n\r\n".to_owned()).await);
        for media_type in ["text/html", "text/plain", "application/octet-stream", "application/notjson", ""] {
            no_yes(&asked, media_type, write(&asked, answer("200", media_type, body)).await);
        }
        let list = format!("[{}]", asked.yes);
        for body in [&list, "true", "\"OK\"", "null", "[]", "{}", "", "{\"message\":7}", "{\"message\":null}"] {
            no_yes(&asked, body, write(&asked, answer("200", "application/json", body)).await);
        }
        // Members of another type than the documented.
        for (name, value) in asked.yes.as_object().unwrap().iter().filter(|_| !asked.xml) {
            let odd = match value {
                Value::Bool(value) => vec![json!(value.to_string()), json!(i32::from(*value))],
                Value::String(_) => vec![json!(7), json!(["OK"]), json!({})],
                _ => continue,
            };
            for odd in odd.into_iter().filter(|_| !asked.name.contains("observed")) {
                let body = with(&asked.yes, &[], name, odd).to_string();
                no_yes(&asked, &body, write(&asked, answer("200", media_type, &body)).await);
            }
        }
    }
    // The words of a state in another case are other words.
    let asked = all().pop().unwrap();
    for status in ["SUCCESS", "Success", "ok", "succes", ""] {
        no_yes(&asked, status, write(&asked, http(&asked, &json!({ "message": "m", "status": status }))).await);
    }
    let asked = &all()[1];
    for body in [
        json!({ "kind": "user", "response": null }),
        json!({ "kind": "user", "itemsLength": 0, "response": [] }),
        json!({ "kind": "user", "response": "failed" }),
        json!({ "response": { "id": world::USERDOCKS_USER } }),
        json!({ "success": null, "message": null, "error": null, "data": null }),
    ] {
        no_yes(asked, &body.to_string(), write(asked, http(asked, &body)).await);
    }
}

/// In XML the root says what the answer is.
#[tokio::test]
async fn only_the_documented_root_is_a_yes() {
    let asked = &all()[3];
    let members: Map<String, Value> = akana_user().as_object().unwrap().clone();
    let inner = xml("User", &Value::Object(members));
    let inner = inner.strip_prefix("<User>").unwrap().strip_suffix("</User>").unwrap();
    let answer = |body: String| {
        format!("HTTP/1.1 200 X\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    for (open, close) in [
        ("Fault", "Fault"),
        ("fault", "fault"),
        ("user", "user"),
        ("Users", "Users"),
        ("Users><User", "User></Users"),
        ("soap:Fault xmlns:soap=\"s\"", "soap:Fault"),
        ("html", "html"),
    ] {
        let body = format!("<{open}>{inner}</{close}>");
        no_yes(asked, &body, write(asked, answer(body.clone())).await);
        assert!(read(asked, answer(body.clone())).await.is_err(), "{body}");
    }
    for body in [
        format!("<User>{inner}</User><User>{inner}</User>"),
        format!("<User>{inner}<Disabled>true</Disabled></User>"),
        format!("<User>{inner}<Disabled>false</Disabled></User>"),
        format!("<!DOCTYPE User><User>{inner}</User>"),
        format!("<User>{inner}"),
        format!("<User>text{inner}</User>"),
        format!("<User>{inner}<more><Fault><faultstring>no</faultstring></Fault></more></User>")
            .replace("more", "data"),
    ] {
        no_yes(asked, &body, write(asked, answer(body.clone())).await);
    }
    // No namespace is documented, so that none is asked for.
    for body in [
        format!("<?xml version=\"1.0\"?>\n<a:User xmlns:a=\"any\">{inner}</a:User>\n"),
        format!(
            "<User xmlns=\"any\" id=\"x\"><!-- c --><?p i?>{inner}<Groups><Group>1</Group><Group>2</Group></Groups></User>"
        ),
    ] {
        assert_eq!(write(asked, answer(body.clone())).await.unwrap(), Proof::Confirmed, "{body}");
        assert!(read(asked, answer(body)).await.unwrap());
    }
}
