// SPDX-License-Identifier: Apache-2.0
//! How the command line talks to a running gateway: one question and one answer, each a JSON document,
//! over a Unix socket in the storage folder.
//!
//! Folder and socket can be opened by the gateway's own user alone, so whoever can speak here could read
//! the ledger's file as well; no token, no port, nothing that a browser or another user could reach. It
//! is not a network interface and never becomes one.
//!
//! A socket that a killed gateway left behind is replaced at the next start: the store's lock, taken
//! before, shows that no other gateway owns the folder.

pub mod client;
mod office;
mod protocol;
pub mod server;

pub use office::Office;
pub use protocol::{
    Answer, Awaited, AwaitedReport, ChannelReport, Ledger, NetworkReport, Order, Report,
    RestoredReport, Rows,
};

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// The longest path the system takes for a socket.
const LONGEST: usize = 107;

/// A way to the socket that is short enough for the system, and the folder it leads through, held open.
struct Way {
    path: PathBuf,
    _folder: Option<File>,
}

impl Way {
    fn to(socket: &Path) -> std::io::Result<Self> {
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        if socket.as_os_str().len() <= LONGEST {
            return Ok(Self {
                path: socket.to_owned(),
                _folder: None,
            });
        }
        let folder = File::open(folder)?;
        let number = folder.as_raw_fd().to_string();
        Ok(Self {
            path: Path::new("/proc/self/fd").join(number).join(name),
            _folder: Some(folder),
        })
    }
}
