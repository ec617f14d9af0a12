//! What happened: the last requests, each with what was found wrong in it, what went back, and what changed.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use user_status_openapi::SystemKind;
use user_status_openapi::validate::Violation;

use crate::status::AccountStatus;

pub(crate) mod matcher;
pub(crate) mod redact;
pub(crate) mod secrets;
mod store;
pub(crate) mod texts;

pub(crate) use store::{Bounds, Journal};
use texts::{Text, TextArena};

/// One request and what became of it. Credentials are replaced by `[redacted]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// Counts up from 1 in each world.
    pub id: u64,
    /// When, on the clock of the world.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path, and the query: the values of those parameters only that the operation documents.
    pub target: String,
    /// The headers by lower-case name. Only values that can carry no credential are kept.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if there was none or it could not be read. XML comes as the JSON that it stands for.
    pub body: Option<Value>,
    /// The `operationId`; `None` if no operation was found.
    pub operation: Option<&'static str>,
    /// The system.
    pub system: Option<SystemKind>,
    /// The user that the request was about.
    pub user: Option<String>,
    /// The violations of the contract in the request, also where they were overlooked.
    pub violations: Vec<Violation>,
    /// The ids of the faults that struck.
    pub faults: Vec<u64>,
    /// The status code of the response; `None` if a fault kept it from leaving.
    pub status: Option<u16>,
    /// The response as text.
    pub response: String,
    /// The status of the account before.
    pub before: Option<AccountStatus>,
    /// The status of the account afterwards.
    pub after: Option<AccountStatus>,
}

/// An exchange as it is kept: few allocations, and a known size.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) at: Timestamp,
    pub(crate) texts: TextArena,
    pub(crate) operation: Option<(&'static str, SystemKind)>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) faults: Vec<u64>,
    pub(crate) status: Option<u16>,
    pub(crate) before: Option<AccountStatus>,
    pub(crate) after: Option<AccountStatus>,
}

impl Recorded {
    fn size(&self) -> usize {
        let status = |status: &Option<AccountStatus>| {
            let suspension = status.as_ref().and_then(|status| status.suspended.as_ref());
            suspension.and_then(|suspension| suspension.reason.as_ref()).map_or(0, String::len)
        };
        let violation = |v: &Violation| size_of::<Violation>() + v.location.len() + v.contract.len() + v.message.len();
        size_of::<Recorded>()
            + self.texts.all.capacity()
            + self.violations.iter().map(violation).sum::<usize>()
            + self.faults.capacity() * size_of::<u64>()
            + status(&self.before)
            + status(&self.after)
    }

    pub(crate) fn exchange(&self, id: u64) -> Exchange {
        let text = |text| self.texts.get(text).to_owned();
        let headers = self.texts.get(Text::Headers).lines().filter_map(|line| line.split_once(": "));
        Exchange {
            id,
            at: self.at,
            method: text(Text::Method),
            target: text(Text::Target),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: serde_json::from_str(self.texts.get(Text::Body)).ok(),
            operation: self.operation.map(|(id, _)| id),
            system: self.operation.map(|(_, system)| system),
            user: Some(text(Text::User)).filter(|user| !user.is_empty()),
            violations: self.violations.clone(),
            faults: self.faults.clone(),
            status: self.status,
            response: text(Text::Response),
            before: self.before.clone(),
            after: self.after.clone(),
        }
    }
}

impl Serialize for Exchange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let violation = |v: &Violation| json!({ "location": v.location, "contract": format!("#{}", v.contract), "message": v.message });
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let value = json!({
            "id": self.id,
            "at": self.at,
            "request": { "method": self.method, "target": self.target, "headers": headers, "body": self.body },
            "operation": self.operation,
            "system": self.system,
            "user": self.user,
            "violations": self.violations.iter().map(violation).collect::<Vec<_>>(),
            "faults": self.faults,
            "response": { "status": self.status, "body": self.response },
            "before": self.before,
            "after": self.after,
        });
        value.serialize(serializer)
    }
}
