// SPDX-License-Identifier: Apache-2.0
//! Carries connections from one place to another: between network namespaces by way of a Unix socket, or over a
//! line that is slow, far and lossy.
//!
//! A line is a model, since not every kernel has a queue that delays and loses: bytes leave at the line's rate,
//! whichever connection they are of; they arrive later by the delay; a segment is lost by chance, and what follows it
//! on its connection arrives one round trip later, as after a fast retransmission. What congestion control makes of
//! losses is a rate for each connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::dice::Dice;

/// The bytes that one segment of TCP carries.
const SEGMENT: usize = 1_448;
/// The most segments of a connection that are on their way in one direction.
const ON_WAY: usize = 4_096;

/// An end of a relay, written `unix:PATH` or `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A Unix socket.
    Unix(PathBuf),
    /// An address.
    Tcp(String),
}

impl Place {
    /// Reads one.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.strip_prefix("unix:").map_or_else(
            || Self::Tcp(text.to_owned()),
            |path| Self::Unix(Path::new(path).to_owned()),
        )
    }
}

/// One direction of a line, shared by all connections over it.
#[derive(Debug)]
pub struct Lane {
    /// Bytes a second.
    pub rate: f64,
    /// Bytes a second of one connection.
    pub each: f64,
    /// From leaving to arriving.
    pub delay: Duration,
    /// So many segments of a thousand are lost.
    pub lost: u64,
    state: Mutex<(Dice, Option<Instant>, u64)>,
}

impl Lane {
    /// A lane that is free.
    #[must_use]
    pub fn new(rate: f64, each: f64, delay: Duration, lost: u64, dice: Dice) -> Self {
        Self {
            rate,
            each,
            delay,
            lost,
            state: Mutex::new((dice, None, 0)),
        }
    }

    /// Bytes that went over it so far.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).2
    }

    /// When so many bytes have left, and whether they are lost at first.
    fn take(&self, bytes: usize, own: Instant) -> (Instant, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let free = state.1.unwrap_or(own).max(Instant::now());
        let left = free + Duration::from_secs_f64(bytes as f64 / self.rate);
        state.1 = Some(left);
        state.2 += bytes as u64;
        (left.max(own), state.0.within(0..1_000) < self.lost)
    }
}

/// The two directions as a connection through a relay meets them.
#[derive(Debug, Clone)]
pub struct Line {
    /// From who connects to who is connected to.
    pub there: Arc<Lane>,
    /// And back.
    pub back: Arc<Lane>,
}

/// What accepts connections at a place.
#[derive(Debug)]
pub enum Entrance {
    /// At a Unix socket.
    Unix(UnixListener),
    /// At an address.
    Tcp(TcpListener),
}

impl Entrance {
    /// Listens.
    ///
    /// # Errors
    /// Where nobody can listen there.
    pub async fn at(place: &Place) -> anyhow::Result<Self> {
        Ok(match place {
            Place::Unix(path) => {
                Self::Unix(UnixListener::bind(path).with_context(|| path.display().to_string())?)
            }
            Place::Tcp(address) => {
                Self::Tcp(TcpListener::bind(address).await.context(address.clone())?)
            }
        })
    }
}

/// Carries connections until it is dropped or its entrance fails.
///
/// # Errors
/// When it fails.
pub async fn carry(entrance: Entrance, to: Place, line: Option<Line>) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    loop {
        let (to, line) = (to.clone(), line.clone());
        match &entrance {
            Entrance::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                running.spawn(meet(stream, to, line));
            }
            Entrance::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                running.spawn(meet(stream, to, line));
            }
        }
        while running.try_join_next().is_some() {}
    }
}

async fn meet<S>(stream: S, to: Place, line: Option<Line>) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match to {
        Place::Unix(path) => join(stream, UnixStream::connect(path).await?, line).await,
        Place::Tcp(address) => {
            let other = TcpStream::connect(address).await?;
            other.set_nodelay(true)?;
            join(stream, other, line).await
        }
    }
}

async fn join<A, B>(mut one: A, mut other: B, line: Option<Line>) -> anyhow::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(line) = line else {
        tokio::io::copy_bidirectional(&mut one, &mut other).await?;
        return Ok(());
    };
    let (one_in, one_out) = tokio::io::split(one);
    let (other_in, other_out) = tokio::io::split(other);
    // Whichever direction ends first ends the connection.
    tokio::select! {
        done = slowly(one_in, other_out, &line.there) => done,
        done = slowly(other_in, one_out, &line.back) => done,
    }
}

/// Carries one direction of one connection over a lane.
async fn slowly<R, W>(mut from: R, mut to: W, lane: &Lane) -> anyhow::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (on_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(ON_WAY);
    let leave = async {
        let (mut own, mut last) = (Instant::now(), Instant::now());
        let mut bytes = vec![0; SEGMENT];
        loop {
            let count = from.read(&mut bytes).await?;
            if count == 0 {
                return anyhow::Ok(());
            }
            own = own.max(Instant::now()) + Duration::from_secs_f64(count as f64 / lane.each);
            let (left, lost) = lane.take(count, own);
            let again = if lost { 2 * lane.delay } else { Duration::ZERO };
            last = last.max(left + lane.delay + again);
            let piece = (last, bytes[..count].to_vec());
            if on_way.send(piece).await.is_err() {
                return Ok(());
            }
            sleep_until(left).await;
        }
    };
    let arrive = async {
        while let Some((at, bytes)) = arriving.recv().await {
            sleep_until(at).await;
            to.write_all(&bytes).await?;
            to.flush().await?;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        done = leave => done,
        done = arrive => done,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_far_line_delays_and_holds_to_its_rate() {
        let lane = |rate| {
            let delay = Duration::from_millis(50);
            Arc::new(Lane::new(rate, 1e9, delay, 0, Dice::new("relay", Some(1))))
        };
        let line = Line {
            there: lane(100_000.0),
            back: lane(1e9),
        };
        let there = Arc::clone(&line.there);
        let any = ("127.0.0.1", 0);
        let end = TcpListener::bind(any).await.unwrap();
        let entrance = TcpListener::bind(any).await.unwrap();
        let mut stream = TcpStream::connect(entrance.local_addr().unwrap())
            .await
            .unwrap();
        let to = Place::Tcp(end.local_addr().unwrap().to_string());
        tokio::spawn(carry(Entrance::Tcp(entrance), to, Some(line)));
        let began = Instant::now();
        tokio::spawn(async move {
            stream.write_all(&[7; 20_000]).await.unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
        });
        let arriving = async {
            let (mut stream, _) = end.accept().await?;
            let mut all = vec![0; 20_000];
            stream.read_exact(&mut all).await?;
            std::io::Result::Ok(all)
        };
        let all = timeout(Duration::from_secs(20), arriving).await;
        let all = all.expect("it arrives").unwrap();
        assert!(all.iter().all(|byte| *byte == 7));
        // A fifth of a second for the bytes, and the delay.
        assert!(began.elapsed() >= Duration::from_millis(245));
        assert_eq!(there.carried(), 20_000);
    }
}
