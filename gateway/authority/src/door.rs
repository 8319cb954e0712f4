// SPDX-License-Identifier: Apache-2.0
//! A listening socket that lets in so many at once; further ones wait in the kernel's queue.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pause after the system refused to accept (too many open files), so as not to spin.
const BREATH: Duration = Duration::from_millis(100);

/// A listening socket, and how many more it lets in.
pub struct Door {
    tcp: TcpListener,
    room: Arc<Semaphore>,
}

/// A connection, whose it is, and its place, which is free again when that is dropped.
pub type Visitor = (TcpStream, SocketAddr, OwnedSemaphorePermit);

impl Door {
    /// Lets so many in at once.
    #[must_use]
    pub fn new(tcp: TcpListener, places: usize) -> Self {
        let room = Arc::new(Semaphore::new(places));
        Self { tcp, room }
    }

    /// The next one, once there is a place. Nobody is lost when this is dropped before.
    pub async fn next(&self) -> Visitor {
        let room = self.room.clone().acquire_owned().await;
        let place = room.expect("the semaphore is never closed");
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    return (stream, peer, place);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}
