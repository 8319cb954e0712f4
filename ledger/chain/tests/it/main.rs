// SPDX-License-Identifier: Apache-2.0
//! What the ledger's formats and rules promise.

mod boundaries;
mod bundles;
mod checkpoints;
mod codecs;
mod conformance;
mod epochs;
mod exports;
mod growing;
mod merkle;
mod proofs;
mod quorum;
mod receipts;
mod rules;
mod sample;
mod showing;
