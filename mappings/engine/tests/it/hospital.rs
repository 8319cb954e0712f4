// SPDX-License-Identifier: Apache-2.0
//! A small hospital in memory, and packs from texts.

use std::collections::BTreeMap;

use silsila_diagnostics::Diagnostics;
use silsila_mapping::{
    Batch, Context, LogicalId, Outcome, Pack, PackFile, PackSettings, RefState, References,
    RowOutcome,
};
use silsila_source::{Columns, Date, DateTime, Key, Row, Time, Value};

pub const PATIENT: &str = "\
mapping: 1
name: patient
resource: Patient
from: { table: patients, key: [patient_id] }
share: is_deleted == 0 and share_optout == 0
set:
  identifier[mrn].value: patient_id
  gender: gender
";

pub const AS_OF: DateTime = DateTime {
    date: Date {
        year: 2025,
        month: 7,
        day: 1,
    },
    time: Time {
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
    },
    offset_minutes: Some(0),
};

pub fn settings() -> PackSettings {
    PackSettings {
        source: "hospital".to_owned(),
        base_uri: "https://h.example".to_owned(),
        hospital: "H".to_owned(),
        ..PackSettings::default()
    }
}

pub fn compile(files: &[(&str, &str)]) -> Result<Pack, Diagnostics> {
    let files: Vec<PackFile> = files
        .iter()
        .map(|(path, text)| PackFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    Pack::compile(&files, &settings())
}

/// A pack of the patient mapping and one more.
#[track_caller]
pub fn pack(mapping: &str) -> Pack {
    let files = [("patient.yaml", PATIENT), ("m.yaml", mapping)];
    match compile(&files) {
        Ok(pack) => pack,
        Err(found) => panic!("{found}"),
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub fn int(i: i64) -> Value {
    Value::Int(i)
}

pub type Named<'n> = &'n [(&'n str, Value)];

pub fn row(columns: &[String], values: Named<'_>) -> Row {
    let names = Columns::new(columns.iter().map(String::as_str));
    let value = |c: &String| {
        values
            .iter()
            .find(|(n, _)| n == c)
            .map_or(Value::Null, |(_, v)| v.clone())
    };
    Row::new(names, columns.iter().map(value).collect())
}

/// Tables by name; rows as named values.
#[derive(Default)]
pub struct Hospital {
    pub tables: BTreeMap<&'static str, Vec<Vec<(&'static str, Value)>>>,
    pub states: BTreeMap<Vec<u8>, RefState>,
}

impl References for Hospital {
    fn state(&self, _: &str, key: &Key) -> RefState {
        self.states
            .get(&key.encode())
            .copied()
            .unwrap_or(RefState::Shared)
    }
}

impl Hospital {
    pub fn with(mut self, table: &'static str, values: &[(&'static str, Value)]) -> Self {
        self.tables.entry(table).or_default().push(values.to_vec());
        self
    }

    pub fn state(mut self, key: Value, state: RefState) -> Self {
        self.states.insert(Key(vec![key]).encode(), state);
        self
    }

    pub fn batch<'p>(&self, pack: &'p Pack, mapping: &str) -> Batch<'p> {
        let mapping = pack.mapping(mapping).expect("a mapping");
        let rows = self.tables.get(mapping.table()).into_iter().flatten();
        let rows = rows.map(|values| row(mapping.columns(), values)).collect();
        let mut batch = Batch::new(mapping, rows);
        loop {
            let wants = batch.wants();
            if wants.is_empty() {
                return batch;
            }
            for want in wants {
                let found = self.fetch(&want.table, &want.columns, &want.by, &want.keys);
                batch.supply(want.id, found);
            }
        }
    }

    fn fetch(&self, table: &str, columns: &[String], by: &[String], keys: &[Key]) -> Vec<Row> {
        let keys: Vec<_> = keys.iter().map(Key::encode).collect();
        let rows = self.tables.get(table).into_iter().flatten();
        let rows = rows.map(|values| row(columns, values));
        rows.filter(|row| row.key(by).is_some_and(|k| keys.contains(&k.encode())))
            .collect()
    }

    pub fn map(&self, pack: &Pack, mapping: &str) -> Vec<RowOutcome> {
        let batch = self.batch(pack, mapping);
        let ids = |m: &str, k: &Key| LogicalId::derive(&[9; 32], "hospital", m, k);
        let context = Context {
            as_of: AS_OF,
            ids: &ids,
            references: self,
        };
        (0..batch.len()).map(|i| batch.map(i, &context)).collect()
    }
}

/// The body without id and meta, which every resource has.
pub fn body(outcome: &RowOutcome) -> String {
    match &outcome.outcome {
        Outcome::Produced(resource) => {
            let text = String::from_utf8(resource.body().to_vec()).expect("UTF-8");
            let id = format!("\"id\":\"{}\",", resource.id());
            text.replace(&id, "")
                .replace("\"meta\":{\"source\":\"https://h.example\"},", "")
        }
        other => panic!("no resource: {other:?}"),
    }
}

/// `produced`, `empty`, `not shared`, or the code of the quarantine.
pub fn word(outcome: &RowOutcome) -> String {
    match &outcome.outcome {
        Outcome::Produced(_) => "produced".to_owned(),
        Outcome::Empty => "empty".to_owned(),
        Outcome::NotShared => "not shared".to_owned(),
        Outcome::Quarantined(fault) => format!(
            "{}{}{}",
            fault.code,
            if fault.withdraws { " withdraws" } else { "" },
            if fault.retry_on_patient {
                " retries"
            } else {
                ""
            },
        ),
    }
}

pub fn warnings(outcome: &RowOutcome) -> Vec<(&'static str, String)> {
    let named = |w: &silsila_mapping::Warning| (w.code, w.element.clone().unwrap_or_default());
    outcome.warnings.iter().map(named).collect()
}
