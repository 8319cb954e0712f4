// SPDX-License-Identifier: Apache-2.0
//! How long a member's answer is waited for. Over a slow line everything that is asked for twice comes
//! twice, and later: so whoever did not answer in time is given twice as long, and a little less again
//! when the answer came. Whoever answers soonest is asked first; a member that never answers is asked
//! last.

use std::collections::BTreeMap;

use commonware_cryptography::ed25519::PublicKey;

use super::ASK_AGAIN_MS;

/// The longest that an answer is waited for, in milliseconds.
pub(super) const LATEST_MS: u64 = 60_000;

/// The members whose answers are waited for longer than usual, in milliseconds.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<PublicKey, u64>);

impl Answers {
    /// For how many milliseconds an answer is waited for.
    pub(super) fn wait(&self, of: &PublicKey) -> u64 {
        self.0.get(of).copied().unwrap_or(ASK_AGAIN_MS)
    }

    /// An answer did not come in time.
    pub(super) fn late(&mut self, of: &PublicKey) {
        let wait = (2 * self.wait(of)).min(LATEST_MS);
        self.0.insert(of.clone(), wait);
    }

    /// An answer came.
    pub(super) fn came(&mut self, of: &PublicKey) {
        if let Some(wait) = self.0.get_mut(of) {
            *wait = (*wait * 3 / 4).max(ASK_AGAIN_MS);
        }
    }

    /// Of these members one who answers soonest; each of several in its turn.
    pub(super) fn choose(&self, among: &[&PublicKey], turn: usize) -> Option<PublicKey> {
        let soonest = among.iter().map(|one| self.wait(one)).min()?;
        let soon: Vec<_> = (among.iter())
            .filter(|one| self.wait(one) == soonest)
            .collect();
        soon.get(turn % soon.len()).map(|one| (**one).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::private_key;
    use commonware_cryptography::Signer as _;

    fn member(number: u8) -> PublicKey {
        private_key(&[number; 32]).public_key()
    }

    #[test]
    fn whoever_answers_late_is_given_longer_and_asked_after_others() {
        let (one, two) = (member(1), member(2));
        let mut answers = Answers::default();
        let both = [&one, &two];
        assert_ne!(answers.choose(&both, 0), answers.choose(&both, 1));
        for _ in 0..20 {
            answers.late(&one);
        }
        assert_eq!(answers.wait(&one), LATEST_MS);
        assert_eq!(answers.choose(&both, 0), Some(two.clone()));
        assert_eq!(answers.choose(&both, 1), Some(two));
        for _ in 0..20 {
            answers.came(&one);
        }
        assert_eq!(answers.wait(&one), ASK_AGAIN_MS);
        assert_eq!(answers.choose(&[], 0), None);
    }
}
