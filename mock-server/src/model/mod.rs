//! What a system is to the engine: the seam between what all share and what each does in its own way.

use std::borrow::Cow;

use http::{HeaderName, Method};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use user_status_openapi::Operation;
use user_status_openapi::validate::Violation;

use crate::codec::media_type::Refusal;
use crate::credentials::Mint;
use crate::status::AccountStatus;

mod arguments;
mod presented;

pub(crate) use arguments::Arguments;
pub(crate) use presented::PresentedCredentials;

/// A system: its users, who may call, and what each operation does. It is a state machine; the engine has already found
/// the operation and held the request to the contract.
pub(crate) trait SystemModel {
    /// Returns who calls.
    ///
    /// # Errors
    /// The refusal, as the system gives it.
    fn authenticate(
        &self,
        operation: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse>;

    /// The user that a request is about.
    fn user_of(&self, asked: &Arguments) -> String;

    /// Does what a valid request of an authenticated caller asks: changes an account, or reads it.
    ///
    /// # Errors
    /// The refusal, as the system gives it; then nothing was changed.
    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse>;

    /// A refusal in the system's own shape.
    fn refuse(&self, status: u16, message: &str) -> SystemResponse;

    /// Returns whether the system takes what violates the contract here: its own standard says more than the contract, which has
    /// what a client should send.
    fn understands(&self, _operation: &Operation, _asked: &Arguments, _violation: &Violation) -> bool {
        false
    }

    /// Returns what is to be done for a request of an authenticated caller that is below the system's base path, and that no
    /// operation is for.
    ///
    /// # Errors
    /// The refusal, as the system gives it.
    fn beyond(&mut self, _request: &BeyondRequest<'_>, _now: Timestamp) -> Result<Deed, SystemResponse> {
        Err(self.refuse(404, "there is no such resource"))
    }

    /// Returns the number of bytes of what calls can change of a user, given the user's status.
    fn room(&self, _user: &str, status: Option<&AccountStatus>) -> usize {
        status.and_then(|status| status.suspended.as_ref()?.reason.as_ref()).map_or(0, String::len)
    }

    /// The id of the tenant, where names on the wire depend on one.
    fn tenant(&self) -> Option<&str> {
        None
    }

    /// The ids of all users.
    fn users(&self) -> Vec<String>;

    /// Returns the number of users.
    fn count(&self) -> usize;

    /// Returns what an account is; `None` if there is no such user.
    fn status(&self, user: &str) -> Option<AccountStatus>;

    /// A user as the world's document has it.
    fn get(&self, user: &str) -> Option<Value>;

    /// Adds or replaces a user.
    ///
    /// # Errors
    /// What is wrong with the user, and what would be right.
    fn put(&mut self, user: &str, value: &Value) -> Result<(), String>;

    /// Removes a user. Says whether there was one.
    fn remove(&mut self, user: &str) -> bool;

    /// The user signs in: what the system does then and not before.
    fn sign_in(&mut self, _user: &str, _now: Timestamp) {}

    /// Behaves as documented or as observed from now on, where the two differ.
    fn set_fidelity(&mut self, _fidelity: Fidelity) {}

    /// A call that works, as a command for a shell, to the system at this base URL; `None` if it has none to show.
    fn sample(&self, _base_url: &str, _now: Timestamp) -> Option<String> {
        None
    }

    /// Fills in what a document may leave out, such as the tokens themselves.
    fn fill_defaults(&mut self) {}

    /// All credentials, also those that have expired or are not entitled.
    fn secrets(&self) -> Vec<&str>;

    /// Returns what is wrong with the credentials of a document, if anything is.
    fn problem(&self) -> Option<&'static str>;

    /// Credentials that work, by the name under which they travel.
    fn credentials(&self, now: Timestamp) -> Value;

    /// Makes credentials, by the name under which they travel.
    ///
    /// # Errors
    /// Why the system has no such credentials.
    fn mint(&mut self, mint: &Mint, now: Timestamp, number: u64) -> Result<Value, String>;
}

/// The fidelity of a system: to its documentation, or to its observed behaviour.
///
/// | system | observed |
/// |---|---|
/// | userdocks | a refusal of what was asked is a 200 with `{"kind": "errors", "itemsLength", "errors": [{"message"}]}` |
/// | mediconnect | a missing `isActive` is flipped; the reason is not required; a change answers `{"message", "user"}`; a token that is not valid gets 403 |
/// | scim | services differ from each other: each deviation has a name of its own, in the world's document under `ways` |
/// | the others | no deviation is known |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// As the source document says.
    #[default]
    Documented,
    /// As the deployed system, or its published code, does.
    Observed,
}

/// The fixed facts about one system.
#[derive(Debug)]
pub(crate) struct Quirks {
    /// JSON pointer to the contract's schema of ids.
    pub(crate) id_schema: &'static str,
    /// JSON pointer to the contract's schema of users as the document has them, if there is one.
    pub(crate) user_schema: Option<&'static str>,
    /// The member of a user that has its id.
    pub(crate) id_member: Option<&'static str>,
    /// The members of a user that the document has, and the contract has not.
    pub(crate) own_members: &'static [&'static str],
    /// The way in which it refuses a media type that it does not speak. A decision that the contract records.
    pub(crate) media_type: Refusal,
    /// What it has to say to a request that no operation is for.
    pub(crate) beyond: fn(&BeyondRequest<'_>) -> BeyondKind,
}

/// The caller of an authenticated request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The only user that the caller may change, if the credentials limit it to one.
    pub(crate) only: Option<String>,
}

impl Caller {
    /// A caller that may change every user.
    pub(crate) const ANYBODY: Caller = Caller { only: None };
}

/// An authenticated, valid request.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a Operation,
    /// The time of the request.
    pub(crate) now: Timestamp,
    pub(crate) caller: Caller,
    pub(crate) presented: &'a PresentedCredentials<'a>,
    pub(crate) asked: &'a Arguments,
}

/// A request below the base path of a system that no operation of the contract is for.
pub(crate) struct BeyondRequest<'a> {
    pub(crate) method: &'a Method,
    /// The path below the base path, still encoded.
    pub(crate) path: &'a str,
    /// `true` if the contract has the path, with other methods.
    pub(crate) known_path: bool,
    pub(crate) body: &'a [u8],
}

/// What a system has to say to such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeyondKind {
    /// It has it.
    Known,
    /// It refuses it in its own shape.
    Refused,
    /// Nothing: the mock itself does.
    Unknown,
}

/// What is to be done for such a request.
pub(crate) enum Deed {
    /// Nothing but to answer.
    Answer(SystemResponse),
    /// The user is put there, and then this is answered.
    Put(String, Value, SystemResponse),
    /// The user is removed, and then this is answered.
    Remove(String, SystemResponse),
}

/// A response before it is put into a media type.
#[derive(Clone, Debug)]
pub(crate) struct SystemResponse {
    pub(crate) status: u16,
    /// Null in a response without a body.
    pub(crate) body: Cow<'static, Value>,
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// The media type in which it may leave although the contract does not have it: the system as observed, not as documented.
    /// A text is written as it is, whatever else as JSON.
    pub(crate) off_contract: Option<&'static str>,
}

impl SystemResponse {
    /// A response of the contract.
    pub(crate) fn of(status: u16, body: Value) -> SystemResponse {
        SystemResponse { status, body: Cow::Owned(body), headers: Vec::new(), off_contract: None }
    }

    /// A response of the contract that is always the same.
    pub(crate) fn fixed(status: u16, body: &'static Value) -> SystemResponse {
        SystemResponse { body: Cow::Borrowed(body), ..SystemResponse::of(status, Value::Null) }
    }

    /// Returns what the system was observed to answer, whether the contract has it or not.
    pub(crate) fn observed(status: u16, media_type: &'static str, body: Value) -> SystemResponse {
        SystemResponse { off_contract: Some(media_type), ..SystemResponse::of(status, body) }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: String) -> SystemResponse {
        self.headers.push((name, value));
        self
    }
}
