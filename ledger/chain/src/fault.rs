// SPDX-License-Identifier: Apache-2.0
//! Why a block, a transaction or an entry is not accepted, and where.

use std::fmt;

use crate::Height;
use crate::cbor::DecodeError;

/// Why something is not accepted. [`Reason::code`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Bytes that are not the format.
    #[error("the encoding is wrong: {0}")]
    Encoding(DecodeError),
    /// A signature or certificate scheme that is not known.
    #[error("the signature scheme is not known")]
    UnknownScheme,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// No entries, too many, or another number than the header says.
    #[error("the number of entries is wrong")]
    EntryCount,
    /// An entry is too long.
    #[error("the entry is too long")]
    EntrySize,
    /// The entries are not those of the header.
    #[error("the entries do not hash to the root that was signed")]
    EntriesRoot,
    /// Made for another channel.
    #[error("made for another channel")]
    Channel,
    /// The signer is no member.
    #[error("the signer is not a member of the channel")]
    NotMember,
    /// The sequence is not above the member's last.
    #[error("the member's sequence does not rise")]
    Sequence,
    /// The block is past the transaction's last.
    #[error("the transaction has expired")]
    Expired,
    /// The kind is empty or too long.
    #[error("the kind is empty or too long")]
    Kind,
    /// A put without a payload or a delete with one.
    #[error("a put needs a payload and a delete has none")]
    Payload,
    /// The signer's membership was revoked.
    #[error("the signer's membership was revoked")]
    Revoked,
    /// The signer's membership is suspended.
    #[error("the signer's membership is suspended")]
    Suspended,
    /// The signer's time has ended.
    #[error("the signer's certificate has expired")]
    MemberExpired,
    /// Admission of somebody who was admitted already.
    #[error("the member to admit was admitted before")]
    AlreadyMember,
    /// A change that the member's standing leaves no room for.
    #[error("the change does not fit the member's standing")]
    Standing,
    /// A member's certificate that does not say what is claimed, is not the network's, or is not valid.
    #[error("the member's certificate is not accepted")]
    MemberCertificate,
    /// The block is past the proposal's last.
    #[error("the proposal has expired")]
    ProposalExpired,
    /// A contract's number that does not follow.
    #[error("the contract's number does not follow the present one's")]
    ContractNumber,
    /// An epoch's number that does not follow.
    #[error("the epoch's number does not follow the present one's")]
    EpochNumber,
    /// Other validators while others are decided on already.
    #[error("other validators were decided on already, and their time has not begun")]
    EpochPending,
    /// Validators who cannot order: two or three, too many, or those who do already.
    #[error(
        "these validators cannot order: one does, or four and more, other than the present ones"
    )]
    ValidatorSet,
    /// A validator who may not act, or whose organization has another.
    #[error("a validator is not an active member, or two are of one organization")]
    Validator,
    /// The contract does not permit it.
    #[error("the contract does not permit it")]
    NotPermitted,
    /// More entries than the contract allows.
    #[error("the transaction has more entries than the contract allows")]
    LimitEntries,
    /// More bytes than the contract allows.
    #[error("the transaction has more bytes than the contract allows")]
    LimitBytes,
    /// A term longer than the contract allows.
    #[error("the transaction would be valid for longer than the contract allows")]
    Horizon,
    /// A version of a resource that another organization wrote.
    #[error("the resource is another organization's")]
    Custodian,
    /// A grant to nobody, or to whoever was never a member or no longer is.
    #[error("a recipient of the grant is not a member of the channel")]
    Recipient,
    /// A name or role that is none.
    #[error("the member's organization or role is not in its form")]
    Member,
    /// A change of a member that does not follow the last one.
    #[error("the change does not follow the member's last one")]
    Revision,
    /// A contract that cannot be one.
    #[error("the contract cannot be taken")]
    Contract,
    /// An endorsement that is not its member's.
    #[error("an endorsement's signature does not verify")]
    Endorsement,
    /// A payload suite that this channel does not take.
    #[error("the payload suite is not accepted on this channel")]
    PayloadSuite,
    /// A payload of no bytes, or of too many.
    #[error("the payload's size is out of bounds")]
    PayloadSize,
    /// A key period where nothing is sealed.
    #[error("the key period does not fit the payload suite")]
    KeyPeriod,
    /// The version does not follow the resource's head.
    #[error("the version does not follow the resource's newest one")]
    VersionOrder,
    /// The previous entry named is not the resource's head.
    #[error("the previous entry is not the resource's newest one")]
    Previous,
    /// A deletion of what is not there.
    #[error("the resource to delete is not there")]
    Absent,
    /// The event is in this block already.
    #[error("the event is in this block already")]
    DuplicateEvent,
    /// The height does not follow.
    #[error("the height does not follow the block before")]
    HeightOrder,
    /// The previous hash is not that of the block before.
    #[error("the block does not follow the block before")]
    PreviousBlock,
    /// The time does not rise.
    #[error("the time does not rise")]
    Time,
    /// The number of the first entry is not the number of entries before.
    #[error("the number of the block's first entry is wrong")]
    FirstEntry,
    /// Too many transactions.
    #[error("the block has too many transactions")]
    TransactionCount,
    /// The transactions are not those of the header.
    #[error("the transactions do not hash to the block's root")]
    TxRoot,
    /// The tree of earlier headers has another root.
    #[error("the earlier blocks do not hash to the block's history root")]
    HistoryRoot,
    /// The state has another root.
    #[error("the state after the block before has another root")]
    StateRoot,
    /// Rules that this program does not have; it stops rather than guess.
    #[error(
        "the block was judged by rules that this program does not have: install the version that the network runs"
    )]
    RulesVersion,
    /// The next validators are not those of the channel.
    #[error("the next validators are not those of the channel")]
    Validators,
    /// The certificate is not that of the channel's validators over this header.
    #[error("the certificate does not certify this block")]
    Certificate,
}

impl Reason {
    /// A stable word, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Encoding(_) => "ENCODING",
            Self::UnknownScheme => "SCHEME",
            Self::Signature => "SIGNATURE",
            Self::EntryCount => "ENTRY_COUNT",
            Self::EntrySize => "ENTRY_SIZE",
            Self::EntriesRoot => "ENTRIES_ROOT",
            Self::Channel => "CHANNEL",
            Self::NotMember => "NOT_MEMBER",
            Self::Sequence => "SEQUENCE",
            Self::Expired => "EXPIRED",
            Self::Kind => "KIND",
            Self::Revoked => "REVOKED",
            Self::Suspended => "SUSPENDED",
            Self::MemberExpired => "MEMBER_EXPIRED",
            Self::AlreadyMember => "ALREADY_MEMBER",
            Self::Standing => "STANDING",
            Self::MemberCertificate => "MEMBER_CERTIFICATE",
            Self::ProposalExpired => "PROPOSAL_EXPIRED",
            Self::ContractNumber => "CONTRACT_NUMBER",
            Self::EpochNumber => "EPOCH_NUMBER",
            Self::EpochPending => "EPOCH_PENDING",
            Self::ValidatorSet => "VALIDATOR_SET",
            Self::Validator => "VALIDATOR",
            Self::NotPermitted => "NOT_PERMITTED",
            Self::LimitEntries => "LIMIT_ENTRIES",
            Self::LimitBytes => "LIMIT_BYTES",
            Self::Horizon => "HORIZON",
            Self::Custodian => "CUSTODIAN",
            Self::Recipient => "RECIPIENT",
            Self::Member => "MEMBER",
            Self::Revision => "REVISION",
            Self::Contract => "CONTRACT",
            Self::Endorsement => "ENDORSEMENT",
            Self::Payload => "PAYLOAD",
            Self::PayloadSuite => "PAYLOAD_SUITE",
            Self::PayloadSize => "PAYLOAD_SIZE",
            Self::KeyPeriod => "KEY_PERIOD",
            Self::VersionOrder => "VERSION_ORDER",
            Self::Previous => "PREVIOUS",
            Self::Absent => "ABSENT",
            Self::DuplicateEvent => "DUPLICATE_EVENT",
            Self::HeightOrder => "HEIGHT_ORDER",
            Self::PreviousBlock => "PREVIOUS_BLOCK",
            Self::Time => "TIME",
            Self::FirstEntry => "FIRST_ENTRY",
            Self::TransactionCount => "TRANSACTION_COUNT",
            Self::TxRoot => "TX_ROOT",
            Self::HistoryRoot => "HISTORY_ROOT",
            Self::StateRoot => "STATE_ROOT",
            Self::RulesVersion => "RULES_VERSION",
            Self::Validators => "VALIDATORS",
            Self::Certificate => "CERTIFICATE",
        }
    }
}

/// Why a transaction is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxFault {
    /// The entry's position in the transaction, where one entry is to blame.
    pub entry: Option<u64>,
    /// Why.
    pub reason: Reason,
}

impl From<Reason> for TxFault {
    fn from(reason: Reason) -> Self {
        Self {
            entry: None,
            reason,
        }
    }
}

impl fmt::Display for TxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl std::error::Error for TxFault {}

/// Why a block is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFault {
    /// The height that the block should have.
    pub height: Height,
    /// The transaction's position in the block, where one is to blame.
    pub transaction: Option<u64>,
    /// The entry's position in the transaction, where one is to blame.
    pub entry: Option<u64>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for BlockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "height {}", self.height)?;
        if let Some(transaction) = self.transaction {
            write!(f, ", transaction {transaction}")?;
        }
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for BlockFault {}
