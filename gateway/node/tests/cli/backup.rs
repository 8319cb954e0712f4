// SPDX-License-Identifier: Apache-2.0
//! The sealed backup, from the installation's recovery key to a gateway that goes on.

use std::fs;
use std::sync::Arc;

use silsila_store::chain::Op;
use silsila_store::{Clock, Draft, Payload, Store, StoreError, StoreOptions, SystemClock};

use crate::place::{Ended, Place};

/// The key that `init` printed.
fn recovery_key(ended: &Ended) -> String {
    let lines = ended.out.lines().filter(|line| line.starts_with("    "));
    let key: Vec<&str> = lines.map(str::trim).collect();
    assert_eq!(key.len(), 2, "{}", ended.out);
    key.join("-")
}

pub fn store(place: &Place) -> Store {
    store_by(place, Arc::new(SystemClock))
}

/// Its ledger, with blocks dated by this clock.
pub fn store_by(place: &Place, clock: Arc<dyn Clock>) -> Store {
    fs::create_dir_all(place.at("state")).expect("made");
    let loaded = silsila_config::load(&place.at("silsila.toml")).expect("sound");
    let keys = silsila_gateway::assemble::open_keys(&loaded.settings).expect("keys");
    let file = silsila_gateway::assemble::ledger_file(&loaded.settings);
    let options = StoreOptions {
        clock,
        ..silsila_gateway::assemble::store_options(&loaded.settings, &keys, file)
    };
    Store::open(options, silsila_fhir::SearchIndex::new()).expect("opened")
}

pub fn put(store: &Store, id: &str) {
    let body = format!(r#"{{"id":"{id}","resourceType":"Patient"}}"#).into_bytes();
    let draft = Draft {
        op: Op::Put,
        resource: format!("Patient/{id}"),
        subject: format!("Patient/{id}"),
        kind: "Patient".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body,
            mapping: "patient".to_owned(),
            mapping_digest: [1; 32],
        }),
    };
    let id = store.stage(vec![draft], |_| Ok::<_, StoreError>(()));
    store
        .submit(id.expect("staged").expect("one"))
        .expect("committed");
}

fn restore(place: &Place, key: &str) -> Ended {
    place.typed("ledger restore hospital.backup", key)
}

fn back_up(place: &Place) -> Ended {
    place.typed("ledger backup hospital.backup", "")
}

#[test]
fn a_gateway_that_lost_its_disk_goes_on_from_its_backup() {
    let place = Place::new();
    let key = recovery_key(place.run("init").expect(0, &["recovery key"]));
    let before = store(&place);
    put(&before, "a");
    // The ledger is open for writing, as in a running gateway.
    back_up(&place).expect(0, &["hospital.backup"]);
    let (channel, height) = (before.channel(), before.health().expect("health").height);
    put(&before, "b");
    drop(before);

    restore(&place, &key).expect(5, &["error[KEY0007]"]);
    for folder in ["state", "keys"] {
        fs::remove_dir_all(place.at(folder)).expect("lost");
    }
    let wrong = key.replacen(|c: char| c.is_ascii_digit(), "Z", 1);
    restore(&place, &wrong).expect(5, &["error[KEY0001]"]);
    let other = silsila_seal::RecoveryKey::new(&[9; 32]).text();
    restore(&place, &other).expect(5, &["error[KEY0002]"]);
    let whole = fs::read(place.at("hospital.backup")).expect("there");
    fs::write(place.at("hospital.backup"), &whole[..whole.len() - 9]).expect("cut");
    restore(&place, &key).expect(5, &["error[KEY0003]"]);
    assert!(!place.at("state").exists() && !place.at("keys").exists());

    fs::write(place.at("hospital.backup"), &whole).expect("whole again");
    restore(&place, &key.to_lowercase()).expect(0, &["files restored"]);
    place.run("ledger verify").expect(0, &["nothing is wrong"]);
    let after = store(&place);
    assert_eq!(
        (after.channel(), after.health().expect("health").height),
        (channel, height)
    );
    // What the backup does not have is committed anew, and once.
    put(&after, "b");
    let versions = after.read(|conn| {
        Ok::<_, StoreError>((
            after.head(conn, "Patient/a")?,
            after.head(conn, "Patient/b")?,
        ))
    });
    assert_eq!(versions.expect("read"), (Some(0), Some(1)));
    // The restored gateway makes backups of its own.
    back_up(&place).expect(0, &[]);
    assert_eq!(back_up(&place).code, 0);
}

#[test]
fn a_backup_holds_nothing_in_clear() {
    let place = Place::new();
    let init = place.run("init");
    let store = store(&place);
    put(&store, "unmistakable");
    back_up(&place).expect(0, &[]);
    let backup = fs::read(place.at("hospital.backup")).expect("there");
    let keys = fs::read_to_string(place.at("keys/gateway.keys")).expect("there");
    let member = keys
        .lines()
        .nth(1)
        .expect("a key")
        .split(' ')
        .nth(1)
        .expect("digits");
    for word in ["unmistakable", "SQLite", member, "gateway.keys"] {
        let found = backup
            .windows(word.len())
            .any(|window| window == word.as_bytes());
        assert!(!found, "{word}");
    }
    // Nor does the gateway keep the recovery key.
    let key = recovery_key(&init);
    for file in fs::read_dir(place.at("keys")).expect("there") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        assert!(!text.contains(&key[..9]));
    }
}

#[test]
fn without_a_recovery_key_there_is_no_backup_and_the_remedy_is_named() {
    let place = Place::new();
    drop(store(&place));
    back_up(&place).expect(5, &["error[KEY0006]", "silsila init"]);
    assert!(!place.at("hospital.backup").exists());
    assert!(!place.at("hospital.backup.unfinished").exists());
    recovery_key(place.run("init").expect(0, &["recovery key"]));
    back_up(&place).expect(0, &[]);
    place.run("init").expect(0, &["not kept here"]);
}

#[test]
fn status_reminds_of_a_backup_that_was_never_made_or_is_old() {
    let place = Place::new();
    place.run("init");
    drop(store(&place));
    place.run("status").expect(4, &["backup   NONE YET"]);
    back_up(&place);
    let fresh = place.run("status");
    assert!(
        fresh.out.contains("backup   ") && !fresh.out.contains("LONG"),
        "{}",
        fresh.out
    );
    fs::write(place.at("state/backup-made"), "1700000000000\n").expect("written");
    place.run("status").expect(4, &["WHICH IS LONG"]);
}
