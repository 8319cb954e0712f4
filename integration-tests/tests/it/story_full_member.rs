// SPDX-License-Identifier: Apache-2.0
//! The disk of one of four gateways is full while the hospital writes: it takes nothing more, says so and is still read,
//! the others go on, and when there is room it ends by itself where its ordering
//! has ended, and after a restart has what they have.
//!
//! The disk is a small file system in memory, in a mount namespace that a process of the story holds, so that a gateway
//! that ended finds its files again. Where the system allows no such namespace the story is skipped.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::gateway::GatewayConfig;
use silsila_integration_tests::supervisor::Supervised;

use crate::story_disk_full::namespace;
use crate::story_four::{FIRST, Founding, Four, PATIENCE};

const PATIENTS: u32 = 300;
/// Whose disk it is.
const MEMBER: usize = 3;

/// Mounts the disk over the storage folder, with what is in it, and keeps it.
const HOLD: &str = r#"mount -t tmpfs -o size=48m,mode=700 tmpfs "$0" && cp -a "$0.before/." "$0" && exec sleep infinity"#;

/// A small disk, as long as this lives.
struct Disk {
    holder: Supervised,
    state: PathBuf,
}

impl Disk {
    /// Puts a gateway's storage on a small disk. `way` is how a namespace is had here.
    fn under(config: &mut GatewayConfig, way: &[String]) -> Self {
        let state = config.folder.join("state");
        let before = config.folder.join("state.before");
        std::fs::rename(&state, &before).unwrap();
        std::fs::create_dir(&state).unwrap();
        let state_text = state.display().to_string();
        let mut command: Vec<&str> = way.iter().map(String::as_str).collect();
        command.extend(["sh", "-c", HOLD, &state_text]);
        let holder = Supervised::start(&command, &config.log(), None).unwrap();
        let users = way.iter().any(|word| word == "--map-root-user");
        let mut wrapper = format!("nsenter --target {} --mount", holder.pid());
        if users {
            wrapper += " --user --preserve-credentials";
        }
        config.wrapper = wrapper.split(' ').map(ToOwned::to_owned).collect();
        config.wrapper.push("--".to_owned());
        let disk = Self { holder, state };
        let until = Instant::now() + PATIENCE;
        while !disk.seen().join("channels").exists() {
            assert!(Instant::now() < until, "no disk came about");
            std::thread::sleep(Duration::from_millis(5));
        }
        disk
    }

    /// Where we see it.
    fn seen(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid()));
        root.join(self.state.strip_prefix("/").unwrap())
    }

    fn fill(&self) {
        let mut filler = File::create(self.seen().join("filler")).unwrap();
        let block = [0; 4096];
        while filler.write_all(&block).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen().join("filler")).unwrap();
    }

    /// Brings the files to where the story looks for those of a gateway.
    fn bring_back(&self) {
        let from = self.seen().join(".");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(&self.state)
            .status();
        assert!(copied.unwrap().success());
    }
}

/// What the member says of its trouble, if it has any. It runs all the time, so that it can be read.
fn trouble(four: &Four) -> Option<String> {
    let gateway = &four.gateways[MEMBER];
    assert_eq!(gateway.ended(), None, "{}", gateway.output());
    said_in(&gateway.look()?)
}

fn said_in(report: &Value) -> Option<String> {
    let (ledger, channel) = (
        &report["ledger"]["failing"],
        &report["channels"][0]["failing"],
    );
    let well = ledger.is_null() && channel.is_null();
    (!well).then(|| format!("ledger {ledger}, channel {channel}"))
}

/// Once there is room: where ordering has ended, the gateway ends by itself to be started again; else it is well.
fn ends_or_is_well(four: &mut Four) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE + Duration::from_secs(60) {
        let gateway = &mut four.gateways[MEMBER];
        if let Some(code) = gateway.ended() {
            assert_eq!(code, 9, "{}", gateway.output());
            assert!(gateway.output().contains("CLI0017"), "{}", gateway.output());
            return eprintln!(
                "story_full_member: it ended {:?} after there was room",
                began.elapsed()
            );
        }
        if gateway
            .look()
            .is_some_and(|report| said_in(&report).is_none())
        {
            assert_eq!(gateway.stop().unwrap(), 0);
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!(
        "it neither ended nor is well: {}",
        four.gateways[MEMBER].output()
    );
}

#[tokio::test]
async fn a_member_whose_disk_is_full_says_so_holds_nobody_up_and_returns() {
    let Some(way) = namespace() else {
        // Not by a macro: the test runner would keep the line to itself.
        let said = writeln!(
            std::io::stderr(),
            "skipped: no mount namespace is allowed here, so no member's disk is full"
        );
        return said.unwrap();
    };
    let disk = Rc::new(OnceCell::new());
    let theirs = Rc::clone(&disk);
    let mut four = Four::found(Founding {
        patients: Some(PATIENTS),
        prepare: Box::new(move |configs| {
            _ = theirs.set(Disk::under(&mut configs[MEMBER], &way));
        }),
        ..Founding::of("story_full_member")
    })
    .await;
    let disk = disk.get().unwrap();
    four.shows(MEMBER, 0, FIRST, "House 0").await;

    disk.fill();
    let mut written = FIRST;
    let mut worst = Duration::ZERO;
    let mut said = None;
    while written < FIRST + 40 || said.is_none() {
        assert!(written + 2 < FIRST + PATIENTS, "the disk is never full");
        four.moves(written).await;
        let began = Instant::now();
        for n in 0..MEMBER {
            four.shows(n, 0, written, &format!("House {written}")).await;
        }
        worst = worst.max(began.elapsed());
        written += 1;
        said = said.or_else(|| trouble(&four));
    }
    eprintln!("story_full_member: worst time from UPDATE to three gateways: {worst:?}");
    let said = said.unwrap();
    eprintln!("story_full_member: {said}");
    assert!(
        said.contains("full disk") || said.contains("disk is full") || said.contains("LED0001"),
        "{said}"
    );
    // What was committed is read meanwhile.
    four.shows(MEMBER, 0, FIRST + PATIENTS - 1, "House 0").await;

    disk.make_room();
    ends_or_is_well(&mut four);
    four.gateways[MEMBER].restart().await.unwrap();
    let began = Instant::now();
    for patient in [FIRST, written - 1] {
        four.shows(MEMBER, 0, patient, &format!("House {patient}"))
            .await;
    }
    eprintln!(
        "story_full_member: it had caught up {:?} after there was room",
        began.elapsed()
    );
    four.moves(written).await;
    for n in 0..4 {
        four.shows(n, 0, written, &format!("House {written}")).await;
    }
    assert_eq!(four.gateways[MEMBER].stop().unwrap(), 0);
    disk.bring_back();
    for gateway in &mut four.gateways[..MEMBER] {
        assert_eq!(gateway.stop().unwrap(), 0);
    }
    four.one_chain();
}
