// SPDX-License-Identifier: Apache-2.0
//! Bytes from strangers, read and written again: what fuzzing and the formats' hashes look at. What is read
//! must be written as the same bytes.

use crate::membership;
use crate::wire::{Answer, Enrolment, Renewal, SignedRequest};

/// What member and authority say to each other, whichever it is; `None` where all refuse it.
#[must_use]
pub fn registration(bytes: &[u8]) -> Option<Vec<u8>> {
    let enrolment = || Enrolment::decode(bytes).map(|read| read.encode());
    let renewal = || Renewal::decode(bytes).map(|read| read.encode());
    let request = || SignedRequest::decode(bytes).map(|read| read.encode());
    let answer = || Answer::decode(bytes).map(|read| read.encode());
    let read = enrolment().or_else(|_| renewal()).or_else(|_| request());
    read.or_else(|_| answer()).ok()
}

/// The file in which a gateway keeps where its authority is; `None` where it is refused.
#[must_use]
pub fn membership(text: &str) -> Option<String> {
    let (authority, tls_key, fingerprint) = membership::parse(text)?;
    Some(membership::text(&authority, &tls_key, &fingerprint))
}
