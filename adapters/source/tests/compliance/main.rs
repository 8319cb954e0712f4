// SPDX-License-Identifier: Apache-2.0
//! The suite itself is put to the test: a faithful source keeps every claim, and a source with one fault
//! breaks the claim that is there to catch it.

#![cfg(feature = "compliance")]

mod memory;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use memory::{Fault, Memory};
use silsila_source::compliance::{Fixture, run};

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a source in memory never waits"),
    }
}

fn broken(fault: Fault) -> Vec<&'static str> {
    let fixture = Fixture::standard();
    let source = Memory::new(fault);
    let report = now(run(&source, &fixture));
    report.broken().map(|(name, _)| name).collect()
}

#[test]
fn a_faithful_source_keeps_every_claim() {
    assert_eq!(broken(Fault::None), [""; 0]);
}

#[test]
fn every_fault_breaks_the_claim_that_is_there_to_catch_it() {
    let faults = [
        (Fault::ForgetsKeys, "schema_lists_tables_columns_and_keys"),
        (Fault::MiscountsByOne, "count_says_how_many_rows_there_are"),
        (Fault::NamesNoServer, "health_names_the_server"),
        (
            Fault::RepeatsTheLastRow,
            "scan_visits_every_row_once_in_key_order",
        ),
        (Fault::IgnoresLimits, "scan_obeys_its_limit"),
        (
            Fault::ComparesFirstKeyColumnOnly,
            "scan_walks_composite_keys",
        ),
        (
            Fault::ComparesFirstKeyColumnOnly,
            "scan_resumes_after_any_key",
        ),
        (
            Fault::NeedsTheCursorsRow,
            "scan_resumes_after_a_key_whose_row_is_gone",
        ),
        (Fault::RepeatsTheLastRow, "scan_walks_text_keys"),
        (Fault::InventsRows, "scan_of_an_empty_table_is_empty"),
        (Fault::DropsTies, "changes_lose_no_ties_in_the_watermark"),
        (
            Fault::BeginsAfterSince,
            "changes_begin_at_the_watermark_itself",
        ),
        (
            Fault::GivesNullWatermarks,
            "changes_leave_null_watermarks_to_the_sweep",
        ),
        (
            Fault::FetchesOnlySomeKeys,
            "fetch_returns_exactly_the_matches",
        ),
        (
            Fault::FetchesOneRowPerKey,
            "fetch_finds_every_row_of_a_repeated_value",
        ),
        (
            Fault::MatchesCrosswise,
            "fetch_by_several_columns_matches_pairs",
        ),
        (Fault::MatchesNullWithNull, "fetch_matches_nothing_for_null"),
        (
            Fault::ReadsNumbersOutOfText,
            "fetch_never_takes_text_for_a_number",
        ),
        (Fault::TrimsDecimals, "decimals_keep_their_digits"),
        (Fault::RoundsIntegers, "large_integers_are_exact"),
        (Fault::MakesEmptyTextNull, "empty_text_is_not_null"),
        (Fault::CutsLongText, "long_text_arrives_whole"),
        (Fault::LosesTimes, "times_arrive_as_stored"),
        (Fault::KnowsNoOddNames, "odd_names_are_quoted"),
        (Fault::AnswersForMissingTables, "a_missing_table_is_named"),
        (Fault::AnswersForMissingColumns, "a_missing_column_is_named"),
        (Fault::MiscountsByOne, "the_source_answers_after_an_error"),
    ];
    for (fault, claim) in faults {
        let broken = broken(fault);
        assert!(broken.contains(&claim), "{fault:?} broke only {broken:?}");
    }
    // And no claim is left that no fault breaks.
    let fixture = Fixture::standard();
    let source = Memory::new(Fault::None);
    for (claim, _) in now(run(&source, &fixture)).outcomes {
        assert!(
            faults.iter().any(|(_, c)| *c == claim),
            "nothing breaks {claim}"
        );
    }
}

#[test]
fn a_report_shows_what_is_broken() {
    let fixture = Fixture::standard();
    let source = Memory::new(Fault::MiscountsByOne);
    let report = now(run(&source, &fixture)).to_string();
    let line = report
        .lines()
        .find(|l| l.starts_with("BROKEN"))
        .unwrap_or_default();
    assert!(
        line.starts_with("BROKEN  count_says_how_many_rows_there_are: "),
        "{line}"
    );
}

#[test]
fn an_excuse_holds_only_for_a_claim_that_breaks() {
    let claim = "decimals_keep_their_digits";
    let fixture = Fixture::standard().excusing(claim, "it has floats alone");
    let trims = now(run(&Memory::new(Fault::TrimsDecimals), &fixture));
    assert_eq!(trims.excused, [(claim, "it has floats alone")]);
    assert!(trims.broken().next().is_none(), "{trims}");
    let keeps = now(run(&Memory::new(Fault::None), &fixture));
    assert_eq!(
        keeps.broken().map(|(name, _)| name).collect::<Vec<_>>(),
        [claim]
    );
    let unknown = Fixture::standard().excusing("no_such_claim", "none");
    assert!(
        now(run(&Memory::new(Fault::None), &unknown))
            .broken()
            .next()
            .is_some()
    );
}
