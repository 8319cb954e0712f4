// SPDX-License-Identifier: Apache-2.0
//! The Hyderabad hospital's tables without our code: as its export (CSV) shows them, or read from its Access file
//! by the bare library, row by row, with none of the adapter's copying, paging or typing.

use std::collections::BTreeMap;
use std::path::Path;

use jetdb::{PageReader, Value, find_table, read_catalog, read_table_def, read_table_rows};

/// A row: its columns; an empty field of the export is NULL.
pub type Cells = BTreeMap<String, Option<String>>;

/// The tables and their key columns.
pub const TABLES: [(&str, &str); 8] = [
    ("tblPatient", "PatientID"),
    ("tblMarital", "Code"),
    ("tblDoctor", "DoctorID"),
    ("tblAdmission", "AdmitID"),
    ("tblMedicine", "MedID"),
    ("tblTest", "TestCode"),
    ("tblLab", "LabID"),
    ("tblAllergy", "AllergyID"),
];

/// The hospital as its export shows it.
pub struct Export(BTreeMap<&'static str, BTreeMap<String, Cells>>);

impl Export {
    /// Reads the eight tables in a folder.
    pub fn read(folder: &Path) -> Self {
        let table = |(table, key): (&'static str, &str)| {
            let path = folder.join(format!("{table}.csv"));
            let text = std::fs::read_to_string(path).expect("an exported table");
            let mut records = records(&text).into_iter();
            let names = records.next().expect("a header");
            let rows = records.map(|record| {
                let cells = record.into_iter().map(|t| (!t.is_empty()).then_some(t));
                let row: Cells = names.iter().cloned().zip(cells).collect();
                (row[key].clone().expect("a key"), row)
            });
            (table, rows.collect())
        };
        Self(TABLES.into_iter().map(table).collect())
    }

    /// Reads the eight tables of an Access file.
    pub fn read_file(file: &Path) -> Self {
        let mut reader = PageReader::open(file).expect("an Access file");
        let catalog = read_catalog(&mut reader).expect("a catalog");
        let table = |(name, key): (&'static str, &str)| {
            let entry = find_table(&catalog, name).expect("the table");
            let table = read_table_def(&mut reader, &entry.name, entry.table_page);
            let table = table.expect("a definition");
            let read = read_table_rows(&mut reader, &table).expect("rows");
            assert_eq!(read.skipped_rows, 0, "{name}");
            let names: Vec<_> = table.columns.iter().map(|c| c.name.clone()).collect();
            let rows = read.rows.iter().map(|values| {
                let cells = names
                    .iter()
                    .zip(values)
                    .map(|(n, v)| (n.clone(), cell(n, v)));
                let row: Cells = cells.collect();
                (row[key].clone().expect("a key"), row)
            });
            (name, rows.collect())
        };
        Self(TABLES.into_iter().map(table).collect())
    }

    /// A value of a row.
    pub fn raw(&self, table: &str, key: &str, column: &str) -> Option<&str> {
        let row = self.0[table].get(key);
        row.unwrap_or_else(|| panic!("{table} has no row {key}"))[column].as_deref()
    }

    /// Whether the table has such a row.
    pub fn has(&self, table: &str, key: &str) -> bool {
        self.0[table].contains_key(key)
    }

    /// The rows of a table by their keys.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&str, &Cells)> {
        self.0[table].iter().map(|(key, row)| (key.as_str(), row))
    }

    /// Whose row it is, found by hand; `None` when there is no such patient.
    pub fn patient_of(&self, table: &str, key: &str) -> Option<i64> {
        let patient = match table {
            "tblPatient" => key.to_owned(),
            "tblMedicine" => {
                let stay = self.raw(table, key, "AdmitID")?;
                if !self.has("tblAdmission", stay) {
                    return None;
                }
                self.raw("tblAdmission", stay, "PatientID")?.to_owned()
            }
            _ => self.raw(table, key, "PatientID")?.to_owned(),
        };
        let there = self.has("tblPatient", &patient);
        there.then(|| patient.parse().expect("a number"))
    }
}

/// A value of an Access file as the export writes it.
fn cell(column: &str, value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(ticked) => u8::from(*ticked).to_string(),
        Value::Int(number) => number.to_string(),
        Value::Long(number) => number.to_string(),
        Value::Text(text) | Value::Money(text) => text.clone(),
        Value::Timestamp(days) => moment(column, *days),
        other => panic!("{column}: {other:?}"),
    })
}

/// Days since 1899-12-30 as the export writes them: three columns hold days, the others moments.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds since 1899 are far below 2^53"
)]
fn moment(column: &str, days: f64) -> String {
    let seconds = (days * 86_400.0).round() as i64;
    let (mut day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (mut year, mut month) = (1899, 12);
    day += 30;
    while day > days_of(year, month) {
        day -= days_of(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if ["StartDate", "StopDate", "NotedOn"].contains(&column) {
        return date;
    }
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{date} {hour:02}:{minute:02}:{:02}", second % 60)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The records of a text in RFC 4180's form.
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
