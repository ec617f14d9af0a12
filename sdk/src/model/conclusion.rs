//! What a status code proves about a change: for each system, and only as far as that system itself says it.
//!
//! A status code may come from anybody on the way. What a proxy or a gateway says of a request that it may have passed on
//! proves nothing; so a refusal counts only if the system documents that code as a refusal, if the response has the media
//! type that the system documents for it, and if its body, where it came whole, is the system's own error body. The tables
//! are in the files of the systems.

use crate::model::kind::SystemKind;

/// The conclusion from a status code about the change that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conclusion {
    /// The system refused: nothing was changed, and the same request would be refused again.
    Refused,
    /// The system refused for now: nothing was changed, and the same request may be accepted later.
    RefusedForNow,
    /// The status code proves nothing.
    Unknown,
}

/// The meaning of one status code of one system, with its source.
///
/// Whatever [`status_rules`](crate::status_rules) does not list proves nothing.
///
/// ```
/// use user_status::{Conclusion, SystemKind, status_rules};
///
/// let found = status_rules().find(|rule| rule.system == SystemKind::MEDICONNECT && rule.status == 429);
/// assert_eq!(found.map(|rule| rule.conclusion), Some(Conclusion::RefusedForNow));
/// assert!(!status_rules().any(|rule| rule.status == 503));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusRule {
    /// The system.
    pub system: SystemKind,
    /// The HTTP status code.
    pub status: u16,
    /// The conclusion, if the response has a media type that the system documents and, where it came whole, its error
    /// body.
    pub conclusion: Conclusion,
    /// Where the system says so.
    pub source: &'static str,
}
