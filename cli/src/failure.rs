//! Why a command did not do what was asked: for people as text, for programs as JSON.

use serde_json::{Map, Value, json};
use user_status::bulk::{JournalError, JournalErrorKind};
use user_status::text::visible;
use user_status::{Applied, ConnectionProblem, Error, ErrorKind, InvalidId};

use crate::exit::Exit;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// A word for programs, such as `not_found`.
    pub(crate) kind: &'static str,
    /// The problem, its place, and what would be right.
    pub(crate) message: String,
    /// The next step for the user.
    pub(crate) next: Option<String>,
    /// `true` if an account was changed all the same.
    pub(crate) changed: Changed,
    /// The outcome of accounts, where it could be said in no other place.
    pub(crate) said: Option<String>,
    /// Further facts, for programs.
    pub(crate) details: Box<Map<String, Value>>,
}

/// The effect on accounts of a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    No,
    /// It was, and what failed came after it.
    Yes,
    /// Nobody knows.
    Unknown,
}

impl From<Applied> for Changed {
    fn from(applied: Applied) -> Changed {
        match applied {
            Applied::No => Changed::No,
            Applied::Unknown => Changed::Unknown,
        }
    }
}

impl Changed {
    /// A word for programs.
    fn word(self) -> &'static str {
        match self {
            Changed::No => "no",
            Changed::Yes => "yes",
            Changed::Unknown => "unknown",
        }
    }
}

impl Failure {
    fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Failure {
        let message = message.into();
        Failure { exit, kind, message, next: None, changed: Changed::No, said: None, details: Box::default() }
    }

    /// None of the others, such as a full disk.
    pub(crate) fn unexpected(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Unexpected, "unexpected", message)
    }

    /// The standard output cannot be written.
    pub(crate) fn unwritten(e: &std::io::Error) -> Failure {
        Failure::new(Exit::Unwritten, "unwritten", format!("the standard output cannot be written: {e}"))
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, "usage", message)
    }

    /// The configuration is wrong, or there is none.
    pub(crate) fn configuration(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Configuration, "configuration", message)
    }

    /// Credentials cannot be had, or cannot be right.
    pub(crate) fn credentials(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Configuration, "credentials", message)
    }

    /// Refused for safety.
    pub(crate) fn safety(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Safety, "safety", message)
    }

    /// The input has rows that cannot be carried out as written.
    pub(crate) fn bad_rows(message: impl Into<String>) -> Failure {
        Failure::new(Exit::BadRows, "bad_rows", message)
    }

    /// Stopped by the user before anything was sent.
    pub(crate) fn stopped(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Stopped, "stopped", message)
    }

    /// A change was given up, and nobody knows what became of it.
    pub(crate) fn given_up(message: impl Into<String>) -> Failure {
        Failure { changed: Changed::Unknown, ..Failure::new(Exit::Interrupted, "outcome_unknown", message) }
    }

    /// A call to the system of a profile failed.
    pub(crate) fn of_call(profile: &str, error: &Error) -> Failure {
        let exit = match (error.applied(), error.kind()) {
            (Applied::Unknown, _) => Exit::Unknown,
            (Applied::No, ErrorKind::Credentials | ErrorKind::ClientSetup) => Exit::Configuration,
            (Applied::No, _) => Exit::NotApplied,
        };
        let mut failure = Failure::new(exit, error.kind().as_str(), of_call(error));
        failure.changed = error.applied().into();
        failure.next = advice(profile, error);
        failure.details.insert("profile".to_owned(), json!(profile));
        let wait = error.retry_after().map(|wait| wait.as_secs_f64());
        for (name, value) in [
            ("system", json!(error.system())),
            ("status", json!(error.status())),
            ("attempts", json!(error.attempts())),
            ("retry_after_seconds", json!(wait)),
            ("not_before", json!(error.not_before())),
            ("request_id", json!(error.request_id())),
            ("connection_problem", json!(error.connection_problem().map(ConnectionProblem::as_str))),
        ] {
            failure.details.insert(name.to_owned(), value);
        }
        failure
    }

    /// The journal of a run cannot be used.
    pub(crate) fn of_journal(error: &JournalError) -> Failure {
        let failure = Failure::new(Exit::Unexpected, journal(error.kind()), with_causes(error));
        match error.kind() {
            JournalErrorKind::OtherSystem => Failure { exit: Exit::Configuration, ..failure }
                .next("Let the profile lead there again, or make a run of their own of the rows that are left."),
            JournalErrorKind::LostEnd => failure.next(
                "Put back the files that were beside it, if they are somewhere. Else `resume --in-doubt` goes on: it looks at \
                 the accounts before it sends anything, and leaves for you what no look can tell.",
            ),
            JournalErrorKind::Empty => failure.next("`user-status runs prune` removes it."),
            _ => failure,
        }
    }

    /// With where it went wrong.
    #[must_use]
    pub(crate) fn within(mut self, place: &str) -> Failure {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// With what to do next.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Failure {
        self.next = Some(next.into());
        self
    }

    /// A call for an account failed. An id that is refused is shown so that also what cannot be seen in it is seen.
    pub(crate) fn of_call_for(profile: &str, user: &str, error: &Error) -> Failure {
        let mut failure = Failure::of_call(profile, error);
        if std::error::Error::source(error).is_some_and(|source| source.is::<InvalidId>()) {
            failure.message += &format!("; USER is `{}`", visible(user));
        }
        failure.detail("user", user)
    }

    /// With something else that is known.
    #[must_use]
    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Failure {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// As one JSON document.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({
            "kind": self.kind,
            "message": self.message,
            "applied": self.changed.word(),
            "exit_code": self.exit as u8,
        });
        if let (Some(members), Some(next)) = (error.as_object_mut(), &self.next) {
            members.insert("next".to_owned(), json!(next));
        }
        if let Some(members) = error.as_object_mut() {
            members.extend((*self.details).clone());
        }
        json!({ "error": error })
    }
}

/// Returns what to do after a call that failed.
fn advice(profile: &str, error: &Error) -> Option<String> {
    if error.status().is_some_and(|status| (300..400).contains(&status)) {
        let why = "The system answers with a redirect: `base_url` is wrong, or a sign-in page is before the system";
        return Some(format!("{why}; `user-status check {profile}` tries it."));
    }
    Some(match error.kind() {
        ErrorKind::Credentials => format!("Get fresh credentials; `user-status check {profile}` tries them."),
        ErrorKind::Unsupported => "`user-status systems` says what each system can do.".to_owned(),
        // Also of one that was not sent, since an earlier one was told.
        _ if error.not_before().is_some() => {
            format!("Try again after {}.", error.not_before().map(|until| until.to_string()).unwrap_or_default())
        }
        ErrorKind::NotSent => return not_sent(profile, error),
        ErrorKind::RateLimited => "Try again later.".to_owned(),
        _ => return None,
    })
}

/// Returns what to do after a request that did not leave. Where the error itself says what would be right, that is enough.
fn not_sent(profile: &str, error: &Error) -> Option<String> {
    let tries = format!("`user-status check {profile}` tries its address.");
    match error.connection_problem() {
        Some(ConnectionProblem::Refused | ConnectionProblem::ProxyCannotReach) => {
            Some(format!("Is the system running? {tries}"))
        }
        Some(ConnectionProblem::UnknownName) => Some(format!("Is `base_url` right, and the network there? {tries}")),
        Some(ConnectionProblem::Unreachable | ConnectionProblem::TimedOut) => {
            Some(format!("Is the network there, and must the system be reached by a proxy (HTTPS_PROXY)? {tries}"))
        }
        Some(ConnectionProblem::ProxyUnreachable | ConnectionProblem::ProxyFailed) => {
            Some("Is the address of the proxy right, and is it running?".to_owned())
        }
        Some(problem) if problem.stays() => None,
        _ => Some(tries),
    }
}

/// A word for programs.
fn journal(kind: JournalErrorKind) -> &'static str {
    match kind {
        JournalErrorKind::Exists => "journal_exists",
        JournalErrorKind::Missing => "journal_missing",
        JournalErrorKind::NotAJournal => "not_a_journal",
        JournalErrorKind::Empty => "journal_empty",
        JournalErrorKind::LostEnd => "journal_lost_its_end",
        JournalErrorKind::NewerVersion => "newer_version",
        JournalErrorKind::OlderVersion => "older_version",
        JournalErrorKind::InUse => "in_use",
        JournalErrorKind::OtherSystem => "other_system",
        JournalErrorKind::Full => "disk_full",
        JournalErrorKind::ReadOnly => "read_only",
        JournalErrorKind::Input => "input",
        _ => "journal",
    }
}

/// An error of a call. Where it says itself why there was no connection, its causes would say so a second time.
pub(crate) fn of_call(error: &Error) -> String {
    match error.connection_problem() {
        Some(_) => visible(&error.to_string()),
        None => with_causes(error),
    }
}

/// An error with its causes, each said once.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(&format!(": {words}"));
        }
        cause = error.source();
    }
    visible(&text)
}
