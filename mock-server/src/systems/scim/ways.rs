//! The ways of a service: how it deviates from what is documented, as real ones were seen to.

use serde::{Deserialize, Serialize};

/// The deviations, each by itself. By default there are none.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ways {
    /// Strings in the place of booleans.
    pub(super) strings: Strings,
    /// What becomes of a filter.
    pub(super) filter: Filter,
    /// What a version is.
    pub(super) etag: Etag,
    /// The response to a `PATCH` that was carried out.
    pub(super) change: Change,
    /// What becomes of a user who is disabled.
    pub(super) disable: Disable,
    /// The form of a 404.
    pub(super) errors: Errors,
    /// Whether there is `PATCH`.
    pub(super) patch: Patch,
}

/// Strings in the place of booleans: `"True"`, `"False"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strings {
    /// They are refused.
    #[default]
    Refused,
    /// They are taken.
    Taken,
    /// They are taken, and sent in responses.
    Sent,
}

impl Strings {
    pub(super) fn are_taken(self) -> bool {
        self != Strings::Refused
    }

    pub(super) fn are_sent(self) -> bool {
        self == Strings::Sent
    }
}

/// What becomes of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Filter {
    /// It chooses who is listed.
    #[default]
    Heeded,
    /// Everybody is listed.
    Ignored,
}

/// What a version is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Etag {
    /// Another one after each change.
    #[default]
    Versions,
    /// The second of the last change: two changes within one have the same.
    Seconds,
    /// There are no versions, and `If-Match` is passed over.
    None,
}

/// The response to a `PATCH` that was carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// The user, with 200.
    #[default]
    User,
    /// Nothing, with 204.
    NoContent,
}

/// What becomes of a user who is disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Disable {
    /// It is recorded.
    #[default]
    Records,
    /// The user is deleted.
    Deletes,
}

/// The form of a 404.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Errors {
    /// An error of SCIM.
    #[default]
    Scim,
    /// A page of HTML.
    Html,
}

/// Whether there is `PATCH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Patch {
    /// There is.
    #[default]
    Present,
    /// 501.
    Absent,
}

impl Patch {
    pub(super) fn is_absent(self) -> bool {
        self == Patch::Absent
    }
}
