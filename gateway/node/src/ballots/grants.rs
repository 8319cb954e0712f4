// SPDX-License-Identifier: Apache-2.0
//! Keys for who may open what was sealed before: a member that was admitted, or came back.
//!
//! New compartments are granted as they are made, to whom the contract lets open them at that moment. What
//! was sealed before is granted here, class by class: each member has a set of classes of which everything
//! was given to it; where the contract permits more, a pass over this custodian's compartments gives the
//! rest, one transaction after the other. A member that could not act for a while may have missed
//! compartments made meanwhile, and is given everything again. The place of a pass is kept, so that a crash
//! repeats one transaction at most.

use std::collections::BTreeMap;

use silsila_chain::{ChainState, ChannelId, Identity, Member, PublicKey, Standing, Tag, TxId};
use silsila_seal::Compartment;
use silsila_store::rusqlite::OptionalExtension as _;
use silsila_store::{Store, StoreError, TxStatus};

use super::booth::Booth;

/// Grants of one transaction.
const BATCH: u64 = 200;
/// The bytes that a grant takes of a transaction, generously.
const GRANT_BYTES: u64 = 512;
/// What was refused is tried again after so many milliseconds.
const RETRY_MS: u64 = 5_000;

/// What is remembered between two looks.
#[derive(Default)]
pub(super) struct Granting {
    rows: BTreeMap<Identity, Served>,
    /// What each member may open, under the contract of this number.
    allowed: BTreeMap<Identity, Classes>,
    contract: u64,
    not_before_ms: u64,
}

/// A set of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Classes([u8; 32]);

impl Classes {
    fn has(&self, class: u8) -> bool {
        self.0[usize::from(class / 8)] & (1 << (class % 8)) != 0
    }

    fn of(has: impl Fn(u8) -> bool) -> Self {
        let mut classes = Self::default();
        for class in (0..=u8::MAX).filter(|class| has(*class)) {
            classes.0[usize::from(class / 8)] |= 1 << (class % 8);
        }
        classes
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far a member was served.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Served {
    /// Everything of these classes was given.
    served: Classes,
    /// It could not act when it was looked at last.
    absent: bool,
    /// The classes of the present pass.
    serving: Classes,
    /// Compartments up to here were given by it.
    behind: Option<Place>,
    /// Where the transaction on its way ends.
    next: Option<Place>,
    transaction: Option<TxId>,
}

/// A compartment of this custodian's, on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place([u8; 21]);

impl Place {
    fn of(compartment: &Compartment) -> Self {
        let mut bytes = [0; 21];
        bytes[..16].copy_from_slice(&compartment.subject.0);
        bytes[16] = compartment.class;
        bytes[17..].copy_from_slice(&compartment.period.to_be_bytes());
        Self(bytes)
    }

    fn compartment(&self, channel: ChannelId, custodian: PublicKey) -> Compartment {
        let (mut subject, mut period) = ([0; 16], [0; 4]);
        subject.copy_from_slice(&self.0[..16]);
        period.copy_from_slice(&self.0[17..]);
        Compartment {
            channel,
            custodian,
            subject: Tag(subject),
            class: self.0[16],
            period: u32::from_be_bytes(period),
        }
    }
}

impl Booth {
    /// Gives one member the next keys that it may have and was not given.
    pub(super) fn grant(
        &self,
        granting: &mut Granting,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let own = chain.members().get(&self.me);
        let Some(own) = own.filter(|own| own.may_act(chain.time_ms()).is_ok()) else {
            return Ok(());
        };
        if now < granting.not_before_ms {
            return Ok(());
        }
        if granting.contract != chain.agreement().contract_number() {
            granting.allowed.clear();
            granting.contract = chain.agreement().contract_number();
        }
        for (identity, member) in chain.members().iter() {
            if *identity == self.me || member.standing == Standing::Revoked {
                continue;
            }
            let allowed = *granting.allowed.entry(*identity).or_insert_with(|| {
                Classes::of(|class| {
                    let agreement = chain.agreement();
                    agreement.may_open(&*self.rules, identity, &own.organization, class)
                })
            });
            let row = self.row(granting, identity, allowed)?;
            let mut next = row.clone();
            let busy = self.serve(&mut next, (identity, member), allowed, chain)?;
            if next != row {
                write(&self.store, identity, &next)?;
                granting.rows.insert(*identity, next);
            }
            match busy {
                Busy::No => {}
                Busy::Refused => {
                    granting.not_before_ms = now + RETRY_MS;
                    return Ok(());
                }
                Busy::Yes => return Ok(()),
            }
        }
        Ok(())
    }

    /// How far a member was served; a founder was from the start.
    fn row(
        &self,
        granting: &mut Granting,
        identity: &Identity,
        allowed: Classes,
    ) -> Result<Served, StoreError> {
        if let Some(row) = granting.rows.get(identity) {
            return Ok(row.clone());
        }
        let row = match read(&self.store, identity)? {
            Some(row) => row,
            None => {
                let founded = self.genesis.founder(identity).is_some();
                let row = Served {
                    served: if founded { allowed } else { Classes::default() },
                    ..Served::default()
                };
                write(&self.store, identity, &row)?;
                row
            }
        };
        granting.rows.insert(*identity, row.clone());
        Ok(row)
    }

    fn serve(
        &self,
        row: &mut Served,
        (identity, member): (&Identity, &Member),
        allowed: Classes,
        chain: &ChainState,
    ) -> Result<Busy, StoreError> {
        if let Some(transaction) = row.transaction {
            match self.store.status(transaction) {
                Ok(TxStatus::Pending) => return Ok(Busy::Yes),
                Ok(TxStatus::Committed { .. }) => row.behind = row.next,
                Ok(TxStatus::Rejected { code }) => {
                    tracing::warn!(member = %identity.key, code, "keys for a member were refused");
                    (row.transaction, row.next) = (None, None);
                    return Ok(Busy::Refused);
                }
                Err(StoreError::UnknownTransaction { .. }) => {}
                Err(error) => return Err(error),
            }
            (row.transaction, row.next) = (None, None);
        }
        if member.may_act(chain.time_ms()).is_err() {
            row.absent = true;
            return Ok(Busy::No);
        }
        if std::mem::take(&mut row.absent) {
            (row.served, row.serving, row.behind) = (Classes::default(), Classes::default(), None);
        }
        row.served = Classes::of(|class| row.served.has(class) && allowed.has(class));
        if row.serving.is_empty() {
            row.serving = Classes::of(|class| allowed.has(class) && !row.served.has(class));
            row.behind = None;
        }
        if row.serving.is_empty() {
            return Ok(Busy::No);
        }
        self.go_on(row, identity, allowed, chain)
    }

    fn go_on(
        &self,
        row: &mut Served,
        identity: &Identity,
        allowed: Classes,
        chain: &ChainState,
    ) -> Result<Busy, StoreError> {
        let limits = &chain.agreement().contract().limits;
        let limit = BATCH
            .min(limits.entries)
            .min(limits.bytes / GRANT_BYTES)
            .max(1);
        let behind = row.behind;
        let behind = behind.map(|place| place.compartment(self.channel, self.me.key));
        let serving = row.serving;
        let staged = self.store.stage_grants_of(
            identity,
            &|class| serving.has(class),
            behind.as_ref(),
            u32::try_from(limit).unwrap_or(u32::MAX),
        )?;
        let Some((transaction, last)) = staged else {
            tracing::info!(member = %identity.key, "a member holds every key that it may have");
            row.served = Classes::of(|c| row.served.has(c) || serving.has(c) && allowed.has(c));
            (row.serving, row.behind) = (Classes::default(), None);
            return Ok(Busy::No);
        };
        (row.transaction, row.next) = (Some(transaction), Some(Place::of(&last)));
        self.store.submit(transaction)?;
        Ok(Busy::Yes)
    }
}

enum Busy {
    No,
    Yes,
    Refused,
}

fn read(store: &Store, identity: &Identity) -> Result<Option<Served>, StoreError> {
    store.local(|txn| {
        let found = txn
            .query_row(
                "SELECT served, absent, serving, behind, next, tx FROM vote_served WHERE member = ?1",
                [&identity.key.0[..]],
                |row| {
                    Ok(Served {
                        served: Classes(row.get(0)?),
                        absent: row.get(1)?,
                        serving: Classes(row.get(2)?),
                        behind: row.get::<_, Option<[u8; 21]>>(3)?.map(Place),
                        next: row.get::<_, Option<[u8; 21]>>(4)?.map(Place),
                        transaction: row.get::<_, Option<[u8; 32]>>(5)?.map(TxId),
                    })
                },
            )
            .optional()?;
        Ok(found)
    })
}

fn write(store: &Store, identity: &Identity, row: &Served) -> Result<(), StoreError> {
    store.local(|txn| {
        txn.execute(
            "INSERT OR REPLACE INTO vote_served (member, served, absent, serving, behind, next, tx)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                &identity.key.0[..],
                &row.served.0[..],
                row.absent,
                &row.serving.0[..],
                row.behind.map(|place| place.0.to_vec()),
                row.next.map(|place| place.0.to_vec()),
                row.transaction.map(|id| id.0.to_vec()),
            ),
        )?;
        Ok(())
    })
}
