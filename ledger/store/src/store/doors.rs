// SPDX-License-Identifier: Apache-2.0
//! Opening and closing.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use silsila_chain::AsCertified;

use super::{Inner, Store};
use crate::clear::ClearSuite;
use crate::file::{LedgerFile, MetaName, connect_reader, fold_log, read_meta};
use crate::read::{Anchors, Opening, Pool, Reading, StoredEpochs};
use crate::writer::{self, Checkpoint, Opened, Writer, decode_genesis};
use crate::{Dictionary, FileKey, Index, StoreError, StoreOptions};

const LONE_READERS: usize = 2;
pub(super) const READER_CACHE: usize = 8 << 20;

impl Store {
    /// Opens or creates the ledger for writing, and verifies everything since the last clean checkpoint.
    ///
    /// # Errors
    /// Where the file is damaged, foreign, or open for writing elsewhere.
    pub fn open(options: StoreOptions, index: Box<dyn Index>) -> Result<Self, StoreError> {
        let Opened { writer, genesis } = writer::open(&options, index)?;
        let file = options.file();
        Ok(Self(Arc::new(Inner {
            pool: Pool::open(&file, options.readers, options.reader_cache_bytes)?,
            reading: Arc::clone(&writer.reading),
            keys: Some(writer.keys.clone()),
            writer: Some(Mutex::new(Some(writer))),
            failing: Mutex::default(),
            commits: AtomicU64::new(0),
            on_pending: options.on_pending.clone(),
            care: Mutex::default(),
            options: Some(options),
            file,
            genesis,
        })))
    }

    /// Opens an existing ledger for reading, also while another process writes to it. Payloads that were
    /// compressed with a dictionary can be verified, but not opened.
    ///
    /// # Errors
    /// Where the file is no ledger.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Self::open_read_only_with(path, &[], None)
    }

    /// As [`Store::open_read_only`], with the dictionaries that payloads were compressed with, and the key of
    /// an encrypted file.
    ///
    /// # Errors
    /// Where the file is no ledger, or encrypted with another key.
    pub fn open_read_only_with(
        path: &Path,
        dictionaries: &[Dictionary],
        file_key: Option<FileKey>,
    ) -> Result<Self, StoreError> {
        let file = LedgerFile {
            path: path.to_owned(),
            key: file_key,
        };
        let conn = connect_reader(&file, READER_CACHE)?;
        let genesis = read_meta(&conn, MetaName::Genesis)?.ok_or_else(|| StoreError::Foreign {
            path: path.display().to_string(),
            reason: "it has no genesis".to_owned(),
        })?;
        let genesis = decode_genesis(&genesis)?;
        let opening = Opening {
            suite: ClearSuite::new(dictionaries),
            channel: genesis.id(),
            me: None,
            sealing: None,
        };
        Ok(Self(Arc::new(Inner {
            reading: Arc::new(Reading {
                epochs: StoredEpochs::new(&genesis),
                policy: Arc::new(AsCertified),
                anchors: Anchors::default(),
                opening,
            }),
            pool: Pool::open(&file, LONE_READERS, READER_CACHE)?,
            file,
            writer: None,
            keys: None,
            failing: Mutex::default(),
            commits: AtomicU64::new(0),
            on_pending: None,
            options: None,
            care: Mutex::default(),
            genesis,
        })))
    }

    /// Writes a clean checkpoint and closes the file for writing. Other clones can read on; their writes
    /// fail from here on.
    ///
    /// # Errors
    /// Where the checkpoint cannot be written.
    pub fn close(&self) -> Result<(), StoreError> {
        match &self.0.writer {
            Some(writer) => close(&mut *writer.lock().map_err(|_| StoreError::Poisoned)?),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let writer = self
            .writer
            .as_mut()
            .and_then(|writer| writer.get_mut().ok());
        if let Some(Err(error)) = writer.map(close) {
            tracing::warn!(
                code = error.code(),
                "the ledger was closed without a checkpoint"
            );
        }
    }
}

pub(crate) fn close(writer: &mut Option<Writer>) -> Result<(), StoreError> {
    let Some(writer) = writer.take() else {
        return Ok(());
    };
    let Writer {
        conn,
        chain,
        next_transaction,
        keys,
        checkpoint,
        ..
    } = writer;
    if chain.height() > checkpoint {
        Checkpoint {
            chain,
            next_transaction,
        }
        .write(&conn, &keys)?;
    }
    fold_log(&conn);
    conn.close().map_err(|(_, error)| error.into())
}
