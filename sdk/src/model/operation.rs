//! What is known of an operation besides its types.

use std::any::Any;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::change::Change;
use crate::model::kind::SystemKind;

/// One operation of the contract.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The `operationId`, such as `updateUserStatus`.
    pub id: &'static str,
    /// The same id as the hooks of a generated client receive it, such as `update_user_status`.
    pub(crate) hook_id: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path template below the base URL.
    pub path: &'static str,
    /// The system it belongs to.
    pub system: SystemKind,
    /// Its idempotence: whether it may be sent twice.
    pub idempotence: Idempotence,
    /// The changes that it can express; none for a read.
    pub changes: &'static [Change],
    /// The documented status codes.
    pub statuses: &'static [u16],
    /// Those of them that come without a body, such as 204.
    pub bodyless: &'static [u16],
    /// Reads a body as the documented type for the status code; `None` for a request that no contract describes.
    pub(crate) parse: Option<Parse>,
}

/// A body of the documented type.
pub(crate) type Parsed = Box<dyn Any + Send>;

/// Reads a body as the documented type for a status code.
pub(crate) type Parse = fn(u16, &Value) -> Result<Parsed, serde_json::Error>;

/// The idempotence of an operation: whether it may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Idempotence {
    /// A second call changes nothing.
    Always,
    /// A second call may undo the first.
    Never,
    /// A second call changes nothing if the request body has these members.
    WhenBodyHas(&'static [&'static str]),
}

impl Operation {
    /// Returns whether it changes nothing, by its method too: what is no read is never sent in a dry run.
    pub(crate) fn only_reads(&self) -> bool {
        self.changes.is_empty() && self.method == "GET"
    }

    /// Returns the status code by which a generated client finds the type of a response: it knows no success without a body.
    pub(crate) fn status_of_type(&self, status: u16) -> u16 {
        match self.bodyless.contains(&status) {
            true => self.statuses.iter().copied().find(|known| !self.bodyless.contains(known)).unwrap_or(status),
            false => status,
        }
    }

    /// Returns whether a request with this JSON body may be sent twice.
    pub(crate) fn is_idempotent(&self, body: Option<&[u8]>) -> bool {
        match self.idempotence {
            Idempotence::Always => true,
            Idempotence::Never => false,
            Idempotence::WhenBodyHas(members) => {
                let body: Option<serde_json::Value> = body.and_then(|body| serde_json::from_slice(body).ok());
                body.is_some_and(|body| members.iter().all(|member| body.get(member).is_some()))
            }
        }
    }
}

/// Reads a body as the one type or the other, by the status code.
pub(crate) fn parse<S, E>(status: u16, body: &Value) -> Result<Parsed, serde_json::Error>
where
    S: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + Send + 'static,
{
    Ok(if status < 300 { Box::new(S::deserialize(body)?) } else { Box::new(E::deserialize(body)?) })
}
