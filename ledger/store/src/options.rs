// SPDX-License-Identifier: Apache-2.0
//! What a store needs to be opened.

use std::path::PathBuf;
use std::sync::Arc;

use silsila_chain::{Alone, CustodianKey, MemberKey, Policy};

use crate::{Clock, SystemClock};

/// Bytes that both sides of the compression know. Payloads name it by number, so a dictionary that was
/// ever used must stay available unchanged.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// From 1; 0 means none.
    pub id: u8,
    /// A trained or raw zstd dictionary.
    pub bytes: Arc<[u8]>,
}

/// What a store needs to be opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// The one file; a lock file and SQLite's `-wal` and `-shm` lie beside it.
    pub path: PathBuf,
    /// Signs transactions and blocks.
    pub member_key: MemberKey,
    /// Makes tags and event ids.
    pub custodian_key: CustodianKey,
    /// Judges contract and certificates; asked only on a shared channel. The default refuses everything
    /// there.
    pub policy: Arc<dyn Policy>,
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
            member_key,
            custodian_key,
            policy: Arc::new(Alone),
            channel_name: String::new(),
            clock: Arc::new(SystemClock),
            readers: 4,
            cache_bytes: 64 << 20,
            reader_cache_bytes: 8 << 20,
            max_file_bytes: None,
            dictionaries: Vec::new(),
        }
    }
}
