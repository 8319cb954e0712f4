// SPDX-License-Identifier: Apache-2.0
//! An outcome for a person to look at.

use std::fmt::Write;

use silsila_schema::Json;

use crate::{Outcome, RowOutcome};

/// What became of a row, as text: the rule that decided, the resource with one member per line, and what
/// was dropped on the way. It holds patient data and is for the operator's terminal alone.
#[must_use]
pub fn preview(row: &RowOutcome) -> String {
    let mut out = String::new();
    match &row.outcome {
        Outcome::Produced(resource) => {
            out.push_str("produced\n");
            match Json::parse(resource.body()) {
                Ok(json) => pretty(&json, 0, &mut out),
                Err(_) => out.push_str("(not JSON)"),
            }
            out.push('\n');
        }
        Outcome::Empty => out.push_str("empty by rule: `when` is not true\n"),
        Outcome::NotShared => {
            out.push_str("not shared: `share` is not true, or the patient is not shared\n");
        }
        Outcome::Quarantined(fault) => {
            let _ = write!(out, "quarantined {}: {}", fault.code, fault.reason);
            place(&mut out, fault.column.as_deref(), fault.element.as_deref());
            if fault.withdraws {
                out.push_str("what was committed before is withdrawn\n");
            }
            if fault.retry_on_patient {
                out.push_str("tried again when the row that it belongs to appears\n");
            }
        }
    }
    for warning in &row.warnings {
        let _ = write!(out, "warning {}", warning.code);
        place(
            &mut out,
            warning.column.as_deref(),
            warning.element.as_deref(),
        );
    }
    out
}

fn place(out: &mut String, column: Option<&str>, element: Option<&str>) {
    if let Some(column) = column {
        let _ = write!(out, ", column {column}");
    }
    if let Some(element) = element {
        let _ = write!(out, ", element {element}");
    }
    out.push('\n');
}

/// JSON with two spaces of indentation; short objects and lists stay on one line.
pub(crate) fn pretty(json: &Json, depth: usize, out: &mut String) {
    let flat = String::from_utf8_lossy(&json.canonical()).into_owned();
    let nested = match json {
        Json::Object(object) => object.iter().any(|(_, v)| is_nested(v)),
        Json::Array(items) => items.iter().any(is_nested),
        _ => false,
    };
    if depth > 0 && (flat.len() <= 80 || !(is_nested(json))) && (!nested || flat.len() <= 60) {
        out.push_str(&flat);
        return;
    }
    match json {
        Json::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| (*name != "resourceType", *name != "id", *name));
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                line(i, depth, out);
                let name = Json::from(name).canonical();
                let _ = write!(out, "{}: ", String::from_utf8_lossy(&name));
                pretty(value, depth + 1, out);
            }
            close('}', depth, out);
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                line(i, depth, out);
                pretty(item, depth + 1, out);
            }
            close(']', depth, out);
        }
        _ => out.push_str(&flat),
    }
}

fn is_nested(json: &Json) -> bool {
    matches!(json, Json::Object(_) | Json::Array(_))
}

fn line(i: usize, depth: usize, out: &mut String) {
    out.push_str(if i == 0 { "\n" } else { ",\n" });
    out.push_str(&"  ".repeat(depth + 1));
}

fn close(bracket: char, depth: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(bracket);
}
