// SPDX-License-Identifier: Apache-2.0
//! The durable ledger of one member: one SQLite file with its chain, payloads, outbox, and whatever
//! tables the index and the pipeline keep beside them.
//!
//! Never: FHIR, SQL of a source, HTTP. A payload's body is opaque bytes.
//!
//! **Every call blocks** (on the disk, on the one writer); async callers use `spawn_blocking`.
//!
//! After a crash the file is as after its last commit: what was staged is still in the outbox with the
//! same signed bytes ([`Store::pending`]), and what was committed is not committed again.

mod clear;
mod clock;
mod draft;
mod engine;
mod error;
mod file;
mod index;
mod notice;
mod options;
mod read;
mod rebuild;
mod report;
pub mod reread;
mod store;
mod verify;
mod writer;

pub use clock::{Clock, SystemClock, TestClock};
pub use draft::{CommittedEntry, Content, Draft, Payload};
pub use error::StoreError;
pub use file::FileKey;
pub use index::{Applied, BlockInfo, Index, IndexError, NoIndex};
pub use options::{Dictionary, Grants, StoreOptions};
pub use read::Exported;
pub use rebuild::Torn;
pub use report::{
    BlockSummary, Fault, Health, Lost, Place, Progress, Rebuilt, Tended, TxStatus, VerifyReport,
};
pub use store::Store;
pub use verify::{Damage, Halt, OWN, ScrubState, ScrubStep, Witness, Witnessed};
pub use writer::WithPayloads;

pub use rusqlite;
pub use silsila_chain as chain;
pub use silsila_seal as seal;
