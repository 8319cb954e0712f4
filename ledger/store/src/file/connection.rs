// SPDX-License-Identifier: Apache-2.0
//! Opening the file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::StepResult;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::file::LedgerFile;
use crate::file::rows::int;
use crate::{StoreError, StoreOptions};

const PAGE_SIZE: u64 = 16 << 10;
/// "SILS", which `file(1)` and a curious person find in the header.
const APPLICATION_ID: i64 = 0x5349_4c53;
const FORMAT: i64 = 2;
/// The log is copied back after 64 MiB: each page that was written many times goes back once.
const PAGES_PER_CHECKPOINT: u64 = 4096;

/// Opens or creates the file for its one writer.
pub(crate) fn connect_writer(options: &StoreOptions) -> Result<Connection, StoreError> {
    let file = options.file();
    file.expect_encrypted()?;
    let conn = Connection::open(&file.path).map_err(|source| unreadable(&file, source))?;
    unlock(&conn, &file)?;
    check_format(&conn, &file, true)?;
    file.keep_check()?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", int(PAGES_PER_CHECKPOINT))?;
    conn.pragma_update(None, "secure_delete", "FAST")?;
    if let Some(bytes) = options.max_file_bytes {
        conn.pragma_update_and_check(
            None,
            "max_page_count",
            int(bytes.div_ceil(PAGE_SIZE)),
            |_| Ok(()),
        )?;
    }
    tune(&conn, options.cache_bytes)?;
    Ok(conn)
}

/// Opens the file for reading.
pub(crate) fn connect_reader(
    file: &LedgerFile,
    cache_bytes: usize,
) -> Result<Connection, StoreError> {
    file.expect_encrypted()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&file.path, flags)
        .map_err(|source| unreadable(file, source))?;
    unlock(&conn, file)?;
    check_format(&conn, file, false)?;
    conn.pragma_update(None, "query_only", true)?;
    tune(&conn, cache_bytes)?;
    Ok(conn)
}

/// Opens the file with nothing but its key.
pub(crate) fn connect_behind(file: &LedgerFile) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let conn = Connection::open_with_flags(&file.path, flags)
        .map_err(|source| unreadable(file, source))?;
    unlock(&conn, file)?;
    check_format(&conn, file, false)?;
    Ok(conn)
}

/// Copies the ledger as it is at one moment into a new file, encrypted with the same key.
pub(crate) fn copy_to(file: &LedgerFile, conn: &Connection, copy: &Path) -> Result<(), StoreError> {
    let mut to = Connection::open(copy)?;
    unlock(&to, file)?;
    // One step: the pages of one state, while writers go on in the log.
    let backup = rusqlite::backup::Backup::new(conn, &mut to)?;
    match backup.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(StoreError::Io {
            action: "copying the ledger to",
            path: copy.display().to_string(),
            source: std::io::Error::other("it is locked"),
        }),
    }
}

/// Gives SQLite the key, before anything else is asked of it. The page is the unit of encryption, and its size
/// is not readable before: reader and writer must name the same.
fn unlock(conn: &Connection, file: &LedgerFile) -> Result<(), StoreError> {
    let Some(key) = &file.key else {
        conn.pragma_update(None, "page_size", int(PAGE_SIZE))?;
        return Ok(());
    };
    // What SQLCipher would print reaches the caller as an error.
    conn.pragma_update_and_check(None, "cipher_log_level", "NONE", |_| Ok(()))?;
    conn.pragma_update_and_check(None, "key", &**key.raw(), |_| Ok(()))?;
    conn.pragma_update(None, "cipher_page_size", int(PAGE_SIZE))?;
    // Processors have instructions for SHA-256 and none for SHA-512: a page costs half as much to read.
    conn.pragma_update(None, "cipher_hmac_algorithm", "HMAC_SHA256")?;
    Ok(())
}

fn tune(conn: &Connection, cache_bytes: usize) -> Result<(), StoreError> {
    let kibibytes = i64::try_from(cache_bytes >> 10).unwrap_or(i64::MAX);
    conn.pragma_update(None, "cache_size", -kibibytes)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    // Plans do not follow the values that are bound, such as that of a LIMIT: otherwise SQLite compiles a
    // cached statement again whenever one changes.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn check_format(conn: &Connection, file: &LedgerFile, create: bool) -> Result<(), StoreError> {
    let foreign = |reason: &str| StoreError::Foreign {
        path: file.path.display().to_string(),
        reason: reason.to_owned(),
    };
    let pragma = |name: &str| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, format) = match (pragma("application_id"), pragma("user_version")) {
        (Ok(application), Ok(format)) => (application, format),
        (Err(source), _) | (_, Err(source)) => return Err(unreadable(file, source)),
    };
    let empty = pragma("schema_version")? == 0;
    match (application, format) {
        (APPLICATION_ID, FORMAT) => Ok(()),
        (APPLICATION_ID, _) => Err(foreign("its format is of another version")),
        (0, 0) if empty && create => {
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            conn.pragma_update(None, "user_version", FORMAT)?;
            Ok(())
        }
        _ => Err(foreign("it was made by another program")),
    }
}

/// A file that cannot be opened: encrypted with another key, damaged at its beginning, or no ledger at all.
fn unreadable(file: &LedgerFile, source: rusqlite::Error) -> StoreError {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) if file.key.is_some() => {
            file.unreadable().unwrap_or_else(|| source.into())
        }
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::CannotOpen) => {
            StoreError::Foreign {
                path: file.path.display().to_string(),
                reason: source.to_string(),
            }
        }
        _ => source.into(),
    }
}

/// Pages of an encrypted file whose authentication fails, as SQLCipher names them. A page that is being
/// written at this moment looks the same, hence the second look.
pub(crate) fn damaged_pages(
    file: &LedgerFile,
    conn: &Connection,
) -> Result<Vec<String>, StoreError> {
    let look = || -> Result<Vec<String>, StoreError> {
        let mut check = conn.prepare("PRAGMA cipher_integrity_check")?;
        let rows = check.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    if file.key.is_none() {
        return Ok(Vec::new());
    }
    let first = look()?;
    if first.is_empty() {
        return Ok(first);
    }
    let (again, logged) = (look()?, logged_pages(&file.path));
    let in_log = |said: &str| {
        let page = said.rsplit(' ').next().and_then(|page| page.parse().ok());
        page.is_some_and(|page: u32| logged.contains(&page))
    };
    Ok(first
        .into_iter()
        .filter(|page| again.contains(page) && !in_log(page))
        .collect())
}

/// Pages that the write-ahead log holds. They are read from there and authenticated then; in the file itself
/// they are old, or not written yet where a crash cut the copying short
/// (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
fn logged_pages(path: &Path) -> HashSet<u32> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    read_logged(Path::new(&name)).unwrap_or_default()
}

fn read_logged(log: &Path) -> std::io::Result<HashSet<u32>> {
    let mut log = BufReader::new(File::open(log)?);
    let (mut head, mut frame) = ([0; 32], [0; 24]);
    log.read_exact(&mut head)?;
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.first_chunk());
        word.map_or(0, |word| u32::from_be_bytes(*word))
    };
    let (page_size, salts) = (
        i64::from(word(&head, 8)),
        (word(&head, 16), word(&head, 20)),
    );
    let (mut pages, mut transaction) = (HashSet::new(), Vec::new());
    // Frames of an earlier round have other salts; those behind the last commit do not count.
    while log.read_exact(&mut frame).is_ok() && (word(&frame, 8), word(&frame, 12)) == salts {
        transaction.push(word(&frame, 0));
        if word(&frame, 4) > 0 {
            pages.extend(transaction.drain(..));
        }
        log.seek_relative(page_size)?;
    }
    Ok(pages)
}

/// Copies the log back into the file, so that the file alone is the ledger. Readers in the middle of
/// their work prevent that; then the log stays, and is as good.
pub(crate) fn fold_log(conn: &Connection) {
    let folded = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    if !matches!(folded, Ok(0)) {
        tracing::debug!("the ledger's log was not folded back");
    }
}
