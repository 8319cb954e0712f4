// SPDX-License-Identifier: Apache-2.0
//! Four gateways in processes of their own, of which one reads a hospital: what is committed at one is served at
//! all, also while one is killed, after all were, and after half of them were away.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_integration_tests::network::{self, Terms};
use tempfile::TempDir;

use crate::story_hero::{self, HERO};
use crate::story_scene::PATIENCE;
use crate::votes_scene::member;

/// So long it must stay true that nothing is committed.
const SILENCE: Duration = Duration::from_secs(5);

/// The network. Its authority only lets them in.
struct Four {
    gateways: Vec<Gateway>,
    hospital: Hospital,
    server: std::sync::Arc<MariaDb>,
    folder: TempDir,
}

fn reading(hospital: &Hospital, server: &MariaDb, folder: &Path) -> GatewayConfig {
    let port = free_port().unwrap();
    let mut config = GatewayConfig::new(folder, port, hospital.options(server));
    config.poll_interval = "200ms".into();
    config.sweep_interval = "1d".into();
    config
}

impl Four {
    async fn joined(database: &str) -> Self {
        let server = shared().await;
        let hospital = Hospital::load(&server, database, &sindh()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let mut configs = vec![reading(&hospital, &server, &dir.join("mirpurkhas"))];
        configs.extend((2..=4).map(|n| member(dir, n)));
        let silsila = beside_us("silsila").unwrap();
        network::admit(dir, &silsila, &mut configs, &Terms::default()).unwrap();
        let gateways = Gateway::start_all(&silsila, configs).await.unwrap();
        gateways[0].swept(1, PATIENCE).await.unwrap();
        Self {
            gateways,
            hospital,
            server,
            folder,
        }
    }

    /// The hospital writes where its patient lives.
    async fn moves_to(&self, city: &str) {
        story_hero::moves_to(&self.server, &self.hospital, city).await;
    }

    async fn city(&self, gateway: usize) -> Option<String> {
        story_hero::city(&self.gateways[gateway]).await
    }

    /// Waits until these gateways serve a city.
    async fn shown(&self, gateways: &[usize], city: &str) -> Duration {
        story_hero::shown(&self.gateways, gateways, city).await
    }

    fn ledger(&self, gateway: usize) -> Value {
        self.gateways[gateway].status().unwrap()["ledger"].clone()
    }

    /// Waits until all have the same last block.
    async fn level(&self) -> Value {
        let began = Instant::now();
        loop {
            let all: Vec<Value> = (0..4).map(|n| self.ledger(n)).collect();
            if all.iter().all(|one| one["hash"] == all[0]["hash"]) {
                return all[0].clone();
            }
            assert!(began.elapsed() < PATIENCE, "{all:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_network_outlives_one_of_four_stops_without_two_and_returns_when_all_were_killed() {
    let mut four = Four::joined("story_network").await;
    let all = [0, 1, 2, 3];
    four.shown(&all, "Mirpurkhas").await;

    // One is killed: the others go on; it returns and is level.
    four.gateways[3].kill().unwrap();
    let mut worst = Duration::ZERO;
    for city in ["Hyderabad", "Karachi", "Sukkur"] {
        four.moves_to(city).await;
        worst = worst.max(four.shown(&[0, 1, 2], city).await);
    }
    eprintln!("worst time from UPDATE to three gateways with the fourth killed: {worst:?}");
    four.gateways[3].restart().await.unwrap();
    four.shown(&[3], "Sukkur").await;
    let before = four.level().await;

    // Two are away: nothing is committed, everything is still read; with a third it goes on.
    four.gateways[2].kill().unwrap();
    four.gateways[3].kill().unwrap();
    four.moves_to("Larkana").await;
    let began = Instant::now();
    while began.elapsed() < SILENCE {
        assert_eq!(four.city(1).await.as_deref(), Some("Sukkur"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        four.ledger(0)["height"],
        before["height"],
        "nobody could agree"
    );
    four.gateways[2].restart().await.unwrap();
    four.shown(&[0, 1, 2], "Larkana").await;
    four.gateways[3].restart().await.unwrap();
    let before = four.level().await;

    // All are killed at once, with a change on its way; nothing is lost, nothing forks.
    four.moves_to("Badin").await;
    Gateway::cut_power(&mut four.gateways).await.unwrap();
    four.shown(&all, "Badin").await;
    let after = four.level().await;
    assert!(after["height"].as_u64() > before["height"].as_u64());
    let mut http = Http::open(four.gateways[3].port()).await.unwrap();
    let hero = http.json(HERO).await.unwrap();
    let version = &hero["entry"][0]["resource"]["meta"]["versionId"];
    assert_eq!(*version, "6", "each city is one version");
    for gateway in &mut four.gateways {
        assert_eq!(gateway.stop().unwrap(), 0);
        let verified = gateway.command(&["ledger", "verify"]).unwrap();
        assert!(verified.status.success(), "{verified:?}");
    }
}

/// Takes a gateway's disk away and restores what a backup has of it.
fn restore(gateway: &Gateway, folder: &Path, key: &str) {
    use std::io::Write as _;
    for lost in ["state", "keys"] {
        std::fs::remove_dir_all(folder.join(lost)).unwrap();
    }
    let mut child = Command::new(beside_us("silsila").unwrap())
        .args(["ledger", "restore"])
        .arg(folder.join("older.backup"))
        .arg("--config")
        .arg(folder.join("silsila.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{key}").unwrap();
    assert!(child.wait().unwrap().success(), "{}", gateway.output());
}

#[tokio::test]
async fn a_validator_restored_from_an_older_backup_signs_nothing_before_it_is_level_and_then_votes()
{
    let mut four = Four::joined("story_restored").await;
    let all = [0, 1, 2, 3];
    four.shown(&all, "Mirpurkhas").await;
    let folder = four.folder.path().join("hospital-4");
    let init = four.gateways[3].command(&["init"]).unwrap();
    let printed = String::from_utf8(init.stdout).unwrap();
    let halves = printed.lines().filter(|line| line.starts_with("    "));
    let key: Vec<&str> = halves.map(str::trim).collect();
    let backup = folder.join("older.backup");
    let backup = ["ledger", "backup", backup.to_str().unwrap()];
    let made = four.gateways[3].command(&backup).unwrap();
    assert!(made.status.success(), "{made:?}");
    for city in ["Hyderabad", "Karachi"] {
        four.moves_to(city).await;
        four.shown(&all, city).await;
    }
    let before = four.level().await;

    // Its disk is lost, and another validator is away: with its vote, three could go on.
    four.gateways[3].kill().unwrap();
    four.gateways[2].kill().unwrap();
    restore(&four.gateways[3], &folder, &key.join("-"));
    // As if it were restored so long ago that any block made five seconds from now is late enough.
    let mark = folder.join("state/restored");
    let text = std::fs::read_to_string(&mark).unwrap();
    let (restored, channels) = text.split_once('\n').unwrap();
    let restored = restored.parse::<u64>().unwrap() - 115_000;
    std::fs::write(&mark, format!("{restored}\n{channels}")).unwrap();
    four.gateways[3].start_again().unwrap();
    four.moves_to("Larkana").await;
    let began = Instant::now();
    while began.elapsed() < SILENCE || !four.gateways[3].output().contains("restored from a backup")
    {
        assert!(began.elapsed() < PATIENCE, "{}", four.gateways[3].output());
        assert_eq!(four.city(1).await.as_deref(), Some("Karachi"));
        assert_eq!(four.ledger(0)["height"], before["height"]);
        assert!(
            four.city(3).await.is_none(),
            "it serves nothing: {}",
            four.gateways[3].output()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(mark.exists());

    // The other one returns: three go on without it, and it catches up.
    four.gateways[2].restart().await.unwrap();
    four.shown(&[0, 1, 2], "Larkana").await;
    four.gateways[3].ready().await.unwrap();
    assert!(
        four.gateways[3]
            .output()
            .contains("caught up with the others")
    );
    assert!(!mark.exists());
    four.shown(&[3], "Larkana").await;
    four.level().await;

    // Now its vote counts again.
    four.gateways[2].kill().unwrap();
    four.moves_to("Badin").await;
    four.shown(&[0, 1, 3], "Badin").await;
    four.gateways[2].restart().await.unwrap();
    four.level().await;

    // And it comes back from its new journal as any other does.
    four.gateways[3].kill().unwrap();
    four.gateways[3].restart().await.unwrap();
    four.gateways[0].kill().unwrap();
    four.gateways[0].restart().await.unwrap();
    four.moves_to("Sukkur").await;
    four.shown(&all, "Sukkur").await;
    four.level().await;
    for gateway in &mut four.gateways {
        assert_eq!(gateway.stop().unwrap(), 0);
        let verified = gateway.command(&["ledger", "verify"]).unwrap();
        assert!(verified.status.success(), "{verified:?}");
        let said = gateway.output();
        assert!(!said.contains("forked") && !said.contains("halt"), "{said}");
    }
}
