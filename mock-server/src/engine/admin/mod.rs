//! The mock's own API, below `/__admin`. `admin.openapi.yaml` describes it, and a test holds the two together.

use std::collections::BTreeMap;
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use user_status_openapi::SystemKind;

use super::{Engine, cors, pages};
use crate::codec::{json as json_text, media_type};
use crate::credentials::Mint;
use crate::fault::Fault;
use crate::journal::matcher::RequestMatcher;
use crate::model::SystemModel;
use crate::reply::{respond, respond_json};
use crate::systems::Systems;
use crate::world::World;
use crate::world::WorldState;
use crate::world::clock::in_years;
use crate::world::names::DEFAULT;
use crate::world::room::NO_ROOM;
use crate::world::worlds::Asker;

/// The description of this API.
pub(super) const DESCRIPTION: &str = include_str!("admin.openapi.yaml");

/// Every path of this API with its methods, as the description has them.
const ROUTES: [(&str, &[&str]); 20] = [
    ("/health", &["GET"]),
    ("/openapi.yaml", &["GET"]),
    ("/openapi.json", &["GET"]),
    ("/credentials", &["GET"]),
    ("/tokens", &["POST"]),
    ("/users", &["GET"]),
    ("/users/{system}", &["GET"]),
    ("/users/{system}/{id}", &["GET", "PUT", "DELETE"]),
    ("/users/{system}/{id}/sign-in", &["POST"]),
    ("/reset", &["POST"]),
    ("/snapshot", &["GET", "PUT"]),
    ("/faults", &["GET", "POST", "DELETE"]),
    ("/faults/{id}", &["DELETE"]),
    ("/requests", &["GET", "DELETE"]),
    ("/requests/count", &["POST"]),
    ("/requests/find", &["POST"]),
    ("/requests/verify", &["POST"]),
    ("/clock", &["GET", "PUT", "DELETE"]),
    ("/clock/advance", &["POST"]),
    ("/worlds", &["GET", "DELETE"]),
];

/// Why a request is refused: status code and message.
type Refused = (u16, String);

/// Answers a request about the world of that name whose path goes on like this below `/__admin`. Only one that is not
/// refused makes a world.
pub(super) fn handle(engine: &Engine, world: &str, path: &str, request: &Request<Bytes>) -> Response<Bytes> {
    let refuse = |(status, message): Refused| {
        let mut response = respond_json(status, &json!({ "error": message }));
        if status == 415 {
            response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        response
    };
    let Some((template, methods)) = ROUTES.iter().find(|(template, _)| matches(template, path)) else {
        let known: Vec<String> = ROUTES.iter().map(|(template, _)| format!("/__admin{template}")).collect();
        return refuse((404, format!("there is no /__admin{path}; there are {}", known.join(", "))));
    };
    let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
    if !methods.contains(&method) {
        let allow = methods.join(", ");
        let mut response = match request.method() {
            &Method::OPTIONS => no_content(),
            method => refuse((405, format!("{method} is not allowed on /__admin{path}; allowed is {allow}"))),
        };
        if let Ok(allow) = HeaderValue::from_str(&allow) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        return response;
    }
    let open = ["/health", "/openapi.yaml", "/openapi.json"].contains(template);
    if !cors::is_own(request.headers(), open || engine.admin_token.is_some()) {
        let problem = "the admin API is not open to pages of other origins; without an admin token, the server must be \
                       called by its address or as `localhost`";
        return refuse((403, problem.to_owned()));
    }
    if let Some(token) = engine.admin_token.as_ref().filter(|_| !open)
        && !is_admin(token, request.headers())
    {
        let mut response = refuse((401, "Authorization must be `Bearer` and the admin token".to_owned()));
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    if let Some(answered) = of_the_server(engine, world, template, request) {
        return answered.unwrap_or_else(refuse);
    }
    match engine.worlds.get(world, Asker::Owner) {
        Ok(world) => answer(engine, &world, template, path, request).unwrap_or_else(refuse),
        Err(problem) => refuse((503, problem)),
    }
}

/// Answers what is not about a world, or must not make one; `None` if it is about one.
fn of_the_server(
    engine: &Engine,
    world: &str,
    template: &str,
    request: &Request<Bytes>,
) -> Option<Result<Response<Bytes>, Refused>> {
    Some(match template {
        "/health" => Ok(respond_json(
            200,
            &json!({
                "status": "ok",
                "version": env!("CARGO_PKG_VERSION"),
                "uptime_seconds": engine.worlds.uptime().as_secs(),
                "worlds": engine.worlds.names().len(),
            }),
        )),
        "/openapi.yaml" => Ok(pages::shared("application/yaml", DESCRIPTION)),
        "/openapi.json" => Ok(respond_json(200, &description())),
        "/worlds" if request.method() == Method::DELETE && world == DEFAULT => {
            Err((409, "the default world stays; POST /__admin/reset brings it to how it began".to_owned()))
        }
        "/worlds" if request.method() == Method::DELETE => {
            engine.worlds.remove(world);
            Ok(no_content())
        }
        "/worlds" => Ok(respond_json(200, &json!({ "worlds": engine.worlds.names() }))),
        _ => return None,
    })
}

fn answer(
    engine: &Engine,
    world: &World,
    template: &str,
    path: &str,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Refused> {
    let get = [Method::GET, Method::HEAD].contains(request.method());
    let delete = request.method() == Method::DELETE;
    let ok = |body: Value| Ok(respond_json(200, &body));
    if [Method::PUT, Method::POST].contains(request.method()) && !world.has_room(request.body().len()) {
        return Err((503, NO_ROOM.to_owned()));
    }
    match template {
        "/credentials" => ok(world.listed_credentials()),
        "/tokens" => {
            let mint: Mint = body(request)?;
            world.mint(&mint).map(|made| respond_json(201, &json!(made))).map_err(|problem| (400, problem.to_string()))
        }
        "/users" => {
            let systems = world.systems();
            let all = SystemKind::ALL.iter().map(|&system| (system, Users(&systems, system)));
            within(engine, &all.collect::<BTreeMap<_, _>>())
        }
        "/users/{system}" => within(engine, &Users(&world.systems(), system(path)?)),
        "/users/{system}/{id}" | "/users/{system}/{id}/sign-in" => user(world, template, path, request),
        "/reset" => {
            world.reset();
            Ok(no_content())
        }
        "/snapshot" if get => within(engine, &world.snapshot()),
        "/snapshot" => {
            let document: Value = body(request)?;
            let document = WorldState::from_json(&document).map_err(|e| (400, e.to_string()))?;
            world.restore(document).map_err(|e| (400, e.to_string()))?;
            Ok(no_content())
        }
        "/faults" if get => ok(json!({ "faults": world.listed_faults() })),
        "/faults" if delete => {
            world.clear_faults();
            Ok(no_content())
        }
        "/faults" => {
            let fault: Fault = body(request)?;
            let id = world.fault(fault).map_err(|e| (400, e.to_string()))?;
            Ok(respond_json(201, &json!({ "id": id })))
        }
        "/faults/{id}" => match segment(path, 1).parse().is_ok_and(|id| world.remove_fault(id)) {
            true => Ok(no_content()),
            false => Err((404, "there is no fault with this id".to_owned())),
        },
        "/requests" if get => ok(requests(world, request)?),
        "/requests" => {
            world.clear_journal();
            Ok(no_content())
        }
        "/requests/count" => {
            let (count, _) = world.matching(&pattern(body(request)?)?);
            ok(json!({ "count": count, "dropped": world.dropped() }))
        }
        "/requests/find" => {
            let pattern = pattern(body(request)?)?;
            let found: Vec<Value> = (world.journal().into_iter())
                .filter(|exchange| pattern.mismatches(exchange).is_empty())
                .map(|exchange| json!(exchange))
                .collect();
            ok(json!({ "requests": found, "dropped": world.dropped() }))
        }
        "/requests/verify" => {
            let mut wanted: Verify = body(request)?;
            wanted.pattern = pattern(wanted.pattern)?;
            if wanted.most.is_some_and(|most| most < wanted.least) {
                return Err((400, "`most` must not be less than `least`, which is 1 if it is left out".to_owned()));
            }
            ok(verify(world, &wanted))
        }
        "/clock" if get => ok(clock(world)),
        "/clock" if delete => {
            world.release_clock();
            ok(clock(world))
        }
        "/clock" => {
            let set: SetClock = body(request)?;
            if !in_years(set.now) {
                return Err((400, "`now` must be in the years 1 to 9999".to_owned()));
            }
            world.set_clock(set.now);
            ok(clock(world))
        }
        "/clock/advance" => {
            let advance: Advance = body(request)?;
            world.advance(SignedDuration::from_secs(advance.seconds));
            ok(clock(world))
        }
        _ => Err((404, "there is nothing of this name".to_owned())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetClock {
    now: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

/// The number of requests of a pattern that there must be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    #[serde(default)]
    pattern: RequestMatcher,
    #[serde(default = "one")]
    least: u64,
    #[serde(default)]
    most: Option<u64>,
}

fn one() -> u64 {
    1
}

/// A pattern that a request can have at all.
fn pattern(pattern: RequestMatcher) -> Result<RequestMatcher, Refused> {
    pattern.check().map_err(|problem| (400, problem)).map(|()| pattern)
}

fn verify(world: &World, wanted: &Verify) -> Value {
    let (count, nearest) = world.matching(&wanted.pattern);
    let verified = (wanted.least..=wanted.most.unwrap_or(u64::MAX)).contains(&count);
    let mut answer = json!({ "verified": verified, "count": count, "dropped": world.dropped() });
    if let Some((exchange, differences)) = nearest.filter(|_| count < wanted.least) {
        let differences = world.without_credentials(differences);
        answer["nearest"] = json!({ "request": exchange, "differences": differences });
    }
    answer
}

fn clock(world: &World) -> Value {
    json!({ "now": world.now(), "frozen": world.clock_is_frozen() })
}

/// A response that may be too long.
fn within(engine: &Engine, body: &impl Serialize) -> Result<Response<Bytes>, Refused> {
    let most = engine.longest;
    let problem = || {
        let what = "ask for single users, or start the server with more --max-memory";
        (503, format!("the response would have more than {most} bytes; {what}"))
    };
    Ok(respond(200, media_type::JSON, json_text::write_within(most, body).ok_or_else(problem)?.into()))
}

/// The users of a system, written one after the other.
struct Users<'a>(&'a Systems, SystemKind);

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Users(systems, kind) = *self;
        let model = systems.of(kind);
        serializer.collect_seq(model.users().iter().map(|id| listed_user(model, kind, id)))
    }
}

fn listed_user(model: &dyn SystemModel, kind: SystemKind, id: &str) -> Value {
    json!({ "system": kind, "id": id, "status": model.status(id), "user": model.get(id) })
}

fn user(world: &World, template: &str, path: &str, request: &Request<Bytes>) -> Result<Response<Bytes>, Refused> {
    let (system, id) = (system(path)?, segment(path, 2));
    let unknown = || (404, format!("{system} has no user `{}`", id.escape_debug()));
    if request.method() == Method::PUT {
        let value: Value = body(request)?;
        world.put_user(system, &id, &value).map_err(|problem| (400, problem.to_string()))?;
    } else if world.status(system, &id).is_none() {
        return Err(unknown());
    }
    if request.method() == Method::DELETE {
        world.remove_user(system, &id);
        return Ok(no_content());
    }
    if template.ends_with("/sign-in") {
        world.sign_in(system, &id);
    }
    Ok(respond_json(200, &listed_user(world.systems().of(system), system, &id)))
}

/// The last requests, newest first.
fn requests(world: &World, request: &Request<Bytes>) -> Result<Value, Refused> {
    let mut limit = 100;
    for pair in request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        limit = match pair.split_once('=') {
            Some(("limit", number)) => {
                number.parse().map_err(|_| (400, "`limit` must be a number of requests".to_owned()))?
            }
            _ => return Err((400, "the query must be `limit=N`, or none".to_owned())),
        };
    }
    let list: Vec<Value> = world.last(limit).iter().map(|exchange| json!(exchange)).collect();
    Ok(json!({ "requests": list, "total": world.total_requests(), "dropped": world.dropped() }))
}

/// The body of a request. What is wrong is said with its place, and without the value.
fn body<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Refused> {
    if let Some(problem) = media_type::coding(request) {
        return Err((415, format!("/header/content-encoding {problem}")));
    }
    let value = if request.body().is_empty() {
        return Err((400, "the request must have a JSON body".to_owned()));
    } else {
        json_text::read(request.body()).map_err(|problem| (400, format!("the body {problem}")))?
    };
    if !value.is_object() {
        return Err((400, "the body must be a JSON object".to_owned()));
    }
    serde_path_to_error::deserialize(value).map_err(|e| {
        let at = e.path().to_string();
        (400, if at == "." { e.inner().to_string() } else { format!("{at}: {}", e.inner()) })
    })
}

fn system(path: &str) -> Result<SystemKind, Refused> {
    SystemKind::from_str(&segment(path, 1)).map_err(|e| (404, e.to_string()))
}

/// A segment of the path, decoded.
fn segment(path: &str, index: usize) -> String {
    let segment = path.split('/').nth(index + 1).unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn matches(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    template.matches('/').count() == path.matches('/').count()
        && wanted.zip(given).all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
}

fn is_admin(token: &str, headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let sent = sent.next().filter(|_| sent.next().is_none()).and_then(|value| value.to_str().ok());
    let Some((scheme, sent)) = sent.and_then(|sent| sent.split_once(' ')) else { return false };
    let (sent, token) = (sent.trim().as_bytes(), token.as_bytes());
    // All bytes are compared, so that the time taken does not tell how many are right.
    let differences = sent.iter().zip(token).fold(0, |differences, (a, b)| differences | (a ^ b));
    scheme.eq_ignore_ascii_case("bearer") && sent.len() == token.len() && differences == 0
}

fn no_content() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The description as JSON.
fn description() -> Value {
    // A file of this crate, read by a test.
    serde_saphyr::from_str(DESCRIPTION).expect("admin.openapi.yaml is YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_the_paths_and_methods_that_there_are() {
        let description = description();
        let described: Vec<(String, Vec<String>)> = (description["paths"].as_object().unwrap().iter())
            .map(|(path, item)| {
                let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
                (path.clone(), methods.map(|method| method.to_uppercase()).collect())
            })
            .collect();
        let there: Vec<(String, Vec<String>)> = (ROUTES.iter())
            .map(|(path, methods)| (format!("/__admin{path}"), methods.iter().map(ToString::to_string).collect()))
            .collect();
        assert_eq!(described, there);
    }

    #[test]
    fn a_snapshot_is_restored_to_the_same() {
        let world = WorldState::default();
        assert_eq!(WorldState::from_json(&world.to_json()).unwrap().to_json(), world.to_json());
    }
}
