// SPDX-License-Identifier: Apache-2.0
//! The gateway's own keys: one small file, made once, read at every start.
//!
//! ```text
//! silsila-keys 3
//! member 7f3a..          ed25519 seed: signs transactions and blocks
//! custodian c001..       makes the tags by which the ledger knows resources and patients
//! ids 55d0..             makes resource ids out of legacy keys
//! digests 9e41..         makes the digests by which an unchanged row is known
//! sealing 08b2..         X25519 seed: opens what other members sealed for this one
//! file 4c17..            encrypts the ledger's file
//! ```
//!
//! A file of version 1, from before there were networks, has no sealing key, and one of version 2 no key for the
//! ledger's file: they get what they lack when they are read.
//! Every value is 32 random bytes in hexadecimal. The file is written beside its place, synced and then
//! renamed, so that after a crash there is either none or a whole one. Where a ledger exists and the
//! file does not, none is made: with new keys every resource would get a new identity.
//! It may lie under a passphrase ([`lock`]); then whoever reads it has to be told ([`passphrase`]).

mod locked;
pub mod passphrase;

use std::path::Path;

use silsila_authority::{files, hex};
use silsila_chain::{CustodianKey, MemberKey};
use silsila_pipeline::PipelineKeys;
use silsila_seal::SealingKey;
use silsila_store::FileKey;
use zeroize::Zeroizing;

use crate::exit::Failure;
use locked::Content;

/// The key file's name in the keys folder.
pub const KEY_FILE: &str = "gateway.keys";

const TITLE: &str = "silsila-keys 3";
const NAMES: [&str; 6] = ["member", "custodian", "ids", "digests", "sealing", "file"];
/// Earlier versions, and how many of the names they had.
const OLDER: [(&str, usize); 2] = [("silsila-keys 1", 4), ("silsila-keys 2", 5)];

type Secret = Zeroizing<[u8; 32]>;

/// All keys of one gateway. `Debug` is absent on purpose.
pub struct GatewayKeys {
    secrets: [Secret; NAMES.len()],
}

impl GatewayKeys {
    /// Signs transactions and blocks.
    #[must_use]
    pub fn member(&self) -> MemberKey {
        MemberKey::from_seed(&self.secrets[0])
    }

    /// The seed of the same key, for connections between gateways.
    #[must_use]
    pub fn member_seed(&self) -> Zeroizing<[u8; 32]> {
        self.secrets[0].clone()
    }

    /// Makes tags and event ids.
    #[must_use]
    pub fn custodian(&self) -> CustodianKey {
        CustodianKey::new(*self.secrets[1])
    }

    /// Opens what other members sealed for this one.
    #[must_use]
    pub fn sealing(&self) -> SealingKey {
        SealingKey::from_seed(&self.secrets[4])
    }

    /// Encrypts the ledger's file.
    #[must_use]
    pub fn file(&self) -> FileKey {
        FileKey::new(&self.secrets[5])
    }

    /// Makes resource ids and row digests.
    #[must_use]
    pub fn pipeline(&self) -> PipelineKeys {
        PipelineKeys {
            id_key: *self.secrets[2],
            digest_key: *self.secrets[3],
        }
    }
}

/// Reads the keys, or makes them where there is neither a key file nor a ledger. Says whether they are new.
///
/// # Errors
/// An unusable file, a ledger without its keys, or a folder that cannot be made.
pub fn load_or_create(folder: &Path, ledger: &Path) -> Result<(GatewayKeys, bool), Failure> {
    if let Some(keys) = existing(folder)? {
        return Ok((keys, false));
    }
    let file = folder.join(KEY_FILE);
    if ledger.exists() {
        return Err(Failure::KeysLost {
            ledger: ledger.to_owned(),
            file,
        });
    }
    create(folder, &file)?;
    Ok((load(&file)?, true))
}

/// Reads the keys where there are any.
///
/// # Errors
/// An unusable file.
pub fn existing(folder: &Path) -> Result<Option<GatewayKeys>, Failure> {
    let file = folder.join(KEY_FILE);
    file.exists().then(|| load(&file)).transpose()
}

/// Makes a folder that only the gateway's user may enter, where it is not there yet.
pub(crate) fn private_folder(folder: &Path) -> Result<(), Failure> {
    files::private_folder(folder).map_err(Failure::file(folder))
}

/// Whether there are keys that nobody can read without a passphrase.
#[must_use]
pub fn is_locked(folder: &Path) -> bool {
    locked::is_locked(&folder.join(KEY_FILE))
}

/// The key file's text, out of its lock: for a backup, which is sealed by itself and has to open without the
/// passphrase.
///
/// # Errors
/// A file that is not there or unusable; no passphrase, or a wrong one.
pub fn text(folder: &Path) -> Result<Zeroizing<String>, Failure> {
    Ok(locked::read(&folder.join(KEY_FILE))?.text)
}

/// Puts the keys under a passphrase, or under another one than before.
///
/// # Errors
/// As [`text`]; a passphrase that is none.
pub fn lock(folder: &Path) -> Result<(), Failure> {
    let text = text(folder)?;
    parse(&text).map_err(|reason| Failure::Keys {
        file: folder.join(KEY_FILE),
        reason,
    })?;
    let passphrase = Some(passphrase::new()?);
    locked::write(&folder.join(KEY_FILE), &Content { text, passphrase })
}

/// Takes the keys out of their lock.
///
/// # Errors
/// As [`text`].
pub fn unlock(folder: &Path) -> Result<(), Failure> {
    let content = Content {
        text: text(folder)?,
        passphrase: None,
    };
    locked::write(&folder.join(KEY_FILE), &content)
}

fn load(file: &Path) -> Result<GatewayKeys, Failure> {
    let Content { text, passphrase } = locked::read(file)?;
    let unusable = |reason: String| Failure::Keys {
        file: file.to_owned(),
        reason,
    };
    let older = OLDER
        .iter()
        .find(|(title, _)| text.lines().next() == Some(title));
    let Some((title, had)) = older else {
        return parse(&text).map_err(unusable);
    };
    let rest = text.strip_prefix(title).unwrap_or_default();
    let mut upgraded = Zeroizing::new(format!("{TITLE}{}\n", rest.trim_end()));
    for name in &NAMES[*had..] {
        upgraded.push_str(&Zeroizing::new(line(name, &*random(file)?)));
        upgraded.push('\n');
    }
    let keys = parse(&upgraded).map_err(unusable)?;
    let text = upgraded;
    locked::write(file, &Content { text, passphrase })?;
    Ok(keys)
}

/// Key file text, read and written again: what fuzzing and the formats' hashes look at.
#[must_use]
pub fn reread(text: &str) -> Option<Zeroizing<String>> {
    let keys = parse(text).ok()?;
    let mut again = Zeroizing::new(String::from(TITLE));
    for (name, secret) in NAMES.iter().zip(&keys.secrets) {
        again.push('\n');
        again.push_str(&Zeroizing::new(line(name, secret)));
    }
    again.push('\n');
    Some(again)
}

fn parse(text: &str) -> Result<GatewayKeys, String> {
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(format!("its first line is not {TITLE:?}"));
    }
    let mut secrets = [(); NAMES.len()].map(|()| Secret::default());
    for (secret, name) in secrets.iter_mut().zip(NAMES) {
        let value = lines
            .next()
            .and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        **secret = value.and_then(hex::read).ok_or_else(|| {
            format!("there is no line {name:?} with 64 hexadecimal digits where it should be")
        })?;
    }
    if lines.next().is_some() {
        return Err("there are more lines than there should be".to_owned());
    }
    Ok(GatewayKeys { secrets })
}

fn create(folder: &Path, file: &Path) -> Result<(), Failure> {
    private_folder(folder)?;
    let mut text = Zeroizing::new(String::from(TITLE));
    for name in NAMES {
        text.push('\n');
        text.push_str(&Zeroizing::new(line(name, &*random(file)?)));
    }
    text.push('\n');
    let passphrase = None;
    locked::write(file, &Content { text, passphrase })
}

fn random(file: &Path) -> Result<Secret, Failure> {
    let mut secret = Secret::default();
    getrandom::fill(&mut *secret).map_err(|error| Failure::Keys {
        file: file.to_owned(),
        reason: format!("the system gives no random numbers: {error}"),
    })?;
    Ok(secret)
}

fn line(name: &str, secret: &[u8; 32]) -> String {
    let digits = Zeroizing::new(hex::write(secret));
    format!("{name} {}", *digits)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (keys, ledger) = (folder.path().join("a/keys"), folder.path().join("ledger"));
        (folder, keys, ledger)
    }

    #[test]
    fn keys_are_made_once_and_closed_to_others() {
        let (_folder, keys, ledger) = folders();
        let (first, new) = load_or_create(&keys, &ledger).expect("made");
        assert!(new);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&keys), 0o700);
        assert_eq!(mode(&keys.join(KEY_FILE)), 0o600);
        fs::write(&ledger, "").expect("written");
        let (second, new) = load_or_create(&keys, &ledger).expect("read");
        assert!(!new);
        assert_eq!(first.secrets, second.secrets);
        let distinct: std::collections::BTreeSet<&[u8; 32]> =
            first.secrets.iter().map(|s| &**s).collect();
        assert_eq!(distinct.len(), NAMES.len());
    }

    #[test]
    fn an_older_key_file_gets_the_keys_that_it_lacks_and_keeps_the_others() {
        for (title, had) in OLDER {
            let (_folder, keys, ledger) = folders();
            let (made, _) = load_or_create(&keys, &ledger).expect("made");
            let file = keys.join(KEY_FILE);
            let whole = fs::read_to_string(&file).expect("there");
            let old: Vec<&str> = whole.lines().skip(1).take(had).collect();
            fs::write(&file, format!("{title}\n{}\n", old.join("\n"))).expect("written");
            let upgraded = existing(&keys).expect("read").expect("there");
            assert_eq!(upgraded.secrets[..had], made.secrets[..had]);
            for (new, old) in upgraded.secrets[had..].iter().zip(&made.secrets[had..]) {
                assert_ne!(new, old);
            }
            let again = existing(&keys).expect("read").expect("there");
            assert_eq!(again.secrets, upgraded.secrets);
        }
    }

    #[test]
    fn a_ledger_without_its_keys_gets_no_new_ones() {
        let (_folder, keys, ledger) = folders();
        fs::write(&ledger, "").expect("written");
        let refused = load_or_create(&keys, &ledger).err().expect("refused");
        assert!(refused.to_string().starts_with("CLI0004"), "{refused}");
        assert!(!keys.exists());
    }

    #[test]
    fn a_damaged_key_file_is_refused_without_showing_it() {
        let (_folder, keys, ledger) = folders();
        load_or_create(&keys, &ledger).expect("made");
        let file = keys.join(KEY_FILE);
        let whole = fs::read_to_string(&file).expect("there");
        let cut = &whole[..whole.len() - 2];
        for damaged in [
            "",
            "silsila-keys 1\n",
            "silsila-keys 3\n",
            "silsila-keys 4\n",
            cut,
            &whole.replace("ids", "idz"),
            &format!("{whole}x\n"),
            &whole.replacen(char::is_numeric, "é", 9),
        ] {
            fs::write(&file, damaged).expect("written");
            let shown = load_or_create(&keys, &ledger)
                .err()
                .expect("refused")
                .to_string();
            assert!(shown.starts_with("CLI0003"), "{shown}");
            let secret = whole
                .lines()
                .nth(1)
                .and_then(|line| line.split(' ').nth(1))
                .expect("a key");
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
