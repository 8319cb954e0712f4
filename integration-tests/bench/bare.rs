// SPDX-License-Identifier: Apache-2.0
//! The measure for reads: an axum handler that does nothing but hand out the bytes that a gateway gave
//! for the same targets, headers included, as a process of its own.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::{Value, json};
use silsila_integration_tests::http::{Answer, Http};
use silsila_integration_tests::supervisor::{Signal, Supervised};

/// What the server itself adds to every answer.
const OWN: [&str; 4] = ["date", "content-length", "connection", "transfer-encoding"];

type Answers = HashMap<String, (HeaderMap, Bytes)>;

/// Asks a gateway for every target and writes its answers to a file.
pub async fn record(port: u16, targets: &[String], file: &Path) -> anyhow::Result<()> {
    let mut http = Http::open(port).await?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for target in targets {
        let answer = http.get(target).await?;
        anyhow::ensure!(
            answer.status == StatusCode::OK,
            "GET {target}: {}",
            answer.status
        );
        writeln!(out, "{}", line(target, &answer))?;
    }
    Ok(out.flush()?)
}

fn line(target: &str, answer: &Answer) -> Value {
    let headers: Vec<[String; 2]> = answer
        .headers
        .iter()
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .map(|(name, _)| [name.to_string(), answer.header(name.as_str()).to_owned()])
        .collect();
    json!({"target": target, "headers": headers, "body": answer.text()})
}

fn read(file: &Path) -> anyhow::Result<Answers> {
    let mut answers = Answers::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let answer: Value = serde_json::from_str(line)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut headers = HeaderMap::new();
        for header in answer["headers"].as_array().into_iter().flatten() {
            headers.append(
                HeaderName::from_bytes(text(&header[0]).as_bytes())?,
                HeaderValue::from_str(&text(&header[1]))?,
            );
        }
        let body = Bytes::from(text(&answer["body"]));
        answers.insert(text(&answer["target"]), (headers, body));
    }
    Ok(answers)
}

async fn answer(State(answers): State<Arc<Answers>>, uri: Uri) -> (StatusCode, HeaderMap, Bytes) {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    match answers.get(target) {
        Some((headers, body)) => (StatusCode::OK, headers.clone(), body.clone()),
        None => (StatusCode::NOT_FOUND, HeaderMap::new(), Bytes::new()),
    }
}

/// Serves recorded answers until killed; says the port on standard output.
pub async fn serve(file: &Path) -> anyhow::Result<()> {
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::new(read(file)?));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    use axum::serve::ListenerExt as _;
    let listener = listener.tap_io(|stream| {
        // As the gateway does; without it small answers wait for nothing.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// A bare server that runs.
pub struct Bare {
    process: Supervised,
    /// Its loopback port.
    pub port: u16,
}

impl Bare {
    /// Starts our own binary as a bare server of recorded answers.
    pub async fn start(answers: &Path) -> anyhow::Result<Self> {
        let us: PathBuf = std::env::current_exe()?;
        let log = answers.with_extension("log");
        let _ = std::fs::remove_file(&log);
        let text = |path: &Path| path.to_str().map(str::to_owned).context("an odd path");
        let (us, answers) = (text(&us)?, text(answers)?);
        let process = Supervised::start(&[&us, "bare", &answers], &log, None)?;
        for _ in 0..1_000 {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(port) = said.strip_suffix('\n').and_then(|port| port.parse().ok()) {
                return Ok(Self { process, port });
            }
            anyhow::ensure!(process.ended().is_none(), "the bare server ended: {said}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the bare server does not come up")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends it.
    pub fn end(self) -> anyhow::Result<()> {
        self.process
            .end(Signal::Kill, Duration::from_secs(20))
            .map(drop)
    }
}
