//! Accounts that a row names otherwise than by their id.

use super::row::Row;
use crate::model::error::Result;
use crate::policy::options::CallOptions;
use crate::system::AccountSystem;

/// Returns the row with the id of its account, which is looked up if the row names it otherwise. From then on the id counts: what
/// the account is called can change until its turn comes. The name as it was written is the row's key, if it has no other.
pub(super) async fn by_id(mut row: Row, system: &dyn AccountSystem, options: CallOptions) -> Result<Row> {
    if !system.is_id(&row.user) {
        let id = system.find_with(&row.user, options).await?;
        let name = std::mem::replace(&mut row.user, id);
        row.key.get_or_insert(name);
    }
    Ok(row)
}
