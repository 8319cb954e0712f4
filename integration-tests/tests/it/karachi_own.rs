// SPDX-License-Identifier: Apache-2.0
//! The pack's own tests, which need no database.

use silsila_mapping::run_tests;

use crate::karachi_hospital::pack;

#[test]
fn the_karachi_pack_passes_its_own_tests() {
    let report = run_tests(&pack());
    for failure in &report.failures {
        println!("{:?} {}\n{}", failure.place, failure.name, failure.diff);
    }
    let failed = report.failures.len();
    assert!(report.failures.is_empty(), "{failed} failed");
    assert!(report.passed >= 110, "{} passed", report.passed);
}
