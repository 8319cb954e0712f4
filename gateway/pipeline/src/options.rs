// SPDX-License-Identifier: Apache-2.0
//! What a pipeline is made of. Plain values: `assemble` reads the configuration and fills them in.

use std::sync::Arc;
use std::time::Duration;

use silsila_mapping::Pack;
use silsila_source::Source;
use silsila_store::{Clock, Store};

/// What a pipeline is made of.
#[derive(Clone)]
pub struct PipelineOptions {
    /// Where everything is committed, and where the pipeline keeps its own tables.
    pub store: Store,
    /// The legacy databases; one worker each.
    pub sources: Vec<SourceOptions>,
    /// The gateway's own secrets.
    pub keys: PipelineKeys,
    /// What `today()` means, and when things were first seen.
    pub clock: Arc<dyn Clock>,
}

/// The gateway's own secrets that the pipeline uses. `Debug` shows none of them.
#[derive(Clone)]
pub struct PipelineKeys {
    /// Makes resource ids out of legacy keys; losing it renames every resource.
    pub id_key: [u8; 32],
    /// Makes the digests by which an unchanged row is known.
    pub digest_key: [u8; 32],
}

impl std::fmt::Debug for PipelineKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PipelineKeys(redacted)")
    }
}

/// One legacy database and what is made of it.
#[derive(Clone)]
pub struct SourceOptions {
    /// The adapter.
    pub source: Arc<dyn Source>,
    /// The mappings of its tables.
    pub pack: Arc<Pack>,
    /// How often changed rows are asked for by watermark.
    pub poll_interval: Duration,
    /// How often the whole of every table is compared.
    pub sweep_interval: Duration,
    /// How far a poll looks back behind the newest watermark it has seen, because a transaction
    /// may commit a row with an earlier time.
    pub overlap: Duration,
    /// Rows per chunk.
    pub chunk_rows: usize,
    /// When sweeps may read; polls, which are small, always may.
    pub hours: Option<AllowedHours>,
    /// When a loss of rows is too large to be believed.
    pub guard: Guard,
}

impl SourceOptions {
    /// The defaults: poll every 2 s, sweep nightly, 2,000 rows per chunk.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, pack: Arc<Pack>) -> Self {
        Self {
            source,
            pack,
            poll_interval: Duration::from_secs(2),
            sweep_interval: Duration::from_secs(24 * 60 * 60),
            overlap: Duration::from_secs(60),
            chunk_rows: 2_000,
            hours: None,
            guard: Guard::default(),
        }
    }
}

/// A daily window in the hospital's time; it may pass midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedHours {
    /// Minutes after midnight at which it opens.
    pub from: u16,
    /// Minutes after midnight at which it closes. Equal to `from`: always open.
    pub to: u16,
    /// Minutes east of UTC of the hospital's clock.
    pub offset_minutes: i16,
}

/// When a source stops and asks instead of withdrawing what vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// More than this share of a table's rows at once, in hundredths of a percent (200 is 2%).
    pub vanish_per_10k: u32,
    /// Up to this many rows may always vanish, however small the table: a clerk who removes a
    /// duplicate and its twin is no catastrophe.
    pub floor: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            vanish_per_10k: 200,
            floor: 2,
        }
    }
}
