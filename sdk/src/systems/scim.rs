//! SCIM 2.0: enable and disable, in any service that speaks it (RFC 7643, RFC 7644).

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::client::auth::CredentialInput;
use crate::client::config::{Config, Peer, config_setters};
use crate::dialect::{
    Before, Conventions, Dialect, Fact, HttpCredentials, HttpSystem, ReadFirst, Request, Response, Verdict,
};
use crate::model::change::{Change, StatusChange};
use crate::model::conclusion::Conclusion;
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::id::check_string;
use crate::model::kind::SystemKind;
use crate::model::open_enum::UnknownValue;
use crate::model::status::AccountStatus;
use crate::seam::convert::ErrorBody;
use crate::seam::hooks;
use crate::system::{Capabilities, Consistency, DisableEffect};
use crate::systems::operations::repeatable;

pub use crate::generated::scim::{Client, builder, types};
pub use crate::generated::values::{ScimPatchOp, ScimPatchPath, ScimUserId};

/// A SCIM 2.0 service, and the credentials for it.
///
/// An account is named by its `id`, or as `userName:jane@acme.example` or `externalId:4711`: then it is looked up, once, before
/// anything else is sent, and counts only if exactly one user has that name. Whether the service has `PATCH`, and versions that
/// make a change conditional, is asked once (`/ServiceProviderConfig`).
///
/// What *disabled* means is the service's own: SCIM has a record of it, `active`, and says nothing about signing in.
///
/// ```
/// use user_status::systems::scim::{Credentials, Scim};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn disable() -> user_status::Result<()> {
/// let idp = Scim::builder()
///     .base_url("https://idp.acme.example/scim/v2")
///     .credentials(Credentials::bearer("…"))
///     .build()?;
/// let receipt = idp.apply_and_verify("userName:jane@acme.example", &StatusChange::disable()).await?;
/// println!("{}: {} ({})", receipt.proof, receipt.status, receipt.account);
/// # Ok(())
/// # }
/// ```
///
/// # What is sent
/// `PATCH /Users/{id}` with one operation, `{"op": "replace", "path": "active", "value": false}`: the form that every service
/// takes. Where [`Method`] or the service says that there is no `PATCH`, the user is read whole, `active` is set in it, and it is
/// sent back by `PUT`. The account is read first, and an account that is as asked is not changed. If the service says that it
/// has versions, and its responses bear that out (`meta.version` is the `ETag`), the change carries `If-Match`: it is not carried
/// out if the account was changed since. A 412 alone leaves open by whom, and
/// [`apply_and_verify`](crate::AccountSystem::apply_and_verify) reads the account then.
pub type Scim = HttpSystem<Api>;

/// The credentials of a SCIM service: a bearer token, as a rule.
pub type Credentials = HttpCredentials;

/// The dialect of a service.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    preset: Preset,
    method: Option<Method>,
    allow_blind_put: bool,
    consistency: Consistency,
    disable_effect: DisableEffect,
    discovered: Arc<OnceLock<Discovered>>,
}

/// The way in which a service takes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// `PATCH` of one attribute.
    Patch,
    /// `PUT` of the whole user, as it was read.
    Put,
}

/// The ways of a service that it does not say of itself.
///
/// | preset | what is so there | source |
/// |---|---|---|
/// | `STANDARD` | nothing: as the RFC says | RFC 7644 |
/// | `ENTRA` | no `PUT`; 400 for an id that is not there | profile `entra` of `scim-sanity` 0.7.4 |
/// | `FORTIAUTHENTICATOR` | JSON is labelled `text/html` | profile `fortiauthenticator` of `scim-sanity` 0.7.4 |
/// | `GITHUB_ORGANIZATION` | disabling removes the member, and its id | GitHub's documentation of SCIM for organizations |
/// | `OPEN_WEBUI` | disabling deletes the user | open-webui/open-webui#24501 |
/// | `FLEET` | disabling deletes the user | fleetdm/fleet#52602 |
///
/// Where disabling deletes, a change cannot be [taken back](crate::Capabilities::reversible), and a 404 to the change does not
/// show that nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    name: &'static str,
    method: Option<Method>,
    deletes: bool,
    html: bool,
}

impl Preset {
    /// A service that does as the RFC says, and tells what it can do.
    pub const STANDARD: Preset = Preset { name: "standard", method: None, deletes: false, html: false };
    /// The SCIM service of Microsoft Entra.
    pub const ENTRA: Preset = Preset { name: "entra", method: Some(Method::Patch), ..Preset::STANDARD };
    /// FortiAuthenticator.
    pub const FORTIAUTHENTICATOR: Preset = Preset { name: "fortiauthenticator", html: true, ..Preset::STANDARD };
    /// An organization of GitHub. Enterprise managed users are another service, and standard.
    pub const GITHUB_ORGANIZATION: Preset = Preset { name: "github-organization", deletes: true, ..Preset::STANDARD };
    /// Open WebUI.
    pub const OPEN_WEBUI: Preset = Preset { name: "open-webui", deletes: true, ..Preset::STANDARD };
    /// Fleet.
    pub const FLEET: Preset = Preset { name: "fleet", deletes: true, ..Preset::STANDARD };

    /// All, in the order of the table.
    pub const ALL: [Preset; 6] = [
        Preset::STANDARD,
        Preset::ENTRA,
        Preset::FORTIAUTHENTICATOR,
        Preset::GITHUB_ORGANIZATION,
        Preset::OPEN_WEBUI,
        Preset::FLEET,
    ];

    /// Returns the name, such as `github-organization`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The conventions of such a service.
    fn conventions(self) -> Conventions {
        let conventions = match self.html {
            true => CONVENTIONS.with_media_types(&[MEDIA_TYPE, "application/json", "text/html"]),
            false => CONVENTIONS,
        };
        if self.deletes { conventions.with_refusals(REFUSALS_WHERE_DELETED, is_error) } else { conventions }
    }
}

/// Takes the names of the presets, and nothing else.
///
/// ```
/// use user_status::systems::scim::Preset;
///
/// assert_eq!("entra".parse(), Ok(Preset::ENTRA));
/// let error = "azure".parse::<Preset>().unwrap_err();
/// assert!(error.to_string().starts_with("must be one of standard, entra, "));
/// ```
impl FromStr for Preset {
    type Err = UnknownValue;

    fn from_str(name: &str) -> std::result::Result<Preset, UnknownValue> {
        static NAMES: [&str; Preset::ALL.len()] = {
            let (mut names, mut at) = ([""; Preset::ALL.len()], 0);
            while at < names.len() {
                names[at] = Preset::ALL[at].name;
                at += 1;
            }
            names
        };
        let known = Preset::ALL.into_iter().find(|preset| preset.name == name);
        known.ok_or(UnknownValue { known: &NAMES })
    }
}

/// The facts that a service says of itself.
#[derive(Debug, Default)]
struct Discovered {
    patch: Option<bool>,
    etag: bool,
}

pub(crate) const KIND: SystemKind = SystemKind::SCIM;

/// The names by which an account is found, as they stand before the colon.
const LOOKUPS: &[&str] = &["userName", "externalId"];

/// The members of a user that say which one it is, and what its status is. The others are about the person.
const KEPT: &[&str] = &["schemas", "id", "active", "meta", "status", "scimType", "detail"];

const MEDIA_TYPE: &str = "application/scim+json";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The longest id, and the longest name, in characters.
const LONGEST: usize = 256;

impl Scim {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> ScimBuilder {
        ScimBuilder {
            config: Config::default(),
            credentials: None,
            preset: Preset::STANDARD,
            method: None,
            allow_blind_put: false,
            consistency: Consistency::Immediate,
            disable_effect: DisableEffect::Unknown,
        }
    }

    /// Returns the generated typed client. It sends what it is told to, and knows no [`Preset`] but for the media types.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds a [`Scim`]. The base URL is what comes before `/Users`, as in `https://idp.acme.example/scim/v2`.
#[derive(Clone, Debug)]
#[must_use]
pub struct ScimBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
    preset: Preset,
    method: Option<Method>,
    allow_blind_put: bool,
    consistency: Consistency,
    disable_effect: DisableEffect,
}

impl ScimBuilder {
    config_setters!();

    /// Sets the ways of a service that it does not say of itself: none by default.
    pub fn preset(mut self, preset: Preset) -> Self {
        self.preset = preset;
        self
    }

    /// Sets the way in which the service takes a change. By default the service is asked, and has `PATCH` if it does not say.
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Sets whether a user may be replaced whole (`PUT`) by a service that has no versions. It may not by default: what somebody
    /// else changes between the read and the replacement would be lost.
    pub fn allow_blind_put(mut self, allow: bool) -> Self {
        self.allow_blind_put = allow;
        self
    }

    /// Sets when a read shows a change: at once by default.
    pub fn consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// Sets the effect of a disabled account in this service, which SCIM does not say: not known by default.
    pub fn disable_effect(mut self, effect: DisableEffect) -> Self {
        self.disable_effect = effect;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Scim> {
        let peer = Peer { kind: KIND, reads: true, conventions: self.preset.conventions(), representation: None };
        let session =
            self.config.connect(peer, self.credentials, |credentials: &Credentials| credentials.prepare(KIND))?;
        let dialect = Api {
            client: session.client(Client::new_with_client),
            preset: self.preset,
            method: self.method.or(self.preset.method),
            allow_blind_put: self.allow_blind_put,
            consistency: self.consistency,
            disable_effect: self.disable_effect,
            discovered: Arc::default(),
        };
        Ok(HttpSystem { dialect, session })
    }
}

/// The conventions of SCIM's status codes. A 412 is not among them: a request that the network delivers twice is refused the
/// second time because it was carried out the first time, so that the refusal does not show that nothing was changed.
pub(crate) const CONVENTIONS: Conventions = Conventions::new()
    .with_media_types(&[MEDIA_TYPE, "application/json"])
    .with_refusals(REFUSALS, is_error)
    .with_message(|members| {
        let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        text("detail").or_else(|| text("scimType")).map(str::to_owned)
    })
    .with_own_not_found();

/// The status codes that show that nothing was changed. 404 is the last.
const REFUSALS: &[(u16, Conclusion, &str)] = &[
    (400, Conclusion::Refused, RFC),
    (401, Conclusion::Refused, RFC),
    (403, Conclusion::Refused, RFC),
    (409, Conclusion::Refused, RFC),
    (413, Conclusion::Refused, RFC),
    (429, Conclusion::RefusedForNow, RFC_6585),
    (501, Conclusion::Refused, RFC),
    (404, Conclusion::Refused, RFC),
];

/// Those of a service that deletes: what was deleted by the change is not found either.
const REFUSALS_WHERE_DELETED: &[(u16, Conclusion, &str)] = REFUSALS.split_at(REFUSALS.len() - 1).0;

const RFC: &str = "RFC 7644, section 3.12";
const RFC_6585: &str = "RFC 6585, section 4";

hooks!(Client, crate::systems::operation);

impl ErrorBody for types::ScimError {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

/// Returns whether an error body is one of SCIM.
fn is_error(members: &Map<String, Value>) -> bool {
    let schemas = members.get("schemas").and_then(Value::as_array);
    schemas.is_some_and(|all| all.iter().any(|schema| schema.as_str().is_some_and(|s| s.eq_ignore_ascii_case(ERROR))))
}

impl Api {
    /// The way in which a change is made, as far as it is known.
    fn method(&self) -> Method {
        let says_no = self.discovered.get().is_some_and(|discovered| discovered.patch == Some(false));
        self.method.unwrap_or(if says_no { Method::Put } else { Method::Patch })
    }

    /// The version of an account that was read, if the service has versions and means them.
    fn version<'a>(&self, read: &Response<'a>) -> Option<&'a str> {
        self.discovered.get().filter(|discovered| discovered.etag)?;
        let tag = read.header("etag")?;
        let named = read.member("meta")?.get("version")?.as_str()?;
        (named == tag).then_some(tag)
    }

    fn patch<'a>(&'a self, user: &str, active: bool, version: Option<&str>) -> Result<Request<'a>> {
        let id: ScimUserId = user.parse()?;
        let operation =
            types::ScimPatchOperation { op: ScimPatchOp::Replace, path: ScimPatchPath::Active, value: active };
        let body = types::ScimPatch { schemas: vec![PATCH_OP.to_owned()], operations: vec![operation] };
        let call = self.client.patch_scim_user().id(id).body(body);
        let call = match version {
            Some(version) => call.if_match(version),
            None => call,
        };
        Ok(Request::generated(call.send()))
    }

    /// The user as it was read, with `active` set.
    fn put<'a>(&self, user: &str, active: bool, read: &Response<'_>) -> Result<Request<'a>> {
        let whole = read.raw().and_then(|raw| raw.seen()).and_then(Value::as_object);
        let Some(whole) = whole.filter(|whole| whole.contains_key("userName")) else {
            let why = "the service does not show the whole user, and replacing it would lose the rest";
            return Err(Error::new(ErrorKind::UnexpectedResponse, KIND, why).with_applied(Applied::No));
        };
        let mut whole: Map<String, Value> = whole.clone();
        whole.remove("meta");
        whole.retain(|name, _| !name.eq_ignore_ascii_case("active"));
        whole.insert("active".to_owned(), active.into());
        Ok(scim(Request::put(&["Users", user])).with_json(&whole))
    }
}

/// A request with the media types of SCIM.
fn scim(request: Request<'_>) -> Request<'_> {
    request.with_header(ACCEPT.as_str(), MEDIA_TYPE).with_header(CONTENT_TYPE.as_str(), MEDIA_TYPE)
}

/// A request that reads, of the attributes that are needed and no others.
fn get<'a>(segments: &[&str], attributes: &str) -> Request<'a> {
    Request::get(segments).with_header(ACCEPT.as_str(), MEDIA_TYPE).with_query("attributes", attributes)
}

/// The attribute and the name to look for; `None` for an id.
fn lookup(user: &str) -> Option<(&'static str, &str)> {
    LOOKUPS.iter().find_map(|name| Some((*name, user.strip_prefix(name)?.strip_prefix(':')?)))
}

/// Returns whether an attribute of a user is the one that was asked for. `userName` is not case-sensitive (RFC 7643, section
/// 4.1.1); `externalId` is (section 3.1).
fn is_named(attribute: &str, found: &str, asked: &str) -> bool {
    match attribute {
        "userName" => found.to_lowercase() == asked.to_lowercase(),
        _ => found == asked,
    }
}

/// Returns whether a response has a user in it. Every resource has `schemas` and an `id` (RFC 7643, section 3).
fn is_user(response: &Response<'_>) -> bool {
    response.member("schemas").is_some() || response.member("id").is_some()
}

/// Returns what a response says of the account. What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | a 204, or a user; proved by `active` | that `active` is another |
/// | read | a user with `active` | – |
///
/// `active` is a boolean; some services write it as a string, `"True"`.
fn account(response: &Response<'_>) -> AccountStatus {
    let mut status = AccountStatus::default();
    status.enabled = match response.fact("active", &[""]) {
        Fact::Is(Value::Bool(active)) => Some(*active),
        Fact::Is(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
        Fact::Is(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
        fact => response.not_understood("active", fact, &mut status),
    };
    status
}

impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Enable, Change::Disable])
            .with_reads(true)
            .with_lookups(LOOKUPS)
            .with_reversible(!self.preset.deletes)
            .with_consistency(self.consistency)
            .with_disable_effect(self.disable_effect)
    }

    fn conventions(&self) -> Conventions {
        self.preset.conventions()
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        repeatable(KIND, change.change(), None)
    }

    fn read_first(&self, _: &StatusChange) -> ReadFirst {
        ReadFirst::SkipIfSo
    }

    fn change_request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        before: Option<&Before<'_>>,
    ) -> Result<Request<'a>> {
        check_string(KIND, "user id", user, LONGEST)?;
        let active = change.change() == Change::Enable;
        let Some(read) = before.and_then(Before::response) else { return self.patch(user, active, None) };
        let version = self.version(read);
        let request = match self.method() {
            Method::Patch => return self.patch(user, active, version),
            Method::Put if version.is_none() && !self.allow_blind_put => {
                let why = "the service has no PATCH and no versions, so that a change replaces the whole user and can undo what \
                           somebody else changes meanwhile; `allow_blind_put` allows that";
                return Err(Error::new(ErrorKind::Unsupported, KIND, why));
            }
            Method::Put => self.put(user, active, read)?,
        };
        Ok(match version {
            Some(version) => request.with_header("if-match", version),
            None => request,
        })
    }

    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>> {
        check_string(KIND, "user id", user, LONGEST)?;
        Ok(get(&["Users", user], "id,active,meta"))
    }

    fn before_request<'a>(&'a self, user: &'a str, _: &'a StatusChange) -> Result<Request<'a>> {
        match self.method() {
            Method::Patch => self.read_request(user),
            Method::Put => {
                check_string(KIND, "user id", user, LONGEST)?;
                Ok(Request::get(&["Users", user]).with_header(ACCEPT.as_str(), MEDIA_TYPE))
            }
        }
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        if is_user(response) { Verdict::Proof(account(response)) } else { Verdict::NOTHING }
    }

    fn change_verdict(&self, _: &StatusChange, _: Option<&AccountStatus>, response: &Response<'_>) -> Verdict {
        if response.status() != 204 && !is_user(response) {
            return Verdict::NOTHING;
        }
        // 204 says that it was done, and so does a user without `active`; neither shows it.
        match account(response) {
            status if status == AccountStatus::default() => Verdict::Yes(status),
            status => Verdict::Proof(status),
        }
    }

    fn lookup_request<'a>(&'a self, user: &'a str) -> Result<Option<Request<'a>>> {
        let Some((attribute, name)) = lookup(user) else { return Ok(None) };
        if name.trim().is_empty() || name.contains(char::is_control) || name.chars().count() > LONGEST {
            let why = format!("a {attribute} has 1 to {LONGEST} characters, none of them a control character");
            return Err(Error::invalid_input(KIND, why));
        }
        // A string of a filter is one of JSON (RFC 7644, section 3.4.2.2). Without `count`: Canaille 0.3.6 fails on it, and who
        // heeds the filter has no more to say.
        let filter = format!("{attribute} eq {}", Value::from(name));
        let request = get(&["Users"], &format!("id,{attribute}")).with_query("filter", filter);
        Ok(Some(request))
    }

    fn found(&self, user: &str, response: &Response<'_>) -> Result<String> {
        let unclear = |why: &str| Err(Error::new(ErrorKind::UnexpectedResponse, KIND, why));
        let Some((attribute, name)) = lookup(user) else { return unclear("nothing was looked for") };
        let total = response.member("totalResults").and_then(Value::as_u64);
        let members = ["Resources", "resources"].into_iter().filter_map(|name| response.member(name));
        let listed = match members.into_iter().find(|member| !member.is_null()) {
            Some(Value::Array(listed)) => listed.as_slice(),
            None if total == Some(0) => &[],
            _ => return unclear("the response to the lookup is no list of users"),
        };
        let is_asked = |user: &&Value| user[attribute].as_str().is_some_and(|found| is_named(attribute, found, name));
        let mut matching = listed.iter().filter(is_asked);
        match (matching.next(), matching.next()) {
            (Some(_), Some(_)) => {
                let why = format!("more than one user has this {attribute}; name the account by its id");
                Err(Error::invalid_input(KIND, why))
            }
            // What is not in the list may have the name, too.
            (_, None) if total.is_none_or(|total| total > listed.len() as u64) => {
                let why = format!(
                    "the service passes over the filter, and answers with users of another {attribute}; name the account by \
                     its id"
                );
                unclear(&why)
            }
            (Some(user), None) => match user["id"].as_str() {
                Some(id) => Ok(id.to_owned()),
                None => unclear("the user that was found has no id"),
            },
            (None, _) => {
                let why = format!("no user has this {attribute}, or the service does not look for it");
                Err(Error::new(ErrorKind::NotFound, KIND, why))
            }
        }
    }

    fn discovery_request(&self) -> Option<Request<'_>> {
        let request = Request::get(&["ServiceProviderConfig"]).with_header(ACCEPT.as_str(), MEDIA_TYPE);
        self.discovered.get().is_none().then_some(request)
    }

    fn discovered(&self, response: Option<&Response<'_>>) {
        let supported = |name: &str| response?.member(name)?.get("supported")?.as_bool();
        let discovered = Discovered { patch: supported("patch"), etag: supported("etag") == Some(true) };
        let _ = self.discovered.set(discovered);
    }

    fn kept_members(&self) -> Option<&'static [&'static str]> {
        Some(KEPT)
    }
}
