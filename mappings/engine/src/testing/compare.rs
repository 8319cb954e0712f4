// SPDX-License-Identifier: Apache-2.0
//! What a test expects against what came out.

use silsila_schema::Json;

use crate::language::yaml::{Data, Node, Plain};

/// Fills in ids in expected texts: `Patient/<patient:4101>`.
pub(crate) type Fill<'f> = &'f dyn Fn(&str) -> String;

/// Collects where `actual` is not as `expected` says. A part is enough unless `exact`.
pub(crate) fn differences(
    expected: &Node,
    actual: &Json,
    exact: bool,
    fill: Fill<'_>,
) -> Vec<String> {
    let mut found = Vec::new();
    walk("", expected, Some(actual), exact, fill, &mut found);
    found
}

fn walk(
    path: &str,
    expected: &Node,
    actual: Option<&Json>,
    exact: bool,
    fill: Fill<'_>,
    found: &mut Vec<String>,
) {
    match (&expected.data, actual) {
        (Data::Map(members), Some(Json::Object(object))) => {
            for member in members {
                let path = join(path, &member.key);
                walk(
                    &path,
                    &member.value,
                    object.get(&member.key),
                    exact,
                    fill,
                    found,
                );
            }
            for (name, _) in object.iter().filter(|_| exact) {
                if !members.iter().any(|m| m.key == name) {
                    found.push(format!("{}: not expected", join(path, name)));
                }
            }
        }
        (Data::List(items), Some(Json::Array(array))) => {
            for (i, item) in items.iter().enumerate() {
                let path = format!("{path}[{i}]");
                walk(&path, item, array.get(i), exact, fill, found);
            }
            if exact && array.len() > items.len() {
                found.push(format!(
                    "{path}: {} entries, {} expected",
                    array.len(),
                    items.len()
                ));
            }
        }
        (Data::Scalar(scalar), actual) => {
            let wanted = match scalar.meaning() {
                Plain::Null => Json::Null,
                Plain::Bool(b) => Json::Bool(b),
                Plain::Number(n) => Json::Number(n.into()),
                Plain::Text(t) => Json::from(fill(t)),
            };
            let same = match actual {
                Some(json) => *json == wanted,
                None => wanted.is_null(),
            };
            if !same {
                found.push(format!(
                    "{path}: expected {}, found {}",
                    show(Some(&wanted)),
                    show(actual)
                ));
            }
        }
        (_, actual) => {
            found.push(format!(
                "{path}: expected {}, found {}",
                expected.kind(),
                show(actual)
            ));
        }
    }
}

fn show(json: Option<&Json>) -> String {
    json.map_or_else(
        || "nothing".to_owned(),
        |json| String::from_utf8_lossy(&json.canonical()).into_owned(),
    )
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        return name.to_owned();
    }
    format!("{path}.{name}")
}

/// What lies at a path such as `name[0].given[1]`.
pub(crate) fn at<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    let mut here = json;
    for step in path.split('.') {
        let mut parts = step.split('[');
        here = here.get(parts.next()?)?;
        for index in parts {
            here = here.at(index.trim_end_matches(']').parse().ok()?)?;
        }
    }
    Some(here)
}
