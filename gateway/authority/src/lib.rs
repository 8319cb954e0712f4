// SPDX-License-Identifier: Apache-2.0
//! The registration authority of a network, and its client.
//!
//! ```text
//! authority                                          hospital
//! found a network: root, issuer, fingerprint
//! invite an organization ── invitation, by hand ──►  keep it
//!                        ◄── enrolment over TLS ───  make the keys, prove that they are held
//! list, compare the key's fingerprint by telephone
//! approve or reject      ─── certificate ─────────►  verify, keep
//!                        ◄── renewal, by itself ───  before the certificate ends
//! revoke: a signed word that the channels commit
//! ```
//!
//! What this room must never do: see a member's secret key, keep an invitation's secret (only its hash),
//! or log either. It decides nothing about a channel: a certificate lets an organization ask, the
//! channel's own rules admit it.
//!
//! After a crash: the authority's state is one SQLite file, each decision one transaction, so that an
//! invitation leads to one request and a request to one certificate, however often either side is
//! killed. A member's files are written beside their place, synced and renamed. Both sides repeat what
//! they asked until they have the answer; the same question gets the same answer.

pub mod client;
pub mod door;
mod error;
pub mod files;
mod found;
pub mod hex;
mod invitation;
mod membership;
pub mod office;
pub mod reread;
pub mod service;
mod tls;
mod wire;

pub use error::{AuthorityError, Refusal};
pub use found::{Founded, found};
pub use invitation::Invitation;
pub use membership::{Membership, RENEWAL_WARNING_MS};
pub use office::{Authority, CertificateRow, Decision, InvitationRow, Issued, RequestRow};

/// Milliseconds since 1970, as the caller's clock says.
pub type Millis = u64;
