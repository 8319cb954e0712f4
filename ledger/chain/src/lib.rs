// SPDX-License-Identifier: Apache-2.0
//! Formats, hashing, proofs and verification of the ledger.
//!
//! Pure: no clock, no input or output, no async, no database. An auditor's verifier builds on this
//! crate alone. Nothing here keeps state between calls, so a crash has nothing to lose.
//!
//! Every identifier is the RFC 9162 leaf hash of the bytes it names: an [`EntryHash`] is a leaf of its
//! transaction's tree, a [`TxId`] of its block's, a [`BlockHash`] of the channel's. A transaction names
//! the channel, and a channel's id is the hash of its [`Genesis`].

pub mod cbor;
pub mod merkle;

mod block;
mod bundle;
mod checkpoint;
mod entry;
mod evidence;
mod export;
mod fault;
mod genesis;
mod id;
mod key;
mod note;
mod payloads;
mod proof;
mod quorum;
mod receipt;
mod rules;
mod sha;
mod state;
mod tag_map;
mod transaction;

pub use block::{Block, BlockHeader, Certificate, MAX_ENTRIES_BYTES, MAX_LINKS, MAX_TRANSACTIONS};
pub use bundle::{Bundle, BundleFault, MAX_BUNDLE, PayloadShown, ProvenBundle};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use entry::{
    Admission, Change, Contract, ContractChange, Endorsed, Endorsement, Entry, EpochChange, Grant,
    Limits, MAX_ENDORSEMENTS, MAX_ENTRY, MAX_KIND, MAX_MEMBER_CERTIFICATE, MAX_ORGANIZATION,
    MAX_POLICIES, MAX_RECIPIENTS, MAX_ROLE, MemberChange, Op, PayloadCommitment, Proposal, Record,
};
pub use evidence::{Certified, Conflict, Evidence, EvidenceFault, MAX_ADMISSIONS, Shown};
pub use export::{
    EXPORT_MAGIC, ExportFault, ExportSummary, ExportVerifier, Frame, FrameFault, FrameKind,
    MAX_FRAME,
};
pub use fault::{BlockFault, Reason, TxFault};
pub use genesis::{Founder, Genesis, MAX_NAME, MAX_ROOT};
pub use id::{
    BlockHash, ChannelId, EntryHash, EventId, Height, HexError, PayloadDigest, ProposalId, Scheme,
    Suite, Tag, TxId,
};
pub use key::{ChannelKeys, CustodianKey, Identity, MemberKey, PublicKey, Signature, SignedAs};
pub use note::{MAX_NOTE, Note, NoteFault};
pub use payloads::Payloads;
pub use proof::{Later, Proof, ProofFault, Proven};
pub use quorum::{
    MAX_VALIDATORS, MIN_QUORUM_VALIDATORS, QuorumCertificate, quorum, quorum_namespace,
};
pub use receipt::{MAX_RECEIPT, Receipt, Received};
pub use rules::{
    Accepted, Action, Agreement, Alone, AsCertified, CertifiedHeader, ChainState, Claim,
    EPOCH_NOTICE, Epoch, Epochs, Handover, Head, Heads, Judge, Judged, MAX_EPOCHS, MAX_PAYLOAD,
    Member, Members, MemoryHeads, Policy, Question, RULES_VERSION, Refused, Rejected, Standing,
    Validators, VerifiedBlock, Weighed, judge_founding,
};
pub use sha::sha256;
pub use state::StateHash;
pub use tag_map::{EventSet, SeededTags, TagMap};
pub use transaction::{
    CHUNK, MAX_ENTRIES, OpenEntry, OpenTransaction, Transaction, TransactionHeader, chunk_roots,
    open_header, read_entries,
};
