// SPDX-License-Identifier: Apache-2.0
//! What goes wrong under a seed. Loss, delay, reordering and partitions go wrong under every one.

/// What is wrong with the fourth validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rogue {
    /// Its clock is wrong by minutes, or by years.
    Clock,
    /// Its key is at two places, which are kept from hearing of each other: two proposals for one view, two
    /// votes, two transactions with one sequence.
    Clone,
    /// It votes for everything.
    Votes,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scenario {
    /// Single processes are killed and come back.
    pub(super) crashes: bool,
    /// The power goes for all, at a write of somebody's, and what was not synced is torn. So many times.
    pub(super) cuts: u64,
    /// At which write it goes the first time; otherwise at any.
    pub(super) first_cut: Option<u64>,
    /// Honest clocks are wrong by up to half a minute, and jump.
    pub(super) clocks: bool,
    /// Members are suspended, reinstated and revoked, and a certificate runs out.
    pub(super) members: bool,
    /// Other validators are named, again and again, of those who are honest and the fourth.
    pub(super) epochs: bool,
    /// A member and a stranger forge, replay and lie.
    pub(super) strangers: bool,
    /// What is wrong with the fourth validator.
    pub(super) rogue: Option<Rogue>,
    /// Broken on purpose: a crash takes back a ledger's newest block.
    pub(super) forgets: bool,
}

/// The first writes, at each of which the power goes under some seed.
const WRITES: u64 = 2_000;

impl Scenario {
    /// What goes wrong under a seed.
    pub(super) fn of(seed: u64) -> Self {
        let nothing = Self::default();
        let turn = seed / 8;
        match seed % 8 {
            0 => Self {
                epochs: turn % 2 == 1,
                ..nothing
            },
            1 => Self {
                crashes: true,
                epochs: turn % 2 == 1,
                ..nothing
            },
            2 => Self {
                cuts: 1,
                // 37 and 2,000 have no common divisor: all writes have their turn.
                first_cut: Some(1 + turn * 37 % WRITES),
                ..nothing
            },
            3 => Self {
                cuts: 1 + turn % 3,
                crashes: true,
                epochs: turn % 4 == 1,
                ..nothing
            },
            4 => Self {
                clocks: true,
                crashes: turn % 2 == 1,
                rogue: Some(Rogue::Clock),
                ..nothing
            },
            5 => Self {
                members: true,
                strangers: true,
                crashes: turn % 2 == 1,
                ..nothing
            },
            6 => Self {
                rogue: Some(if turn.is_multiple_of(2) {
                    Rogue::Clone
                } else {
                    Rogue::Votes
                }),
                ..nothing
            },
            _ => Self {
                crashes: true,
                cuts: turn % 3,
                first_cut: None,
                epochs: false,
                clocks: true,
                members: true,
                strangers: true,
                rogue: [Rogue::Clone, Rogue::Votes, Rogue::Clock]
                    .get(usize::try_from(turn % 4).expect("small"))
                    .copied(),
                forgets: false,
            },
        }
    }
}
