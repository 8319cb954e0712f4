// SPDX-License-Identifier: Apache-2.0
//! Starting, killing and restarting a server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};

use super::bootstrap::{bootstrap, common, program};
use crate::authority::Issued;
use crate::free_port;
use crate::supervisor::{Signal, Supervised};

/// The longest that a server may take to come up or go down.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct MariaDbOptions {
    /// A folder to keep; without one the server lives in a folder that goes with it.
    pub dir: Option<PathBuf>,
    /// The certificate to offer TLS with, and of the authority that issued it.
    pub tls: Option<(Issued, PathBuf)>,
    /// Further options for the server, such as `--innodb-buffer-pool-size=256M`.
    pub arguments: Vec<String>,
}

/// A server of our own.
#[derive(Debug)]
pub struct MariaDb {
    dir: PathBuf,
    scrap: bool,
    port: u16,
    options: MariaDbOptions,
    process: Option<Supervised>,
}

impl MariaDb {
    /// Sets up the folder if it is new, starts the server and waits until it answers.
    ///
    /// # Errors
    /// When no server is installed, or it does not come up; the text says why.
    pub async fn start(options: MariaDbOptions) -> anyhow::Result<Self> {
        let (dir, scrap) = match &options.dir {
            Some(dir) => (dir.clone(), false),
            None => {
                let dir = tempfile::Builder::new()
                    .prefix("silsila-mariadb-")
                    .tempdir()?;
                (dir.keep(), true)
            }
        };
        std::fs::create_dir_all(&dir)?;
        let dir = dir.canonicalize()?;
        let mut server = Self {
            dir,
            scrap,
            port: 0,
            options,
            process: None,
        };
        if !server.data().exists() {
            bootstrap(&server.data())?;
        }
        server.restart().await?;
        Ok(server)
    }

    /// The server that another process runs on a folder; it goes on when this value is dropped.
    ///
    /// # Errors
    /// When none runs there.
    pub async fn attach(dir: &Path) -> anyhow::Result<Self> {
        let port = std::fs::read_to_string(dir.join("port"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .context("no MariaDB server was started there")?;
        let server = Self {
            dir: dir.to_owned(),
            scrap: false,
            port,
            options: MariaDbOptions::default(),
            process: None,
        };
        let conn = server.admin(None).await?;
        conn.disconnect().await?;
        Ok(server)
    }

    /// The loopback port, the same across restarts.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Supervised::pid)
    }

    /// The server's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("mariadb.log")
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// A connection as the server's administrator, with the given database or none.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn admin(&self, database: Option<&str>) -> anyhow::Result<Conn> {
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some("root"))
            .db_name(database)
            .prefer_socket(false);
        Ok(Conn::new(options).await?)
    }

    /// Runs statements as the administrator.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn execute(&self, database: Option<&str>, sql: &str) -> anyhow::Result<()> {
        let mut conn = self.admin(database).await?;
        conn.query_drop(sql).await?;
        conn.disconnect().await?;
        Ok(())
    }

    /// Kills the server as a power cut would (`SIGKILL`) and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.end(Signal::Kill)
    }

    /// Shuts the server down in order.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.end(Signal::Term)
    }

    fn end(&mut self, signal: Signal) -> anyhow::Result<()> {
        if let Some(process) = self.process.take() {
            process.end(signal, PATIENCE)?;
        }
        Ok(())
    }

    /// Starts the server again on the same folder and port, after a kill or a stop or while it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        if self.port != 0 {
            return self.launch().await;
        }
        // Between our choosing a port and the server's taking it somebody else may.
        let mut tries = 5;
        loop {
            self.port = free_port()?;
            tries -= 1;
            match self.launch().await {
                Err(_) if tries > 0 => self.kill()?,
                other => return other,
            }
        }
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let arguments = self.arguments()?;
        let command: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let scrap = self.scrap.then_some(self.dir.as_path());
        self.process = Some(Supervised::start(&command, &self.log(), scrap)?);
        self.ready().await?;
        std::fs::write(self.dir.join("port"), self.port.to_string())?;
        Ok(())
    }

    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let mut arguments = vec![program()?.to_owned()];
        arguments.extend(common(&self.data())?);
        arguments.extend([
            "--bind-address=127.0.0.1".to_owned(),
            format!("--port={}", self.port),
            "--socket=mariadb.sock".into(), // in the data folder: a longer path may not fit a socket's name
            "--pid-file=mariadb.pid".into(),
            "--skip-name-resolve".into(),
            "--skip-log-bin".into(),
            "--skip-slave-start".into(),
            "--performance-schema=OFF".into(),
            "--innodb-buffer-pool-size=64M".into(),
            "--innodb-flush-log-at-trx-commit=2".into(),
            "--lower-case-table-names=0".into(),
            "--local-infile=0".into(),
            "--max-connections=200".into(),
            "--character-set-server=utf8mb4".into(),
        ]);
        if let Some((issued, ca_file)) = &self.options.tls {
            arguments.extend([
                format!("--ssl-cert={}", issued.certificate.display()),
                format!("--ssl-key={}", issued.key.display()),
                format!("--ssl-ca={}", ca_file.display()),
            ]);
        }
        arguments.extend(self.options.arguments.iter().cloned());
        Ok(arguments)
    }

    /// Waits until the server answers a question.
    async fn ready(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(conn) = self.admin(None).await {
                conn.disconnect().await?;
                return Ok(());
            }
            let ended = self.process.as_ref().and_then(Supervised::ended);
            if ended.is_some() || Instant::now() > until {
                bail!(
                    "the MariaDB server does not come up:\n{}",
                    tail(&self.log())
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        drop(self.process.take());
        if self.scrap {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path)
        .with_context(|| path.display().to_string())
        .unwrap_or_else(|e| e.to_string());
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
