// SPDX-License-Identifier: Apache-2.0
//! What processes cost, as the kernel counts it in `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;

/// The kernel counts CPU time in hundredths of a second on every architecture that we run on.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, and those of its children that have ended.
fn cpu_of(pid: &str) -> anyhow::Result<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // The name in parentheses may hold anything; what follows it is numbers.
    let (_, rest) = stat.rsplit_once(')').context("an odd /proc/*/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    let sum = |a: usize| Some((ticks(a)? + ticks(a + 1)?) / TICKS);
    Ok((
        sum(11).context("an odd /proc/*/stat")?,
        sum(13).context("an odd /proc/*/stat")?,
    ))
}

/// CPU seconds that all processes together have used.
fn cpu_of_all() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("an odd /proc/stat")?;
    let fields = line.split_whitespace().skip(1).map(str::parse::<f64>);
    let ticks: Vec<f64> = fields.collect::<Result<_, _>>()?;
    // user, nice, system; interrupts; not idle, waiting or stolen.
    Ok([0, 1, 2, 5, 6]
        .iter()
        .filter_map(|&at| ticks.get(at))
        .sum::<f64>()
        / TICKS)
}

/// Memory of a process in bytes: what it has now, and the most it ever had.
pub fn memory(pid: u32) -> anyhow::Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find(|l| l.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let now = field("VmRSS:").context("no VmRSS")?;
    let most = field("VmHWM:").context("no VmHWM")?;
    Ok((now * 1024, most * 1024))
}

/// Watches some processes, and the rest of the machine beside them.
pub struct Meter {
    started: Instant,
    pids: Vec<u32>,
    cpu: Vec<f64>,
    own: (f64, f64),
    all: f64,
}

/// What was used between the start of a [`Meter`] and its end.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Time passed.
    pub wall: Duration,
    /// CPU seconds of each process, in the order in which they were named.
    pub cpu: Vec<f64>,
    /// CPU seconds of our own children that ended meanwhile: the load generator.
    pub children: f64,
    /// Cores' worth of CPU that went to processes that have nothing to do with this.
    pub foreign: f64,
}

impl Meter {
    /// Begins to watch.
    pub fn start(pids: &[u32]) -> anyhow::Result<Self> {
        Ok(Self {
            cpu: Self::cpu(pids)?,
            own: cpu_of("self")?,
            all: cpu_of_all()?,
            pids: pids.to_vec(),
            started: Instant::now(),
        })
    }

    fn cpu(pids: &[u32]) -> anyhow::Result<Vec<f64>> {
        let used = pids.iter().map(|pid| Ok(cpu_of(&pid.to_string())?.0));
        used.collect()
    }

    /// Ends watching.
    pub fn stop(&self) -> anyhow::Result<Usage> {
        let wall = self.started.elapsed();
        let cpu: Vec<f64> = Self::cpu(&self.pids)?
            .iter()
            .zip(&self.cpu)
            .map(|(now, then)| now - then)
            .collect();
        let own = cpu_of("self")?;
        let children = own.1 - self.own.1;
        let ours = own.0 - self.own.0 + children + cpu.iter().sum::<f64>();
        let foreign = (cpu_of_all()? - self.all - ours).max(0.0) / wall.as_secs_f64();
        Ok(Usage {
            wall,
            cpu,
            children,
            foreign,
        })
    }
}

/// The machine in one line.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|l| l.starts_with(name));
        let value = line.and_then(|l| l.split_once(':'));
        value.map(|(_, v)| v.trim().to_owned()).unwrap_or_default()
    };
    let cpu = read("/proc/cpuinfo");
    let cores = cpu.lines().filter(|l| l.starts_with("processor")).count();
    let hashes = if field(&cpu, "flags").split(' ').any(|f| f == "sha_ni") {
        "with SHA instructions"
    } else {
        "without SHA instructions"
    };
    format!(
        "{cores} x {} ({hashes}), {} of memory, Linux {}, load before the start {}",
        field(&cpu, "model name"),
        field(&read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg")
            .split(' ')
            .take(3)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_as_cpu_time_of_the_process_that_did_it() {
        let us = std::process::id();
        let meter = Meter::start(&[us]).unwrap();
        let until = Instant::now() + Duration::from_millis(300);
        let mut sum = 0_u64;
        while Instant::now() < until {
            sum = std::hint::black_box(sum.wrapping_mul(31) + 7);
        }
        let usage = meter.stop().unwrap();
        assert!(usage.cpu[0] > 0.0);
        assert!(usage.wall >= Duration::from_millis(300));
    }

    #[test]
    fn a_process_has_had_at_least_the_memory_that_it_has() {
        let (now, most) = memory(std::process::id()).unwrap();
        assert!(now > 0 && most >= now);
    }
}
