// SPDX-License-Identifier: Apache-2.0
//! Where the file lies, and the key that it is encrypted with.
//!
//! ```text
//! ledger.sqlite        SQLCipher: AES-256-CBC and a MAC in every page of 16 KiB, the log's pages too
//! ledger.sqlite-key    32 bytes: a check of the key, by which another key is told from damage
//! ```
//!
//! The check is HMAC-SHA-256 under the key: it says whether a key is the one, and helps nobody to find it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use silsila_seal::ContentKey;
use zeroize::Zeroizing;

use crate::StoreError;

const CLEAR_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// The key of an encrypted ledger file: 256 random bits, used as they are. Overwritten when dropped.
#[derive(Clone)]
pub struct FileKey(Zeroizing<[u8; 32]>);

impl FileKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }

    /// A connection to an encrypted ledger behind the store's back: for tests and measurements, which may change
    /// what a store would refuse to.
    ///
    /// # Errors
    /// Where the file is no ledger, or encrypted with another key.
    pub fn connect(&self, path: &Path) -> Result<rusqlite::Connection, StoreError> {
        super::connection::connect_behind(&LedgerFile {
            path: path.to_owned(),
            key: Some(self.clone()),
        })
    }

    /// The form in which SQLCipher takes a key as it is, without stretching it.
    pub(super) fn raw(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(67));
        text.push_str("x'");
        for byte in self.0.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(nibble), 16));
            }
        }
        text.push('\'');
        text
    }

    fn check(&self) -> [u8; 32] {
        ContentKey::new(&self.0).named(b"silsila ledger file key 1")
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(..)")
    }
}

/// The ledger's file, and its key where it is encrypted.
#[derive(Debug, Clone)]
pub(crate) struct LedgerFile {
    pub(crate) path: PathBuf,
    pub(crate) key: Option<FileKey>,
}

impl LedgerFile {
    /// Refuses a file in clear where there is a key: what was written before would stay readable.
    pub(super) fn expect_encrypted(&self) -> Result<(), StoreError> {
        let mut head = [0; CLEAR_HEADER.len()];
        let begins_clear = fs::File::open(&self.path)
            .and_then(|mut file| file.read_exact(&mut head))
            .is_ok_and(|()| head == *CLEAR_HEADER);
        if begins_clear && self.key.is_some() {
            return Err(StoreError::NotEncrypted {
                path: self.path.display().to_string(),
            });
        }
        Ok(())
    }

    /// What it means that SQLite finds no database here.
    pub(super) fn unreadable(&self) -> Option<StoreError> {
        let key = self.key.as_ref()?;
        if fs::read(self.check_path()).is_ok_and(|check| check == key.check()) {
            return None;
        }
        Some(StoreError::WrongKey {
            path: self.path.display().to_string(),
        })
    }

    /// Writes the check beside a file that the key opened, where it is not there.
    pub(super) fn keep_check(&self) -> Result<(), StoreError> {
        let Some(key) = &self.key else {
            return Ok(());
        };
        let (path, check) = (self.check_path(), key.check());
        if fs::read(&path).is_ok_and(|kept| kept == check) {
            return Ok(());
        }
        fs::write(&path, check).map_err(|source| StoreError::Io {
            action: "writing",
            path: path.display().to_string(),
            source,
        })
    }

    fn check_path(&self) -> PathBuf {
        beside(&self.path, "-key")
    }
}

/// The name of a file beside the ledger.
pub(crate) fn beside(ledger: &Path, suffix: &str) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
