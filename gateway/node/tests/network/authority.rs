// SPDX-License-Identifier: Apache-2.0
//! An authority's folder with its configuration, and the process that serves it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{Ended, Place};

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Authority {
    folder: tempfile::TempDir,
    serving: Option<Child>,
    log: Option<mpsc::Receiver<String>>,
    pub address: String,
}

impl Authority {
    /// A founded network that nobody serves yet; certificates last `validity`.
    pub fn founded(validity: &str) -> Self {
        let mut authority = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            serving: None,
            log: None,
            address: "127.0.0.1:0".to_owned(),
        };
        authority.configure(validity);
        authority
            .run(&["network", "create", "Sindh hospitals"])
            .expect(
                0,
                &["founded the network \"Sindh hospitals\"", "fingerprint  "],
            );
        authority.serve();
        authority.configure(validity);
        authority
    }

    fn configure(&self, validity: &str) {
        let text = format!(
            "[authority]\nfolder = \"authority\"\nlisten = \"{}\"\nvalidity = \"{validity}\"\n",
            self.address
        );
        fs::write(self.at("authority.toml"), text).expect("written");
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its library, over the same records.
    pub fn office(&self) -> silsila_authority::Authority {
        silsila_authority::Authority::open(&self.at("authority"), 60_000).expect("opened")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_silsila"));
        command
            .args(words)
            .env_clear()
            .env("SILSILA_CONFIG", self.at("authority.toml"))
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words).output().expect("the binary runs"))
    }

    /// Starts the service and waits until it answers.
    pub fn serve(&mut self) {
        assert!(self.serving.is_none(), "it does not serve yet");
        let mut child = self
            .command(&["network", "serve"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (send, log) = mpsc::sync_channel(10_000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.try_send(line);
            }
        });
        self.serving = Some(child);
        let mut seen = String::new();
        loop {
            let line = log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no announcement in: {seen}"));
            seen.push_str(&line);
            let Some((_, rest)) = line.split_once("address=") else {
                continue;
            };
            self.address = rest.split(' ').next().expect("an address").to_owned();
            self.log = Some(log);
            return;
        }
    }

    /// `kill -9`, and all that it logged.
    pub fn kill(&mut self) -> String {
        let mut child = self.serving.take().expect("it serves");
        child.kill().expect("killed");
        child.wait().expect("ended");
        let log = self.log.take().expect("it served");
        log.iter().collect::<Vec<_>>().join("\n")
    }

    /// Invites, and gives the invitation's file.
    pub fn invite(&self, organization: &str, more: &[&str]) -> PathBuf {
        let file = self.at(&format!("{}.invitation", organization.replace(' ', "-")));
        let shown = file.to_string_lossy().into_owned();
        let mut words = vec![
            "network",
            "invite",
            organization,
            "--role",
            "hospital",
            "--out",
            &shown,
        ];
        words.extend(more);
        self.run(&words).expect(0, &["it works once, until"]);
        file
    }

    pub fn list(&self) -> Value {
        let ended = self.run(&["network", "list", "--json"]);
        ended.expect(0, &[]);
        serde_json::from_str(&ended.out).expect("JSON")
    }

    pub fn approve(&self, request: i64) -> Ended {
        self.run(&["network", "approve", &request.to_string(), "--yes"])
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub fn joins(place: &Place, invitation: &Path, more: &[&str]) -> Command {
    let mut command = place.command("network join");
    command.arg(invitation).args(more);
    command
}

/// Asks once.
pub fn join_once(place: &Place, invitation: &Path) -> Ended {
    ended(
        joins(place, invitation, &["--no-wait"])
            .output()
            .expect("the binary runs"),
    )
}

/// A member, with everything that leads there.
pub fn member(authority: &Authority, organization: &str) -> Place {
    let place = Place::new();
    let invitation = authority.invite(organization, &[]);
    join_once(&place, &invitation).expect(1, &["waits for the authority's approval"]);
    let requests = authority.list()["requests"]
        .as_array()
        .expect("a list")
        .clone();
    let request = requests.last().expect("a request")["request"].as_i64();
    authority
        .approve(request.expect("a number"))
        .expect(0, &["approved: certificate"]);
    join_once(&place, &invitation).expect(0, &["approved: certificate"]);
    place
}

pub fn status(place: &Place) -> Value {
    let ended = place.run("network status --json");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.err))
}

/// Looks until something holds.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// An invitation that somebody altered, who also repaired its check.
pub fn altered(invitation: &Path, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(invitation).expect("there");
    assert!(text.contains(from), "{from:?} is in the invitation");
    let (lines, _) = text.split_once("check ").expect("it has a check");
    let lines = lines.replacen(from, to, 1);
    let check: String = silsila_chain::sha256(lines.as_bytes())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = invitation.with_extension("altered");
    fs::write(&file, format!("{lines}check {check}\n")).expect("written");
    file
}

/// What stands in a line of an invitation.
pub fn line_of(invitation: &Path, name: &str) -> String {
    let text = fs::read_to_string(invitation).expect("there");
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.expect("the line is there").to_owned()
}
