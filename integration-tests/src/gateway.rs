// SPDX-License-Identifier: Apache-2.0
//! The `silsila` binary as a process of its own, to be started, killed and started again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::http::{self, Http};
use crate::supervisor::{Signal, Supervised};

/// The longest that a gateway may take to serve or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway's binary, configuration and place.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// The `silsila` binary: [`beside_us`] finds it.
    pub binary: PathBuf,
    /// The configuration that `serve` reads.
    pub config: PathBuf,
    /// The loopback port that the configuration names.
    pub port: u16,
    /// Where the gateway's output goes.
    pub log: PathBuf,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    options: GatewayOptions,
    process: Option<Supervised>,
}

impl Gateway {
    /// Starts `silsila serve` and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up; the text holds what it printed.
    pub async fn start(options: GatewayOptions) -> anyhow::Result<Self> {
        let mut gateway = Self::launch(options)?;
        gateway.ready().await?;
        Ok(gateway)
    }

    /// Starts `silsila serve` without waiting, for tests that kill it while it starts.
    ///
    /// # Errors
    /// When there is no such binary.
    pub fn launch(options: GatewayOptions) -> anyhow::Result<Self> {
        let mut gateway = Self {
            options,
            process: None,
        };
        gateway.relaunch()?;
        Ok(gateway)
    }

    fn relaunch(&mut self) -> anyhow::Result<()> {
        let GatewayOptions {
            binary,
            config,
            log,
            ..
        } = &self.options;
        if !binary.exists() {
            bail!(
                "{} is not built; cargo build -p silsila-gateway",
                binary.display()
            );
        }
        let binary = binary.to_str().context("the binary's path is not UTF-8")?;
        let config = config
            .to_str()
            .context("the configuration's path is not UTF-8")?;
        let command = [binary, "serve", "--config", config];
        self.process = Some(Supervised::start(&command, log, None)?);
        Ok(())
    }

    /// Waits until the gateway answers `metadata`.
    ///
    /// # Errors
    /// When it ends or takes too long; the text holds what it printed.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = http::get(self.options.port, "/fhir/metadata").await;
            if answer.is_ok_and(|a| a.status.is_success()) {
                return Ok(());
            }
            if let Some(code) = self.process.as_ref().and_then(Supervised::ended) {
                bail!("the gateway ended with code {code}:\n{}", self.output());
            }
            if Instant::now() > until {
                bail!("the gateway does not serve:\n{}", self.output());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
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
        Http::open(self.options.port).await
    }

    /// Kills the gateway as a power cut would (`SIGKILL`) and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.end(Signal::Kill).map(drop)
    }

    /// Asks the gateway to finish and gives its exit code.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(&mut self) -> anyhow::Result<i32> {
        self.end(Signal::Term)
    }

    fn end(&mut self, signal: Signal) -> anyhow::Result<i32> {
        match self.process.take() {
            Some(process) => process.end(signal, PATIENCE),
            None => bail!("the gateway does not run"),
        }
    }

    /// Starts the gateway again after a kill or a stop, without waiting.
    ///
    /// # Errors
    /// When the binary has gone.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        drop(self.process.take());
        self.relaunch()
    }

    /// Starts the gateway again after a kill or a stop and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.start_again()?;
        self.ready().await
    }

    /// All that the gateway has printed.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.options.log).unwrap_or_default()
    }
}

/// A binary of this workspace in the folder where ours lies, or in the one above for a test's.
///
/// # Errors
/// When it is not built, with the command that builds it.
pub fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe()?;
    let folders = us.ancestors().skip(1).take(2).map(Path::to_owned);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "{name} is not built beside {}; cargo build -p silsila-gateway",
                us.display()
            )
        })
}
