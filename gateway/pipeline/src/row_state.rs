// SPDX-License-Identifier: Apache-2.0
//! What is remembered of a legacy row under one mapping, and how an outcome changes it. Pure.

use silsila_mapping::RefState;

/// A keyed digest, cut to 16 bytes.
pub(crate) type Digest = [u8; 16];

/// Name, birth date and sex of a Patient as last committed: eight bytes of keyed digest each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(pub [[u8; 8]; 3]);

impl Person {
    /// Whether nothing is left by which the two could be the same person.
    pub fn shares_nothing_with(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a != b)
    }
}

/// The outcome of a row when it was last mapped. The numbers stand in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Produced = 1,
    Empty = 2,
    NotShared = 3,
    Quarantined = 4,
    /// No longer in its table; known because a version of it is on the ledger.
    Gone = 5,
    /// No longer in its table, and its mapping says `on_delete: keep`.
    Kept = 6,
}

impl State {
    pub const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Produced,
            2 => Self::Empty,
            3 => Self::NotShared,
            4 => Self::Quarantined,
            5 => Self::Gone,
            6 => Self::Kept,
            _ => return None,
        })
    }

    /// Whether the row is in its table.
    pub const fn present(self) -> bool {
        !matches!(self, Self::Gone | Self::Kept)
    }

    /// What a row that refers to this one is told. A kept row was shared when it was last seen.
    pub const fn as_reference(self) -> RefState {
        match self {
            Self::Produced | Self::Kept => RefState::Shared,
            Self::NotShared => RefState::NotShared,
            Self::Quarantined => RefState::Quarantined,
            Self::Empty | Self::Gone => RefState::Absent,
        }
    }
}

/// What the store remembers of one row under one mapping.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RowState {
    pub state: State,
    /// Whether the newest version on the ledger is a put.
    pub live: bool,
    /// Whether the key came back after a deletion and nobody has vouched for it yet.
    pub hold: bool,
    /// The last sweep that saw the row.
    pub sweep: u64,
    /// What went into the outcome; `None` has the row mapped again.
    pub input: Option<Digest>,
    /// The last version's bytes; `None` where there never was one.
    pub body: Option<Digest>,
    /// The id of the patient whose record the last version belongs to.
    pub subject: Option<Box<str>>,
    pub person: Option<Person>,
    /// The warnings that the row bears, by number, ascending.
    pub warned: Vec<u32>,
}

/// What mapping said, as far as the row's state depends on it.
#[derive(Clone)]
pub(crate) enum Verdict {
    Produced {
        body: Digest,
        subject: Option<Box<str>>,
        person: Option<Person>,
    },
    Empty,
    NotShared,
    Quarantined {
        withdraws: bool,
    },
}

/// What the ledger is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    Put,
    Delete,
}

/// Why a Patient that could be mapped is held back all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suspicion {
    /// Its key returned after a deletion.
    Returned,
    /// Name, birth date and sex all changed at once.
    Replaced,
}

/// What a verdict makes of a row.
pub(crate) struct Settled {
    pub next: RowState,
    pub act: Act,
    pub suspicion: Option<Suspicion>,
}

impl RowState {
    /// A row that was never seen before.
    pub fn new(sweep: u64) -> Self {
        Self {
            state: State::Empty,
            live: false,
            hold: false,
            sweep,
            input: None,
            body: None,
            subject: None,
            person: None,
            warned: Vec::new(),
        }
    }

    /// The row after a verdict. `accepted`: an operator has vouched that it is the same person.
    pub fn settle(known: Option<&Self>, verdict: Verdict, accepted: bool) -> Settled {
        let mut next = known.cloned().unwrap_or_else(|| Self::new(0));
        let patient = matches!(
            &verdict,
            Verdict::Produced {
                person: Some(_),
                ..
            }
        ) || next.person.is_some();
        if patient && !next.state.present() && next.body.is_some() {
            next.hold = true;
        }
        let was_live = next.live;
        let withdraw = |next: &mut Self| {
            next.live = false;
            if was_live { Act::Delete } else { Act::Nothing }
        };
        let mut suspicion = None;
        let act = match verdict {
            Verdict::Empty => {
                next.state = State::Empty;
                withdraw(&mut next)
            }
            Verdict::NotShared => {
                next.state = State::NotShared;
                withdraw(&mut next)
            }
            Verdict::Quarantined { withdraws } => {
                next.state = State::Quarantined;
                if withdraws {
                    withdraw(&mut next)
                } else {
                    Act::Nothing
                }
            }
            Verdict::Produced {
                body,
                subject,
                person,
            } => {
                suspicion = next.suspicion(person.as_ref()).filter(|_| !accepted);
                if suspicion.is_some() {
                    next.state = State::Quarantined;
                    Act::Nothing
                } else {
                    let same = was_live && next.body == Some(body);
                    next.state = State::Produced;
                    next.live = true;
                    next.hold = false;
                    next.body = Some(body);
                    next.subject = subject;
                    next.person = person;
                    if same { Act::Nothing } else { Act::Put }
                }
            }
        };
        Settled {
            next,
            act,
            suspicion,
        }
    }

    fn suspicion(&self, person: Option<&Person>) -> Option<Suspicion> {
        let person = person?;
        if self.hold {
            return Some(Suspicion::Returned);
        }
        match &self.person {
            Some(before) if before.shares_nothing_with(person) => Some(Suspicion::Replaced),
            _ => None,
        }
    }
}

/// What rows add to their mapping's counters; differences may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub produced: i64,
    pub empty: i64,
    pub not_shared: i64,
    pub quarantined: i64,
    pub resources: i64,
    pub versions: i64,
}

impl Tally {
    /// What one row adds.
    pub fn of(row: Option<&RowState>) -> Self {
        let mut tally = Self::default();
        if let Some(row) = row {
            tally.resources = i64::from(row.live);
            match row.state {
                State::Produced => tally.produced = 1,
                State::Empty => tally.empty = 1,
                State::NotShared => tally.not_shared = 1,
                State::Quarantined => tally.quarantined = 1,
                State::Gone | State::Kept => {}
            }
        }
        tally
    }

    /// The difference that a change makes.
    pub fn change(before: Option<&RowState>, after: Option<&RowState>, versions: i64) -> Self {
        let mut tally = Self::of(after);
        tally.add(&Self::of(before), -1);
        tally.versions = versions;
        tally
    }

    pub fn add(&mut self, other: &Self, times: i64) {
        self.produced += times * other.produced;
        self.empty += times * other.empty;
        self.not_shared += times * other.not_shared;
        self.quarantined += times * other.quarantined;
        self.resources += times * other.resources;
        self.versions += times * other.versions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAMILA: Person = Person([[1; 8], [1; 8], [1; 8]]);
    const HER_NAME_CORRECTED: Person = Person([[2; 8], [1; 8], [1; 8]]);
    const SOMEBODY_ELSE: Person = Person([[2; 8], [2; 8], [2; 8]]);

    fn produced(body: u8, person: Option<Person>) -> Verdict {
        Verdict::Produced {
            body: [body; 16],
            subject: None,
            person,
        }
    }

    fn after(verdicts: Vec<Verdict>) -> (Option<RowState>, Vec<Act>) {
        let mut row = None;
        let mut acts = Vec::new();
        for verdict in verdicts {
            let settled = RowState::settle(row.as_ref(), verdict, false);
            row = Some(settled.next);
            acts.push(settled.act);
        }
        (row, acts)
    }

    #[test]
    fn the_same_bytes_make_no_second_version_and_others_do() {
        let (_, acts) = after(vec![
            produced(1, None),
            produced(1, None),
            produced(2, None),
            produced(1, None),
        ]);
        assert_eq!(acts, [Act::Put, Act::Nothing, Act::Put, Act::Put]);
    }

    #[test]
    fn a_row_that_ends_sharing_is_withdrawn_once_and_comes_back_with_a_new_version() {
        let (_, acts) = after(vec![
            produced(1, None),
            Verdict::NotShared,
            Verdict::NotShared,
            produced(1, None),
        ]);
        assert_eq!(acts, [Act::Put, Act::Delete, Act::Nothing, Act::Put]);
    }

    #[test]
    fn a_row_that_becomes_empty_by_rule_has_no_resource() {
        let (row, acts) = after(vec![produced(1, None), Verdict::Empty]);
        assert_eq!(acts, [Act::Put, Act::Delete]);
        assert!(!row.unwrap().live);
    }

    #[test]
    fn a_quarantine_keeps_the_last_version_unless_sharing_can_no_longer_be_shown() {
        let keeps = || Verdict::Quarantined { withdraws: false };
        let withdraws = || Verdict::Quarantined { withdraws: true };
        let (row, acts) = after(vec![produced(1, None), keeps(), produced(1, None)]);
        assert_eq!(acts, [Act::Put, Act::Nothing, Act::Nothing]);
        assert!(row.unwrap().live);
        let (row, acts) = after(vec![produced(1, None), keeps(), withdraws(), withdraws()]);
        assert_eq!(acts, [Act::Put, Act::Nothing, Act::Delete, Act::Nothing]);
        assert!(!row.unwrap().live);
    }

    #[test]
    fn a_row_that_never_was_on_the_ledger_has_nothing_to_withdraw() {
        for verdict in [
            Verdict::Empty,
            Verdict::NotShared,
            Verdict::Quarantined { withdraws: true },
        ] {
            assert_eq!(after(vec![verdict]).1, [Act::Nothing]);
        }
    }

    fn gone(mut row: RowState) -> RowState {
        row.state = State::Gone;
        row.live = false;
        row
    }

    #[test]
    fn a_patient_key_that_returns_after_deletion_waits_for_an_operator() {
        let row = gone(after(vec![produced(1, Some(JAMILA))]).0.unwrap());
        let back = RowState::settle(Some(&row), produced(1, Some(JAMILA)), false);
        assert_eq!(back.suspicion, Some(Suspicion::Returned));
        assert_eq!(
            (back.act, back.next.state),
            (Act::Nothing, State::Quarantined)
        );
        // Neither time nor an interval of not sharing makes it the same person.
        let later = RowState::settle(Some(&back.next), Verdict::NotShared, false);
        let later = RowState::settle(Some(&later.next), produced(2, Some(JAMILA)), false);
        assert_eq!(later.suspicion, Some(Suspicion::Returned));
        let accepted = RowState::settle(Some(&later.next), produced(2, Some(JAMILA)), true);
        assert_eq!(
            (accepted.act, accepted.next.state),
            (Act::Put, State::Produced)
        );
        let then = RowState::settle(Some(&accepted.next), produced(3, Some(JAMILA)), false);
        assert_eq!(then.act, Act::Put);
    }

    #[test]
    fn the_key_of_anything_but_a_patient_may_return() {
        let row = gone(after(vec![produced(1, None)]).0.unwrap());
        let back = RowState::settle(Some(&row), produced(1, None), false);
        assert_eq!(back.act, Act::Put);
    }

    #[test]
    fn a_patient_whose_name_birth_date_and_sex_change_at_once_waits_for_an_operator() {
        let row = after(vec![produced(1, Some(JAMILA))]).0.unwrap();
        let corrected = RowState::settle(Some(&row), produced(2, Some(HER_NAME_CORRECTED)), false);
        assert_eq!(corrected.act, Act::Put);
        let replaced = RowState::settle(Some(&row), produced(2, Some(SOMEBODY_ELSE)), false);
        assert_eq!(replaced.suspicion, Some(Suspicion::Replaced));
        assert_eq!(replaced.act, Act::Nothing);
        assert!(
            replaced.next.live,
            "the person known before stays as she was"
        );
        let back = RowState::settle(Some(&replaced.next), produced(1, Some(JAMILA)), false);
        assert_eq!((back.act, back.next.state), (Act::Nothing, State::Produced));
        let accepted =
            RowState::settle(Some(&replaced.next), produced(2, Some(SOMEBODY_ELSE)), true);
        assert_eq!(accepted.act, Act::Put);
    }

    #[test]
    fn counters_follow_a_row_through_its_states_and_add_up() {
        let mut total = Tally::default();
        let mut row: Option<RowState> = None;
        let verdicts = [
            produced(1, None),
            Verdict::Quarantined { withdraws: false },
            Verdict::NotShared,
            Verdict::Empty,
            produced(2, None),
        ];
        for verdict in verdicts {
            let settled = RowState::settle(row.as_ref(), verdict, false);
            let versions = i64::from(settled.act != Act::Nothing);
            total.add(
                &Tally::change(row.as_ref(), Some(&settled.next), versions),
                1,
            );
            row = Some(settled.next);
            assert_eq!(
                total.produced + total.empty + total.not_shared + total.quarantined,
                1
            );
        }
        assert_eq!((total.produced, total.resources, total.versions), (1, 1, 3));
        total.add(&Tally::change(row.as_ref(), None, 0), 1);
        assert_eq!((total.produced, total.resources), (0, 0));
    }
}
