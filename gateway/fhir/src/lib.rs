// SPDX-License-Identifier: Apache-2.0
//! The FHIR R4 server of a gateway: search index, search, interactions, and who may ask.
//!
//! [`SearchIndex`] goes into the store and follows the chain; [`router`] answers from the same file.
//! Only committed entries are indexed or served, every body is checked against the ledger on its way
//! out, and every read of patient data holds a [`access::Permit`]. Nothing here writes to the chain,
//! listens on a port, or reads a configuration file.
//!
//! After a crash index and chain stand at the same block; an index of an older format is built anew
//! from the chain while searches answer "busy" (see [`index`]).

pub mod access;
mod author;
mod bundle;
mod dictionary;
mod http;
pub mod index;
mod readers;
mod refusal;
mod search;
mod served;
mod splice;
mod state;

pub use access::{Access, AccessSettings, Token};
pub use dictionary::dictionaries;
pub use http::router;
pub use index::SearchIndex;
pub use refusal::Refusal;
pub use state::{FhirSettings, FhirState, Hospital, Limits};
