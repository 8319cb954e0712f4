// SPDX-License-Identifier: Apache-2.0
//! One member's machine within the simulated world: its wall clock may be wrong, and every write to its disk
//! may be the one at which the power goes.

use std::future::{Future, pending};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use commonware_runtime::telemetry::metrics::{Metric, Registered};
use commonware_runtime::{
    Blob, BlobVersion, Clock, Error, Handle, IoBufs, IoBufsMut, Metrics, Name, ReadOptions,
    Spawner, Storage, Supervisor, WriteOptions, deterministic, signal,
};
use rand_core::{TryCryptoRng, TryRng};
use tokio::sync::Notify;

use super::Context;

/// A wall clock that is wrong by so many milliseconds. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Skew(Arc<AtomicI64>);

impl Skew {
    pub(super) fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn apart(&self) -> Duration {
        Duration::from_millis(self.get().unsigned_abs())
    }

    fn shown(&self, truth: SystemTime) -> SystemTime {
        if self.get() < 0 {
            truth - self.apart()
        } else {
            truth + self.apart()
        }
    }

    fn truth(&self, shown: SystemTime) -> SystemTime {
        if self.get() < 0 {
            shown + self.apart()
        } else {
            shown - self.apart()
        }
    }
}

/// The power of all machines together. Clones share it.
#[derive(Clone)]
pub(super) struct Power(Arc<Fuse>);

struct Fuse {
    writes: AtomicU64,
    /// At which write it goes.
    last: u64,
    gone: Notify,
}

impl Power {
    /// Power that goes at the `last`th write; with `u64::MAX`, never.
    pub(super) fn until(last: u64) -> Self {
        Self(Arc::new(Fuse {
            writes: AtomicU64::new(0),
            last,
            gone: Notify::new(),
        }))
    }

    /// How many writes there were.
    pub(super) fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::Relaxed)
    }

    pub(super) async fn gone(&self) {
        let gone = self.0.gone.notified();
        if !self.is_gone() {
            gone.await;
        }
    }

    fn is_gone(&self) -> bool {
        self.writes() >= self.0.last
    }

    /// Counts a write that cannot wait, such as a ledger's own, which is whole by then.
    pub(super) fn count(&self) {
        if self.0.writes.fetch_add(1, Ordering::Relaxed) + 1 == self.0.last {
            self.0.gone.notify_waiters();
            self.0.gone.notify_one();
        }
    }

    /// Before a write: with the power gone, it never comes.
    async fn draw(&self) {
        if self.is_gone() {
            pending::<()>().await;
        }
        self.count();
    }

    /// After a write: nobody hears of the one at which the power went.
    async fn hold(&self) {
        if self.is_gone() {
            pending::<()>().await;
        }
    }
}

/// A machine.
pub(super) struct Machine {
    world: Context,
    skew: Skew,
    power: Power,
}

impl Machine {
    pub(super) const fn new(world: Context, skew: Skew, power: Power) -> Self {
        Self { world, skew, power }
    }

    fn with(&self, world: Context) -> Self {
        Self::new(world, self.skew.clone(), self.power.clone())
    }
}

impl Supervisor for Machine {
    fn name(&self) -> Name {
        self.world.name()
    }

    fn child(&self, label: &'static str) -> Self {
        self.with(self.world.child(label))
    }

    fn with_attribute(self, key: &'static str, value: impl std::fmt::Display) -> Self {
        Self {
            world: self.world.with_attribute(key, value),
            ..self
        }
    }
}

impl Spawner for Machine {
    fn shared(self, blocking: bool) -> Self {
        Self {
            world: self.world.shared(blocking),
            ..self
        }
    }

    fn dedicated(self) -> Self {
        Self {
            world: self.world.dedicated(),
            ..self
        }
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Self { world, skew, power } = self;
        world.spawn(move |world| f(Self { world, skew, power }))
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.world.stop(value, timeout).await
    }

    fn stopped(&self) -> signal::Signal {
        self.world.stopped()
    }
}

impl Metrics for Machine {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(
        &self,
        name: N,
        help: H,
        metric: M,
    ) -> Registered<M> {
        self.world.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.world.encode()
    }
}

impl governor::clock::Clock for Machine {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl governor::clock::ReasonablyRealtime for Machine {}

impl Clock for Machine {
    fn current(&self) -> SystemTime {
        self.skew.shown(self.world.current())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.world.sleep(duration)
    }

    fn sleep_until(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.world.sleep_until(self.skew.truth(deadline))
    }
}

impl TryRng for Machine {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.world.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.world.try_next_u64()
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        self.world.try_fill_bytes(to)
    }
}

impl TryCryptoRng for Machine {}

impl Storage for Machine {
    type Blob = File;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(File, u64, BlobVersion), Error> {
        self.power.draw().await;
        let opened = self.world.open_versioned(partition, name, versions).await;
        let (blob, size, version) = opened?;
        self.power.hold().await;
        let power = self.power.clone();
        Ok((File { blob, power }, size, version))
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        self.power.draw().await;
        let removed = self.world.remove(partition, name).await;
        self.power.hold().await;
        removed
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.world.scan(partition).await
    }
}

/// A file on a machine's disk.
pub(super) struct File {
    blob: <deterministic::Context as Storage>::Blob,
    power: Power,
}

impl Blob for File {
    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        self.blob.read_at_buf(offset, len, bufs, options).await
    }

    async fn read_at(
        &self,
        offset: u64,
        len: usize,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        self.blob.read_at(offset, len, options).await
    }

    async fn write_at(
        &self,
        offset: u64,
        bufs: impl Into<IoBufs> + Send,
        options: WriteOptions,
    ) -> Result<(), Error> {
        self.power.draw().await;
        // What is written as the power goes is written, and not synced.
        let options = if self.power.is_gone() {
            options.without(WriteOptions::SYNC)
        } else {
            options
        };
        let written = self.blob.write_at(offset, bufs, options).await;
        self.power.hold().await;
        written
    }

    async fn resize(&self, len: u64) -> Result<(), Error> {
        self.power.draw().await;
        let resized = self.blob.resize(len).await;
        self.power.hold().await;
        resized
    }

    async fn sync(&self) -> Result<(), Error> {
        self.power.draw().await;
        self.power.hold().await;
        self.blob.sync().await
    }

    async fn start_sync(&self) -> Handle<()> {
        self.power.draw().await;
        self.power.hold().await;
        self.blob.start_sync().await
    }
}
