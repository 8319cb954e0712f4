// SPDX-License-Identifier: Apache-2.0
//! The claims of every adapter, on files that hold the tables of the claims.

use silsila_access::Access;
use silsila_source::Value;
use silsila_source::compliance::{Fixture, Role, run};

use crate::place::{fixture, options, source};

/// The tables as `claims.mdb` has them: before Access 2016 an integer has four bytes, and `Make.java` wrote
/// the nearest.
fn before_2016() -> Fixture {
    let mut standard = Fixture::standard();
    let exact = standard.sample_mut(Role::Exact);
    let large = exact.position("large");
    for row in &mut exact.rows {
        if let Value::Int(n) = row[large] {
            row[large] = Value::Int(n.clamp(i32::MIN.into(), i32::MAX.into()));
        }
    }
    standard
}

#[tokio::test]
async fn an_accdb_keeps_the_claims_of_every_adapter() {
    let report = run(&source("claims.accdb"), &Fixture::standard()).await;
    report.assert_all_hold();
}

#[tokio::test]
async fn an_mdb_keeps_the_claims_of_every_adapter() {
    let report = run(&source("claims.mdb"), &before_2016()).await;
    report.assert_all_hold();
}

#[tokio::test]
async fn the_claims_hold_with_hardly_any_memory_for_indexes() {
    let mut poor = options(&fixture("claims.accdb"));
    poor.index_memory = 65_536;
    let report = run(&Access::new(poor), &Fixture::standard()).await;
    report.assert_all_hold();
}
