// SPDX-License-Identifier: Apache-2.0
//! `kind = "mysql"`: a server of MySQL or MariaDB.

use std::path::Path;
use std::time::Duration;

use super::secret::{self, PASSWORD};
use super::{MINUTE, MS, SECOND, SourceKind, SourceTls, tls};
use crate::section::Section;
use crate::{SecretRef, values};

/// How to reach MySQL or MariaDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlSource {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database (schema) that is read.
    pub database: String,
    /// A user with SELECT on it and nothing more.
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
    /// Whether the server's binary log is followed, where it can be.
    pub binlog: bool,
    /// Our number among those who read that log; chosen by chance where it is left out.
    pub server_id: Option<u32>,
}

/// How changes are found between sweeps.
const CHANGES: &[(&str, bool)] = &[("automatic", true), ("watermark", false)];

pub(super) fn read(section: &mut Section<'_, '_>, folder: &Path) -> SourceKind {
    SourceKind::MySql(MysqlSource {
        host: section.required("host", values::text, String::new()),
        port: section.defaulted("port", values::port, 3306),
        database: section.required("database", values::text, String::new()),
        user: section.required("user", values::text, String::new()),
        password: secret::required(section, PASSWORD, folder),
        tls: tls::read(section, folder),
        connections: section.defaulted("connections", values::whole(1, 16), 2),
        statement_timeout: section.defaulted(
            "statement_timeout",
            values::duration(SECOND, 60 * MINUTE),
            MINUTE,
        ),
        connect_timeout: section.defaulted(
            "connect_timeout",
            values::duration(100 * MS, 10 * MINUTE),
            10 * SECOND,
        ),
        binlog: section.defaulted("changes", values::choice(CHANGES), true),
        server_id: section.optional("server_id", values::whole(1, u32::MAX)),
    })
}
