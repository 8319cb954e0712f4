// SPDX-License-Identifier: Apache-2.0
//! Ordering alone, as `docs/benchmarks.md` quotes it: four validators with encrypted stores and real
//! connections over loopback, in one process, so that its processor time is that of all four. Prints rows
//! of that table.
//!
//! ```text
//! cargo run --release -p silsila-engine --example bench_engine [seconds] [one|load|gone|idle|join ...]
//! ```

mod load;
mod members;
mod meter;

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use load::{LOADS, Load};
use members::{Node, Plan};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many transactions of one member wait for their blocks at a time.
const WAITING: usize = 4;
const SINGLES: usize = 200;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let seconds = arguments
        .next_if(|word| word.parse::<u64>().is_ok())
        .map_or(Ok(15), |text| text.parse())?;
    let chosen: Vec<String> = arguments.collect();
    let runs = |what: &str| chosen.is_empty() || chosen.iter().any(|word| word == what);
    let folder = tempfile::tempdir()?;
    let plan = Plan::new(5, 4)?;
    let mut nodes = (0..4)
        .map(|number| plan.start(folder.path(), number))
        .collect::<Outcome<Vec<_>>>()?;
    nodes[0].commit(nodes[0].stage(load::single(0))?)?;
    if runs("one") {
        one(&nodes)?;
    }
    for (at, load) in (1..).zip(&LOADS) {
        if runs("load") || runs(load.name) {
            under_load(&nodes, load, at, Duration::from_secs(seconds))?;
        }
    }
    if runs("join") {
        join(&plan, folder.path(), &nodes[0])?;
    }
    if runs("gone") {
        gone(&mut nodes)?;
    }
    if runs("idle") {
        idle(&nodes, folder.path(), seconds)?;
    }
    Ok(())
}

fn row(what: &str, measured: &str, budget: &str, met: Option<bool>) {
    let met = match met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    println!("| {what} | {measured} | {budget} | {met} |");
}

fn one(nodes: &[Node]) -> Outcome<()> {
    let mut times = Vec::new();
    for round in 0..SINGLES {
        let (node, began) = (&nodes[round % nodes.len()], Instant::now());
        node.commit(node.stage(load::single(round as u64 + 1))?)?;
        times.push(began.elapsed());
    }
    times.sort();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e3;
    row(
        "network of four: one entry, from staging to committed at its author",
        &format!(
            "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
            at(50),
            at(95),
            at(99)
        ),
        "p50 60 ms",
        Some(at(50) < 60.0),
    );
    Ok(())
}

/// All members stage as fast as their blocks come, a few transactions ahead.
fn under_load(nodes: &[Node], load: &Load, at: u64, time: Duration) -> Outcome<()> {
    for (node, own) in nodes.iter().zip(0..) {
        node.commit(node.stage(load.known(at, own))?)?;
    }
    let all = nodes.iter().try_fold(0, |most, node| {
        node.store.health().map(|health| most.max(health.entries))
    })?;
    level(nodes, all)?;
    let (began, used, before) = (Instant::now(), meter::cpu()?, nodes[0].store.health()?);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..)
            .zip(nodes)
            .map(|(own, node)| {
                scope.spawn(move || {
                    keep_busy(node, load, (at, own), began + time)
                        .map_err(|error| error.to_string())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a member stopped".to_owned())?)
    })?;
    let after = nodes[0].store.health()?;
    let entries = (after.entries - before.entries) as f64;
    let (took, used) = (began.elapsed().as_secs_f64(), meter::cpu()? - used);
    let rate = entries / took;
    let name = format!("network of four: {}", load.says);
    row(
        &name,
        &format!(
            "{rate:.0} entries/s ({entries:.0} in {took:.1} s, {} blocks)",
            after.height.0 - before.height.0
        ),
        "5,000/s",
        Some(rate >= 5_000.0),
    );
    let each = used * 1e3 / entries;
    row(
        &format!("{name}, processor time over all four"),
        &format!("{each:.3} ms an entry ({:.2} cores)", used / took),
        "0.3 ms",
        Some(each <= 0.3),
    );
    Ok(())
}

fn keep_busy(node: &Node, load: &Load, (at, own): (u64, u64), until: Instant) -> Outcome<()> {
    let (mut waiting, mut number) = (std::collections::VecDeque::new(), 0);
    while Instant::now() < until {
        number += 1;
        waiting.push_back(node.stage(load.drafts(at, own, number))?);
        if waiting.len() >= WAITING
            && let Some(id) = waiting.pop_front()
        {
            node.commit(id)?;
        }
    }
    waiting.into_iter().try_for_each(|id| node.commit(id))
}

fn level(nodes: &[Node], entries: u64) -> Outcome<()> {
    let until = Instant::now() + Duration::from_secs(60);
    for node in nodes {
        while node.store.health()?.entries < entries {
            if Instant::now() > until {
                return Err("a member did not come level in a minute".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// An empty member that is no validator takes the whole chain and its payloads from the others.
fn join(plan: &Plan, folder: &Path, from: &Node) -> Outcome<()> {
    let bytes = from.bytes()?;
    let target = from.store.health()?.entries;
    let node = plan.start(folder, 4)?;
    let (began, used) = (Instant::now(), meter::cpu()?);
    let until = began + Duration::from_secs(80);
    let mut chain = None;
    loop {
        let entries = node.store.health()?.entries;
        if entries >= target && chain.is_none() {
            chain = Some(began.elapsed().as_secs_f64());
        }
        if entries >= target && node.store.missing_payloads(0, 1)?.is_empty() {
            break;
        }
        if Instant::now() > until {
            let missing = node.store.missing_payloads(0, u32::MAX)?.len();
            row(
                "an empty member joins",
                &format!(
                    "not level in 80 s: {entries} of {target} entries, {missing} payloads missing"
                ),
                "50 MB/s",
                Some(false),
            );
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let (took, used) = (began.elapsed().as_secs_f64(), meter::cpu()? - used);
    let rate = bytes as f64 / took / 1e6;
    row(
        &format!(
            "an empty member joins a chain of {target} entries, {:.1} MB of blocks and payloads",
            bytes as f64 / 1e6
        ),
        &format!(
            "{rate:.1} MB/s ({took:.1} s, its blocks {:.1} s of them; {:.2} cores)",
            chain.unwrap_or(took),
            used / took
        ),
        "50 MB/s",
        Some(rate >= 50.0),
    );
    Ok(())
}

fn gone(nodes: &mut Vec<Node>) -> Outcome<()> {
    let gone = nodes.pop().ok_or("four run")?;
    gone.leave();
    let mut worst = Duration::ZERO;
    for round in 0..60 {
        let (node, began) = (&nodes[round % 3], Instant::now());
        node.commit(node.stage(load::single(10_000 + round as u64))?)?;
        worst = worst.max(began.elapsed());
    }
    row(
        "one of four stops: longest wait for a commit",
        &format!("{worst:.2?}"),
        "",
        None,
    );
    Ok(())
}

fn idle(nodes: &[Node], folder: &Path, seconds: u64) -> Outcome<()> {
    let engines = || -> u64 {
        let each = (0..nodes.len()).map(|one| meter::bytes(&folder.join(format!("{one}/engine"))));
        each.sum()
    };
    let (before, used) = (engines(), meter::cpu()?);
    thread::sleep(Duration::from_secs(seconds));
    row(
        &format!("idle for {seconds} s, {} members", nodes.len()),
        &format!(
            "consensus's files {before} to {} bytes, {:.1}% of a processor",
            engines(),
            (meter::cpu()? - used) * 100.0 / seconds as f64
        ),
        "",
        None,
    );
    Ok(())
}
