// SPDX-License-Identifier: Apache-2.0
//! What sealing promises: nothing opens elsewhere, nothing changed opens, no format changes by accident.

mod backup;
mod conformance;
mod envelopes;
mod passphrase;
mod recovery;
mod sample;
mod sealed;
