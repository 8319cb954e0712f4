// SPDX-License-Identifier: Apache-2.0
//! Files that are there whole or not at all, and that nobody else may read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::AuthorityError;

/// The most that any of the small files may hold.
const LARGEST: u64 = 1 << 20;

/// Makes a folder that only its owner may enter, where it is not there yet.
///
/// # Errors
/// What the operating system says.
pub fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Writes beside the file, syncs, renames, syncs the folder.
///
/// # Errors
/// What the operating system says.
pub fn write_whole(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(&beside, file)?;
    sync_folder(file)
}

/// Makes a rename within the folder of a file durable.
pub(crate) fn sync_folder(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        None => Ok(()),
        // A bare name lies in the working directory.
        Some(folder) if folder.as_os_str().is_empty() => fs::File::open(".")?.sync_all(),
        Some(folder) => fs::File::open(folder)?.sync_all(),
    }
}

/// Reads a small file, secret perhaps.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    use std::io::Read as _;
    let mut bytes = Zeroizing::new(Vec::new());
    fs::File::open(file)
        .and_then(|open| open.take(LARGEST).read_to_end(&mut bytes))
        .map_err(AuthorityError::file(file))?;
    Ok(bytes)
}

/// As [`read`], for text.
pub(crate) fn read_text(file: &Path) -> Result<Zeroizing<String>, AuthorityError> {
    let bytes = read(file)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| AuthorityError::Unusable {
        path: file.to_owned(),
        reason: "it is not text".to_owned(),
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}
