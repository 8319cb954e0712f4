// SPDX-License-Identifier: Apache-2.0
//! What a MySQL source needs to know.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use silsila_source::Secret;

/// How to reach a MySQL or MariaDB server, and how gently to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MySqlOptions {
    /// The source's name in the configuration.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database (schema) whose tables are read.
    pub database: String,
    /// A user that may `SELECT` and nothing more.
    pub user: String,
    /// That user's password.
    pub password: Secret,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
    /// At most this many rows per second, over all connections together; `None` reads at full speed.
    pub rows_per_second: Option<NonZeroU32>,
    /// The longest that one statement may run, on the server as on the wire.
    pub statement_timeout: Duration,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
    /// At most this many connections at once; the one that the binary log is read on comes on top.
    pub connections: usize,
    /// Whether the server's binary log is followed, where it can be.
    pub binlog: bool,
    /// Our number among those who read the log; `None` chooses one by chance at every start.
    pub server_id: Option<NonZeroU32>,
}

impl MySqlOptions {
    /// Options with the defaults: port 3306, TLS required with the public authorities, no rate limit,
    /// statements of at most a minute, two connections.
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
            port: 3306,
            database: database.into(),
            user: user.into(),
            password,
            tls: Tls::Required {
                ca_file: None,
                server_name: None,
            },
            rows_per_second: None,
            statement_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            connections: 2,
            binlog: true,
            server_id: None,
        }
    }
}

/// Whether and how the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain text. Refused unless the host is this machine, where a tunnel may also end.
    Off,
    /// TLS 1.2 or 1.3 with the server's certificate and name checked before the password is sent.
    Required {
        /// Certificates (PEM) of the authorities to trust, and no others; `None` trusts the public ones.
        ca_file: Option<PathBuf>,
        /// The name that the certificate must bear, where it is not the host's.
        server_name: Option<String>,
    },
}
