// SPDX-License-Identifier: Apache-2.0
//! Who is a member of a channel and what a member may do there: membership, the X.509 profile, the contract.
//!
//! Pure: no clock, no input or output; the same blocks give the same judgement everywhere.

pub mod certificate;
