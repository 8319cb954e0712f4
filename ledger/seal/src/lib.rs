// SPDX-License-Identifier: Apache-2.0
//! Keys, sealed payloads, envelopes, and the sealed backup.
//!
//! Pure but for the operating system's random numbers and the streams a backup is written to. Knows no
//! SQL, no FHIR and no configuration; what is sealed is opaque bytes.
//!
//! Never: a key in an error, a log line or a `Debug`. Every secret here is overwritten when it is
//! dropped. Nothing keeps state between calls, so a crash has nothing to lose; a backup that was cut off
//! is recognized by its missing last part.
//!
//! | what | how |
//! |---|---|
//! | payload suite 1 ([`SealedAs`]) | ChaCha20-Poly1305 (RFC 8439) under a content key, random nonce, Padmé |
//! | payload suite 2 ([`Envelopes`]) | HPKE (RFC 9180), X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20-Poly1305 |
//! | backup ([`BackupWriter`]) | HPKE with a pre-shared key, to the key pair grown from the [`RecoveryKey`] |
//! | passphrase ([`lock`]) | Argon2id (RFC 9106) and ChaCha20-Poly1305 |
//!
//! The formats are drawn in `docs/ledger/formats.md` and held by hashes in a test.

mod backup;
mod compartment;
mod content;
mod envelope;
mod error;
mod member;
mod padding;
mod passphrase;
mod random;
mod recovery;
mod sealed;
mod suites;

pub use backup::{BackupReader, BackupWriter, Part};
pub use compartment::Compartment;
pub use content::{ContentKey, KeyCheck};
pub use envelope::Envelopes;
pub use error::SealError;
pub use member::{SealingKey, SealingPublic};
pub use padding::padded;
pub use passphrase::{lock, unlock};
pub use random::{fill, secret};
pub use recovery::{BackupKey, RecoveryKey};
pub use sealed::{OVERHEAD, SealedAs};
