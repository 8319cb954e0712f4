// SPDX-License-Identifier: Apache-2.0
//! A gateway that can be started, asked, killed and started again.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::GatewayConfig;
use crate::http::{self, Http};
use crate::supervisor::{Signal, Supervised};

/// The longest that a gateway may take to serve or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway, running or not.
#[derive(Debug)]
pub struct Gateway {
    binary: PathBuf,
    config: GatewayConfig,
    process: Option<Supervised>,
}

impl Gateway {
    /// Writes the configuration, starts `silsila serve` and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up; the text holds what it printed.
    pub async fn start(binary: &Path, config: GatewayConfig) -> anyhow::Result<Self> {
        let mut gateway = Self::launch(binary, config)?;
        gateway.ready().await?;
        Ok(gateway)
    }

    /// Writes the configuration and starts `silsila serve` without waiting, for stories that kill it while
    /// it starts.
    ///
    /// # Errors
    /// When there is no such binary or the configuration cannot be written.
    pub fn launch(binary: &Path, config: GatewayConfig) -> anyhow::Result<Self> {
        config.write()?;
        let mut gateway = Self {
            binary: binary.to_owned(),
            config,
            process: None,
        };
        gateway.start_again()?;
        Ok(gateway)
    }

    /// Starts several at once and waits until all serve.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start_all(
        binary: &Path,
        configs: impl IntoIterator<Item = GatewayConfig>,
    ) -> anyhow::Result<Vec<Self>> {
        let launched = configs.into_iter();
        let launched = launched.map(|config| Self::launch(binary, config));
        let mut gateways = launched.collect::<anyhow::Result<Vec<_>>>()?;
        for gateway in &mut gateways {
            gateway.ready().await?;
        }
        Ok(gateways)
    }

    /// Kills several as one power cut would, starts them again and waits until all serve.
    ///
    /// # Errors
    /// When one had ended before or does not come up.
    pub async fn cut_power(gateways: &mut [Self]) -> anyhow::Result<()> {
        gateways.iter_mut().try_for_each(Self::kill)?;
        gateways.iter_mut().try_for_each(Self::start_again)?;
        for gateway in gateways {
            gateway.ready().await?;
        }
        Ok(())
    }

    /// Starts the gateway again after a kill or a stop, without waiting.
    ///
    /// # Errors
    /// When the binary has gone.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        drop(self.process.take());
        let file = self.config.file();
        let binary = self
            .binary
            .to_str()
            .context("the binary's path is not UTF-8")?;
        let file = file
            .to_str()
            .context("the configuration's path is not UTF-8")?;
        let wrapper = self.config.wrapper.iter().map(String::as_str);
        let command: Vec<&str> = wrapper.chain([binary, "serve", "--config", file]).collect();
        self.process = Some(Supervised::start(&command, &self.config.log(), None)?);
        Ok(())
    }

    /// Starts the gateway again after a kill or a stop and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.start_again()?;
        self.ready().await
    }

    /// Waits until the gateway takes work.
    ///
    /// # Errors
    /// When it ends or takes too long; the text holds what it printed.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = http::get(self.config.port, "/ready").await;
            if answer.is_ok_and(|a| a.status.is_success()) {
                return Ok(());
            }
            self.still_runs()?;
            if Instant::now() > until {
                bail!("the gateway does not serve:\n{}", self.output());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the sweep of that number (the first is 1) is complete, and gives the status.
    ///
    /// # Errors
    /// When the gateway ends, the source stops, or it takes longer than `at_most`.
    pub async fn swept(&self, number: u64, at_most: Duration) -> anyhow::Result<Value> {
        let until = Instant::now() + at_most;
        loop {
            let status = self.status()?;
            let source = &status["pipeline"]["sources"][0];
            if source["sweep_completed"].as_u64() >= Some(number) {
                return Ok(status);
            }
            if source["question"].is_object() {
                bail!("the source has stopped: {}", source["question"]);
            }
            self.still_runs()?;
            if Instant::now() > until {
                bail!("sweep {number} is not complete after {at_most:?}: {source}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn still_runs(&self) -> anyhow::Result<()> {
        if let Some(code) = self.ended() {
            bail!("the gateway ended with code {code}:\n{}", self.output());
        }
        Ok(())
    }

    /// What `silsila status --json` says; also of a gateway that does not run.
    ///
    /// # Errors
    /// When it prints no JSON.
    pub fn status(&self) -> anyhow::Result<Value> {
        let output = self.command(&["status", "--json"])?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("silsila status: {}: {said}", output.status)
        })
    }

    /// What the running gateway says of itself, asked over its socket without starting another process;
    /// nothing while it does not listen there.
    #[must_use]
    pub fn look(&self) -> Option<Value> {
        // As the gateway sees its folder, which may be in a file system of its own.
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()?));
        let folder = self.config.folder.strip_prefix("/").ok()?;
        let socket = root.join(folder).join("state/admin.sock");
        let mut stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(br#"{"order":"status"}"#).ok()?;
        stream.shutdown(Shutdown::Write).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let mut answer: Value = serde_json::from_slice(&answer).ok()?;
        Some(answer["report"].take()).filter(Value::is_object)
    }

    /// Runs another `silsila` command on this gateway's configuration.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Command::new(&self.binary)
            .args(arguments)
            .arg("--config")
            .arg(self.config.file())
            .output()
            .with_context(|| self.binary.display().to_string())
    }

    /// The configuration, in effect from the next start once it is written.
    pub fn config(&mut self) -> &mut GatewayConfig {
        &mut self.config
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.config.port
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::pid)
    }

    /// The exit code, if it has ended by itself.
    #[must_use]
    pub fn ended(&self) -> Option<i32> {
        self.process.as_ref().and_then(Supervised::ended)
    }

    /// A connection to the gateway.
    ///
    /// # Errors
    /// When it does not listen.
    pub async fn http(&self) -> anyhow::Result<Http> {
        Http::open(self.config.port).await
    }

    /// Kills the gateway as a power cut would (`SIGKILL`) and waits until it is gone.
    ///
    /// # Errors
    /// When it had ended by itself before, or does not end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let process = self.process.take().context("the gateway does not run")?;
        let code = process.kill(PATIENCE)?;
        if code != 128 + 9 {
            bail!("the gateway had ended with code {code}:\n{}", self.output());
        }
        Ok(())
    }

    /// Asks the gateway to finish and gives its exit code.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(&mut self) -> anyhow::Result<i32> {
        let process = self.process.take().context("the gateway does not run")?;
        process.end(Signal::Term, PATIENCE)
    }

    /// All that the gateway has printed.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.config.log()).unwrap_or_default()
    }
}

/// A binary of this workspace, such as `silsila`, in the folder where ours lies or, for a test, the one above.
///
/// # Errors
/// When it is not built, with the command that builds it.
pub fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe()?;
    us.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            let folder = us.parent().unwrap_or(&us).display();
            format!("{name} is not built in {folder}; cargo build --workspace --bins")
        })
}
