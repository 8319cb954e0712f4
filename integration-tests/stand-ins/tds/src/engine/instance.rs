// SPDX-License-Identifier: Apache-2.0
//! The whole: databases in a folder, and the logins that may reach them.
//!
//! ```text
//! logins         one line each: name, salt, SHA-256 of salt and password
//! NAME.sqlite    one database each
//! ```

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::database::{Database, SessionId};
use crate::error::{Result, SqlError};

pub(crate) struct Instance {
    dir: PathBuf,
    /// The login that may do everything.
    admin: (String, String),
    databases: Mutex<HashMap<String, Arc<Database>>>,
    logins: Mutex<BTreeMap<String, (String, String)>>,
    sessions: AtomicU64,
}

/// The database that a login reaches that names none.
pub(crate) const MASTER: &str = "master";

impl Instance {
    pub(crate) fn open(dir: &Path, admin: (String, String)) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|e| file_error(&e))?;
        let instance = Self {
            dir: dir.to_owned(),
            admin,
            databases: Mutex::new(HashMap::new()),
            logins: Mutex::new(read_logins(&dir.join("logins"))),
            sessions: AtomicU64::new(51), // below are the server's own
        };
        instance.create(MASTER)?;
        Ok(instance)
    }

    pub(crate) fn next_session(&self) -> SessionId {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_admin(&self, login: &str) -> bool {
        login.eq_ignore_ascii_case(&self.admin.0)
    }

    /// Whether a password is a login's.
    pub(crate) fn admits(&self, login: &str, password: &str) -> bool {
        if self.is_admin(login) {
            return password == self.admin.1;
        }
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins
            .get(&login.to_ascii_lowercase())
            .is_some_and(|(salt, hash)| hashed(salt, password) == *hash)
    }

    pub(crate) fn create_login(&self, name: &str, password: &str) -> Result<()> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if logins.contains_key(&name.to_ascii_lowercase()) {
            return Err(SqlError::new(
                15_025,
                16,
                format!("The server principal '{name}' already exists."),
            ));
        }
        let mut salt = [0u8; 16];
        getrandom::fill(&mut salt).map_err(|_| SqlError::unknown("where to get random bytes"))?;
        let salt = hex(&salt);
        let hash = hashed(&salt, password);
        logins.insert(name.to_ascii_lowercase(), (salt, hash));
        self.keep(&logins)
    }

    pub(crate) fn drop_login(&self, name: &str) -> Result<()> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if logins.remove(&name.to_ascii_lowercase()).is_none() {
            return Err(SqlError::new(
                15_151,
                16,
                format!(
                    "Cannot drop the login '{name}', because it does not exist or you do not have permission."
                ),
            ));
        }
        self.keep(&logins)
    }

    fn keep(&self, logins: &BTreeMap<String, (String, String)>) -> Result<()> {
        let line = |(name, (salt, hash)): (&String, &(String, String))| {
            format!("{name}\t{salt}\t{hash}\n")
        };
        let lines: String = logins.iter().map(line).collect();
        std::fs::write(self.dir.join("logins"), lines).map_err(|e| file_error(&e))
    }

    /// The database of that name, if there is one.
    pub(crate) fn database(&self, name: &str) -> Result<Option<Arc<Database>>> {
        let mut databases = self.databases();
        let key = name.to_ascii_lowercase();
        if let Some(open) = databases.get(&key) {
            return Ok(Some(Arc::clone(open)));
        }
        let path = self.path(name)?;
        if !path.exists() {
            return Ok(None);
        }
        let database = Arc::new(Database::open(name, &path)?);
        databases.insert(key, Arc::clone(&database));
        Ok(Some(database))
    }

    pub(crate) fn create(&self, name: &str) -> Result<Arc<Database>> {
        if let Some(there) = self.database(name)? {
            return if name == MASTER {
                Ok(there)
            } else {
                Err(SqlError::new(
                    1801,
                    16,
                    format!("Database '{name}' already exists. Choose a different database name."),
                ))
            };
        }
        let database = Arc::new(Database::open(name, &self.path(name)?)?);
        self.databases()
            .insert(name.to_ascii_lowercase(), Arc::clone(&database));
        Ok(database)
    }

    pub(crate) fn drop_database(&self, name: &str) -> Result<()> {
        let database = self.database(name)?.ok_or_else(|| {
            SqlError::new(3701, 11, format!("Cannot drop the database '{name}', because it does not exist or you do not have permission."))
        })?;
        self.databases().remove(&name.to_ascii_lowercase());
        for ending in ["", "-wal", "-shm"] {
            let mut file = database.path().as_os_str().to_owned();
            file.push(ending);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(file_error(&error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let sound = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if !sound {
            return Err(SqlError::unknown(
                "databases whose names are more than letters, digits, hyphens and underscores",
            ));
        }
        Ok(self.dir.join(format!("{}.sqlite", name.to_lowercase())))
    }

    fn databases(&self) -> MutexGuard<'_, HashMap<String, Arc<Database>>> {
        self.databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_logins(file: &Path) -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        Some((parts.next()?, (parts.next()?, parts.next()?)))
    };
    text.lines().filter_map(line).collect()
}

fn hashed(salt: &str, password: &str) -> String {
    hex(&Sha256::new()
        .chain_update(salt)
        .chain_update(password)
        .finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn file_error(error: &std::io::Error) -> SqlError {
    SqlError::new(5133, 16, format!("The stand-in's folder: {}", error.kind()))
}
