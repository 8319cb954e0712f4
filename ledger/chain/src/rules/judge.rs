// SPDX-License-Identifier: Apache-2.0
//! Which transactions a block may hold.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    ChainState, EntryHash, EventId, Identity, Op, OpenEntry, OpenTransaction, Reason, Record,
    Suite, Tag, TxFault,
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
    heads: HashMap<Tag, Head>,
    sequences: BTreeMap<Identity, u64>,
    events: HashSet<EventId>,
    entries: u64,
}

/// What one transaction would change.
#[derive(Default)]
struct Draft {
    heads: HashMap<Tag, Head>,
    events: HashSet<EventId>,
}

impl<'s> Judge<'s> {
    pub(super) fn new(state: &'s ChainState) -> Self {
        Self {
            state,
            heads: HashMap::new(),
            sequences: BTreeMap::new(),
            events: HashSet::new(),
            entries: 0,
        }
    }

    /// Takes a transaction into the block, or leaves everything as it was.
    ///
    /// # Errors
    /// Where the rules refuse it or heads cannot be looked up.
    pub fn admit<H: Heads>(
        &mut self,
        transaction: &OpenTransaction,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        let header = transaction.header();
        if header.channel != self.state.channel() {
            return Err(Reason::Channel.into());
        }
        let last = self
            .sequences
            .get(&header.member)
            .copied()
            .or_else(|| self.state.sequence(&header.member));
        if header.sequence <= last.ok_or(Reason::NotMember)? {
            return Err(Reason::Sequence.into());
        }
        if self.state.height().next() > header.valid_until {
            return Err(Reason::Expired.into());
        }
        let mut draft = Draft::default();
        for (position, entry) in (0..).zip(transaction.entries()) {
            self.admit_entry(&mut draft, entry, heads)
                .map_err(|refused| match refused {
                    Refused::Fault(fault) => Refused::Fault(TxFault {
                        entry: Some(position),
                        ..fault
                    }),
                    other @ Refused::Heads(_) => other,
                })?;
        }
        self.heads.extend(draft.heads);
        self.events.extend(draft.events);
        self.sequences.insert(header.member, header.sequence);
        self.entries += header.count;
        Ok(())
    }

    fn admit_entry<H: Heads>(
        &self,
        draft: &mut Draft,
        entry: &OpenEntry,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        let record = entry.entry.record();
        if record
            .payload
            .is_some_and(|payload| payload.suite == Suite::CLEAR)
            && self.state.is_shared()
        {
            return Err(Reason::PayloadSuite.into());
        }
        let tag = &record.resource_tag;
        let head = match draft.heads.get(tag).or_else(|| self.heads.get(tag)) {
            Some(head) => Some(*head),
            None => heads.head(tag).map_err(Refused::Heads)?,
        };
        follows(record, head)?;
        if self.events.contains(&record.event_id) || !draft.events.insert(record.event_id) {
            return Err(Reason::DuplicateEvent.into());
        }
        draft.heads.insert(*tag, Head::of(record, entry.hash));
        Ok(())
    }

    /// The newest versions that the admitted transactions made.
    #[must_use]
    pub const fn heads(&self) -> &HashMap<Tag, Head> {
        &self.heads
    }

    pub(super) fn finish(self) -> (HashMap<Tag, Head>, BTreeMap<Identity, u64>, u64) {
        (self.heads, self.sequences, self.entries)
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
