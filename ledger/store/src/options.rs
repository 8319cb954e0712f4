// SPDX-License-Identifier: Apache-2.0
//! What a store needs to be opened.

use std::path::PathBuf;
use std::sync::Arc;

use silsila_chain::{Alone, CustodianKey, Genesis, Identity, MemberKey, Policy};
use silsila_seal::SealingKey;

use crate::file::LedgerFile;
use crate::{Clock, FileKey, SystemClock};

/// Bytes that both sides of the compression know. Payloads name it by number, so a dictionary that was
/// ever used must stay available unchanged.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// From 1; 0 means none.
    pub id: u8,
    /// A trained or raw zstd dictionary.
    pub bytes: Arc<[u8]>,
}

/// Whether a member is given the content keys of a label class.
pub type Grants = dyn Fn(&Identity, u8) -> bool + Send + Sync;

/// What a store needs to be opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// The one file; a lock file and SQLite's `-wal` and `-shm` lie beside it.
    pub path: PathBuf,
    /// Encrypts the file and its log; without one they are in clear, which is for tests and measurements.
    pub file_key: Option<FileKey>,
    /// Signs transactions and blocks.
    pub member_key: MemberKey,
    /// Makes tags and event ids.
    pub custodian_key: CustodianKey,
    /// Opens the envelopes that other members seal to this one.
    pub sealing_key: Option<SealingKey>,
    /// The channel's genesis, where the channel is shared or was founded elsewhere. Without it a new file
    /// founds a channel for a gateway alone, and an existing one goes on with its own.
    pub genesis: Option<Genesis>,
    /// Which of the members whom the contract lets read without a word of the patient's are given the keys
    /// of what is sealed here: all, unless this says otherwise.
    pub grants: Arc<Grants>,
    /// Judges contract and certificates; asked only on a shared channel. The default refuses everything
    /// there.
    pub policy: Arc<dyn Policy>,
    /// Called when something was submitted that other members must order, so that the engine need not look
    /// for it; must return at once.
    pub on_pending: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Written into genesis when the file is new; otherwise ignored.
    pub channel_name: String,
    /// Where block times come from.
    pub clock: Arc<dyn Clock>,
    /// How many read-only connections stand ready.
    pub readers: usize,
    /// Page cache of the writer, in bytes.
    pub cache_bytes: usize,
    /// Page cache of each reader, in bytes.
    pub reader_cache_bytes: usize,
    /// A bound for the file, in bytes; intake stops there as it does on a full disk.
    pub max_file_bytes: Option<u64>,
    /// Compression dictionaries; the last one is used for new payloads, all for reading.
    pub dictionaries: Vec<Dictionary>,
}

impl StoreOptions {
    /// Options with the usual sizes and the machine's clock.
    #[must_use]
    pub fn new(
        path: impl Into<PathBuf>,
        member_key: MemberKey,
        custodian_key: CustodianKey,
    ) -> Self {
        Self {
            path: path.into(),
            file_key: None,
            member_key,
            custodian_key,
            sealing_key: None,
            genesis: None,
            grants: Arc::new(|_, _| true),
            policy: Arc::new(Alone),
            on_pending: None,
            channel_name: String::new(),
            clock: Arc::new(SystemClock),
            readers: 4,
            cache_bytes: 64 << 20,
            reader_cache_bytes: 8 << 20,
            max_file_bytes: None,
            dictionaries: Vec::new(),
        }
    }

    pub(crate) fn file(&self) -> LedgerFile {
        LedgerFile {
            path: self.path.clone(),
            key: self.file_key.clone(),
        }
    }
}
