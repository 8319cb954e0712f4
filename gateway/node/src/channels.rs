// SPDX-License-Identifier: Apache-2.0
//! The channels that this gateway joined: the genesis of each, as a file in the storage folder.
//!
//! ```text
//! channels/3f0c9a1be2d4c6f8.channel    the first sixteen digits of the channel's id
//! ```
//!
//! A file is written beside its place, synced and renamed; what it says was judged before, and is judged
//! again when it is read.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use silsila_authority::files;
use silsila_chain::{Genesis, Identity};
use silsila_config::Settings;
use silsila_replica::certificate::Fingerprint;
use silsila_replica::read_channel;

use crate::exit::Failure;
use crate::keys;

/// More than the longest genesis.
const LARGEST: u64 = 2 << 20;

/// Where they lie.
#[must_use]
pub fn folder(settings: &Settings) -> PathBuf {
    settings.storage.folder.join("channels")
}

/// Every channel joined, in the order of their ids.
///
/// # Errors
/// A file that cannot be read, or that a member of this network would not join.
pub fn joined(
    settings: &Settings,
    network: &Fingerprint,
    own: &Identity,
) -> Result<Vec<Genesis>, Failure> {
    let folder = folder(settings);
    let Ok(entries) = fs::read_dir(&folder) else {
        return Ok(Vec::new());
    };
    let mut channels = Vec::new();
    for entry in entries {
        let file = entry.map_err(Failure::file(&folder))?.path();
        if file.extension().is_some_and(|found| found == "channel") {
            channels.push(read_channel(&read(&file)?, network, own)?);
        }
    }
    channels.sort_by_key(Genesis::id);
    Ok(channels)
}

/// Keeps a channel that was judged. Says whether it is new here.
///
/// # Errors
/// Where the file cannot be written.
pub fn keep(settings: &Settings, genesis: &Genesis) -> Result<bool, Failure> {
    let folder = folder(settings);
    keys::private_folder(&settings.storage.folder)?;
    keys::private_folder(&folder)?;
    let id: String = genesis.id().to_string().chars().take(16).collect();
    let file = folder.join(format!("{id}.channel"));
    if file.exists() {
        return Ok(false);
    }
    files::write_whole(&file, &genesis.encode()).map_err(Failure::file(&file))?;
    Ok(true)
}

/// The bytes of a channel's file, wherever it lies.
///
/// # Errors
/// Where it cannot be read.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|open| open.take(LARGEST).read_to_end(&mut bytes))
        .map_err(Failure::file(file))?;
    Ok(bytes)
}
