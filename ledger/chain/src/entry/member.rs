// SPDX-License-Identifier: Apache-2.0
//! Changes of who is a member.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::Proposal;
use crate::key::{read_identity, write_identity};
use crate::{Height, Identity, Reason};

/// The longest name of an organization, in bytes.
pub const MAX_ORGANIZATION: usize = 192;
/// The longest role, in bytes.
pub const MAX_ROLE: usize = 32;
/// The longest certificate of a member, in bytes of DER.
pub const MAX_MEMBER_CERTIFICATE: usize = 4096;

const ADMIT: u64 = 1;
const RENEW: u64 = 2;
const SUSPEND: u64 = 3;
const REINSTATE: u64 = 4;
const REVOKE: u64 = 5;
const COMMON_ITEMS: u64 = 4;
const ADMISSION_ITEMS: u64 = 5;

/// Who somebody is when they join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Their X25519 public key, to which content keys are enveloped; zeros for a gateway alone.
    pub sealing_key: [u8; 32],
    /// The organization, at most 192 bytes; empty for a gateway alone.
    pub organization: String,
    /// What the organization is to the others, such as `hospital` or `laboratory`: a word of lower-case
    /// letters, digits and hyphens; empty for a gateway alone.
    pub role: String,
    /// The X.509 certificate in DER, issued by the network's authority; empty where there is none.
    pub certificate: Vec<u8>,
    /// Until when they may act, in milliseconds since 1970.
    pub not_after_ms: u64,
}

impl Admission {
    /// Checks what an admission says of itself.
    ///
    /// # Errors
    /// [`Reason::Member`].
    pub fn check(&self) -> Result<(), Reason> {
        let organization = &self.organization;
        let named = !organization.is_empty()
            && organization.trim() == organization
            && !organization.contains(char::is_control);
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let sealing = self.sealing_key != [0; 32];
        if named && sealing && self.role.starts_with(word) && self.role.chars().all(word) {
            Ok(())
        } else {
            Err(Reason::Member)
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .bytes(&self.sealing_key)
            .text(&self.organization)
            .text(&self.role)
            .bytes(&self.certificate)
            .uint(self.not_after_ms);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sealing_key: reader.fixed()?,
            organization: reader.text(MAX_ORGANIZATION)?.to_owned(),
            role: reader.text(MAX_ROLE)?.to_owned(),
            certificate: reader.bytes(MAX_MEMBER_CERTIFICATE)?.to_vec(),
            not_after_ms: reader.uint()?,
        })
    }
}

/// What happens to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// 1: they join.
    Admit(Admission),
    /// 2: they may act for longer.
    Renew {
        /// The new certificate in DER; empty where members extend the old one by vote, because the
        /// authority is gone.
        certificate: Vec<u8>,
        /// Until when, in milliseconds since 1970.
        not_after_ms: u64,
    },
    /// 3: they may not act for a while.
    Suspend {
        /// Why, as a CRLReason of RFC 5280.
        reason: u8,
    },
    /// 4: a suspension ends.
    Reinstate,
    /// 5: they may never act again.
    Revoke {
        /// Why, as a CRLReason of RFC 5280.
        reason: u8,
    },
}

impl Change {
    const fn number(&self) -> (u64, u64) {
        match self {
            Self::Admit(_) => (ADMIT, COMMON_ITEMS + ADMISSION_ITEMS),
            Self::Renew { .. } => (RENEW, COMMON_ITEMS + 2),
            Self::Suspend { .. } => (SUSPEND, COMMON_ITEMS + 1),
            Self::Reinstate => (REINSTATE, COMMON_ITEMS),
            Self::Revoke { .. } => (REVOKE, COMMON_ITEMS + 1),
        }
    }
}

/// One change of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// Whom it changes.
    pub subject: Identity,
    /// How many changes the member has seen with this one: 1 for an admission.
    pub revision: u64,
    /// The last block that may hold the change.
    pub until: Height,
    /// What happens.
    pub change: Change,
}

impl MemberChange {
    pub(super) fn check(&self) -> Result<(), Reason> {
        match &self.change {
            Change::Admit(admission) if self.revision == 1 => admission.check(),
            Change::Admit(_) => Err(Reason::Revision),
            _ => Ok(()),
        }
    }
}

impl Proposal for MemberChange {
    const KIND: u64 = 7;

    fn write(&self, writer: &mut Writer) {
        let (number, items) = self.change.number();
        writer.array(items).uint(number);
        write_identity(writer, &self.subject);
        writer.uint(self.revision).uint(self.until.0);
        match &self.change {
            Change::Admit(admission) => admission.write(writer),
            Change::Renew {
                certificate,
                not_after_ms,
            } => _ = writer.bytes(certificate).uint(*not_after_ms),
            Change::Suspend { reason } | Change::Revoke { reason } => {
                writer.uint(u64::from(*reason));
            }
            Change::Reinstate => {}
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = reader.error("a change of a member that this version does not know");
        let items = reader.array(COMMON_ITEMS + ADMISSION_ITEMS)?;
        let number = reader.uint()?;
        let subject = read_identity(reader)?;
        let (revision, until) = (reader.uint()?, Height(reader.uint()?));
        let change = match number {
            ADMIT if items == COMMON_ITEMS + ADMISSION_ITEMS => {
                Change::Admit(Admission::read(reader)?)
            }
            RENEW if items == COMMON_ITEMS + 2 => Change::Renew {
                certificate: reader.bytes(MAX_MEMBER_CERTIFICATE)?.to_vec(),
                not_after_ms: reader.uint()?,
            },
            SUSPEND if items == COMMON_ITEMS + 1 => Change::Suspend {
                reason: reader.byte()?,
            },
            REINSTATE if items == COMMON_ITEMS => Change::Reinstate,
            REVOKE if items == COMMON_ITEMS + 1 => Change::Revoke {
                reason: reader.byte()?,
            },
            _ => return Err(before),
        };
        Ok(Self {
            subject,
            revision,
            until,
            change,
        })
    }
}
