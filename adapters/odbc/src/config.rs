// SPDX-License-Identifier: Apache-2.0
//! What an ODBC source needs to know.

use std::num::NonZeroU32;
use std::time::Duration;

use silsila_source::Secret;

/// How to reach a database through its ODBC driver, and how gently to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OdbcOptions {
    /// The source's name in the configuration.
    pub name: String,
    /// `Driver=...;Server=...` or `DSN=...`: everything but user and password.
    pub connection: String,
    /// Added as `UID`, where the driver wants one.
    pub user: Option<String>,
    /// Added as `PWD`.
    pub password: Option<Secret>,
    /// The catalog (database) whose tables are read; the connection's own where it is left out.
    pub catalog: Option<String>,
    /// The schema (owner) whose tables are read; where it is left out, the database's search path decides.
    pub schema: Option<String>,
    /// In which encoding text travels between driver and adapter.
    pub text: TextMode,
    /// At most this many rows per second, over all connections together; `None` reads at full speed.
    pub rows_per_second: Option<NonZeroU32>,
    /// The longest that one statement may run, as the driver is told and as the adapter waits.
    pub statement_timeout: Duration,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
    /// What driver and network may add to either, before a call into the driver is given up.
    pub grace: Duration,
    /// At most this many connections at once.
    pub connections: usize,
}

impl OdbcOptions {
    /// Options with the defaults: no rate limit, statements of at most a minute, two connections.
    #[must_use]
    pub fn new(name: impl Into<String>, connection: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            connection: connection.into(),
            user: None,
            password: None,
            catalog: None,
            schema: None,
            text: TextMode::Auto,
            rows_per_second: None,
            statement_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            connections: 2,
        }
    }
}

/// The encoding of text between driver and adapter. It is no property of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextMode {
    /// UTF-16 where the driver can give it, else UTF-8; found out by asking the driver for its table types.
    #[default]
    Auto,
    /// UTF-16, which most drivers of today speak.
    Utf16,
    /// UTF-8, for drivers that know bytes alone.
    Utf8,
}
