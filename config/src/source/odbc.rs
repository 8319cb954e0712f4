// SPDX-License-Identifier: Apache-2.0
//! `kind = "odbc"`: any database that has an ODBC driver.

use std::path::Path;
use std::time::Duration;

use silsila_diagnostics::Diagnostic;

use super::secret::{self, PASSWORD};
use super::{MINUTE, MS, SECOND, SourceKind};
use crate::section::Section;
use crate::{SecretRef, values};

/// How to reach a database through its ODBC driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OdbcSource {
    /// `Driver=...;Server=...` or `DSN=...`, without a password.
    pub connection: String,
    /// The user, where the driver wants one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretRef>,
    /// The catalog (database) that is read, where it is not the connection's own.
    pub catalog: Option<String>,
    /// The schema (owner) that is read.
    pub schema: Option<String>,
    /// In which encoding text travels between driver and gateway.
    pub text: OdbcText,
    /// Connections at most.
    pub connections: u32,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

/// The encoding of text between an ODBC driver and the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OdbcText {
    /// What the driver can do best.
    #[default]
    Auto,
    /// UTF-16.
    Utf16,
    /// UTF-8.
    Utf8,
}

const TEXTS: &[(&str, OdbcText)] = &[
    ("auto", OdbcText::Auto),
    ("utf-16", OdbcText::Utf16),
    ("utf-8", OdbcText::Utf8),
];

/// Attributes of a connection string that hold a password.
const SECRETS: &[&str] = &["pwd", "password", "passwd"];

pub(super) fn read(section: &mut Section<'_, '_>, folder: &Path) -> SourceKind {
    SourceKind::Odbc(OdbcSource {
        connection: connection(section),
        user: section.optional("user", values::text),
        password: secret::optional(section, PASSWORD, folder),
        catalog: section.optional("catalog", values::text),
        schema: section.optional("schema", values::text),
        text: section.defaulted("text", values::choice(TEXTS), OdbcText::Auto),
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
    })
}

/// The connection string; a password in it is refused, and never shown.
fn connection(section: &mut Section<'_, '_>) -> String {
    let text = section.required("connection", values::text, String::new());
    let names = text.split(';').filter_map(|part| part.split('=').next());
    let mut names = names.map(|name| name.trim().to_ascii_lowercase());
    if names.any(|name| SECRETS.contains(&name.as_str())) {
        let path = section.name_of("connection");
        let fault = Diagnostic::error("CFG0008", "the password itself stands in the connection")
            .help("write it into a file that only the gateway can read, and set password_file");
        section.reader().fault(&path, fault);
    }
    text
}
