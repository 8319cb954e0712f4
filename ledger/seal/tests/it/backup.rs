// SPDX-License-Identifier: Apache-2.0
//! The sealed backup.

use proptest::prelude::*;
use silsila_seal::{BackupReader, BackupWriter, Part, RecoveryKey, SealError};

type Files = Vec<(String, Vec<u8>)>;

fn key() -> RecoveryKey {
    RecoveryKey::new(&[8; 32])
}

fn write(files: &Files) -> Vec<u8> {
    let mut writer = BackupWriter::new(Vec::new(), &key().backup_key()).expect("begun");
    for (name, bytes) in files {
        let part = Part {
            name: name.clone(),
            size: bytes.len() as u64,
        };
        writer.file(&part, &bytes[..]).expect("added");
    }
    writer.finish().expect("finished")
}

fn read(backup: &[u8], key: &RecoveryKey) -> Result<Files, SealError> {
    let mut reader = BackupReader::new(backup, key)?;
    let mut files = Files::new();
    while let Some(file) = reader.next(|part, bytes| {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).map_err(SealError::from)?;
        Ok::<_, SealError>((part.name.clone(), all))
    })? {
        files.push(file);
    }
    Ok(files)
}

fn sample() -> Files {
    let large = (0..2_500_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    vec![
        ("gateway.keys".to_owned(), b"secret".to_vec()),
        ("state/empty".to_owned(), Vec::new()),
        ("ledger.sqlite".to_owned(), large),
    ]
}

#[test]
fn what_goes_in_comes_out() {
    let backup = write(&sample());
    assert!(!backup.windows(6).any(|window| window == b"secret"));
    assert!(read(&backup, &key()).expect("read") == sample());
    assert!(read(&write(&Vec::new()), &key()).expect("read").is_empty());
}

#[test]
fn another_recovery_key_is_told_from_damage() {
    let backup = write(&sample());
    let refused = read(&backup, &RecoveryKey::new(&[9; 32]));
    assert!(matches!(refused, Err(SealError::WrongRecoveryKey)));
}

#[test]
fn a_backup_that_was_cut_off_anywhere_is_refused() {
    let backup = write(&sample());
    let parts = (1 << 20) + 20;
    for end in [
        0,
        10,
        17,
        40,
        65,
        70,
        65 + parts,
        65 + 2 * parts,
        backup.len() - 1,
    ] {
        let refused = read(&backup[..end], &key());
        assert!(matches!(refused, Err(SealError::Backup { .. })), "{end}");
    }
}

#[test]
fn parts_that_change_places_or_follow_the_end_are_refused() {
    let backup = write(&sample());
    let (head, part) = (65, (1 << 20) + 20);
    let swapped = [
        &backup[..head],
        &backup[head + part..head + 2 * part],
        &backup[head..head + part],
        &backup[head + 2 * part..],
    ]
    .concat();
    for changed in [swapped, [&backup[..], b"x"].concat()] {
        let refused = read(&changed, &key());
        assert!(matches!(refused, Err(SealError::Backup { .. })));
    }
}

#[test]
fn whoever_knows_the_public_half_alone_cannot_make_a_backup() {
    let mut forger = key().backup_key();
    *forger.shared = [0; 32];
    let forged = BackupWriter::new(Vec::new(), &forger)
        .and_then(BackupWriter::finish)
        .expect("written");
    let refused = read(&forged, &key());
    assert!(matches!(refused, Err(SealError::Backup { .. })));
}

#[test]
fn a_file_shorter_than_was_said_fails_the_writing() {
    let mut writer = BackupWriter::new(Vec::new(), &key().backup_key()).expect("begun");
    let part = Part {
        name: "short".to_owned(),
        size: 4,
    };
    let refused = writer.file(&part, &b"123"[..]);
    assert!(matches!(refused, Err(SealError::Stream { .. })));
    for name in ["", "../x", "A", "a/", "/a", "a/../b", "a/.b", "a/b/c/d/e"] {
        let part = Part {
            name: name.to_owned(),
            size: 0,
        };
        assert!(writer.file(&part, &b""[..]).is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn a_changed_bit_anywhere_is_noticed(at: prop::sample::Index, bit in 0_u8..8) {
        let mut backup = write(&vec![("a".to_owned(), vec![1; 500])]);
        let at = at.index(backup.len());
        backup[at] ^= 1 << bit;
        prop_assert!(read(&backup, &key()).is_err(), "byte {}", at);
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes: Vec<u8>, honest_head: bool) {
        let mut backup = if honest_head { write(&Vec::new())[..65].to_vec() } else { Vec::new() };
        backup.extend_from_slice(&bytes);
        prop_assert!(read(&backup, &key()).is_err());
    }
}
