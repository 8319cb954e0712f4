// SPDX-License-Identifier: Apache-2.0
//! Content keys of one's own, and the grants that hand them to others.

use std::collections::{HashMap, HashSet};

use silsila_chain::{
    Entry, Grant, Identity, PayloadCommitment, PayloadDigest, Suite, Transaction, TxId, sha256,
};
use silsila_seal::{Compartment, ContentKey, Envelopes, SealError, SealedAs, SealingPublic};

use crate::file::{content_key, int, newest_period, with_payload};
use crate::writer::Writer;
use crate::{Fault, Place, StoreError};

/// Keys that one transaction seals with.
#[derive(Default)]
pub(super) struct Keys {
    /// By compartment; the period is that in use.
    ready: HashMap<Compartment, ContentKey>,
    periods: HashMap<Compartment, u32>,
    /// Made for this transaction, to be kept with it.
    pub(super) made: HashSet<Compartment>,
    /// Granted by this transaction.
    pub(super) granted: HashSet<Compartment>,
}

impl Keys {
    pub(super) fn get(&self, of: &Compartment) -> Option<&ContentKey> {
        self.ready.get(of)
    }
}

/// A transaction, and its payloads in the order of its entries.
pub type WithPayloads = (Transaction, Vec<Vec<u8>>);

/// A grant, and the envelopes it commits to.
pub(super) type GrantWithPayload = (Entry, Vec<u8>);

impl Writer {
    /// The compartment of new records of a subject, with its key at hand; and the grant that must go before
    /// them, where the key was given to nobody yet.
    pub(super) fn prepare_key(
        &self,
        keys: &mut Keys,
        subject: silsila_chain::Tag,
        class: u8,
    ) -> Result<(Compartment, Option<GrantWithPayload>), StoreError> {
        let any = self
            .reading
            .opening
            .compartment(self.member.public(), subject, class, 0);
        let period = match keys.periods.get(&any) {
            Some(period) => *period,
            None => newest_period(&self.conn, &any)?,
        };
        keys.periods.insert(any, period);
        let of = Compartment { period, ..any };
        if keys.ready.contains_key(&of) {
            return Ok((of, None));
        }
        let kept = content_key(&self.conn, &of)?;
        let granted = kept.as_ref().is_some_and(|kept| kept.granted);
        let key = match kept {
            Some(kept) => kept.key,
            None => {
                keys.made.insert(of);
                ContentKey::generate().map_err(no_random)?
            }
        };
        let grant = if granted {
            None
        } else {
            self.grant(&of, &key, &self.recipients(class))?
        };
        if grant.is_some() {
            keys.granted.insert(of);
        }
        keys.ready.insert(of, key);
        Ok((of, grant))
    }

    /// Who is given the keys of a class: members with a sealing key whom the options name and whom the
    /// contract lets read without a word of the patient's; and this member itself, which could otherwise not
    /// go on from the chain alone.
    fn recipients(&self, class: u8) -> Vec<(Identity, SealingPublic)> {
        let me = Identity::ed25519(self.member.public());
        let (agreement, policy) = (self.chain.agreement(), &*self.reading.policy);
        let own = agreement.members().get(&me);
        let custodian = own.map_or("", |member| &member.organization);
        let permitted = |reader: &Identity| agreement.may_open(policy, reader, custodian, class);
        let members = self.chain.members().iter().map(|(identity, member)| {
            let public = SealingPublic(member.sealing_key);
            (*identity, public, member.may_act(self.chain.time_ms()))
        });
        let given = members.filter(|(identity, public, may_act)| {
            let named = *identity == me || ((self.grants)(identity, class) && permitted(identity));
            public.is_some() && may_act.is_ok() && named
        });
        given
            .map(|(identity, public, _)| (identity, public))
            .collect()
    }

    /// Whether the contract lets a member open what this one seals in a class, without a word of the patient's.
    pub(super) fn may_open(&self, reader: &Identity, class: u8) -> bool {
        let me = Identity::ed25519(self.member.public());
        let (agreement, policy) = (self.chain.agreement(), &*self.reading.policy);
        let own = agreement.members().get(&me);
        let custodian = own.map_or("", |member| &member.organization);
        agreement.may_open(policy, reader, custodian, class)
    }

    /// What comes before every compartment of this member.
    pub(crate) fn first_compartment(&self) -> Compartment {
        let (me, nobody) = (self.member.public(), silsila_chain::Tag([0; 16]));
        self.reading.opening.compartment(me, nobody, 0, 0)
    }

    /// A staged transaction with its payloads.
    pub(crate) fn staged(&self, id: &TxId) -> Result<Option<WithPayloads>, StoreError> {
        let Some(staged) = self.outbox.get(id) else {
            return Ok(None);
        };
        let ids = staged.payload..staged.payload + int(staged.payloads);
        let payloads = ids.map(|id| {
            let place = Place {
                table: "ledger_payload",
                tx_id: Some(staged.id),
                ..Place::default()
            };
            with_payload(&self.conn, id, <[u8]>::to_vec)?.ok_or_else(|| {
                let what = "the payload is missing".to_owned();
                Fault { place, what }.into()
            })
        });
        let payloads = payloads.collect::<Result<_, StoreError>>()?;
        Ok(Some((staged.transaction.clone(), payloads)))
    }

    /// The compartments that a transaction of one's own grants.
    pub(super) fn granted_by(
        &self,
        transaction: &Transaction,
    ) -> Result<Vec<Compartment>, StoreError> {
        let open = super::outbox::open(transaction)?;
        let grants = open
            .entries()
            .iter()
            .filter_map(|entry| entry.entry.grant());
        let me = self.member.public();
        let of = grants.map(|grant| {
            let (subject, class) = (grant.subject_tag, grant.label_class);
            let opening = &self.reading.opening;
            opening.compartment(me, subject, class, grant.key_period)
        });
        Ok(of.collect())
    }

    /// The grant of a key to recipients; `None` where nobody can be given it.
    pub(super) fn grant(
        &self,
        of: &Compartment,
        key: &ContentKey,
        recipients: &[(Identity, SealingPublic)],
    ) -> Result<Option<GrantWithPayload>, StoreError> {
        let sealed = |to: &[(Identity, SealingPublic)]| {
            let to: Vec<_> = to.iter().map(|(who, public)| (who.key, *public)).collect();
            Envelopes::seal(key, of, &to)
        };
        let envelopes = match sealed(recipients) {
            // One member's unusable key must not keep the others from theirs.
            Err(SealError::Recipient) => {
                let usable = recipients.iter().filter(|one| sealed(&[**one]).is_ok());
                sealed(&usable.copied().collect::<Vec<_>>())
            }
            other => other,
        };
        let envelopes = envelopes.map_err(no_random)?;
        let recipients: Vec<Identity> = envelopes.recipients().map(Identity::ed25519).collect();
        if recipients.is_empty() {
            return Ok(None);
        }
        let payload = envelopes.encode();
        let commitment = commit(Suite::ENVELOPES, &payload);
        let grant = Grant {
            subject_tag: of.subject,
            label_class: of.class,
            key_period: of.period,
            event_id: self
                .keys
                .event_id(&of.subject, None, Some(&commitment.digest.0)),
            recipients,
            payload: commitment,
        };
        Ok(Some((Entry::Grant(grant), payload)))
    }
}

/// Seals a packed version, and commits to it.
pub(super) fn seal_version(
    place: &SealedAs,
    key: &ContentKey,
    packed: &[u8],
) -> Result<(PayloadCommitment, Vec<u8>), StoreError> {
    let stored = place.seal(key, packed).map_err(no_random)?;
    Ok((commit(Suite::SEALED, &stored), stored))
}

/// The commitment to stored bytes.
pub(super) fn commit(suite: Suite, stored: &[u8]) -> PayloadCommitment {
    PayloadCommitment {
        suite,
        digest: PayloadDigest(sha256(stored)),
        size: u32::try_from(stored.len()).expect("a payload is below 16 MiB"),
    }
}

fn no_random(error: SealError) -> StoreError {
    StoreError::Io {
        action: "sealing with random numbers of",
        path: "the operating system".to_owned(),
        source: std::io::Error::other(error),
    }
}
