// SPDX-License-Identifier: Apache-2.0
//! What the ledger's formats and rules promise.

mod codecs;
mod conformance;
mod merkle;
mod proofs;
mod rules;
mod sample;
