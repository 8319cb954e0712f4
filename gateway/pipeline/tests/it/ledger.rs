// SPDX-License-Identifier: Apache-2.0
//! A gateway of store and pipeline in a folder, and what its ledger says in the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use silsila_chain::{CustodianKey, MemberKey, Op, Tag};
use silsila_mapping::Pack;
use silsila_pipeline::{
    Pipeline, PipelineHandle, PipelineKeys, PipelineOptions, SourceOptions, Status,
};
use silsila_schema::Json;
use silsila_store::{NoIndex, Store, StoreOptions, SystemClock};
use tokio::sync::oneshot;

use crate::memory::Memory;

pub const KEYS: PipelineKeys = PipelineKeys {
    id_key: [1; 32],
    digest_key: [2; 32],
};

/// A running gateway.
pub struct Gateway {
    pub store: Store,
    pub handle: PipelineHandle,
    stop: oneshot::Sender<()>,
    run: tokio::task::JoinHandle<()>,
}

/// What differs between tests.
pub type Tune<'t> = &'t dyn Fn(&mut SourceOptions);

pub fn store(folder: &Path) -> Store {
    let options = StoreOptions::new(
        folder.join("ledger.sqlite"),
        MemberKey::from_seed(&[3; 32]),
        CustodianKey::new([4; 32]),
    );
    Store::open(options, Box::new(NoIndex)).unwrap()
}

impl Gateway {
    pub fn start(folder: &Path, memory: &Memory, pack: Arc<Pack>) -> Self {
        Self::tuned(folder, memory, pack, &|_| {})
    }

    pub fn tuned(folder: &Path, memory: &Memory, pack: Arc<Pack>, tune: Tune<'_>) -> Self {
        Self::over(store(folder), memory, pack, tune)
    }

    pub fn over(store: Store, memory: &Memory, pack: Arc<Pack>, tune: Tune<'_>) -> Self {
        let mut source = SourceOptions::new(Arc::new(memory.clone()), pack);
        source.poll_interval = Duration::from_millis(20);
        source.chunk_rows = 7;
        tune(&mut source);
        let pipeline = Pipeline::new(PipelineOptions {
            store: store.clone(),
            sources: vec![source],
            keys: KEYS,
            clock: Arc::new(SystemClock),
        })
        .unwrap();
        let handle = pipeline.handle();
        let (stop, stopped) = oneshot::channel();
        let run = tokio::spawn(pipeline.run(async {
            let _ = stopped.await;
        }));
        Self {
            store,
            handle,
            stop,
            run,
        }
    }

    /// Waits for a sweep that begins after this call.
    pub async fn sweep(&self) -> Status {
        let number = self.handle.sweep_now("memory").unwrap();
        self.handle.wait_for_sweep("memory", number).await.unwrap()
    }

    /// Waits until a poll that begins after this call has ended.
    pub async fn poll(&self) -> Status {
        let polls = self.handle.status().sources[0].polls;
        let later = |s: &Status| s.sources[0].polls >= polls + 2;
        self.handle.wait_until(later).await.unwrap()
    }

    pub async fn stop(self) {
        drop(self.handle);
        self.stop.send(()).unwrap();
        self.run.await.unwrap();
        self.store.close().unwrap();
    }

    /// The resources of one type that are served now, by legacy key.
    pub fn bodies(&self) -> BTreeMap<String, Vec<u8>> {
        head_bodies(&self.store)
    }

    pub fn of_type(&self, kind: &str) -> Vec<String> {
        let bodies = self.bodies();
        let found = bodies.keys().filter(|k| k.starts_with(&format!("{kind}/")));
        found.cloned().collect()
    }
}

/// One version on the ledger.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    pub op: Op,
    pub version: u64,
    pub body: Option<Vec<u8>>,
}

/// Every version of every resource, in order.
pub fn histories(store: &Store) -> BTreeMap<Tag, Vec<Version>> {
    let entries = store.health().unwrap().entries;
    let mut found: BTreeMap<Tag, Vec<Version>> = BTreeMap::new();
    store
        .read(|conn| {
            for seq in 0..entries {
                let entry = store.committed(conn, seq)?;
                let record = entry.record().clone();
                found.entry(record.resource_tag).or_default().push(Version {
                    op: record.op,
                    version: record.version,
                    body: entry.into_payload().map(|p| p.body),
                });
            }
            Ok::<_, silsila_pipeline::PipelineError>(())
        })
        .unwrap();
    found
}

/// The newest version of every resource that is not deleted, by `type/id`.
pub fn head_bodies(store: &Store) -> BTreeMap<String, Vec<u8>> {
    histories(store)
        .into_values()
        .filter_map(|versions| versions.last().cloned())
        .filter(|version| version.op == Op::Put)
        .map(|version| {
            let body = version.body.unwrap();
            (name(&body), body)
        })
        .collect()
}

/// `type/id` of a resource.
pub fn name(body: &[u8]) -> String {
    let json = Json::parse(body).unwrap();
    let member = |m: &str| json.get(m).and_then(Json::as_str).unwrap().to_owned();
    format!("{}/{}", member("resourceType"), member("id"))
}

/// A folder for one gateway.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}
