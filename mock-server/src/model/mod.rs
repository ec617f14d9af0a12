//! What a system is to the engine: the seam between what all five share and what each does in its own way.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use user_status_openapi::Operation;

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

/// A response before it is put into a media type.
#[derive(Clone, Debug)]
pub(crate) struct SystemResponse {
    pub(crate) status: u16,
    pub(crate) body: Cow<'static, Value>,
    /// `true` if it may leave although the contract does not have it: the system as observed, not as documented.
    pub(crate) off_contract: bool,
}

impl SystemResponse {
    /// A response of the contract.
    pub(crate) fn of(status: u16, body: Value) -> SystemResponse {
        SystemResponse { status, body: Cow::Owned(body), off_contract: false }
    }

    /// A response of the contract that is always the same.
    pub(crate) fn fixed(status: u16, body: &'static Value) -> SystemResponse {
        SystemResponse { status, body: Cow::Borrowed(body), off_contract: false }
    }

    /// Returns what the system was observed to answer, whether the contract has it or not.
    pub(crate) fn observed(status: u16, body: Value) -> SystemResponse {
        SystemResponse { off_contract: true, ..SystemResponse::of(status, body) }
    }
}
