// SPDX-License-Identifier: Apache-2.0
//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use silsila_store::rusqlite::Connection;
use silsila_store::{Clock, Store, StoreError, SystemClock};
use tokio::sync::Semaphore;

use crate::access::{Access, Permit};
use crate::index::key::Keyed;
use crate::index::tables::{self, Secrets};
use crate::readers::{Readers, Upkeep, is_behind};
use crate::refusal::Refusal;
use crate::served::{Ready, Served};

/// How the FHIR server presents itself.
#[derive(Debug, Clone)]
pub struct FhirSettings {
    /// Where the router lies, such as `/fhir`; begins with `/` and does not end with one.
    pub base_path: String,
    /// The base URL that links carry, such as `https://fhir.hospital.example/fhir`. Without one, links
    /// carry the host that the client named.
    pub public_url: Option<String>,
    /// Whether clients reach the server by HTTPS; used for links when there is no public URL.
    pub https: bool,
    /// Who runs this gateway.
    pub hospital: Hospital,
    /// Version of the software, for the capability statement.
    pub software_version: String,
    /// Types that the gateway will serve beside those that it has already; for the capability statement.
    pub types: Vec<String>,
    /// Threads that search. The store needs at least two readers more than this.
    pub search_threads: usize,
    /// Memory for checked versions that are served again, in bytes.
    pub served_bytes: usize,
    /// What one request may ask for.
    pub limits: Limits,
}

/// The organization behind a gateway.
#[derive(Debug, Clone, Default)]
pub struct Hospital {
    /// Its name.
    pub name: String,
    /// Logical id of its `Organization` resource, where it has one.
    pub organization_id: Option<String>,
    /// A URI under its own domain, the same that `meta.source` carries.
    pub base_uri: String,
    /// The key by which its entries are told from other members'; without one, all are its own.
    pub member: Option<silsila_store::chain::PublicKey>,
}

/// Bounds for one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a query, in the address or in a body.
    pub query_bytes: usize,
    /// Time for one answer.
    pub timeout: Duration,
    /// Requests under way at once.
    pub concurrent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes: 16 * 1024,
            timeout: Duration::from_secs(30),
            concurrent: 512,
        }
    }
}

impl Default for FhirSettings {
    fn default() -> Self {
        Self {
            base_path: "/fhir".into(),
            public_url: None,
            https: false,
            hospital: Hospital::default(),
            software_version: env!("CARGO_PKG_VERSION").into(),
            types: Vec::new(),
            search_threads: 2,
            served_bytes: 32 << 20,
            limits: Limits::default(),
        }
    }
}

/// What the handlers share; cheap to clone.
#[derive(Clone)]
pub struct FhirState(Arc<Inner>);

struct Inner {
    store: Store,
    settings: FhirSettings,
    access: Access,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
    readers: Readers,
    served: Arc<Served>,
    behind: Arc<AtomicBool>,
    slots: Semaphore,
    _upkeep: Upkeep,
}

impl FhirState {
    /// State over an open store whose index is a [`crate::SearchIndex`]. Starts the search threads and
    /// the one that keeps the index small; they end when the last clone is dropped.
    pub fn new(store: Store, settings: FhirSettings, access: Access) -> Result<Self, StoreError> {
        Self::with_clock(store, settings, access, Arc::new(SystemClock))
    }

    /// The same, with a clock for token expiry and approximate dates.
    pub fn with_clock(
        store: Store,
        settings: FhirSettings,
        access: Access,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let secrets = store
            .read(|conn| tables::secrets(conn).map_err(StoreError::from))?
            .ok_or_else(|| silsila_store::IndexError::Refused {
                reason: "the store was opened without the search index".into(),
            })?;
        let behind = Arc::new(AtomicBool::new(is_behind(&store)?));
        let served = Arc::new(Served::with_room_for(settings.served_bytes));
        let upkeep = Upkeep::start(
            store.clone(),
            Arc::clone(&served),
            Arc::clone(&behind),
            Arc::clone(&clock),
        );
        Ok(Self(Arc::new(Inner {
            readers: Readers::start(settings.search_threads),
            served,
            slots: Semaphore::new(settings.limits.concurrent),
            _upkeep: upkeep,
            behind,
            store,
            settings,
            access,
            clock,
            secrets,
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// A version, checked against the ledger within the last minute.
    pub(crate) fn ready(
        &self,
        _permit: &Permit,
        conn: &Connection,
        vid: i64,
    ) -> Result<Arc<Ready>, Refusal> {
        let Inner { served, store, .. } = &*self.0;
        served.version(store, conn, vid, self.now_ms())
    }

    /// The newest version of a resource: from memory where no block has come since it was found there,
    /// else by `find` in a new snapshot.
    pub(crate) fn newest(
        &self,
        permit: &Permit,
        name: &str,
        find: impl FnOnce(&Connection) -> Result<i64, Refusal>,
    ) -> Result<Arc<Ready>, Refusal> {
        let commits = self.0.store.commits();
        if let Some(ready) = self.0.served.newest(name, commits, self.now_ms()) {
            return Ok(ready);
        }
        self.read_now(permit, |conn| {
            let vid = find(conn)?;
            // An index that runs after the chain moves without a commit.
            if self.complete().is_ok() {
                self.0.served.keep_newest(name, commits, vid);
            }
            self.ready(permit, conn, vid)
        })
    }

    pub(crate) fn settings(&self) -> &FhirSettings {
        &self.0.settings
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn slots(&self) -> &Semaphore {
        &self.0.slots
    }

    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from(self.0.clock.now_ms()).unwrap_or(i64::MAX)
    }

    pub(crate) fn keyed(&self) -> Keyed {
        Keyed::new(self.0.secrets.terms)
    }

    pub(crate) fn page_key(&self) -> &[u8; 32] {
        &self.0.secrets.pages
    }

    /// A read that takes a handful of page visits: done where the request is handled, because handing
    /// it to another thread would cost more than the read.
    pub(crate) fn read_now<T>(
        &self,
        _permit: &Permit,
        read: impl FnOnce(&Connection) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.0
            .store
            .read(|conn| read(conn).map_err(Broken::Refusal))
            .map_err(Refusal::from)
    }

    /// Work whose length depends on the data: done on one of the search threads, which read with
    /// [`Self::read_now`].
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        permit: &Permit,
        work: impl FnOnce(&Self, &Permit) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (own, permit) = (self.clone(), permit.clone());
        self.0.readers.run(move || work(&own, &permit)).await?
    }

    /// Whether the index has all that is on the chain; a search before that would miss resources.
    pub(crate) fn complete(&self) -> Result<(), Refusal> {
        if self.0.behind.load(Ordering::Relaxed) {
            Err(Refusal::Rebuilding)
        } else {
            Ok(())
        }
    }
}

/// What can come out of a read of the store.
enum Broken {
    Refusal(Refusal),
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Refusal(refusal) => refusal,
            Broken::Store(error) => error.into(),
        }
    }
}
