// SPDX-License-Identifier: Apache-2.0
//! Load by wrk: a closed loop over a list of targets, with percentiles.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::meter::{Meter, Usage};

/// Threads of the load generator: one, so that the server keeps a core.
pub const THREADS: u32 = 1;

/// Connections that each send their next request when the last answer has come: enough to keep every
/// core busy.
pub const CONNECTIONS: u32 = 16;

/// Connections of a calm load, in which an answer's time is that of the answer and not of the queue.
pub const CALM: u32 = 2;

/// Asks for the targets of a file in turn, and prints what came of it as JSON.
const SCRIPT: &str = r#"
local requests, at = {}, 0
init = function(args)
  for target in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", target) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"us":%d,"bytes":%d,"p50":%d,"p99":%d,"max":%d,"errors":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// What a run of the load generator measured.
#[derive(Debug, Clone)]
pub struct Load {
    /// Answers per second.
    pub per_second: f64,
    /// Half of the answers took at most so long, in milliseconds.
    pub p50: f64,
    /// 99 of 100 answers took at most so long, in milliseconds.
    pub p99: f64,
    /// The mean answer with its headers, in bytes.
    pub bytes: f64,
    /// Cores that the load generator used.
    pub generator: f64,
    /// Cores that the server used.
    pub server: f64,
    /// Cores that went elsewhere.
    pub foreign: f64,
}

/// Loads a server on loopback: first shortly to warm it up, then for `time`.
pub fn load(
    port: u16,
    server: u32,
    targets: &[String],
    connections: u32,
    time: Duration,
    folder: &Path,
) -> anyhow::Result<Load> {
    ensure!(!targets.is_empty(), "nothing to ask for");
    let (script, list) = (folder.join("load.lua"), folder.join("targets.txt"));
    std::fs::write(&script, SCRIPT)?;
    std::fs::write(&list, targets.join("\n") + "\n")?;
    run(port, connections, Duration::from_secs(1), &script, &list)?;
    let meter = Meter::start(&[server])?;
    let result = run(port, connections, time, &script, &list)?;
    evaluate(&result, &meter.stop()?)
}

fn run(
    port: u16,
    connections: u32,
    time: Duration,
    script: &Path,
    list: &Path,
) -> anyhow::Result<Value> {
    let output = Command::new("wrk")
        .arg(format!("-t{THREADS}"))
        .arg(format!("-c{connections}"))
        .arg(format!("-d{}s", time.as_secs().max(1)))
        .args(["--timeout", "10s", "-s"])
        .arg(script)
        .arg(format!("http://127.0.0.1:{port}/"))
        .arg("--")
        .arg(list)
        .stderr(Stdio::inherit())
        .output()
        .context("wrk cannot be started; install Debian's package wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().find_map(|l| l.strip_prefix("RESULT ")) {
        Some(result) => Ok(serde_json::from_str(result)?),
        None => bail!("wrk ended with {} and:\n{text}", output.status),
    }
}

fn evaluate(result: &Value, usage: &Usage) -> anyhow::Result<Load> {
    let number = |name: &str| result[name].as_f64().with_context(|| format!("no {name}"));
    let (requests, seconds) = (number("requests")?, number("us")? / 1e6);
    ensure!(
        number("errors")? == 0.0 && requests > 0.0,
        "answers failed under load: {result}"
    );
    let wall = usage.wall.as_secs_f64();
    Ok(Load {
        per_second: requests / seconds,
        p50: number("p50")? / 1e3,
        p99: number("p99")? / 1e3,
        bytes: number("bytes")? / requests,
        generator: usage.children / wall,
        server: usage.cpu.first().copied().unwrap_or_default() / wall,
        foreign: usage.foreign,
    })
}
