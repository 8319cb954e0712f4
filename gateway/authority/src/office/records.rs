// SPDX-License-Identifier: Apache-2.0
//! The authority's records: one SQLite file.
//!
//! | table | holds | a crash cannot |
//! |---|---|---|
//! | `issuer` | issuing certificates, the newest last | |
//! | `invitation` | what was offered to whom; the hash of the secret and of the text | |
//! | `request` | one for an invitation | use an invitation twice |
//! | `certificate` | one for a request, and one renewal of each | issue twice for one request |
//! | `revocation` | signed, one for a key | |

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use silsila_replica::certificate::IssuingCertificate;

use crate::AuthorityError;

/// "SILR", and the version of the tables.
const APPLICATION: i32 = 0x5349_4c52;
const VERSION: i32 = 1;
/// How long one of the authority's processes waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
CREATE TABLE issuer (
  id INTEGER PRIMARY KEY, der BLOB NOT NULL
) STRICT;
CREATE TABLE invitation (
  id INTEGER PRIMARY KEY, secret_hash BLOB NOT NULL UNIQUE, digest BLOB NOT NULL,
  organization TEXT NOT NULL, role TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE request (
  id INTEGER PRIMARY KEY, invitation INTEGER NOT NULL UNIQUE REFERENCES invitation,
  ledger_key BLOB NOT NULL, sealing_key BLOB NOT NULL, received_ms INTEGER NOT NULL, peer TEXT NOT NULL,
  state INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2)), decided_ms INTEGER
) STRICT;
CREATE TABLE certificate (
  serial BLOB PRIMARY KEY, request INTEGER NOT NULL REFERENCES request, renews BLOB UNIQUE REFERENCES certificate,
  ledger_key BLOB NOT NULL, issued_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, issuer INTEGER NOT NULL REFERENCES issuer,
  der BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX certificate_first ON certificate (request) WHERE renews IS NULL;
CREATE INDEX certificate_key ON certificate (ledger_key, issued_ms);
CREATE TABLE revocation (
  ledger_key BLOB PRIMARY KEY, time_ms INTEGER NOT NULL, bytes BLOB NOT NULL
) STRICT;
";

pub(crate) fn create(file: &Path, issuing: &IssuingCertificate) -> Result<(), AuthorityError> {
    let connection = Connection::open(file)?;
    connection.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};
         PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN; {SCHEMA}"
    ))?;
    connection.execute("INSERT INTO issuer (der) VALUES (?1)", [issuing.der()])?;
    connection.execute_batch("COMMIT")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

pub(crate) fn open(file: &Path) -> Result<Connection, AuthorityError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if (number("application_id")?, number("user_version")?) != (APPLICATION, VERSION) {
        return Err(AuthorityError::Records {
            reason: format!("{} holds the records of something else", file.display()),
        });
    }
    Ok(connection)
}
