// SPDX-License-Identifier: Apache-2.0
//! Consensus asks here for blocks and for judgements; the channel's desk answers.

use std::time::{Duration, UNIX_EPOCH};

use commonware_actor::Feedback;
use commonware_consensus::marshal::Update;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::simplex::types::Context;
use commonware_consensus::{Application, Reporter};
use commonware_cryptography::Digested;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_runtime::Clock;
use commonware_utils::acknowledgement::Exact;
use commonware_utils::channel::{mpsc, oneshot, watch};
use futures_util::StreamExt;
use silsila_chain::BlockHash;

use crate::desk::Proposal;
use crate::{Candidate, Scheme};

/// A block's time may be so far from a voter's clock, in milliseconds. A certificate runs out by the time
/// of blocks: whoever orders must not set that back or forth.
pub(crate) const SKEW_MS: u64 = 60_000;
/// The most blocks that are judged on the way to one that is asked about.
const MOST_BEHIND: usize = 48;
/// How long to wait before asking again what could not be answered.
const AGAIN: Duration = Duration::from_millis(200);
/// A parent that is not final after this time is followed by an empty block, if by nothing else.
const SETTLES: Duration = Duration::from_millis(300);

/// What consensus asks of the desk.
pub(crate) enum Question {
    Propose {
        parent: BlockHash,
        /// Whether the parent has had its time to become final by itself.
        settle: bool,
        reply: oneshot::Sender<Proposal>,
    },
    Judge {
        candidate: Candidate,
        reply: oneshot::Sender<Verdict>,
    },
    Knows {
        block: BlockHash,
        reply: oneshot::Sender<bool>,
    },
}

/// What the desk says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
    /// What it builds on is not known.
    Unknown,
    /// The ledger is unwell; it may recover.
    Later,
}

/// A block that is final, on its way to the ledger.
pub(crate) type Delivery = (Candidate, Exact);

/// Stands between consensus and the desk. Clones ask the same desk.
#[derive(Clone)]
pub(crate) struct Voter {
    pub(crate) questions: mpsc::Sender<Question>,
    pub(crate) deliveries: mpsc::Sender<Delivery>,
    /// Changes when there may be something to propose.
    pub(crate) news: watch::Receiver<u64>,
}

impl Voter {
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.questions.send(question(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Judges those blocks before `ancestry`'s position that the desk does not know, oldest first.
    async fn catch_up(&self, mut ancestry: impl Ancestry<Candidate>) -> Option<()> {
        let mut unknown = Vec::new();
        while let Some(block) = ancestry.next().await {
            let candidate = block.inner().clone();
            let parent = candidate.header().previous;
            unknown.push(candidate);
            let known = self.ask(|reply| Question::Knows {
                block: parent,
                reply,
            });
            if known.await? || unknown.len() > MOST_BEHIND {
                break;
            }
        }
        for candidate in unknown.into_iter().rev() {
            self.ask(|reply| Question::Judge { candidate, reply })
                .await?;
        }
        Some(())
    }
}

fn now_ms(clock: &impl Clock) -> u64 {
    let since = clock.current().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl<E: Clock> Application<E> for Voter {
    type SigningScheme = Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Candidate;
    type Input = ();

    async fn propose(
        &mut self,
        (clock, _): (E, Self::Context),
        ancestry: impl Ancestry<Candidate>,
        (): (),
    ) -> Option<Digested<Candidate>> {
        let parent = ancestry.peek()?.inner().hash();
        let settled = clock.current() + SETTLES;
        loop {
            self.news.mark_unchanged();
            let settle = clock.current() >= settled;
            let question = |reply| Question::Propose {
                parent,
                settle,
                reply,
            };
            match self.ask(question).await? {
                Proposal::Block(candidate) => {
                    let digest = Digest::from(candidate.hash().0);
                    return Some(Digested::precomputed(candidate, digest));
                }
                Proposal::Nothing if settle => self.news.changed().await.ok()?,
                Proposal::Nothing => tokio::select! {
                    biased; // so that a simulated run replays
                    changed = self.news.changed() => changed.ok()?,
                    () = clock.sleep(SETTLES) => {}
                },
                Proposal::Unknown => {
                    self.catch_up(ancestry.clone()).await?;
                    clock.sleep(AGAIN).await;
                }
            }
        }
    }

    async fn verify(
        &mut self,
        (clock, _): (E, Self::Context),
        ancestry: impl Ancestry<Candidate>,
    ) -> bool {
        let Some(candidate) = ancestry.peek().map(|block| block.inner().clone()) else {
            return false;
        };
        let time = candidate.header().time_ms;
        if now_ms(&clock) > time.saturating_add(SKEW_MS) {
            return false;
        }
        // Whoever is a little ahead is waited for, until consensus gives the view up.
        while time > now_ms(&clock) + SKEW_MS {
            clock.sleep(AGAIN).await;
        }
        loop {
            let question = |reply| Question::Judge {
                candidate: candidate.clone(),
                reply,
            };
            match self.ask(question).await {
                None | Some(Verdict::Bad) => return false,
                Some(Verdict::Good) => return true,
                Some(Verdict::Unknown) => {
                    if self.catch_up(ancestry.clone()).await.is_none() {
                        return false;
                    }
                }
                Some(Verdict::Later) => {}
            }
            clock.sleep(AGAIN).await;
        }
    }
}

impl Reporter for Voter {
    type Activity = Update<Candidate>;

    fn report(&mut self, update: Update<Candidate>) -> Feedback {
        if let Update::Block(block, acknowledgement) = update {
            // There are never more blocks under way than there is room for; see `consensus`.
            let delivery = (block.inner().clone(), acknowledgement);
            if self.deliveries.try_send(delivery).is_err() {
                return Feedback::Closed;
            }
        }
        Feedback::Ok
    }
}
