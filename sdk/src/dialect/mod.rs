//! What is peculiar to one system, and the client that is made of it.
//!
//! A [`Dialect`] says how a system over HTTP is asked for a change, how an account is read, and what the responses show. All
//! else is the same for every system, and [`HttpSystem`] does it: what is refused before anything is sent, reading first,
//! weighing a response, reading back, dry runs, retries, deadlines, limits, credentials, redaction and traces. The systems
//! in [`systems`](crate::systems) are made of it and of nothing else.
//!
//! ```no_run
//! use serde_json::json;
//! use user_status::dialect::{Before, Conventions, Dialect, HttpCredentials, HttpSystem, Request, Response, Verdict};
//! use user_status::{AccountStatus, AccountSystem, Capabilities, Change, Conclusion, Result, StatusChange, SystemKind};
//!
//! /// The payroll system: `PUT /people/{id}/access` with `{"open": true}`.
//! #[derive(Debug)]
//! struct Payroll;
//!
//! impl Dialect for Payroll {
//!     fn kind(&self) -> SystemKind {
//!         SystemKind::custom("payroll")
//!     }
//!
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::new(&[Change::Enable, Change::Disable]).with_reads(true)
//!     }
//!
//!     fn conventions(&self) -> Conventions {
//!         const HANDBOOK: &str = "its handbook, section 4";
//!         Conventions::new()
//!             .with_refusals(&[(404, Conclusion::Refused, HANDBOOK)], |members| members.contains_key("errorCode"))
//!     }
//!
//!     fn repeatable(&self, _: &StatusChange) -> bool {
//!         true // the request names the state, and not a step to it
//!     }
//!
//!     fn change_request(&self, user: &str, change: &StatusChange, _: Option<&Before<'_>>) -> Result<Request<'_>> {
//!         let open = change.change() == Change::Enable;
//!         Ok(Request::put(&["people", user, "access"]).with_json(&json!({ "open": open })))
//!     }
//!
//!     fn read_request(&self, user: &str) -> Result<Request<'_>> {
//!         Ok(Request::get(&["people", user, "access"]))
//!     }
//!
//!     fn verdict(&self, response: &Response<'_>) -> Verdict {
//!         let mut status = AccountStatus::default();
//!         status.enabled = response.flag("open", &[""], &mut status);
//!         Verdict::Proof(status)
//!     }
//! }
//!
//! # async fn disable() -> Result<()> {
//! let payroll = HttpSystem::speaking(Payroll)
//!     .base_url("https://payroll.acme.example/api")
//!     .credentials(HttpCredentials::bearer("…"))
//!     .build()?;
//! println!("{}", payroll.apply_and_verify("4711", &StatusChange::disable()).await?.proof);
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;
use std::fmt::Debug;

use crate::model::change::StatusChange;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::status::AccountStatus;
use crate::system::{Capabilities, NO_LOOKUP};

mod before;
mod credentials;
mod http_system;
mod request;
mod response;

pub use crate::policy::conventions::Conventions;
pub use before::Before;
pub use credentials::HttpCredentials;
pub use http_system::{HttpSystem, HttpSystemBuilder};
pub use request::Request;
pub use response::{Fact, Response};

/// The part of a client that is peculiar to one system over HTTP. Nothing in it sends anything.
pub trait Dialect: Debug + Send + Sync {
    /// Returns the kind of the system.
    fn kind(&self) -> SystemKind;

    /// Returns what the system can do, with these settings.
    fn capabilities(&self) -> Capabilities;

    /// Returns the conventions of the system's responses. Nothing is known of them unless an implementation says so, and
    /// a change that is answered with an error is of unknown outcome then.
    fn conventions(&self) -> Conventions {
        Conventions::new()
    }

    /// Returns whether a change may be sent twice: the second request changes nothing that the first has not changed.
    ///
    /// `false` unless an implementation says otherwise: nothing is retried then unless it is certain that it was not carried
    /// out.
    fn repeatable(&self, change: &StatusChange) -> bool {
        let _ = change;
        false
    }

    /// Returns whether the account is read before a change. It is not unless an implementation says so.
    fn read_first(&self, change: &StatusChange) -> ReadFirst {
        let _ = change;
        ReadFirst::No
    }

    /// Returns the request for a change of an account, which is sent later or not at all.
    ///
    /// `before` is what the account is, as far as [`read_first`](Dialect::read_first) has it; `None` if it has not, and
    /// always for a mere [`check`](crate::AccountSystem::check). `user` is an id by now, whatever it was
    /// [found](Dialect::lookup_request) by.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an id or a value that cannot be sent,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for a change that cannot be asked for. What the
    /// [capabilities](Dialect::capabilities) do not have is refused before.
    fn change_request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        before: Option<&Before<'_>>,
    ) -> Result<Request<'a>>;

    /// Returns the request that reads an account: a GET. It is asked for only if the
    /// [capabilities](Dialect::capabilities) say that accounts can be read.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an id that cannot be.
    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>>;

    /// Returns the request that reads an account before a change, where [`read_first`](Dialect::read_first) asks for it. The
    /// same as [`read_request`](Dialect::read_request) unless an implementation needs more of the account for a change.
    ///
    /// # Errors
    /// Those of [`read_request`](Dialect::read_request).
    fn before_request<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> Result<Request<'a>> {
        let _ = change;
        self.read_request(user)
    }

    /// Returns the request, a GET, that finds the id of an account by another name of it; `None` if `user` is an id. All are
    /// ids unless an implementation says otherwise.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that cannot be looked for.
    fn lookup_request<'a>(&'a self, user: &'a str) -> Result<Option<Request<'a>>> {
        let _ = user;
        Ok(None)
    }

    /// Returns the id of the account that a response to a [lookup](Dialect::lookup_request) names.
    ///
    /// A filter is a wish: services exist that answer everybody, or all that begin so. So an implementation compares the name in
    /// the response with the asked one, and counts nothing.
    ///
    /// # Errors
    /// Why no account, or no single one, is found.
    fn found(&self, user: &str, response: &Response<'_>) -> Result<String> {
        let (_, _) = (user, response);
        Err(Error::new(ErrorKind::Unsupported, self.kind(), NO_LOOKUP))
    }

    /// Returns the request, a GET, that asks what the installation can do; `None` if there is nothing to ask, or it is
    /// [known](Dialect::discovered). It is sent before the first call that needs the account, and once.
    fn discovery_request(&self) -> Option<Request<'_>> {
        None
    }

    /// Keeps what a response to a [discovery](Dialect::discovery_request) says; `None` if it was refused, or was no success.
    fn discovered(&self, response: Option<&Response<'_>>) {
        let _ = response;
    }

    /// Returns the members of a response that may be kept in receipts and errors, where the others are about the person; `None`
    /// if all may. All may unless an implementation says otherwise.
    fn kept_members(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Returns what a response to a read says of the account, if its status code says success and nothing in it
    /// [refuses](Response#what-takes-a-yes-away).
    fn verdict(&self, response: &Response<'_>) -> Verdict;

    /// Returns what a response to a change says, if its status code says success and nothing in it
    /// [refuses](Response#what-takes-a-yes-away). The same as [`verdict`](Dialect::verdict) unless an implementation says
    /// otherwise.
    fn change_verdict(
        &self,
        change: &StatusChange,
        before: Option<&AccountStatus>,
        response: &Response<'_>,
    ) -> Verdict {
        let (_, _) = (change, before);
        self.verdict(response)
    }

    /// Returns the id under which responses name the account; `None` if they name it under an id that cannot be told from
    /// `user`. A response that names another account is a failure. The id itself unless an implementation says otherwise.
    fn id_in_responses<'a>(&self, user: &'a str) -> Option<Cow<'a, str>> {
        Some(Cow::Borrowed(user))
    }

    /// Returns whether reading an account back can prove a change. `false` for a system whose changes have side effects that
    /// a read cannot show.
    fn read_back_proves(&self) -> bool {
        true
    }
}

/// The reading of an account before a change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReadFirst {
    /// It is not.
    No,
    /// It is read. A response that shows more than the change was asked to change is a failure.
    Yes,
    /// It is read, and nothing is sent if the account is so already.
    SkipIfSo,
    /// It is not read, and taken to be this.
    Assume(AccountStatus),
}

/// The statement of a response about an account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Yes, and this is the account as it is now. It proves a change that it shows.
    Proof(AccountStatus),
    /// Yes, and this is what else is said of the account. It proves nothing, and takes the yes away if it shows another state
    /// than the one asked for.
    Yes(AccountStatus),
    /// The system says no, or yes and no at once: why.
    No(String),
    /// Neither yes nor no: why.
    Unclear(Cow<'static, str>),
}
