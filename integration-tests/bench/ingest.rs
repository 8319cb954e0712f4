// SPDX-License-Identifier: Apache-2.0
//! From an empty gateway to the last resource of the first sweep, committed and searchable.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use silsila_integration_tests::gateway::Gateway;

use crate::meter::{Meter, Usage, memory};
use crate::site::Site;

/// The longest that a sweep may take: 100,000 patients at a tenth of the budget.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// What the first sweep came to.
pub struct Ingest {
    /// Seconds from the start of the process to the end of the sweep.
    pub seconds: f64,
    /// Resources committed.
    pub resources: u64,
    /// Rows by mapping: a row counts once for each mapping that looks at it.
    pub mapped_rows: u64,
    /// Of those, in quarantine.
    pub quarantined: u64,
    /// Entries on the chain.
    pub entries: u64,
    /// CPU: of the gateway, then of the database server.
    pub usage: Usage,
    /// Most memory that the gateway had, in bytes.
    pub most_memory: u64,
}

/// Starts the gateway of a site and waits for its first sweep.
///
/// With `profile`, `perf` samples the gateway meanwhile, into `perf.data` in the site's folder.
pub async fn ingest(site: &Site, server: u32, profile: bool) -> anyhow::Result<(Gateway, Ingest)> {
    let started_ms = now_ms()?;
    let mut gateway = site.launch()?;
    let pid = gateway.pid().context("the gateway does not run")?;
    let meter = Meter::start(&[pid, server])?;
    let sampler = profile.then(|| sample(site, pid)).transpose()?;
    gateway.ready().await?;
    let status = swept(&gateway).await?;
    let usage = meter.stop()?;
    if let Some(sampler) = sampler {
        finish(sampler)?;
    }
    let source = &status["pipeline"]["sources"][0];
    let ended = source["sweep_ended_ms"].as_f64().context("no end")?;
    let resources = resources(source);
    searchable(&gateway, &resources).await?;
    let sum = |name: &str| {
        mappings(source)
            .filter_map(|m| m["counters"][name].as_u64())
            .sum()
    };
    let ingest = Ingest {
        seconds: (ended - started_ms) / 1e3,
        resources: resources.values().sum(),
        mapped_rows: sum("rows"),
        quarantined: sum("quarantined"),
        entries: status["ledger"]["entries"].as_u64().context("no entries")?,
        usage,
        most_memory: memory(pid)?.1,
    };
    Ok((gateway, ingest))
}

/// Waits for the end of the first sweep. Asks seldom: each question is a process of its own.
async fn swept(gateway: &Gateway) -> anyhow::Result<Value> {
    let meter = Meter::start(&[])?;
    loop {
        let status = gateway.status()?;
        let source = &status["pipeline"]["sources"][0];
        if source["sweep_completed"].as_u64() >= Some(1) && status["ledger"]["outbox"] == 0 {
            return Ok(status);
        }
        ensure!(
            source["question"].is_null() && gateway.ended().is_none(),
            "the gateway stopped: {source}\n{}",
            gateway.output()
        );
        if meter.stop()?.wall > PATIENCE {
            bail!("the first sweep takes longer than {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn mappings(source: &Value) -> impl Iterator<Item = &Value> {
    source["mappings"].as_array().into_iter().flatten()
}

/// Resources by type, as the pipeline counts them.
fn resources(source: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for mapping in mappings(source) {
        let kind = mapping["resource_type"].as_str().unwrap_or_default();
        let live = mapping["counters"]["resources"]
            .as_u64()
            .unwrap_or_default();
        *counts.entry(kind.to_owned()).or_default() += live;
    }
    counts
}

/// Holds the pipeline's counts against what the FHIR server finds.
async fn searchable(gateway: &Gateway, resources: &BTreeMap<String, u64>) -> anyhow::Result<()> {
    let mut http = gateway.http().await?;
    for (kind, count) in resources {
        let bundle = http.json(&format!("/fhir/{kind}?_summary=count")).await?;
        ensure!(
            bundle["total"].as_u64() == Some(*count),
            "the pipeline counts {count} of {kind}, a search finds {}",
            bundle["total"]
        );
    }
    Ok(())
}

fn sample(site: &Site, pid: u32) -> anyhow::Result<Child> {
    Command::new("perf")
        .args([
            "record",
            "--quiet",
            "-F",
            "99",
            "--call-graph",
            "dwarf,8192",
        ])
        .args(["-p", &pid.to_string(), "-o"])
        .arg(site.folder.with_extension("perf.data"))
        .stdout(Stdio::null())
        .spawn()
        .context("perf cannot be started; install Debian's package linux-perf")
}

/// Lets a sampler write what it has.
fn finish(mut sampler: Child) -> anyhow::Result<()> {
    let id = sampler.id().to_string();
    Command::new("kill").args(["-s", "INT", &id]).status()?;
    sampler.wait()?;
    Ok(())
}

fn now_ms() -> anyhow::Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3)
}
