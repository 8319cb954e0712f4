// SPDX-License-Identifier: Apache-2.0
//! The pack's own tests, which need no database.

use silsila_mapping::run_tests;

use crate::pack_hospital::pack;

#[test]
fn the_pack_passes_its_own_tests() {
    let report = run_tests(&pack());
    for failure in &report.failures {
        println!("{:?} {}\n{}", failure.place, failure.name, failure.diff);
    }
    assert!(
        report.failures.is_empty(),
        "{} failed",
        report.failures.len()
    );
    assert!(report.passed >= 150, "{} passed", report.passed);
}
