// SPDX-License-Identifier: Apache-2.0
//! Ordering by several organizations: Commonware's simplex behind the ledger.
//!
//! Never: FHIR, SQL, HTTP, and no payload in a file of the engine's own: what is kept lives in the
//! [`Ledger`], which can forget.
//!
//! # What is voted on
//!
//! Commonware votes on 32-byte digests. The digest of a [`Candidate`] *is* the
//! [`silsila_chain::BlockHash`] of its header. A header binds its transactions' headers and entries, but
//! neither their signatures nor the storage receipts beside them; so a candidate does not even decode
//! unless these hold, and whatever has the right digest can be applied.
//!
//! # What certifies a header (scheme 2)
//!
//! Deterministic CBOR, `[2, finalization, links]`:
//!
//! - `finalization`: a byte string, Commonware's encoding of a finalization, which
//!   `silsila_chain::QuorumCertificate` draws and reads with ed25519 alone. The votes' namespace is
//!   `silsila_chain::quorum_namespace`. Its digest is the hash of the *last* of the `links`; where there
//!   are none, that of the certified header itself.
//! - `links`: an array of at most 16 byte strings, mostly empty: the headers that follow the certified
//!   one, ascending, each naming the hash of the one before as `previous`, one higher than that, of the
//!   same channel, and of the same `next_validators`. Simplex finalizes a block either by itself or
//!   through a descendant; then no quorum ever signed that block, and only its links show that it is final.

mod assembly;
mod branches;
mod candidate;
mod channel;
mod consensus;
mod desk;
mod epoch;
mod error;
mod hearsay;
mod key;
mod ledger;
mod members;
mod network;
mod notes;
mod pool;
mod present;
mod receipt;
mod recent;
pub mod reread;
#[cfg(test)]
mod simulation;
mod status;
mod store;
mod vote;
mod voter;
mod wire;

pub use assembly::ChannelHandle;
pub use candidate::{Candidate, MAX_CANDIDATE};
pub use consensus::Patience;
pub use error::EngineError;
pub use key::{chain_key, private_key, public_key};
pub use ledger::{Ledger, LedgerError, Staged};
pub use network::{Network, NetworkOptions, Peer};
pub use notes::MAX_NOTE;
pub use receipt::{Receipt, Witnesses, validators};
pub use silsila_store::{Torn, Witnessed};
pub use status::ChannelStatus;
pub use store::StoreLedger;
pub use vote::{Finality, MAX_LINKS, Scheme, certificate, scheme};
