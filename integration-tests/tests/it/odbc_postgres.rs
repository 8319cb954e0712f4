// SPDX-License-Identifier: Apache-2.0
//! A private PostgreSQL, where one is installed: a database that sorts NULL last and means what it declares.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use silsila_integration_tests::free_port;
use silsila_integration_tests::supervisor::Supervised;
use silsila_odbc::{Odbc, OdbcOptions};
use tempfile::TempDir;

use crate::odbc_ground::{driver, say};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server of our own, gone with this value.
pub struct Postgres {
    bin: PathBuf,
    port: u16,
    driver: PathBuf,
    _process: Supervised,
    _folder: TempDir,
}

/// The newest installed server's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|v| Some(v.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").exists()).max()
}

/// The server refuses to run as root; its package's own user is there to run it.
fn as_whom() -> &'static [&'static str] {
    let root = Command::new("id").arg("-u").output();
    match root.is_ok_and(|o| o.stdout == b"0\n") {
        true => &[
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
        ],
        false => &[],
    }
}

fn succeed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

impl Postgres {
    /// A new server; `None`, with a line that says so, where it or its driver is missing.
    pub fn start(skipped: &str) -> Option<Self> {
        let driver = driver("psqlodbcw.so", "odbc-postgresql", skipped)?;
        let Some(bin) = programs() else {
            say(&format!(
                "skipped: no PostgreSQL server is installed, so {skipped}"
            ));
            return None;
        };
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if !as_whom().is_empty() {
            let mut chown = Command::new("chown");
            let chown = chown.arg("-R").arg("postgres").arg(folder.path());
            succeed(&chown.output().unwrap());
        }
        let data = data.to_str().unwrap();
        let initdb = bin.join("initdb");
        let mut arguments = as_whom().to_vec();
        arguments.extend([
            initdb.to_str().unwrap(),
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "silsila",
        ]);
        arguments.extend(["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]).current_dir(folder.path());
        succeed(&command.output().unwrap());
        let port = free_port().unwrap();
        let process = Self::serve(&bin, data, port, folder.path());
        let server = Self {
            bin,
            port,
            driver,
            _process: process,
            _folder: folder,
        };
        server.wait();
        Some(server)
    }

    fn serve(bin: &Path, data: &str, port: u16, folder: &Path) -> Supervised {
        let program = bin.join("postgres");
        let (port, sockets) = (port.to_string(), format!("unix_socket_directories={data}"));
        let mut command = as_whom().to_vec();
        command.extend([program.to_str().unwrap(), "-D", data, "-p", &port]);
        command.extend([
            "-c",
            &sockets,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
        ]);
        Supervised::start(&command, &folder.join("log"), None).unwrap()
    }

    fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while !self.ask("SELECT 1").is_ok_and(|o| o.status.success()) {
            assert!(Instant::now() < until, "PostgreSQL does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ask(&self, sql: &str) -> std::io::Result<Output> {
        let port = self.port.to_string();
        let mut psql = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
            ])
            .args(["-U", "silsila", "-d", "postgres", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = psql.stdin.take() {
            // A server that is not up yet closes the pipe; the exit code says so.
            let _ = input.write_all(sql.as_bytes());
        }
        psql.wait_with_output()
    }

    /// Statements as the hospital's own program would run them.
    pub fn execute(&self, sql: &str) {
        succeed(&self.ask(sql).unwrap());
    }

    pub fn options(&self) -> OdbcOptions {
        let (driver, port) = (self.driver.display(), self.port);
        let connection =
            format!("Driver={driver};Server=127.0.0.1;Port={port};Database=postgres;BoolsAsChar=0");
        let mut options = OdbcOptions::new("pg", connection);
        options.user = Some("silsila".into());
        options
    }

    pub fn source(&self) -> Odbc {
        Odbc::new(self.options())
    }
}
