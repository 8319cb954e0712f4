// SPDX-License-Identifier: Apache-2.0
//! What the authority decides and records. No network here: the service and the commands both call it,
//! and may do so from different processes at once.

mod decide;
mod enrol;
mod list;
pub(crate) mod records;
mod renew;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use silsila_replica::certificate::{
    CertificateFault, CertificateKey, Credential, Fingerprint, IssuingCertificate,
    MemberCertificate, Network, Role, Serial, Validity,
};

pub use decide::Decision;
pub use list::{CertificateRow, InvitationRow, RequestRow};

use crate::error::random;
use crate::found::{DOCUMENT, HEAD_START, ISSUING, RECORDS, TLS_CERTIFICATE, TLS_KEY, issuing_key};
use crate::tls::TlsIdentity;
use crate::{AuthorityError, Invitation, Millis, Refusal, files, found};

/// The registration authority of one network, over its folder.
pub struct Authority {
    folder: PathBuf,
    network: Network,
    issuing_key: CertificateKey,
    tls_pin: [u8; 32],
    validity_ms: Millis,
    records: Mutex<Connection>,
}

/// A certificate that was issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// All that the member needs to show.
    pub credential: Credential,
}

/// Either the office's own trouble, or a no that the member is told.
pub(crate) enum No {
    Refusal(Refusal),
    Trouble(AuthorityError),
}

impl From<AuthorityError> for No {
    fn from(error: AuthorityError) -> Self {
        Self::Trouble(error)
    }
}

impl From<rusqlite::Error> for No {
    fn from(error: rusqlite::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<CertificateFault> for No {
    fn from(fault: CertificateFault) -> Self {
        Self::Trouble(fault.into())
    }
}

impl Authority {
    /// Opens the authority of a founded network; certificates that it issues last `validity_ms`.
    ///
    /// # Errors
    /// [`AuthorityError::NoNetwork`], or a file that cannot be used.
    pub fn open(folder: &Path, validity_ms: Millis) -> Result<Self, AuthorityError> {
        let document = folder.join(DOCUMENT);
        if !document.exists() {
            return Err(AuthorityError::NoNetwork {
                folder: folder.to_owned(),
            });
        }
        let network = Network::decode(&files::read(&document)?)?;
        let tls_pin = tls(folder)?
            .pin()
            .map_err(|reason| AuthorityError::Unusable {
                path: folder.join(TLS_CERTIFICATE),
                reason,
            })?;
        Ok(Self {
            issuing_key: issuing_key(&folder.join(ISSUING))?,
            records: Mutex::new(records::open(&folder.join(RECORDS))?),
            folder: folder.to_owned(),
            network,
            tls_pin,
            validity_ms,
        })
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Its fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.network.fingerprint()
    }

    pub(crate) fn tls(&self) -> Result<TlsIdentity, AuthorityError> {
        tls(&self.folder)
    }

    /// Invites an organization: the text is for it alone, once. `address` is where it reaches the authority.
    ///
    /// # Errors
    /// A name that cannot stand in a certificate, an address that is none, or the records.
    pub fn invite(
        &self,
        organization: &str,
        role: Role,
        address: &str,
        expires_ms: Millis,
        now: Millis,
    ) -> Result<Invitation, AuthorityError> {
        silsila_replica::certificate::check_name(organization)?;
        crate::invitation::check_address(address)?;
        let invitation = Invitation {
            network: self.network.name().to_owned(),
            organization: organization.to_owned(),
            role,
            expires_ms: expires_ms / 1000 * 1000,
            authority: address.to_owned(),
            tls_key: self.tls_pin,
            fingerprint: self.fingerprint(),
            secret: random()?,
        };
        self.records().execute(
            "INSERT INTO invitation (secret_hash, digest, organization, role, created_ms, expires_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                Invitation::secret_hash(&invitation.secret),
                invitation.digest(),
                organization,
                role.word(),
                sql(now),
                sql(invitation.expires_ms),
            ),
        )?;
        Ok(invitation)
    }

    /// Puts a new issuing key in place of the present one, certified by the root key on paper. Certificates
    /// that the old one issued stay valid until they end; the fingerprint stays.
    ///
    /// # Errors
    /// [`AuthorityError::RootKey`] where what was typed does not open the root key.
    pub fn replace_issuer(&mut self, typed: &str, now: Millis) -> Result<(), AuthorityError> {
        let root_key = found::root_key(&self.folder, typed)?;
        let (key, issuing) = found::new_issuer(self.network.root(), &root_key, now)?;
        // First the certificate, which alone does nothing; then the key in one rename. A crash between
        // leaves the old key in force: the issuer in use is the one that certifies the key in the file.
        self.records()
            .execute("INSERT INTO issuer (der) VALUES (?1)", [issuing.der()])?;
        found::write_issuing_key(&self.folder.join(ISSUING), &key)?;
        self.issuing_key = CertificateKey::from_seed(&key);
        Ok(())
    }

    fn records(&self) -> MutexGuard<'_, Connection> {
        // A panic while the records were held left SQLite's transaction rolled back.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one transaction that is committed where it says yes.
    fn transact<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, No>) -> Result<T, No> {
        let mut records = self.records();
        let transaction = records.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// The issuing certificate of the key that issues now, with its number.
    fn issuer(&self, records: &Connection) -> Result<(i64, IssuingCertificate), AuthorityError> {
        let mut rows = records.prepare("SELECT id, der FROM issuer ORDER BY id DESC")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        for row in rows {
            let (id, der) = row?;
            let issuing = IssuingCertificate::parse(&der)?;
            if issuing.key() == self.issuing_key.public() {
                return Ok((id, issuing));
            }
        }
        Err(AuthorityError::Unusable {
            path: self.folder.join(ISSUING),
            reason: "no issuing certificate is of this key".to_owned(),
        })
    }

    fn credential(
        &self,
        records: &Connection,
        issuer: i64,
        member: &[u8],
    ) -> Result<Credential, AuthorityError> {
        let find = "SELECT der FROM issuer WHERE id = ?1";
        let issuing: Vec<u8> = records.query_row(find, [issuer], |row| row.get(0))?;
        Ok(Credential {
            network: self.network.clone(),
            issuing: IssuingCertificate::parse(&issuing)?,
            member: MemberCertificate::parse(member)?,
        })
    }

    /// From a little before now, for as long as certificates last, but not beyond the issuer's own end.
    fn validity(
        &self,
        issuing: &IssuingCertificate,
        now: Millis,
    ) -> Result<Validity, AuthorityError> {
        let begin = now.saturating_sub(HEAD_START.min(self.validity_ms / 10));
        let from = begin.max(issuing.validity().from_ms());
        let until = now
            .saturating_add(self.validity_ms)
            .min(issuing.validity().until_ms());
        Ok(Validity::new(from, until)?)
    }
}

/// Whether the authority revoked this key.
fn is_revoked(records: &Connection, key: &[u8; 32]) -> Result<bool, AuthorityError> {
    let find = "SELECT 1 FROM revocation WHERE ledger_key = ?1";
    let found: Option<i64> = records
        .query_row(find, [&key[..]], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

fn new_serial() -> Result<Serial, AuthorityError> {
    Ok(Serial::from_random(random()?))
}

fn tls(folder: &Path) -> Result<TlsIdentity, AuthorityError> {
    Ok(TlsIdentity {
        certificate: files::read(&folder.join(TLS_CERTIFICATE))?.to_vec(),
        key: files::read(&folder.join(TLS_KEY))?,
    })
}

/// A time as SQLite keeps it; the year 292 million does not come.
fn sql(ms: Millis) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn unsql(ms: i64) -> Millis {
    u64::try_from(ms).unwrap_or_default()
}

/// A key of a row: 32 bytes, or the records are damaged.
fn key32(bytes: &[u8]) -> Result<[u8; 32], AuthorityError> {
    bytes.try_into().map_err(|_| AuthorityError::Records {
        reason: "a key in them has not 32 bytes".to_owned(),
    })
}
