// SPDX-License-Identifier: Apache-2.0
//! The claims that every adapter must keep, against a real database.
//!
//! A test loads the rows of [`Fixture::standard`] into its database in that database's own dialect,
//! adjusts the fixture where the database cannot hold something (and only there), and calls [`run`].
//! Every claim is one function, so that a failure names the promise that was broken. All data here is
//! invented, which is why reasons may quote it.

mod changes;
mod facts;
mod faults;
mod fetches;
mod fixture;
mod scans;
mod values;
mod walk;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use changes::*;
pub use facts::{Facts, facts, markdown};
pub use faults::*;
pub use fetches::*;
pub use fixture::{Fixture, Role, Sample, SampleColumn};
pub use scans::*;
pub use values::*;

use crate::{Source, SourceError};

/// What a check found: nothing, or why the claim does not hold.
pub type Check = Result<(), Broken>;

/// A claim that does not hold, and how that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl From<SourceError> for Broken {
    fn from(error: SourceError) -> Self {
        Self(format!("the source answered with an error: {error}"))
    }
}

/// Fails a check with a reason unless the condition holds.
fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Broken(reason())) }
}

/// The outcome of every claim, in the order they were tried.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Name of the claim, and what was found.
    pub outcomes: Vec<(&'static str, Check)>,
    /// Name of each claim that the database cannot keep, and the reason.
    pub excused: Vec<(&'static str, &'static str)>,
}

impl Report {
    /// The claims that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = (&'static str, &Broken)> {
        self.outcomes
            .iter()
            .filter_map(|(name, check)| check.as_ref().err().map(|b| (*name, b)))
    }

    /// Panics with the whole list unless every claim holds: the last line of an adapter's test.
    ///
    /// # Panics
    /// When a claim is broken, or when none was tried.
    pub fn assert_all_hold(&self) {
        assert!(!self.outcomes.is_empty(), "no claim was tried");
        assert!(self.broken().next().is_none(), "\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, check) in &self.outcomes {
            match check {
                Ok(()) => writeln!(f, "holds   {name}")?,
                Err(Broken(reason)) => writeln!(f, "BROKEN  {name}: {reason}")?,
            }
        }
        for (name, reason) in &self.excused {
            writeln!(f, "excused {name}: {reason}")?;
        }
        Ok(())
    }
}

type Claim =
    for<'a> fn(&'a dyn Source, &'a Fixture) -> Pin<Box<dyn Future<Output = Check> + Send + 'a>>;

macro_rules! claims {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |source, fixture| Box::pin($name(source, fixture)))),*]
    };
}

/// Every claim by name.
const CLAIMS: &[(&str, Claim)] = claims![
    schema_lists_tables_columns_and_keys,
    count_says_how_many_rows_there_are,
    health_names_the_server,
    scan_visits_every_row_once_in_key_order,
    scan_obeys_its_limit,
    scan_resumes_after_any_key,
    scan_resumes_after_a_key_whose_row_is_gone,
    scan_walks_composite_keys,
    scan_walks_text_keys,
    scan_of_an_empty_table_is_empty,
    changes_lose_no_ties_in_the_watermark,
    changes_begin_at_the_watermark_itself,
    changes_leave_null_watermarks_to_the_sweep,
    fetch_returns_exactly_the_matches,
    fetch_finds_every_row_of_a_repeated_value,
    fetch_by_several_columns_matches_pairs,
    fetch_matches_nothing_for_null,
    fetch_never_takes_text_for_a_number,
    decimals_keep_their_digits,
    large_integers_are_exact,
    empty_text_is_not_null,
    long_text_arrives_whole,
    times_arrive_as_stored,
    odd_names_are_quoted,
    a_missing_table_is_named,
    a_missing_column_is_named,
    the_source_answers_after_an_error,
];

/// Tries every claim and reports all of them.
pub async fn run(source: &dyn Source, fixture: &Fixture) -> Report {
    let mut report = Report::default();
    for (name, claim) in CLAIMS {
        let outcome = claim(source, fixture).await;
        let excuse = fixture.excused.iter().find(|(excused, _)| excused == name);
        match (excuse, &outcome) {
            (Some(excuse), Err(_)) => report.excused.push(*excuse),
            (Some(_), Ok(())) => report.outcomes.push((name, Err(needless()))),
            (None, _) => report.outcomes.push((name, outcome)),
        }
    }
    for (excused, _) in &fixture.excused {
        if !CLAIMS.iter().any(|(name, _)| name == excused) {
            report
                .outcomes
                .push((excused, Err(Broken("there is no such claim".into()))));
        }
    }
    report
}

fn needless() -> Broken {
    Broken("it holds, although the test excuses it".into())
}
