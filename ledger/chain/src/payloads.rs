// SPDX-License-Identifier: Apache-2.0
//! Payload bytes as they come from other members: known by their digests, which are computed here.

use std::collections::BTreeMap;

use crate::{PayloadDigest, sha256};

/// Payloads by their digests. What no entry commits to finds no place, wherever it came from.
#[derive(Debug, Clone, Default)]
pub struct Payloads {
    payloads: BTreeMap<PayloadDigest, Vec<u8>>,
    bytes: usize,
}

impl Payloads {
    /// Takes out the payload with a digest.
    pub fn take(&mut self, digest: &PayloadDigest) -> Option<Vec<u8>> {
        let taken = self.payloads.remove(digest)?;
        self.bytes -= taken.len();
        Some(taken)
    }

    /// Those whose digest is asked for go to the first, the others to the second.
    #[must_use]
    pub fn divide(self, mut wanted: impl FnMut(&PayloadDigest) -> bool) -> (Self, Self) {
        let (mut first, mut second) = (Self::default(), Self::default());
        for (digest, bytes) in self.payloads {
            let part = if wanted(&digest) {
                &mut first
            } else {
                &mut second
            };
            part.put(digest, bytes);
        }
        (first, second)
    }

    /// Copies of those whose digest is asked for.
    #[must_use]
    pub fn select(&self, mut wanted: impl FnMut(&PayloadDigest) -> bool) -> Self {
        let mut selected = Self::default();
        for (digest, bytes) in &self.payloads {
            if wanted(digest) {
                selected.put(*digest, bytes.clone());
            }
        }
        selected
    }

    /// Adds what another holds.
    pub fn merge(&mut self, other: Self) {
        for (digest, bytes) in other.payloads {
            self.put(digest, bytes);
        }
    }

    /// Each with its digest, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&PayloadDigest, &Vec<u8>)> {
        self.payloads.iter()
    }

    /// All of them, in no order.
    pub fn into_bytes(self) -> impl Iterator<Item = Vec<u8>> {
        self.payloads.into_values()
    }

    /// How many bytes they have together.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    fn put(&mut self, digest: PayloadDigest, bytes: Vec<u8>) {
        let added = bytes.len();
        let before = self.payloads.insert(digest, bytes);
        self.bytes += added - before.map_or(0, |before| before.len());
    }
}

impl FromIterator<Vec<u8>> for Payloads {
    fn from_iter<I: IntoIterator<Item = Vec<u8>>>(payloads: I) -> Self {
        let mut arrived = Self::default();
        for bytes in payloads {
            arrived.put(PayloadDigest(sha256(&bytes)), bytes);
        }
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_known_by_what_they_are_and_their_bytes_are_counted() {
        let digest = |bytes: &[u8]| PayloadDigest(sha256(bytes));
        let arrived: Payloads = [vec![1; 10], vec![2; 20], vec![1; 10]]
            .into_iter()
            .collect();
        assert_eq!(arrived.bytes(), 30);
        assert_eq!(arrived.select(|one| *one == digest(&[2; 20])).bytes(), 20);
        let (mut first, second) = arrived.divide(|one| *one == digest(&[1; 10]));
        assert_eq!((first.bytes(), second.bytes()), (10, 20));
        first.merge(second);
        assert_eq!(first.take(&digest(&[2; 20])), Some(vec![2; 20]));
        assert_eq!(first.take(&digest(&[3; 20])), None);
        assert_eq!((first.bytes(), first.is_empty()), (10, false));
    }
}
