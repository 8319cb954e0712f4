// SPDX-License-Identifier: Apache-2.0
//! What compressed resources are likely to say. A resource of one kilobyte shares most of its text with
//! every other of its kind; given that text beforehand, it is stored in a fifth of it.
//!
//! Made from invented patients by the ledger's example `train_dictionary`. A dictionary that was ever
//! used stays as it is, under its number: payloads compressed with it need it for good. A better one is
//! added behind it.

use std::sync::Arc;

use silsila_store::Dictionary;

const FIRST: &[u8] = include_bytes!("../dictionary/1.zstd");

/// The dictionaries for [`silsila_store::StoreOptions`], oldest first.
#[must_use]
pub fn dictionaries() -> Vec<Dictionary> {
    vec![Dictionary {
        id: 1,
        bytes: Arc::from(FIRST),
    }]
}

#[cfg(test)]
mod tests {
    use silsila_store::chain::PayloadDigest;
    use silsila_store::chain::sha256;

    use super::*;

    #[test]
    fn no_dictionary_ever_changes() {
        let digests: Vec<String> = dictionaries()
            .iter()
            .map(|one| format!("{} {}", one.id, PayloadDigest(sha256(&one.bytes))))
            .collect();
        assert_eq!(
            digests,
            ["1 37efd9e7d1daa482b9a178512d0893dc3938c73358adb7aee799d66da620513d"]
        );
    }
}
