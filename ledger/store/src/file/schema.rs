// SPDX-License-Identifier: Apache-2.0
//! The ledger's tables. Others in the same file belong to the index and to the pipeline.

use rusqlite::Connection;

use crate::StoreError;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS ledger_meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_block (
    height INTEGER PRIMARY KEY,
    first_transaction INTEGER NOT NULL,
    header BLOB NOT NULL,
    certificate BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_transaction (
    number INTEGER PRIMARY KEY,
    height INTEGER NOT NULL,
    first_entry INTEGER NOT NULL,
    header BLOB NOT NULL,
    signature BLOB NOT NULL,
    chunk_roots BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_transaction_id (
    prefix INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (prefix, number)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_entries (
    first INTEGER PRIMARY KEY,
    transaction_number INTEGER NOT NULL,
    payload INTEGER NOT NULL,
    bytes BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_payload (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_payload_digest (
    prefix INTEGER NOT NULL,
    payload INTEGER NOT NULL,
    PRIMARY KEY (prefix, payload)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_version (
    tag INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (tag, entry)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_node (
    place INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_outbox (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    header BLOB NOT NULL,
    signature BLOB NOT NULL,
    entries BLOB NOT NULL,
    payload INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_content_key (
    custodian BLOB NOT NULL,
    subject BLOB NOT NULL,
    class INTEGER NOT NULL,
    period INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (custodian, subject, class, period)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_closed (
    subject INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (subject, entry)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_wanted (
    digest BLOB NOT NULL,
    payload INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (digest, payload)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_held (
    digest BLOB PRIMARY KEY,
    until INTEGER NOT NULL,
    bytes BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_damage (
    number INTEGER PRIMARY KEY,
    found_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    part TEXT NOT NULL,
    height INTEGER,
    entry INTEGER,
    what TEXT NOT NULL,
    repaired_ms INTEGER,
    repaired_from TEXT
);

CREATE TABLE IF NOT EXISTS ledger_scrub (
    number INTEGER PRIMARY KEY CHECK (number = 0),
    height INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_epoch (
    first INTEGER PRIMARY KEY,
    validators BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_halt (
    number INTEGER PRIMARY KEY CHECK (number = 0),
    found_ms INTEGER NOT NULL,
    height INTEGER NOT NULL,
    evidence BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_witness (
    member BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    note BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ledger_rejected (
    id BLOB PRIMARY KEY,
    code TEXT NOT NULL
) WITHOUT ROWID;
";

/// Makes the tables where they are missing.
pub(crate) fn create_tables(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(TABLES)?;
    // A file of an earlier version has the list without this column.
    let mut column = conn
        .prepare("SELECT 1 FROM pragma_table_info('ledger_damage') WHERE name = 'repaired_from'")?;
    if !column.exists([])? {
        conn.execute_batch("ALTER TABLE ledger_damage ADD COLUMN repaired_from TEXT")?;
    }
    Ok(())
}
