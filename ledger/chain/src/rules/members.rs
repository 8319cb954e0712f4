// SPDX-License-Identifier: Apache-2.0
//! Who is a member, in what standing.

use std::collections::{BTreeMap, BTreeSet};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{read_identity, write_identity};
use crate::merkle::{self, Hash};
use crate::{
    Admission, Change, Entry, Genesis, Identity, MAX_ORGANIZATION, MAX_ROLE, MemberChange, Reason,
};

/// The most members that a channel ever has.
const MAX_MEMBERS: u64 = 4096;

/// Whether a member may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It may, until its time ends.
    Active,
    /// Not now.
    Suspended,
    /// Never again.
    Revoked,
}

/// A member as the chain knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The how manieth it was to join, from 0.
    pub ordinal: u32,
    /// Its X25519 public key.
    pub sealing_key: [u8; 32],
    /// Its organization.
    pub organization: String,
    /// What the organization is to the others.
    pub role: String,
    /// Until when it may act, in milliseconds since 1970.
    pub not_after_ms: u64,
    /// Whether it may act.
    pub standing: Standing,
    /// How many changes it has seen; 1 when it joined.
    pub revision: u64,
    /// The sequence of its last committed transaction; 0 before the first.
    pub sequence: u64,
}

impl Member {
    fn joining(ordinal: usize, admission: &Admission) -> Self {
        Self {
            ordinal: u32::try_from(ordinal).expect("there are at most 4096 members"),
            sealing_key: admission.sealing_key,
            organization: admission.organization.clone(),
            role: admission.role.clone(),
            not_after_ms: admission.not_after_ms,
            standing: Standing::Active,
            revision: 1,
            sequence: 0,
        }
    }

    /// Whether its time has ended.
    #[must_use]
    pub const fn is_expired(&self, at_ms: u64) -> bool {
        at_ms > self.not_after_ms
    }

    /// Checks that it may act at a time.
    ///
    /// # Errors
    /// [`Reason::Revoked`], [`Reason::Suspended`], [`Reason::MemberExpired`].
    pub const fn may_act(&self, at_ms: u64) -> Result<(), Reason> {
        match self.standing {
            Standing::Revoked => Err(Reason::Revoked),
            Standing::Suspended => Err(Reason::Suspended),
            Standing::Active if self.is_expired(at_ms) => Err(Reason::MemberExpired),
            Standing::Active => Ok(()),
        }
    }

    /// As [`Member::may_act`], for what it submits: whoever's time has ended may still extend members' time,
    /// and do nothing else.
    pub(super) fn may_submit<'e>(
        &self,
        entries: impl IntoIterator<Item = &'e Entry>,
        at_ms: u64,
    ) -> Result<(), Reason> {
        let extends = |entry: &Entry| {
            matches!(entry, Entry::Member(change)
                if matches!(change.proposal.change, Change::Renew { .. }))
        };
        if self.standing == Standing::Active && entries.into_iter().all(extends) {
            return Ok(());
        }
        self.may_act(at_ms)
    }

    fn change(&mut self, change: &Change) -> Result<(), Reason> {
        self.standing = match (self.standing, change) {
            (_, Change::Admit(_)) => return Err(Reason::AlreadyMember),
            (Standing::Revoked, _) => return Err(Reason::Revoked),
            (standing, Change::Renew { not_after_ms, .. }) => {
                self.not_after_ms = *not_after_ms;
                standing
            }
            (Standing::Active, Change::Suspend { .. }) => Standing::Suspended,
            (Standing::Suspended, Change::Reinstate) => Standing::Active,
            (_, Change::Revoke { .. }) => Standing::Revoked,
            (_, Change::Suspend { .. } | Change::Reinstate) => return Err(Reason::Standing),
        };
        self.revision += 1;
        Ok(())
    }
}

/// All members that ever were, by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members(BTreeMap<Identity, Member>);

impl Members {
    /// The founders.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        let founders = genesis.members.iter().enumerate();
        let members = founders.map(|(ordinal, founder)| {
            (
                founder.identity,
                Member::joining(ordinal, &founder.admission),
            )
        });
        Self(members.collect())
    }

    /// A member, in whatever standing.
    #[must_use]
    pub fn get(&self, identity: &Identity) -> Option<&Member> {
        self.0.get(identity)
    }

    /// All, in ascending order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Identity, &Member)> {
        self.0.iter()
    }

    /// How many there ever were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who joined as the `ordinal`th.
    #[must_use]
    pub fn by_ordinal(&self, ordinal: u32) -> Option<&Member> {
        self.0.values().find(|member| member.ordinal == ordinal)
    }

    /// How many organizations have a say: those with a member that may act at `at_ms`, or `None` for
    /// whoever's time may have ended.
    #[must_use]
    pub fn organizations(&self, at_ms: Option<u64>) -> u32 {
        let members = self.0.values().filter(|member| has_a_say(member, at_ms));
        count(members.map(|member| &member.organization[..]))
    }

    /// How many organizations the identities speak for that have a say.
    #[must_use]
    pub fn votes<'i>(
        &self,
        identities: impl Iterator<Item = &'i Identity>,
        at_ms: Option<u64>,
    ) -> u32 {
        let members = identities.filter_map(|identity| self.0.get(identity));
        let members = members.filter(|member| has_a_say(member, at_ms));
        count(members.map(|member| &member.organization[..]))
    }

    /// Names the membership in state roots.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut writer = Writer::new();
        self.write(&mut writer);
        merkle::leaf_hash(writer.as_bytes())
    }

    /// Checks that a change follows.
    ///
    /// # Errors
    /// Names the reason.
    pub fn check(&self, change: &MemberChange) -> Result<(), Reason> {
        let known = self.0.get(&change.subject);
        match (&change.change, known) {
            (Change::Admit(_), Some(_)) => Err(Reason::AlreadyMember),
            (Change::Admit(_), None) if self.0.len() as u64 >= MAX_MEMBERS => Err(Reason::Member),
            (Change::Admit(_), None) => Ok(()),
            (_, None) => Err(Reason::NotMember),
            (_, Some(member)) if change.revision != member.revision + 1 => Err(Reason::Revision),
            (what, Some(member)) => member.clone().change(what),
        }
    }

    /// Makes a change that was checked.
    pub(super) fn apply(&mut self, change: &MemberChange) -> Result<(), Reason> {
        let ordinal = self.0.len();
        match (&change.change, self.0.get_mut(&change.subject)) {
            (Change::Admit(admission), None) => {
                let member = Member::joining(ordinal, admission);
                self.0.insert(change.subject, member);
                Ok(())
            }
            (_, None) => Err(Reason::NotMember),
            (what, Some(member)) => member.change(what),
        }
    }

    pub(super) fn advance(&mut self, identity: &Identity, sequence: u64) {
        if let Some(member) = self.0.get_mut(identity) {
            member.sequence = sequence;
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(self.0.len() as u64);
        for (identity, member) in &self.0 {
            writer.array(9);
            write_identity(writer, identity);
            writer
                .uint(u64::from(member.ordinal))
                .bytes(&member.sealing_key)
                .text(&member.organization)
                .text(&member.role)
                .uint(member.not_after_ms)
                .uint(member.standing as u64)
                .uint(member.revision)
                .uint(member.sequence);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut members = BTreeMap::new();
        for _ in 0..reader.array(MAX_MEMBERS)? {
            reader.tuple(9)?;
            let before = reader.error("members that are not in ascending order");
            let identity = read_identity(reader)?;
            if members.last_key_value().map(|(last, _)| *last) >= Some(identity) {
                return Err(before);
            }
            let member = Member {
                ordinal: reader.uint32()?,
                sealing_key: reader.fixed()?,
                organization: reader.text(MAX_ORGANIZATION)?.to_owned(),
                role: reader.text(MAX_ROLE)?.to_owned(),
                not_after_ms: reader.uint()?,
                standing: read_standing(reader)?,
                revision: reader.uint()?,
                sequence: reader.uint()?,
            };
            members.insert(identity, member);
        }
        Ok(Self(members))
    }
}

fn read_standing(reader: &mut Reader<'_>) -> Result<Standing, DecodeError> {
    let before = reader.error("a standing that this version does not know");
    match reader.uint()? {
        0 => Ok(Standing::Active),
        1 => Ok(Standing::Suspended),
        2 => Ok(Standing::Revoked),
        _ => Err(before),
    }
}

fn has_a_say(member: &Member, at_ms: Option<u64>) -> bool {
    member.standing == Standing::Active && at_ms.is_none_or(|at_ms| !member.is_expired(at_ms))
}

fn count<'o>(organizations: impl Iterator<Item = &'o str>) -> u32 {
    let organizations: BTreeSet<&str> = organizations.collect();
    u32::try_from(organizations.len()).expect("there are at most 4096 members")
}
