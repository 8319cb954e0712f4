// SPDX-License-Identifier: Apache-2.0
//! What goes wrong in a network, and what its members do meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use commonware_cryptography::Signer;
use commonware_p2p::simulated::Link;
use commonware_runtime::Clock;
use commonware_utils::Probability;
use silsila_chain::{Change, Identity, Standing};

use super::audit::Submission;
use super::identity_of;
use super::scenario::{Rogue, Scenario};
use super::world::{CLINIC, FORGER, HONEST_SKEW_MS, LEAVER, ROGUE, STRANGER, VALIDATORS, World};

impl World {
    pub(super) fn set_clocks(&mut self) {
        if !self.scenario.clocks {
            return;
        }
        for number in 0..FORGER {
            self.set_clock(number);
        }
    }

    fn set_clock(&mut self, number: usize) {
        let wrong = if number == ROGUE && self.scenario.rogue == Some(Rogue::Clock) {
            let far = [61_000, 90_000, 3_600_000, 86_400_000, 315_360_000_000];
            let far: i64 = far[self.dice.index(far.len())];
            if self.dice.roll(2) == 0 { far } else { -far }
        } else {
            let span = u64::try_from(2 * HONEST_SKEW_MS + 1).expect("positive");
            i64::try_from(self.dice.roll(span)).expect("small") - HONEST_SKEW_MS
        };
        self.nodes[number].skew.set(wrong);
    }

    /// Sets all links anew: between members of one `side` only.
    pub(super) async fn link(&mut self, sides: &[usize], lossy: bool) {
        let present = self.present();
        for from in present.clone() {
            for to in present.iter().copied().filter(|to| *to != from) {
                let (one, other) = (
                    self.nodes[from].key.public_key(),
                    self.nodes[to].key.public_key(),
                );
                if self.links.remove(&(from, to)) {
                    let removed = self.oracle.remove_link(one.clone(), other.clone()).await;
                    removed.expect("the link is there");
                }
                if sides[from] != sides[to] {
                    continue;
                }
                let success = if lossy { 80 + self.dice.roll(20) } else { 100 };
                let link = Link {
                    latency: Duration::from_millis(1 + self.dice.roll(60)),
                    jitter: Duration::from_millis(self.dice.roll(if lossy { 80 } else { 5 })),
                    success_rate: Probability::new(success, 100).expect("at most one"),
                };
                let added = self.oracle.add_link(one, other, link).await;
                added.expect("there was none");
                self.links.insert((from, to));
            }
        }
        self.divide();
    }

    /// Divides the others anew between the halves of a clone; some may speak with both.
    fn divide(&mut self) {
        let mut halves = [BTreeSet::new(), BTreeSet::new()];
        for number in self.present() {
            let side = self.dice.index(3);
            for (half, keys) in halves.iter_mut().enumerate() {
                if side == half || side == 2 {
                    keys.insert(self.nodes[number].key.public_key());
                }
            }
        }
        *self.halves.lock().expect("nobody panics with it") = halves;
    }

    pub(super) fn submit(&mut self) {
        let present = self.present();
        let at = loop {
            let at = self.dice.index(FORGER);
            if present.contains(&at) {
                break at;
            }
        };
        let number = self.estate.audit(|audit| audit.submissions.len() as u64);
        // Whoever may lose the right to act has less time, so that the end of it is seen.
        let doubtful = self.scenario.members && (at == CLINIC || at == LEAVER);
        let blocks = if doubtful { 12 } else { 10_000 };
        let size = self.dice.index(100_000);
        let id = self.estate.ledgers[at].stage(number, size, blocks);
        let rogue = !self.honest().contains(&at);
        let submission = Submission {
            id,
            by: at,
            must: !doubtful && !rogue,
        };
        self.estate
            .audit(|audit| audit.submissions.push(submission));
        if rogue {
            let id = self.estate.twin.stage(number + 1_000_000, size, blocks);
            self.estate
                .audit(|audit| audit.submissions.push(Submission { id, ..submission }));
        }
    }

    /// Somebody is suspended, reinstated, revoked or renewed, by the first validator.
    fn change_members(&mut self) {
        let (office, dice) = (&self.estate.ledgers[0], &mut self.dice);
        let subject = if dice.roll(3) == 0 { FORGER } else { LEAVER };
        let subject = identity_of(subject);
        let change = match (office.standing(&subject), dice.roll(4)) {
            (_, 0) => return self.renew(),
            (Some(Standing::Active), 1 | 2) => Change::Suspend { reason: 6 },
            (Some(Standing::Suspended), 1 | 2) => Change::Reinstate,
            _ => Change::Revoke { reason: 1 },
        };
        self.change(subject, change);
    }

    /// Four or five of those who are there are named to order next.
    fn change_validators(&mut self) {
        let mut seats: Vec<usize> = (0..=CLINIC).collect();
        if self.dice.roll(3) > 0 {
            seats.remove(self.dice.index(seats.len()));
        }
        let by = self.dice.index(VALIDATORS);
        let validators = seats.into_iter().map(identity_of).collect();
        let id = self.estate.ledgers[by].stage_epoch(validators, 200);
        self.estate.audit(|audit| {
            audit.submissions.push(Submission {
                id,
                by,
                must: false,
            });
        });
    }

    pub(super) fn renew(&self) {
        let change = Change::Renew {
            certificate: Vec::new(),
            not_after_ms: u64::MAX,
        };
        self.change(identity_of(CLINIC), change);
    }

    fn change(&self, subject: Identity, change: Change) {
        let id = self.estate.ledgers[0].stage_change(&subject, change, 50);
        self.estate.audit(|audit| {
            audit.submissions.push(Submission {
                id,
                by: 0,
                must: false,
            });
        });
    }

    pub(super) async fn trouble(&mut self) {
        let Scenario {
            crashes,
            clocks,
            members,
            ..
        } = self.scenario;
        match self.dice.roll(11) {
            0 => {
                let sides: Vec<usize> = (0..=STRANGER).map(|_| self.dice.index(2)).collect();
                self.link(&sides, true).await;
            }
            1 => self.link(&[0; STRANGER + 1], true).await,
            2 | 3 if crashes => {
                let at = self.dice.index(STRANGER);
                self.crash(at);
            }
            4..=6 if crashes => {
                let present = self.present();
                let at = present[self.dice.index(present.len())];
                self.start(at).await;
            }
            2 | 4 if clocks => {
                let at = self.dice.index(FORGER);
                self.set_clock(at);
            }
            3 | 7 if members => self.change_members(),
            8 if self.scenario.epochs => self.change_validators(),
            5 => self.divide(),
            _ => self.submit(),
        }
        let pause = Duration::from_millis(self.dice.roll(3_000));
        self.context.sleep(pause).await;
        self.check();
    }
}
