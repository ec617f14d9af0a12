//! The operations of the contract, by what is asked of them.

use crate::model::change::Change;
use crate::model::kind::SystemKind;
use crate::model::operation::Operation;

/// Returns every operation of the contract, in its order, of the systems whose features are on.
///
/// ```
/// use user_status::Idempotence;
///
/// let toggle = user_status::operations().iter().find(|operation| operation.id == "manageUserStatus").unwrap();
/// assert_eq!(toggle.idempotence, Idempotence::Never);
/// ```
pub fn operations() -> &'static [Operation] {
    crate::generated::operations::OPERATIONS
}

/// The operation of that id, as the hooks of a generated client know it.
pub(crate) fn by_hook_id(system: SystemKind, hook_id: &str) -> Option<&'static Operation> {
    operations().iter().find(|operation| operation.system == system && operation.hook_id == hook_id)
}

/// Returns whether a change may be sent again when nobody knows whether it was carried out: what decides whether a call repeats
/// a request decides it for a run as well. `body` is the one that the change is sent with.
pub(crate) fn repeatable(system: SystemKind, change: Change, body: Option<&[u8]>) -> bool {
    let mut of_change =
        operations().iter().filter(|operation| operation.system == system && operation.changes.contains(&change));
    of_change.next().is_some_and(|first| first.is_idempotent(body)) && of_change.all(|other| other.is_idempotent(body))
}
