// SPDX-License-Identifier: Apache-2.0
//! What has to hold in a network at any time, and once everything is repaired.

use std::time::{Duration, SystemTime};

use commonware_runtime::Clock;
use silsila_chain::Standing;

use super::identity_of;
use super::scenario::Rogue;
use super::world::{HONEST_SKEW_MS, MEMBERS, ROGUE, STRANGER, World};

/// Simulated time in which all must be level again, once everything is healed.
const HEALING: Duration = Duration::from_secs(300);

impl World {
    /// Looks at every ledger.
    pub(super) fn check(&self) {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH);
        let now = u64::try_from(since.expect("later").as_millis()).expect("soon");
        let latest = now + crate::voter::SKEW_MS + HONEST_SKEW_MS.unsigned_abs();
        self.estate.audit(|audit| {
            for (number, ledger) in self.estate.ledgers.iter().enumerate() {
                audit.look(number, ledger, latest);
            }
            audit.look(MEMBERS, &self.estate.twin, latest);
        });
    }

    /// Everything is repaired, rogues and wrong clocks apart; all honest members must come level.
    pub(super) async fn heal(&mut self) {
        if self.scenario.rogue == Some(Rogue::Clone) && self.dice.roll(2) == 0 {
            self.crash(ROGUE);
        }
        self.link(&[0; STRANGER + 1], false).await;
        for number in self.honest() {
            if self.present().contains(&number) {
                self.start(number).await;
            }
        }
        if self.scenario.members {
            self.renew();
        }
        // Something new would carry along what hangs: there must be progress without it, too.
        if self.dice.roll(2) == 0 {
            self.submit();
        }
        let until = self.now() + HEALING;
        loop {
            self.check();
            let Some(wanting) = self.wanting() else {
                return;
            };
            assert!(self.now() < until, "no progress after healing: {wanting}");
            self.context.sleep(Duration::from_millis(250)).await;
        }
    }

    /// What is not as it must be in the end.
    fn wanting(&self) -> Option<String> {
        let revoked = |number: &usize| {
            let subject = identity_of(*number);
            self.estate.ledgers[0].standing(&subject) == Some(Standing::Revoked)
        };
        let present = self.present();
        let level: Vec<usize> = self
            .honest()
            .into_iter()
            .filter(|number| present.contains(number) && !revoked(number))
            .collect();
        let ledgers = &self.estate.ledgers;
        let heights: Vec<u64> = ledgers.iter().map(|ledger| ledger.height()).collect();
        for number in &level {
            let ledger = &ledgers[*number];
            if ledger.lacks() > 0 {
                return Some(format!(
                    "{number} lacks {} payloads; heights {heights:?}",
                    ledger.lacks()
                ));
            }
            if let Some(until) = ledger
                .waits_until()
                .into_iter()
                .find(|until| *until <= ledger.height())
            {
                return Some(format!(
                    "{number} waits for what cannot come since {until}; heights {heights:?}"
                ));
            }
        }
        self.estate.audit(|audit| {
            for submission in &audit.submissions {
                let missing = level
                    .iter()
                    .find(|number| ledgers[**number].committed(&submission.id).is_none());
                let rejected = ledgers[submission.by].rejected(&submission.id);
                match (submission.must, missing, rejected) {
                    (_, None, None) | (false, Some(_), _) => {}
                    (true, Some(number), None) => {
                        return Some(format!(
                            "{number} has not got {}; heights {heights:?}",
                            submission.id
                        ));
                    }
                    (_, _, Some(code)) if submission.must || missing.is_none() => {
                        panic!("{} was rejected as {code}", submission.id)
                    }
                    _ => {}
                }
            }
            None
        })
    }
}
