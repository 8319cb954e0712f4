// SPDX-License-Identifier: Apache-2.0
//! Every mistake, all at once, in its place.

use crate::hospital::{PATIENT, compile};

/// `code line:column` of everything found.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let Err(found) = compile(files) else {
        return Vec::new();
    };
    let place = |d: &silsila_diagnostics::Diagnostic| {
        let place = d.place.as_ref().expect("every mistake has a place");
        format!("{} {}:{}", d.code, place.line, place.column)
    };
    found.iter().map(place).collect()
}

#[track_caller]
fn check(mapping: &str, expect: &[&str]) {
    let mapping = mapping.trim_start_matches('\n');
    let got = found(&[("a.yaml", mapping), ("patient.yaml", PATIENT)]);
    if got != expect {
        let shown = compile(&[("a.yaml", mapping), ("patient.yaml", PATIENT)]).err();
        panic!(
            "{got:?}\n{}",
            shown.map(|f| f.to_string()).unwrap_or_default()
        );
    }
}

#[test]
fn a_mapping_with_five_mistakes_reports_five() {
    check(
        "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id], timezone: Asia/Karachee }
share: true
set:
  status: \"'finishd'\"
  class.code: kind | uper
  subject: ref('patient', patient_id)
  period.strat: began | datetime(tz='UTC')
  reasonCode[0].text: what + 1
",
        &[
            "MAP0034 4:51",
            "MAP0025 7:12",
            "MAP0014 8:22",
            "MAP0020 10:10",
            "MAP0018 11:23",
        ],
    );
}

#[test]
fn the_keys_of_a_mapping_are_held_to_a_list() {
    check(
        "
mapping: 2
name: Visit
resource: Encountr
from: { tabel: visits, key: visit_id, pivot: 1999 }
lookup: { doctor: { table: doctors, on: {} }, row: { table: t, on: { a: b } } }
on_delete: remove
query: select 1
shares: true
share: true
let: { doctor: x, 1x: y }
set: { status: \"'finished'\" }
",
        &[
            "MAP0006 1:10",
            "MAP0008 2:7",
            "MAP0007 3:11",
            "MAP0004 4:7",
            "MAP0002 4:9",
            "MAP0005 4:46",
            "MAP0004 5:41",
            "MAP0008 5:47",
            "MAP0005 6:12",
            "MAP0036 7:8",
            "MAP0002 8:1",
            "MAP0008 10:19",
        ],
    );
}

#[test]
fn what_yaml_ate_is_explained() {
    let head = "\
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
share: true
set:
  class.code: \"'AMB'\"
  subject: ref('patient', patient_id)
";
    for (line, expect) in [
        ("  status: 'finished'\n", "MAP0019 9:11"),
        ("  status: [a, b]\n", "MAP0019 9:11"),
        ("  status: {a: b}\n", "MAP0019 9:11"),
        ("  status: 'in progress'\n", "MAP0010 9:15"),
        ("  status: x ~ #1\n", "MAP0010 9:13"),
        ("  status: x\n  status: y\n", "MAP0003 10:3"),
    ] {
        check(&format!("{head}{line}"), &[expect]);
        let text = format!("{head}{line}");
        let found = compile(&[("a.yaml", &text), ("patient.yaml", PATIENT)])
            .err()
            .expect("refused");
        assert!(found.iter().all(|d| !d.help.is_empty()), "{found}");
    }
    // What YAML itself cannot read is the file's only mistake.
    for line in [
        "  status: 'a' ~ b\n",
        "  status: @x\n",
        "  status: | x\n",
        "  status: a: b\n",
        "  status: *x\n",
    ] {
        let text = format!("{head}{line}");
        let found = compile(&[("a.yaml", &text), ("patient.yaml", PATIENT)])
            .err()
            .expect("refused");
        let codes: Vec<_> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["MAP0001"], "{found}");
        assert!(found.iter().all(|d| !d.help.is_empty()), "{found}");
    }
}

#[test]
fn a_place_inside_a_folded_expression_is_found_again() {
    check(
        "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
share: true
set:
  status: \"'finished'\"
  class.code: >-
    a
    | upper
    | lwer
  class.display: \"'\\u0041' ~ x | trm\"
  subject: ref('patient', patient_id)
",
        &["MAP0014 11:7", "MAP0014 12:34"],
    );
}

#[test]
fn circles_of_lets_lookups_and_refs_are_reported() {
    check(
        "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
lookup:
  a: { table: t, on: { x: b.x } }
  b: { table: t, on: { x: a.x } }
let: { p: q | trim, q: p ~ 'x' }
share: true
set:
  status: \"'finished'\"
  class.code: p
  subject: ref('patient', patient_id)
",
        &["MAP0033 6:3", "MAP0033 8:24"],
    );
    let refers = |name: &str, other: &str| {
        format!(
            "mapping: 1\nname: {name}\nresource: Organization\nfrom: {{ table: {name}, key: [id] }}\n\
             set:\n  name: title\n  partOf: ref('{other}', id)\n"
        )
    };
    let (a, b) = (refers("one", "two"), refers("two", "one"));
    assert_eq!(found(&[("a.yaml", &a), ("b.yaml", &b)]), ["MAP0033 2:7"]);
}

#[test]
fn paths_need_indexes_where_elements_repeat_and_only_there() {
    check(
        "
mapping: 1
name: p
resource: Patient
from: { table: patients, key: [patient_id] }
share: true
set:
  name.family: a
  name[0].given: b
  name[main].family: c
  gender[0]: d
  birthDate.year: e
  deceased: f
  id: g
  meta.source: h
  identifier: i
  identifier[0].value: j
  telecom[0].value: k
  telecom[0].value.x: l
",
        &[
            "MAP0021 7:3",
            "MAP0021 9:3",
            "MAP0021 10:3",
            "MAP0020 11:3",
            "MAP0020 12:3",
            "MAP0022 13:3",
            "MAP0022 14:3",
            "MAP0023 16:3",
            "MAP0020 18:14",
        ],
    );
}

#[test]
fn types_and_targets_are_held_against_their_elements() {
    check(
        "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id], timezone: Asia/Karachi }
share: true
set:
  status: \"'finished'\"
  class: \"{'code': 'AMB'}\"
  subject: ref('patient', patient_id)
  period.start: a | is_bp
  period.end: b | decimal
  length.value: c | date
  participant[0].individual: ref('patient', d)
  serviceProvider: ref('organization')
  location[0].location: \"'Ward 5'\"
  partOf: ref('patient')
  type[0].text: (a | code('nope')).x
  type[1].text: (a | bp_split).sistolic
",
        &[
            "MAP0024 10:17",
            "MAP0024 11:15",
            "MAP0024 12:17",
            "MAP0030 13:30",
            "MAP0024 15:26",
            "MAP0030 16:11",
            "MAP0031 17:27",
            "MAP0011 18:32",
        ],
    );
}

#[test]
fn required_parts_that_nothing_gives_are_missed() {
    check(
        "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
share: true
set:
  subject: ref('patient', patient_id)
  location[0].status: \"'active'\"
",
        &["MAP0026 3:11", "MAP0026 3:11", "MAP0026 8:3"],
    );
}

#[test]
fn outputs_of_code_tables_are_held_against_fhirs_codes_in_their_own_file() {
    let mapping = PATIENT
        .replace("gender: gender", "gender: g.code")
        .replace("set:", "let: { g: gender | code('gender') }\nset:");
    let table = "from,code,text\nm,male,x\nf,femal,y\n";
    let got = found(&[("p.yaml", &mapping), ("gender.csv", table)]);
    assert_eq!(got, ["MAP0025 3:3"]);
}

#[test]
fn faults_of_every_file_come_together() {
    let got = found(&[
        ("a.yaml", "mapping: 1\nname: ["),
        (
            "b.yaml",
            &PATIENT.replace("gender: gender", "gender: gendr | trm"),
        ),
        ("c.csv", "from,x\na,1\nA,2\n"),
        ("sub/c.csv", "from,x\n"),
        (
            "d.tests.yaml",
            "tests: 1\ncases:\n  - name: x\n    mapping: patint\n    row: {}\n    outcom: empty\n",
        ),
        ("e.yaml", ""),
        ("README.md", "not read"),
    ]);
    assert_eq!(
        got,
        [
            "MAP0001 2:7",
            "MAP0014 8:19",
            "MAP0032 3:1",
            "MAP0037 4:14",
            "MAP0002 6:5",
            "MAP0004 1:1",
            "MAP0032 1:1"
        ]
    );
}

#[test]
fn two_mappings_of_one_name_are_refused() {
    assert_eq!(
        found(&[("a.yaml", PATIENT), ("b.yaml", PATIENT)]),
        ["MAP0009 2:7"]
    );
}

#[test]
fn a_group_and_a_where_see_only_what_they_may() {
    check(
        "
mapping: 1
name: v
resource: Observation
from: { table: vitals, key: [visit_id] }
group: { as: v, where: sign == 'x' }
each: { c: { table: t, by: { a: visit_id }, where: c.x == visit_id } }
share: true
set:
  status: \"'final'\"
  code.text: reading
  subject: ref('patient', visit_id)
  issued: v.taken
  note[0].text: c.text
",
        &[
            "MAP0011 5:24",
            "MAP0011 6:59",
            "MAP0011 10:14",
            "MAP0018 12:13",
            "MAP0018 13:19",
        ],
    );
}

#[test]
fn two_digit_years_and_local_times_need_their_settings() {
    check(
        "
mapping: 1
name: p
resource: Patient
from: { table: patients, key: [patient_id] }
share: true
set:
  birthDate: dob | date('%d/%m/%y')
  deceasedDateTime: died | datetime
",
        &["MAP0035 7:25", "MAP0034 8:28"],
    );
}

#[test]
fn on_delete_is_possible_or_refused() {
    let mapping = PATIENT.replace("share:", "on_delete: entered-in-error\nshare:");
    assert_eq!(found(&[("p.yaml", &mapping)]), ["MAP0005 5:12"]);
}

#[test]
fn what_is_nested_without_end_is_refused_rather_than_followed() {
    let lets: String = (1..400)
        .map(|i| format!("  l{i}: l{} | trim\n", i - 1))
        .collect();
    let mapping = PATIENT.replace("set:", &format!("let:\n  l0: gender\n{lets}set:"));
    let codes = |files: &[(&str, &str)]| {
        let found = compile(files).err().expect("refused");
        found.iter().map(|d| d.code).collect::<Vec<_>>()
    };
    let refused = codes(&[("p.yaml", &mapping)]);
    assert!(
        !refused.is_empty() && refused.iter().all(|c| *c == "MAP0039"),
        "{refused:?}"
    );
    let turned: String = (0..399)
        .map(|i| format!("  l{i}: l{} | trim\n", i + 1))
        .collect();
    let mapping = PATIENT.replace("set:", &format!("let:\n{turned}  l399: gender\nset:"));
    assert!(codes(&[("p.yaml", &mapping)]).contains(&"MAP0039"));
    let path = format!("{}url", "extension[0].".repeat(50));
    let mapping = PATIENT.replace("gender: gender", &format!("{path}: gender"));
    assert_eq!(codes(&[("p.yaml", &mapping)]), ["MAP0039"]);
    let parens = format!("{}gender{}", "(".repeat(240), ")".repeat(240));
    let mapping = PATIENT.replace("gender: gender", &format!("gender: {parens}"));
    assert_eq!(codes(&[("p.yaml", &mapping)]), ["MAP0010"]);
    let chain = format!("gender{}", " ~ gender".repeat(240));
    let mapping = PATIENT.replace("gender: gender", &format!("gender: {chain}"));
    assert!(codes(&[("p.yaml", &mapping)]).contains(&"MAP0039"));
}
