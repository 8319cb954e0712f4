// SPDX-License-Identifier: Apache-2.0
//! Bytes from strangers, read and written again: what fuzzing and the formats' hashes look at. What is read
//! must be written as the same bytes, or two members could take one thing for two.

use bytes::Bytes;
use commonware_codec::{Decode as _, Encode as _};
use silsila_chain::Genesis;

use crate::wire::Message;
use crate::{Candidate, Witnesses, validators};

/// A message between members of a channel; `None` where it is refused.
#[must_use]
pub fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    Message::decode(bytes).ok().map(|read| read.encode())
}

/// A candidate of a channel; `None` where it is refused.
#[must_use]
pub fn candidate(genesis: &Genesis, bytes: &[u8]) -> Option<Vec<u8>> {
    let witnesses = Witnesses::new(genesis.id(), validators(genesis));
    let read = Candidate::decode_cfg(Bytes::copy_from_slice(bytes), &witnesses).ok()?;
    Some(read.encode().to_vec())
}
