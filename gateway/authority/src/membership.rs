// SPDX-License-Identifier: Apache-2.0
//! What a gateway keeps of its membership, in its keys folder: nothing of it is secret, but it belongs
//! to the keys that it certifies.
//!
//! ```text
//! network.membership    where the authority is, by which TLS key it is known, the network's fingerprint
//! network.credential    network document, issuing certificate, the gateway's own certificate
//! ```
//!
//! The membership file is written first: a credential never lies there without it.

use std::path::Path;

use silsila_replica::certificate::{Credential, Fingerprint, MemberCertificate, Trust};

use crate::{AuthorityError, Invitation, Millis, files, hex};

const MEMBERSHIP: &str = "network.membership";
const CREDENTIAL: &str = "network.credential";
const TITLE: &str = "silsila-membership 1";

/// How long before its end a certificate is renewed, and a person warned: 30 days.
pub const RENEWAL_WARNING_MS: Millis = 30 * 86_400_000;

/// A gateway's membership of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Where the authority is.
    pub authority: String,
    /// The SHA-256 of the SubjectPublicKeyInfo that the authority shows.
    pub tls_key: [u8; 32],
    /// The network, as the invitation pinned it.
    pub fingerprint: Fingerprint,
    /// What the member shows.
    pub credential: Credential,
}

impl Membership {
    /// The membership kept in a keys folder, if there is one; its credential was verified up to the pinned root.
    ///
    /// # Errors
    /// Files that are there and cannot be used.
    pub fn load(keys: &Path) -> Result<Option<Self>, AuthorityError> {
        let (membership, credential) = (keys.join(MEMBERSHIP), keys.join(CREDENTIAL));
        if !credential.exists() {
            return Ok(None);
        }
        let unusable = || AuthorityError::Unusable {
            path: membership.clone(),
            reason: "it is not what join wrote".to_owned(),
        };
        let text = files::read_text(&membership)?;
        let (authority, tls_key, fingerprint) = parse(&text).ok_or_else(unusable)?;
        let credential = Credential::decode(&files::read(&credential)?)?;
        if credential.network.fingerprint() != fingerprint {
            return Err(AuthorityError::OtherNetwork);
        }
        Ok(Some(Self {
            authority,
            tls_key,
            fingerprint,
            credential,
        }))
    }

    /// Of an invitation that was answered.
    pub(crate) fn of(invitation: &Invitation, credential: Credential) -> Self {
        Self {
            authority: invitation.authority.clone(),
            tls_key: invitation.tls_key,
            fingerprint: invitation.fingerprint,
            credential,
        }
    }

    /// Writes both files.
    pub(crate) fn store(&self, keys: &Path) -> Result<(), AuthorityError> {
        files::private_folder(keys).map_err(AuthorityError::file(keys))?;
        let text = text(&self.authority, &self.tls_key, &self.fingerprint);
        let credential = self.credential.encode();
        for (name, bytes) in [(MEMBERSHIP, text.as_bytes()), (CREDENTIAL, &credential)] {
            let file = keys.join(name);
            files::write_whole(&file, bytes).map_err(AuthorityError::file(&file))?;
        }
        Ok(())
    }

    /// What other members' certificates are judged by.
    ///
    /// # Errors
    /// Where the root did not sign the issuer.
    pub fn trust(&self) -> Result<Trust, AuthorityError> {
        Ok(self.credential.trust()?)
    }

    /// The gateway's own certificate.
    #[must_use]
    pub const fn certificate(&self) -> &MemberCertificate {
        &self.credential.member
    }

    /// How long before its end the certificate is renewed: 30 days, or a third of its whole time where
    /// that is less.
    #[must_use]
    pub fn renewal_window_ms(&self) -> Millis {
        let validity = self.certificate().validity();
        RENEWAL_WARNING_MS.min((validity.until_ms() - validity.from_ms()) / 3)
    }

    /// Whether it is time to renew.
    #[must_use]
    pub fn is_due(&self, now: Millis) -> bool {
        now.saturating_add(self.renewal_window_ms()) >= self.certificate().validity().until_ms()
    }
}

pub(crate) fn text(authority: &str, tls_key: &[u8; 32], fingerprint: &Fingerprint) -> String {
    let tls_key = hex::write(tls_key);
    format!("{TITLE}\nauthority {authority}\ntls-key {tls_key}\nfingerprint {fingerprint}\n")
}

pub(crate) fn parse(text: &str) -> Option<(String, [u8; 32], Fingerprint)> {
    let mut lines = text.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let authority = value("authority")?;
    crate::invitation::check_address(authority).ok()?;
    let (tls_key, fingerprint) = (hex::read(value("tls-key")?)?, value("fingerprint")?);
    Some((authority.to_owned(), tls_key, fingerprint.parse().ok()?))
}
