// SPDX-License-Identifier: Apache-2.0
//! Whether a validator is level with the others. One that starts, or was away, takes old blocks from others'
//! ledgers, with their payloads: consensus delivers them without, and each payload would have to be fetched,
//! proven and indexed alone, at a sixth of the speed.

/// Who lacks more blocks than so many catches up: fewer, consensus is about to deliver.
pub(super) const CONSENSUS_SOON: u64 = 16;
/// A member that lacks so many blocks is sent their payloads with them; who lacks fewer is level.
pub(super) const FAR_BEHIND: u64 = 3;
/// The next block of another's ledger is waited for so many milliseconds, or longer where answers take longer; then
/// what consensus delivers is taken.
pub(super) const NEXT_SOON_MS: u64 = 5_000;

/// Where a validator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// It has just started, and does not know how far the others are.
    Starting,
    /// It is behind since then, or has applied its last block then, in milliseconds.
    Behind(u64),
    /// It is level.
    Even,
}

impl Level {
    /// Looks again; `lag` is how many blocks are missing, where honest validators have told. Says whether what
    /// consensus delivers is to wait, which it does for no longer than `patience` after the last block, in milliseconds.
    pub(super) fn look(&mut self, lag: Option<u64>, now: u64, patience: u64) -> bool {
        *self = match (*self, lag) {
            (Self::Starting, None) => Self::Behind(now),
            (_, Some(lag)) if lag < FAR_BEHIND => Self::Even,
            (Self::Starting | Self::Even, Some(lag)) if lag > CONSENSUS_SOON => Self::Behind(now),
            (Self::Starting, Some(_)) => Self::Behind(now),
            (same, _) => same,
        };
        matches!(*self, Self::Behind(since) if now < since + patience)
    }

    /// A block of another's ledger was applied.
    pub(super) const fn applied(&mut self, now: u64) {
        if let Self::Behind(since) = self {
            *since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_starts_waits_until_it_knows_where_the_others_are_but_not_for_ever() {
        let mut level = Level::Starting;
        assert!(level.look(None, 1_000, NEXT_SOON_MS));
        assert!(level.look(None, 5_999, NEXT_SOON_MS));
        assert!(!level.look(None, 6_000, NEXT_SOON_MS));
        assert!(!level.look(Some(0), 6_001, NEXT_SOON_MS));
        assert_eq!(level, Level::Even);
    }

    #[test]
    fn one_that_is_behind_takes_others_blocks_while_they_come_and_until_few_are_missing() {
        let mut level = Level::Starting;
        assert!(level.look(Some(4), 0, NEXT_SOON_MS));
        level.applied(4_000);
        assert!(level.look(Some(3), 8_999, NEXT_SOON_MS));
        assert!(
            !level.look(Some(3), 9_000, NEXT_SOON_MS),
            "nobody sends any"
        );
        level.applied(9_500);
        assert!(level.look(Some(3), 9_600, NEXT_SOON_MS));
        assert!(!level.look(Some(2), 9_601, NEXT_SOON_MS));
        // What consensus is about to deliver is not fetched; what is more is.
        assert!(!level.look(Some(16), 20_000, NEXT_SOON_MS));
        assert!(level.look(Some(17), 20_001, NEXT_SOON_MS));
    }
}
