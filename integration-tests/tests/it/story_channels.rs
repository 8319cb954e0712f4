// SPDX-License-Identifier: Apache-2.0
//! Several channels in one gateway: created and joined by command while the gateways run, each served at a base of its
//! own, and nothing of one in the files, the log and the answers of a gateway outside it. And the first channel of a
//! gateway that ran alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::http::{self, Http};
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_integration_tests::network::{self, Terms};
use silsila_integration_tests::repository;
use tempfile::TempDir;

use crate::story_scan::{Marks, scan};
use crate::story_scene::PATIENCE;
use crate::votes_scene::member;

/// The name of the channel of two.
const LABORATORY: &str = "Laboratory of two";
const MIRPURKHAS: &str = "https://mirpurkhas.example";
const SUKKUR: &str = "https://sukkur.example";

fn patient(base_uri: &str) -> String {
    format!("Patient?identifier={base_uri}/ns/patient%7C4485")
}

/// A gateway of a hospital with the tables of Mirpurkhas.
fn reading(
    base: (&str, &str),
    folder: &Path,
    hospital: &Hospital,
    server: &MariaDb,
) -> GatewayConfig {
    let source = hospital.options(server).into();
    let mut config = GatewayConfig::of(base, folder, free_port().unwrap(), source);
    config.poll_interval = "200ms".into();
    config.sweep_interval = "1d".into();
    config
}

/// Runs a command that must succeed.
fn run(gateway: &Gateway, words: &[&str]) -> String {
    let output = gateway.command(words).unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// How a member's key begins.
fn key(gateway: &Gateway) -> String {
    let status: Value =
        serde_json::from_str(&run(gateway, &["network", "status", "--json"])).unwrap();
    let key = status["key"].as_str().unwrap();
    key.chars().filter(|c| *c != ' ').take(16).collect()
}

/// Founds a channel of these gateways, ordered by the first.
fn found(name: &str, gateways: &mut [&mut Gateway], file: &Path) {
    let orderer = key(gateways[0]);
    let credentials: Vec<String> = gateways
        .iter_mut()
        .map(|gateway| gateway.config().folder.join("keys/network.credential"))
        .map(|path| path.display().to_string())
        .collect();
    let contract = repository().join("config/examples/contracts/open-treatment.cedar");
    let (contract, file) = (contract.display().to_string(), file.display().to_string());
    let mut words = vec!["channel", "create", name, "--members"];
    words.extend(credentials.iter().map(String::as_str));
    words.extend([
        "--validators",
        &orderer,
        "--contract",
        &contract,
        "--out",
        &file,
    ]);
    run(gateways[0], &words);
}

/// A channel as `status` tells of it.
fn channel(gateway: &Gateway, name: &str) -> Value {
    let status = gateway.status().unwrap();
    let mut channels = status["channels"].as_array().unwrap().iter();
    let found = channels.find(|channel| channel["name"] == name);
    found
        .unwrap_or_else(|| panic!("{name} in {status:#}"))
        .clone()
}

/// The path of a channel's FHIR base at a gateway.
fn base(gateway: &Gateway, name: &str) -> String {
    let channel = channel(gateway, name);
    let address = channel["fhir"].as_str().unwrap();
    let stem = format!("http://127.0.0.1:{}", gateway.port());
    address.strip_prefix(&stem).unwrap().to_owned()
}

/// Waits until a search finds something at a base, and gives the first of it.
async fn finds(gateway: &Gateway, base: &str, search: &str) -> Value {
    let began = Instant::now();
    loop {
        let mut http = Http::open(gateway.port()).await.unwrap();
        let answer = http.get(&format!("{base}/{search}")).await.unwrap();
        let first = answer.json().unwrap()["entry"][0]["resource"].clone();
        if first.is_object() {
            return first;
        }
        assert!(began.elapsed() < PATIENCE, "{search}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn total(gateway: &Gateway, base: &str, search: &str) -> u64 {
    let mut http = Http::open(gateway.port()).await.unwrap();
    let found = http.json(&format!("{base}/{search}")).await.unwrap();
    found["total"].as_u64().unwrap()
}

/// A network of four whose second hospital does not read its database yet.
struct Network {
    gateways: Vec<Gateway>,
    second: LegacySource,
    folder: TempDir,
}

impl Network {
    async fn start() -> Self {
        let server = shared().await;
        let first = Hospital::load(&server, "story_channels_a", &sindh())
            .await
            .unwrap();
        let second = Hospital::load(&server, "story_channels_b", &sindh())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let (a, b) = (
            ("Hospital Mirpurkhas", MIRPURKHAS),
            ("Hospital Sukkur", SUKKUR),
        );
        let mut configs = vec![
            reading(a, &dir.join("a"), &first, &server),
            reading(b, &dir.join("b"), &second, &server),
            member(dir, 3),
            member(dir, 4),
        ];
        let second = std::mem::replace(&mut configs[1].source, LegacySource::None);
        let silsila = beside_us("silsila").unwrap();
        network::admit(dir, &silsila, &mut configs, &Terms::default()).unwrap();
        let gateways = Gateway::start_all(&silsila, configs).await.unwrap();
        gateways[0].swept(1, PATIENCE).await.unwrap();
        Self {
            gateways,
            second,
            folder,
        }
    }

    /// Founds the channel of the first two and joins it at both while they run.
    fn laboratory(&mut self) -> PathBuf {
        let file = self.folder.path().join("laboratory.channel");
        let [a, b, ..] = &mut self.gateways[..] else {
            unreachable!()
        };
        found(LABORATORY, &mut [&mut *a, &mut *b], &file);
        for gateway in [a, b] {
            let said = run(gateway, &["channel", "join", file.to_str().unwrap()]);
            assert!(
                said.contains(&format!("takes part in {LABORATORY} now")),
                "{said}"
            );
        }
        file
    }

    /// Has the second hospital's database feed the channel of two from its next start.
    async fn feed(&mut self) {
        let b = &mut self.gateways[1];
        assert_eq!(b.stop().unwrap(), 0);
        let config = b.config();
        config.source = self.second.clone();
        config.sections = config.sections.replace(
            "[network]\n",
            &format!("[network]\nchannel = {LABORATORY:?}\n"),
        );
        config.write().unwrap();
        b.restart().await.unwrap();
        b.swept(1, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn two_of_four_share_a_channel_of_which_the_others_have_nothing() {
    let mut network = Network::start().await;
    let shared = base_name(&network.gateways[0]);
    let file = network.laboratory();

    // At once, and at no other gateway; the own base stays what it was.
    let laboratory = base(&network.gateways[0], LABORATORY);
    assert!(
        laboratory.starts_with("/channels/laboratory-of-two-"),
        "{laboratory}"
    );
    assert_eq!(base(&network.gateways[0], &shared), "/fhir");
    for (gateway, status) in [(0, 200), (1, 200), (2, 404)] {
        let port = network.gateways[gateway].port();
        let answer = http::get(port, &format!("{laboratory}/metadata"))
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }

    // The second hospital feeds it; both find what it gave, each in its own place.
    network.feed().await;
    let [a, b, c, _] = &network.gateways[..] else {
        unreachable!()
    };
    let treatment = base(b, &shared);
    assert!(treatment.starts_with("/channels/"), "{treatment}");
    assert_eq!(base(b, LABORATORY), "/fhir");
    let theirs = finds(a, &laboratory, &patient(SUKKUR)).await;
    assert_eq!(theirs["meta"]["source"], SUKKUR);
    let version = format!(
        "{laboratory}/Patient/{}/_history/1",
        theirs["id"].as_str().unwrap()
    );
    let version = http::get(a.port(), &version).await.unwrap();
    assert_eq!(version.status, 200, "{}", version.text());
    let ours = finds(b, &treatment, &patient(MIRPURKHAS)).await;
    assert_eq!(ours["meta"]["source"], MIRPURKHAS);
    assert_eq!(
        ours["id"],
        finds(a, "/fhir", &patient(MIRPURKHAS)).await["id"]
    );
    for (gateway, base, other) in [
        (a, "/fhir", SUKKUR),
        (a, laboratory.as_str(), MIRPURKHAS),
        (b, "/fhir", MIRPURKHAS),
        (b, treatment.as_str(), SUKKUR),
        (c, "/fhir", SUKKUR),
    ] {
        assert_eq!(
            total(gateway, base, &patient(other)).await,
            0,
            "{base}: {other}"
        );
    }
    let observations = total(b, "/fhir", "Observation?_summary=count").await;
    assert!(observations > 0);
    level(a, &laboratory, observations).await;

    // Whoever is no member is refused, also with the channel's file in hand.
    let refused = c
        .command(&["channel", "join", file.to_str().unwrap()])
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("CRT0022"));

    // A crash of the one that orders it: both channels are there again, the first one still its own.
    let [a, b, ..] = &mut network.gateways[..] else {
        unreachable!()
    };
    a.kill().unwrap();
    a.restart().await.unwrap();
    assert_eq!(base(a, &shared), "/fhir");
    level(a, &laboratory, observations).await;
    run(b, &["source", "resync"]);
    assert_eq!(channel(a, LABORATORY)["role"], "orderer");

    inspect(&mut network).await;
}

/// The name of the channel of all.
fn base_name(gateway: &Gateway) -> String {
    let status = gateway.status().unwrap();
    status["channels"][0]["name"].as_str().unwrap().to_owned()
}

async fn level(gateway: &Gateway, base: &str, observations: u64) {
    let began = Instant::now();
    while total(gateway, base, "Observation?_summary=count").await != observations {
        assert!(began.elapsed() < PATIENCE, "{observations} observations");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Looks for the channel of two behind every gateway's back.
async fn inspect(network: &mut Network) {
    let shared = base_name(&network.gateways[0]);
    let answers = ["status", "channel list --json", "network status"].map(|words| {
        let words: Vec<&str> = words.split(' ').collect();
        run(&network.gateways[2], &words)
    });
    for gateway in &mut network.gateways {
        assert_eq!(gateway.stop().unwrap(), 0);
    }
    let [a, b, c, _] = &mut network.gateways[..] else {
        unreachable!()
    };
    for gateway in [&*a, &*b] {
        for name in [LABORATORY, shared.as_str()] {
            run(gateway, &["ledger", "verify", "--channel", name]);
        }
    }
    let blocks = |gateway: &Gateway| {
        run(
            gateway,
            &["ledger", "blocks", "--json", "--channel", LABORATORY],
        )
    };
    assert_eq!(blocks(a), blocks(b));
    let unknown = c
        .command(&["ledger", "verify", "--channel", LABORATORY])
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));

    let marks = Marks::of(&b.config().folder, LABORATORY, SUKKUR);
    let (folder, outside) = (a.config().folder.clone(), c.config().folder.clone());
    let found = scan(&folder, &marks);
    assert_eq!(
        found.missing(&marks),
        [""; 0],
        "a member's files hold all of it"
    );
    let leaked = scan(&outside, &marks);
    assert_eq!(leaked.kinds(), [""; 0], "in the files of a gateway outside");
    for answer in answers {
        assert!(!marks.in_text(&answer), "{answer}");
    }
    assert!(!marks.in_text(&c.output()));

    // An order while no gateway runs opens the gateway's own ledger and leaves the others alone.
    let ledger = marks.ledger_at(&folder);
    let away = folder.join("away.sqlite");
    std::fs::rename(&ledger, &away).unwrap();
    run(a, &["source", "resync"]);
    assert!(!ledger.exists());
}

#[tokio::test]
async fn a_gateway_that_ran_alone_keeps_its_ledger_and_feeds_its_first_channel() {
    let server = shared().await;
    let hospital = Hospital::load(&server, "story_channels_alone", &sindh())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut configs = vec![reading(
        ("Hospital Mirpurkhas", MIRPURKHAS),
        &dir.join("a"),
        &hospital,
        &server,
    )];
    configs.extend((2..=4).map(|n| member(dir, n)));
    let silsila = beside_us("silsila").unwrap();
    let mut first = Gateway::start(&silsila, configs[0].clone()).await.unwrap();
    first.swept(1, PATIENCE).await.unwrap();
    let before = finds(&first, "/fhir", &patient(MIRPURKHAS)).await;
    let entries = first.status().unwrap()["ledger"]["entries"].clone();
    let observations = total(&first, "/fhir", "Observation?_summary=count").await;

    // It becomes a member, and joins its first channel, while it runs alone.
    network::admit(dir, &silsila, &mut configs, &Terms::default()).unwrap();
    let file = dir.join("sindh.channel");
    let said = run(&first, &["channel", "join", file.to_str().unwrap()]);
    assert!(said.contains("the running gateway is alone"), "{said}");
    assert!(said.contains("stays in"), "{said}");
    assert_eq!(first.stop().unwrap(), 0);
    let others = configs[1..].iter().cloned();
    let others = Gateway::start_all(&silsila, others).await.unwrap();

    // Killed while it reads everything anew, it goes on in the channel, and the old ledger is as it was.
    *first.config() = configs[0].clone();
    first.config().write().unwrap();
    first.restart().await.unwrap();
    assert!(first.output().contains("this gateway ran alone until now"));
    let began = Instant::now();
    while first.status().unwrap()["ledger"]["entries"] == 0 {
        assert!(began.elapsed() < PATIENCE, "{}", first.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill().unwrap();
    first.restart().await.unwrap();
    first.swept(1, PATIENCE).await.unwrap();
    for gateway in [&first, &others[2]] {
        level(gateway, "/fhir", observations).await;
        let after = finds(gateway, "/fhir", &patient(MIRPURKHAS)).await;
        assert_eq!(after["id"], before["id"], "what a record is called stays");
    }
    let kept = ["ledger", "verify", "--json", "--channel", "alone"];
    let kept: Value = serde_json::from_str(&run(&first, &kept)).unwrap();
    assert_eq!(
        (&kept["clean"], &kept["entries"]),
        (&Value::Bool(true), &entries)
    );
}
