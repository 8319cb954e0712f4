// SPDX-License-Identifier: Apache-2.0
//! How long one row takes: `bench_mapping PACK_FOLDER [MAPPING] [SECONDS]`.
//!
//! Rows are made up in memory with the dirt that legacy databases collect, so that every filter works.
//! CPU time covers everything from rows to canonical bytes: joins, expressions, filters, validation.

use std::path::Path;
use std::time::{Duration, Instant};

use silsila_mapping::{
    Batch, Context, LogicalId, Mapping, Outcome, Pack, PackFile, PackSettings, RefState, References,
};
use silsila_source::{Columns, Date, DateTime, Key, Row, Time, Value};

struct AllShared;

impl References for AllShared {
    fn state(&self, _: &str, _: &Key) -> RefState {
        RefState::Shared
    }
}

fn collect(folder: &Path, files: &mut Vec<PackFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.display().to_string();
            files.push(PackFile { path, text });
        }
    }
    Ok(())
}

/// Nanoseconds that this process has spent on a CPU, so that a busy machine does not spoil the figures;
/// the wall clock where the system does not say.
fn cpu(since: Instant) -> f64 {
    let spent = std::fs::read_to_string("/proc/self/schedstat").ok();
    let spent = spent.and_then(|s| s.split(' ').next()?.parse::<f64>().ok());
    spent.unwrap_or_else(|| since.elapsed().as_secs_f64() * 1e9)
}

fn pick<'a>(choices: &[&'a str], i: usize) -> &'a str {
    choices[i % choices.len()]
}

/// A value for a column of that name in row `i`.
fn value(column: &str, i: usize) -> Value {
    let number = i64::try_from(i).unwrap_or(0);
    let text = |t: &str| Value::Text(t.into());
    match column {
        "first_name" => text(pick(
            &[
                "Muhammad  Imran ",
                "SHAZIA",
                "Rabia",
                "Ghulam Hussain",
                "Syed SIKANDAR",
            ],
            i,
        )),
        "last_name" => text(pick(&["Khan", "", "Memon", "shaikh"], i)),
        "gender" => text(pick(&["Male", "female", "M", "F", "?"], i)),
        "phone_no" => text(pick(
            &[
                "03970000087",
                "0394-0000364",
                "+92 390 0000180",
                "00923960000366",
                "03910000001 / 03990000001",
            ],
            i,
        )),
        "dob" => text(pick(
            &["01/07/1999", "8/8/14", "16/05/1997", "31/12/1950"],
            i,
        )),
        "marital_status" => text(pick(&["Married", "Single", "unmarried", ""], i)),
        "address" => text("H.No. 337, Goth Allah Bux"),
        "city" => text(pick(&["Mirpurkhas", "MPK", "Kot Ghulam Muhammad"], i)),
        "cnic" => text(pick(&["99441-1002987-4", "9944110002774", ""], i)),
        "blood_group" => text(pick(&["O+", "A+ve", "B-"], i)),
        "share_optout" | "is_deleted" => Value::Int(0),
        "bp" => text(pick(&["120/80", "168-108", "107/68"], i)),
        "icd10" => text(pick(&["a010", "A90", "J45.9"], i)),
        "diagnosis_text" => text("Typhoid fever"),
        "result" => text(pick(&["7.10", "> 400", "12,5", "Positive"], i)),
        "test_name" => text(pick(&["Haemoglobin", "TLC (WBC)", "Creatinine"], i)),
        "unit" => text(pick(&["g/dl", "x10³/µL", "mg/dl"], i)),
        "status" => text("Final"),
        "name" => text("Dr. Abdul Ghaffar"),
        "vaccine" => text(pick(&["OPV", "polio drops", "Penta"], i)),
        "batch_no" => text("OPV3847"),
        "speciality" => text("General Medicine"),
        "substance" => text(pick(&["Penicillin", "Latex"], i)),
        "drug_name" => text("Panadol 500mg"),
        "dose" => text("1 tab"),
        "frequency" => text("1+0+1"),
        "days" | "dose_no" => Value::Int(3),
        "pulse" => Value::Int(74),
        "temp_f" => Value::Decimal("98.6".into()),
        "weight_kg" => Value::Decimal("52.7".into()),
        "height_cm" => Value::Decimal("152.0".into()),
        "visit_date" | "result_date" | "updated_at" => Value::DateTime(DateTime {
            date: Date {
                year: 2024,
                month: 10,
                day: 4,
            },
            time: Time {
                hour: 16,
                minute: 16,
                second: 0,
                nanosecond: 0,
            },
            offset_minutes: None,
        }),
        "given_on" | "recorded_on" => Value::Date(Date {
            year: 2024,
            month: 10,
            day: 4,
        }),
        column if column.ends_with("_id") => Value::Int(4000 + number),
        _ => Value::Null,
    }
}

fn rows(columns: &[String], count: usize) -> Vec<Row> {
    let names = Columns::new(columns.iter().map(String::as_str));
    let row = |i| Row::new(names.clone(), columns.iter().map(|c| value(c, i)).collect());
    (0..count).map(row).collect()
}

fn batch(mapping: &Mapping, count: usize) -> Batch<'_> {
    let mut batch = Batch::new(mapping, rows(mapping.columns(), count));
    loop {
        let wants = batch.wants();
        if wants.is_empty() {
            return batch;
        }
        for want in wants {
            let names = Columns::new(want.columns.iter().map(String::as_str));
            let row = |(i, key): (usize, &Key)| {
                let of = |c: &String| match want.by.iter().position(|b| b == c) {
                    Some(at) => key.0[at].clone(),
                    None => value(c, i),
                };
                Row::new(names.clone(), want.columns.iter().map(of).collect())
            };
            let found = want.keys.iter().enumerate().map(row).collect();
            batch.supply(want.id, found);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const ROWS: usize = 5000;
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .unwrap_or_else(|| "mappings/packs/sindh-mirpurkhas".to_owned());
    let only = args.next();
    let seconds = args.next().and_then(|s| s.parse().ok()).unwrap_or(2);
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files)?;
    let settings = PackSettings {
        source: "mirpurkhas".to_owned(),
        base_uri: "https://mirpurkhas.example".to_owned(),
        hospital: "Mirpurkhas".to_owned(),
        ..PackSettings::default()
    };
    let started = Instant::now();
    let pack = Pack::compile(&files, &settings)?;
    println!(
        "pack compiled in {:.1} ms",
        started.elapsed().as_secs_f64() * 1e3
    );
    let ids = |m: &str, k: &Key| LogicalId::derive(&[7; 32], "mirpurkhas", m, k);
    let as_of = DateTime {
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
    let context = Context {
        as_of,
        ids: &ids,
        references: &AllShared,
    };
    for mapping in pack.mappings() {
        if only.as_deref().is_some_and(|o| o != mapping.name()) {
            continue;
        }
        let started = Instant::now();
        let before = cpu(started);
        let batch = batch(mapping, ROWS);
        let joined = (cpu(started) - before) / 1e3 / ROWS as f64;
        let (mut applied, mut produced, mut bytes, mut warned) = (0_u64, 0_u64, 0_u64, 0_u64);
        let started = Instant::now();
        let before = cpu(started);
        while started.elapsed() < Duration::from_secs(seconds) {
            for i in 0..batch.len() {
                let outcome = batch.map(i, &context);
                applied += 1;
                warned += outcome.warnings.len() as u64;
                if let Outcome::Produced(resource) = &outcome.outcome {
                    produced += 1;
                    bytes += resource.body().len() as u64;
                }
            }
        }
        let each = (cpu(started) - before) / 1e3 / applied as f64;
        let started = Instant::now();
        let before = cpu(started);
        for i in 0..batch.len() {
            std::hint::black_box(batch.input_digest(i, &[7; 32], &AllShared));
        }
        let digest = (cpu(started) - before) / 1e3 / batch.len() as f64;
        println!(
            "{:22} {each:7.2} us/row  {:9.0} rows/s  digest {digest:5.2} us  rows and joins {joined:5.2} us  \
             {:3.0}% produced, {:5.0} bytes, {:.2} warnings/row",
            mapping.name(),
            1e6 / each,
            100.0 * produced as f64 / applied as f64,
            bytes as f64 / produced.max(1) as f64,
            warned as f64 / applied as f64,
        );
    }
    Ok(())
}
