// SPDX-License-Identifier: Apache-2.0
//! A database of its own for each test, on one server for all tests of a binary.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use silsila_mysql::{MySql, MySqlOptions, Tls};
use silsila_source::Secret;
use tokio::sync::OnceCell;

use super::{MariaDb, MariaDbOptions};

static SHARED: OnceCell<Arc<MariaDb>> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The password of every reading user; nothing here is secret.
const PASSWORD: &str = "only-for-tests";

/// The server that all tests of this binary share; it is never killed before the binary ends.
///
/// # Panics
/// When no server is installed or it does not come up, with the remedy: a test fails, it does not skip.
pub async fn shared() -> Arc<MariaDb> {
    SHARED
        .get_or_init(|| async {
            match MariaDb::start(MariaDbOptions::default()).await {
                Ok(server) => Arc::new(server),
                Err(error) => panic!("{error:#}"),
            }
        })
        .await
        .clone()
}

/// A database, and a user who may read it and nothing else.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name, which is also its user's.
    pub name: String,
    port: u16,
    server: Option<Arc<MariaDb>>,
}

impl Database {
    /// A new, empty database on the shared server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn new() -> anyhow::Result<Self> {
        let server = shared().await;
        let mut database = Self::on(
            &server,
            &format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        )
        .await?;
        database.server = Some(server);
        Ok(database)
    }

    /// A new database of that name on a server of the caller's, with its reading user.
    ///
    /// # Errors
    /// When the server refuses, or has such a database already.
    pub async fn on(server: &MariaDb, name: &str) -> anyhow::Result<Self> {
        let sql = format!(
            "CREATE DATABASE `{name}` CHARACTER SET utf8mb4;
             CREATE USER `{name}`@`127.0.0.1` IDENTIFIED BY '{PASSWORD}';
             GRANT SELECT ON `{name}`.* TO `{name}`@`127.0.0.1`;"
        );
        server.execute(None, &sql).await?;
        Ok(Self {
            name: name.into(),
            port: server.port(),
            server: None,
        })
    }

    /// Runs statements in this database as the administrator, without strictness, as legacy software does.
    ///
    /// # Errors
    /// When a statement fails, or the server is not the shared one.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let sql = format!("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'; {sql}");
        self.server()?.execute(Some(&self.name), &sql).await
    }

    /// The shared server that this database lies on.
    ///
    /// # Errors
    /// When it lies on another.
    pub fn server(&self) -> anyhow::Result<&MariaDb> {
        self.server
            .as_deref()
            .ok_or_else(|| anyhow::anyhow!("this database is not on the shared server"))
    }

    /// The adapter's options for the reading user.
    #[must_use]
    pub fn options(&self) -> MySqlOptions {
        let password = Secret::new(PASSWORD);
        let mut options = MySqlOptions::new("mpk", "127.0.0.1", &self.name, &self.name, password);
        options.port = self.port;
        options.tls = Tls::Off;
        options
    }

    /// The database through the adapter, as the reading user.
    #[must_use]
    pub fn source(&self) -> MySql {
        MySql::new(self.options())
    }
}
