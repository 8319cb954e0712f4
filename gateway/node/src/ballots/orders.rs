// SPDX-License-Identifier: Apache-2.0
//! What an administrator orders: propose, look, endorse, decline.

use serde::{Deserialize, Serialize};
use silsila_chain::{
    ChainState, Change, Contract, ContractChange, EpochChange, Height, Identity, Limits,
    MemberChange, ProposalId,
};
use silsila_replica::ballot::Proposed;
use silsila_replica::certificate::Credential;
use silsila_store::{Clock as _, SystemClock};

use super::Ballots;
use super::booth::Booth;
use super::fault::VoteFault;
use super::kept::{Kept, Outcome};
use super::report::{BallotReport, Standing};
use crate::admin::{Answer, ChannelReport};
use crate::channels;
use crate::exit::Failure;
use crate::ledgers;

/// An order about votes. `channel` is a channel's name or how its id begins; the gateway's own where it is
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VoteOrder {
    /// Propose a change.
    Propose {
        /// On which channel.
        channel: Option<String>,
        /// Which.
        wanted: Wanted,
        /// For how many blocks it stays open.
        blocks: u64,
    },
    /// What is proposed.
    Proposals {
        /// Of which channel; of all where it is left out.
        channel: Option<String>,
        /// Only the one whose id begins so, with its full text.
        id: Option<String>,
        /// Also what is decided.
        all: bool,
    },
    /// Endorse a proposal.
    Endorse {
        /// How its id begins.
        id: String,
    },
    /// Decline a proposal.
    Decline {
        /// How its id begins.
        id: String,
    },
    /// Who is a member.
    Members {
        /// Of which channel.
        channel: Option<String>,
    },
}

/// A change that is to be proposed. Members are named by how their keys begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wanted {
    /// Admit the member of a credential, given in hexadecimal.
    Admit {
        /// The credential.
        credential: String,
    },
    /// Take up a renewed credential, given in hexadecimal.
    Renew {
        /// The credential.
        credential: String,
    },
    /// Extend a member's time by vote, without the authority.
    Extend {
        /// The member.
        member: String,
        /// Until when, milliseconds since 1970.
        not_after_ms: u64,
    },
    /// Keep a member from acting for a while.
    Suspend {
        /// The member.
        member: String,
        /// Why, as a CRLReason of RFC 5280.
        reason: u8,
    },
    /// End a suspension.
    Reinstate {
        /// The member.
        member: String,
    },
    /// Keep a member from acting for good.
    Revoke {
        /// The member.
        member: String,
        /// Why, as a CRLReason of RFC 5280.
        reason: u8,
    },
    /// Let others order: these members, and nobody else.
    Validators {
        /// The members.
        members: Vec<String>,
    },
    /// Put another contract in place.
    Contract {
        /// The policies.
        policies: String,
        /// Entries, bytes, horizon and staleness in milliseconds.
        limits: [u64; 4],
    },
}

impl Ballots {
    /// Carries out an order.
    ///
    /// # Errors
    /// A [`VoteFault`], or a channel that is not there.
    pub fn carry_out(&self, order: VoteOrder) -> Result<Answer, Failure> {
        match order {
            VoteOrder::Propose {
                channel,
                wanted,
                blocks,
            } => {
                let booth = self.named(channel.as_deref())?;
                let report = booth.propose_wanted(wanted, blocks)?;
                Ok(Answer::Proposals(vec![report]))
            }
            VoteOrder::Proposals { channel, id, all } => {
                let booths = match &channel {
                    Some(name) => vec![self.named(Some(name))?],
                    None => self.all(),
                };
                if booths.is_empty() {
                    return Err(VoteFault::NoChannel.into());
                }
                if let Some(id) = id {
                    let (booth, id) = one(booths, &id)?;
                    return Ok(Answer::Proposals(vec![booth.report_of(&id)?]));
                }
                let mut reports = Vec::new();
                for booth in booths {
                    reports.extend(booth.reports(all)?);
                }
                reports.sort_by_key(|report| report.seen_ms);
                Ok(Answer::Proposals(reports))
            }
            VoteOrder::Endorse { id } => {
                let (booth, id) = one(self.all(), &id)?;
                booth.endorse_named(&id)?;
                Ok(Answer::Proposals(vec![booth.report_of(&id)?]))
            }
            VoteOrder::Decline { id } => {
                let (booth, id) = one(self.all(), &id)?;
                booth.decline_named(&id)?;
                Ok(Answer::Proposals(vec![booth.report_of(&id)?]))
            }
            VoteOrder::Members { channel } => {
                let booth = self.named(channel.as_deref())?;
                Ok(Answer::Members(booth.members(&booth.chain())))
            }
        }
    }

    /// Adds to a channel's report what its chain and its ballots say of this gateway.
    pub fn add_to(&self, report: &mut ChannelReport) {
        let booths = self.all();
        let Some(booth) = booths.iter().find(|it| it.channel.to_string() == report.id) else {
            return;
        };
        let members = booth.members(&booth.chain());
        let own = members.iter().find(|member| member.own);
        let present = members.iter().filter(|it| it.standing != Standing::Revoked);
        let present = present.map(|member| member.key.as_str());
        report.count(&booth.me.key.to_string(), present);
        report.standing = own.map_or(Standing::None, |own| own.standing);
        report.not_after_ms = own.map(|own| own.not_after_ms);
        report.revoked_by_authority = booth.learned.is_revoked(&booth.me.key);
        report.clock = report.clock.or_else(|| booth.clock_ahead());
        let desk = booth.desk();
        let open = || desk.kept.values().filter(|kept| kept.is_open());
        report.proposals = open().count();
        report.unanswered = open().filter(|kept| booth.says(kept).is_none()).count();
    }

    fn named(&self, channel: Option<&str>) -> Result<std::sync::Arc<Booth>, Failure> {
        let booths = self.all();
        let Some(name) = channel else {
            let own = booths.into_iter().next();
            return Ok(own.ok_or(VoteFault::NoChannel)?);
        };
        let mut meant = booths
            .iter()
            .filter(|booth| channels::is(&booth.genesis, name));
        match (meant.next(), meant.next()) {
            (Some(booth), None) => Ok(std::sync::Arc::clone(booth)),
            _ => {
                let joined: Vec<_> = booths.iter().map(|booth| booth.genesis.clone()).collect();
                Err(ledgers::unknown(name, &joined))
            }
        }
    }
}

/// The one proposal whose id begins so.
fn one(
    booths: Vec<std::sync::Arc<Booth>>,
    id: &str,
) -> Result<(std::sync::Arc<Booth>, ProposalId), VoteFault> {
    let digits = id.replace(' ', "").to_lowercase();
    let mut found = Vec::new();
    for booth in booths {
        let desk = booth.desk();
        let ids = desk.kept.keys();
        let meant: Vec<ProposalId> = ids
            .filter(|id| digits.len() >= 8 && id.to_string().starts_with(&digits))
            .copied()
            .collect();
        drop(desk);
        found.extend(
            meant
                .into_iter()
                .map(|id| (std::sync::Arc::clone(&booth), id)),
        );
    }
    if found.len() == 1 {
        found.pop().ok_or(VoteFault::NoChannel)
    } else {
        Err(VoteFault::NoProposal { id: id.to_owned() })
    }
}

impl Booth {
    fn propose_wanted(&self, wanted: Wanted, blocks: u64) -> Result<BallotReport, VoteFault> {
        let chain = self.chain();
        let until = Height(chain.height().0.saturating_add(blocks));
        let proposed = Self::proposed(&chain, wanted, until)?;
        let id = {
            let mut desk = self.desk();
            self.propose(&mut desk, &chain, proposed, SystemClock.now_ms())?
        };
        self.report_of(&id)
    }

    fn proposed(chain: &ChainState, wanted: Wanted, until: Height) -> Result<Proposed, VoteFault> {
        let named = |member: &str| Self::member_named(chain, member);
        let (subject, change) = match wanted {
            Wanted::Admit { credential } => {
                let founder = read(&credential)?.founder();
                (founder.identity, Change::Admit(founder.admission))
            }
            Wanted::Renew { credential } => {
                let credential = read(&credential)?;
                (
                    Identity::ed25519(credential.member.key()),
                    credential.renewal(),
                )
            }
            Wanted::Extend {
                member,
                not_after_ms,
            } => {
                let certificate = Vec::new();
                let change = Change::Renew {
                    certificate,
                    not_after_ms,
                };
                (named(&member)?, change)
            }
            Wanted::Suspend { member, reason } => (named(&member)?, Change::Suspend { reason }),
            Wanted::Reinstate { member } => (named(&member)?, Change::Reinstate),
            Wanted::Revoke { member, reason } => (named(&member)?, Change::Revoke { reason }),
            Wanted::Validators { members } => {
                let validators = members.iter().map(|member| named(member));
                let validators = validators.collect::<Result<_, _>>()?;
                let number = Self::next_epoch(chain);
                return Ok(Proposed::Epoch(EpochChange::new(number, until, validators)));
            }
            Wanted::Contract { policies, limits } => {
                let [entries, bytes, horizon, max_staleness_ms] = limits;
                return Ok(Proposed::Contract(ContractChange {
                    number: chain.agreement().contract_number() + 1,
                    until,
                    contract: Contract {
                        policies,
                        limits: Limits {
                            entries,
                            bytes,
                            horizon,
                            max_staleness_ms,
                        },
                    },
                }));
            }
        };
        let known = chain.members().get(&subject);
        Ok(Proposed::Member(MemberChange {
            subject,
            revision: known.map_or(0, |member| member.revision) + 1,
            until,
            change,
        }))
    }

    fn endorse_named(&self, id: &ProposalId) -> Result<(), VoteFault> {
        let mut desk = self.desk();
        still_open(desk.kept.get(id))?;
        Ok(self.endorse(&mut desk, id, SystemClock.now_ms())?)
    }

    fn decline_named(&self, id: &ProposalId) -> Result<(), VoteFault> {
        let mut desk = self.desk();
        still_open(desk.kept.get(id))?;
        let Some(mut kept) = desk.kept.get(id).cloned() else {
            return Ok(());
        };
        if !kept.ballot.decline(&self.key, &self.channel) {
            return Err(VoteFault::Endorsed);
        }
        Ok(self.keep(&mut desk, *id, kept, SystemClock.now_ms())?)
    }
}

fn still_open(kept: Option<&Kept>) -> Result<(), VoteFault> {
    let outcome = match kept.map(|kept| &kept.outcome) {
        Some(Outcome::Committed(height)) => format!("committed at height {height}"),
        Some(Outcome::Refused(code)) => format!("refused with {code}"),
        Some(Outcome::Expired) => "it expired".to_owned(),
        Some(Outcome::Open) | None => return Ok(()),
    };
    Err(VoteFault::Decided { outcome })
}

fn read(credential: &str) -> Result<Credential, VoteFault> {
    let unusable = |reason: String| VoteFault::Unusable {
        what: "the credential",
        reason,
    };
    let bytes = from_hex(credential).ok_or_else(|| unusable("it is not in hexadecimal".into()))?;
    Credential::decode(&bytes).map_err(|fault| unusable(fault.to_string()))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    pairs.map(byte).collect()
}
