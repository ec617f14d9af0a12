//! One call: what it may do, and what it did.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::raw::RawResponse;
use crate::retry::RetryPolicy;

/// Settings for one call that differ from those of the client. What is not set stays as the client has it.
///
/// ```
/// use std::time::Duration;
/// use user_status::{CallOptions, RetryPolicy};
///
/// let hurry = CallOptions::default().total_timeout(Duration::from_secs(2)).retry(RetryPolicy::never());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CallOptions {
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) retry: Option<RetryPolicy>,
    /// Reads are sent, and the request that would change something is captured.
    pub(crate) rehearse: bool,
}

impl CallOptions {
    /// Sets the longest time of one attempt.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> CallOptions {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Sets the longest time of the call, all attempts and waits together.
    #[must_use]
    pub fn total_timeout(mut self, timeout: Duration) -> CallOptions {
        self.total_timeout = Some(timeout);
        self
    }

    /// Sets the retry policy.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> CallOptions {
        self.retry = Some(policy);
        self
    }

    pub(crate) fn rehearsing(mut self) -> CallOptions {
        self.rehearse = true;
        self
    }

    /// Runs calls of a generated client with these settings.
    ///
    /// ```no_run
    /// # use user_status::{CallOptions, RetryPolicy, systems::Symphony};
    /// # async fn f(symphony: &Symphony) -> user_status::Result<()> {
    /// let call = symphony.client().update_user_status().uid(42).body_map(|body| body.suspended(false));
    /// CallOptions::default().retry(RetryPolicy::never()).run(call.send()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<T>(self, future: impl Future<Output = T>) -> T {
        CALL.scope(Arc::new(Call { options: self, record: None }), future).await
    }
}

/// What is known of a call after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// How many requests were sent.
    pub(crate) attempts: u32,
    /// The answer that it ended with; none if it ended with an error of ours, which has its own.
    pub(crate) raw: Option<RawResponse>,
    /// How long that answer asked to wait.
    pub(crate) retry_after: Option<Duration>,
    /// When it was asked for.
    pub(crate) at: Timestamp,
}

/// A call under way.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) options: CallOptions,
    /// `None` if nobody asks afterwards.
    record: Option<Mutex<Record>>,
}

impl Call {
    /// The call that this task is in; one with the client's own settings if it is in none.
    pub(crate) fn current() -> Arc<Call> {
        CALL.try_with(Arc::clone).unwrap_or_default()
    }

    pub(crate) fn sent(&self) {
        self.note(|record| record.attempts += 1);
    }

    /// Keeps what the call ended with. The headers go to whoever made the call: where a record is kept, that is a
    /// system's own client, which reads them there; but what a refusal proves is read from its headers in either case.
    pub(crate) fn ended(&self, raw: RawResponse, retry_after: Option<Duration>, at: Timestamp) -> HeaderMap {
        match &self.record {
            None => raw.headers,
            Some(_) => {
                let headers = if raw.status < 300 { HeaderMap::new() } else { raw.headers.clone() };
                self.note(|record| (record.raw, record.retry_after, record.at) = (Some(raw), retry_after, at));
                headers
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Record)) {
        if let Some(record) = &self.record {
            note(&mut record.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// Runs one call of a generated client, and says what it did.
pub(crate) async fn record<T>(options: CallOptions, future: impl Future<Output = T>) -> (T, Record) {
    let call = Arc::new(Call { options, record: Some(Mutex::default()) });
    let value = CALL.scope(call.clone(), future).await;
    let mut record = Record::default();
    call.note(|noted| record = std::mem::take(noted));
    (value, record)
}
