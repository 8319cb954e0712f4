// SPDX-License-Identifier: Apache-2.0
//! The invitation: a short text that the authority hands to one organization, once.
//!
//! ```text
//! silsila invitation 1
//! network Sindh hospitals
//! organization Civil Hospital Mirpurkhas
//! role hospital
//! expires 1780604800
//! authority 192.0.2.5:8080
//! tls-key 9f0c...            SHA-256 of the SubjectPublicKeyInfo that the authority shows
//! fingerprint 7f3a 22c1 ...
//! secret 5be1...             16 random bytes; the authority keeps their hash alone
//! check 77aa02bd             the first bytes of the SHA-256 of all above
//! ```
//!
//! The check finds what a mail program or a hand did to it. Whoever alters it on purpose can repair the
//! check; the authority therefore compares the hash of the whole text with what it wrote.

use std::fmt;

use silsila_chain::sha256;
use silsila_replica::certificate::{Fingerprint, Role, check_name};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{AuthorityError, Millis, hex};

const TITLE: &str = "silsila invitation 1";
/// Longer texts are not looked at.
const LARGEST: usize = 4096;

/// What an invited organization needs to know. `Debug` is absent on purpose: it holds a secret.
pub struct Invitation {
    /// The network's name.
    pub network: String,
    /// Who is invited.
    pub organization: String,
    /// As what.
    pub role: Role,
    /// Until when, in milliseconds since 1970; whole seconds.
    pub expires_ms: Millis,
    /// Host and port of the authority.
    pub authority: String,
    /// The SHA-256 of the SubjectPublicKeyInfo that the authority shows.
    pub tls_key: [u8; 32],
    /// The network's.
    pub fingerprint: Fingerprint,
    pub(crate) secret: [u8; 16],
}

impl Drop for Invitation {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Invitation {
    /// The text to hand over.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = self.lines();
        let check = hex::write(&sha256(text.as_bytes())[..4]);
        text.push_str("check ");
        text.push_str(&check);
        text.push('\n');
        text
    }

    /// The hash of all that it says, which the authority keeps.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.lines().as_bytes())
    }

    /// The hash of the secret, which the authority keeps.
    pub(crate) fn secret_hash(secret: &[u8; 16]) -> [u8; 32] {
        sha256(&[b"silsila invitation secret 1", &secret[..]].concat())
    }

    fn lines(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex::write(&self.secret));
        Zeroizing::new(format!(
            "{TITLE}\nnetwork {}\norganization {}\nrole {}\nexpires {}\nauthority {}\ntls-key {}\nfingerprint {}\nsecret {}\n",
            self.network,
            self.organization,
            self.role,
            self.expires_ms / 1000,
            self.authority,
            hex::write(&self.tls_key),
            self.fingerprint,
            *secret,
        ))
    }

    /// Reads an invitation. Empty lines around it, spaces at the ends of lines and Windows line ends are
    /// taken as the work of a mail program.
    ///
    /// # Errors
    /// [`AuthorityError::Invitation`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, AuthorityError> {
        let fault = |reason| AuthorityError::Invitation { reason };
        if text.len() > LARGEST {
            return Err(fault("it is longer than any invitation"));
        }
        let mut lines = text.trim().lines().map(str::trim);
        if lines.next() != Some(TITLE) {
            return Err(fault("its first line is not \"silsila invitation 1\""));
        }
        let mut value = |name: &str| {
            let line = lines.next().unwrap_or_default();
            line.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(' '))
        };
        let (network, organization) = (value("network"), value("organization"));
        let (role, expires) = (value("role"), value("expires"));
        let (authority, tls_key) = (value("authority"), value("tls-key"));
        let (fingerprint, secret) = (value("fingerprint"), value("secret"));
        let check = value("check");
        let read = || {
            Some(Self {
                network: network?.to_owned(),
                organization: organization?.to_owned(),
                role: role?.parse().ok()?,
                expires_ms: expires?.parse::<u64>().ok()?.checked_mul(1000)?,
                authority: authority?.to_owned(),
                tls_key: hex::read(tls_key?)?,
                fingerprint: fingerprint?.parse().ok()?,
                secret: hex::read(secret?)?,
            })
        };
        let invitation = read().ok_or(fault("a line of it is missing or not what it should be"))?;
        if check != Some(&hex::write(&sha256(invitation.lines().as_bytes())[..4])) {
            return Err(fault(
                "it was changed on its way: ask for it again, as a file",
            ));
        }
        check_name(&invitation.network)?;
        check_name(&invitation.organization)?;
        check_address(&invitation.authority)?;
        Ok(invitation)
    }
}

/// Host and port, of which nothing else is made than a connection.
pub(crate) fn check_address(address: &str) -> Result<(), AuthorityError> {
    let sound = address.rsplit_once(':').is_some_and(|(host, port)| {
        let letters = |c: char| c.is_ascii_alphanumeric() || "-.[]:".contains(c);
        !host.is_empty()
            && host.len() <= 253
            && host.chars().all(letters)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if sound {
        Ok(())
    } else {
        Err(AuthorityError::Invitation {
            reason: "the authority's address is no host and port, such as 192.0.2.5:8080",
        })
    }
}

/// Without the secret.
impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            network,
            organization,
            role,
            ..
        } = self;
        write!(f, "{organization} as {role} of {network}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            network: "Sindh hospitals".to_owned(),
            organization: "Civil Hospital Mirpurkhas".to_owned(),
            role: Role::Hospital,
            expires_ms: 1_780_604_800_000,
            authority: "192.0.2.5:8080".to_owned(),
            tls_key: [7; 32],
            fingerprint: Fingerprint([9; 32]),
            secret: [5; 16],
        }
    }

    #[test]
    fn an_invitation_survives_its_text_and_what_a_mail_program_does_to_it() {
        let text = invitation().text();
        for text in [
            text.to_string(),
            format!("\n\n{}\n", text.replace('\n', " \r\n")),
        ] {
            let read = Invitation::parse(&text).map_err(|error| error.to_string());
            assert_eq!(read.map(|read| read.digest()), Ok(invitation().digest()));
        }
        assert!(!invitation().to_string().contains("0505"));
    }

    #[test]
    fn a_changed_letter_is_found() {
        let text = invitation().text();
        for at in 0..text.len() - 1 {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(Invitation::parse(&changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in [
            "192.0.2.5:8080",
            "[2001:db8::1]:8080",
            "authority.example:1",
        ] {
            assert!(check_address(address).is_ok(), "{address}");
        }
        for address in [
            "",
            "host",
            "host:",
            "host:0",
            "host:99999",
            "a/b:80",
            "a b:80",
            ":80",
        ] {
            assert!(check_address(address).is_err(), "{address}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, at: prop::sample::Index, cut: prop::sample::Index) {
            prop_assert!(Invitation::parse(&text).is_err());
            let whole = invitation().text();
            let (at, cut) = (at.index(whole.len()), cut.index(whole.len()));
            let mixed = format!("{}{text}{}", &whole[..at], &whole[cut..]);
            if let Ok(read) = Invitation::parse(&mixed) {
                prop_assert_eq!(read.digest(), invitation().digest());
            }
        }
    }
}
