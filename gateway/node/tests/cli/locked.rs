// SPDX-License-Identifier: Apache-2.0
//! Keys under a passphrase: what lies on the disk, who can use them, and how each process is told.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crate::backup::{put, store};
use crate::place::{Ended, Place};

const PASSPHRASE: &str = "seven camels at the well";

/// An installed gateway with one record, its keys locked; and its key file as it was before.
fn locked() -> (Place, String, Ended) {
    let place = Place::new();
    let init = place.run("init");
    init.expect(0, &["recovery key"]);
    put(&store(&place), "a");
    let before = fs::read_to_string(place.at("keys/gateway.keys")).expect("there");
    place
        .typed("keys lock", PASSPHRASE)
        .expect(0, &["the keys are locked", "power cut"]);
    place.secret("passphrase", &format!("{PASSPHRASE}\n"));
    place.secret("wrong", "seven camels at the wall\n");
    (place, before, init)
}

#[test]
fn locked_keys_lie_on_the_disk_under_the_passphrase_alone() {
    let (place, before, _) = locked();
    let file = fs::read_to_string(place.at("keys/gateway.keys")).expect("there");
    for line in before.lines().skip(1) {
        let (_, digits) = line.split_once(' ').expect("a key");
        assert!(!file.contains(digits) && !file.contains(&digits[..16]));
    }
    assert!(!file.contains(PASSPHRASE));
    let names: Vec<_> = fs::read_dir(place.at("keys"))
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names.len(), 2, "no copy is left beside it: {names:?}");

    place
        .run("ledger verify")
        .expect(5, &["error[KEY0008]", "--passphrase-file"]);
    let wrong = place.at("wrong");
    let words = format!("ledger verify --passphrase-file {}", wrong.display());
    place.run(&words).expect(5, &["error[KEY0005]"]);
    let words = words.replace("wrong", "passphrase");
    place.run(&words).expect(0, &["nothing is wrong"]);
    let words = words
        .replace("passphrase --", "--")
        .replace("/passphrase", "/none");
    place.run(&words).expect(2, &["error[CFG0032]"]);
    place.run("status").expect(5, &["error[KEY0008]"]);
}

#[test]
fn a_passphrase_is_changed_and_taken_off_by_who_knows_it() {
    let (place, before, _) = locked();
    let told = |words: &str, file: &str, line: &str| {
        let file = place.at(file);
        place.typed(
            &format!("{words} --passphrase-file {}", file.display()),
            line,
        )
    };
    told("keys lock", "wrong", "another long passphrase").expect(5, &["error[KEY0005]"]);
    told("keys lock", "passphrase", "too short").expect(2, &["error[KEY0009]", "12"]);
    told("keys lock", "passphrase", "another long passphrase").expect(0, &[]);
    told("ledger verify", "passphrase", "").expect(5, &["error[KEY0005]"]);
    place.secret("passphrase", "another long passphrase\n");
    told("ledger verify", "passphrase", "").expect(0, &[]);
    told("keys unlock", "wrong", "").expect(5, &["error[KEY0005]"]);
    told("keys unlock", "passphrase", "").expect(0, &["not locked any more"]);
    let after = fs::read_to_string(place.at("keys/gateway.keys")).expect("there");
    assert_eq!(after, before);
    place.run("ledger verify").expect(0, &["nothing is wrong"]);
}

/// Starts the gateway by a shell's line, and ends it once it serves.
fn serves(place: &Place, line: &str) {
    let mut child = Command::new("sh")
        .args(["-c", line])
        .current_dir(place.at(""))
        .env_clear()
        .env("SILSILA_CONFIG", place.at("silsila.toml"))
        .env("SILSILA", env!("CARGO_BIN_EXE_silsila"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = String::new();
    for log in BufReader::new(child.stderr.take().expect("piped")).lines() {
        let log = log.expect("text");
        said.push_str(&log);
        said.push('\n');
        if log.contains("serving") {
            let proc = format!("/proc/{}", child.id());
            for shown in ["cmdline", "environ"] {
                let shown = fs::read(format!("{proc}/{shown}")).expect("it runs");
                assert!(!String::from_utf8_lossy(&shown).contains("camels"));
            }
            let stop = Command::new("kill").arg(child.id().to_string()).status();
            assert!(stop.expect("kill runs").success());
        }
    }
    assert!(child.wait().expect("it ends").success(), "{said}");
}

#[test]
fn a_gateway_is_told_by_a_descriptor_or_by_the_file_of_its_configuration() {
    let (place, _, _) = locked();
    serves(
        &place,
        "exec \"$SILSILA\" serve --passphrase-file /dev/fd/3 3<passphrase",
    );
    place.change(
        "folder = \"keys\"\n",
        "folder = \"keys\"\npassphrase_file = \"passphrase\"\n",
    );
    serves(&place, "exec \"$SILSILA\" serve");
    place.run("ledger verify").expect(0, &["nothing is wrong"]);
    place.change(
        "folder = \"keys\"\n",
        "folder = \"keys\"\npassphrase_file = \"keys/passphrase\"\n",
    );
    place
        .run("ledger verify")
        .expect(2, &["error[CFG0017]", "passphrase"]);
    place.change(
        "folder = \"keys\"\n",
        "folder = \"keys\"\npassphrase = \"seven camels\"\n",
    );
    let refused = place.run("ledger verify");
    refused.expect(2, &["error[CFG0008]"]);
    assert!(!refused.err.contains("camels"), "{}", refused.err);
}

/// A terminal: what is typed into it, and all that it shows.
fn at_a_terminal(place: &Place, words: &str, lines: &[&str]) -> (i32, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let main = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&main).expect("granted");
    unlockpt(&main).expect("unlocked");
    let name = ptsname(&main, Vec::new()).expect("a name");
    let open = || {
        let path = name.to_str().expect("ASCII");
        let file = fs::File::options().read(true).write(true).open(path);
        Stdio::from(OwnedFd::from(file.expect("the other end")))
    };
    let mut command = place.command(words);
    let command = command.stdin(open()).stdout(open()).stderr(open());
    let mut child = command.spawn().expect("the binary runs");
    drop(name);
    let mut main = fs::File::from(main);
    let mut shown = Vec::new();
    let mut lines = lines.iter();
    let mut answered = 0;
    // The loop ends with the error that a terminal gives when nobody holds its other end.
    let mut chunk = [0; 256];
    // This process holds no other end any more, once the command has its own.
    command_closed(command);
    while let Ok(count @ 1..) = main.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..count]);
        let said = String::from_utf8_lossy(&shown).into_owned();
        let asked = |question| said.matches(question).count();
        let questions =
            asked("passphrase of the keys: ") + asked("new passphrase: ") + asked("again: ");
        while answered < questions {
            answered += 1;
            if let Some(line) = lines.next() {
                writeln!(main, "{line}").expect("typed");
            }
        }
    }
    let code = child.wait().expect("it ends").code();
    (
        code.expect("by itself"),
        String::from_utf8_lossy(&shown).into_owned(),
    )
}

/// Lets go of the ends that a command holds.
fn command_closed(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}

#[test]
fn a_person_at_a_terminal_is_asked_and_what_is_typed_is_not_shown() {
    let (place, _, _) = locked();
    let (code, shown) = at_a_terminal(&place, "ledger verify", &["no idea whatever", PASSPHRASE]);
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("KEY0005") && shown.contains("nothing is wrong"),
        "{shown}"
    );
    assert!(
        !shown.contains("camels") && !shown.contains("idea"),
        "{shown}"
    );
    let (code, shown) = at_a_terminal(&place, "ledger verify", &["a", "b", "c"]);
    assert_eq!(code, 5, "{shown}");
    assert_eq!(shown.matches("KEY0005").count(), 3, "{shown}");

    let (code, shown) = at_a_terminal(
        &place,
        "keys lock",
        &[
            PASSPHRASE,
            "five goats on the roof",
            "five goats on the root",
        ],
    );
    assert_eq!(code, 2, "{shown}");
    assert!(
        shown.contains("KEY0009") && !shown.contains("goats"),
        "{shown}"
    );
    let lines = [
        PASSPHRASE,
        "five goats on the roof",
        "five goats on the roof",
    ];
    let (code, shown) = at_a_terminal(&place, "keys lock", &lines);
    assert_eq!(code, 0, "{shown}");
    place.secret("passphrase", "five goats on the roof");
    let words = format!(
        "ledger verify --passphrase-file {}",
        place.at("passphrase").display()
    );
    place.run(&words).expect(0, &[]);
}

#[test]
fn a_forgotten_passphrase_costs_nothing_but_the_newest_backup() {
    let (place, before, init) = locked();
    let passphrase = place.at("passphrase");
    let told = format!("--passphrase-file {}", passphrase.display());
    let back_up = |words: &str| place.typed(&format!("ledger backup hospital.backup {words}"), "");
    back_up("").expect(5, &["error[KEY0008]"]);
    back_up(&told).expect(0, &["hospital.backup"]);
    for folder in ["state", "keys"] {
        fs::remove_dir_all(place.at(folder)).expect("lost");
    }
    let key: Vec<&str> = init
        .out
        .lines()
        .filter(|line| line.starts_with("    "))
        .map(str::trim)
        .collect();
    place
        .typed("ledger restore hospital.backup", &key.join("-"))
        .expect(0, &["restored"]);
    let after = fs::read_to_string(place.at("keys/gateway.keys")).expect("there");
    assert_eq!(after, before);
    place.run("ledger verify").expect(0, &["nothing is wrong"]);
}
