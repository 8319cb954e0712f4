// SPDX-License-Identifier: Apache-2.0
//! Which file of the storage folder is the ledger of which channel.
//!
//! ```text
//! ledger.sqlite                       what the gateway keeps for itself while it is alone
//! channels/3f0c9a1be2d4c6f8.sqlite    a channel's ledger, by the first sixteen digits of its id
//! ```
//!
//! A gateway that ran alone and joins a channel begins a file for the channel; its own stays as it is, so that nothing
//! is moved and a crash finds either both or the first. An earlier version kept a gateway's own channel in
//! `ledger.sqlite`: where a channel's ledger is that file, it goes on there. What a file holds decides, not its name.

use std::path::PathBuf;

use silsila_chain::Genesis;
use silsila_config::Settings;
use silsila_store::{FileKey, Store, StoreError};

use crate::assemble::ledger_file;
use crate::exit::Failure;
use crate::shared::joined;
use crate::{channels, keys};

/// What the ledger from before the network is called on the command line.
pub const ALONE: &str = "alone";

/// The storage folder; the gateway's keys are asked for where a file must be looked into.
pub struct Shelf<'s> {
    settings: &'s Settings,
}

impl<'s> Shelf<'s> {
    /// The folder of a configuration.
    #[must_use]
    pub const fn new(settings: &'s Settings) -> Self {
        Self { settings }
    }

    fn key(&self) -> Result<Option<FileKey>, Failure> {
        let keys = keys::existing(&self.settings.keys.folder)?;
        Ok(keys.map(|keys| keys.file()))
    }

    /// What `ledger.sqlite` was founded on; none where it is not there, or holds nothing yet.
    fn first(&self) -> Result<Option<Genesis>, Failure> {
        let file = ledger_file(self.settings);
        if !file.exists() {
            return Ok(None);
        }
        match Store::open_read_only_with(&file, &[], self.key()?) {
            Ok(store) => Ok(Some(store.genesis().clone())),
            Err(StoreError::Foreign { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The ledger of the time before the network, where there is one.
    ///
    /// # Errors
    /// A file that is damaged or encrypted with another key; keys that cannot be used.
    pub fn alone(&self) -> Result<Option<PathBuf>, Failure> {
        let alone = self.first()?.is_some_and(|genesis| genesis.is_alone());
        Ok(alone.then(|| ledger_file(self.settings)))
    }

    /// Where a channel's ledger lies, or will lie.
    ///
    /// # Errors
    /// As [`Shelf::alone`].
    pub fn file_of(&self, genesis: &Genesis) -> Result<PathBuf, Failure> {
        let name = format!("{}.sqlite", channels::short_id(genesis));
        let file = channels::folder(self.settings).join(name);
        if !file.exists() && self.first()?.as_ref() == Some(genesis) {
            return Ok(ledger_file(self.settings));
        }
        Ok(file)
    }

    /// The ledger that the source feeds: that of the gateway's own channel, or of the gateway alone.
    ///
    /// # Errors
    /// Where the gateway is to take part in a channel and is no member.
    pub fn own(&self) -> Result<PathBuf, Failure> {
        match joined(self.settings)?.first() {
            Some(genesis) => self.file_of(genesis),
            None => Ok(ledger_file(self.settings)),
        }
    }

    /// The ledger of a channel by its name or the first digits of its id; [`ALONE`] is the one from before the network.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub fn named(&self, name: &str) -> Result<PathBuf, Failure> {
        let joined = joined(self.settings)?;
        let mut meant = joined.iter().filter(|genesis| channels::is(genesis, name));
        match (meant.next(), meant.next()) {
            (Some(genesis), None) => return self.file_of(genesis),
            (None, _) if name == ALONE => {
                if let Some(file) = self.alone()? {
                    return Ok(file);
                }
            }
            _ => {}
        }
        Err(unknown(name, &joined))
    }

    /// Opens a ledger for reading, also while a gateway writes to it: the gateway's own, or a named one.
    ///
    /// # Errors
    /// Where there is none.
    pub fn open(&self, name: Option<&str>) -> Result<Store, Failure> {
        let file = match name {
            Some(name) => self.named(name)?,
            None => self.own()?,
        };
        let dictionaries = silsila_fhir::dictionaries();
        let store = Store::open_read_only_with(&file, &dictionaries, self.key()?)?;
        Ok(store)
    }
}

/// A ledger that is there, of whichever channel; `ledger.sqlite` where there is none yet.
#[must_use]
pub fn any(settings: &Settings) -> PathBuf {
    let first = ledger_file(settings);
    if first.exists() {
        return first;
    }
    let others = std::fs::read_dir(channels::folder(settings)).into_iter();
    let mut others = others.flatten().flatten().map(|entry| entry.path());
    others
        .find(|path| path.extension().is_some_and(|found| found == "sqlite"))
        .unwrap_or(first)
}

/// No channel, or more than one, is named so.
pub(crate) fn unknown(name: &str, joined: &[Genesis]) -> Failure {
    let names: Vec<String> = joined
        .iter()
        .map(|genesis| format!("{} ({})", genesis.name, channels::short_id(genesis)))
        .collect();
    Failure::Unknown {
        what: "one channel of this gateway",
        name: name.to_owned(),
        known: match names.as_slice() {
            [] => "it joined none: silsila channel join FILE".to_owned(),
            names => format!("it joined {}", names.join(", ")),
        },
    }
}
