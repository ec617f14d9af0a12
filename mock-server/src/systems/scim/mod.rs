//! SCIM 2.0: a user is active or not, and no more is said of what that means.
//!
//! | request | what it does |
//! |---|---|
//! | `PATCH` with `replace` of `active` | enables or disables |
//! | `PATCH` otherwise, as RFC 7644 section 3.5.2 has it | adds, replaces or removes any attribute that the service knows |
//! | `PUT` | replaces the user; what is left out is cleared |
//! | `If-Match` with another version | nothing: 412 |
//! | `POST /Users`, `DELETE /Users/{id}` | creates or deletes; not in the contract, for no status is changed |
//!
//! The [`Ways`] of a service are the deviations that real ones were seen with.

use http::{Method, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::Operation;
use user_status_openapi::validate::Violation;

use self::user::{USER_SCHEMA, User};
use self::ways::{Change, Disable, Errors, Etag, Filter, Ways};
use super::Users;
use crate::bounds;
use crate::codec::json as text;
use crate::codec::media_type::Refusal;
use crate::credentials::{Mint, Session, problem, without_secrets};
use crate::model::{
    Arguments, BeyondKind, BeyondRequest, Call, Caller, Deed, PresentedCredentials, Quirks, SystemModel, SystemResponse,
};
use crate::status::AccountStatus;

mod discovery;
mod filter;
mod patch;
mod user;
mod ways;

/// A user of the SCIM service, `jane@acme.example`.
pub const USER: &str = "2819c223-7f76-453a-919d-413861904646";
/// A second user of the SCIM service, `joe@acme.example`.
pub const SECOND_USER: &str = "c75ad752-64ae-4823-840d-ffa80929976c";

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/ScimUserId",
    user_schema: Some("/components/schemas/ScimUser"),
    id_member: Some("id"),
    own_members: &["version", "created", "modified"],
    // RFC 7644, section 3.8: `application/json` should be taken as well.
    media_type: Refusal { status: 400, of_accept: false, of_plain_json: false },
    beyond: |request| Beyond::of(request).map_or(BeyondKind::Unknown, |beyond| beyond.kind()),
};

/// SCIM credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// A token that may change accounts.
    pub token: String,
    /// One that may not: refused with 403.
    pub unentitled_token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Scim {
    ways: Ways,
    tokens: Vec<Session>,
    users: Users<String, User>,
    /// The number of users that were created by a call.
    #[serde(skip_serializing_if = "is_zero")]
    created: u64,
    /// The ids by user name, in lower case.
    #[serde(skip)]
    names: Users<(String, String), ()>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for Scim {
    fn default() -> Self {
        Scim {
            ways: Ways::default(),
            tokens: vec![Session::of("mock-scim-token", true), Session::of("mock-scim-unentitled-token", false)],
            users: Users::from_iter([
                (USER.to_owned(), User::of("jane@acme.example", "Jane Doe", "4711")),
                (SECOND_USER.to_owned(), User::of("joe@acme.example", "Joe Bloggs", "4712")),
            ]),
            created: 0,
            names: Users::default(),
        }
    }
}

/// The attributes that a response shall have (RFC 7644, section 3.9).
#[derive(Clone, Copy, Default)]
struct Wanted<'a> {
    /// These, and no others.
    only: Option<&'a str>,
    /// All but these.
    without: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(asked: &'a Arguments) -> Wanted<'a> {
        Wanted { only: asked.given("attributes"), without: asked.given("excludedAttributes") }
    }

    fn has(self, name: &str) -> bool {
        let of_name = |asked: &str| {
            let asked = user::attribute(asked).to_lowercase();
            // `meta` may be asked for in part.
            asked.split('.').next() == Some(&*name.to_lowercase())
        };
        let listed = |list: &str| list.split(',').any(of_name);
        self.only.is_none_or(listed) && !self.without.is_some_and(listed)
    }
}

/// What to list.
struct Search<'a> {
    filter: Option<&'a str>,
    start: Option<i64>,
    count: Option<i64>,
    wanted: Wanted<'a>,
}

impl<'a> Search<'a> {
    fn of(asked: &'a Arguments) -> Search<'a> {
        let (start, count) = (asked.given_number("startIndex"), asked.given_number("count"));
        Search { filter: asked.given("filter"), start, count, wanted: Wanted::of(asked) }
    }
}

/// Why a request is refused, in the words of SCIM.
struct Refused {
    status: u16,
    /// The code for programs; empty for none.
    scim_type: &'static str,
    detail: String,
}

impl Refused {
    fn new(status: u16, scim_type: &'static str, detail: impl Into<String>) -> Refused {
        Refused { status, scim_type, detail: detail.into() }
    }
}

impl Scim {
    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        let token = |entitled| Session::first(&self.tokens, entitled);
        Credentials { token: token(true), unentitled_token: token(false) }
    }

    /// Returns the refusal as the service writes it.
    fn refusal(&self, Refused { status, scim_type, detail }: Refused) -> SystemResponse {
        if status == 404 && self.ways.errors == Errors::Html {
            let page = format!("<!doctype html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>{detail}</p>\n");
            return SystemResponse::observed(404, "text/html; charset=utf-8", page.into());
        }
        let mut body = json!({ "schemas": [ERROR], "status": status.to_string(), "detail": detail });
        if !scim_type.is_empty() {
            body["scimType"] = scim_type.into();
        }
        SystemResponse::of(status, body)
    }

    /// The version of a user, as it is in `ETag`; `None` if the service has none.
    fn version(&self, user: &User) -> Option<String> {
        match self.ways.etag {
            Etag::Versions => Some(format!("W/\"{}\"", user.version)),
            Etag::Seconds => Some(format!("W/\"{}\"", user.modified.as_second())),
            Etag::None => None,
        }
    }

    /// A user as the service shows it, with the attributes that are wanted.
    fn shown(&self, id: &str, user: &User, wanted: Wanted<'_>) -> Value {
        let mut all = user.attributes();
        all.insert("id".to_owned(), id.into());
        all.insert("meta".to_owned(), self.meta(id, user));
        if self.ways.strings.are_sent()
            && let Some(Value::Bool(active)) = all.get("active")
        {
            let text = if *active { "True" } else { "False" };
            all.insert("active".to_owned(), text.into());
        }
        all.retain(|name, _| name == "id" || wanted.has(name));
        all.insert("schemas".to_owned(), json!([USER_SCHEMA]));
        all.into()
    }

    fn meta(&self, id: &str, user: &User) -> Value {
        let mut meta = json!({
            "resourceType": "User",
            "created": user.created,
            "lastModified": user.modified,
            "location": format!("{BASE}/Users/{id}"),
        });
        if let Some(version) = self.version(user) {
            meta["version"] = version.into();
        }
        meta
    }

    /// The response that shows a user.
    fn show(&self, status: u16, id: &str, user: &User, wanted: Wanted<'_>) -> SystemResponse {
        self.tagged(self.response(status, self.shown(id, user, wanted)), user)
    }

    /// A response with users in it. Strings in the place of booleans are none of the contract's.
    fn response(&self, status: u16, body: Value) -> SystemResponse {
        match self.ways.strings.are_sent() {
            true => SystemResponse::observed(status, MEDIA_TYPE, body),
            false => SystemResponse::of(status, body),
        }
    }

    fn tagged(&self, response: SystemResponse, user: &User) -> SystemResponse {
        match self.version(user) {
            Some(version) => response.with_header(header::ETAG, version),
            None => response,
        }
    }

    /// Lists the users that a filter names; all of them if there is none, or if the service passes over it.
    fn find(&self, search: &Search<'_>) -> Result<SystemResponse, Refused> {
        let filter = match search.filter.filter(|_| self.ways.filter == Filter::Heeded) {
            Some(filter) => Some(filter::Filter::read(filter)?),
            None => None,
        };
        let found: Vec<(&String, &User)> = match &filter {
            // As good as every lookup is by name.
            Some(filter) => match filter.user_name() {
                Some(name) => self.named(name).collect(),
                None => self.users.iter().filter(|(id, user)| filter.is_met(id, user)).collect(),
            },
            None => self.users.iter().collect(),
        };
        let number = |number: i64| usize::try_from(number).unwrap_or(0);
        let start = search.start.map_or(1, number).max(1);
        let count = search.count.map_or(MOST, number).min(MOST);
        let page = found.iter().skip(start - 1).take(count);
        let listed: Vec<Value> = page.map(|(id, user)| self.shown(id, user, search.wanted)).collect();
        Ok(self.response(200, discovery::list(found.len(), start, listed)))
    }

    /// The users of a name.
    fn named(&self, name: &str) -> impl Iterator<Item = (&String, &User)> {
        let name = name.to_lowercase();
        let from = (name.clone(), String::new());
        let known = self.names.range(from..).take_while(move |((known, _), ())| *known == name);
        known.filter_map(|((_, id), ())| self.users.get_key_value(id))
    }

    /// Refuses a name that another user has.
    fn check_name(&self, name: &str, id: &str) -> Result<(), Refused> {
        match self.named(name).any(|(other, _)| other != id) {
            true => Err(Refused::new(409, "uniqueness", "userName is taken")),
            false => Ok(()),
        }
    }

    fn insert(&mut self, id: String, user: User) {
        let name = user.user_name.to_lowercase();
        let before = self.users.get(&id).map(|before| before.user_name.to_lowercase());
        if let Some(before) = before.filter(|before| *before != name) {
            self.names.remove_mut(&(before, id.clone()));
        }
        self.names.insert_mut((name, id.clone()), ());
        self.users.insert_mut(id, user);
    }

    /// Refuses a change of a user who is not of the version that the caller knows.
    fn check_version(&self, user: &User, asked: &Arguments) -> Result<(), Refused> {
        let (Some(wanted), Some(version)) = (asked.given("If-Match"), self.version(user)) else { return Ok(()) };
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        match wanted == "*" || opaque(wanted) == opaque(&version) {
            true => Ok(()),
            false => Err(Refused::new(412, "", "the user was changed since")),
        }
    }

    /// Makes a user what the caller asks for.
    fn change(
        &mut self,
        id: &str,
        now: Timestamp,
        asked: &Arguments,
        patches: bool,
    ) -> Result<SystemResponse, Refused> {
        let Some(user) = self.users.get(id) else { return Err(no_such_user()) };
        self.check_version(user, asked)?;
        let mut changed = match patches {
            true => patch::applied(user, &asked.body, self.ways.strings)?,
            false => User {
                version: user.version,
                created: user.created,
                modified: user.modified,
                ..User::read(&asked.body)?
            },
        };
        self.check_name(&changed.user_name, id)?;
        if changed != *user {
            changed.version += 1;
            changed.modified = now;
        }
        let deleted = changed.active == Some(false) && self.ways.disable == Disable::Deletes;
        let answer = match patches && self.ways.change == Change::NoContent {
            true => self.tagged(SystemResponse::of(204, Value::Null), &changed),
            false => self.show(200, id, &changed, Wanted::default()),
        };
        match deleted {
            true => _ = self.remove(id),
            false => self.insert(id.to_owned(), changed),
        }
        Ok(answer)
    }

    fn answer(&mut self, call: &Call<'_>) -> Result<SystemResponse, Refused> {
        let (asked, id) = (call.asked, call.asked.path("id"));
        match call.operation.id.as_str() {
            "getScimConfig" => Ok(SystemResponse::of(200, discovery::config(self.ways))),
            "findScimUsers" => self.find(&Search::of(asked)),
            "patchScimUser" if self.ways.patch.is_absent() => {
                Err(Refused::new(501, "", "the service has no PATCH; replace the user"))
            }
            "patchScimUser" => self.change(&id, call.now, asked, true),
            "replaceScimUser" => self.change(&id, call.now, asked, false),
            _ => {
                let Some(user) = self.users.get(&id) else { return Err(no_such_user()) };
                Ok(self.show(200, &id, user, Wanted::of(asked)))
            }
        }
    }

    /// Creates a user.
    fn create(&mut self, body: &[u8], now: Timestamp) -> Result<Deed, Refused> {
        let body = body_of(body)?;
        let user = User { version: 1, created: now, modified: now, ..User::read(&body)? };
        self.check_name(&user.user_name, "")?;
        // A world's document may have given one of these ids to somebody.
        let id = loop {
            self.created += 1;
            let id = format!("00000000-0000-4000-8000-{:012x}", self.created);
            if !self.users.contains_key(&id) {
                break id;
            }
        };
        let location = format!("{BASE}/Users/{id}");
        let answer = self.show(201, &id, &user, Wanted::default()).with_header(header::LOCATION, location);
        Ok(Deed::Put(id, json!(user), answer))
    }

    /// What is to be done for a request that no operation is for.
    fn deed(&mut self, request: &BeyondRequest<'_>, now: Timestamp) -> Result<Deed, Refused> {
        let answer = |body: Option<Value>| match body {
            Some(body) => Ok(Deed::Answer(SystemResponse::of(200, body))),
            None => Err(no_such_resource()),
        };
        match Beyond::of(request) {
            Some(Beyond::Create) => self.create(request.body, now),
            Some(Beyond::Search) => self.search(request.body).map(Deed::Answer),
            Some(Beyond::Delete(id)) if self.users.contains_key(&id) => {
                Ok(Deed::Remove(id, SystemResponse::of(204, Value::Null)))
            }
            Some(Beyond::Delete(_)) => Err(no_such_user()),
            Some(Beyond::Schemas) => answer(Some(discovery::whole_list(discovery::schemas()))),
            Some(Beyond::Schema(id)) => answer(discovery::schema(&id)),
            Some(Beyond::ResourceTypes) => answer(Some(discovery::whole_list(vec![discovery::resource_type()]))),
            Some(Beyond::ResourceType(id)) => answer((id == "User").then(discovery::resource_type)),
            Some(Beyond::OtherMethod) => Err(Refused::new(405, "", "there is GET only")),
            Some(Beyond::Nothing) | None => Err(no_such_resource()),
        }
    }

    /// Lists users, as the body of a request asks for (RFC 7644, section 3.4.3).
    fn search(&self, body: &[u8]) -> Result<SystemResponse, Refused> {
        let body = body_of(body)?;
        let list = |name: &str| {
            let names = body[name].as_array()?.iter().filter_map(Value::as_str);
            Some(names.collect::<Vec<_>>().join(","))
        };
        let (only, without) = (list("attributes"), list("excludedAttributes"));
        self.find(&Search {
            filter: body["filter"].as_str(),
            start: body["startIndex"].as_i64(),
            count: body["count"].as_i64(),
            wanted: Wanted { only: only.as_deref(), without: without.as_deref() },
        })
    }
}

/// What SCIM has, and the contract has not.
enum Beyond {
    Create,
    Search,
    Delete(String),
    Schemas,
    Schema(String),
    ResourceTypes,
    ResourceType(String),
    /// A resource that can only be read.
    OtherMethod,
    /// No resource of the service.
    Nothing,
}

impl Beyond {
    fn of(request: &BeyondRequest<'_>) -> Option<Beyond> {
        let decoded = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let mut segments = request.path.trim_matches('/').split('/');
        let (resource, id) = (segments.next()?, segments.next().map(decoded));
        if segments.next().is_some() {
            return (!request.known_path).then_some(Beyond::Nothing);
        }
        match (request.method, resource, id) {
            (&Method::POST, "Users", None) => Some(Beyond::Create),
            (&Method::POST, ".search", None) => Some(Beyond::Search),
            (&Method::POST, "Users", Some(id)) if id == ".search" => Some(Beyond::Search),
            (&Method::DELETE, "Users", Some(id)) => Some(Beyond::Delete(id)),
            (&Method::GET, "Schemas", None) => Some(Beyond::Schemas),
            (&Method::GET, "Schemas", Some(id)) => Some(Beyond::Schema(id)),
            (&Method::GET, "ResourceTypes", None) => Some(Beyond::ResourceTypes),
            (&Method::GET, "ResourceTypes", Some(id)) => Some(Beyond::ResourceType(id)),
            (_, "Schemas" | "ResourceTypes", _) => Some(Beyond::OtherMethod),
            _ if !request.known_path => Some(Beyond::Nothing),
            _ => None,
        }
    }

    fn kind(&self) -> BeyondKind {
        match self {
            Beyond::OtherMethod | Beyond::Nothing => BeyondKind::Refused,
            _ => BeyondKind::Known,
        }
    }
}

/// The body of a request that no operation is for.
fn body_of(body: &[u8]) -> Result<Value, Refused> {
    text::read(body).map_err(|problem| Refused::new(400, "invalidSyntax", format!("the body {problem}")))
}

fn no_such_resource() -> Refused {
    Refused::new(404, "", "there is no such resource")
}

fn no_such_user() -> Refused {
    Refused::new(404, "", "no such user")
}

impl SystemModel for Scim {
    fn authenticate(
        &self,
        _: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        match presented.get("scimToken").and_then(|sent| Session::find(&self.tokens, sent)) {
            Some(token) if token.expired(now) => Err(self.refuse(401, "the token has expired")),
            Some(token) if token.entitled => Ok(Caller::ANYBODY),
            Some(_) => Err(self.refuse(403, "the token may not do this")),
            None => Err(self.refuse(401, "the token is not valid")),
        }
    }

    fn user_of(&self, asked: &Arguments) -> String {
        // Who is looked for by name, if there is exactly one.
        let filter = asked.given("filter").and_then(|filter| filter::Filter::read(filter).ok());
        match filter.as_ref().and_then(filter::Filter::user_name) {
            Some(name) => {
                let mut named = self.named(name);
                named.next().filter(|_| named.next().is_none()).map(|(id, _)| id.clone()).unwrap_or_default()
            }
            None => asked.path("id"),
        }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
        self.answer(call).map_err(|refused| self.refusal(refused))
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        let scim_type = match status {
            400 if message.starts_with("/query/filter") => "invalidFilter",
            400 => "invalidSyntax",
            _ => "",
        };
        self.refusal(Refused::new(status, scim_type, message))
    }

    fn understands(&self, operation: &Operation, asked: &Arguments, violation: &Violation) -> bool {
        match operation.id.as_str() {
            "patchScimUser" => violation.location.starts_with("/body") && patch::is_one(&asked.body, self.ways.strings),
            "findScimUsers" if violation.location == "/query/filter" => {
                asked.given("filter").is_some_and(|filter| filter::Filter::read(filter).is_ok())
            }
            _ => false,
        }
    }

    fn beyond(&mut self, request: &BeyondRequest<'_>, now: Timestamp) -> Result<Deed, SystemResponse> {
        self.deed(request, now).map_err(|refused| self.refusal(refused))
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().cloned().collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(user)?;
        Some(AccountStatus { enabled: user.active, ..AccountStatus::default() })
    }

    fn room(&self, user: &str, _: Option<&AccountStatus>) -> usize {
        self.get(user).as_ref().map_or(0, bounds::room_of_user)
    }

    fn get(&self, user: &str) -> Option<Value> {
        self.users.get(user).map(|user| json!(user))
    }

    fn put(&mut self, user: &str, value: &Value) -> Result<(), String> {
        let mut read: User = super::user(value)?;
        read.fill(user);
        self.insert(user.to_owned(), read);
        Ok(())
    }

    fn remove(&mut self, user: &str) -> bool {
        let Some(known) = self.users.get(user) else { return false };
        let name = (known.user_name.to_lowercase(), user.to_owned());
        self.names.remove_mut(&name);
        self.users.remove_mut(user)
    }

    fn fill_defaults(&mut self) {
        let filled = |(id, user): (&String, &User)| {
            let mut user = user.clone();
            user.fill(id);
            (id.clone(), user)
        };
        self.users = self.users.iter().map(filled).collect();
        let name = |(id, user): (&String, &User)| ((user.user_name.to_lowercase(), id.clone()), ());
        self.names = self.users.iter().map(name).collect();
    }

    fn sample(&self, base_url: &str, now: Timestamp) -> Option<String> {
        let token = Session::working(&self.tokens, now)?.replace('\'', "'\\''");
        let (id, _) = self.users.first()?;
        let insecure = if base_url.starts_with("https") { " --insecure" } else { "" };
        Some(format!(
            "curl{insecure} -X PATCH -H 'Authorization: Bearer {token}' -H 'Content-Type: {MEDIA_TYPE}' \\\n      \
             -d '{{\"schemas\": [\"{}\"], \"Operations\": [{{\"op\": \"replace\", \"path\": \"active\", \"value\": false}}]}}' \\\n      \
             {base_url}/Users/{id}",
            patch::MESSAGE
        ))
    }

    fn secrets(&self) -> Vec<&str> {
        self.tokens.iter().map(|token| token.token.as_str()).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        problem(self.secrets())
    }

    fn credentials(&self, now: Timestamp) -> Value {
        Session::working(&self.tokens, now).map_or_else(|| json!({}), |token| json!({ "bearer": token }))
    }

    fn mint(&mut self, mint: &Mint, now: Timestamp, number: u64) -> Result<Value, String> {
        if mint.user.is_some() {
            return Err("a token is of no user; leave `user` out".to_owned());
        }
        // RFC 6750 recommends an hour at most.
        let expires = Some(mint.expiry(now, 60 * 60));
        let token = Session { token: format!("mock-scim-made-{number}"), entitled: mint.entitled, expires };
        let listed = json!({ "bearer": token.token });
        self.tokens.push(token);
        Ok(listed)
    }
}

/// The media type of SCIM.
const MEDIA_TYPE: &str = "application/scim+json";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The path before `/Users`.
const BASE: &str = "/scim/v2";

/// The most users that are listed at once, as `filter.maxResults` of the service says.
const MOST: usize = 100;
