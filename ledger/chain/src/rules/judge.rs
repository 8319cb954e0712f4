// SPDX-License-Identifier: Apache-2.0
//! Which transactions a block may hold.

use crate::rules::{Action, Agreement, Policy};
use crate::tag_map::{EventSet, TagMap};
use crate::{
    Accepted, CertifiedHeader, ChainState, Entry, EntryHash, EventId, Grant, Op, OpenEntry,
    OpenTransaction, PayloadCommitment, Reason, Record, Standing, StateHash, Suite, Tag,
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
    /// Who wrote it: [`crate::Member::ordinal`].
    pub author: u32,
}

impl Head {
    /// The head that an entry makes.
    #[must_use]
    pub fn of(record: &Record, entry: EntryHash, author: u32) -> Self {
        Self {
            version: record.version,
            entry,
            deleted: record.op == Op::Delete,
            author,
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

/// Judges the transactions of one block, in order. What a transaction changes of members and contract
/// holds from the next entry on.
#[derive(Debug)]
pub struct Judge<'s> {
    state: &'s ChainState,
    policy: &'s dyn Policy,
    agreement: Agreement,
    heads: TagMap<Head>,
    events: EventSet,
    entries: u64,
    admitted: Vec<TxId>,
}

/// What one transaction changed so far, to be undone if it is refused.
struct Undo {
    agreement: Agreement,
    heads: Vec<(Tag, Option<Head>)>,
    events: Vec<EventId>,
}

/// The transaction that is being judged.
struct Current<'t> {
    header: &'t TransactionHeader,
    author: u32,
    /// What the contract permitted in this transaction already.
    permitted: Vec<Action<'t>>,
}

impl<'s> Judge<'s> {
    pub(super) fn new(state: &'s ChainState, policy: &'s dyn Policy) -> Self {
        Self {
            state,
            policy,
            agreement: state.agreement().clone(),
            heads: TagMap::default(),
            events: EventSet::default(),
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
        let author = self.admit_header(transaction)?;
        let mut current = Current {
            header,
            author,
            permitted: Vec::new(),
        };
        let mut undo = Undo {
            agreement: self.agreement.clone(),
            heads: Vec::new(),
            events: Vec::new(),
        };
        self.heads.reserve(transaction.entries().len());
        self.events.reserve(transaction.entries().len());
        for (position, entry) in (0..).zip(transaction.entries()) {
            if let Err(refused) = self.admit_entry(&mut current, &mut undo, entry, heads) {
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
        self.agreement.advance(&header.member, header.sequence);
        self.entries += header.count;
        self.admitted.push(transaction.id());
        Ok(())
    }

    /// Judges all but the entries; says which member signed.
    fn admit_header(&self, transaction: &OpenTransaction) -> Result<u32, Reason> {
        let header = transaction.header();
        if header.channel != self.state.channel() {
            return Err(Reason::Channel);
        }
        let member = self.agreement.members().get(&header.member);
        let member = member.ok_or(Reason::NotMember)?;
        let entries = transaction.entries().iter().map(|entry| &entry.entry);
        member.may_submit(entries, self.state.time_ms())?;
        if header.sequence <= member.sequence {
            return Err(Reason::Sequence);
        }
        let (height, limits) = (
            self.state.moment().height,
            &self.agreement.contract().limits,
        );
        let bytes = transaction.entries().last().map_or(0, |entry| entry.end);
        let faults = [
            (height > header.valid_until.0, Reason::Expired),
            (
                header.valid_until.0 - height.min(header.valid_until.0) > limits.horizon,
                Reason::Horizon,
            ),
            (header.count > limits.entries, Reason::LimitEntries),
            (bytes as u64 > limits.bytes, Reason::LimitBytes),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, reason)) => Err(reason),
            None => Ok(member.ordinal),
        }
    }

    fn admit_entry<'t, H: Heads + ?Sized>(
        &mut self,
        current: &mut Current<'t>,
        undo: &mut Undo,
        entry: &'t OpenEntry,
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        match &entry.entry {
            Entry::Record(record) => self.admit_record(current, undo, (record, entry.hash), heads),
            Entry::Grant(grant) => self
                .admit_grant(current, undo, grant)
                .map_err(Refused::from),
            change @ (Entry::Member(_) | Entry::Contract(_) | Entry::Epoch(_)) => {
                current.permitted.clear();
                let (moment, signer) = (self.state.moment(), &current.header.member);
                Ok(self.agreement.change(self.policy, moment, signer, change)?)
            }
        }
    }

    fn permits<'t>(&self, current: &mut Current<'t>, action: Action<'t>) -> Result<(), Reason> {
        if current.permitted.contains(&action) {
            return Ok(());
        }
        let signer = &current.header.member;
        self.agreement.permits(self.policy, signer, action)?;
        current.permitted.push(action);
        Ok(())
    }

    fn admit_grant<'t>(
        &mut self,
        current: &mut Current<'t>,
        undo: &mut Undo,
        grant: &'t Grant,
    ) -> Result<(), Reason> {
        if self.agreement.is_alone() {
            return Err(Reason::PayloadSuite);
        }
        let members = self.agreement.members();
        let mut recipients = grant
            .recipients
            .iter()
            .map(|recipient| members.get(recipient));
        let gone = |member: &crate::Member| member.standing == Standing::Revoked;
        if recipients.any(|recipient| recipient.is_none_or(gone)) {
            return Err(Reason::Recipient);
        }
        let label_class = grant.label_class;
        self.permits(current, Action::Grant { label_class })?;
        self.admit_event(undo, grant.event_id)
    }

    fn admit_event(&mut self, undo: &mut Undo, event: EventId) -> Result<(), Reason> {
        if !self.events.insert(event) {
            return Err(Reason::DuplicateEvent);
        }
        undo.events.push(event);
        Ok(())
    }

    fn admit_record<'t, H: Heads + ?Sized>(
        &mut self,
        current: &mut Current<'t>,
        undo: &mut Undo,
        (record, hash): (&'t Record, EntryHash),
        heads: &mut H,
    ) -> Result<(), Refused<H::Error>> {
        let sealed = |payload: PayloadCommitment| payload.suite == Suite::SEALED;
        if record
            .payload
            .is_some_and(|payload| sealed(payload) == self.agreement.is_alone())
        {
            return Err(Reason::PayloadSuite.into());
        }
        let tag = record.resource_tag;
        let head = match self.heads.get(&tag) {
            Some(head) => Some(*head),
            None => heads.head(&tag).map_err(Refused::Heads)?,
        };
        follows(record, head)?;
        self.is_custodian(current, head)?;
        let action = Action::Append {
            kind: &record.kind,
            label_class: record.label_class,
            deletes: record.op == Op::Delete,
        };
        self.permits(current, action)?;
        self.admit_event(undo, record.event_id)?;
        let head = Head::of(record, hash, current.author);
        undo.heads.push((tag, self.heads.insert(tag, head)));
        Ok(())
    }

    /// Only the organization that wrote a resource writes its next version, whatever the contract says:
    /// anybody on the channel sees the tag and the hash that a next version names.
    fn is_custodian(&self, current: &Current<'_>, head: Option<Head>) -> Result<(), Reason> {
        let Some(head) = head.filter(|head| head.author != current.author) else {
            return Ok(());
        };
        let members = self.agreement.members();
        let (author, signer) = (
            members.by_ordinal(head.author),
            members.by_ordinal(current.author),
        );
        match (author, signer) {
            (Some(author), Some(signer)) if author.organization == signer.organization => Ok(()),
            _ => Err(Reason::Custodian),
        }
    }

    fn undo(&mut self, undo: Undo) {
        self.agreement = undo.agreement;
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
            .after(certified, self.entries, change, self.agreement);
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
