// SPDX-License-Identifier: Apache-2.0
//! The store's front door.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction};
use silsila_chain::{
    AsCertified, Block, BlockHeader, ChainState, ChannelId, ChannelKeys, Entry, Genesis, Head,
    Height, Identity, PayloadDigest, Proof, Tag, TxId, Validators,
};
use silsila_seal::Compartment;

use crate::clear::ClearSuite;
use crate::file::{
    BlockRow, LedgerFile, MetaName, by_digest, connect_reader, copy_to, damaged_pages, fold_log,
    held, read_meta, tip_height, versions, wanted,
};
use crate::read::{Anchors, Opening, Pool, Reading, block, entries_through, prove, summaries};
use crate::verify::{check_outbox, verify_whole};
use crate::writer::{
    self, Arrived, Checkpoint, Failed, Opened, WithPayloads, Writer, decode_genesis, pack,
};
use crate::{
    BlockSummary, Clock as _, CommittedEntry, Dictionary, Draft, Fault, FileKey, Health, Index,
    Place, Progress, StoreError, StoreOptions, SystemClock, TxStatus, VerifyReport,
};

const LONE_READERS: usize = 2;
const READER_CACHE: usize = 8 << 20;

/// One member's ledger. Clones share the same file; the last one to go closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    file: LedgerFile,
    genesis: Genesis,
    keys: Option<ChannelKeys>,
    reading: Arc<Reading>,
    pool: Pool,
    writer: Option<Mutex<Option<Writer>>>,
    failing: Mutex<Option<&'static str>>,
    commits: AtomicU64,
    on_pending: Option<Arc<dyn Fn() + Send + Sync>>,
}

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
            on_pending: options.on_pending,
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
        let validators = Validators::of(&genesis);
        Ok(Self(Arc::new(Inner {
            reading: Arc::new(Reading {
                validators,
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
            genesis,
        })))
    }

    /// The channel's id: the fingerprint by which people recognize it.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        self.0.genesis.id()
    }

    /// What the channel was founded on.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// Takes drafts into the outbox as one signed transaction, and lets the caller write its cursor and
    /// row states, all in one database transaction: both happen, or neither. Drafts of a resource that
    /// is already in the outbox continue from there. Without drafts only `local` runs, and there is
    /// nothing to submit.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room, [`StoreError::Draft`] for a draft that can never be
    /// committed, and whatever `local` returns. Nothing is changed then.
    pub fn stage<E: From<StoreError>>(
        &self,
        drafts: Vec<Draft>,
        local: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<Option<TxId>, E> {
        if drafts.is_empty() {
            return self.local(local).map(|()| None);
        }
        let suite = &self.0.reading.opening.suite;
        let packed = pack(suite, !self.0.genesis.is_alone(), drafts)?;
        let mut guard = self.0.writer()?;
        let writer = guard.as_mut().ok_or(StoreError::Closed)?;
        self.0.noting(writer.stage(packed, local).map(Some))
    }

    /// Has a staged transaction ordered and applied. Safe to repeat: what is committed already reports
    /// its height.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`]; [`StoreError::Full`], after which it is still in the outbox.
    pub fn submit(&self, id: TxId) -> Result<TxStatus, StoreError> {
        self.refuse_if_halted()?;
        let status = self.0.committing(|writer| writer.submit(id))?;
        if status == TxStatus::Pending
            && let Some(wake) = &self.0.on_pending
        {
            wake();
        }
        Ok(status)
    }

    /// Applies a block that other members ordered, with those of its payloads that are at hand, in any order;
    /// those that were held are taken from there, and for the others see [`Store::missing_payloads`]. Safe to
    /// repeat: of a block that is here already only missing payloads are taken.
    ///
    /// # Errors
    /// [`StoreError::Block`] where the rules refuse it; nothing is changed then.
    pub fn apply(
        &self,
        block: &Block,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        let compared = self.compare(block, SystemClock.now_ms());
        self.0.note(compared.as_ref().err());
        compared?;
        let arrived = Arrived::new(payloads);
        self.0
            .committing(|writer| writer.apply_foreign(block, arrived))
    }

    /// Takes payloads that are missing, in any order, and says how many found their place. Bytes that no
    /// entry commits to find none. What a payload opens, or a key in it, is indexed at once.
    ///
    /// # Errors
    /// Where the database fails; nothing is changed then.
    pub fn add_payloads(
        &self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<u64, StoreError> {
        let arrived = Arrived::new(payloads);
        self.0.committing(|writer| writer.add_payloads(arrived))
    }

    /// Keeps payloads of transactions that no block holds yet, durably when this returns; the caller limits how
    /// many. They are let go of after the height `until`, behind which their transaction cannot be committed.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the database fails.
    pub fn hold_payloads(
        &self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
        until: Height,
    ) -> Result<(), StoreError> {
        let arrived = Arrived::new(payloads);
        self.0.write(|writer| writer.hold_payloads(&arrived, until))
    }

    /// Lets go of held payloads whose height has passed.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn drop_held(&self, height: Height) -> Result<(), StoreError> {
        self.0.write(|writer| writer.drop_expired(height))
    }

    /// The stored bytes of a payload by its digest: committed, staged here, or held. Of a shared channel only.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn payload_of(&self, digest: &PayloadDigest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|conn| match by_digest(conn, digest)? {
            None => held(conn, digest),
            found => Ok(found),
        })
    }

    /// The chain as it stands.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Closed`].
    pub fn chain(&self) -> Result<ChainState, StoreError> {
        self.0.write(|writer| Ok(writer.chain.clone()))
    }

    /// The newest committed version of a resource, by its tag.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn head_of(&self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        self.0.write(|writer| writer.committed_head(resource))
    }

    /// Gives up a staged transaction that can never be committed, for the reason with this code.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn reject(&self, id: TxId, code: &str) -> Result<(), StoreError> {
        self.0.write(|writer| writer.reject(&id, code))
    }

    /// Payloads that committed entries commit to and that are not here: the entry's number and the digest, in
    /// the order of entries from `from` on.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn missing_payloads(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, PayloadDigest)>, StoreError> {
        self.read(|conn| wanted(conn, from, limit))
    }

    /// The stored bytes of a committed entry's payload, checked, as another member's
    /// [`Store::add_payloads`] takes them; `None` where there is no payload or it is not here.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`].
    pub fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|conn| self.0.reading.payload(conn, seq))
    }

    /// A staged transaction with its payloads, as others need it; `None` where it is not in the outbox.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn staged(&self, id: TxId) -> Result<Option<WithPayloads>, StoreError> {
        self.0.write(|writer| writer.staged(&id))
    }

    /// Stages grants of this member's own content keys to one member, as for one that was admitted later: at
    /// most `limit` behind the compartment `behind`, or from the first. Gives the transaction and where to go
    /// on; `None` where nothing is left.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the database fails.
    pub fn stage_grants(
        &self,
        to: &Identity,
        behind: Option<&Compartment>,
        limit: u32,
    ) -> Result<Option<(TxId, Compartment)>, StoreError> {
        self.0.write(|writer| {
            let first = writer.first_compartment();
            writer.stage_grants(to, behind.unwrap_or(&first), limit)
        })
    }

    /// A number that rises with every block, after it can be read and before its submitter is told. What
    /// was found to be a resource's newest version in a snapshot that was taken after asking for this
    /// number is so for as long as the number stays: the seam on which a cache of answers rests.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Acquire)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`].
    pub fn status(&self, id: TxId) -> Result<TxStatus, StoreError> {
        self.read(|conn| writer::status(conn, id))
    }

    /// Takes a change of a member or of the contract into the outbox, with the endorsements that it
    /// carries, as a transaction of its own. What becomes of it [`Store::submit`] and [`Store::status`]
    /// say; members and contract as they stand are in [`Store::chain`].
    ///
    /// # Errors
    /// [`StoreError::Draft`] where the entry is of another kind; [`StoreError::Full`].
    pub fn propose(&self, entry: &Entry) -> Result<TxId, StoreError> {
        self.0.write(|writer| writer.propose(entry))
    }

    /// Transactions in the outbox, in the order of staging.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn pending(&self) -> Result<Vec<TxId>, StoreError> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT id FROM ledger_outbox ORDER BY number")?;
            let ids = statement.query_map([], |row| row.get::<_, [u8; 32]>(0).map(TxId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// Writes to the caller's own tables, in one database transaction.
    ///
    /// # Errors
    /// Whatever `write` returns; nothing is changed then.
    pub fn local<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut guard = self.0.writer()?;
        let writer = guard.as_mut().ok_or(StoreError::Closed)?;
        self.0.noting(writer.local(write))
    }

    /// Reads from one consistent snapshot on a pooled read-only connection. Waits when all are in use,
    /// so that a `read` within a `read` may wait for itself.
    ///
    /// # Errors
    /// Whatever `read` returns.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.pool.read(read)
    }

    /// One committed entry with its plaintext, checked against the chain: the entry's subtree of sixteen
    /// against the roots that its signed transaction makes, that against the certified block, and the
    /// payload against the entry. `conn` is that of a [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`] where the bytes are not those committed.
    pub fn committed(&self, conn: &Connection, seq: u64) -> Result<CommittedEntry, StoreError> {
        self.record(conn, seq)?
            .ok_or(StoreError::UnknownEntry { seq })
    }

    /// As [`Store::committed`], where the entry may be of another kind than a record: `None` then.
    ///
    /// # Errors
    /// As [`Store::committed`].
    pub fn record(
        &self,
        conn: &Connection,
        seq: u64,
    ) -> Result<Option<CommittedEntry>, StoreError> {
        self.0.reading.record(conn, seq)
    }

    /// The number of a resource's newest committed entry, for [`Store::committed`]. `conn` is that of a
    /// [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// Where the database fails, and [`StoreError::ReadOnly`], because tags are made with a key.
    pub fn head(&self, conn: &Connection, resource: &str) -> Result<Option<u64>, StoreError> {
        let keys = self.0.keys.as_ref().ok_or(StoreError::ReadOnly)?;
        let tag = keys.resource_tag(resource);
        versions(conn, &tag, i64::MAX.unsigned_abs(), |seq| {
            let entry = self.0.reading.locate(conn, seq)?.entry;
            let record = entry.entry.record();
            Ok(record
                .is_some_and(|record| record.resource_tag == tag)
                .then_some(seq))
        })
    }

    /// Blocks in brief; the range is cut to what exists.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn blocks(&self, heights: RangeInclusive<u64>) -> Result<Vec<BlockSummary>, StoreError> {
        self.read(|conn| summaries(conn, heights))
    }

    /// A whole block without its payloads, as [`Store::apply`] takes it; `None` beyond the last one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn block(&self, height: Height) -> Result<Option<Block>, StoreError> {
        self.read(|conn| block(conn, height))
    }

    /// The proof that the chain holds an entry, to be verified with the channel's id alone.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`].
    pub fn proof(&self, seq: u64) -> Result<Proof, StoreError> {
        self.read(|conn| prove(&self.0.reading, conn, &self.0.genesis.encode(), seq))
    }

    /// Verifies everything: blocks, signatures, entries, payloads, versions, trees, the outbox, and the
    /// index as far as it can tell. Uses all processors; blocks that are committed meanwhile are left
    /// out.
    ///
    /// # Errors
    /// Where the database cannot be read at all; damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, StoreError> {
        let tip = self.read(tip_height)?.unwrap_or_default();
        let mut report = verify_whole(
            &self.0.file,
            &self.0.genesis,
            tip,
            &*self.0.reading.policy,
            progress,
        )?;
        report.faults.extend(self.read(check_outbox)?);
        report.faults.extend(self.damaged_pages()?);
        if self.0.writer.is_some() {
            report.faults.extend(self.0.write(verify_index)?);
        }
        Ok(report)
    }

    /// Compares the index with the chain, as far as the index can tell.
    ///
    /// # Errors
    /// Where the database cannot be read at all.
    pub fn verify_index(&self) -> Result<Vec<Fault>, StoreError> {
        self.0.write(verify_index)
    }

    /// Copies the ledger as it is at one moment into a new file, encrypted with the same key, while it goes on
    /// being written.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the copy cannot be made.
    pub fn copy_to(&self, copy: &Path) -> Result<(), StoreError> {
        let conn = connect_reader(&self.0.file, READER_CACHE)?;
        copy_to(&self.0.file, &conn, copy)
    }

    /// How the store is.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn health(&self) -> Result<Health, StoreError> {
        let size = |suffix: &str| {
            let mut name = self.0.file.path.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |file| file.len())
        };
        self.read(|conn| {
            let (tip, hash, header) = tip(conn)?;
            let pending: i64 =
                conn.query_row("SELECT count(*) FROM ledger_outbox", [], |row| row.get(0))?;
            Ok(Health {
                height: tip,
                hash,
                time_ms: header.time_ms,
                entries: entries_through(conn, tip)?,
                pending: crate::file::number(pending),
                file_bytes: size(""),
                wal_bytes: size("-wal"),
                checkpoint: Checkpoint::height(conn, &self.0.genesis)?,
                failing: *self.0.failing(),
            })
        })
    }

    /// Gives back what writing took: memory of the page cache, and the log, which is copied into the file.
    /// For a pause in which nothing is committed; the next write is a little slower.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn rest(&self) -> Result<(), StoreError> {
        self.0.write(|writer| {
            fold_log(&writer.conn);
            Ok(writer.conn.execute_batch("PRAGMA shrink_memory")?)
        })
    }

    /// Gives back what reading took: memory of the readers' page caches. For a pause in which nobody reads.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn rest_readers(&self) -> Result<(), StoreError> {
        self.0.pool.rest()
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

impl Store {
    fn damaged_pages(&self) -> Result<Vec<Fault>, StoreError> {
        let place = Place {
            table: "sqlite",
            ..Place::default()
        };
        let pages = self.read(|conn| damaged_pages(&self.0.file, conn))?;
        let faults = pages.into_iter().map(|what| Fault { place, what });
        Ok(faults.collect())
    }
}

impl Inner {
    fn writer(&self) -> Result<MutexGuard<'_, Option<Writer>>, StoreError> {
        self.writer
            .as_ref()
            .ok_or(StoreError::ReadOnly)?
            .lock()
            .map_err(|_| StoreError::Poisoned)
    }

    fn write<T>(
        &self,
        write: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut guard = self.writer()?;
        let result = write(guard.as_mut().ok_or(StoreError::Closed)?);
        self.note(result.as_ref().err());
        result
    }

    /// A write that may add a block; [`Store::commits`] rises even where it fails, since it may have
    /// failed after the block was written.
    fn committing<T>(
        &self,
        write: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = self.write(write);
        self.commits.fetch_add(1, Ordering::Release);
        result
    }

    /// Tells apart what failed, for [`Health::failing`].
    fn noting<T, E: From<StoreError>>(&self, result: Result<T, Failed<E>>) -> Result<T, E> {
        match result {
            Ok(done) => {
                self.note(None);
                Ok(done)
            }
            Err(Failed::Here(error)) => {
                self.note(Some(&error));
                Err(error.into())
            }
            Err(Failed::Caller(error)) => Err(error),
        }
    }

    fn note(&self, error: Option<&StoreError>) {
        if error.is_none_or(StoreError::is_failure) {
            *self.failing() = error.map(StoreError::code);
        }
    }

    fn failing(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
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

fn close(writer: &mut Option<Writer>) -> Result<(), StoreError> {
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

fn verify_index(writer: &mut Writer) -> Result<Vec<Fault>, StoreError> {
    let (tip, conn) = (writer.tip(), &writer.conn);
    let records: i64 =
        conn.query_row("SELECT count(*) FROM ledger_version", [], |row| row.get(0))?;
    let records = crate::file::number(records);
    let faults = writer.index.verify(conn, &tip, records)?;
    let place = Place {
        table: "index",
        ..Place::default()
    };
    Ok(faults
        .into_iter()
        .map(|what| Fault { place, what })
        .collect())
}

fn tip(conn: &Connection) -> Result<(Height, silsila_chain::BlockHash, BlockHeader), StoreError> {
    let height = tip_height(conn)?.unwrap_or_default();
    let place = Place {
        table: "ledger_block",
        height: Some(height),
        ..Place::default()
    };
    let row = BlockRow::at(conn, height)?;
    let row = row.ok_or_else(|| Fault {
        place,
        what: "a block is missing".to_owned(),
    })?;
    let header = BlockHeader::decode(&row.header).map_err(|error| Fault {
        place,
        what: error.to_string(),
    })?;
    Ok((height, BlockHeader::hash(&row.header), header))
}
