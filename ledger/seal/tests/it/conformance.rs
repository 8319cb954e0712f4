// SPDX-License-Identifier: Apache-2.0
//! The SHA-256 of every format's sample bytes, and bytes that were sealed once and must open for ever. A line
//! that has to change here changes a format: give the format a new label, keep reading the old one, and say so
//! in an ADR.

use sha2::{Digest as _, Sha256};
use silsila_seal::{
    BackupReader, ContentKey, Envelopes, RecoveryKey, SealError, SealingKey, unlock,
};

use crate::sample::{compartment, member, place};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.trim_end().len()).step_by(2).map(digit).collect()
}

/// Where randomness cannot be kept out, a sample that was sealed once lies in a file.
fn sealed_once(name: &str) -> Vec<u8> {
    bytes(match name {
        "envelopes" => include_str!("samples/envelopes.hex"),
        "backup" => include_str!("samples/backup.hex"),
        _ => include_str!("samples/locked.hex"),
    })
}

#[test]
fn no_format_changes_by_accident() {
    let key = ContentKey::new(&[8; 32]);
    let recovery = RecoveryKey::new(&[8; 32]);
    let sealed = place()
        .seal_with(&key, b"packed", &[9; 12])
        .expect("sealed");
    let samples = [
        ("sealed payload", sealed),
        ("key check", key.check(&compartment()).0.to_vec()),
        (
            "sealing key",
            SealingKey::from_seed(&[8; 32]).public().0.to_vec(),
        ),
        ("recovery key", recovery.text().as_bytes().to_vec()),
        ("backup key", recovery.backup_key().public.0.to_vec()),
        ("envelopes", sealed_once("envelopes")),
        ("backup", sealed_once("backup")),
        ("locked", sealed_once("locked")),
    ];
    let found: Vec<String> = samples
        .iter()
        .map(|(name, bytes)| format!("{} {:>5} {name}", hex(&Sha256::digest(bytes)), bytes.len()))
        .collect();
    assert_eq!(found.join("\n"), include_str!("conformance.txt").trim_end());
}

#[test]
fn what_was_sealed_once_still_opens() {
    let stored = sealed_once("envelopes");
    let envelopes = Envelopes::decode(&stored).expect("decoded");
    assert_eq!(envelopes.encode(), stored);
    let (me, sealing) = member(2);
    let key = envelopes.open(&compartment(), me, &sealing);
    assert_eq!(*key.expect("opened").expect("there").secret(), [8; 32]);

    let backup = sealed_once("backup");
    let mut reader = BackupReader::new(&backup[..], &RecoveryKey::new(&[8; 32])).expect("begun");
    let file = reader.next(|part, file| {
        let mut text = String::new();
        std::io::Read::read_to_string(file, &mut text).map_err(SealError::from)?;
        Ok::<_, SealError>((part.name.clone(), text))
    });
    let file = file.expect("read").expect("there");
    assert_eq!(file, ("a.txt".to_owned(), "content".to_owned()));
    assert!(
        reader
            .next(|_, _| Ok::<_, SealError>(()))
            .expect("whole")
            .is_none()
    );

    let opened = unlock("passphrase", &sealed_once("locked")).expect("opened");
    assert_eq!(**opened, *b"content");
}
