// SPDX-License-Identifier: Apache-2.0
//! Whatever is in a pack or a row, nothing panics.

use proptest::prelude::*;
use silsila_mapping::{Batch, Context, LogicalId, Pack, PackFile, run_tests};
use silsila_source::{Columns, Date, DateTime, Key, Row, Time, Value};

use crate::hospital::{AS_OF, Hospital, settings};
use crate::pack_sindh::sindh;

/// Pieces that mean something somewhere in a pack.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "#",
    "|",
    " | ",
    "\n",
    "\n  ",
    "\t",
    "&a ",
    "*a",
    "!t ",
    "%",
    "@",
    "`",
    "---\n",
    "not ",
    "-",
    "(",
    ")",
    "((((((((",
    "[[[[[[[[",
    "~",
    "==",
    "if",
    "else",
    ".",
    ",",
    "0",
    "9999999999999999999999",
    "é",
    "س",
    "\u{feff}",
    "\u{0}",
    "\\",
    "\\u",
    "ref(",
    "code('",
    "date('%",
    "row[",
    "name[0].",
    "[x]",
    "..",
    "${",
    "${base_uri}",
    ">-\n",
    "'''",
    "| join",
    "is ",
    "in ",
    "loop",
    "component[",
    "value",
    "null",
    "true",
    "7.10",
    "1e999",
];

fn mutated(text: &str, edits: &[(usize, usize, usize)]) -> String {
    let mut text = text.to_owned();
    for (at, len, piece) in edits {
        let start = text.floor_char_boundary(at % (text.len() + 1));
        let end = text.floor_char_boundary((start + len % 12).min(text.len()));
        text.replace_range(start..end.max(start), PIECES[piece % PIECES.len()]);
    }
    text
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (0..3_i64).prop_map(Value::Int),
        any::<u64>().prop_map(Value::UInt),
        "-?[0-9]{1,40}(\\.[0-9]{0,40})?".prop_map(|d| Value::Decimal(d.into())),
        any::<f64>().prop_map(Value::Float),
        "\\PC{0,20}".prop_map(|t| Value::Text(t.into())),
        "[0-9/ .+-]{0,14}".prop_map(|t| Value::Text(t.into())),
        prop::sample::select(PIECES).prop_map(|t| Value::Text(t.into())),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|b| Value::Bytes(b.into())),
        date().prop_map(Value::Date),
        (date(), time(), proptest::option::of(any::<i16>())).prop_map(
            |(date, time, offset_minutes)| {
                Value::DateTime(DateTime {
                    date,
                    time,
                    offset_minutes,
                })
            }
        ),
        time().prop_map(Value::Time),
    ]
}

fn date() -> impl Strategy<Value = Date> {
    (any::<u16>(), any::<u8>(), any::<u8>()).prop_map(|(year, month, day)| Date {
        year: year % 10_000,
        month: month % 14,
        day: day % 33,
    })
}

fn time() -> impl Strategy<Value = Time> {
    (any::<u8>(), any::<u8>(), any::<u8>(), any::<u32>()).prop_map(
        |(hour, minute, second, nanosecond)| Time {
            hour,
            minute,
            second,
            nanosecond,
        },
    )
}

/// Maps rows of nothing but `values` through every mapping.
fn map_all(pack: &Pack, values: &[Value]) {
    let hospital = Hospital::default();
    let ids = |m: &str, k: &Key| LogicalId::derive(&[1; 32], "x", m, k);
    let context = Context {
        as_of: AS_OF,
        ids: &ids,
        references: &hospital,
    };
    for mapping in pack.mappings() {
        let mut next = values.iter().cycle().cloned();
        let mut row = |columns: &[String]| {
            let names = Columns::new(columns.iter().map(String::as_str));
            Row::new(
                names,
                columns
                    .iter()
                    .map(|_| next.next().unwrap_or(Value::Null))
                    .collect(),
            )
        };
        let rows = vec![row(mapping.columns()), row(mapping.columns())];
        let mut batch = Batch::new(mapping, rows);
        for _ in 0..8 {
            for want in batch.wants() {
                let mut found = row(&want.columns).values().to_vec();
                for (column, value) in want.by.iter().zip(&want.keys[0].0) {
                    let at = want
                        .columns
                        .iter()
                        .position(|c| c == column)
                        .expect("a wanted column");
                    found[at] = value.clone();
                }
                let names = Columns::new(want.columns.iter().map(String::as_str));
                batch.supply(want.id, vec![Row::new(names, found)]);
            }
        }
        for i in 0..batch.len() {
            let first = batch.map(i, &context);
            let again = batch.map(i, &context);
            assert_eq!(format!("{first:?}"), format!("{again:?}"));
            let _ = batch.input_digest(i, &[0; 32], &hospital);
            let _ = silsila_mapping::preview(&first);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_pack_panics(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 1..6),
    ) {
        let mut files = sindh();
        let at = which.index(files.len());
        files[at].text = mutated(&files[at].text, &edits);
        match Pack::compile(&files, &settings()) {
            Err(found) => {
                prop_assert!(found.has_errors());
                prop_assert!(!found.to_string().is_empty());
            }
            Ok(pack) => {
                let _ = run_tests(&pack);
            }
        }
    }

    #[test]
    fn no_expression_panics(text in "\\PC{0,60}", pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8)) {
        let expression = format!("{text}{}", pieces.concat());
        for quoted in [expression.clone(), format!("{:?}", expression), format!(">-\n    {}", expression.replace('\n', " "))] {
            let mapping = format!(
                "mapping: 1\nname: p\nresource: Patient\nfrom: {{ table: t, key: [k] }}\nshare: true\nset:\n  gender: {quoted}\n"
            );
            let file = PackFile { path: "p.yaml".to_owned(), text: mapping };
            if let Ok(pack) = Pack::compile(&[file], &settings()) {
                map_all(&pack, &[Value::Int(1), Value::Text("x".into())]);
            }
        }
    }

    #[test]
    fn no_row_panics_and_every_row_maps_the_same_way_twice(values in prop::collection::vec(value(), 1..40)) {
        thread_local! {
            static PACK: Pack = Pack::compile(&sindh(), &settings()).map_err(|e| e.to_string()).expect("a pack");
        }
        PACK.with(|pack| map_all(pack, &values));
    }
}
