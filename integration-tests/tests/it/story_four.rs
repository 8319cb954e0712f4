// SPDX-License-Identifier: Apache-2.0
//! What stories of a network share: four gateways in processes of their own on one channel, of which the first
//! ones read a hospital, and the hospital's patients, each of whom is written down once and changed at most once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_integration_tests::network::{self, Terms};
use silsila_store::Store;
use silsila_store::chain::{Height, TxId};
use tempfile::TempDir;

use crate::ledger_file;
use crate::story_record::{entries, text};

/// The longest that anything may take that a story waits for.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// The number of the first patient of a lean hospital.
pub const FIRST: u32 = 10_000;

/// Changes the gateways' configurations before their first start.
type Prepare = Box<dyn FnOnce(&mut [GatewayConfig])>;

/// The network that a story wants.
pub struct Founding<'a> {
    /// The name of the hospital's database.
    pub database: &'a str,
    /// Instead of the demonstration's data, so many patients and nothing else.
    pub patients: Option<u32>,
    /// So many gateways, from the first on, read the hospital.
    pub readers: usize,
    /// So many, from the last on, are members but do not run yet.
    pub absent: usize,
    /// How they reach one another, and under which contract.
    pub terms: Terms,
    /// Anything else, before the first start.
    pub prepare: Prepare,
}

impl<'a> Founding<'a> {
    /// Over loopback, with the first gateway reading.
    pub fn of(database: &'a str) -> Self {
        Self {
            database,
            patients: None,
            readers: 1,
            absent: 0,
            terms: Terms::default(),
            prepare: Box::new(|_| ()),
        }
    }
}

/// The network. Its authority only lets them in.
pub struct Four {
    pub gateways: Vec<Gateway>,
    pub hospital: Hospital,
    pub server: Arc<MariaDb>,
    pub folder: TempDir,
    binary: PathBuf,
    readers: usize,
    waiting: Vec<GatewayConfig>,
}

/// Waits until a gateway has read its whole database once.
async fn swept(gateway: &Gateway) {
    let until = Instant::now() + 10 * PATIENCE;
    let done = |report: &Value| report["pipeline"]["sources"][0]["sweep_completed"] == 1;
    while !gateway.look().is_some_and(|report| done(&report)) {
        assert_eq!(gateway.ended(), None, "{}", gateway.output());
        assert!(Instant::now() < until, "{:#?}", gateway.look());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The base URI of a gateway's hospital.
pub fn base(gateway: usize) -> String {
    format!("https://hospital{}.example", gateway + 1)
}

fn member(number: usize, folder: &Path, source: LegacySource) -> GatewayConfig {
    let name = format!("Hospital {}", number + 1);
    let folder = folder.join(format!("hospital-{}", number + 1));
    let port = free_port().unwrap();
    let mut config = GatewayConfig::of((&name, &base(number)), &folder, port, source);
    config.poll_interval = "200ms".into();
    config.sweep_interval = "1d".into();
    config
}

/// What a lean hospital writes down of a patient.
const COLUMNS: &str = "patient_id, first_name, last_name, gender, dob, address, updated_at";

fn row(id: u32) -> String {
    format!("({id}, 'Ayesha', 'Baloch {id}', 'F', '01/02/1980', 'House 0', NOW())")
}

/// Leaves nothing of the demonstration but `count` patients of its making.
async fn lean(server: &MariaDb, database: &str, count: u32) {
    let rows: Vec<String> = (FIRST..FIRST + count).map(row).collect();
    let mut sql = "SET sql_mode = 'NO_ENGINE_SUBSTITUTION';".to_owned();
    for table in silsila_integration_tests::hospital::TABLES {
        sql += &format!("DELETE FROM {table};");
    }
    sql += &format!(
        "INSERT INTO patients ({COLUMNS}) VALUES {};",
        rows.join(", ")
    );
    server.execute(Some(database), &sql).await.unwrap();
}

impl Four {
    /// Founds and starts it; the readers have swept once.
    pub async fn found(founding: Founding<'_>) -> Self {
        let server = shared().await;
        let hospital = Hospital::load(&server, founding.database, &sindh())
            .await
            .unwrap();
        if let Some(count) = founding.patients {
            lean(&server, &hospital.database, count).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut configs: Vec<GatewayConfig> = (0..4)
            .map(|n| {
                let source = if n < founding.readers {
                    hospital.options(&server).into()
                } else {
                    LegacySource::None
                };
                member(n, folder.path(), source)
            })
            .collect();
        let binary = beside_us("silsila").unwrap();
        network::admit(folder.path(), &binary, &mut configs, &founding.terms).unwrap();
        (founding.prepare)(&mut configs);
        let waiting = configs.split_off(configs.len() - founding.absent);
        let gateways = Gateway::start_all(&binary, configs).await.unwrap();
        for gateway in &gateways[..founding.readers] {
            swept(gateway).await;
        }
        Self {
            gateways,
            hospital,
            server,
            folder,
            binary,
            readers: founding.readers,
            waiting,
        }
    }

    /// Starts the next member that never ran, without waiting.
    pub fn arrives(&mut self) {
        let config = self.waiting.remove(0);
        self.gateways
            .push(Gateway::launch(&self.binary, config).unwrap());
    }

    /// The folder of a gateway.
    pub fn home(&self, gateway: usize) -> PathBuf {
        self.folder.path().join(format!("hospital-{}", gateway + 1))
    }

    /// What a gateway says of its ledger.
    pub fn ledger(&self, gateway: usize) -> Value {
        self.gateways[gateway].status().unwrap()["ledger"].clone()
    }

    /// Waits until all have the same last block and lack no payload, and gives what the first says of its ledger.
    pub async fn level(&self) -> Value {
        let began = Instant::now();
        loop {
            let all: Vec<Value> = self.gateways.iter().filter_map(Gateway::look).collect();
            let whole = |one: &Value| {
                one["ledger"]["hash"] == all[0]["ledger"]["hash"]
                    && one["ledger"]["outbox"] == 0
                    && one["channels"][0]["lacking"] == 0
            };
            if all.len() == self.gateways.len() && all.iter().all(whole) {
                return all[0]["ledger"].clone();
            }
            assert!(began.elapsed() < PATIENCE, "{all:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One row of a lean hospital is written: where the patient lives from now on.
    pub async fn moves(&self, patient: u32) {
        moves(&self.server, &self.hospital.database, patient).await;
    }

    /// The versions of every patient of a reader's hospital that a gateway serves, by the patient's number: where
    /// they lived, the oldest first.
    pub async fn lives(&self, gateway: usize, of: usize) -> BTreeMap<u32, Vec<String>> {
        let mut http = Http::open(self.gateways[gateway].port()).await.unwrap();
        let (source, mut found) = (base(of), BTreeMap::<u32, BTreeMap<u64, String>>::new());
        for entry in entries(&mut http, "/fhir/Patient/_history?_count=1000").await {
            let resource = entry.get("resource").unwrap();
            let meta = resource.get("meta").unwrap();
            if text(meta, "source") != source {
                continue;
            }
            let first = |member: &str| {
                let list = resource.get(member).unwrap().as_array().unwrap();
                list[0].clone()
            };
            let number = text(&first("identifier"), "value").parse().unwrap();
            let lines = first("address");
            let line = lines.get("line").unwrap().as_array().unwrap();
            let line = line[0].as_str().unwrap().to_owned();
            let version = text(meta, "versionId").parse().unwrap();
            let before = found.entry(number).or_default().insert(version, line);
            assert!(
                before.is_none(),
                "patient {number} has version {version} twice"
            );
        }
        let whole = |versions: BTreeMap<u64, String>| versions.into_values().collect();
        found
            .into_iter()
            .map(|(number, versions)| (number, whole(versions)))
            .collect()
    }

    /// Whether a gateway serves a patient of a reader's hospital as living there.
    pub async fn serves(&self, gateway: usize, of: usize, patient: u32, line: &str) -> bool {
        let target = format!(
            "/fhir/Patient?identifier={}/ns/patient%7C{patient}",
            base(of)
        );
        let Ok(mut http) = Http::open(self.gateways[gateway].port()).await else {
            return false;
        };
        let found = http.json(&target).await;
        found.is_ok_and(|found| found["entry"][0]["resource"]["address"][0]["line"][0] == line)
    }

    /// Waits until it does.
    pub async fn shows(&self, gateway: usize, of: usize, patient: u32, line: &str) {
        let began = Instant::now();
        while !self.serves(gateway, of, patient, line).await {
            let status = self.gateways[gateway].look();
            assert!(
                began.elapsed() < PATIENCE,
                "{gateway}: patient {patient} of {of}: {status:#?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops all, verifies every ledger whole, and holds the chains against one another: no fork. Gives the
    /// transactions of the chain with their heights.
    pub fn one_chain(&mut self) -> BTreeMap<[u8; 32], u64> {
        for gateway in &mut self.gateways {
            if gateway.pid().is_some() {
                assert_eq!(gateway.stop().unwrap(), 0, "{}", gateway.output());
            }
            let verified = gateway.command(&["ledger", "verify"]).unwrap();
            assert!(verified.status.success(), "{verified:?}");
        }
        let stores = self.stores();
        let tip = stores[0].health().unwrap().height.0;
        let mut chain = BTreeMap::new();
        for height in 0..=tip {
            let blocks: Vec<_> = stores
                .iter()
                .map(|store| store.block(Height(height)).unwrap().unwrap())
                .collect();
            for (n, block) in blocks.iter().enumerate() {
                assert_eq!(
                    block.header, blocks[0].header,
                    "gateway {n} at height {height}"
                );
                assert_eq!(block.transactions, blocks[0].transactions);
            }
            for transaction in &blocks[0].transactions {
                let before = chain.insert(transaction.id().0, height);
                assert_eq!(before, None, "a transaction is in two blocks");
            }
        }
        for store in &stores {
            assert_eq!(store.health().unwrap().height.0, tip);
        }
        chain
    }

    /// The ledgers of the stopped gateways.
    pub fn stores(&self) -> Vec<Store> {
        let dictionaries = silsila_fhir::dictionaries();
        (0..self.gateways.len())
            .map(|n| {
                let ledger = ledger_file::ledger(&self.home(n));
                let key = ledger_file::file_key(&self.home(n));
                Store::open_read_only_with(&ledger, &dictionaries, Some(key)).unwrap()
            })
            .collect()
    }

    /// How many gateways read the hospital.
    pub const fn readers(&self) -> usize {
        self.readers
    }
}

/// One row of a lean hospital is written.
pub async fn moves(server: &MariaDb, database: &str, patient: u32) {
    let sql = format!(
        "SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
         UPDATE patients SET address = 'House {patient}', updated_at = NOW() WHERE patient_id = {patient}"
    );
    server.execute(Some(database), &sql).await.unwrap();
}

/// A row of a lean hospital is added: a patient who was not there before.
pub async fn comes(server: &MariaDb, database: &str, patient: u32) {
    let sql = format!(
        "SET sql_mode = 'NO_ENGINE_SUBSTITUTION'; INSERT INTO patients ({COLUMNS}) VALUES {}",
        row(patient)
    );
    server.execute(Some(database), &sql).await.unwrap();
}

/// The answer that a ledger gives of a transaction, held against the chain.
#[derive(Debug, Default)]
pub struct Answers {
    pub committed: usize,
    pub rejected: BTreeMap<String, usize>,
}

impl Answers {
    /// Asks a stopped gateway's ledger for every transaction that it ever had in its outbox, and for every one on
    /// the chain.
    pub fn of(
        store: &Store,
        seen: &crate::story_watch::Seen,
        chain: &BTreeMap<[u8; 32], u64>,
    ) -> Self {
        use silsila_store::TxStatus;
        let mut answers = Self::default();
        for (id, height) in chain {
            let status = store.status(TxId(*id)).unwrap();
            assert_eq!(
                status,
                TxStatus::Committed {
                    height: Height(*height)
                }
            );
            assert!(
                !seen.rejected.contains_key(id),
                "it was called rejected and is on the chain"
            );
        }
        for id in seen.staged.iter().chain(seen.rejected.keys()) {
            match (store.status(TxId(*id)).unwrap(), chain.get(id)) {
                (TxStatus::Committed { height }, Some(at)) => {
                    assert_eq!(height.0, *at);
                    answers.committed += 1;
                }
                (TxStatus::Rejected { code }, None) => {
                    *answers.rejected.entry(code).or_default() += 1;
                }
                (status, at) => panic!("{status:?}, and the chain has it at {at:?}"),
            }
        }
        answers
    }
}
