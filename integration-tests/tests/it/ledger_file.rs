// SPDX-License-Identifier: Apache-2.0
//! A look into a gateway's encrypted ledger file behind its back.

use std::fs;
use std::path::{Path, PathBuf};

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

/// The ledger in a gateway's folder: of its one channel, or of the gateway where it is alone.
pub fn ledger(folder: &Path) -> PathBuf {
    let channels = fs::read_dir(folder.join("state/channels"));
    let files = channels.into_iter().flatten();
    let mut files = files.map(|file| file.unwrap().path());
    let of_channel = files.find(|file| file.extension().is_some_and(|found| found == "sqlite"));
    of_channel.unwrap_or_else(|| folder.join("state/ledger.sqlite"))
}

/// A connection to the ledger in a gateway's folder.
pub fn connect(folder: &Path) -> Connection {
    file_key(folder).connect(&ledger(folder)).unwrap()
}
