// SPDX-License-Identifier: Apache-2.0
//! The gateway's end of the admin socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::{Answer, Office, Way};
use crate::exit::Failure;

/// Largest order that is read.
const LARGEST: u64 = 1 << 20;
/// How long a caller may take to ask, and to hear the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket, bound and closed to other users; removed when dropped.
pub struct Server {
    listener: UnixListener,
    socket: PathBuf,
}

impl Server {
    /// Binds the socket, replacing one that a dead gateway left behind. The caller holds the store, and
    /// so owns the folder.
    ///
    /// # Errors
    /// Where the socket cannot be made.
    pub fn bind(socket: &Path) -> Result<Self, Failure> {
        Self::try_bind(socket).map_err(Failure::file(socket))
    }

    fn try_bind(socket: &Path) -> std::io::Result<Self> {
        if socket.exists() {
            fs::remove_file(socket)?;
        }
        let way = Way::to(socket)?;
        let listener = UnixListener::bind(&way.path)?;
        fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            socket: socket.to_owned(),
        })
    }

    /// Answers, one caller after the other, until dropped.
    pub async fn run(&self, office: Office) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let talk = tokio::time::timeout(PATIENCE, talk(stream, office.clone()));
                    if !matches!(talk.await, Ok(Ok(()))) {
                        tracing::debug!("a caller on the admin socket hung up");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket cannot accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

async fn talk(mut stream: UnixStream, office: Office) -> std::io::Result<()> {
    let mut order = Vec::new();
    (&mut stream).take(LARGEST).read_to_end(&mut order).await?;
    let answer = match serde_json::from_slice(&order) {
        Ok(order) => tokio::task::spawn_blocking(move || office.answer(order)).await?,
        Err(_) => Answer::Refused("CLI0002 this gateway does not know the order: it is of another version than the command line".into()),
    };
    stream.write_all(&serde_json::to_vec(&answer)?).await?;
    stream.shutdown().await
}
