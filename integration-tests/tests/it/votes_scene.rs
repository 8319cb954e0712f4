// SPDX-License-Identifier: Apache-2.0
//! A network of hospitals in processes of their own whose members vote: what the stories of membership share.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_integration_tests::network::{self, Authority};
use silsila_integration_tests::{free_port, repository};
use tempfile::TempDir;

use crate::story_hero;
use crate::story_scene::PATIENCE;

/// Four gateways, of which the first reads a hospital; more may come.
pub struct Network {
    pub gateways: Vec<Gateway>,
    pub authority: Option<Authority>,
    pub silsila: PathBuf,
    /// How each founder's key begins.
    pub keys: Vec<String>,
    hospital: Hospital,
    server: std::sync::Arc<MariaDb>,
    folder: TempDir,
}

impl Network {
    /// Founds everything: `members` of them, of whom those numbers order. `lines` stand in the authority's
    /// section. The authority goes on.
    pub async fn founded(
        database: &str,
        lines: &str,
        members: usize,
        validators: std::ops::Range<usize>,
    ) -> Self {
        let server = shared().await;
        let hospital = Hospital::load(&server, database, &sindh()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let mut first = GatewayConfig::new(
            &dir.join("mirpurkhas"),
            free_port().unwrap(),
            hospital.options(&server),
        );
        first.poll_interval = "200ms".into();
        first.sweep_interval = "1d".into();
        let mut configs = vec![first];
        configs.extend((2..=members).map(|n| member(dir, n)));
        let silsila = beside_us("silsila").unwrap();
        let authority = Authority::start_with(dir, &silsila, free_port().unwrap(), lines).unwrap();
        let ports: Vec<u16> = configs.iter().map(|_| free_port().unwrap()).collect();
        for (config, port) in configs.iter_mut().zip(&ports) {
            config.sections = section(*port, &[]);
            network::enrol(dir, &silsila, config).unwrap();
        }
        let keys = found(dir, &silsila, &configs, validators);
        for (n, config) in configs.iter_mut().enumerate() {
            let others = (0..members).filter(|other| *other != n);
            let peers: Vec<String> = others
                .map(|other| format!("{}@127.0.0.1:{}", keys[other], ports[other]))
                .collect();
            config.sections = section(ports[n], &peers);
        }
        let gateways = Gateway::start_all(&silsila, configs).await.unwrap();
        gateways[0].swept(1, PATIENCE).await.unwrap();
        Self {
            gateways,
            authority: Some(authority),
            silsila,
            keys,
            hospital,
            server,
            folder,
        }
    }

    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// What a command prints as JSON; it must succeed.
    pub fn ask(&self, gateway: usize, words: &[&str]) -> Value {
        let output = self.gateways[gateway].command(words).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {said}"))
    }

    /// Proposes something; gives the proposal's id.
    pub fn propose(&self, gateway: usize, words: &[&str]) -> String {
        let words = [&["channel", "propose"], words, &["--json"]].concat();
        let proposed = self.ask(gateway, &words);
        proposed[0]["id"].as_str().unwrap().to_owned()
    }

    /// Has a gateway's administrator endorse a proposal, as soon as it has come there.
    pub async fn endorse(&self, gateway: usize, id: &str) {
        self.until("the proposal arrives", || {
            self.proposal(gateway, id).is_some()
        })
        .await;
        self.ask(gateway, &["channel", "endorse", id, "--yes", "--json"]);
    }

    /// A proposal, as a gateway knows it.
    pub fn proposal(&self, gateway: usize, id: &str) -> Option<Value> {
        let all = self.ask(gateway, &["channel", "proposals", "--all", "--json"]);
        let mut all = all.as_array().unwrap().iter();
        all.find(|one| one["id"] == id).cloned()
    }

    /// Waits until a gateway says that a proposal is on the chain; gives the height.
    pub async fn committed(&self, gateway: usize, id: &str) -> u64 {
        let mut height = None;
        self.until("the proposal is committed", || {
            let proposal = self.proposal(gateway, id).unwrap_or_default();
            assert_ne!(proposal["state"], "refused", "{proposal:#}");
            height = proposal["committed"].as_u64();
            height.is_some()
        })
        .await;
        height.unwrap()
    }

    /// A member as a gateway's chain says.
    pub fn member(&self, gateway: usize, key: &str) -> Value {
        let members = self.ask(gateway, &["channel", "members", "--json"]);
        let mut members = members.as_array().unwrap().iter();
        let of_key = |member: &&Value| member["key"].as_str().unwrap().starts_with(key);
        members.find(of_key).cloned().unwrap_or_default()
    }

    /// Polls until something holds.
    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            if began.elapsed() > PATIENCE {
                let states: Vec<_> = self
                    .gateways
                    .iter()
                    .map(|one| one.look().unwrap_or_default()["channels"].clone())
                    .collect();
                panic!("{what}: not after {PATIENCE:?}: {states:#?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The hospital writes where its patient lives.
    pub async fn moves_to(&self, city: &str) {
        story_hero::moves_to(&self.server, &self.hospital, city).await;
    }

    pub async fn city(&self, gateway: usize) -> Option<String> {
        story_hero::city(&self.gateways[gateway]).await
    }

    /// Waits until these gateways serve a city; gives how long that took.
    pub async fn shown(&self, gateways: &[usize], city: &str) -> Duration {
        story_hero::shown(&self.gateways, gateways, city).await
    }

    /// How a gateway's own channel is.
    pub fn channel(&self, gateway: usize) -> Value {
        self.gateways[gateway].look().unwrap_or_default()["channels"][0].clone()
    }

    /// Stops a gateway and verifies its whole ledger.
    pub fn verified(&mut self, gateway: usize) {
        assert_eq!(self.gateways[gateway].stop().unwrap(), 0);
        let verified = self.gateways[gateway]
            .command(&["ledger", "verify"])
            .unwrap();
        assert!(verified.status.success(), "{verified:?}");
    }
}

/// A member's section of the network.
pub fn section(port: u16, peers: &[String]) -> String {
    format!(
        "[network]\nlisten = \"127.0.0.1:{port}\"\npeers = {peers:?}\nrenewal_interval = \"1s\"\n"
    )
}

/// Founds the channel, and has each member join it; gives their keys.
fn found(
    dir: &Path,
    silsila: &Path,
    configs: &[GatewayConfig],
    validators: std::ops::Range<usize>,
) -> Vec<String> {
    let file = dir.join("sindh.channel");
    let contract = repository().join("config/examples/contracts/open-treatment.cedar");
    let keys: Vec<String> = configs
        .iter()
        .map(|config| network::key(silsila, config).unwrap())
        .collect();
    network::share(silsila, configs, &keys[validators], &contract, &file).unwrap();
    keys
}

/// A member without a database.
pub fn member(dir: &Path, number: usize) -> GatewayConfig {
    let (name, base) = (
        format!("Hospital {number}"),
        format!("https://hospital{number}.example"),
    );
    let port = free_port().unwrap();
    let folder = dir.join(format!("hospital-{number}"));
    GatewayConfig::of((&name, &base), &folder, port, LegacySource::None)
}
