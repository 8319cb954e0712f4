// SPDX-License-Identifier: Apache-2.0
//! What expressions mean.

use silsila_source::Value;

use super::Stop;
use super::harness::{Gave, compile, eval};
use super::scope::Position;

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

fn decimal(d: &str) -> Value {
    Value::Decimal(d.into())
}

#[track_caller]
fn check(expression: &str, row: &[(&str, Value)], expect: &str) {
    let got = eval(expression, row, false);
    assert_eq!(got.value.as_deref(), Ok(expect), "{expression}");
    assert_eq!(got.warnings, [], "{expression}");
}

#[track_caller]
fn dropped(expression: &str, row: &[(&str, Value)], code: &'static str) {
    let got = eval(expression, row, false);
    let column = row.first().map(|(n, _)| (*n).to_owned());
    let expect = Gave {
        value: Ok("null".to_owned()),
        warnings: vec![(code, column)],
    };
    assert_eq!(got, expect, "{expression}");
}

#[test]
fn numbers_keep_their_digits_from_row_to_result() {
    check("x", &[("x", decimal("7.10"))], "7.10");
    check("7.10", &[], "7.10");
    check("-7.10", &[], "-7.10");
    check("x | decimal", &[("x", text(" 7.10 "))], "7.10");
    check("x ~ ''", &[("x", decimal("7.10"))], "'7.10'");
    check("[x, 1.50]", &[("x", Value::Int(3))], "[3, 1.50]");
    check("x", &[("x", Value::UInt(u64::MAX))], "18446744073709551615");
    check("x", &[("x", Value::Float(0.1))], "0.1");
    check(
        "x | add(0.2) | round(3)",
        &[("x", decimal("0.10"))],
        "0.300",
    );
}

#[test]
fn null_yields_null_and_joins_skip_it() {
    let row = [("a", Value::Null), ("b", text("x"))];
    check("a ~ b", &row, "null");
    check("[a, b, ' '] | join('-')", &row, "'x'");
    check("a | trim | upper | date | phone('PK')", &row, "null");
    check("(a or a).b", &row, "null");
    check("a or b", &row, "'x'");
    check("b if a is none", &row, "'x'");
    check("b if a", &row, "null");
    check("a | default('d')", &row, "'d'");
    check("a == none", &row, "true");
    check("a != 1", &row, "true");
    check("a < 1", &row, "false");
}

#[test]
fn columns_of_any_name_are_reached_through_row() {
    let row = [("Full Name", text("x")), ("نام", text("y"))];
    check("row['Full Name'] ~ row['نام']", &row, "'xy'");
}

#[test]
fn comparisons_are_by_value_whatever_the_column_type() {
    for zero in [
        Value::Int(0),
        decimal("0.00"),
        Value::Bool(false),
        text("0"),
        text(" 0 "),
    ] {
        check("x == 0", &[("x", zero.clone())], "true");
        check("x != 1 and x < 0.5 and x in [2, 0]", &[("x", zero)], "true");
    }
    check("x == 0", &[("x", text("no"))], "false");
    check("1 <= x < 3", &[("x", decimal("2.9"))], "true");
    let got = eval("x < 3", &[("x", text("no"))], false);
    assert!(matches!(got.value, Err(Stop::Wrong(_))));
}

/// In `share`: value, then whether `not` of it, against what is demanded.
#[test]
fn share_never_takes_null_for_an_answer() {
    let null = [("f", Value::Null), ("t", Value::Int(1))];
    for unknown in [
        "f == 0",
        "f != 1",
        "not f",
        "not (f == 1)",
        "f in [0]",
        "f not in [1]",
        "f < 1",
        "f | starts_with('x')",
        "not (f | starts_with('x'))",
        "not (f is true)",
        "not (f | has_code('gender'))",
        "f == 0 and t == 1",
        "t == 1 and f == 0",
        "true if f == 0 else true",
        "none",
    ] {
        assert_eq!(
            eval(unknown, &null, true).value.as_deref(),
            Ok("null"),
            "{unknown}"
        );
    }
    for (decided, expect) in [
        ("f == 0 and t == 0", "false"),
        ("f == 0 or t == 1", "true"),
        ("t == 1 or f == 0", "true"),
        ("f is none", "true"),
        ("f is not none", "false"),
        ("(f | default(0)) == 0", "true"),
    ] {
        assert_eq!(
            eval(decided, &null, true).value.as_deref(),
            Ok(expect),
            "{decided}"
        );
    }
}

#[test]
fn share_takes_no_number_or_text_for_a_condition() {
    let row = [
        ("n", Value::Int(0)),
        ("t", text("x")),
        ("b", Value::Bool(false)),
    ];
    for wrong in [
        "not n",
        "n and true",
        "true and t",
        "true if n else true",
        "t != 1",
        "t == 0",
    ] {
        assert!(
            matches!(eval(wrong, &row, true).value, Err(Stop::Wrong(_))),
            "{wrong}"
        );
    }
    assert_eq!(eval("not b", &row, true).value.as_deref(), Ok("true"));
    assert_eq!(
        eval("t == 'x' and n == 0", &row, true).value.as_deref(),
        Ok("true")
    );
}

#[test]
fn a_column_that_the_row_lacks_stops_the_evaluation() {
    let got = eval("gone == 0", &[("x", Value::Int(0))], false);
    assert_eq!(got.value, Err(Stop::NoColumn("gone".into())));
}

#[test]
fn what_cannot_be_read_is_dropped_and_counted_with_its_column() {
    for (expression, value, code) in [
        ("x | date('%d/%m/%Y')", "16/2/85", "MAP1002"),
        ("x | date('%d/%m/%Y')", "31/02/1990", "MAP1003"),
        ("x | date('%d/%m/%Y')", "00/00/0000", "MAP1004"),
        ("x | date('%d/%m/%Y', past=true)", "14/08/2052", "MAP1005"),
        ("x | datetime", "0000-00-00 00:00:00", "MAP1004"),
        ("x | date(zero='1900-01-01')", "1900-01-01", "MAP1004"),
        (
            "x | datetime(zero='1899-12-30')",
            "1899-12-30 08:18:00",
            "MAP1004",
        ),
        (
            "x | datetime(tz='Europe/Berlin')",
            "2024-03-31 02:30:00",
            "MAP1016",
        ),
        ("x | phone('PK')", "nil", "MAP1007"),
        ("x | decimal", "7,10", "MAP1008"),
        ("x | int", "7.5", "MAP1008"),
        ("x | quantity", "Positive", "MAP1008"),
        ("x | icd10", "FEVER", "MAP1009"),
        ("x | loinc", "777-9", "MAP1022"),
        ("x | snomed", "716186004", "MAP1022"),
        ("x | strip_zeros", "nil", "MAP1008"),
        ("x | cnic", "0000000000000", "MAP1010"),
        ("x | code('gender')", "nil", "MAP1001"),
        ("x | between(1, 10)", "11", "MAP1019"),
        ("x | keep_if(x == 'y')", "z", "MAP1019"),
        ("x | div(0)", "1", "MAP1020"),
    ] {
        dropped(expression, &[("x", text(value))], code);
        check(expression, &[("x", Value::Null)], "null");
        if !expression.contains("keep_if") {
            check(expression, &[("x", text("  "))], "null");
        }
    }
}

#[test]
fn code_tables_fold_default_and_answer_for_blank() {
    check("x | code('gender')", &[("x", text(" M "))], "'male'");
    check("x | code('gender')", &[("x", text("?"))], "null");
    check(
        "x | code('lab')",
        &[("x", text("HB"))],
        "{code: '718-7', unit: 'g/dL'}",
    );
    check("(x | code('lab')).unit", &[("x", text("HB"))], "'g/dL'");
    check("x | code('lab', 'code')", &[("x", text(" "))], "'none'");
    check("x | code('lab', 'code')", &[("x", Value::Null)], "'none'");
    check("x | has_code('gender')", &[("x", text("f"))], "true");
    check("x | has_code('gender')", &[("x", text("q"))], "false");
    let got = eval(
        "x | code('gender', else='unknown')",
        &[("x", text("q"))],
        false,
    );
    assert_eq!(got.value.as_deref(), Ok("'unknown'"));
    assert_eq!(got.warnings[0].0, "MAP1001");
    let exact = eval("x | code('gender', fold=false)", &[("x", text("M"))], false);
    assert_eq!(exact.value.as_deref(), Ok("null"));
}

#[test]
fn dates_and_times_become_fhir() {
    check(
        "x | date('%d/%m/%Y', '%d/%m/%y')",
        &[("x", text("8/8/14"))],
        "2014-08-08",
    );
    check(
        "x | date('%d/%m/%Y', '%d/%m/%y', pivot=10)",
        &[("x", text("8/8/14"))],
        "1914-08-08",
    );
    check(
        "x | datetime",
        &[("x", text("2024-10-04 16:16:00"))],
        "2024-10-04T16:16:00+05:00",
    );
    check(
        "x | datetime('%d.%m.%Y %H:%M')",
        &[("x", text("4.10.2024 00:00"))],
        "2024-10-04T00:00:00+05:00",
    );
    check("x | datetime", &[("x", text("2024-10-04"))], "2024-10-04");
    check(
        "x | date",
        &[("x", text("2024-10-04 16:16:00"))],
        "2024-10-04",
    );
    check("x | date", &[("x", text("2024-10"))], "2024-10");
    check(
        "x | date(zero='1899-12-30')",
        &[("x", text("1899-12-31"))],
        "1899-12-31",
    );
    check(
        "x | is_date(zero='1899-12-30')",
        &[("x", text("1899-12-30"))],
        "false",
    );
    check("x | base64", &[("x", text(" بی\r\n"))], "'INio24wNCg=='");
    check(
        "x | add_days(30)",
        &[("x", text("2024-02-01"))],
        "2024-03-02",
    );
    check(
        "x | is_date('%d/%m/%Y')",
        &[("x", text("31/02/1990"))],
        "false",
    );
    check("today()", &[], "2025-07-01");
    check(
        "x | date == '2024-10-04'",
        &[("x", text("2024-10-04"))],
        "true",
    );
}

#[test]
fn several_numbers_and_names_come_as_lists() {
    check(
        "x | phones('PK')",
        &[("x", text("03910000001 / 03990000001"))],
        "['+923910000001', '+923990000001']",
    );
    check(
        "(x | phones('PK'))[1]",
        &[("x", text("03910000001"))],
        "null",
    );
    check(
        "x | given_names",
        &[("x", text("Syed  ALI"))],
        "['Syed', 'Ali']",
    );
    check("x | split('/') | first", &[("x", text("a / b"))], "'a'");
    check("x | split | last", &[("x", text("a b"))], "'b'");
    check(
        "[x, 'a', x] | unique | join(',')",
        &[("x", text("b"))],
        "'b,a'",
    );
    check("[none, ' ', x] | coalesce", &[("x", text("b"))], "'b'");
    check("{'a': x}['a']", &[("x", text("b"))], "'b'");
    check(
        "x | bp_split",
        &[("x", text("120/80"))],
        "{systolic: 120, diastolic: 80}",
    );
}

#[track_caller]
fn refused(expression: &str, codes: &[&str]) {
    let found = compile(expression, Position::Set).err().expect("refused");
    let got: Vec<_> = found.iter().map(|d| d.code).collect();
    assert_eq!(got, codes, "{expression}\n{found}");
}

#[test]
fn every_mistake_of_an_expression_is_reported() {
    refused("a | trm ~ b | uper", &["MAP0014", "MAP0014"]);
    refused("a + 1", &["MAP0018"]);
    refused("a[1:2]", &["MAP0018"]);
    refused("a.strip()", &["MAP0018"]);
    refused("trim(a)", &["MAP0015"]);
    refused("rf('x')", &["MAP0015"]);
    refused("a is defined", &["MAP0016"]);
    refused("a is nul", &["MAP0016"]);
    refused("a | date('%q')", &["MAP0017"]);
    refused("a | date(b)", &["MAP0017"]);
    refused("a | date(zero='1899')", &["MAP0017"]);
    refused("a | date(zero=b)", &["MAP0017"]);
    refused("a | trim(1)", &["MAP0017"]);
    refused("a | date('%d/%m/%y', pivt=3)", &["MAP0017"]);
    refused("a | code('gendr')", &["MAP0031"]);
    refused("a | code('lab', 'cod')", &["MAP0031"]);
    refused("(a | code('lab')).cod", &["MAP0011"]);
    refused("a.b", &["MAP0011"]);
    refused("a | datetime(tz='Asia/Karachee')", &["MAP0034"]);
    refused("ref('nobody', a)", &["MAP0030"]);
    refused("a | matches('(')", &["MAP0017"]);
    refused(r"a | matches('\bx')", &["MAP0017"]); // a backspace
    refused("a | phone('XX')", &["MAP0017"]);
    refused("a |", &["MAP0010"]);
    refused("{{ a }}", &["MAP0010"]);
    refused("1e5", &["MAP0010"]);
    refused("row", &["MAP0018"]);
    refused("", &["MAP0010"]);
    refused(&"not ".repeat(600), &["MAP0039"]);
    refused(&format!("a{}", " | trim".repeat(400)), &["MAP0039"]);
}

#[test]
fn a_mistake_is_placed_and_a_near_name_suggested() {
    let found = compile("a | upper ~ b | lwer", Position::Set)
        .err()
        .expect("refused");
    let problem = found.iter().next().expect("one");
    let place = problem.place.as_ref().expect("a place");
    assert_eq!((place.column, place.len), (17, 4));
    assert_eq!(problem.help, ["did you mean \"lower\"?"]);
}

/// Where both can say something, they say the same.
#[test]
fn expressions_mean_what_minijinja_says() {
    let environment = minijinja::Environment::new();
    let row = [
        ("n", Value::Int(7)),
        ("t", text("Abc")),
        ("e", text("")),
        ("z", Value::Int(0)),
        ("u", Value::Null),
    ];
    let context = minijinja::context! { n => 7, t => "Abc", e => "", z => 0, u => () };
    for expression in [
        "n == 7",
        "n != 7 or t == 'Abc'",
        "not n",
        "not e",
        "n and t",
        "z or t",
        "e or u",
        "u or e",
        "t if n > 3 else e",
        "t if z else e",
        "1 < n < 10",
        "1 < n > 10",
        "n in [1, 7]",
        "n not in [1, 7]",
        "u is none",
        "t is not none",
        "not t == 'x' and n",
        "n == 7 == true",
        "t ~ n ~ '!'",
        "[n, t][1]",
        "[n, t][-1]",
        "{'a': n, 'b': t}['b']",
        "{'a': n}.a",
        "t | lower",
        "t | upper | lower",
        "[t, n] | first",
        "[t, n] | last",
        "t | length",
        "[t, 'x'] | join('-')",
        "t | replace('b', 'd')",
        "'a' 'b'",
        "(n)",
        "n >= 7 and n <= 7",
        "t < 'B'",
        "true and not false",
        "t if n == 1 else e if n == 2 else n",
    ] {
        let theirs = environment
            .compile_expression(expression)
            .and_then(|e| e.eval(&context))
            .expect(expression);
        let ours = eval(expression, &row, false).value.expect(expression);
        let theirs = match theirs.kind() {
            minijinja::value::ValueKind::String => format!("'{theirs}'"),
            minijinja::value::ValueKind::None | minijinja::value::ValueKind::Undefined => {
                "null".to_owned()
            }
            minijinja::value::ValueKind::Bool => theirs.is_true().to_string(),
            _ => theirs.to_string(),
        };
        assert_eq!(ours, theirs, "{expression}");
    }
}

/// The examples of the language's page that need no row.
#[test]
fn the_examples_of_the_language_page_hold() {
    let page = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/integrators/language.md"
    ));
    let mut held = 0;
    for line in page.lines().filter(|l| l.starts_with("| `")) {
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<String> = line
            .split('|')
            .map(|c| c.trim().replace('\u{1}', "|"))
            .collect();
        let (Some(example), Some(gives)) = (cells.get(2), cells.get(3)) else {
            continue;
        };
        let Some(expression) = example.strip_prefix('`').and_then(|e| e.strip_suffix('`')) else {
            continue;
        };
        let literals: Vec<&str> = gives.split('`').skip(1).step_by(2).collect();
        let expression = expression.replace("\\\\", "\\");
        let Ok((_, scope)) = compile(&expression, Position::Set) else {
            continue;
        };
        if !scope.columns.names().is_empty() {
            continue;
        }
        let got = eval(&expression, &[], false).value.expect(&expression);
        let expect = if gives.starts_with('`') {
            literals[0].to_owned()
        } else if gives.starts_with("list ") {
            let count = got.matches('\'').count() / 2;
            if count > literals.len() {
                continue;
            }
            literals[..count].join(", ")
        } else if let Some(number) = gives
            .split([';', ':', ' '])
            .next()
            .filter(|w| w.parse::<f64>().is_ok())
        {
            number.to_owned()
        } else if matches!(gives.split([' ', ';']).next(), Some("true" | "false")) {
            gives.split([' ', ';']).next().unwrap_or("").to_owned()
        } else {
            continue;
        };
        assert_eq!(got.replace(['\'', '[', ']'], ""), expect, "{expression}");
        held += 1;
    }
    assert!(held >= 20, "only {held} examples were held");
}

#[test]
fn every_filter_and_function_is_on_the_language_page_and_nothing_else_is() {
    let page = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/integrators/language.md"
    ));
    for name in crate::filters::names() {
        let described = [
            format!("`{name}`"),
            format!("`{name}("),
            format!("`{name}="),
        ];
        assert!(
            described.iter().any(|d| page.contains(d)),
            "{name} is not described"
        );
    }
    let filters = page
        .split("## Filters")
        .nth(1)
        .and_then(|p| p.split("## Code tables").next());
    for line in filters
        .expect("a section")
        .lines()
        .filter(|l| l.starts_with("| `"))
    {
        let first = line.split('|').nth(1).unwrap_or("");
        for name in first.split('`').skip(1).step_by(2) {
            let name = name.split(['(', '=']).next().unwrap_or("");
            let known = crate::filters::names().any(|n| n == name);
            let known = known || ["past", "zero"].contains(&name);
            assert!(known, "{name} is described and does not exist");
        }
    }
}
