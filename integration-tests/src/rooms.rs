// SPDX-License-Identifier: Apache-2.0
//! Machines of their own, as far as the network is concerned: a namespace for each gateway, with an interface on one of
//! two switches that a cable joins. Cables are pulled with `ip link set down`. Nothing of it is visible outside, and it
//! goes with the processes that hold it.
//!
//! ```text
//! room 0   room 2      room 1   room 3
//!   up0      up2         up1      up3
//!    └─ left ─┘ ─ joint ─ └─ right ┘
//! ```

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::supervisor::Supervised;

const PATIENCE: Duration = Duration::from_secs(20);

/// Namespaces, each held by a process that does nothing.
pub struct Rooms {
    exchange: Supervised,
    rooms: Vec<Supervised>,
    /// How `nsenter` comes in, past the number of the process.
    enter: &'static [&'static str],
}

/// The ways in which a system may allow a namespace: to `root`, and to anybody within a user namespace.
const WAYS: [(&[&str], &[&str]); 2] = [
    (&["unshare", "--net"], &["--net"]),
    (
        &["unshare", "--net", "--map-root-user"],
        &["--user", "--preserve-credentials", "--net"],
    ),
];

/// Makes a switch and pulls a cable, where nobody is disturbed by it.
const TRIAL: &str = "ip link set lo up && ip link add name s type bridge \
    && ip link add name c0 type veth peer name c1 && ip link set c0 master s && ip link set c0 down";

impl Rooms {
    /// So many rooms on two switches; the even ones on the left. `None` where the system does not allow it, or has no
    /// `ip`.
    ///
    /// # Errors
    /// Where it allows it and it fails nevertheless.
    pub fn build(count: usize, log: &Path) -> anyhow::Result<Option<Self>> {
        let way = WAYS.into_iter().find(|(way, _)| {
            let tried = Command::new(way[0])
                .args(&way[1..])
                .args(["sh", "-c", TRIAL])
                .output();
            tried.is_ok_and(|tried| tried.status.success())
        });
        let Some((unshare, enter)) = way else {
            return Ok(None);
        };
        let hold = ["sh", "-c", "ip link set lo up && exec sleep infinity"];
        let exchange = Supervised::start(&[unshare, &hold].concat(), log, None)?;
        let mut all = Self {
            exchange,
            rooms: Vec::new(),
            enter,
        };
        apart(&all.exchange)?;
        for _ in 0..count {
            let command = all.in_exchange(&[&["unshare", "--net"], &hold[..]].concat());
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let room = Supervised::start(&command, log, None)?;
            all.rooms.push(room);
            apart_from(&all.rooms[all.rooms.len() - 1], all.exchange.pid())?;
        }
        all.wire()?;
        Ok(Some(all))
    }

    /// A room's address.
    #[must_use]
    pub fn address(room: usize) -> String {
        format!("10.77.0.{}", room + 1)
    }

    fn wire(&self) -> anyhow::Result<()> {
        self.ip("link add name left type bridge")?;
        self.ip("link add name right type bridge")?;
        self.ip("link add name joint type veth peer name joint1")?;
        self.ip("link set joint master left up")?;
        self.ip("link set joint1 master right up")?;
        for (n, room) in self.rooms.iter().enumerate() {
            let side = ["left", "right"][n % 2];
            let pid = room.pid();
            self.ip(&format!(
                "link add name up{n} type veth peer name net netns {pid}"
            ))?;
            self.ip(&format!("link set up{n} master {side} up"))?;
            let address = Self::address(n);
            let inside = format!("ip address add {address}/24 dev net && ip link set net up");
            run(&self.in_room(n, &["sh", "-c", &inside]))?;
        }
        self.ip("link set left up")?;
        self.ip("link set right up")
    }

    /// Pulls or plugs a cable: `joint`, or `up` and a room's number.
    ///
    /// # Errors
    /// Where there is none.
    pub fn plug(&self, cable: &str, plugged: bool) -> anyhow::Result<()> {
        let state = if plugged { "up" } else { "down" };
        self.ip(&format!("link set {cable} {state}"))
    }

    /// Bytes that went to a room and came from it so far, with their Ethernet headers.
    ///
    /// # Errors
    /// Where `ip` does not tell.
    pub fn carried(&self, room: usize) -> anyhow::Result<[u64; 2]> {
        let cable = format!("up{room}");
        let words = ["ip", "-json", "-statistics", "link", "show", "dev", &cable];
        let told: Value = serde_json::from_slice(&run(&self.in_exchange(&words))?)?;
        let count = |which: &str| told[0]["stats64"][which]["bytes"].as_u64();
        let both = count("tx").zip(count("rx"));
        both.map(|(to, from)| [to, from])
            .context("ip tells no bytes")
    }

    /// A command's words, to be run in a room.
    #[must_use]
    pub fn in_room(&self, room: usize, words: &[&str]) -> Vec<String> {
        self.entering(self.rooms[room].pid(), words)
    }

    fn in_exchange(&self, words: &[&str]) -> Vec<String> {
        self.entering(self.exchange.pid(), words)
    }

    fn entering(&self, pid: u32, words: &[&str]) -> Vec<String> {
        let pid = pid.to_string();
        let enter = [&["nsenter", "--target", &pid], self.enter, &["--"], words].concat();
        enter.into_iter().map(ToOwned::to_owned).collect()
    }

    fn ip(&self, words: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = ["ip"].into_iter().chain(words.split(' ')).collect();
        run(&self.in_exchange(&words)).map(drop)
    }
}

fn run(words: &[String]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(&words[0]).args(&words[1..]).output()?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output.stdout)
}

/// Waits until a process is in a network namespace other than ours, with its loopback up.
fn apart(process: &Supervised) -> anyhow::Result<()> {
    apart_from(process, std::process::id())
}

fn apart_from(process: &Supervised, other: u32) -> anyhow::Result<()> {
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net"));
    let command = || std::fs::read_to_string(format!("/proc/{}/comm", process.pid()));
    let until = Instant::now() + PATIENCE;
    loop {
        let moved = namespace(process.pid()).ok() != namespace(other).ok();
        if moved && command().is_ok_and(|name| name.trim() == "sleep") {
            return Ok(());
        }
        if process.ended().is_some() || Instant::now() > until {
            bail!("no network namespace came about");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
