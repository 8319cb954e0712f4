// SPDX-License-Identifier: Apache-2.0
//! The program itself: what it prints and how it exits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use silsila_chain::{Checkpoint, MemberKey};
use tempfile::TempDir;

use crate::sample::{PAYLOAD, Sample, key, sample};

struct Desk {
    folder: TempDir,
    sample: Sample,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            sample: sample(5),
        }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    fn channel(&self) -> String {
        self.sample.genesis.id().to_string()
    }

    /// Runs with these arguments and the channel.
    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_silsila-verify"))
            .args(args)
            .args(["--channel", &self.channel()])
            .output()
            .expect("it runs")
    }

    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[args, &["--json"]].concat());
        let found = serde_json::from_slice(&output.stdout).expect("one object");
        (output.status.code(), found)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_bundle_is_true_with_what_it_shows_and_hands_out_its_payload() {
    let desk = Desk::new();
    let bundle = desk.file("bundle", &desk.sample.bundle().encode());
    let payload = desk.folder.path().join("payload");
    let (code, found) = desk.json(&[text(&bundle), "--payload", text(&payload)]);
    assert_eq!((code, &found["verdict"]), (Some(0), &Value::Bool(true)));
    assert_eq!(found["channel"], desk.channel());
    assert_eq!(found["height"], 1);
    assert_eq!(found["latest_height"], 5);
    assert_eq!(found["version"], 1);
    assert_eq!(found["time"], "2023-11-14T22:13:20.010Z");
    assert_eq!(found["payload"], "in the bundle, and the one committed");
    assert_eq!(fs::read(payload).expect("written"), PAYLOAD);
    let lines = desk.run(&[text(&bundle)]);
    let lines = String::from_utf8(lines.stdout).expect("text");
    assert!(lines.starts_with("true: "), "{lines}");
    assert!(
        !lines.contains('\u{1b}'),
        "a name must not colour the terminal"
    );
}

#[test]
fn a_bundle_of_another_channel_or_with_another_payload_is_false() {
    let desk = Desk::new();
    let bundle = desk.file("bundle", &desk.sample.bundle().encode());
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_silsila-verify"))
        .args([text(&bundle), "--channel", &"00".repeat(32)])
        .output()
        .expect("it runs");
    assert_eq!(elsewhere.status.code(), Some(1));
    let said = String::from_utf8(elsewhere.stdout).expect("text");
    assert!(
        said.starts_with("false: ") && said.contains("VER0003"),
        "{said}"
    );
    let mut other = desk.sample.bundle();
    other.payload = Some(b"\0another body".to_vec());
    let other = desk.file("other", &other.encode());
    let (code, found) = desk.json(&[text(&other)]);
    assert_eq!((code, &found["code"]), (Some(1), &Value::from("VER0005")));
    assert_eq!(found["verdict"], false);
}

#[test]
fn what_cannot_be_read_is_neither_true_nor_false() {
    let desk = Desk::new();
    let (code, found) = desk.json(&["/nowhere/at/all"]);
    assert_eq!((code, &found["verdict"]), (Some(3), &Value::Null));
    assert_eq!(found["code"], "VER0001");
    let usage = desk.run(&["a", "b", "c"]);
    assert_eq!(usage.status.code(), Some(2));
    let nothing = Command::new(env!("CARGO_BIN_EXE_silsila-verify")).output();
    assert_eq!(nothing.expect("it runs").status.code(), Some(2));
}

#[test]
fn a_whole_chain_is_true_and_agrees_with_what_members_signed() {
    let desk = Desk::new();
    let chain = desk.file("chain", &desk.sample.export());
    let note = desk.file("note", desk.sample.checkpoint(4).encode().as_bytes());
    let (code, found) = desk.json(&["chain", text(&chain), "--checkpoint", text(&note)]);
    assert_eq!(
        (code, &found["verdict"]),
        (Some(0), &Value::Bool(true)),
        "{found}"
    );
    assert_eq!(
        (&found["height"], &found["entries"]),
        (&5.into(), &10.into())
    );
    assert_eq!(
        (&found["commitments"], &found["payloads"]),
        (&10.into(), &5.into())
    );
    assert_eq!(
        found["checkpoints_of_members"][0],
        key().public().to_string()
    );
}

#[test]
fn a_chain_that_a_checkpoint_contradicts_or_outgrows_is_false() {
    let desk = Desk::new();
    let chain = desk.file("chain", &desk.sample.export());
    let signed = *desk.sample.checkpoint(4).checkpoint();
    let other = Checkpoint {
        root: [9; 32],
        ..signed
    };
    let longer = Checkpoint { size: 9, ..signed };
    for (checkpoint, reason) in [(other, "another root"), (longer, "and no more")] {
        let note = desk.file("note", checkpoint.sign(&key()).encode().as_bytes());
        let (code, found) = desk.json(&["chain", text(&chain), "--checkpoint", text(&note)]);
        assert_eq!((code, &found["code"]), (Some(1), &"VER0009".into()));
        assert!(
            found["reason"].as_str().expect("text").contains(reason),
            "{found}"
        );
    }
    let stranger = signed.sign(&MemberKey::from_seed(&[9; 32])).encode();
    let note = desk.file("note", stranger.as_bytes());
    let (code, found) = desk.json(&["chain", text(&chain), "--checkpoint", text(&note)]);
    assert_eq!(
        (code, &found["code"]),
        (Some(1), &"VER0009".into()),
        "{found}"
    );
}

#[test]
fn a_chain_that_was_cut_off_is_named_with_its_place() {
    let desk = Desk::new();
    let whole = desk.sample.export();
    for length in [0, 7, 16, 18, 300, whole.len() - 1] {
        let cut = desk.file("cut", &whole[..length]);
        let (code, found) = desk.json(&["chain", text(&cut)]);
        assert_eq!(
            (code, &found["code"]),
            (Some(1), &"VER0006".into()),
            "{length}: {found}"
        );
        let place = format!("at byte {length}");
        assert!(
            found["reason"].as_str().expect("text").contains(&place),
            "{found}"
        );
    }
}

#[test]
fn evidence_checkpoint_and_receipt_are_told_with_who_signed() {
    let desk = Desk::new();
    let evidence = desk.file("evidence", &desk.sample.evidence().encode());
    let (code, found) = desk.json(&["evidence", text(&evidence)]);
    assert_eq!(
        (code, &found["signed_both"][0]),
        (Some(0), &key().public().to_string().into())
    );
    let note = desk.file("note", desk.sample.checkpoint(4).encode().as_bytes());
    let (code, found) = desk.json(&["checkpoint", text(&note)]);
    assert_eq!((code, &found["size"]), (Some(0), &4.into()));
    let bundle = desk.file("bundle", &desk.sample.bundle().encode());
    let receipt = desk.file("receipt", &desk.sample.receipt().encode());
    let (code, found) = desk.json(&["receipt", text(&receipt), "--bundle", text(&bundle)]);
    assert_eq!(
        (code, &found["receipt_size"]),
        (Some(0), &6.into()),
        "{found}"
    );
}
