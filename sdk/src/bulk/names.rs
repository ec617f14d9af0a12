//! Accounts that a row names otherwise than by their id.

use super::read::shown;
use super::row::{BadRow, Row};
use crate::model::error::Error;
use crate::policy::options::CallOptions;
use crate::system::AccountSystem;
use crate::system::registry::Registry;

impl Row {
    /// Returns the row with the id of its account, which is [looked up](AccountSystem::find) if the row names it otherwise. From
    /// then on the id counts: what the account is called can change until its turn comes. The name as it was written is the
    /// row's key, if it has no other.
    ///
    /// # Errors
    /// Those of [`find`](AccountSystem::find).
    pub async fn by_id(mut self, system: &dyn AccountSystem, options: CallOptions) -> Result<Row, Error> {
        if !system.is_id(&self.user) {
            let id = system.find_with(&self.user, options).await?;
            let name = std::mem::replace(&mut self.user, id);
            self.key.get_or_insert(name);
        }
        Ok(self)
    }

    /// Returns the row with the id of its account, as [`by_id`](Row::by_id) does, of a system that a registry has under its name.
    ///
    /// # Errors
    /// The account cannot be found.
    pub async fn by_id_in(self, registry: &Registry) -> Result<Row, BadRow> {
        let Some(system) = registry.get(&self.system) else { return Ok(self) };
        let (line, user) = (self.line, shown(&self.user));
        let found = self.by_id(system, CallOptions::default()).await;
        found.map_err(|error| BadRow::new(line, Some("user"), format!("{error}; it is `{user}`")))
    }
}
