// SPDX-License-Identifier: Apache-2.0
//! The gateway's end of the admin socket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Answer, Office, Order, Way};
use crate::exit::Failure;

/// Largest order that is read.
const LARGEST: u64 = 1 << 20;
/// How long a caller may take to ask, and then to hear the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take: callers wait no longer.
const WORK: Duration = super::client::PATIENCE;

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
                    let office = office.clone();
                    if let Err(error) =
                        talk(stream, PATIENCE, move |order| office.answer(order)).await
                    {
                        tracing::debug!(%error, "a caller on the admin socket got no answer");
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

/// Hears an order and answers it. Under a heavy load the answer takes its time, so that only what the caller has to
/// do is done soon.
async fn talk(
    mut stream: UnixStream,
    patience: Duration,
    answer: impl FnOnce(Order) -> Answer + Send + 'static,
) -> std::io::Result<()> {
    let mut order = Vec::new();
    timeout(
        patience,
        (&mut stream).take(LARGEST).read_to_end(&mut order),
    )
    .await??;
    let answer = match serde_json::from_slice(&order) {
        Ok(order) => timeout(WORK, spawn_blocking(move || answer(order))).await??,
        Err(_) => Answer::Refused("CLI0002 this gateway does not know the order: it is of another version than the command line".into()),
    };
    let answer = serde_json::to_vec(&answer)?;
    timeout(patience, stream.write_all(&answer)).await??;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_takes_longer_than_a_caller_may_is_given_nevertheless() {
        let (mut caller, stream) = UnixStream::pair().expect("a pair");
        let asked = br#"{"order":"status"}"#;
        caller.write_all(asked).await.expect("asked");
        caller.shutdown().await.expect("asked");
        let patience = Duration::from_secs(1);
        let load = move |_| {
            std::thread::sleep(patience * 3 / 2);
            Answer::Done("after all".to_owned())
        };
        talk(stream, patience, load).await.expect("answered");
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.expect("heard");
        assert_eq!(answer, r#"{"done":"after all"}"#);
    }
}
