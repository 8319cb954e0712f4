// SPDX-License-Identifier: Apache-2.0
//! Four gateways in processes of their own on one channel, on loopback: what ordering and replication cost,
//! how an empty member comes level, and how much memory channels take.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};
use silsila_integration_tests::hospital::Hospital;
use silsila_integration_tests::mariadb::MariaDb;
use silsila_integration_tests::network::{self, Terms};
use silsila_integration_tests::{free_port, repository};

use crate::ingest::{self, Ingest};
use crate::ledger::stored;
use crate::meter::{Meter, Usage, memory};
use crate::report::{Report, count, size};
use crate::site::Site;

/// The longest that members may take to come level.
const PATIENCE: Duration = Duration::from_secs(600);
/// After so long without work a gateway has given its memory back.
const REST: Duration = Duration::from_secs(40);
/// Validators of the channel.
const MEMBERS: usize = 4;

/// A network whose first gateway reads a hospital.
struct Network {
    configs: Vec<GatewayConfig>,
    silsila: PathBuf,
    running: Vec<Gateway>,
}

impl Network {
    /// Founds it in an empty folder; nobody runs yet.
    fn found(folder: &Path, server: &MariaDb, hospital: &Hospital) -> anyhow::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let silsila = beside_us("silsila")?;
        let mut configs = Vec::new();
        for n in 0..MEMBERS {
            let source = if n == 0 {
                hospital.options(server).into()
            } else {
                LegacySource::None
            };
            let (name, uri) = (
                format!("Hospital {n}"),
                format!("https://hospital{n}.example"),
            );
            let own = folder.join(format!("hospital-{n}"));
            let mut config = GatewayConfig::of((&name, &uri), &own, free_port()?, source);
            config.rows_per_second = 10_000_000;
            config.poll_interval = "2s".into();
            config.sweep_interval = "1d".into();
            configs.push(config);
        }
        network::admit(folder, &silsila, &mut configs, &Terms::default())?;
        for config in &mut configs {
            config.sections += "[log]\nlevel = \"warn\"\n";
        }
        Ok(Self {
            configs,
            silsila,
            running: Vec::new(),
        })
    }

    /// Starts those that do not read, up to a number, and then the one that does; gives when that began.
    async fn start(&mut self, count: usize) -> anyhow::Result<(Meter, Instant)> {
        let others = self.configs[1..count].iter().cloned();
        let others = Gateway::start_all(&self.silsila, others).await?;
        let began = Instant::now();
        self.running
            .push(Gateway::launch(&self.silsila, self.configs[0].clone())?);
        self.running.extend(others);
        let meter = Meter::start(&self.pids())?;
        self.running[0].ready().await?;
        Ok((meter, began))
    }

    fn pids(&self) -> Vec<u32> {
        self.running.iter().filter_map(Gateway::pid).collect()
    }

    /// Waits until the hospital was read once and all who run have everything; gives what the first says then.
    async fn level(&self, quick: bool) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let all: Vec<Value> = self.running.iter().filter_map(Gateway::look).collect();
            ensure!(
                self.running.iter().all(|one| one.ended().is_none()),
                "a gateway ended"
            );
            let whole = |one: &Value| {
                one["ledger"]["hash"] == all[0]["ledger"]["hash"]
                    && one["ledger"]["outbox"] == 0
                    && one["channels"][0]["lacking"] == 0
            };
            let swept =
                |one: &Value| one["pipeline"]["sources"][0]["sweep_completed"].as_u64() >= Some(1);
            if all.len() == self.running.len() && swept(&all[0]) && all.iter().all(whole) {
                return Ok(all[0]["ledger"].clone());
            }
            if Instant::now() > until {
                bail!("not level in {PATIENCE:?}: {all:#?}");
            }
            tokio::time::sleep(Duration::from_millis(if quick { 20 } else { 200 })).await;
        }
    }

    /// Has all who run take part in one more channel.
    fn another_channel(&self, number: usize, folder: &Path) -> anyhow::Result<()> {
        let file = folder.join(format!("channel-{number}"));
        let (name, file) = (format!("Channel {number}"), file.display().to_string());
        let contract = repository().join("config/examples/contracts/open-treatment.cedar");
        let mut words = vec![
            "channel".to_owned(),
            "create".to_owned(),
            name,
            "--members".to_owned(),
        ];
        let credential = |one: &GatewayConfig| {
            one.folder
                .join("keys/network.credential")
                .display()
                .to_string()
        };
        words.extend(self.configs.iter().map(credential));
        words.push("--validators".to_owned());
        for gateway in &self.running {
            let status: Value =
                serde_json::from_str(&run(gateway, &["network", "status", "--json"])?)?;
            let key = status["key"].as_str().context("a member without a key")?;
            words.push(key.chars().filter(|c| *c != ' ').take(16).collect());
        }
        words.extend(["--contract".to_owned(), contract.display().to_string()]);
        words.extend(["--out".to_owned(), file.clone()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(&self.running[0], &words)?;
        for gateway in &self.running {
            run(gateway, &["channel", "join", &file])?;
        }
        Ok(())
    }

    fn memory(&self) -> anyhow::Result<Vec<(u64, u64)>> {
        self.pids().into_iter().map(memory).collect()
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.running
            .iter_mut()
            .try_for_each(|one| one.stop().map(drop))
    }
}

fn run(gateway: &Gateway, words: &[&str]) -> anyhow::Result<String> {
    let output = gateway.command(words)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "silsila {}: {said}",
        words.join(" ")
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Measures all, beside the first sweep of the same hospital by a gateway alone.
pub async fn measure(
    report: &mut Report,
    dir: &Path,
    server: &MariaDb,
    site: &Site,
) -> anyhow::Result<()> {
    let (mut lone, alone) = ingest::ingest(site, server.pid().unwrap_or_default(), false).await?;
    lone.stop()?;
    let (folder, hospital) = (dir.join("network"), &site.hospital);
    let mut network = Network::found(&folder, server, hospital)?;
    let (meter, began) = network.start(MEMBERS).await?;
    let ledger = network.level(false).await?;
    let (took, usage) = (began.elapsed().as_secs_f64(), meter.stop()?);
    sweep(report, &ledger, (took, &usage), &alone)?;
    let most = network.memory()?.into_iter().map(|(_, most)| most).max();
    report.figure("network: most memory of one gateway", bytes(most));
    network.stop()?;
    let mut network = arrival(report, &folder, server, hospital).await?;
    idle(report, &network, "one channel").await?;
    for number in 2..=3 {
        network.another_channel(number, &folder)?;
    }
    idle(report, &network, "three channels").await?;
    network.stop()
}

fn bytes(most: Option<u64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a size for display")]
    size(most.unwrap_or_default() as f64)
}

#[expect(clippy::cast_precision_loss, reason = "counts for display")]
fn sweep(
    report: &mut Report,
    ledger: &Value,
    (took, usage): (f64, &Usage),
    alone: &Ingest,
) -> anyhow::Result<()> {
    let entries = ledger["entries"].as_f64().context("no entries")?;
    let cpu: f64 = usage.cpu.iter().sum();
    report.figure(
        "network: one hospital read, sealed, ordered by four, indexed at four",
        format!(
            "{} entries/s ({} in {took:.1} s, {} blocks), {:.2} cores",
            count(entries / took),
            count(entries),
            ledger["height"],
            cpu / took
        ),
    );
    report.figure(
        "network: of it, CPU over all four processes",
        format!(
            "{:.3} ms an entry; the reader {:.3}, each other {:.3}",
            cpu * 1e3 / entries,
            usage.cpu[0] * 1e3 / entries,
            usage.cpu[1..].iter().sum::<f64>() * 1e3 / entries / (MEMBERS - 1) as f64
        ),
    );
    let resources = alone.resources as f64;
    report.figure(
        "suite 1 on a channel of four beside suite 0 alone, the same hospital in one run",
        format!(
            "{:.2} of the resources/s ({} against {}); CPU of the reading gateway {:.2} times as much",
            alone.seconds / took,
            count(resources / took),
            count(resources / alone.seconds),
            usage.cpu[0] / alone.usage.cpu[0]
        ),
    );
    let file = ledger["file_bytes"].as_f64().unwrap_or_default();
    report.figure(
        "network: a member's file with index, for each entry",
        format!("{:.0} bytes", file / entries),
    );
    Ok(())
}

async fn idle(report: &mut Report, network: &Network, what: &str) -> anyhow::Result<()> {
    tokio::time::sleep(REST).await;
    let meter = Meter::start(&network.pids())?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let usage = meter.stop()?;
    let cpu: f64 = usage.cpu.iter().sum();
    let most = network.memory()?.into_iter().map(|(now, _)| now).max();
    report.budget(
        format!("network: memory of one gateway, idle, {what}"),
        format!(
            "{} at most of four; {:.1}% of a processor each",
            bytes(most),
            cpu * 100.0 / usage.wall.as_secs_f64() / MEMBERS as f64
        ),
        "150 MB",
        most < Some(150_000_000),
    );
    Ok(())
}

/// Three make a chain; the fourth comes with nothing. All four run then.
async fn arrival(
    report: &mut Report,
    folder: &Path,
    server: &MariaDb,
    hospital: &Hospital,
) -> anyhow::Result<Network> {
    let mut network = Network::found(folder, server, hospital)?;
    let (meter, began) = network.start(MEMBERS - 1).await?;
    let ledger = network.level(false).await?;
    let (took, usage) = (began.elapsed().as_secs_f64(), meter.stop()?);
    let entries = ledger["entries"].as_f64().context("no entries")?;
    report.figure(
        "network: the same with the fourth away from the start",
        format!(
            "{} entries/s ({} in {took:.1} s, {} blocks), {:.3} ms of CPU an entry over all three",
            count(entries / took),
            count(entries),
            ledger["height"],
            usage.cpu.iter().sum::<f64>() * 1e3 / entries
        ),
    );
    let began = Instant::now();
    let last = network.configs[MEMBERS - 1].clone();
    network
        .running
        .push(Gateway::launch(&network.silsila, last)?);
    let meter = Meter::start(&network.pids())?;
    network.level(true).await?;
    let (took, usage) = (began.elapsed().as_secs_f64(), meter.stop()?);
    let arrived = network.running[MEMBERS - 1].look().context("no status")?;
    let (file, log) = (
        &arrived["ledger"]["file_bytes"],
        &arrived["ledger"]["wal_bytes"],
    );
    let stored = stored(&network.configs[0].folder)?;
    report.budget(
        "network: an empty gateway comes level, blocks, payloads and index",
        format!(
            "{:.1} MB/s of blocks and payloads ({:.1} MB, {} entries in {took:.1} s: {}/s); its file {file} bytes and log {log}; CPU {:.1} s its own, {:.1} s the others'",
            stored / 1e6 / took,
            stored / 1e6,
            count(entries),
            count(entries / took),
            usage.cpu[MEMBERS - 1],
            usage.cpu[..MEMBERS - 1].iter().sum::<f64>(),
        ),
        "50 MB/s",
        stored / 1e6 / took >= 50.0,
    );
    Ok(network)
}
