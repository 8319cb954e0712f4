// SPDX-License-Identifier: Apache-2.0
//! Founding a network: its keys, its certificates, the authority's folder.
//!
//! ```text
//! network.document     the network: name, founding time, root certificate
//! root.sealed          the root key, locked by a recovery key that is on paper alone
//! issuing.key          the key that issues to members; loads unattended
//! tls.certificate      what the authority shows, signed by itself
//! tls.key              its key
//! authority.sqlite     invitations, requests, certificates, revocations
//! ```
//!
//! Everything is made in a folder beside the place and renamed into it: after a crash there is a whole
//! network or none.

use std::fs;
use std::path::{Path, PathBuf};

use silsila_replica::certificate::{
    CertificateKey, Fingerprint, IssuingCertificate, Network, RootCertificate, Serial, Validity,
};
use silsila_seal::{RecoveryKey, SealError};
use zeroize::Zeroizing;

use crate::error::random;
use crate::office::records;
use crate::tls::TlsIdentity;
use crate::{AuthorityError, Millis, files, hex};

pub(crate) const DOCUMENT: &str = "network.document";
pub(crate) const ROOT: &str = "root.sealed";
pub(crate) const ISSUING: &str = "issuing.key";
pub(crate) const TLS_CERTIFICATE: &str = "tls.certificate";
pub(crate) const TLS_KEY: &str = "tls.key";
pub(crate) const RECORDS: &str = "authority.sqlite";

const KEY_TITLE: &str = "silsila-issuing-key 1";
const YEAR: Millis = 31_557_600_000;
/// A root outlives every machine it was made on.
const ROOT_YEARS: Millis = 40;
/// An issuer is replaced by a new one of the same root.
const ISSUING_YEARS: Millis = 10;
/// Certificates begin a little before now, for clocks that are behind.
pub(crate) const HEAD_START: Millis = 600_000;

/// What the founder sees once.
pub struct Founded {
    /// The network's fingerprint.
    pub fingerprint: Fingerprint,
    /// What opens `root.sealed`, for paper.
    pub root_recovery: Zeroizing<String>,
}

/// Founds a network in a folder that does not exist or is empty.
///
/// # Errors
/// [`AuthorityError::NotEmpty`], a name that cannot stand in a certificate, or a folder that cannot be made.
pub fn found(name: &str, folder: &Path, now: Millis) -> Result<Founded, AuthorityError> {
    let occupied = || AuthorityError::NotEmpty {
        folder: folder.to_owned(),
    };
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(occupied());
    }
    let beside = beside(folder);
    if beside.exists() {
        // What an earlier attempt left when it was cut off; nobody knows its fingerprint.
        fs::remove_dir_all(&beside).map_err(AuthorityError::file(&beside))?;
    }
    files::private_folder(&beside).map_err(AuthorityError::file(&beside))?;
    let founded = fill(name, &beside, now)?;
    fs::rename(&beside, folder).map_err(AuthorityError::file(folder))?;
    if let Err(reason) = files::sync_folder(folder) {
        // Nobody was shown what opens its root key: it must not pass for a network.
        let _ = fs::rename(folder, &beside);
        return Err(AuthorityError::file(folder)(reason));
    }
    Ok(founded)
}

fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".founding");
    PathBuf::from(name)
}

fn fill(name: &str, folder: &Path, now: Millis) -> Result<Founded, AuthorityError> {
    let root_seed = Zeroizing::new(random::<32>()?);
    let root_key = CertificateKey::from_seed(&root_seed);
    let serial = Serial::from_random(random()?);
    let root = RootCertificate::found(name, &root_key, serial, lasting(ROOT_YEARS, now)?)?;
    let (issuing_seed, issuing) = new_issuer(&root, &root_key, now)?;
    let network = Network::new(root, now);

    let recovery = RecoveryKey::new(&random::<32>()?).text();
    let sealed = silsila_seal::lock(&recovery, &*root_seed).map_err(root_fault)?;
    let unusable = |file: &str| {
        let path = folder.join(file);
        move |reason| AuthorityError::Unusable { path, reason }
    };
    let tls = TlsIdentity::generate().map_err(unusable(TLS_KEY))?;
    write_issuing_key(&folder.join(ISSUING), &issuing_seed)?;
    for (file, bytes) in [
        (DOCUMENT, network.encode().as_slice()),
        (ROOT, &sealed),
        (TLS_CERTIFICATE, &tls.certificate),
        (TLS_KEY, &tls.key),
    ] {
        let file = folder.join(file);
        files::write_whole(&file, bytes).map_err(AuthorityError::file(&file))?;
    }
    records::create(&folder.join(RECORDS), &issuing)?;
    Ok(Founded {
        fingerprint: network.fingerprint(),
        root_recovery: recovery,
    })
}

fn lasting(years: Millis, now: Millis) -> Result<Validity, AuthorityError> {
    let (from, until) = (
        now.saturating_sub(HEAD_START),
        now.saturating_add(years * YEAR),
    );
    Ok(Validity::new(from, until)?)
}

/// A new issuing key, and the root's certificate for it.
pub(crate) fn new_issuer(
    root: &RootCertificate,
    root_key: &CertificateKey,
    now: Millis,
) -> Result<(Zeroizing<[u8; 32]>, IssuingCertificate), AuthorityError> {
    let seed = Zeroizing::new(random::<32>()?);
    let public = CertificateKey::from_seed(&seed).public();
    let serial = Serial::from_random(random()?);
    let validity = lasting(ISSUING_YEARS, now)?;
    let issuing = IssuingCertificate::issue(root, root_key, public, serial, validity)?;
    Ok((seed, issuing))
}

pub(crate) fn write_issuing_key(file: &Path, seed: &[u8; 32]) -> Result<(), AuthorityError> {
    let digits = Zeroizing::new(hex::write(seed));
    let text = Zeroizing::new(format!("{KEY_TITLE}\n{}\n", *digits));
    files::write_whole(file, text.as_bytes()).map_err(AuthorityError::file(file))
}

/// The issuing key of a founded network.
pub(crate) fn issuing_key(file: &Path) -> Result<CertificateKey, AuthorityError> {
    let text = files::read_text(file)?;
    let seed = text
        .strip_prefix(KEY_TITLE)
        .and_then(|rest| hex::read::<32>(rest.trim()))
        .map(Zeroizing::new)
        .ok_or_else(|| AuthorityError::Unusable {
            path: file.to_owned(),
            reason: format!("it is not {KEY_TITLE:?} and 64 hexadecimal digits"),
        })?;
    Ok(CertificateKey::from_seed(&seed))
}

/// Opens the root key with what is on paper, for the rare days on which it is needed.
pub(crate) fn root_key(folder: &Path, typed: &str) -> Result<CertificateKey, AuthorityError> {
    let recovery = RecoveryKey::parse(typed).map_err(root_fault)?;
    let sealed = files::read(&folder.join(ROOT))?;
    let seed = silsila_seal::unlock(&recovery.text(), &sealed).map_err(root_fault)?;
    let seed: &[u8; 32] = seed
        .as_slice()
        .try_into()
        .map_err(|_| AuthorityError::RootKey {
            reason: "the sealed file holds something else".to_owned(),
        })?;
    Ok(CertificateKey::from_seed(seed))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn root_fault(error: SealError) -> AuthorityError {
    AuthorityError::RootKey {
        reason: error.to_string(),
    }
}
