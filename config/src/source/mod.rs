// SPDX-License-Identifier: Apache-2.0
//! `[source.NAME]`: a legacy database of one kind or another.
//!
//! What every kind has (rate, chunks, intervals, limits of loss) is read here; what only one kind has stands
//! in a file of its own, with the type that holds it. A new kind is: that file, a variant of [`SourceKind`], an arm in
//! each of its methods, a line in `KINDS`, a section of `config/reference.toml`, and an arm of `source()` in
//! `gateway/node/src/assemble.rs`. The tests demand the section and its words; the compiler demands the arms.

mod access;
mod mssql;
mod mysql;
mod odbc;
mod secret;
mod tls;

use std::path::Path;
use std::time::Duration;

use silsila_diagnostics::{Diagnostic, suggest};

pub use access::AccessSource;
pub use mssql::MssqlSource;
pub use mysql::MysqlSource;
pub use odbc::{OdbcSource, OdbcText};
pub use tls::SourceTls;

use crate::section::Section;
use crate::{Hours, SecretRef, UtcOffset, values};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// `[source.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// NAME: part of every resource's identity, so it must never change.
    pub name: String,
    /// What kind of database, and how to reach it.
    pub kind: SourceKind,
    /// At most so many rows a second are read.
    pub rows_per_second: u32,
    /// Rows asked for at once.
    pub chunk_rows: u32,
    /// Pause between two looks for changed rows.
    pub poll_interval: Duration,
    /// How far a look for changes reaches back behind the newest one seen.
    pub overlap: Duration,
    /// Pause between two sweeps over every row.
    pub sweep_interval: Duration,
    /// A table that loses more than this share at once stops the source, in percent.
    pub loss_limit_percent: f64,
    /// However small a table, so many rows may vanish at once without stopping the source.
    pub loss_floor_rows: u32,
    /// When sweeps may run; always where absent. Changes are followed at any hour.
    pub allowed_hours: Option<Hours>,
    /// The offset in which `allowed_hours` are meant; there whenever they are.
    pub utc_offset: Option<UtcOffset>,
}

/// What kind of database a source is, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// MySQL or MariaDB.
    MySql(MysqlSource),
    /// A file of MS Access.
    Access(AccessSource),
    /// Microsoft SQL Server.
    Mssql(MssqlSource),
    /// Any database that has an ODBC driver.
    Odbc(OdbcSource),
}

/// Reads the settings of one kind.
pub(crate) type ReadKind = fn(&mut Section<'_, '_>, &Path) -> SourceKind;

/// Every kind by the word that the file says.
const KINDS: &[(&str, ReadKind)] = &[
    ("mysql", mysql::read),
    ("access", access::read),
    ("mssql", mssql::read),
    ("odbc", odbc::read),
];

impl SourceKind {
    /// The setting that says where the database is; faults of the database are shown at it.
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self {
            Self::MySql(_) | Self::Mssql(_) => "host",
            Self::Access(_) => "file",
            Self::Odbc(_) => "connection",
        }
    }

    /// The host that is spoken to over a network, and how that is encrypted.
    #[must_use]
    pub fn remote(&self) -> Option<(&str, &SourceTls)> {
        match self {
            Self::MySql(mysql) => Some((&mysql.host, &mysql.tls)),
            Self::Mssql(mssql) => Some((&mssql.host, &mssql.tls)),
            // What a driver does with a network is its own affair.
            Self::Access(_) | Self::Odbc(_) => None,
        }
    }

    /// The secrets that must be there before the source is used, each with the stem of its settings:
    /// `password` stands for `password_file` and `password_env`.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        match self {
            Self::MySql(mysql) => vec![("password", &mysql.password)],
            Self::Mssql(mssql) => vec![("password", &mssql.password)],
            Self::Access(access) => access.password.iter().map(|p| ("password", p)).collect(),
            Self::Odbc(odbc) => odbc.password.iter().map(|p| ("password", p)).collect(),
        }
    }
}

/// Reads one source.
pub(crate) fn read(mut section: Section<'_, '_>, name: String, folder: &Path) -> Source {
    section.reader().learn_kinds(folder, KINDS);
    let source = Source {
        name,
        kind: kind(&mut section, folder),
        rows_per_second: section.defaulted("rows_per_second", values::whole(1, 10_000_000), 5_000),
        chunk_rows: section.defaulted("chunk_rows", values::whole(1, 100_000), 2_000),
        poll_interval: section.defaulted(
            "poll_interval",
            values::duration(100 * MS, DAY),
            2 * SECOND,
        ),
        overlap: section.defaulted("overlap", values::duration(Duration::ZERO, 7 * DAY), MINUTE),
        sweep_interval: section.defaulted(
            "sweep_interval",
            values::duration(SECOND, 31 * DAY),
            DAY,
        ),
        loss_limit_percent: section.defaulted("loss_limit_percent", values::percent, 2.0),
        loss_floor_rows: section.defaulted("loss_floor_rows", values::whole(0, 1_000_000), 2),
        allowed_hours: section.optional("allowed_hours", values::hours),
        utc_offset: section.optional("utc_offset", values::utc_offset),
    };
    section.finish();
    source
}

/// The kind's own settings. Of a kind that was misspelt they are read as those of the kind that was probably
/// meant, so that all faults are told at once; where that cannot be guessed, only the settings that all
/// kinds have are judged.
fn kind(section: &mut Section<'_, '_>, folder: &Path) -> SourceKind {
    let words = || KINDS.iter().map(|(word, _)| *word);
    let written = section.text("kind").map(str::to_owned);
    let meant: Option<ReadKind> =
        section.required("kind", |v| values::choice(KINDS)(v).map(Some), None);
    let word = written.and_then(|written| match meant {
        Some(_) => words().find(|word| *word == written),
        None => suggest(&written, words()).and_then(|near| words().find(|word| *word == near)),
    });
    let read = word.and_then(|word| KINDS.iter().find(|(known, _)| *known == word));
    match read {
        Some((word, read)) => section.of_kind(word, |section| read(section, folder)),
        None => {
            section.judge_no_names();
            SourceKind::Access(AccessSource::default())
        }
    }
}

/// Refuses a name that could not be part of an identity for ever.
pub(crate) fn check_name(section: &mut Section<'_, '_>, name: &str) {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(letters);
    if !sound {
        let path = section.name_of(name);
        let fault = Diagnostic::error("CFG0007", format!("{name:?} cannot name a source"))
            .help("at most 32 lower-case letters, digits and hyphens, a letter first: [source.mirpurkhas]");
        section.reader().fault(&path, fault);
    }
}
