// SPDX-License-Identifier: Apache-2.0
//! Which transactions a block may hold.

use std::collections::BTreeMap;

use crate::tag_map::{EventSet, TagMap};
use crate::{
    Accepted, CertifiedHeader, ChainState, Entry, EntryHash, EventId, Grant, Identity, Op,
    OpenEntry, OpenTransaction, PayloadCommitment, Reason, Record, StateHash, Suite, Tag,
    TransactionHeader, TxFault, TxId,
};

/// The newest version of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub version: u64,
    /// Its entry.
    pub entry: EntryHash,
    /// Whether it is a deletion.
    pub deleted: bool,
}

impl Head {
    /// The head that an entry makes.
    #[must_use]
    pub fn of(record: &Record, entry: EntryHash) -> Self {
        Self {
            version: record.version,
            entry,
            deleted: record.op == Op::Delete,
        }
    }
}

/// Where the newest versions are found, as of the block before the one that is judged.
pub trait Heads {
    /// What can go wrong.
    type Error;

    /// The newest version of a resource.
    ///
    /// # Errors
    /// Where it cannot be looked up.
    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, Self::Error>;
}

/// A transaction was not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused<E> {
    /// By the rules.
    Fault(TxFault),
    /// Because heads could not be looked up.
    Heads(E),
}

impl<E> From<Reason> for Refused<E> {
    fn from(reason: Reason) -> Self {
        Self::Fault(reason.into())
    }
}

/// Judges the transactions of one block, in order.
#[derive(Debug)]
pub struct Judge<'s> {
    state: &'s ChainState,
    heads: TagMap<Head>,
    sequences: BTreeMap<Identity, u64>,
    events: EventSet,
    entries: u64,
    admitted: Vec<TxId>,
}

/// What one transaction changed so far, to be undone if it is refused.
#[derive(Default)]
struct Undo {
    heads: Vec<(Tag, Option<Head>)>,
    events: Vec<EventId>,
}

impl<'s> Judge<'s> {
    pub(super) fn new(state: &'s ChainState) -> Self {
        let (heads, events) = (TagMap::default(), EventSet::default());
        Self {
            state,
            heads,
            sequences: BTreeMap::new(),
            events,
            entries: 0,
            admitted: Vec::new(),
        }
    }

    /// Takes a transaction into the block, or leaves everything as it was.
    ///
    /// # Errors
    /// Where the rules refuse it or heads cannot be looked up.
    pub fn admit<H: Heads + ?Sized>(
        &mut self,
        transaction: &OpenTransaction,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        let header = transaction.header();
        self.admit_header(header)?;
        let mut undo = Undo::default();
        self.heads.reserve(transaction.entries().len());
        self.events.reserve(transaction.entries().len());
        for (position, entry) in (0..).zip(transaction.entries()) {
            if let Err(refused) = self.admit_entry(&mut undo, entry, heads) {
                self.undo(undo);
                return Err(match refused {
                    Refused::Fault(fault) => Refused::Fault(TxFault {
                        entry: Some(position),
                        ..fault
                    }),
                    other @ Refused::Heads(_) => other,
                });
            }
        }
        self.sequences.insert(header.member, header.sequence);
        self.entries += header.count;
        self.admitted.push(transaction.id());
        Ok(())
    }

    fn admit_header(&self, header: &TransactionHeader) -> Result<(), Reason> {
        if header.channel != self.state.channel() {
            return Err(Reason::Channel);
        }
        let last = self
            .sequences
            .get(&header.member)
            .copied()
            .or_else(|| self.state.sequence(&header.member));
        if header.sequence <= last.ok_or(Reason::NotMember)? {
            return Err(Reason::Sequence);
        }
        if self.state.height().next() > header.valid_until {
            Err(Reason::Expired)
        } else {
            Ok(())
        }
    }

    fn admit_entry<H: Heads + ?Sized>(
        &mut self,
        undo: &mut Undo,
        entry: &OpenEntry,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        match &entry.entry {
            Entry::Record(record) => self.admit_record(undo, record, entry.hash, heads),
            Entry::Grant(grant) => self.admit_grant(undo, grant).map_err(Refused::from),
            Entry::Member(_) => Err(Reason::Member.into()),
            Entry::Contract(_) => Err(Reason::Contract.into()),
        }
    }

    fn admit_grant(&mut self, undo: &mut Undo, grant: &Grant) -> Result<(), Reason> {
        if !self.state.is_shared() {
            return Err(Reason::PayloadSuite);
        }
        let mut recipients = grant.recipients.iter();
        if recipients.any(|recipient| self.state.sequence(recipient).is_none()) {
            return Err(Reason::Recipient);
        }
        self.admit_event(undo, grant.event_id)
    }

    fn admit_event(&mut self, undo: &mut Undo, event: EventId) -> Result<(), Reason> {
        if !self.events.insert(event) {
            return Err(Reason::DuplicateEvent);
        }
        undo.events.push(event);
        Ok(())
    }

    fn admit_record<H: Heads + ?Sized>(
        &mut self,
        undo: &mut Undo,
        record: &Record,
        hash: EntryHash,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        let sealed = |payload: PayloadCommitment| payload.suite == Suite::SEALED;
        if record
            .payload
            .is_some_and(|payload| sealed(payload) != self.state.is_shared())
        {
            return Err(Reason::PayloadSuite.into());
        }
        let tag = record.resource_tag;
        let head = match self.heads.get(&tag) {
            Some(head) => Some(*head),
            None => heads.head(&tag).map_err(Refused::Heads)?,
        };
        follows(record, head)?;
        self.admit_event(undo, record.event_id)?;
        undo.heads
            .push((tag, self.heads.insert(tag, Head::of(record, hash))));
        Ok(())
    }

    fn undo(&mut self, undo: Undo) {
        for (tag, head) in undo.heads.into_iter().rev() {
            match head {
                Some(head) => self.heads.insert(tag, head),
                None => self.heads.remove(&tag),
            };
        }
        for event in &undo.events {
            self.events.remove(event);
        }
    }

    /// The transactions admitted so far.
    #[must_use]
    pub fn admitted(&self) -> &[TxId] {
        &self.admitted
    }

    /// The newest versions that the admitted transactions made.
    #[must_use]
    pub const fn heads(&self) -> &TagMap<Head> {
        &self.heads
    }

    /// Closes the block: `certified` must be the header over exactly the admitted transactions, and
    /// `change` the sum of their [`OpenTransaction::change_state`].
    ///
    /// # Errors
    /// Names the reason.
    pub fn conclude(
        self,
        certified: &CertifiedHeader,
        change: &StateHash,
    ) -> Result<Accepted, Reason> {
        self.state.verify_header(certified, &self.admitted)?;
        Ok(self.accept(certified, change))
    }

    /// As [`Judge::conclude`], for a header that is only proposed: what the chain becomes if its
    /// validators certify it.
    ///
    /// # Errors
    /// Names the reason.
    pub fn foresee(self, header: &[u8], change: &StateHash) -> Result<Accepted, Reason> {
        self.conclude(&CertifiedHeader::foreseen(header)?, change)
    }

    pub(super) fn accept(self, certified: &CertifiedHeader, change: &StateHash) -> Accepted {
        let after = self
            .state
            .after(certified, self.entries, change, self.sequences);
        Accepted {
            heads: self.heads,
            after,
        }
    }
}

fn follows(record: &Record, head: Option<Head>) -> Result<(), Reason> {
    let version = head.map_or(0, |head| head.version);
    if record.version.checked_sub(1) != Some(version) {
        return Err(Reason::VersionOrder);
    }
    if record.previous != head.map(|head| head.entry) {
        return Err(Reason::Previous);
    }
    if record.op == Op::Delete && head.is_none_or(|head| head.deleted) {
        return Err(Reason::Absent);
    }
    Ok(())
}
