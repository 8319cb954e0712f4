// SPDX-License-Identifier: Apache-2.0
//! A look into a gateway's encrypted ledger file behind its back.

use std::fs;
use std::path::Path;

use silsila_store::FileKey;
use silsila_store::rusqlite::Connection;

/// The key of the ledger in a gateway's folder, which holds `keys` and `state`.
pub fn file_key(folder: &Path) -> FileKey {
    let keys = fs::read_to_string(folder.join("keys/gateway.keys")).unwrap();
    let line = keys.lines().find_map(|line| line.strip_prefix("file "));
    let digits = line.expect("a key of the file");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    FileKey::new(&std::array::from_fn(|n| byte(2 * n)))
}

/// A connection to the ledger in a gateway's folder.
pub fn connect(folder: &Path) -> Connection {
    let ledger = folder.join("state/ledger.sqlite");
    file_key(folder).connect(&ledger).unwrap()
}
