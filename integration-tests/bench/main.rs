// SPDX-License-Identifier: Apache-2.0
//! `script/bench`: every figure of the gateway that has a budget, measured on this machine in one run.
//!
//! Absolute figures depend on the machine; ratios are measured side by side: the adapter beside the bare
//! driver, reads beside a bare handler, verification beside SHA-256. Nothing here is part of the product.

mod bare;
mod figures;
mod ingest;
mod ledger;
mod load;
mod mapping;
mod meter;
mod network;
mod reading;
mod report;
mod site;
mod visible;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use silsila_integration_tests::bench::extraction;
use silsila_integration_tests::gateway::Gateway;
use silsila_integration_tests::hospital::USER;
use silsila_integration_tests::mariadb::{MariaDb, MariaDbOptions};
use silsila_mysql::MySql;

use report::Report;
use site::Site;

/// A small hospital, whose searches those of the others are held against.
const SMALL: u32 = 1_000;
/// After so long without work the gateway has given its memory back.
const REST: Duration = Duration::from_secs(40);

/// The largest hospital, with more than a million resources.
const LARGE: u32 = 100_000;

#[derive(Debug, Parser)]
struct Arguments {
    /// Patients of the hospital that is read
    #[arg(long, default_value_t = 20_000)]
    patients: u32,
    /// 1,000 patients and short runs: for a look, not for a claim
    #[arg(long)]
    quick: bool,
    /// Also a hospital with 100,000 patients, for search and start
    #[arg(long)]
    large: bool,
    /// Only the network of four
    #[arg(long)]
    network: bool,
    /// Patients of the hospital that the network of four shares: each is 25 entries
    #[arg(long, default_value_t = 1_001)]
    shared: u32,
    /// Sample the gateway with perf while it ingests
    #[arg(long)]
    profile: bool,
    /// Rows that the gateway asks for at once
    #[arg(long, default_value_t = 2_000)]
    chunk_rows: u32,
    /// Only up to the end of ingest
    #[arg(long)]
    ingest_only: bool,
    /// Where data, state and results lie
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Hand out recorded answers; started by the benchmark itself
    #[command(hide = true)]
    Bare {
        /// The answers
        answers: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::parse();
    if let Some(Role::Bare { answers }) = &arguments.role {
        return bare::serve(answers).await;
    }
    if arguments.quick {
        arguments.patients = SMALL;
    }
    std::fs::create_dir_all(&arguments.dir)?;
    arguments.dir = arguments.dir.canonicalize()?;
    let mut report = Report::default();
    report.say(format!("Machine: {}.", meter::machine()));
    let outcome = Bench::new(arguments).await?.run(&mut report).await;
    println!("\n{report}");
    outcome
}

/// One run.
struct Bench {
    arguments: Arguments,
    server: MariaDb,
    time: Duration,
}

impl Bench {
    async fn new(arguments: Arguments) -> anyhow::Result<Self> {
        let dir = arguments.dir.join("mariadb");
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        let server = MariaDb::start(MariaDbOptions {
            dir: Some(dir),
            arguments: [
                "--innodb-buffer-pool-size=512M",
                "--log-bin=bin",
                "--binlog-format=ROW",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..MariaDbOptions::default()
        })
        .await?;
        Ok(Self {
            time: Duration::from_secs(if arguments.quick { 3 } else { 10 }),
            arguments,
            server,
        })
    }

    async fn run(mut self, report: &mut Report) -> anyhow::Result<()> {
        if self.arguments.network {
            self.network(report).await?;
            return self.server.stop();
        }
        let site = self.site(self.arguments.patients).await?;
        site.config().write()?;
        let bare = self.pieces(&site, report).await?;
        let compared = if site.patients <= SMALL || self.arguments.ingest_only {
            None
        } else {
            Some(self.searches(SMALL, report).await?)
        };
        self.whole(&site, bare, compared.as_deref(), report).await?;
        if let Some(small) = compared
            && self.arguments.large
        {
            let large = self.searches(LARGE, report).await?;
            figures::growth(report, &small, &large, SMALL, LARGE);
        }
        if !self.arguments.ingest_only {
            self.network(report).await?;
        }
        let results = self.arguments.dir.join("results.md");
        std::fs::write(&results, report.to_string())?;
        self.server.stop()
    }

    /// Four gateways on one channel. The hospital has one patient more than the small one, and so a database of its own.
    async fn network(&self, report: &mut Report) -> anyhow::Result<()> {
        eprintln!("== A network of four");
        let dir = self.arguments.dir.join("shared");
        let site = Site::new(
            &self.server,
            &dir,
            self.arguments.shared,
            self.arguments.chunk_rows,
        )
        .await?;
        network::measure(report, &dir, &self.server, &site).await
    }

    async fn site(&self, patients: u32) -> anyhow::Result<Site> {
        let Arguments {
            dir, chunk_rows, ..
        } = &self.arguments;
        Site::new(&self.server, dir, patients, *chunk_rows).await
    }

    /// Reading and mapping, each alone; gives the bare driver's rows per second.
    async fn pieces(&self, site: &Site, report: &mut Report) -> anyhow::Result<f64> {
        let chunk = self.arguments.chunk_rows as usize;
        let options = site.hospital.options(&self.server);
        eprintln!("== Extraction");
        let read = extraction(&options, chunk, if self.arguments.quick { 3 } else { 9 }).await?;
        figures::extraction(report, &read, chunk);
        eprintln!("== Mapping");
        let source = MySql::new(options);
        let mapped = mapping::mapped(site, &source, chunk).await?;
        figures::mapping(report, &mapped);
        Ok(read.bare_chunks)
    }

    /// The whole gateway at the size that the budgets name.
    async fn whole(
        &self,
        site: &Site,
        bare: f64,
        small: Option<&[reading::Reading]>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        eprintln!("== Ingest of {} patients", site.patients);
        let server = self.server.pid().unwrap_or_default();
        let (mut gateway, ingest) = ingest::ingest(site, server, self.arguments.profile).await?;
        figures::ingest(report, site, bare, &ingest);
        // The gateway gives memory back when nothing was committed, or read, for a while.
        tokio::time::sleep(REST).await;
        figures::idle(report, "half a minute after ingest", &gateway)?;
        if self.arguments.ingest_only {
            return gateway.stop().map(drop);
        }
        eprintln!("== Reads and searches");
        let readings = reading::readings(site, &gateway, self.time, true).await?;
        figures::readings(report, site, &readings);
        tokio::time::sleep(REST).await;
        figures::idle(report, "half a minute after the reads", &gateway)?;
        if let Some(small) = small {
            figures::growth(report, small, &readings, SMALL, site.patients);
        }
        let patients = reading::patients(&gateway).await?;
        self.live(site, &mut gateway, &patients, report).await?;
        eprintln!("== Start");
        gateway.stop()?;
        figures::storage(report, &ingest, &ledger::storage(site.folder())?);
        let clean = site::restarted(&mut gateway).await?;
        figures::idle(report, "after a start", &gateway)?;
        gateway.kill()?;
        let killed = site::restarted(&mut gateway).await?;
        figures::start(report, &ingest, clean, killed);
        gateway.stop()?;
        eprintln!("== Verification and single commits");
        figures::verified(report, &ledger::verified(&gateway, site.folder())?);
        let ids: Vec<String> = patients
            .iter()
            .filter_map(|p| p["id"].as_str().map(str::to_owned))
            .collect();
        figures::commits(report, &ledger::commits(site, &ids)?);
        Ok(())
    }

    /// From an UPDATE to the new version, with the usual poll, with a short one, and by the binary log.
    async fn live(
        &self,
        site: &Site,
        gateway: &mut Gateway,
        patients: &[serde_json::Value],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        eprintln!("== From a changed row to FHIR");
        let count = if self.arguments.quick { 5 } else { 20 };
        for interval in ["2s", "100ms"] {
            gateway.stop()?;
            interval.clone_into(&mut gateway.config().poll_interval);
            gateway.config().write()?;
            gateway.restart().await?;
            let some = &patients[..patients.len().min(count)];
            let times = visible::visible(site, &self.server, gateway, some, interval).await?;
            figures::visible(report, &format!("poll every {interval}"), &times);
        }
        // So far the gateway was not allowed to read the log.
        let grant =
            format!("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `{USER}`@`127.0.0.1`");
        self.server.execute(None, &grant).await?;
        gateway.stop()?;
        "2s".clone_into(&mut gateway.config().poll_interval);
        gateway.config().write()?;
        gateway.restart().await?;
        let following = |report: &serde_json::Value| {
            report["pipeline"]["sources"][0]["changes"]["following"].is_string()
        };
        while !gateway.look().as_ref().is_some_and(following) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let some = &patients[..patients.len().min(count)];
        let times = visible::visible(site, &self.server, gateway, some, "the log").await?;
        figures::visible(report, "by the binary log", &times);
        Ok(())
    }

    /// Ingest and searches of a hospital of another size.
    async fn searches(
        &self,
        patients: u32,
        report: &mut Report,
    ) -> anyhow::Result<Vec<reading::Reading>> {
        eprintln!("== Ingest, reads and searches with {patients} patients");
        let site = self.site(patients).await?;
        let server = self.server.pid().unwrap_or_default();
        let (mut gateway, ingest) = ingest::ingest(&site, server, false).await?;
        let readings = reading::readings(&site, &gateway, self.time, false).await?;
        figures::other_size(report, &site, &ingest);
        figures::readings(report, &site, &readings);
        if patients == LARGE {
            gateway.stop()?;
            let clean = site::restarted(&mut gateway).await?;
            figures::idle(report, "after a start", &gateway)?;
            gateway.kill()?;
            let killed = site::restarted(&mut gateway).await?;
            figures::start(report, &ingest, clean, killed);
        }
        gateway.stop()?;
        Ok(readings)
    }
}
