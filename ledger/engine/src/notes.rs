// SPDX-License-Identifier: Apache-2.0
//! What members' gateways say to each other beside the chain. The engine carries notes to members of the
//! channel alone and knows nothing of what is in them; none is kept, and one that finds no room is lost:
//! whoever says something says it until it is answered.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use commonware_utils::channel::mpsc;

use crate::channel::{Heard, Notes, Told};
use crate::wire;

/// The longest note, in bytes.
pub const MAX_NOTE: usize = wire::MAX_NOTE;
/// Notes that wait, each way.
const WAITING: usize = 64;

/// The gateway's end.
#[derive(Debug)]
pub(crate) struct Lane {
    told: mpsc::Sender<Told>,
    heard: Mutex<Receiver<Heard>>,
}

/// Both ends of a channel's notes.
pub(crate) fn notes() -> (Lane, Notes) {
    let (told, told_in) = mpsc::channel(WAITING);
    let (heard, heard_out) = sync_channel(WAITING);
    let lane = Lane {
        told,
        heard: Mutex::new(heard_out),
    };
    let notes = Notes {
        told: told_in,
        heard,
    };
    (lane, notes)
}

impl Lane {
    pub(crate) fn tell(&self, to: Option<&silsila_chain::PublicKey>, note: Vec<u8>) -> bool {
        let to = match to {
            None => None,
            Some(key) => match crate::key::public_key(key) {
                None => return false,
                found => found,
            },
        };
        note.len() <= MAX_NOTE && self.told.try_send((to, note)).is_ok()
    }

    pub(crate) fn hear(&self, wait: Duration) -> Result<Option<Heard>, ()> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match heard.recv_timeout(wait) {
            Ok(note) => Ok(Some(note)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }
}
