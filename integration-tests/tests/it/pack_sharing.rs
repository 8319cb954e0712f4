// SPDX-License-Identifier: Apache-2.0
//! Sharing fails closed: one test per clause of that invariant, over the real pack and a real database.

use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_mapping::{Outcome, Pack, PackFile, RowOutcome};
use silsila_mysql::MySql;
use silsila_source::Source;

use crate::pack_hospital::{Mapped, map_hospital, pack_files, settings};
use crate::pack_legacy::{day_one, fault};

/// Every mapping of the patient compartment, and the one row of it that the tests look at.
const OF_4485: [(&str, &str, &str); 5] = [
    ("visit", "opd_visits", "visit_id"),
    ("visit-bp", "opd_visits", "visit_id"),
    ("visit-diagnosis", "opd_visits", "visit_id"),
    ("lab-result", "lab_tests", "test_id"),
    ("allergy", "allergies", "allergy_id"),
];

/// The pack with one file's text changed, which must change something.
fn with(file: &str, from: &str, to: &str) -> Vec<PackFile> {
    let mut files = pack_files();
    let changed = files
        .iter_mut()
        .find(|f| f.path.ends_with(file))
        .expect("a file of the pack");
    assert!(changed.text.contains(from), "{file} holds {from}");
    changed.text = changed.text.replace(from, to);
    files
}

/// A hospital of the test's own, on which SQL may be run, mapped by a pack.
struct Own {
    hospital: Hospital,
    server: std::sync::Arc<MariaDb>,
}

impl Own {
    async fn load(name: &str) -> Self {
        let server = shared().await;
        let hospital = Hospital::load(&server, name, &sindh())
            .await
            .expect("the hospital loads");
        Self { hospital, server }
    }

    async fn sql(&self, sql: &str) {
        let sql = format!("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'; {sql}");
        let database = Some(self.hospital.database.as_str());
        self.server
            .execute(database, &sql)
            .await
            .expect("SQL of our own");
    }

    fn source(&self) -> MySql {
        MySql::new(self.hospital.options(&self.server))
    }

    async fn map(&self, files: &[PackFile]) -> Mapped {
        let pack = Pack::compile(files, &settings()).unwrap_or_else(|m| panic!("{m:#?}"));
        map_hospital(&self.source(), &pack).await
    }

    /// The outcomes of all rows of patient 4485 under the mappings of his compartment.
    async fn of_4485<'m>(&self, mapped: &'m Mapped) -> Vec<(&'static str, i64, &'m RowOutcome)> {
        use mysql_async::prelude::Queryable;
        let database = Some(self.hospital.database.as_str());
        let mut conn = self
            .server
            .admin(database)
            .await
            .expect("the server answers");
        let mut found = Vec::new();
        for (mapping, table, key) in OF_4485 {
            let sql = format!("SELECT {key} FROM {table} WHERE patient_id = 4485");
            let keys: Vec<i64> = conn.query(sql).await.expect("SQL of our own");
            assert!(!keys.is_empty(), "{table}");
            found.extend(
                keys.into_iter()
                    .map(|k| (mapping, k, mapped.outcome(mapping, k))),
            );
        }
        conn.disconnect().await.expect("an orderly end");
        found
    }
}

#[tokio::test]
async fn a_misspelt_column_in_share_is_refused_with_a_suggestion() {
    let files = with("visit.yaml", "patient.share_optout", "patient.share_optuot");
    let schema = day_one().await.source().schema().await;
    let schema = schema.expect("the database answers");
    let text = match Pack::compile(&files, &settings()) {
        Err(mistakes) => format!("{mistakes:?}"),
        Ok(pack) => {
            let mistakes = pack.check_against(&schema);
            assert!(
                !mistakes.is_empty(),
                "a column that is not there is a mistake"
            );
            format!("{mistakes:?}")
        }
    };
    assert!(
        text.contains("share_optuot") && text.contains("share_optout"),
        "{text}"
    );
}

#[test]
fn a_mapping_of_a_patients_data_without_share_is_refused() {
    let share = "share: patient.is_deleted == 0 and patient.share_optout == 0\n";
    for file in [
        "visit.yaml",
        "visit-bp.yaml",
        "lab-result.yaml",
        "prescription.yaml",
        "allergy.yaml",
        "immunization.yaml",
    ] {
        assert!(
            Pack::compile(&with(file, share, ""), &settings()).is_err(),
            "{file}"
        );
    }
}

#[test]
fn a_mapping_of_a_patients_data_without_its_patient_is_refused() {
    let subject = "  subject: ref('patient', patient_id)\n";
    assert!(Pack::compile(&with("visit-pulse.yaml", subject, ""), &settings()).is_err());
    let guarded = "  subject: ref('patient', patient_id) if pulse > 0 else none\n";
    assert!(Pack::compile(&with("visit-pulse.yaml", subject, guarded), &settings()).is_err());
}

#[tokio::test]
async fn a_flag_that_is_null_shares_nothing_of_that_patient() {
    let own = Own::load("pack_null_flag").await;
    own.sql("ALTER TABLE patients MODIFY share_optout tinyint(1) NULL; UPDATE patients SET share_optout = NULL WHERE patient_id = 4485")
        .await;
    let mapped = own.map(&pack_files()).await;
    let patient = &mapped.outcome("patient", 4485).outcome;
    assert!(matches!(patient, Outcome::NotShared), "{patient:?}");
    for (mapping, key, outcome) in own.of_4485(&mapped).await {
        assert!(
            matches!(outcome.outcome, Outcome::NotShared),
            "{mapping} {key}: {:?}",
            outcome.outcome
        );
    }
}

#[tokio::test]
async fn the_visits_of_a_patient_who_opted_out_are_not_shared() {
    let own = Own::load("pack_opted_out").await;
    own.sql("UPDATE patients SET share_optout = 1 WHERE patient_id = 4485")
        .await;
    let mapped = own.map(&pack_files()).await;
    for (mapping, key, outcome) in own.of_4485(&mapped).await {
        assert!(
            matches!(outcome.outcome, Outcome::NotShared),
            "{mapping} {key}: {:?}",
            outcome.outcome
        );
    }
}

#[tokio::test]
async fn a_row_that_says_yes_is_not_shared_when_its_patient_says_no() {
    let own = Own::load("pack_says_yes").await;
    own.sql("UPDATE patients SET share_optout = 1 WHERE patient_id = 4485")
        .await;
    let share = "share: patient.is_deleted == 0 and patient.share_optout == 0\n";
    let mapped = own
        .map(&with("visit-bp.yaml", share, "share: true\n"))
        .await;
    for (mapping, key, outcome) in own.of_4485(&mapped).await {
        assert!(
            matches!(outcome.outcome, Outcome::NotShared),
            "{mapping} {key}: {:?}",
            outcome.outcome
        );
    }
}

#[tokio::test]
async fn what_is_not_exactly_true_is_quarantined_and_withdrawn() {
    let own = Own::load("pack_not_true").await;
    let share = "share: patient.is_deleted == 0 and patient.share_optout == 0\n";
    let mapped = own
        .map(&with("allergy.yaml", share, "share: patient.patient_id\n"))
        .await;
    let counts = mapped.counts("allergy");
    assert_eq!(counts.quarantined, counts.rows, "a number is not true");
    for (key, outcome) in mapped.rows("allergy") {
        let Outcome::Quarantined(fault) = &outcome.outcome else {
            panic!("{key}: {:?}", outcome.outcome);
        };
        assert!(fault.withdraws, "{key}");
    }
}

#[tokio::test]
async fn a_patient_who_is_gone_leaves_orphans_that_are_withdrawn() {
    let own = Own::load("pack_gone").await;
    own.sql("DELETE FROM patients WHERE patient_id = 4485")
        .await;
    let mapped = own.map(&pack_files()).await;
    for (mapping, key, outcome) in own.of_4485(&mapped).await {
        assert_eq!(fault(outcome), Some("MAP2003"), "{mapping} {key}");
        let Outcome::Quarantined(fault) = &outcome.outcome else {
            unreachable!("asserted above");
        };
        assert!(fault.withdraws && fault.retry_on_patient, "{mapping} {key}");
    }
}
