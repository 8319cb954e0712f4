// SPDX-License-Identifier: Apache-2.0
//! One writer per file, over all processes: the writer keeps the chain's state in memory, so a second
//! one would write from a state that is no longer true. The system gives the lock up with the process.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::StoreError;
use crate::file::place::beside;

/// Held while the file is open for writing.
pub(crate) struct WriteLock(
    #[expect(dead_code, reason = "holding the file open is what locks")] File,
);

impl WriteLock {
    pub(crate) fn acquire(ledger: &Path) -> Result<Self, StoreError> {
        let path = beside(ledger, "-lock");
        let io = |action| {
            let path = path.display().to_string();
            move |source| StoreError::Io {
                action,
                path,
                source,
            }
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io("opening"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                path: ledger.display().to_string(),
            }),
            Err(TryLockError::Error(source)) => Err(io("locking")(source)),
        }
    }
}
