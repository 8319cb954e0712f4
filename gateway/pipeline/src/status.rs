// SPDX-License-Identifier: Apache-2.0
//! What the pipeline is doing, as `status` and the admin endpoint show it. Nothing here names a
//! patient or a legacy key.

use serde::{Deserialize, Serialize};

use crate::change::WarningKind;
use crate::row_state::Tally;

/// One look at the whole pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// One entry per source, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
}

impl Status {
    /// The source of that name.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&SourceStatus> {
        self.sources.iter().find(|s| s.name == name)
    }
}

/// One source as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceStatus {
    /// The source's name in the configuration.
    pub name: String,
    /// Whether rows are flowing, and if not, why.
    pub state: SourceState,
    /// The phase entered last.
    pub phase: Phase,
    /// Every phase that is under way: the next chunk is read while the last one is committed.
    pub active: Vec<Phase>,
    /// The fault that holds the source up, while it does.
    pub fault: Option<FaultStatus>,
    /// The last fault that was overcome.
    pub last_fault: Option<FaultStatus>,
    /// What a person has to confirm before anything moves again.
    pub question: Option<Question>,
    /// Product and version, as the server names itself.
    pub server: Option<String>,
    /// Whether the connection is encrypted, and how.
    pub tls: Option<String>,
    /// What an operator should know about the server.
    pub notes: Vec<String>,
    /// The copy that is read, of a source that is not read where it lies.
    #[serde(default)]
    pub copy: Option<CopyStatus>,
    /// Number of the sweep that is running or ran last; the first is 1.
    pub sweep: u64,
    /// Number of the last sweep that reached its end; 0 before the first.
    pub sweep_completed: u64,
    /// When the running or last sweep began, milliseconds since 1970.
    pub sweep_started_ms: Option<i64>,
    /// When the last complete sweep ended.
    pub sweep_ended_ms: Option<i64>,
    /// When the next sweep is due, where none is running.
    pub sweep_due_ms: Option<i64>,
    /// When the last poll for changes ended.
    pub poll_ended_ms: Option<i64>,
    /// How many polls have run since the gateway started.
    pub polls: u64,
    /// How changes between sweeps are found.
    #[serde(default)]
    pub changes: ChangesStatus,
    /// One entry per mapping, in the order of the passes.
    pub mappings: Vec<MappingStatus>,
}

impl SourceStatus {
    /// The mapping of that name.
    #[must_use]
    pub fn mapping(&self, name: &str) -> Option<&MappingStatus> {
        self.mappings.iter().find(|m| m.name == name)
    }

    pub(crate) fn mapping_mut(&mut self, name: &str) -> Option<&mut MappingStatus> {
        self.mappings.iter_mut().find(|m| m.name == name)
    }

    /// Sums over all mappings.
    #[must_use]
    pub fn totals(&self) -> Counters {
        let mut sum = Counters::default();
        for mapping in &self.mappings {
            sum.add(&mapping.counters);
        }
        sum
    }
}

/// The copy that a source is read from, while the original lies where it may be written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyStatus {
    /// When it was taken, milliseconds since 1970: what was written later is not in it.
    pub taken_ms: u64,
    /// When the original had been written last, by the clock of the machine where it lies.
    pub modified_ms: Option<u64>,
    /// Why it is older than the original, in one sentence, while it is.
    pub behind: Option<String>,
}

impl From<silsila_source::CopyState> for CopyStatus {
    fn from(state: silsila_source::CopyState) -> Self {
        Self {
            taken_ms: state.taken_ms,
            modified_ms: state.modified_ms,
            behind: state.behind,
        }
    }
}

/// How changes are found between sweeps: by the database's own log where that can be had, by watermark
/// columns otherwise and beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangesStatus {
    /// The log that is followed, such as `binlog`; `None` while the watermarks alone are polled.
    pub following: Option<String>,
    /// The log that the database could offer.
    pub offered: Option<String>,
    /// Why it is not followed: one sentence for each thing that is missing.
    pub missing: Vec<String>,
    /// What it does not tell.
    pub notes: Vec<String>,
    /// The fault for which it is not followed just now.
    pub fault: Option<String>,
    /// When its position was given up last, and why.
    pub lost: Option<LostStatus>,
    /// Up to where it was followed.
    pub position: Option<String>,
    /// Changed rows that it told of since the gateway started.
    pub rows: u64,
}

/// A position in a log that was given up (PIP0017).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostStatus {
    /// Why, in one sentence.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
}

/// Whether a source's rows are flowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Not yet connected since the gateway started.
    #[default]
    Starting,
    /// Polling and sweeping.
    Running,
    /// Something failed that waiting can cure; it is tried again.
    Waiting,
    /// A person must answer `source confirm` first.
    NeedsConfirmation,
    /// A person must repair something (a password, a mapping, the disk); it is tried again, slowly.
    Faulty,
    /// The gateway is shutting down.
    Stopped,
}

/// What the pipeline is doing at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing is due.
    #[default]
    Idle,
    /// Connecting to the database and comparing its tables with the mappings.
    Connecting,
    /// Reading a chunk of a table in key order.
    Scanning,
    /// Asking for rows changed since the watermark.
    Polling,
    /// Reading the rows that a chunk's lookups want.
    Joining,
    /// Making resources of rows.
    Mapping,
    /// Writing a chunk's entries, row states and cursor in one local transaction.
    Staging,
    /// Waiting for the ledger to order and apply the staged transaction.
    Committing,
    /// Withdrawing what vanished from a table, after a complete scan.
    SweepingDeletions,
}

impl Phase {
    /// Every phase, in the order of the life of a row.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Connecting,
        Self::Scanning,
        Self::Polling,
        Self::Joining,
        Self::Mapping,
        Self::Staging,
        Self::Committing,
        Self::SweepingDeletions,
    ];
}

/// A fault as an operator meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStatus {
    /// The stable code; its page is `docs/errors/<code>.md`.
    pub code: String,
    /// The whole sentence, without any value of a row.
    pub message: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
    /// How many times in a row.
    pub attempts: u32,
    /// When it is tried again.
    pub retry_ms: Option<i64>,
}

/// Why a source stopped and waits for `source confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The stable code (`PIP0002` and following).
    pub code: String,
    /// What happened, in one sentence with counts.
    pub message: String,
    /// The mapping whose pass noticed it.
    pub mapping: String,
    /// The table it reads.
    pub table: String,
    /// Rows known before.
    pub known: u64,
    /// Rows of those that are gone now.
    pub vanished: u64,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// One mapping as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MappingStatus {
    /// The mapping's name.
    pub name: String,
    /// The FHIR resource type that it makes.
    pub resource_type: String,
    /// The table that it reads.
    pub table: String,
    /// Rows by outcome, and resources.
    pub counters: Counters,
    /// Rows read so far by the running sweep.
    pub swept: u64,
    /// Number of the last sweep that this mapping completed.
    pub sweep_completed: u64,
    /// When it completed it, milliseconds since 1970.
    pub sweep_ended_ms: Option<i64>,
    /// Up to where changes were polled, as the database writes it.
    pub watermark: Option<String>,
    /// Rows that lost an optional element, by reason and column.
    pub warnings: Vec<WarningCount>,
    /// Why the mapping stands still, while it does.
    #[serde(default)]
    pub held: Option<HeldStatus>,
}

/// A mapping whose tables changed under it. What it committed stays; it takes nothing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldStatus {
    /// The stable code: PIP0018 (gone), PIP0019 (retyped: `source confirm` accepts it), PIP0020 (its patients'
    /// sharing cannot be told).
    pub code: String,
    /// What is not as it was, one sentence each.
    pub differences: Vec<String>,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// Rows of one mapping by outcome. `rows` is always the sum of the four outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Rows of the legacy table that this mapping has an answer for.
    pub rows: u64,
    /// Rows that made a resource.
    pub produced: u64,
    /// Rows that by rule (`when`) make none.
    pub empty: u64,
    /// Rows whose patient does not share.
    pub not_shared: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Resources whose newest version on the ledger is not a deletion. Apart from the rows: a
    /// quarantined row may keep its last version.
    pub resources: u64,
    /// Versions written by this mapping, deletions included.
    pub versions: u64,
}

impl Counters {
    /// Adds another mapping's figures.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.produced += other.produced;
        self.empty += other.empty;
        self.not_shared += other.not_shared;
        self.quarantined += other.quarantined;
        self.resources += other.resources;
        self.versions += other.versions;
    }

    /// Whether the outcomes add up to the rows.
    #[must_use]
    pub fn add_up(&self) -> bool {
        self.rows == self.produced + self.empty + self.not_shared + self.quarantined
    }
}

/// How many rows bear one warning now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarningCount {
    /// The stable code.
    pub code: String,
    /// The legacy column, where one is to blame.
    pub column: Option<String>,
    /// The FHIR element that was left out.
    pub element: Option<String>,
    /// Rows that bear it.
    pub rows: u64,
}

fn moved(count: &mut u64, by: i64) {
    *count = count.saturating_add_signed(by);
}

impl Counters {
    pub(crate) fn apply(&mut self, tally: &Tally) {
        moved(&mut self.produced, tally.produced);
        moved(&mut self.empty, tally.empty);
        moved(&mut self.not_shared, tally.not_shared);
        moved(&mut self.quarantined, tally.quarantined);
        moved(&mut self.resources, tally.resources);
        moved(&mut self.versions, tally.versions);
        self.rows = self.produced + self.empty + self.not_shared + self.quarantined;
    }
}

impl MappingStatus {
    pub(crate) fn warn(&mut self, kind: &WarningKind, by: i64) {
        let place = |w: &WarningCount| (w.code.clone(), w.column.clone(), w.element.clone());
        let this = (kind.code.clone(), kind.column.clone(), kind.element.clone());
        match self.warnings.binary_search_by_key(&this, place) {
            Ok(i) => moved(&mut self.warnings[i].rows, by),
            Err(i) => self.warnings.insert(
                i,
                WarningCount {
                    code: this.0,
                    column: this.1,
                    element: this.2,
                    rows: by.max(0).unsigned_abs(),
                },
            ),
        }
        self.warnings.retain(|w| w.rows > 0);
    }
}
