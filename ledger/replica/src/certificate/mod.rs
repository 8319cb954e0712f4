// SPDX-License-Identifier: Apache-2.0
//! The network's X.509 profile: who is a member, as the registration authority certified it.
//!
//! ```text
//! root certificate        self-signed, key kept offline; its document's hash is the network's fingerprint
//!   └─ issuing certificate    the registration authority's working key
//!        └─ member certificate    organization, role, ed25519 ledger key, X25519 sealing key
//! ```
//!
//! Every certificate is X.509 version 3 (RFC 5280) signed with ed25519 (RFC 8410), and each has exactly
//! one encoding: what is read is written again and compared, so that nothing hides in an unknown
//! extension, a longer length or another order. `docs/ledger/certificates.md` shows every field.
//!
//! Pure: no clock and no input or output. Validity is judged by a time that the caller gives, which on
//! a channel is the parent block's. Nothing here reaches for a revocation: whether a member was revoked
//! is what its chain says at a height.

mod credential;
mod der;
mod fault;
mod key;
mod kinds;
mod names;
mod network;
mod profile;
mod read;
mod revocation;
mod time;
mod trust;

pub use credential::Credential;
pub use fault::CertificateFault;
pub use key::CertificateKey;
pub use kinds::{IssuingCertificate, MemberCertificate, RootCertificate, Subject};
pub use names::{MAX_NAME_BYTES, MAX_NAME_CHARACTERS, Role, check_name};
pub use network::{Fingerprint, Network};
pub use profile::{MAX_CERTIFICATE, SEALING_KEY_OID, Serial, Validity};
pub use revocation::{Revocation, RevocationReason};
pub use trust::Trust;
