// SPDX-License-Identifier: Apache-2.0
//! Who asks, where, and with which parameters: what expressions may look at beside a row.

use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::{Catalogue, Table};
use super::database::Database;
use crate::data::{Type, Value};
use crate::error::{Result, SqlError};

/// A statement's parameters by name in lower case.
pub(crate) type Parameters = HashMap<String, (Value, Type)>;

pub(crate) struct Context<'a> {
    pub database: &'a Database,
    pub catalogue: Arc<Catalogue>,
    pub login: &'a str,
    pub admin: bool,
    pub session: u64,
    pub parameters: &'a Parameters,
}

impl Context<'_> {
    /// The database's user that the login is.
    pub(crate) fn user(&self) -> &str {
        if self.admin {
            "dbo"
        } else {
            self.catalogue.user_of(self.login).unwrap_or("guest")
        }
    }

    pub(crate) fn allows(&self, privilege: &str, on: Option<&Table>) -> bool {
        self.admin || self.catalogue.allows(self.user(), privilege, on)
    }

    /// Whether the catalogue's views show a table: whoever may do anything with it may know of it.
    pub(crate) fn sees(&self, table: &Table) -> bool {
        [
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "VIEW DEFINITION",
            "ALTER",
        ]
        .iter()
        .any(|privilege| self.allows(privilege, Some(table)))
    }

    pub(crate) fn demand(&self, privilege: &str, table: &Table) -> Result<()> {
        if self.allows(privilege, Some(table)) {
            return Ok(());
        }
        Err(SqlError::denied(
            privilege,
            &table.name,
            &self.database.name,
            &table.schema,
        ))
    }

    /// What only the administrator may do here.
    pub(crate) fn demand_admin(&self, what: &str) -> Result<()> {
        if self.admin {
            return Ok(());
        }
        let message = format!(
            "{what} permission denied in database '{}'.",
            self.database.name
        );
        Err(SqlError::new(262, 14, message))
    }
}
