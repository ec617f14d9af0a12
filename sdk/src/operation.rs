//! What is known of an operation besides its types.

use crate::vendor::Vendor;

/// One operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub vendor: Vendor,
    /// Whether it may be sent twice.
    pub idempotence: Idempotence,
}

/// Whether an operation may be sent twice.
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

/// Every operation of the contract, in its order.
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
