// SPDX-License-Identifier: Apache-2.0
//! What a SQL Server source needs to know.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use silsila_source::Secret;

/// How to reach a SQL Server, and how gently to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MsSqlOptions {
    /// The source's name in the configuration.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port. A named instance has a port of its own; the SQL Server Browser is not asked for it.
    pub port: u16,
    /// The database whose tables are read.
    pub database: String,
    /// A SQL Server login that may `SELECT` and nothing more.
    pub user: String,
    /// That login's password.
    pub password: Secret,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
    /// At most this many rows per second, over all connections together; `None` reads at full speed.
    pub rows_per_second: Option<NonZeroU32>,
    /// The longest that one statement may run: after it the connection is dropped, which ends the
    /// statement on the server too.
    pub statement_timeout: Duration,
    /// The longest that a statement waits for a lock that the hospital's software holds.
    pub lock_timeout: Duration,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
    /// At most this many connections at once.
    pub connections: usize,
}

impl MsSqlOptions {
    /// Options with the defaults: port 1433, TLS required with the public authorities, no rate limit,
    /// statements of at most a minute that wait at most ten seconds for a lock, two connections.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        host: impl Into<String>,
        database: impl Into<String>,
        user: impl Into<String>,
        password: Secret,
    ) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            port: 1433,
            database: database.into(),
            user: user.into(),
            password,
            tls: Tls::Required {
                ca_file: None,
                server_name: None,
            },
            rows_per_second: None,
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            connections: 2,
        }
    }
}

/// Whether and how the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain text. Refused unless the host is this machine, where a tunnel may also end.
    Off,
    /// TLS 1.2 with the server's certificate and name checked before the password is sent.
    Required {
        /// Certificates (PEM) of the authorities to trust, and no others; `None` trusts the public ones.
        ca_file: Option<PathBuf>,
        /// The name that the certificate must bear, where it is not the host's.
        server_name: Option<String>,
    },
}
