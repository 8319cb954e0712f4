// SPDX-License-Identifier: Apache-2.0
//! The input digest changes with everything that enters the outcome, and with nothing else.

use silsila_mapping::{Pack, RefState};

use crate::hospital::{Hospital, PATIENT, compile, int, pack, text};

const VISIT: &str = "\
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
lookup: { doctor: { table: doctors, on: { doctor_id: doctor_id } } }
each: { line: { table: lines, by: { visit_id: visit_id } } }
share: true
set:
  status: \"'finished'\"
  class.code: \"'AMB'\"
  class.display: doctor.name
  reasonCode[0].text: line | map('what') | join(',')
  subject: ref('patient', patient_id)
";

fn digest(pack: &Pack, hospital: &Hospital) -> [u8; 16] {
    hospital
        .batch(pack, "visit")
        .input_digest(0, &[5; 32], hospital)
}

fn hospital() -> Hospital {
    Hospital::default()
        .with(
            "visits",
            &[
                ("visit_id", int(1)),
                ("patient_id", int(7)),
                ("doctor_id", int(3)),
                ("noise", int(1)),
            ],
        )
        .with(
            "doctors",
            &[
                ("doctor_id", int(3)),
                ("name", text("A")),
                ("noise", int(1)),
            ],
        )
        .with("lines", &[("visit_id", int(1)), ("what", text("x"))])
}

#[test]
fn it_changes_with_row_lookup_child_state_and_mapping() {
    let pack = pack(VISIT);
    let base = digest(&pack, &hospital());
    assert_eq!(base, digest(&pack, &hospital()));
    let changed = |table: &str, row: usize, column: usize, value| {
        let mut hospital = hospital();
        hospital.tables.get_mut(table).expect("a table")[row][column].1 = value;
        digest(&pack, &hospital)
    };
    let mut all = vec![
        base,
        changed("visits", 0, 1, int(8)),
        changed("doctors", 0, 1, text("B")),
        changed("lines", 0, 1, text("y")),
        digest(
            &pack,
            &hospital().with("lines", &[("visit_id", int(1)), ("what", text("x"))]),
        ),
        digest(&pack, &hospital().state(int(7), RefState::Absent)),
        digest(&pack, &hospital().state(int(7), RefState::NotShared)),
        digest(&pack_of(&VISIT.replace("AMB", "EMER")), &hospital()),
    ];
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

fn pack_of(mapping: &str) -> Pack {
    pack(mapping)
}

#[test]
fn columns_that_nobody_reads_do_not_enter_it() {
    let pack = pack(VISIT);
    let base = digest(&pack, &hospital());
    let mut other = hospital();
    other.tables.get_mut("visits").expect("there")[0][3].1 = int(2);
    other.tables.get_mut("doctors").expect("there")[0][2].1 = int(2);
    assert_eq!(base, digest(&pack, &other));
}

#[test]
fn a_mappings_digest_covers_its_code_tables_and_settings() {
    let mapping = PATIENT.replace("gender: gender", "gender: gender | code('gender')");
    let digest = |table: &str, base: &str| {
        let files = [("p.yaml", mapping.as_str()), ("gender.csv", table)].map(|(path, text)| {
            silsila_mapping::PackFile {
                path: path.to_owned(),
                text: text.to_owned(),
            }
        });
        let settings = silsila_mapping::PackSettings {
            base_uri: base.to_owned(),
            ..crate::hospital::settings()
        };
        let pack = Pack::compile(&files, &settings)
            .map_err(|e| e.to_string())
            .expect("a pack");
        pack.mappings()[0].digest()
    };
    let base = digest("from,to\nm,male\n", "https://h.example");
    assert_eq!(base, digest("from,to\nm,male\n", "https://h.example"));
    assert_ne!(base, digest("from,to\nf,female\n", "https://h.example"));
    assert_ne!(base, digest("from,to\nm,male\n", "https://i.example"));
    assert!(compile(&[("p.yaml", &mapping)]).is_err());
}
