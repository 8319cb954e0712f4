// SPDX-License-Identifier: Apache-2.0
//! Where a story plays: a hospital of its own on a real server, a gateway beside it as a process, and
//! questions that stories ask of both.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, PASSWORD, USER, sindh};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::{MariaDb, MariaDbOptions, shared};
use tempfile::TempDir;

pub const PATIENCE: Duration = Duration::from_secs(240);

/// The stem of the hospital's own identifier systems.
pub const NS: &str = "https://mirpurkhas.example/ns";

/// The types of the patient compartment.
pub const OF_PATIENTS: [&str; 6] = [
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "AllergyIntolerance",
    "Immunization",
];

/// The server of all tests, or one that the story may kill.
pub enum Server {
    Shared(Arc<MariaDb>),
    Own(Box<MariaDb>),
}

impl Deref for Server {
    type Target = MariaDb;

    fn deref(&self) -> &MariaDb {
        match self {
            Self::Shared(server) => server,
            Self::Own(server) => server,
        }
    }
}

impl Server {
    /// The server as one that can be killed.
    pub fn own(&mut self) -> &mut MariaDb {
        match self {
            Self::Shared(_) => panic!("other stories use this server"),
            Self::Own(server) => server,
        }
    }
}

pub struct Scene {
    pub gateway: Gateway,
    pub hospital: Hospital,
    pub server: Server,
    pub folder: TempDir,
}

impl Scene {
    /// A gateway over a hospital in a database of that name on the shared server, once its first sweep is
    /// complete. `change` is applied to its configuration.
    pub async fn begin(database: &str, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let scene = Self::launch(Server::Shared(shared().await), database, change).await;
        scene.gateway.swept(1, PATIENCE).await.unwrap();
        scene
    }

    /// As [`Self::begin`], on a server of its own and without waiting for the sweep.
    pub async fn apart(database: &str, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let server = MariaDb::start(MariaDbOptions::default()).await.unwrap();
        Self::launch(Server::Own(Box::new(server)), database, change).await
    }

    /// As [`Self::apart`], on a server that keeps a binary log, which the gateway may follow.
    pub async fn logging(
        database: &str,
        arguments: &[&str],
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let kept = ["--log-bin=bin", "--binlog-format=ROW", "--server-id=7"];
        let arguments = kept.iter().chain(arguments).map(|a| (*a).to_owned());
        let options = MariaDbOptions {
            arguments: arguments.collect(),
            ..MariaDbOptions::default()
        };
        let server = MariaDb::start(options).await.unwrap();
        let grant = format!(
            "CREATE USER `{USER}`@`127.0.0.1` IDENTIFIED BY '{PASSWORD}';
             GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `{USER}`@`127.0.0.1`"
        );
        server.execute(None, &grant).await.unwrap();
        Self::launch(Server::Own(Box::new(server)), database, change).await
    }

    async fn launch(
        server: Server,
        database: &str,
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let hospital = Hospital::load(&server, database, &sindh()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let mut config = GatewayConfig::new(folder.path(), port, hospital.options(&server));
        config.poll_interval = "200ms".into();
        config.sweep_interval = "2s".into();
        change(&mut config);
        let silsila = beside_us("silsila").unwrap();
        let gateway = Gateway::start(&silsila, config).await.unwrap();
        Self {
            gateway,
            hospital,
            server,
            folder,
        }
    }

    /// Runs statements as the hospital's own software.
    pub async fn sql(&self, sql: &str) {
        let sql = format!("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'; {sql}");
        let database = Some(self.hospital.database.as_str());
        self.server.execute(database, &sql).await.unwrap();
    }

    /// One number out of the hospital's database.
    pub async fn number(&self, sql: &str) -> i64 {
        let database = Some(self.hospital.database.as_str());
        let mut conn = self.server.admin(database).await.unwrap();
        let found = mysql_async::prelude::Queryable::query_first(&mut conn, sql).await;
        found.unwrap().unwrap()
    }

    pub async fn http(&self) -> Http {
        self.gateway.http().await.unwrap()
    }

    /// What the gateway says of its source.
    pub fn source(&self) -> Value {
        let mut report = self.gateway.look().unwrap();
        report["pipeline"]["sources"][0].take()
    }

    /// Waits until the source is as wanted.
    pub async fn until_source(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let source = self.source();
            if wanted(&source) {
                return source;
            }
            assert!(Instant::now() < until, "never {what}: {source:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a sweep has begun after now and is complete.
    pub async fn settled(&self) -> Value {
        // Before it has connected it does not know of the sweeps before.
        let running = |source: &Value| source["state"] == "running";
        let source = self.until_source("running", running).await;
        let number = source["sweep"].as_u64().unwrap() + 1;
        let done = |source: &Value| source["sweep_completed"].as_u64() >= Some(number);
        self.until_source("swept", done).await
    }

    /// The one resource with that identifier of the hospital's.
    pub async fn by_number(&self, kind: &str, space: &str, number: i64) -> Option<Value> {
        let target = format!("/fhir/{kind}?identifier={NS}/{space}%7C{number}");
        let found = self.http().await.json(&target).await.unwrap();
        let entries = found["entry"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(entries.len() <= 1, "{target}");
        entries.first().map(|entry| entry["resource"].clone())
    }

    /// The one resource with that identifier, once it is there.
    pub async fn appears(&self, kind: &str, space: &str, number: i64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.by_number(kind, space, number).await {
                return found;
            }
            assert!(Instant::now() < until, "{kind} {number} never appears");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `Type/id` of a resource that must be there.
    pub async fn name_of(&self, kind: &str, space: &str, number: i64) -> String {
        let found = self.by_number(kind, space, number).await;
        let found = found.unwrap_or_else(|| panic!("there is no {kind} {number}"));
        format!("{kind}/{}", found["id"].as_str().unwrap())
    }

    /// `Type/id` of everything of a patient (`Patient/id`), the patient included.
    pub async fn chart(&self, patient: &str) -> BTreeSet<String> {
        let mut http = self.http().await;
        let mut all = BTreeSet::from([patient.to_owned()]);
        for kind in OF_PATIENTS {
            let target = format!("/fhir/{kind}?patient={patient}&_count=1000");
            let found = http.json(&target).await.unwrap();
            for entry in found["entry"].as_array().into_iter().flatten() {
                let id = entry["resource"]["id"].as_str().unwrap();
                all.insert(format!("{kind}/{id}"));
            }
        }
        all
    }

    /// What reading answers.
    pub async fn status_of(&self, name: &str) -> u16 {
        let answer = self.http().await.get(&format!("/fhir/{name}")).await;
        answer.unwrap().status.as_u16()
    }

    /// Waits until reading answers so.
    pub async fn until(&self, name: &str, status: u16) {
        let until = Instant::now() + PATIENCE;
        while self.status_of(name).await != status {
            assert!(Instant::now() < until, "{name} never answers {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The versions of a resource, the newest first: number, and the resource or nothing for a deletion.
    pub async fn history(&self, name: &str) -> Vec<(u64, Option<Value>)> {
        let target = format!("/fhir/{name}/_history?_count=1000");
        let bundle = self.http().await.json(&target).await.unwrap();
        let version = |entry: &Value| {
            let etag = entry["response"]["etag"].as_str().unwrap();
            let number = etag.trim_start_matches("W/").trim_matches('"');
            let resource = entry.get("resource").cloned();
            (number.parse().unwrap(), resource)
        };
        bundle["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(version)
            .collect()
    }

    /// Runs a `silsila` command on this gateway's configuration: exit code and everything it printed.
    pub fn run(&self, words: &str) -> (i32, String) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let output = self.gateway.command(&words).unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }

    /// The counters of a mapping.
    pub fn counter(source: &Value, mapping: &str, name: &str) -> i64 {
        let mappings = source["mappings"].as_array().unwrap();
        let found = mappings.iter().find(|m| m["name"] == mapping);
        let counters = &found.unwrap_or_else(|| panic!("no mapping {mapping}"))["counters"];
        counters[name].as_i64().unwrap()
    }

    /// How many resources are committed and not deleted.
    pub fn resources(source: &Value) -> i64 {
        let mappings = source["mappings"].as_array().unwrap();
        let counts = mappings.iter().map(|m| &m["counters"]["resources"]);
        counts.map(|count| count.as_i64().unwrap()).sum()
    }
}
