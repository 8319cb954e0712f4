// SPDX-License-Identifier: Apache-2.0
//! A database of its own for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use silsila_mssql::session::Session;
use silsila_mssql::{MsSql, MsSqlOptions};

use super::SqlServer;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The password of every reading login; nothing here is secret.
pub(super) const PASSWORD: &str = "Only-for-tests-1";

/// A database, and a login that may read it and nothing else.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name, which is also its login's. On a real server both stay behind: drop what begins with
    /// `silsila_test`.
    pub name: String,
    /// The server it lies on.
    pub server: Arc<SqlServer>,
}

impl Database {
    /// A new, empty database on the shared server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn new() -> anyhow::Result<Self> {
        Self::on(SqlServer::shared().await).await
    }

    /// A new, empty database on a server of the caller's.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn on(server: Arc<SqlServer>) -> anyhow::Result<Self> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let since = std::time::UNIX_EPOCH.elapsed()?.as_millis();
        let name = format!("silsila_test_{since}_{}_{count}", std::process::id());
        Self::named(server, &name).await
    }

    /// A new, empty database of that name, with its reading login.
    ///
    /// # Errors
    /// When the server refuses, or has such a database already.
    pub async fn named(server: Arc<SqlServer>, name: &str) -> anyhow::Result<Self> {
        let script = format!(
            "CREATE DATABASE [{name}];
             CREATE LOGIN [{name}] WITH PASSWORD = N'{PASSWORD}', CHECK_POLICY = OFF;
             GO
             USE [{name}];
             GO
             CREATE USER [{name}] FOR LOGIN [{name}];
             GRANT SELECT TO [{name}];"
        );
        server.execute("master", &script).await?;
        Ok(Self {
            name: name.into(),
            server,
        })
    }

    /// Runs a script in this database as the administrator.
    ///
    /// # Errors
    /// When a batch fails.
    pub async fn execute(&self, script: &str) -> anyhow::Result<()> {
        self.server.execute(&self.name, script).await
    }

    /// A session of the administrator's in this database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn admin(&self) -> anyhow::Result<Session> {
        self.server.admin(&self.name).await
    }

    /// The adapter's options for the reading login.
    #[must_use]
    pub fn options(&self) -> MsSqlOptions {
        self.server.options("khi", &self.name, &self.name, PASSWORD)
    }

    /// The database through the adapter, as the reading login.
    #[must_use]
    pub fn source(&self) -> MsSql {
        MsSql::new(self.options())
    }
}
