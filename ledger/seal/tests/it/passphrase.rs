// SPDX-License-Identifier: Apache-2.0
//! Bytes under a passphrase.

use silsila_seal::{SealError, lock, unlock};

#[test]
fn a_passphrase_opens_what_it_locked_and_no_other_does() {
    let locked = lock("correct horse", b"keys").expect("locked");
    assert!(!locked.windows(4).any(|window| window == b"keys"));
    assert_eq!(
        **unlock("correct horse", &locked).expect("opened"),
        *b"keys"
    );
    let mut changed = locked.clone();
    changed[30] ^= 1;
    for (passphrase, bytes) in [
        ("correct horsf", &locked[..]),
        ("correct horse", &changed),
        ("correct horse", &locked[..20]),
        ("", b""),
    ] {
        let refused = unlock(passphrase, bytes);
        assert!(matches!(refused, Err(SealError::WrongPassphrase)));
    }
}

#[test]
fn equal_bytes_under_one_passphrase_are_locked_to_unrelated_bytes() {
    let one = lock("p", b"keys").expect("locked");
    assert_ne!(one, lock("p", b"keys").expect("locked"));
}
