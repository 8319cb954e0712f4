// SPDX-License-Identifier: Apache-2.0
//! Versions that were checked against the ledger and are ready to be sent, kept in a bounded part of
//! memory for a minute. To check a version takes longer than everything else in a read, and a version
//! never changes.
//!
//! What is kept are the checked bytes themselves: a byte that is flipped in the file afterwards is not
//! served. After a minute the file is asked again, so that a read finds such a byte too, and not only
//! `verify`. Nobody gets at this without a [`crate::access::Permit`], as with the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use silsila_store::chain::Op;
use silsila_store::rusqlite::Connection;
use silsila_store::{CommittedEntry, Store};

use crate::refusal::Refusal;
use crate::splice::{id_of, with_meta};

/// For so long a checked version is served without asking the file again, in milliseconds.
pub const KEPT_MS: i64 = 60_000;
/// What a kept version takes beside its text, about.
const OVERHEAD: u64 = 160;
/// The bytes of memory for which one name is kept.
const BYTES_A_NAME: usize = 1_024;

/// One version as it is sent.
#[derive(Debug)]
pub struct Ready {
    /// Its number, from 1.
    pub version: u64,
    /// The time of its block, in milliseconds since 1970.
    pub updated_ms: i64,
    /// Whether it deletes the resource; then there is no text.
    pub deletes: bool,
    /// The logical id.
    pub id: Box<str>,
    /// Canonical text with version number and block time.
    pub text: Bytes,
    /// When it was checked, in milliseconds since 1970.
    checked_ms: i64,
}

/// Checked versions by entry, and the newest version of resources by name.
pub struct Served {
    versions: Cache<i64, Arc<Ready>, ByBytes>,
    newest: Cache<Box<str>, Newest>,
    asked: AtomicU64,
}

/// A resource's newest version, as of a number of commits ([`Store::commits`]).
#[derive(Clone, Copy)]
struct Newest {
    commits: u64,
    vid: i64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<i64, Arc<Ready>> for ByBytes {
    fn weight(&self, _: &i64, ready: &Arc<Ready>) -> u64 {
        (ready.text.len() + ready.id.len()) as u64 + OVERHEAD
    }
}

impl Served {
    /// Room for so many bytes of text; the least used go first.
    pub fn with_room_for(bytes: usize) -> Self {
        let names = bytes / BYTES_A_NAME;
        Self {
            versions: Cache::with_weighter(names, bytes as u64, ByBytes),
            newest: Cache::new(names),
            asked: AtomicU64::new(0),
        }
    }

    /// How often a version was asked for.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Gives the memory back, for a pause in which nobody asks.
    pub fn forget(&self) {
        self.versions.clear();
        self.newest.clear();
    }

    /// A version that is here and was checked within the last minute.
    fn kept(&self, vid: i64, now_ms: i64) -> Option<Arc<Ready>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let ready = self.versions.get(&vid)?;
        (0..KEPT_MS)
            .contains(&(now_ms - ready.checked_ms))
            .then_some(ready)
    }

    /// A version: from here, or from the store, checked.
    pub fn version(
        &self,
        store: &Store,
        conn: &Connection,
        vid: i64,
        now_ms: i64,
    ) -> Result<Arc<Ready>, Refusal> {
        if let Some(ready) = self.kept(vid, now_ms) {
            return Ok(ready);
        }
        let seq = u64::try_from(vid).map_err(|_| Refusal::Corrupt)?;
        let checked = store.committed(conn, seq).map_err(Refusal::from);
        match checked.and_then(|entry| ready_of(entry, now_ms)) {
            Ok(ready) => {
                let ready = Arc::new(ready);
                self.versions.insert(vid, Arc::clone(&ready));
                Ok(ready)
            }
            Err(refusal) => {
                self.versions.remove(&vid);
                Err(refusal)
            }
        }
    }

    /// The newest version of the resource of this name (`Patient/abc`), where it is known and here, and
    /// no block has come since it was found.
    pub fn newest(&self, name: &str, commits: u64, now_ms: i64) -> Option<Arc<Ready>> {
        let newest = self.newest.get(name)?;
        (newest.commits == commits).then(|| self.kept(newest.vid, now_ms))?
    }

    /// Keeps what was found in a snapshot that was taken after asking for `commits`.
    pub fn keep_newest(&self, name: &str, commits: u64, vid: i64) {
        self.newest.insert(name.into(), Newest { commits, vid });
    }
}

fn ready_of(entry: CommittedEntry, checked_ms: i64) -> Result<Ready, Refusal> {
    let version = entry.record().version;
    let updated_ms = i64::try_from(entry.time_ms()).unwrap_or(i64::MAX);
    let deletes = entry.record().op == Op::Delete;
    let mut text = Vec::new();
    let mut id = Box::default();
    if !deletes {
        let payload = entry.into_payload().ok_or(Refusal::PayloadAbsent)?;
        id = id_of(&payload.body).ok_or(Refusal::Corrupt)?.into();
        text.reserve_exact(payload.body.len() + 80);
        with_meta(&mut text, &payload.body, version, updated_ms);
    }
    Ok(Ready {
        version,
        updated_ms,
        deletes,
        id,
        text: text.into(),
        checked_ms,
    })
}
