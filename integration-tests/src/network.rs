// SPDX-License-Identifier: Apache-2.0
//! A network of gateways: a registration authority, and one channel that all share. Everything is done by the
//! commands that people would use, and lies in one folder:
//!
//! ```text
//! authority/      the authority's keys and records; authority.toml
//! network.json    the loopback ports on which the gateways reach one another
//! sindh.channel   the channel's file; once it is there, everybody has joined
//! ```

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::gateway::GatewayConfig;
use crate::supervisor::Supervised;
use crate::{free_port, repository};

/// The network's name.
const NETWORK: &str = "Hospitals of Sindh";
/// The channel's name.
const CHANNEL: &str = "Sindh";
/// The longest that the authority may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The authority at work.
pub struct Authority {
    process: Supervised,
}

impl Authority {
    /// Founds the network where it is new, and serves it.
    pub fn start(dir: &Path, silsila: &Path, port: u16) -> anyhow::Result<Self> {
        Self::start_with(dir, silsila, port, "")
    }

    /// As [`Authority::start`], with further lines in its section, such as how long its certificates last.
    pub fn start_with(dir: &Path, silsila: &Path, port: u16, lines: &str) -> anyhow::Result<Self> {
        let file = config_file(dir);
        let text =
            format!("[authority]\nfolder = \"authority\"\nlisten = \"127.0.0.1:{port}\"\n{lines}");
        std::fs::write(&file, text)?;
        if !dir.join("authority").exists() {
            run(silsila, &file, &["network", "create", NETWORK])?;
        }
        let command = [
            text_of(silsila)?,
            "network",
            "serve",
            "--config",
            text_of(&file)?,
        ];
        let process = Supervised::start(&command, &log(dir), None)?;
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if process.ended().is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(log(dir)).unwrap_or_default();
                bail!("the registration authority does not answer:\n{said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { process })
    }

    /// The code with which it ended, if it has.
    pub fn ended(&self) -> Option<i32> {
        self.process.ended()
    }
}

/// Where the authority logs.
pub fn log(dir: &Path) -> PathBuf {
    dir.join("authority.log")
}

/// The authority's configuration.
pub fn config_file(dir: &Path) -> PathBuf {
    dir.join("authority.toml")
}

/// Under what a network is founded, and how its gateways reach one another.
pub struct Terms {
    /// The contract of the channel; its limits lie beside it.
    pub contract: PathBuf,
    /// The address on which a gateway, by its number, listens with its port.
    pub listens: Box<dyn Fn(usize, u16) -> String>,
    /// The address by which one gateway reaches another one, by their numbers and the other one's port.
    pub reaches: Box<dyn Fn(usize, usize, u16) -> String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            contract: repository().join("config/examples/contracts/open-treatment.cedar"),
            listens: Box::new(|_, port| format!("127.0.0.1:{port}")),
            reaches: Box::new(|_, _, port| format!("127.0.0.1:{port}")),
        }
    }
}

/// Makes all gateways members of the network and of the channel, once, and writes into their configurations how they
/// reach one another on loopback.
pub fn join(dir: &Path, silsila: &Path, gateways: &mut [GatewayConfig]) -> anyhow::Result<()> {
    join_on(dir, silsila, gateways, &Terms::default())
}

/// As [`join_on`], by an authority that lets them in and ends.
pub fn admit(
    dir: &Path,
    silsila: &Path,
    gateways: &mut [GatewayConfig],
    terms: &Terms,
) -> anyhow::Result<()> {
    let _authority = Authority::start(dir, silsila, free_port()?)?;
    join_on(dir, silsila, gateways, terms)
}

/// As [`join`], on terms.
pub fn join_on(
    dir: &Path,
    silsila: &Path,
    gateways: &mut [GatewayConfig],
    terms: &Terms,
) -> anyhow::Result<()> {
    let ports = ports(dir, gateways.len())?;
    for (n, gateway) in gateways.iter_mut().enumerate() {
        gateway.sections = section(&(terms.listens)(n, ports[n]), &[]);
    }
    let file = dir.join("sindh.channel");
    if !file.exists() {
        for gateway in &*gateways {
            enrol(dir, silsila, gateway)?;
        }
        found(dir, silsila, gateways, &file, &terms.contract)?;
    }
    let keys: BTreeMap<usize, String> = (0..)
        .zip(&*gateways)
        .map(|(n, gateway)| Ok((n, key(silsila, gateway)?)))
        .collect::<anyhow::Result<_>>()?;
    for (n, gateway) in gateways.iter_mut().enumerate() {
        let peers: Vec<String> = keys
            .iter()
            .filter(|(other, _)| **other != n)
            .map(|(other, key)| {
                let address = (terms.reaches)(n, *other, ports[*other]);
                format!("{key}@{address}")
            })
            .collect();
        gateway.sections = section(&(terms.listens)(n, ports[n]), &peers);
    }
    Ok(())
}

fn section(listen: &str, peers: &[String]) -> String {
    format!("[network]\nlisten = {listen:?}\npeers = {peers:?}\n")
}

/// Invites, asks, approves, fetches the certificate.
pub fn enrol(dir: &Path, silsila: &Path, gateway: &GatewayConfig) -> anyhow::Result<()> {
    gateway.write()?;
    let (authority, own) = (config_file(dir), gateway.file());
    let (organization, _) = &gateway.hospital;
    let invitation = gateway.folder.join("invitation");
    let invitation = text_of(&invitation)?;
    if gateway.folder.join("keys/network.credential").exists() {
        return Ok(());
    }
    run(
        silsila,
        &authority,
        &[
            "network",
            "invite",
            organization,
            "--role",
            gateway.role,
            "--out",
            invitation,
        ],
    )?;
    let asking = ["network", "join", invitation, "--no-wait"];
    // It answers 1 while the request waits.
    let (code, _, said) = ask(silsila, &own, &asking)?;
    if code != Some(1) {
        bail!("silsila network join: {said}");
    }
    let listed = run(silsila, &authority, &["network", "list", "--json"])?;
    let listed: Value = serde_json::from_str(&listed)?;
    let mut requests = listed["requests"].as_array().into_iter().flatten();
    let waiting = requests.find(|request| {
        request["organization"] == organization.as_str() && request["decision"] == "waiting"
    });
    let request = waiting
        .and_then(|request| request["request"].as_i64())
        .context("the authority knows of no request")?
        .to_string();
    run(
        silsila,
        &authority,
        &["network", "approve", &request, "--yes"],
    )?;
    run(silsila, &own, &asking).map(drop)
}

/// Founds the channel of all, with all as validators, and has each join it.
fn found(
    dir: &Path,
    silsila: &Path,
    gateways: &[GatewayConfig],
    file: &Path,
    contract: &Path,
) -> anyhow::Result<()> {
    let draft = file.with_extension("new");
    let keys = gateways
        .iter()
        .map(|gateway| key(silsila, gateway))
        .collect::<anyhow::Result<Vec<_>>>()?;
    share(silsila, gateways, &keys, contract, &draft)?;
    std::fs::rename(&draft, dir.join("sindh.channel"))?;
    Ok(())
}

/// Creates the channel of these members with the first one's command, and has each join it. `validators` are how the
/// keys of those begin who order.
pub fn share(
    silsila: &Path,
    gateways: &[GatewayConfig],
    validators: &[String],
    contract: &Path,
    file: &Path,
) -> anyhow::Result<()> {
    let credentials: Vec<PathBuf> = gateways
        .iter()
        .map(|gateway| gateway.folder.join("keys/network.credential"))
        .collect();
    let mut words = vec!["channel", "create", CHANNEL, "--members"];
    for credential in &credentials {
        words.push(text_of(credential)?);
    }
    words.push("--validators");
    words.extend(validators.iter().map(String::as_str));
    words.extend(["--contract", text_of(contract)?, "--out", text_of(file)?]);
    run(silsila, &gateways[0].file(), &words)?;
    for gateway in gateways {
        run(
            silsila,
            &gateway.file(),
            &["channel", "join", text_of(file)?],
        )?;
    }
    Ok(())
}

/// How a member's key begins.
pub fn key(silsila: &Path, gateway: &GatewayConfig) -> anyhow::Result<String> {
    let status = run(silsila, &gateway.file(), &["network", "status", "--json"])?;
    let status: Value = serde_json::from_str(&status)?;
    let key = status["key"].as_str().context("a member without a key")?;
    Ok(key.chars().filter(|c| *c != ' ').take(16).collect())
}

/// The ports on which gateways reach one another: the same at every start.
fn ports(dir: &Path, count: usize) -> anyhow::Result<Vec<u16>> {
    let file = dir.join("network.json");
    if let Ok(text) = std::fs::read(&file) {
        return Ok(serde_json::from_slice(&text)?);
    }
    let ports: Vec<u16> = (0..count).map(|_| free_port()).collect::<Result<_, _>>()?;
    std::fs::write(&file, serde_json::to_vec(&ports)?)?;
    Ok(ports)
}

fn text_of(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

/// Runs a command that must succeed, and gives what it printed.
pub fn run(silsila: &Path, config: &Path, words: &[&str]) -> anyhow::Result<String> {
    let (code, printed, said) = ask(silsila, config, words)?;
    if code != Some(0) {
        bail!("silsila {}: {said}", words[..2].join(" "));
    }
    Ok(printed)
}

fn ask(
    silsila: &Path,
    config: &Path,
    words: &[&str],
) -> anyhow::Result<(Option<i32>, String, String)> {
    let output = Command::new(silsila)
        .args(words)
        .arg("--config")
        .arg(config)
        .output()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    ))
}
