//! What a run would do.

use futures_util::{Stream, StreamExt as _};

use super::decide::{self, Can, First, Then};
use super::row::Row;
use super::runner::{MOST_IN_FLIGHT, Runner};
use crate::model::dry_run::DryRunRequest;
use crate::model::error::{Applied, Error, ErrorKind};
use crate::model::status::AccountStatus;

/// A row, and what a run would do with it now.
#[derive(Debug)]
#[non_exhaustive]
pub struct Planned {
    /// The row.
    pub row: Row,
    /// The status of the account; `None` if its system has no read, or it was not asked.
    pub status: Option<AccountStatus>,
    /// The step that a run would take.
    pub step: Step,
}

/// The step that a run would take with a row.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// This request would be sent.
    Send(Box<DryRunRequest>),
    /// Nothing, since the account is so already.
    Unchanged,
    /// Nothing, since the account is not as the row [expects](Row::expected).
    ChangedSince,
    /// It would be refused, or the account cannot be read.
    Refused(Error),
    /// Nothing, since the registry has no such system.
    NoSystem,
}

impl Runner {
    /// Plans a run: says, for these rows in their order, what it would do, without doing it. Accounts are read where a
    /// run reads them; the requests that would change them are prepared, and not sent. Of a toggle nobody can say what
    /// it would lead to.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use futures_util::{StreamExt as _, stream};
    /// use user_status::bulk::{Row, Runner, Step};
    /// use user_status::systems::{Clearsquare, clearsquare};
    /// use user_status::{Registry, StatusChange};
    ///
    /// # async fn plan() -> user_status::Result<()> {
    /// let site = Clearsquare::builder()
    ///     .base_url("https://admin.your-site.com")
    ///     .credentials(clearsquare::Credentials::token("the-token"))
    ///     .build()?;
    /// let runner = Runner::new(Arc::new(Registry::default().with("site", site)));
    /// let rows = [Row::new("site", "634441cecbb5901d133039f8", StatusChange::toggle())];
    /// let planned = runner.plan(stream::iter(rows)).collect::<Vec<_>>().await;
    /// let Step::Send(request) = &planned[0].step else { panic!("there is no read that could stand in its way") };
    /// assert_eq!(request.body.as_deref(), Some(r#"{"id":"634441cecbb5901d133039f8","token":"[redacted]"}"#));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(plan()).unwrap();
    /// ```
    pub fn plan<'a>(&'a self, rows: impl Stream<Item = Row> + 'a) -> impl Stream<Item = Planned> + 'a {
        rows.map(move |row| self.plan_row(row)).buffered(self.max_in_flight.clamp(1, MOST_IN_FLIGHT))
    }

    async fn plan_row(&self, row: Row) -> Planned {
        let Some(system) = self.registry.get(&row.system) else {
            return Planned { row, status: None, step: Step::NoSystem };
        };
        let row = match row.clone().by_id(system, self.options).await {
            Ok(row) => row,
            Err(error) => return Planned { row, status: None, step: Step::Refused(error) },
        };
        let capabilities = system.capabilities();
        let can = Can::of(&row, capabilities.reads, system.repeatable(&row.change));
        let mut known = None;
        // Nothing was sent for it yet, and so nothing is in doubt.
        if decide::first(&row, false, can, self.read_first) == First::Read {
            let status = match system.status_with(&row.user, self.options).await {
                Ok(status) => status,
                Err(error) => return Planned { row, status: None, step: Step::Refused(error) },
            };
            let then = decide::then(&row, None, &status, &capabilities);
            let step = match then {
                _ if decide::sends(then, false, capabilities.skips_if_so(&self.options)) => None,
                Then::Send => None,
                Then::AsAsked | Then::MoreThanAsked | Then::NotShown => Some(Step::Unchanged),
                Then::ChangedSince => Some(Step::ChangedSince),
                Then::NotUnderstood => {
                    let why = format!("the account reads {status}, which is not understood");
                    let error = Error::new(ErrorKind::UnexpectedResponse, system.kind(), why);
                    Some(Step::Refused(error.with_applied(Applied::No)))
                }
            };
            known = Some(status);
            if let Some(step) = step {
                return Planned { row, status: known, step };
            }
        }
        let step = match system.dry_run_with(&row.user, &row.change, self.options).await {
            Ok(dry_run) => dry_run.request.map_or(Step::Unchanged, |request| Step::Send(Box::new(request))),
            Err(error) => Step::Refused(error),
        };
        Planned { row, status: known, step }
    }
}
