// SPDX-License-Identifier: Apache-2.0
//! The command line's end of the admin socket.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{Answer, Order, Way};
use crate::exit::Failure;

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks a running gateway.
///
/// # Errors
/// [`Failure::NotRunning`] where nothing listens, [`Failure::NoAnswer`] where the answer fails.
pub async fn ask(socket: &Path, order: &Order) -> Result<Answer, Failure> {
    let stream = match Way::to(socket) {
        Ok(way) => UnixStream::connect(&way.path).await,
        Err(error) => Err(error),
    };
    let stream = stream.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::NotRunning {
            socket: socket.to_owned(),
        },
        _ => Failure::File {
            path: socket.to_owned(),
            reason: error,
        },
    })?;
    let no_answer = |reason: String| Failure::NoAnswer { reason };
    let answer = tokio::time::timeout(PATIENCE, talk(stream, order))
        .await
        .map_err(|_| no_answer(format!("it took longer than {} s", PATIENCE.as_secs())))?
        .map_err(|error| no_answer(error.to_string()))?;
    if answer.is_empty() {
        return Err(no_answer("it hung up without a word".to_owned()));
    }
    serde_json::from_slice(&answer).map_err(|error| no_answer(error.to_string()))
}

async fn talk(mut stream: UnixStream, order: &Order) -> std::io::Result<Vec<u8>> {
    stream.write_all(&serde_json::to_vec(order)?).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
