// SPDX-License-Identifier: Apache-2.0
//! Fixed values never create an element by themselves.

use crate::hospital::{Hospital, body, compile, int, pack, text, warnings};
use silsila_source::Value;

const OBSERVATION: &str = "\
mapping: 1
name: bp
resource: Observation
from: { table: visits, key: [visit_id], timezone: Asia/Karachi }
share: true
set:
  subject: ref('patient', patient_id)
  code.text: name
  valueQuantity.value: value
  component[sys].valueQuantity.value: sys
  component[dia].valueQuantity.value: dia
fixed:
  status: final
  category[0].coding[0]: { system: http://s.example, code: vital }
  code.coding[0]: { system: http://loinc.org, code: 85354-9 }
  valueQuantity: { unit: mmHg, code: \"mm[Hg]\" }
  component[sys].code.coding[0].code: 8480-6
  component[sys].valueQuantity.unit: mmHg
  component[dia].code.coding[0].code: 8462-4
  note[0].text: by ${hospital} at ${base_uri}/ns
";

const ALWAYS: &str =
    "\"category\":[{\"coding\":[{\"code\":\"vital\",\"system\":\"http://s.example\"}]}],";

fn map(values: &[(&'static str, Value)]) -> String {
    let mut all = vec![("visit_id", int(1)), ("patient_id", int(7))];
    all.extend(values.iter().cloned());
    let got = Hospital::default()
        .with("visits", &all)
        .map(&pack(OBSERVATION), "bp");
    assert_eq!(warnings(&got[0]), []);
    let body = body(&got[0]);
    let reference = body.find("\"subject\"").expect("a subject");
    body[..reference].to_owned() + &body[body.find(",\"value").unwrap_or(body.len() - 1)..]
}

#[test]
fn without_values_only_what_the_resource_always_has_is_there() {
    let note = "\"note\":[{\"text\":\"by H at https://h.example/ns\"}]";
    assert_eq!(
        map(&[]),
        format!(
            "{{{ALWAYS}\"code\":{{\"coding\":[{{\"code\":\"85354-9\",\"system\":\"http://loinc.org\"}}]}},\
             {note},\"resourceType\":\"Observation\",\"status\":\"final\",}}"
        )
    );
}

#[test]
fn each_value_brings_the_fixed_parts_that_join_it() {
    let got = map(&[
        ("value", Value::Decimal("7.10".into())),
        ("dia", int(80)),
        ("name", text("x")),
    ]);
    assert!(
        got.contains("\"valueQuantity\":{\"code\":\"mm[Hg]\",\"unit\":\"mmHg\",\"value\":7.10}"),
        "{got}"
    );
    assert!(got.contains("\"component\":[{\"code\":{\"coding\":[{\"code\":\"8462-4\"}]},\"valueQuantity\":{\"value\":80}}]"), "{got}");
    assert!(got.contains("\"code\":{\"coding\":[{\"code\":\"85354-9\",\"system\":\"http://loinc.org\"}],\"text\":\"x\"}"), "{got}");
}

#[test]
fn named_entries_keep_the_order_of_the_file_and_numbers_their_own() {
    let got = map(&[("dia", int(80)), ("sys", int(120))]);
    let (sys, dia) = (
        got.find("8480-6").expect("sys"),
        got.find("8462-4").expect("dia"),
    );
    assert!(sys < dia);
    let numbered = OBSERVATION
        .replace("component[sys]", "component[7]")
        .replace("component[dia]", "component[3]");
    let pack = pack(&numbered);
    let hospital = Hospital::default().with(
        "visits",
        &[
            ("visit_id", int(1)),
            ("patient_id", int(7)),
            ("dia", int(80)),
            ("sys", int(120)),
        ],
    );
    let got = body(&hospital.map(&pack, "bp")[0]);
    assert!(got.find("8462-4").expect("dia") < got.find("8480-6").expect("sys"));
}

#[test]
fn a_fixed_part_does_not_overwrite_what_a_whole_value_says() {
    let mapping = OBSERVATION.replace(
        "  valueQuantity.value: value\n",
        "  valueQuantity: \"{'value': value, 'unit': 'kPa'}\"\n",
    );
    let hospital = Hospital::default().with(
        "visits",
        &[
            ("visit_id", int(1)),
            ("patient_id", int(7)),
            ("value", int(5)),
        ],
    );
    let got = body(&hospital.map(&pack(&mapping), "bp")[0]);
    assert!(
        got.contains("\"valueQuantity\":{\"code\":\"mm[Hg]\",\"unit\":\"kPa\",\"value\":5}"),
        "{got}"
    );
}

#[track_caller]
fn refused(from: &str, to: &str, code: &str) {
    assert!(OBSERVATION.contains(from));
    let mapping = OBSERVATION.replace(from, to);
    let files = [
        ("patient.yaml", crate::hospital::PATIENT),
        ("m.yaml", &mapping),
    ];
    let found = compile(&files).err().expect("refused");
    assert_eq!(
        found.iter().map(|d| d.code).collect::<Vec<_>>(),
        [code],
        "{found}"
    );
}

#[test]
fn literals_are_held_against_their_elements() {
    refused("status: final", "status: finl", "MAP0025");
    refused("status: final", "status: [final]", "MAP0024");
    refused("status: final", "status[0]: final", "MAP0021");
    refused("status: final", "statu: final", "MAP0020");
    refused("status: final", "status:", "MAP0004");
    refused("unit: mmHg, code", "unti: mmHg, code", "MAP0020");
    refused(
        "note[0].text: by ${hospital} at ${base_uri}/ns",
        "issued: yesterday",
        "MAP0024",
    );
}
