//! What a call did, and the settings that it was made with, handed past a generated client: it takes neither.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderMap;

use crate::model::dry_run::DryRunRequest;
use crate::model::raw::RawResponse;
use crate::policy::options::CallOptions;

impl CallOptions {
    /// Runs calls of a generated client with these settings.
    ///
    /// ```no_run
    /// # use user_status::{CallOptions, RetryPolicy, systems::Symphony};
    /// # async fn f(symphony: &Symphony) -> user_status::Result<()> {
    /// let call = symphony.client().update_user_status().uid(42).body_map(|body| body.suspended(false));
    /// CallOptions::default().with_retry(RetryPolicy::never()).run(call.send()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<T>(self, future: impl Future<Output = T>) -> T {
        CALL.scope(Arc::new(Call { options: self, record: None }), future).await
    }
}

/// The record of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// The number of requests that were sent.
    pub(crate) attempts: u32,
    /// The response that it ended with; none if it ended with an error of ours, which has its own.
    pub(crate) raw: Option<RawResponse>,
    /// The request that a dry run did not send.
    pub(crate) captured: Option<DryRunRequest>,
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

    /// Returns whether somebody asks afterwards: a system's own client, and not whoever calls a generated client.
    pub(crate) fn is_recorded(&self) -> bool {
        self.record.is_some()
    }

    /// Keeps the response that the call ended with. The headers go to whoever made the call.
    pub(crate) fn ended(&self, raw: RawResponse) -> HeaderMap {
        match self.is_recorded() {
            false => raw.headers,
            true => {
                self.note(|record| record.raw = Some(raw));
                HeaderMap::new()
            }
        }
    }

    /// Keeps the request that a dry run does not send.
    pub(crate) fn captured(&self, request: DryRunRequest) {
        self.note(|record| record.captured = Some(request));
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
