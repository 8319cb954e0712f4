// SPDX-License-Identifier: Apache-2.0
//! How long a member's answer is waited for, and how much is asked of it. Over a slow line everything that is asked for
//! twice comes twice, and later: so whoever did not answer in time is given twice as long, and a little less again
//! when the answer came. Whoever answers soonest is asked first; a member that never answers is asked last. Of several who answer soon those
//! are asked who proved to send much: each member begins with a little.
//!
//! Votes and what is new wait behind an answer that is on its way, so none is to be longer than a few seconds: one
//! begins with a little and asks for more where it came soon, for less where it did not. Over a slow line blocks come
//! without their payloads, which are fetched afterwards: what is new lies behind the blocks. Where the line turns out to
//! be fast, what came without payloads is asked for again with them, since each that is fetched by itself costs many
//! times as much.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use commonware_cryptography::ed25519::PublicKey;

use super::ASK_AGAIN_MS;
use super::inbox::MOST_SENT;
use crate::wire::{FILL, MAX_WANTED};

/// The longest that an answer is waited for, in milliseconds.
const LATEST_MS: u64 = 60_000;
/// So many bytes are asked of a member that has not answered yet, and of the slowest.
const FIRST: usize = 64 << 10;
const LEAST: usize = 16 << 10;
/// So many at most: blocks for one message, and their payloads.
const MOST: usize = FILL + MOST_SENT;
/// Payloads come with blocks where an answer may have so many bytes.
const BESIDE: usize = 2 * FILL;
/// An answer that came within so many milliseconds came at once, one within so many soon, one after so many slowly.
const AT_ONCE_MS: u64 = 100;
const SOON_MS: u64 = 700;
const SLOWLY_MS: u64 = 3_000;
/// So many bytes a payload is taken to have before it is known.
const PAYLOAD: usize = 1 << 10;

/// What a member's answers are like.
#[derive(Clone, Copy)]
struct Answer {
    /// For how many milliseconds the next one is waited for.
    wait: u64,
    /// How many bytes are asked for.
    room: usize,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            wait: ASK_AGAIN_MS,
            room: FIRST,
        }
    }
}

/// The members whose answers were asked for.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<PublicKey, Answer>);

/// Who was asked for something.
pub(super) struct Asked {
    pub(super) of: PublicKey,
    since: u64,
    /// Until then an answer is waited for.
    until: u64,
    /// How many bytes of it have come.
    bytes: usize,
}

impl Asked {
    /// Somebody is asked now.
    pub(super) fn new(of: PublicKey, now: u64, answers: &Answers) -> Self {
        Self {
            until: now + answers.wait(&of),
            of,
            since: now,
            bytes: 0,
        }
    }

    /// Whether the answer is still waited for.
    pub(super) const fn waits(&self, now: u64) -> bool {
        now < self.until
    }

    /// So many bytes of the answer came.
    pub(super) const fn got(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// A part of the answer came: the rest is waited for a while longer, but not for ever.
    pub(super) fn wait_on(&mut self, until: u64) {
        self.until = until.clamp(self.until, self.until.max(self.since + LATEST_MS));
    }
}

impl Answers {
    fn of(&self, member: &PublicKey) -> Answer {
        self.0.get(member).copied().unwrap_or_default()
    }

    /// For how many milliseconds an answer is waited for.
    pub(super) fn wait(&self, of: &PublicKey) -> u64 {
        self.of(of).wait
    }

    /// How many bytes of blocks, and of their payloads, to ask for.
    pub(super) fn wish(&self, of: &PublicKey) -> [u64; 2] {
        let room = self.of(of).room;
        let blocks = room.min(FILL);
        let payloads = if room < BESIDE { 0 } else { room - blocks };
        [blocks as u64, payloads as u64]
    }

    /// How many payloads to ask for.
    pub(super) fn count(&self, of: &PublicKey) -> usize {
        (self.of(of).room / PAYLOAD).min(MAX_WANTED)
    }

    /// An answer did not come in time.
    pub(super) fn late(&mut self, of: &PublicKey) {
        let answer = self.0.entry(of.clone()).or_default();
        answer.wait = (2 * answer.wait).min(LATEST_MS);
        answer.room = (answer.room / 2).max(LEAST);
    }

    /// An answer came. Says whether it was a first one without payloads, and came so soon that they will come too when
    /// it is asked for again.
    pub(super) fn came(&mut self, asked: &Asked, now: u64) -> bool {
        let alone = self.of(&asked.of).room < BESIDE;
        let answer = self.0.entry(asked.of.clone()).or_default();
        answer.wait = (answer.wait * 3 / 4).max(ASK_AGAIN_MS);
        // A short answer says nothing of a long one.
        let long = asked.bytes >= answer.room / 8;
        let took = now.saturating_sub(asked.since);
        answer.room = match took {
            ..=AT_ONCE_MS if long => (16 * answer.room.max(asked.bytes)).min(MOST),
            ..=SOON_MS if long => (2 * answer.room).min(MOST),
            SLOWLY_MS.. => (answer.room / 2).max(LEAST),
            _ => answer.room,
        };
        alone && answer.room >= BESIDE && took <= AT_ONCE_MS
    }

    /// Of these members one who answers soonest, and of several one who may be asked for most; each of several such
    /// in its turn.
    pub(super) fn choose(&self, among: &[&PublicKey], turn: usize) -> Option<PublicKey> {
        let rank = |one: &PublicKey| {
            let Answer { wait, room } = self.of(one);
            (wait, Reverse(room))
        };
        let best = among.iter().map(|one| rank(one)).min()?;
        let good: Vec<_> = (among.iter()).filter(|one| rank(one) == best).collect();
        good.get(turn % good.len()).map(|one| (**one).clone())
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
            answers.came(&Asked::new(one.clone(), 0, &answers), 0);
        }
        assert_eq!(answers.wait(&one), ASK_AGAIN_MS);
        assert_eq!(answers.choose(&[], 0), None);
    }

    #[test]
    fn much_is_asked_of_whoever_answers_soon_and_little_over_a_slow_line() {
        let mut answers = Answers::default();
        let mut comes = |member: &PublicKey, bytes_a_ms: u64, far: u64| {
            let asked_for: u64 = answers.wish(member).iter().sum();
            let mut asked = Asked::new(member.clone(), 0, &answers);
            asked.got(usize::try_from(asked_for).unwrap());
            let took = far + asked_for / bytes_a_ms;
            let again = answers.came(&asked, took);
            (answers.wish(member), took, again)
        };
        let (near, slow) = (member(1), member(2));
        assert!(comes(&near, 50_000, 1).2, "to be asked for with payloads");
        let (wish, _, again) = comes(&near, 50_000, 1);
        assert_eq!(wish, [FILL as u64, MOST_SENT as u64]);
        assert!(!again);
        for _ in 0..20 {
            // 62 kB/s, 200 ms away.
            let (wish, took, again) = comes(&slow, 62, 200);
            assert!(!again && took < SLOWLY_MS, "{took}");
            assert_eq!(wish[1], 0, "blocks come alone");
        }
        for turn in 0..2 {
            let chosen = answers.choose(&[&slow, &near], turn);
            assert_eq!(chosen, Some(near.clone()));
        }
        // One block is a short answer, and no reason to ask for more.
        let before = answers.wish(&slow);
        for _ in 0..20 {
            let mut asked = Asked::new(slow.clone(), 0, &answers);
            asked.got(700);
            answers.came(&asked, 250);
        }
        assert_eq!(answers.wish(&slow), before);
    }
}
