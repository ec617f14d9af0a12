//! A system over HTTP: everything that is the same for all of them.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use super::request::{Inner, Request};
use super::response::Response;
use super::{Before, Dialect, HttpCredentials, ReadFirst, Verdict};
use crate::client::auth::CredentialInput;
use crate::client::config::{Config, Peer, config_setters};
use crate::client::report::reported;
use crate::client::session::Session;
use crate::codec::text::shown;
use crate::model::change::{Change, StatusChange};
use crate::model::dry_run::DryRun;
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::operation::{Idempotence, Operation};
use crate::model::raw::RawResponse;
use crate::model::receipt::{Proof, Receipt};
use crate::model::status::AccountStatus;
use crate::pipeline::record::{self, Record};
use crate::pipeline::{self, MISSHAPEN};
use crate::policy::clock::{BoxFuture, Clock, timeout};
use crate::policy::limit::Throttle;
use crate::policy::options::CallOptions;
use crate::policy::retry::RetryPolicy;
use crate::system::{AccountSystem, Capabilities, NO_LOOKUP, apply_and_verify};

/// A system over HTTP that is spoken to in its dialect. Clones share connections, limits and credentials.
///
/// [`HttpSystem::speaking`] builds one for a [`Dialect`] of one's own; those in [`systems`](crate::systems) have builders of
/// their own.
#[derive(Clone, Debug)]
pub struct HttpSystem<D> {
    pub(crate) dialect: D,
    pub(crate) session: Session,
}

/// Builds an [`HttpSystem`] for a dialect: from [`HttpSystem::speaking`]. Base URL and credentials must be set.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpSystemBuilder<D> {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
    dialect: D,
}

/// The credentials that the setters take.
type Credentials = HttpCredentials;

impl<D: Dialect> HttpSystemBuilder<D> {
    config_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<HttpSystem<D>> {
        let kind = self.dialect.kind();
        let reads = self.dialect.capabilities().reads;
        let peer = Peer { kind, reads, conventions: self.dialect.conventions(), representation: None };
        let prepare = move |credentials: &HttpCredentials| credentials.prepare(kind);
        let session = self.config.connect(peer, self.credentials, prepare)?;
        Ok(HttpSystem { dialect: self.dialect, session })
    }
}

/// The next step of a change.
enum Order<'a> {
    /// Nothing: the account is so already.
    Unchanged(AccountStatus),
    /// This request, with what the account is before it.
    Send { request: Request<'a>, before: Option<AccountStatus>, was_read: bool },
}

impl<D: Dialect> HttpSystem<D> {
    /// Starts to build a system that is spoken to in this dialect.
    pub fn speaking(dialect: D) -> HttpSystemBuilder<D> {
        HttpSystemBuilder { config: Config::default(), credentials: None, dialect }
    }

    /// Returns the dialect.
    pub fn dialect(&self) -> &D {
        &self.dialect
    }

    /// Returns the state of this system's limit; `None` unless its limit is [adaptive](crate::Limit::adaptive).
    pub fn throttle(&self) -> Option<Throttle> {
        self.session.parts().throttle()
    }

    /// Refuses what cannot be asked for, before anything is sent.
    fn accept<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> Result<Request<'a>> {
        self.dialect.capabilities().check(self.dialect.kind(), change)?;
        match self.lookup(user)? {
            Some(lookup) => Ok(lookup),
            None => self.request(user, change, None),
        }
    }

    /// The request that finds an account by another name of it; `None` for an id.
    fn lookup<'a>(&'a self, user: &'a str) -> Result<Option<Request<'a>>> {
        let request = self.dialect.lookup_request(user).map_err(nothing_sent)?;
        request.map(|request| request.check(self.dialect.kind()).map(|()| request)).transpose()
    }

    /// Returns the id of an account: `user` itself, unless it is another name of it, which is looked up.
    async fn id<'a>(&'a self, user: &'a str, options: CallOptions) -> Result<Cow<'a, str>> {
        let Some(request) = self.lookup(user)? else { return Ok(Cow::Borrowed(user)) };
        let (sent, record) = self.send(request, None, options).await;
        let fail = |error: Error| self.with_record(error.with_applied(Applied::No), &record);
        sent.map_err(|error| fail(error.with_attempts(record.attempts)))?;
        let response = Response::of(record.raw.as_ref());
        if let Some(why) = response.objection(None) {
            return Err(fail(self.error(ErrorKind::Contradicted, shown(&why))));
        }
        // What was found, or not, is no word of the response: its status code would only mislead.
        let not_found = |error: Error| error.with_applied(Applied::No).with_attempts(record.attempts);
        let id = self.dialect.found(user, &response).map_err(not_found)?;
        // What the system calls an id is one only if it can be asked for.
        if !self.is_id(&id) {
            let why = "the id that the system names cannot be asked for";
            return Err(fail(self.error(ErrorKind::UnexpectedResponse, why)));
        }
        Ok(Cow::Owned(id))
    }

    /// Returns the id of an account that is to be changed. What cannot be asked for is refused before it is looked up.
    async fn id_for<'a>(&'a self, user: &'a str, change: &StatusChange, options: CallOptions) -> Result<Cow<'a, str>> {
        if !self.is_id(user) {
            self.dialect.capabilities().check(self.dialect.kind(), change)?;
        }
        self.id(user, options).await
    }

    /// Asks, once, what the installation can do. A refusal is an answer; what was lost is asked for again by the next call.
    async fn discover(&self, options: CallOptions) {
        if self.dialect.discovery_request().is_none() {
            return;
        }
        let parts = self.session.parts();
        // The call is made without it, if need be: asking takes it a part of its time, and is not repeated.
        let part = options.total_timeout.unwrap_or(parts.total_timeout) / 4;
        let turn = timeout(&*parts.clock, part, pin!(parts.discovery.lock())).await;
        let Some(request) = turn.as_ref().and_then(|_| self.dialect.discovery_request()) else { return };
        let options = options.with_total_timeout(part).with_retry(RetryPolicy::never());
        let (sent, record) = self.send(request, None, options).await;
        match (&sent, &record.raw) {
            (Ok(()), Some(raw)) => self.dialect.discovered(Some(&Response::of(Some(raw)))),
            (Err(error), _) if error.status().is_some_and(|status| status < 500 && status != 429) => {
                self.dialect.discovered(None);
            }
            _ => {}
        }
    }

    fn request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        before: Option<&Before<'_>>,
    ) -> Result<Request<'a>> {
        // Whatever a dialect says: nothing was sent.
        let request = self.dialect.change_request(user, change, before).map_err(nothing_sent)?;
        request.check(self.dialect.kind())?;
        Ok(request)
    }

    /// Reads first, where the dialect wants it, and makes the request.
    async fn order<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
        started: Duration,
    ) -> Result<Order<'a>> {
        let request = self.accept(user, change)?;
        self.discover(self.rest(options, started)).await;
        let read_first = self.dialect.read_first(change);
        let (before, record) = match &read_first {
            ReadFirst::No => return Ok(Order::Send { request, before: None, was_read: false }),
            ReadFirst::Assume(status) => (status.clone(), None),
            ReadFirst::Yes | ReadFirst::SkipIfSo => {
                let request = self.dialect.before_request(user, change).map_err(nothing_sent)?;
                let (status, record) = self.read(user, request, self.rest(options, started)).await?;
                (status, Some(record))
            }
        };
        let can = self.dialect.capabilities();
        let skips = read_first == ReadFirst::SkipIfSo && can.skips_if_so(&options);
        if skips && is_so(&can, &before, change) {
            return Ok(Order::Unchanged(before));
        }
        let response = record.as_ref().map(|record| Response::of(record.raw.as_ref()));
        let request = self.request(user, change, Some(&Before::new(&before, response.as_ref())))?;
        Ok(Order::Send { request, before: Some(before), was_read: record.is_some() })
    }

    /// Changes an account, by its id or by another name.
    async fn apply_to(&self, user: &str, change: &StatusChange, options: CallOptions) -> Result<Receipt> {
        let started = self.session.parts().clock.now();
        let id = self.id_for(user, change, options).await?;
        let receipt = self.apply(&id, change, self.rest(options, started)).await?;
        Ok(Receipt { user: user.to_owned(), account: id.into_owned(), ..receipt })
    }

    async fn apply(&self, user: &str, change: &StatusChange, options: CallOptions) -> Result<Receipt> {
        let started = self.session.parts().clock.now();
        let (request, before, was_read) = match self.order(user, change, options, started).await? {
            Order::Unchanged(status) => {
                let (proof, record) = (Proof::Unchanged, Record::default());
                return Ok(self.receipt(user, change, proof, status, record, started));
            }
            Order::Send { request, before, was_read } => (request, before, was_read),
        };
        let (sent, record) = self.send(request, Some(change), self.rest(options, started)).await;
        let result = match sent {
            Ok(()) => self.weigh(user, change, before.as_ref(), record, started),
            Err(error) => Err(error.with_attempts(record.attempts)),
        };
        // What is assumed was not read.
        let before = before.filter(|_| was_read);
        match result {
            Ok(receipt) => Ok(Receipt { before, ..receipt }),
            Err(error) => Err(error.with_status_before(before)),
        }
    }

    async fn dry_run(&self, user: &str, change: &StatusChange, options: CallOptions) -> Result<DryRun> {
        let started = self.session.parts().clock.now();
        let id = self.id_for(user, change, options).await?;
        let (status, request) = match self.order(&id, change, options, started).await? {
            Order::Unchanged(status) => (Some(status), None),
            Order::Send { request, before, was_read } => {
                let options = self.rest(options, started).dry_run();
                let (sent, record) = self.send(request, Some(change), options).await;
                let Some(captured) = record.captured else {
                    sent?;
                    let message = "a dry run got a response as if it were a change";
                    return Err(self.error(ErrorKind::Contradicted, message).with_applied(Applied::Unknown));
                };
                (before.filter(|_| was_read), Some(captured))
            }
        };
        let (user, account) = (user.to_owned(), id.into_owned());
        Ok(DryRun { system: self.dialect.kind(), user, account, change: change.clone(), status, request })
    }

    async fn status(&self, user: &str, options: CallOptions) -> Result<AccountStatus> {
        if !self.dialect.capabilities().reads {
            return Err(self.error(ErrorKind::Unsupported, "the system documents no way to read an account"));
        }
        let started = self.session.parts().clock.now();
        let id = self.id(user, options).await?;
        let request = self.dialect.read_request(&id).map_err(nothing_sent)?;
        self.read(&id, request, self.rest(options, started)).await.map(|(status, _)| status)
    }

    /// Reads an account, and returns the response that says what it is, too.
    async fn read(&self, user: &str, request: Request<'_>, options: CallOptions) -> Result<(AccountStatus, Record)> {
        request.check(self.dialect.kind())?;
        let record = match self.send(request, None, options).await {
            (Ok(()), record) => record,
            (Err(error), record) => self.misshapen(error.with_attempts(record.attempts))?,
        };
        let response = Response::of(record.raw.as_ref());
        let fail = |kind, why: &str| {
            let error = self.error(kind, shown(why)).with_applied(Applied::No);
            Err(self.with_record(error, &record))
        };
        if let Some(why) = response.objection(self.dialect.id_in_responses(user).as_deref()) {
            return fail(ErrorKind::Contradicted, &why);
        }
        match self.dialect.verdict(&response) {
            Verdict::Proof(status) | Verdict::Yes(status) if status != AccountStatus::default() => Ok((status, record)),
            Verdict::No(why) => fail(ErrorKind::Contradicted, &why),
            Verdict::Unclear(why) => fail(ErrorKind::UnexpectedResponse, &why),
            _ => fail(
                ErrorKind::UnexpectedResponse,
                "the response has none of the members that would say what the account is",
            ),
        }
    }

    /// A response to a read in which a member is not of the documented type is of use all the same: what is known of the
    /// account is in the others.
    fn misshapen(&self, error: Error) -> Result<Record> {
        let spoken = self.session.parts().representation.as_ref();
        let of_use = error.is_unexpected_response() && error.says(MISSHAPEN);
        match error.raw().filter(|raw| of_use && raw.described(spoken).is_ok()).cloned() {
            Some(raw) => Ok(Record { attempts: error.attempts(), raw: Some(raw), captured: None }),
            None => Err(error),
        }
    }

    /// Sends a request; for a read there is no change. What the call may not keep of a person is not in its error.
    async fn send(
        &self,
        request: Request<'_>,
        change: Option<&StatusChange>,
        options: CallOptions,
    ) -> (Result<()>, Record) {
        let (result, record) = self.exchange(request, change, options).await;
        let kept = |error: Error| match error.raw().filter(|raw| raw.status < 300).cloned() {
            Some(raw) => error.with_raw(self.kept(raw)),
            None => error,
        };
        (result.map_err(kept), record)
    }

    async fn exchange(
        &self,
        request: Request<'_>,
        change: Option<&StatusChange>,
        options: CallOptions,
    ) -> (Result<()>, Record) {
        let own = match request.0 {
            Inner::Generated(call) => return record::record(options, call).await,
            Inner::Own(own) => own,
        };
        let repeatable = change.is_none_or(|change| self.dialect.repeatable(change));
        let changes: &[Change] = match change {
            Some(change) => &Change::ALL[change.change() as usize..=change.change() as usize],
            None => &[],
        };
        let operation = Operation {
            id: if change.is_some() { "change" } else { "read" },
            hook_id: "",
            method: if own.method == reqwest::Method::GET { "GET" } else { "" },
            path: "",
            system: self.dialect.kind(),
            idempotence: if repeatable { Idempotence::Always } else { Idempotence::Never },
            changes,
            statuses: &[],
            bodyless: &[],
            parse: None,
        };
        if change.is_none() && !operation.only_reads() {
            let why = "a read must be a GET, so that it can be told from a change";
            return (Err(self.error(ErrorKind::InvalidInput, why)), Record::default());
        }
        let request = own.build(&self.session);
        record::record(options, pipeline::send(&self.session, request, &operation)).await
    }

    /// The options for the next request of the same call: with the time that is left.
    fn rest(&self, options: CallOptions, started: Duration) -> CallOptions {
        let parts = self.session.parts();
        let spent = parts.clock.now().saturating_sub(started);
        options.with_total_timeout(options.total_timeout.unwrap_or(parts.total_timeout).saturating_sub(spent))
    }

    /// Weighs what the response to a change says: that is the proof, or the contradiction.
    fn weigh(
        &self,
        user: &str,
        change: &StatusChange,
        before: Option<&AccountStatus>,
        record: Record,
        started: Duration,
    ) -> Result<Receipt> {
        let response = Response::of(record.raw.as_ref());
        let doubt = |kind, why: &str| {
            let error = self.error(kind, shown(why)).with_applied(Applied::Unknown);
            self.with_record(error, &record)
        };
        if let Some(why) = response.objection(self.dialect.id_in_responses(user).as_deref()) {
            return Err(doubt(ErrorKind::Contradicted, &why));
        }
        let (status, can_prove) = match self.dialect.change_verdict(change, before, &response) {
            Verdict::Proof(status) => (status, true),
            Verdict::Yes(status) => (status, false),
            Verdict::No(why) => return Err(doubt(ErrorKind::Contradicted, &why)),
            Verdict::Unclear(why) => return Err(doubt(ErrorKind::UnexpectedResponse, &why)),
        };
        if !status.unrecognized.is_empty() {
            let message = format!("the response says what is not understood: {status}");
            return Err(doubt(ErrorKind::UnexpectedResponse, &message));
        }
        let shows = self.dialect.capabilities().shows(&status, change);
        if shows == Some(false) {
            let message = format!("asked to {change}, the response shows {status}");
            return Err(doubt(ErrorKind::Contradicted, &message).with_other_state_shown());
        }
        if let Some(before) = before.filter(|before| !before.differs_only_by(change, &status)) {
            let message = format!("the account was {before}, and now reads {status}, which nobody asked for");
            return Err(doubt(ErrorKind::Contradicted, &message));
        }
        let proof = if can_prove && shows == Some(true) { Proof::Confirmed } else { Proof::Accepted };
        Ok(self.receipt(user, change, proof, status, record, started))
    }

    fn receipt(
        &self,
        user: &str,
        change: &StatusChange,
        proof: Proof,
        status: AccountStatus,
        record: Record,
        started: Duration,
    ) -> Receipt {
        let parts = self.session.parts();
        Receipt {
            request_id: record.raw.as_ref().and_then(|raw| raw.request_id()),
            raw: record.raw.map(|raw| self.kept(raw)),
            ..Receipt::new(parts.system, user, change.clone(), proof)
                .with_status(status)
                .with_attempts(record.attempts, parts.clock.now().saturating_sub(started))
        }
    }

    /// The part of a response that may be kept.
    fn kept(&self, raw: RawResponse) -> RawResponse {
        match self.dialect.kept_members() {
            Some(members) => raw.only(members),
            None => raw,
        }
    }

    /// An error with what is known of the call that it is about.
    fn with_record(&self, error: Error, record: &Record) -> Error {
        let error = error.with_attempts(record.attempts);
        match &record.raw {
            Some(raw) => error.with_raw(self.kept(raw.clone())),
            None => error,
        }
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, self.dialect.kind(), message)
    }
}

/// Returns whether an account is as a change asks for, to the reason of a suspension.
fn is_so(capabilities: &Capabilities, status: &AccountStatus, change: &StatusChange) -> bool {
    let reason = status.suspended.as_ref().and_then(|suspension| suspension.reason.as_deref());
    capabilities.shows(status, change) == Some(true)
        && (change.change() != Change::Suspend || reason == change.reason())
}

fn nothing_sent(error: Error) -> Error {
    error.with_applied(Applied::No)
}

impl Verdict {
    /// Neither yes nor no: the response has none of the members that would say what was done.
    pub const NOTHING: Verdict =
        Verdict::Unclear(Cow::Borrowed("the response has none of the members that would say what was done"));
}

impl<D: Dialect> AccountSystem for HttpSystem<D> {
    fn kind(&self) -> SystemKind {
        self.dialect.kind()
    }

    fn base_url(&self) -> &str {
        &self.session.parts().base_url
    }

    fn capabilities(&self) -> Capabilities {
        self.dialect.capabilities()
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn is_id(&self, user: &str) -> bool {
        matches!(self.dialect.lookup_request(user), Ok(None))
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        self.dialect.repeatable(change)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.session.parts().clock
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        reported(self.session.parts().caller(), "apply", user, self.apply_to(user, change, options))
    }

    fn dry_run_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<DryRun>> {
        reported(self.session.parts().caller(), "dry_run", user, self.dry_run(user, change, options))
    }

    fn apply_and_verify_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        if !self.dialect.read_back_proves() {
            return self.apply_with(user, change, options);
        }
        let total = options.total_timeout.unwrap_or(self.session.parts().total_timeout);
        let verified = async move {
            let started = self.session.parts().clock.now();
            let id = self.id_for(user, change, options).await?;
            let receipt = apply_and_verify(self, &id, change, self.rest(options, started), total).await?;
            Ok(Receipt { user: user.to_owned(), account: id.into_owned(), ..receipt })
        };
        reported(self.session.parts().caller(), "apply_and_verify", user, verified)
    }

    fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        reported(self.session.parts().caller(), "status", user, self.status(user, options))
    }

    fn find_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<String>> {
        let found = async move {
            if self.dialect.capabilities().lookups.is_empty() {
                return Err(self.error(ErrorKind::Unsupported, NO_LOOKUP));
            }
            self.id(user, options).await.map(Cow::into_owned)
        };
        reported(self.session.parts().caller(), "find", user, found)
    }
}
