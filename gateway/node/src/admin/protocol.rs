// SPDX-License-Identifier: Apache-2.0
//! What goes over the admin socket, and what `status --json` prints.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use silsila_pipeline::{QuarantineEntry, QuarantineFilter};
use silsila_store::{Health, Store, StoreError};

use crate::ballots::{BallotReport, MemberReport, Standing, VoteOrder};
use crate::clock::Off;

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// How are you?
    Status,
    /// The loss that a source asks about is meant.
    Confirm {
        /// The source.
        source: String,
    },
    /// Read every row again.
    Resync {
        /// The source.
        source: String,
        /// Only this mapping.
        mapping: Option<String>,
    },
    /// List rows in quarantine.
    Quarantine {
        /// Which.
        rows: Rows,
        /// At most so many.
        limit: u32,
    },
    /// Map rows in quarantine again.
    Retry {
        /// Which.
        rows: Rows,
        /// Whether a patient that "may be another person" is taken as the one it is now.
        accept: bool,
    },
    /// Something about the members' votes.
    Vote {
        /// What.
        vote: VoteOrder,
    },
    /// Take part in channels that were joined since the start.
    TakeUp {
        /// Where members are reached, as the configuration says now: how the key begins, and the address.
        peers: Vec<(String, String)>,
    },
}

/// Which rows in quarantine; all where nothing is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Only this mapping's.
    pub mapping: Option<String>,
    /// Only those with this code.
    pub code: Option<String>,
    /// Only the row of this key, as the list shows it.
    pub key: Option<String>,
}

impl From<Rows> for QuarantineFilter {
    fn from(rows: Rows) -> Self {
        Self {
            source: None,
            mapping: rows.mapping,
            code: rows.code,
            key: rows.key,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How the gateway is.
    Report(Box<Report>),
    /// An order was carried out: what it did, in a sentence.
    Done(String),
    /// Rows in quarantine, with legacy keys: for the operator's eyes.
    Rows(Vec<QuarantineEntry>),
    /// Proposals, and how they stand.
    Proposals(Vec<BallotReport>),
    /// A channel's members.
    Members(Vec<MemberReport>),
    /// An order was refused: code and sentence.
    Refused(String),
}

/// One look at a gateway. No patient and no legacy key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the software that answers.
    pub version: String,
    /// Whether a running gateway answered; else this was read from the ledger's file.
    pub running: bool,
    /// The hospital's name.
    pub hospital: String,
    /// Where FHIR is served, while it is.
    pub fhir: Option<String>,
    /// When the gateway started, milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// The machine's clock, milliseconds since 1970. Where the last block is younger, it went backwards.
    pub now_ms: u64,
    /// How the machine's clock is off, where the own ledger's blocks or those of a channel show it.
    #[serde(default)]
    pub clock: Option<Off>,
    /// Bytes free where the ledger lies.
    pub disk_free_bytes: Option<u64>,
    /// The ledger.
    pub ledger: Ledger,
    /// The sources and their mappings.
    pub pipeline: silsila_pipeline::Status,
    /// When the last backup was made, milliseconds since 1970; filled in by the command itself.
    #[serde(default)]
    pub backed_up_ms: Option<u64>,
    /// The channels that the gateway shares with others, while it runs; its own first.
    #[serde(default)]
    pub channels: Vec<ChannelReport>,
    /// The network that the gateway is a member of; filled in by the command itself.
    #[serde(default)]
    pub network: Option<NetworkReport>,
    /// What a gateway waits for that was restored from a backup; `None` for every other one, and once it is level.
    #[serde(default)]
    pub restored: Option<RestoredReport>,
}

/// A gateway that was restored from a backup: it follows its channels, and signs, serves and reads nothing until it is
/// level on each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestoredReport {
    /// When it was restored, milliseconds since 1970.
    pub since_ms: u64,
    /// The channels of which it does not know what it signed.
    pub channels: Vec<AwaitedReport>,
}

/// A channel on which a restored gateway follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedReport {
    /// Its name.
    pub name: String,
    /// Whether nothing more is waited for.
    pub level: bool,
    /// The height here.
    pub height: u64,
    /// The greatest height that any member told of; it is to be reached in any case.
    pub seen: u64,
    /// What is waited for besides.
    pub until: Awaited,
}

/// What a restored gateway waits for on a channel, besides the others' height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// A validator among others: a block that its former self cannot have voted on.
    Block {
        /// It is dated later than this, milliseconds since 1970.
        after_ms: u64,
        /// The date of the newest that is here.
        newest_ms: u64,
    },
    /// A lone orderer: every other member.
    Members {
        /// So many are heard.
        heard: usize,
        /// So many there are.
        of: usize,
    },
    /// Everybody else: a quorum of those who order.
    Quorum {
        /// So many of them are heard.
        heard: usize,
        /// So many must be.
        of: usize,
    },
}

/// How a channel is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// Its id, in hexadecimal.
    #[serde(default)]
    pub id: String,
    /// Where it is served as FHIR.
    #[serde(default)]
    pub fhir: Option<String>,
    /// How its ledger is; of the gateway's own channel, the report itself says.
    #[serde(default)]
    pub ledger: Option<Ledger>,
    /// `validator`, `orderer` or `follower`; empty where it does not run.
    pub role: String,
    /// How many members validate.
    pub validators: usize,
    /// How many of them may be away while blocks still come.
    pub dispensable: usize,
    /// The number of the present validators' epoch; the first is 0.
    #[serde(default)]
    pub epoch: u64,
    /// Their last block, where others are decided on.
    #[serde(default)]
    pub boundary: Option<u64>,
    /// How many of them were revoked and keep their seats until others are named.
    #[serde(default)]
    pub revoked_validators: usize,
    /// How many members there are; this gateway among them where it was admitted.
    pub members: usize,
    /// How many of them are others.
    #[serde(default)]
    pub others: usize,
    /// Other members that were heard within the last seconds, by their keys.
    pub heard: Vec<String>,
    /// The height here.
    pub height: u64,
    /// The greatest height that any member told of.
    pub seen: u64,
    /// Transactions that wait for a block.
    pub waiting: usize,
    /// Committed payloads that are not here yet.
    pub lacking: u64,
    /// Why the ledger takes nothing at the moment.
    pub failing: Option<String>,
    /// How this machine's clock is off, where the channel's blocks show it.
    #[serde(default)]
    pub clock: Option<Off>,
    /// Whether this gateway may act there.
    #[serde(default)]
    pub standing: Standing,
    /// Until when, as the chain says, milliseconds since 1970.
    #[serde(default)]
    pub not_after_ms: Option<u64>,
    /// Whether the network's authority revoked this gateway.
    #[serde(default)]
    pub revoked_by_authority: bool,
    /// Open proposals.
    #[serde(default)]
    pub proposals: usize,
    /// Those of them that this gateway neither endorsed nor declined.
    #[serde(default)]
    pub unanswered: usize,
}

impl ChannelReport {
    /// The report of a channel that runs, or has ended.
    #[must_use]
    pub fn of(name: &str, status: Option<silsila_engine::ChannelStatus>) -> Self {
        let Some(status) = status else {
            return Self {
                name: name.to_owned(),
                failing: Some(
                    "CLI0017 ordering has ended, as on a full disk; what is committed is still read. Make room, and the gateway ends by itself to be started again (docs/errors/CLI0017.md)"
                        .to_owned(),
                ),
                ..Self::default()
            };
        };
        Self {
            name: name.to_owned(),
            role: status.role.to_owned(),
            validators: status.validators,
            dispensable: (status.validators.saturating_sub(1) / 3)
                .saturating_sub(status.revoked_validators),
            epoch: status.epoch,
            boundary: status.boundary,
            revoked_validators: status.revoked_validators,
            members: status.members,
            others: status.members.saturating_sub(1),
            heard: status.heard,
            height: status.height,
            seen: status.seen,
            waiting: status.waiting,
            failing: status.failing,
            ..Self::default()
        }
    }

    /// Takes up who is a member as the chain says, by their keys: before it is admitted, this gateway is none of
    /// them, and whoever was revoked may be heard for as long as it keeps a seat.
    pub(crate) fn count<'k>(&mut self, own: &str, members: impl Iterator<Item = &'k str>) {
        let others: BTreeSet<&str> = members.filter(|key| *key != own).collect();
        self.others = others.len();
        self.heard.retain(|key| others.contains(key.as_str()));
    }
}

/// A gateway's membership of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkReport {
    /// The network's name.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Who this member is.
    pub organization: String,
    /// As what.
    pub role: String,
    /// Its ledger key, in hexadecimal.
    pub key: String,
    /// The number of its certificate.
    pub serial: String,
    /// When the certificate ends, milliseconds since 1970.
    pub not_after_ms: u64,
    /// From when it is renewed.
    pub renew_from_ms: u64,
    /// Why nothing can be said, with its code.
    pub fault: Option<String>,
}

/// How the ledger is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Height of the last block.
    pub height: u64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// Entries on the chain.
    pub entries: u64,
    /// Transactions that wait to be committed.
    pub outbox: u64,
    /// Size of the file.
    pub file_bytes: u64,
    /// Size of the write-ahead log.
    pub wal_bytes: u64,
    /// Height up to which everything was clean when last checkpointed.
    pub checkpoint: u64,
    /// Code of the last failure to write, until a write succeeds.
    pub failing: Option<String>,
    /// Last block that the scrub looked at in its present round.
    #[serde(default)]
    pub scrubbed: u64,
    /// When the scrub's last round ended, milliseconds since 1970; 0 for never.
    #[serde(default)]
    pub scrub_ended_ms: u64,
    /// How much damage is listed and not repaired.
    #[serde(default)]
    pub damaged: u64,
    /// The newest of it, without content.
    #[serde(default)]
    pub damage: Option<String>,
    /// How much damage is listed as repaired.
    #[serde(default)]
    pub repaired: u64,
    /// How many other members have signed the tree that this ledger has, at some height.
    #[serde(default)]
    pub agreeing: u64,
    /// Up to which block the greatest of those trees goes.
    #[serde(default)]
    pub agreed: u64,
    /// The height at which members have two histories, or behind it, which halts commits.
    #[serde(default)]
    pub halted: Option<u64>,
}

impl Ledger {
    /// How the ledger is.
    ///
    /// # Errors
    /// Where its database fails.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let scrub = store.scrub_state()?;
        let mut listed = store.damage(100)?.into_iter();
        let newest = listed.find(|damage| damage.repaired_ms.is_none());
        let witnesses = store.witnesses()?;
        let agreed = witnesses.iter().map(|witness| witness.size).max();
        Ok(Self {
            repaired: store.repaired()?,
            agreeing: witnesses.len() as u64,
            agreed: agreed.unwrap_or(1) - 1,
            scrubbed: scrub.height,
            scrub_ended_ms: scrub.ended_ms,
            damaged: store.unrepaired()?,
            damage: newest.map(|damage| format!("{} ({})", damage.what, damage.table)),
            halted: store.halted()?.map(|halt| halt.height.0),
            ..Self::from(store.health()?)
        })
    }
}

impl From<Health> for Ledger {
    fn from(health: Health) -> Self {
        Self {
            height: health.height.0,
            hash: health.hash.to_string(),
            time_ms: health.time_ms,
            entries: health.entries,
            outbox: health.pending,
            file_bytes: health.file_bytes,
            wal_bytes: health.wal_bytes,
            checkpoint: health.checkpoint.0,
            failing: health.failing.map(ToOwned::to_owned),
            scrubbed: 0,
            scrub_ended_ms: 0,
            damaged: 0,
            damage: None,
            repaired: 0,
            agreeing: 0,
            agreed: 0,
            halted: None,
        }
    }
}
