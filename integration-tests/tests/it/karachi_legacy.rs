// SPDX-License-Identifier: Apache-2.0
//! The Karachi hospital seen without our code: its tables as the data's own files have them, and who may be
//! shared, worked out by hand.

use std::collections::BTreeMap;

use silsila_integration_tests::hospital::sindh;

/// A row: the values of its columns, an empty field being NULL.
pub type Cells = BTreeMap<String, Option<String>>;

/// The tables and their key columns, in the order in which they may be loaded.
pub const TABLES: [(&str, &str); 9] = [
    ("Person", "PersonId"),
    ("PersonAddress", "AddressId"),
    ("Practitioner", "PractitionerId"),
    ("Encounter", "EncounterId"),
    ("Diagnosis", "DiagnosisId"),
    ("Observation", "ObservationId"),
    ("MedicationOrder", "OrderId"),
    ("AllergyIntolerance", "AllergyId"),
    ("Procedure", "ProcedureId"),
];

/// The nine tables.
pub struct Legacy(BTreeMap<&'static str, BTreeMap<String, Cells>>);

impl Legacy {
    /// Reads the files of the demonstration data.
    pub fn read() -> Self {
        Self(TABLES.into_iter().map(|(t, k)| (t, table(t, k))).collect())
    }

    /// The rows of a table by their keys.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&str, &Cells)> {
        self.0[table].iter().map(|(key, row)| (key.as_str(), row))
    }

    /// A value of a row.
    pub fn raw(&self, table: &str, key: &str, column: &str) -> Option<&str> {
        let row = self.0[table].get(key);
        row.unwrap_or_else(|| panic!("{table} has no row {key}"))[column].as_deref()
    }

    /// Whether there is such a row.
    pub fn has(&self, table: &str, key: &str) -> bool {
        self.0[table].contains_key(key)
    }

    /// Whose row it is; `None` when there is no such person.
    pub fn person_of(&self, table: &str, key: &str) -> Option<&str> {
        let person = match table {
            "Diagnosis" | "Procedure" => {
                let visit = self.raw(table, key, "EncounterId").expect("NOT NULL");
                self.raw("Encounter", visit, "PersonId")
            }
            _ => self.raw(table, key, "PersonId"),
        };
        person.filter(|p| self.has("Person", p))
    }

    /// Whether that person has agreed to sharing.
    pub fn shared(&self, person: &str) -> bool {
        self.raw("Person", person, "ConsentToShare") == Some("1")
    }

    /// The rows of a table with that value in a column.
    pub fn with(&self, table: &str, column: &str, value: &str) -> Vec<&str> {
        let rows = self.rows(table);
        let found = rows.filter(|(_, row)| row[column].as_deref() == Some(value));
        found.map(|(key, _)| key).collect()
    }
}

fn table(name: &str, key: &str) -> BTreeMap<String, Cells> {
    let path = sindh().join("karachi").join(format!("{name}.csv"));
    let text = std::fs::read_to_string(path).expect("a table of the hospital");
    let mut records = records(&text).into_iter();
    let names = records.next().expect("a header");
    let rows = records.map(|record| {
        assert_eq!(record.len(), names.len(), "{name}");
        let cells = record.into_iter().map(|t| (!t.is_empty()).then_some(t));
        let row: Cells = names.iter().cloned().zip(cells).collect();
        (row[key].clone().expect("a key"), row)
    });
    rows.collect()
}

/// The records of a text in the form of RFC 4180.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut characters) = (false, text.chars().peekable());
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    records
}
