// SPDX-License-Identifier: Apache-2.0
//! Votes of a channel's members on who is one and by which contract they act, and what follows from them.
//!
//! A proposal travels with its votes between the members' gateways as a ballot ([`silsila_replica::ballot`]),
//! on the channel's own lane. Each gateway keeps what is open ([`kept`]) in the channel's ledger file until it
//! is decided or too late, says so every few seconds, and gives it to whoever lacks it. As soon as the present
//! contract permits a proposal, its proposer's gateway submits it; if that one is away, another endorser's
//! does. A change names the revision that it makes, so that the chain takes it once.
//!
//! An endorsement is a person's decision, except one: a renewal that the network's authority certified for
//! the same key and organization is endorsed by every gateway. Without a person's word a gateway proposes two
//! things: its own renewed certificate, and the revocation of a member whom the authority revoked.
//!
//! Never: patient data, and nothing of a channel to whom is no member of it. After a crash what was kept is
//! there, and what was not is said again by the others; a submission that a crash cut off is found on the
//! chain, or made again and refused there.

mod automatic;
mod booth;
mod command;
mod decide;
mod difference;
mod fault;
mod grants;
mod kept;
mod lane;
mod learned;
mod members;
mod orders;
mod report;
mod shown;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use silsila_chain::{MemberKey, PublicKey};
use silsila_config::Settings;
use silsila_replica::Rules;

use crate::shared::Shared;
use booth::Booth;

pub use command::{AnswerArgs, MembersArgs, OnChannel, ProposalsArgs, ProposeCommand, RenewArgs};
pub use difference::difference;
pub use fault::VoteFault;
pub use learned::Learned;
pub use orders::{VoteOrder, Wanted};
pub use report::{BallotReport, MemberReport, Standing, State, Texts};

/// How often channels that were joined meanwhile, and members that were admitted, are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// The ballots of every channel that runs. Clones share them.
#[derive(Clone)]
pub struct Ballots(Arc<Inner>);

struct Inner {
    shared: Shared,
    key: MemberKey,
    rules: Arc<Rules>,
    learned: Arc<Learned>,
    booths: Mutex<Vec<Arc<Booth>>>,
}

impl Ballots {
    /// Over the channels that run.
    ///
    /// # Errors
    /// A membership that cannot be read.
    pub fn new(settings: &Settings, shared: Shared) -> Result<Self, crate::exit::Failure> {
        let ballots = Self(Arc::new(Inner {
            rules: shared.rules(),
            key: shared.member_key(),
            shared,
            learned: Arc::new(Learned::new(settings)),
            booths: Mutex::default(),
        }));
        ballots.look()?;
        Ok(ballots)
    }

    /// Follows the channels until it is dropped, and asks the network's authority what there is to know.
    pub async fn run(self) {
        let learning = Arc::clone(&self.0.learned);
        let learning = tokio::spawn(async move { learning.run().await });
        let mut met = BTreeSet::new();
        loop {
            let ballots = self.clone();
            let known = met.clone();
            let looked = tokio::task::spawn_blocking(move || ballots.look_around(&known)).await;
            match looked {
                Ok(Ok(now)) => met = now,
                Ok(Err(error)) => tracing::debug!(%error, "the channels could not be looked at"),
                Err(_) => break,
            }
            tokio::time::sleep(LOOK).await;
        }
        learning.abort();
    }

    fn look_around(
        &self,
        met: &BTreeSet<PublicKey>,
    ) -> Result<BTreeSet<PublicKey>, crate::exit::Failure> {
        self.look()?;
        let mut all = met.clone();
        for booth in self.booths().iter() {
            all.extend(booth.members_now());
        }
        if all != *met {
            self.0.shared.meet(&all)?;
        }
        Ok(all)
    }

    /// Has a thread work on every channel that has none yet.
    fn look(&self) -> Result<(), crate::exit::Failure> {
        let mut booths = self.booths();
        for running in self.0.shared.running() {
            if booths.iter().any(|booth| booth.is_of(&running.genesis)) {
                continue;
            }
            let booth = Arc::new(Booth::new(
                running,
                self.0.key.clone(),
                Arc::clone(&self.0.rules),
                Arc::clone(&self.0.learned),
            )?);
            booths.push(Arc::clone(&booth));
            std::thread::Builder::new()
                .name("ballots".to_owned())
                .spawn(move || booth.work())
                .map_err(crate::exit::Failure::file("a thread"))?;
        }
        Ok(())
    }

    fn booths(&self) -> MutexGuard<'_, Vec<Arc<Booth>>> {
        // Only ever added to.
        self.0.booths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Booth>> {
        self.booths().clone()
    }
}
