// SPDX-License-Identifier: Apache-2.0
//! The key file as it lies on disk: in clear, or under a passphrase.
//!
//! ```text
//! silsila-locked-keys 1
//! 81608b67...              the text in clear as silsila_seal::lock locks it, in hexadecimal
//! ```

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use silsila_authority::{files, hex};
use silsila_seal::{SealError, lock, unlock};
use zeroize::Zeroizing;

use super::passphrase::{self, Passphrase};
use crate::exit::Failure;

const TITLE: &str = "silsila-locked-keys 1";

/// What was opened last: stretching a passphrase is slow on purpose, and a command reads its keys more than once.
static OPENED: Mutex<Option<(Vec<u8>, Content)>> = Mutex::new(None);

/// A key file's text in clear, and the passphrase that it lies under.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) text: Zeroizing<String>,
    pub(super) passphrase: Option<Passphrase>,
}

/// Whether a key file lies under a passphrase.
pub(super) fn is_locked(file: &Path) -> bool {
    let text = fs::read(file).map(Zeroizing::new).unwrap_or_default();
    text.starts_with(TITLE.as_bytes())
}

/// Reads a key file, with the passphrase where it needs one.
pub(super) fn read(file: &Path) -> Result<Content, Failure> {
    let unusable = |reason: String| Failure::Keys {
        file: file.to_owned(),
        reason,
    };
    let text = fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| unusable(error.to_string()))?;
    let Some(rest) = text.strip_prefix(TITLE) else {
        return Ok(Content {
            text,
            passphrase: None,
        });
    };
    let bytes = hex::read_all(rest.trim());
    let bytes = bytes.ok_or_else(|| unusable(format!("it is not {TITLE:?} and hexadecimal")))?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((same, content)) = &*opened
        && *same == bytes
    {
        return Ok(content.clone());
    }
    let (text, passphrase) = passphrase::given(file, |passphrase| open(passphrase, &bytes))?;
    passphrase::remember(&passphrase);
    let passphrase = Some(passphrase);
    let content = Content { text, passphrase };
    *opened = Some((bytes, content.clone()));
    Ok(content)
}

fn open(passphrase: &Passphrase, bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let opened = unlock(passphrase, bytes)?;
    let text = std::str::from_utf8(&opened).map_err(|_| SealError::WrongPassphrase)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Writes a key file, under its passphrase where it has one: whole, or not at all.
pub(super) fn write(file: &Path, content: &Content) -> Result<(), Failure> {
    let bytes = match &content.passphrase {
        None => Zeroizing::new(content.text.as_bytes().to_vec()),
        Some(passphrase) => {
            let locked = lock(passphrase, content.text.as_bytes())?;
            Zeroizing::new(format!("{TITLE}\n{}\n", hex::write(&locked)).into_bytes())
        }
    };
    files::write_whole(file, &bytes).map_err(Failure::file(file))
}
