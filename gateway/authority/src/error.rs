// SPDX-License-Identifier: Apache-2.0
//! What can go wrong at the authority and on the way to it.

use std::path::PathBuf;

use silsila_replica::certificate::CertificateFault;

/// Why the authority does not do what a member asks. Only its number travels; the sentence is the
/// reader's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No invitation has this secret.
    #[error("REG0010 the authority knows no such invitation")]
    UnknownInvitation,
    /// Its time is over.
    #[error("REG0011 the invitation has expired")]
    Expired,
    /// Another gateway used it.
    #[error("REG0012 the invitation was used by another gateway")]
    Used,
    /// The text was changed on its way.
    #[error("REG0013 the invitation is not the one that the authority wrote")]
    Altered,
    /// A person said no.
    #[error("REG0014 the authority rejected the request")]
    Rejected,
    /// The signature is not that of the key, over this connection.
    #[error("REG0015 the request does not prove that its sender holds the key")]
    Proof,
    /// Too much at once from one address.
    #[error("REG0016 the authority asks to wait: there were too many requests from this address")]
    TooMany,
    /// Meant for another network.
    #[error("REG0017 the request is meant for another network")]
    OtherNetwork,
    /// The key is a member's already.
    #[error(
        "REG0018 this gateway's key has a certificate of the network, or waits for one, by another invitation"
    )]
    AlreadyMember,
    /// The member was revoked.
    #[error("REG0019 the network revoked this member")]
    Revoked,
    /// The certificate cannot be renewed.
    #[error(
        "REG0020 the certificate cannot be renewed: it has expired, or this authority did not issue it"
    )]
    NotRenewable,
    /// Bytes that are no request.
    #[error("REG0021 the authority did not understand the request")]
    Malformed,
    /// The authority's own trouble.
    #[error("REG0022 the authority cannot answer at present")]
    Unavailable,
}

impl Refusal {
    const ALL: [Self; 13] = [
        Self::UnknownInvitation,
        Self::Expired,
        Self::Used,
        Self::Altered,
        Self::Rejected,
        Self::Proof,
        Self::TooMany,
        Self::OtherNetwork,
        Self::AlreadyMember,
        Self::Revoked,
        Self::NotRenewable,
        Self::Malformed,
        Self::Unavailable,
    ];

    /// The number by which it travels: its place in the list.
    pub(crate) fn number(self) -> u64 {
        let place = Self::ALL.iter().position(|refusal| *refusal == self);
        place.expect("every refusal is in the list") as u64
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let place = usize::try_from(number).ok()?;
        Self::ALL.get(place).copied()
    }

    /// Whether the same question may get another answer later.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::TooMany | Self::Unavailable)
    }
}

/// Why something could not be done. The texts hold no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A file of the authority or of the member.
    #[error("REG0001 {}: {reason}", path.display())]
    File {
        /// File or folder.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A file that is there and is not what it should be.
    #[error("REG0002 {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why, without any of its content.
        reason: String,
    },
    /// No network was founded in this folder.
    #[error("REG0003 no network was founded in {}", folder.display())]
    NoNetwork {
        /// The folder.
        folder: PathBuf,
    },
    /// There is something in the folder.
    #[error("REG0004 {} is not empty: a network is founded in a new folder", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The authority's own database.
    #[error("REG0005 the authority's records cannot be read or written: {reason}")]
    Records {
        /// What SQLite said; no record is in it.
        reason: String,
    },
    /// Something named does not exist.
    #[error("REG0006 there is no {what} {name}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// As it was named.
        name: String,
    },
    /// Decided before.
    #[error("REG0007 request {request} was {decision} before")]
    Decided {
        /// Its number.
        request: i64,
        /// How.
        decision: &'static str,
    },
    /// The text is no invitation.
    #[error("REG0008 this is no invitation: {reason}")]
    Invitation {
        /// What is wrong; no secret is in it.
        reason: &'static str,
    },
    /// The system gives no random numbers.
    #[error("REG0009 the system gives no random numbers: {reason}")]
    Random {
        /// What it said.
        reason: String,
    },
    /// The authority refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Nobody answers.
    #[error("REG0030 the authority at {address} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
    /// Somebody else answers.
    #[error("REG0031 {address} is not the authority of the invitation: it shows another TLS key")]
    Impostor {
        /// The address.
        address: String,
    },
    /// The authority's answer is none.
    #[error("REG0032 the authority's answer makes no sense: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// What the authority sent is of another network than the invitation.
    #[error("REG0033 the authority answered for another network than the invitation names")]
    OtherNetwork,
    /// The gateway has a membership already.
    #[error("REG0034 this gateway is a member of the network {network:?} already")]
    AlreadyMember {
        /// The network's name.
        network: String,
    },
    /// The gateway has none.
    #[error("REG0035 this gateway has not joined a network")]
    NotMember,
    /// The address cannot be had.
    #[error("REG0036 cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The root key does not open.
    #[error("REG0037 this is not the network's root key: {reason}")]
    RootKey {
        /// Why; no letter of what was typed is in it.
        reason: String,
    },
    /// A certificate.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
}

impl AuthorityError {
    /// The failure of an operation on a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }
}

impl From<rusqlite::Error> for AuthorityError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Records {
            reason: error.to_string(),
        }
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], AuthorityError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| AuthorityError::Random {
        reason: error.to_string(),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_comes_back_from_its_number() {
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.number(), place as u64);
            assert_eq!(Refusal::from_number(place as u64), Some(refusal));
        }
        assert_eq!(Refusal::from_number(13), None);
        assert_eq!(Refusal::from_number(u64::MAX), None);
    }
}
