// SPDX-License-Identifier: Apache-2.0
//! Extract, map, commit: from a legacy row to an entry on the ledger.
//!
//! One worker per source sweeps its tables in key order, polls for changes by watermark, follows the
//! dependants of what changed, and commits resource versions, row states and cursors in one transaction
//! of the store. `docs/pipeline.md` tells the whole life of a row.
//!
//! Never: a write to a legacy database; a value of a row in a log line, an error or the status (legacy keys
//! stand in the quarantine table alone).
//!
//! After a crash: what was staged is submitted again with the same signed bytes, and every pass resumes
//! from the cursor that was written in the same transaction as its rows. Nothing is lost, nothing is twice.

mod backoff;
mod board;
mod change;
mod connect;
mod deletions;
mod dependants;
mod desk;
mod digest;
mod drift;
mod error;
mod feed;
mod guard;
mod handle;
mod held;
mod hours;
mod intake;
mod key_text;
mod newest;
mod options;
mod pipeline;
mod plan;
mod poll;
mod reasons;
mod record;
mod references;
mod repair;
mod retire;
mod retry;
mod round;
mod row_state;
mod shift;
mod status;
mod stop;
mod sweep;
mod tables;
mod watch;
mod watermark;
mod worker;

pub use desk::{
    QuarantineEntry, QuarantineFilter, Scope, confirm, quarantine, resync, retry, sweep_now,
};
pub use error::PipelineError;
pub use handle::PipelineHandle;
pub use key_text::key_text;
pub use options::{AllowedHours, Guard, PipelineKeys, PipelineOptions, SourceOptions};
pub use pipeline::Pipeline;
pub use record::recorded_status;
pub use repair::doubt;
pub use status::{
    ChangesStatus, CopyStatus, Counters, FaultStatus, HeldStatus, LostStatus, MappingStatus, Phase,
    Question, SourceState, SourceStatus, Status, WarningCount,
};
