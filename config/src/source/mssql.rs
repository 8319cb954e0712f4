// SPDX-License-Identifier: Apache-2.0
//! `kind = "mssql"`: a Microsoft SQL Server.

use std::path::Path;
use std::time::Duration;

use super::secret::{self, PASSWORD};
use super::{MINUTE, MS, SECOND, SourceKind, SourceTls, tls};
use crate::section::Section;
use crate::{SecretRef, values};

/// How to reach SQL Server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MssqlSource {
    /// Host name or address.
    pub host: String,
    /// TCP port; a named instance has its own.
    pub port: u16,
    /// The database that is read.
    pub database: String,
    /// A SQL Server login with SELECT on it and nothing more.
    pub user: String,
    /// Its password.
    pub password: SecretRef,
    /// Whether the connection is encrypted.
    pub tls: SourceTls,
    /// Connections at most.
    pub connections: u32,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
}

pub(super) fn read(section: &mut Section<'_, '_>, folder: &Path) -> SourceKind {
    SourceKind::Mssql(MssqlSource {
        host: section.required("host", values::text, String::new()),
        port: section.defaulted("port", values::port, 1433),
        database: section.required("database", values::text, String::new()),
        user: section.required("user", values::text, String::new()),
        password: secret::required(section, PASSWORD, folder),
        tls: tls::read(section, folder),
        connections: section.defaulted("connections", values::whole(1, 16), 2),
        connect_timeout: section.defaulted(
            "connect_timeout",
            values::duration(100 * MS, 10 * MINUTE),
            10 * SECOND,
        ),
        statement_timeout: section.defaulted(
            "statement_timeout",
            values::duration(SECOND, 60 * MINUTE),
            MINUTE,
        ),
        lock_timeout: section.defaulted(
            "lock_timeout",
            values::duration(100 * MS, 10 * MINUTE),
            10 * SECOND,
        ),
    })
}
