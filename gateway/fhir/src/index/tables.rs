// SPDX-License-Identifier: Apache-2.0
//! The tables of the index, and the number of their format.

use sha2::{Digest as _, Sha256};
use silsila_schema::resource_types;
use silsila_schema::search::{Kind, params};
use silsila_store::rusqlite::{self, Connection, OptionalExtension as _, params as sql};

/// Raised with every change of what is written; an index of another format is built anew.
const FORMAT: u32 = 3;

/// The tables. `vid` is the entry's number in the chain, so that a snapshot of the whole index is one
/// number: a version is visible at `s` when `vid <= s` and no later version `next <= s` replaced it. A
/// resource has the number of its first version; its name and its tag are terms that lead there.
const TABLES: &str = "
CREATE TABLE fhir_meta(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE fhir_resource(rid INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL,
    tag BLOB NOT NULL, head INTEGER NOT NULL) STRICT;
CREATE TABLE fhir_version(vid INTEGER PRIMARY KEY, rid INTEGER NOT NULL, type INTEGER NOT NULL,
    version INTEGER NOT NULL, updated INTEGER NOT NULL, op INTEGER NOT NULL, prev INTEGER, next INTEGER,
    present INTEGER NOT NULL, facts BLOB) STRICT;
CREATE TABLE fhir_stale(next INTEGER PRIMARY KEY, vid INTEGER NOT NULL UNIQUE, at INTEGER NOT NULL) STRICT;
CREATE TABLE fhir_count(type INTEGER PRIMARY KEY, live INTEGER NOT NULL, versions INTEGER NOT NULL) STRICT;
CREATE TABLE fhir_system(num INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE fhir_term(term INTEGER, vid INTEGER, system INTEGER,
    PRIMARY KEY(term, vid, system)) STRICT, WITHOUT ROWID;
CREATE TABLE fhir_fresh(term INTEGER, vid INTEGER, system INTEGER,
    PRIMARY KEY(term, vid, system)) STRICT, WITHOUT ROWID;
CREATE TABLE fhir_range(key INTEGER, vid INTEGER, PRIMARY KEY(key, vid)) STRICT, WITHOUT ROWID;
CREATE TABLE fhir_text(param INTEGER, text TEXT, vid INTEGER,
    PRIMARY KEY(param, text, vid)) STRICT, WITHOUT ROWID;
";

/// Their names.
pub const NAMES: [&str; 10] = [
    "fhir_meta",
    "fhir_resource",
    "fhir_version",
    "fhir_stale",
    "fhir_count",
    "fhir_system",
    "fhir_term",
    "fhir_fresh",
    "fhir_range",
    "fhir_text",
];

/// The two secrets of an index: one keys its terms, the other its page tokens.
#[derive(Clone)]
pub struct Secrets {
    /// Keys the terms.
    pub terms: [u8; 16],
    /// Keys the page tokens.
    pub pages: [u8; 32],
}

/// Makes the tables where there are none, or where they are of another format: those are dropped, and
/// the index follows the chain again from its first entry. New tables are keyed with `secrets`, or with new ones.
pub fn prepare(conn: &Connection, secrets: Option<&Secrets>) -> rusqlite::Result<()> {
    let format = format_digest();
    if stored_format(conn)?.as_deref() == Some(&format[..]) {
        return Ok(());
    }
    conn.execute_batch("SAVEPOINT fhir_prepare")?;
    let made = make(conn, &format, secrets);
    conn.execute_batch(match made {
        Ok(()) => "RELEASE fhir_prepare",
        Err(_) => "ROLLBACK TO fhir_prepare; RELEASE fhir_prepare",
    })?;
    made
}

fn make(conn: &Connection, format: &[u8; 32], secrets: Option<&Secrets>) -> rusqlite::Result<()> {
    for name in NAMES {
        conn.execute_batch(&format!("DROP TABLE IF EXISTS {name}"))?;
    }
    conn.execute_batch(TABLES)?;
    let mut put = conn.prepare("INSERT INTO fhir_meta(name, value) VALUES (?1, ?2)")?;
    put.execute(sql!["format", &format[..]])?;
    let secrets = match secrets {
        Some(secrets) => secrets.clone(),
        None => Secrets {
            terms: random()?,
            pages: random()?,
        },
    };
    put.execute(sql!["terms", &secrets.terms[..]])?;
    put.execute(sql!["pages", &secrets.pages[..]])?;
    put.execute(sql!["purged", -1_i64])?;
    put.execute(sql!["next", 0_i64])?;
    Ok(())
}

fn stored_format(conn: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
    let there = conn
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE name = 'fhir_meta'",
            [],
            |_| Ok(()),
        )
        .optional()?
        .is_some();
    if there {
        meta(conn, "format")
    } else {
        Ok(None)
    }
}

/// A value of the index's own table.
pub fn meta<T: rusqlite::types::FromSql>(
    conn: &Connection,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached("SELECT value FROM fhir_meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// The secrets of this index; none where it was never prepared.
pub fn secrets(conn: &Connection) -> rusqlite::Result<Option<Secrets>> {
    let terms: Option<[u8; 16]> = meta(conn, "terms")?;
    let pages: Option<[u8; 32]> = meta(conn, "pages")?;
    Ok(terms
        .zip(pages)
        .map(|(terms, pages)| Secrets { terms, pages }))
}

/// The number of the entry that the index takes next: it has all records before.
pub fn next_entry(conn: &Connection) -> rusqlite::Result<i64> {
    Ok(meta(conn, "next")?.unwrap_or_default())
}

/// Notes that the index has all records before this entry.
pub fn set_next_entry(conn: &Connection, next: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE fhir_meta SET value = ?1 WHERE name = 'next'")?
        .execute([next])?;
    Ok(())
}

/// Changes with the format above and with every search parameter, so that no index row is ever read by
/// other rules than it was written.
fn format_digest() -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(FORMAT.to_le_bytes());
    for resource_type in resource_types() {
        hash.update(resource_type.as_bytes());
        for param in params(resource_type) {
            hash.update([0, kind_number(param.kind)]);
            hash.update(param.id.to_le_bytes());
            hash.update(param.code.as_bytes());
        }
        hash.update([1]);
    }
    hash.finalize().into()
}

fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Token => 0,
        Kind::String => 1,
        Kind::Date => 2,
        Kind::Reference => 3,
        Kind::Quantity => 4,
        Kind::Number => 5,
        Kind::Uri => 6,
    }
}

fn random<const N: usize>() -> rusqlite::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.to_string().into()))?;
    Ok(bytes)
}

/// Types by number, as the index stores them.
pub mod types {
    use std::sync::LazyLock;

    use super::resource_types;

    static TYPES: LazyLock<Vec<&'static str>> = LazyLock::new(|| resource_types().collect());

    /// The number of a type.
    pub fn number(resource_type: &str) -> Option<i64> {
        let place = TYPES.binary_search(&resource_type).ok()?;
        i64::try_from(place).ok()
    }

    /// The type of a number.
    pub fn name(number: i64) -> Option<&'static str> {
        TYPES.get(usize::try_from(number).ok()?).copied()
    }
}
