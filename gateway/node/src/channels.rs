// SPDX-License-Identifier: Apache-2.0
//! The channels that this gateway joined: the genesis of each, as a file in the storage folder.
//!
//! ```text
//! channels/3f0c9a1be2d4c6f8.channel    the first sixteen digits of the channel's id
//! channels/first                       these digits of the channel that was joined first
//! ```
//!
//! The channel that was joined first is the gateway's own, unless `network.channel` names another.
//!
//! A file is written beside its place, synced and renamed; what it says was judged before, and is judged
//! again when it is read.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use silsila_authority::files;
use silsila_chain::Genesis;
use silsila_config::Settings;
use silsila_replica::certificate::Fingerprint;
use silsila_replica::read_channel_for_later;

use crate::exit::Failure;
use crate::keys;

/// More than the longest genesis.
const LARGEST: u64 = 2 << 20;

/// Their folder within the storage folder.
pub const FOLDER: &str = "channels";

/// Where they lie.
#[must_use]
pub fn folder(settings: &Settings) -> PathBuf {
    settings.storage.folder.join(FOLDER)
}

/// Every channel joined, in the order of their ids.
///
/// # Errors
/// A file that cannot be read, or that a member of this network would not join.
pub fn joined(settings: &Settings, network: &Fingerprint) -> Result<Vec<Genesis>, Failure> {
    let folder = folder(settings);
    let Ok(entries) = fs::read_dir(&folder) else {
        return Ok(Vec::new());
    };
    let mut channels = Vec::new();
    for entry in entries {
        let file = entry.map_err(Failure::file(&folder))?.path();
        if file.extension().is_some_and(|found| found == "channel") {
            channels.push(read_channel_for_later(&read(&file)?, network)?);
        }
    }
    channels.sort_by_key(Genesis::id);
    Ok(channels)
}

/// The name of the file that says which channel was joined first.
pub const FIRST: &str = "first";

/// The first sixteen digits of a channel's id: the stem of its files.
#[must_use]
pub fn short_id(genesis: &Genesis) -> String {
    genesis.id().to_string().chars().take(16).collect()
}

/// Whether a channel is meant by a name: its own, or how its id begins, in eight digits or more.
#[must_use]
pub fn is(genesis: &Genesis, name: &str) -> bool {
    let digits = name.replace(' ', "").to_lowercase();
    genesis.name == name || digits.len() >= 8 && genesis.id().to_string().starts_with(&digits)
}

/// The channel that was joined first, by the first digits of its id.
#[must_use]
pub fn first(settings: &Settings) -> Option<String> {
    let text = fs::read_to_string(folder(settings).join(FIRST)).ok()?;
    Some(text.trim().to_owned())
}

/// Remembers which channel was joined first, where nothing is remembered yet.
///
/// # Errors
/// Where the file cannot be written.
pub fn remember_first(settings: &Settings, genesis: &Genesis) -> Result<(), Failure> {
    let file = folder(settings).join(FIRST);
    if file.exists() {
        return Ok(());
    }
    let line = format!("{}\n", short_id(genesis));
    files::write_whole(&file, line.as_bytes()).map_err(Failure::file(&file))
}

/// Keeps a channel that was judged. Says whether it is new here.
///
/// # Errors
/// Where the file cannot be written.
pub fn keep(settings: &Settings, genesis: &Genesis) -> Result<bool, Failure> {
    let folder = folder(settings);
    keys::private_folder(&settings.storage.folder)?;
    keys::private_folder(&folder)?;
    let file = folder.join(format!("{}.channel", short_id(genesis)));
    if file.exists() {
        return Ok(false);
    }
    let others = fs::read_dir(&folder).map_err(Failure::file(&folder))?;
    let mut others = others.flatten().map(|entry| entry.path());
    if !others.any(|path| path.extension().is_some_and(|found| found == "channel")) {
        // Before the channel itself: a name without its channel says nothing.
        remember_first(settings, genesis)?;
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
