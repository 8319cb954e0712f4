// SPDX-License-Identifier: Apache-2.0
//! From measurements to lines of the table, with the budgets of the design.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use silsila_integration_tests::bench::Extraction;
use silsila_integration_tests::gateway::Gateway;

use crate::ingest::Ingest;
use crate::ledger::Verified;
use crate::load::{CALM, CONNECTIONS, Load, THREADS};
use crate::mapping::Mapped;
use crate::meter;
use crate::reading::Reading;
use crate::report::{Report, count, percentile, size};
use crate::site::Site;

/// Extraction beside the bare driver.
pub fn extraction(report: &mut Report, read: &Extraction, chunk: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a count of rows for display")]
    let rows = read.rows as f64;
    report.figure(
        format!("bare driver, {} rows in chunks of {chunk}", count(rows)),
        format!("{} rows/s", count(read.bare_chunks)),
    );
    report.figure(
        "bare driver, one stream for each table",
        format!("{} rows/s", count(read.bare_stream)),
    );
    report.budget(
        "adapter, the same chunks",
        format!(
            "{} rows/s, {:.2} of the bare driver",
            count(read.adapter),
            read.ratio()
        ),
        "0.8 of the bare driver",
        read.ratio() >= 0.8,
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts for display")]
pub fn mapping(report: &mut Report, mapped: &[Mapped]) {
    let rate = |m: &Mapped| m.resources as f64 / m.mapping_time.as_secs_f64();
    for one in mapped {
        let digests = one.rows as f64 / one.digest_time.as_secs_f64();
        let what = format!("mapping alone, {}", one.mapping);
        let measured = format!(
            "{} resources/s ({} rows/s; {} digests/s; {:.0} bytes each)",
            count(rate(one)),
            count(one.rows as f64 / one.mapping_time.as_secs_f64()),
            count(digests),
            one.bytes as f64 / one.resources.max(1) as f64,
        );
        if one.mapping == "patient" {
            report.budget(what, measured, "50,000 resources/s", rate(one) >= 50_000.0);
        } else {
            report.figure(what, measured);
        }
    }
    let resources: u64 = mapped.iter().map(|m| m.resources).sum();
    let bytes: u64 = mapped.iter().map(|m| m.bytes).sum();
    let time: Duration = mapped.iter().map(|m| m.mapping_time).sum();
    report.figure(
        "mapping alone, all mappings",
        format!(
            "{} resources/s, {:.0} bytes each",
            count(resources as f64 / time.as_secs_f64()),
            bytes as f64 / resources.max(1) as f64,
        ),
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts for display")]
pub fn ingest(report: &mut Report, site: &Site, bare: f64, ingest: &Ingest) {
    let resources = ingest.resources as f64;
    let (rate, rows) = (resources / ingest.seconds, site.rows as f64);
    report.budget(
        format!(
            "ingest of {} patients, from the process's start to searchable",
            count(f64::from(site.patients))
        ),
        format!(
            "{} resources/s ({} in {:.1} s)",
            count(rate),
            count(resources),
            ingest.seconds
        ),
        "6,000 resources/s (stretch 10,000)",
        rate >= 6_000.0,
    );
    report.figure(
        "of it, rows",
        format!(
            "{} rows/s, {:.4} of the bare driver ({} rows, {:.2} resources each; {} looked at, {} in quarantine)",
            count(rows / ingest.seconds),
            rows / ingest.seconds / bare,
            count(rows),
            resources / rows,
            count(ingest.mapped_rows as f64),
            count(ingest.quarantined as f64),
        ),
    );
    let wall = ingest.usage.wall.as_secs_f64();
    let cpu = |at: usize| ingest.usage.cpu.get(at).copied().unwrap_or_default();
    report.figure(
        "of it, CPU",
        format!(
            "gateway {:.1} s ({:.0} us for each resource, {:.2} cores), mariadbd {:.1} s, others {:.2} cores",
            cpu(0),
            cpu(0) * 1e6 / resources,
            cpu(0) / wall,
            cpu(1),
            ingest.usage.foreign,
        ),
    );
    report.budget(
        "memory at full ingest, at most",
        size(ingest.most_memory as f64),
        "400 MB",
        ingest.most_memory < 400_000_000,
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts for display")]
pub fn other_size(report: &mut Report, site: &Site, ingest: &Ingest) {
    let (resources, most) = (ingest.resources as f64, ingest.most_memory as f64);
    report.figure(
        format!("ingest of {} patients", count(f64::from(site.patients))),
        format!(
            "{} resources/s ({} in {:.1} s), memory {}",
            count(resources / ingest.seconds),
            count(resources),
            ingest.seconds,
            size(most),
        ),
    );
}

pub fn idle(report: &mut Report, when: &str, gateway: &Gateway) -> anyhow::Result<()> {
    let (now, _) = meter::memory(gateway.pid().context("the gateway does not run")?)?;
    #[expect(clippy::cast_precision_loss, reason = "bytes for display")]
    let shown = size(now as f64);
    report.budget(
        format!("memory idle, {when}"),
        shown,
        "150 MB",
        now < 150_000_000,
    );
    Ok(())
}

fn loaded(load: &Load) -> String {
    format!(
        "{}/s, p50 {:.2} ms, p99 {:.2} ms ({:.0} bytes; cores: server {:.2}, wrk {:.2}, others {:.2})",
        count(load.per_second),
        load.p50,
        load.p99,
        load.bytes,
        load.server,
        load.generator,
        load.foreign,
    )
}

pub fn readings(report: &mut Report, site: &Site, readings: &[Reading]) {
    let patients = count(f64::from(site.patients));
    report.say(format!(
        "Load for {patients} patients: wrk, {THREADS} thread, {CONNECTIONS} connections in a closed loop ({CALM} where it says calm)."
    ));
    for reading in readings {
        let what = format!("{}, {patients} patients", reading.kind);
        let fast = reading.gateway.per_second >= 5_000.0 && reading.gateway.p99 < 10.0;
        match &reading.bare {
            Some(bare) => {
                let ratio = reading.gateway.per_second / bare.per_second;
                let measured = format!("{}; {ratio:.2} of bare", loaded(&reading.gateway));
                if reading.kind == "read" {
                    report.budget(what, measured, "0.5 of a bare handler", ratio >= 0.5);
                } else {
                    report.budget(what, measured, "5,000/s, p99 10 ms", fast);
                }
                report.figure("  bare handler, same bytes", loaded(bare));
            }
            None => report.figure(what, loaded(&reading.gateway)),
        }
        report.figure("  calm", loaded(&reading.calm));
    }
}

pub fn growth(report: &mut Report, small: &[Reading], large: &[Reading], from: u32, to: u32) {
    let sizes = format!(
        "{} / {} patients",
        count(f64::from(to)),
        count(f64::from(from))
    );
    for (small, large) in small.iter().zip(large) {
        let ratio = large.calm.p99 / small.calm.p99;
        report.budget(
            format!("calm p99 of {}, {sizes}", small.kind),
            format!("{ratio:.2}"),
            "1.5 at 100,000 / 1,000",
            ratio <= 1.5,
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes for display")]
pub fn storage(report: &mut Report, ingest: &Ingest, sizes: &BTreeMap<String, u64>) {
    let entries = ingest.entries as f64;
    let each = |word: &str| sizes.get(word).copied().unwrap_or_default() as f64 / entries;
    report.budget(
        "storage for each entry: chain and payloads",
        format!("{:.0} bytes", each("ledger")),
        "600 bytes, index apart",
        each("ledger") <= 600.0,
    );
    report.figure(
        "storage for each entry: search index, row states",
        format!("{:.0} and {:.0} bytes", each("fhir"), each("pipe")),
    );
    for (name, bytes) in sizes.iter().filter(|(name, _)| name.contains('_')) {
        let share = *bytes as f64 / entries;
        if share >= 1.0 {
            report.figure(format!("  of it, {name}"), format!("{share:.1} bytes"));
        }
    }
}

pub fn start(report: &mut Report, ingest: &Ingest, clean: Duration, killed: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a count for display")]
    let resources = count(ingest.resources as f64);
    report.budget(
        format!("start to serving with {resources} resources"),
        format!(
            "{:.2} s after a clean stop, {:.2} s after kill -9",
            clean.as_secs_f64(),
            killed.as_secs_f64()
        ),
        "2 s with 1,000,000",
        clean.as_secs_f64() < 2.0,
    );
}

pub fn verified(report: &mut Report, verified: &Verified) {
    let rate = verified.bytes / verified.seconds;
    let ratio = rate / verified.hashing;
    report.budget(
        "verification of the whole ledger",
        format!(
            "{:.0} MB/s ({} in {:.2} s); SHA-256 alone {:.0} MB/s; ratio {ratio:.2}",
            rate / 1e6,
            size(verified.bytes),
            verified.seconds,
            verified.hashing / 1e6,
        ),
        "0.7 of one thread's SHA-256",
        ratio >= 0.7,
    );
}

pub fn commits(report: &mut Report, times: &[f64]) {
    let p50 = percentile(times, 0.5);
    report.budget(
        format!("single commit with its index rows, {} of them", times.len()),
        format!("p50 {p50:.2} ms, p99 {:.2} ms", percentile(times, 0.99)),
        "p50 15 ms",
        p50 < 15.0,
    );
}

pub fn visible(report: &mut Report, how: &str, times: &[f64]) {
    report.figure(
        format!("from an UPDATE to the new version over FHIR, {how}"),
        format!(
            "p50 {:.0} ms, at most {:.0} ms ({} changes)",
            percentile(times, 0.5),
            percentile(times, 1.0),
            times.len()
        ),
    );
}
