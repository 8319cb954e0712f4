// SPDX-License-Identifier: Apache-2.0
//! The keys of the files, and reading maps by them. `mapping.schema.json` is held to these lists by a test.

use std::ops::Range;

use silsila_diagnostics::Diagnostic;

use super::source::Report;
use super::yaml::{Data, Entry, Node, Plain};

pub(crate) const MAPPING: &[&str] = &[
    "mapping",
    "name",
    "description",
    "resource",
    "from",
    "lookup",
    "each",
    "group",
    "share",
    "when",
    "let",
    "set",
    "fixed",
    "on_delete",
    "query",
];
pub(crate) const FROM: &[&str] = &["table", "key", "changed", "timezone", "pivot", "charset"];
pub(crate) const LOOKUP: &[&str] = &["table", "on", "where", "order"];
pub(crate) const EACH: &[&str] = &[
    "table", "by", "where", "order", "into", "set", "fixed", "pivot",
];
pub(crate) const GROUP: &[&str] = &["as", "where", "order", "pivot"];
pub(crate) const PIVOT: &[&str] = &["by", "value"];
pub(crate) const TESTS: &[&str] = &["tests", "as_of", "defaults", "cases"];
pub(crate) const CASE: &[&str] = &[
    "name",
    "mapping",
    "row",
    "rows",
    "tables",
    "references",
    "outcome",
    "code",
    "expect",
    "exact",
    "absent",
    "warnings",
];

/// A map whose keys are known.
pub(crate) struct Keyed<'n> {
    entries: &'n [Entry],
    span: Range<usize>,
    what: &'static str,
}

impl<'n> Keyed<'n> {
    /// Takes a node as a map with these keys; others are reported.
    pub fn of(
        node: &'n Node,
        what: &'static str,
        known: &'static [&'static str],
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let entries = entries(node, what, report)?;
        for entry in entries.iter().filter(|e| !known.contains(&&*e.key)) {
            let problem =
                Diagnostic::error("MAP0002", format!("{what} has no key {:?}", entry.key))
                    .did_you_mean(&entry.key, known.iter().copied());
            report.add(&entry.key_span, problem);
        }
        Some(Self {
            entries,
            span: node.span.clone(),
            what,
        })
    }

    /// The value of a key, unless it is absent or null.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|e| e.key == key)?;
        (!entry.value.is_null()).then_some(&entry.value)
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &str, report: &mut Report<'_>) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() {
            let empty = self.entries.iter().find(|e| e.key == key);
            let span = empty.map_or(&self.span, |e| &e.key_span);
            report.error(span, "MAP0004", format!("{} needs {key:?}", self.what));
        }
        value
    }

    /// A text that must be there.
    pub fn text(&self, key: &str, report: &mut Report<'_>) -> Option<(String, Range<usize>)> {
        let node = self.need(key, report)?;
        text(node, key, report)
    }

    /// A text, if it is there.
    pub fn opt_text(&self, key: &str, report: &mut Report<'_>) -> Option<(String, Range<usize>)> {
        text(self.get(key)?, key, report)
    }
}

/// A node as a map, or a report that it is none.
pub(crate) fn entries<'n>(
    node: &'n Node,
    what: &str,
    report: &mut Report<'_>,
) -> Option<&'n [Entry]> {
    match &node.data {
        Data::Map(entries) => Some(entries),
        _ => {
            let message = format!(
                "{what} must be a map of keys and values, not {}",
                node.kind()
            );
            report.error(&node.span, "MAP0005", message);
            None
        }
    }
}

/// A node as a text: any scalar but null, as it was written.
pub(crate) fn text(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
) -> Option<(String, Range<usize>)> {
    match node.scalar().map(|s| (s, s.meaning())) {
        Some((scalar, meaning)) if meaning != Plain::Null && !scalar.text.is_empty() => {
            Some((scalar.text.clone(), node.span.clone()))
        }
        _ => {
            let message = format!("{what:?} must be a text, not {}", node.kind());
            report.error(&node.span, "MAP0005", message);
            None
        }
    }
}

/// A node as a list of texts; one text alone counts as a list of one.
pub(crate) fn texts(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
) -> Vec<(String, Range<usize>)> {
    match &node.data {
        Data::List(items) => items.iter().filter_map(|i| text(i, what, report)).collect(),
        _ => text(node, what, report).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use silsila_schema::Json;

    use super::*;

    /// The keys of `properties`, in order.
    fn properties(schema: &Json, path: &[&str]) -> Vec<String> {
        let mut here = schema;
        for step in path {
            here = here.get(step).unwrap_or_else(|| panic!("no {step}"));
        }
        assert_eq!(here.get("additionalProperties"), Some(&Json::Bool(false)));
        let properties = here.get("properties").and_then(Json::as_object);
        properties
            .expect("properties")
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    #[test]
    fn the_editors_schema_knows_the_same_keys() {
        let text = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/mapping.schema.json"));
        let schema = Json::parse(text).expect("JSON");
        assert_eq!(properties(&schema, &[]), MAPPING);
        assert_eq!(properties(&schema, &["properties", "from"]), FROM);
        assert_eq!(
            properties(&schema, &["properties", "lookup", "additionalProperties"]),
            LOOKUP
        );
        assert_eq!(
            properties(&schema, &["properties", "each", "additionalProperties"]),
            EACH
        );
        assert_eq!(properties(&schema, &["properties", "group"]), GROUP);
        assert_eq!(properties(&schema, &["$defs", "pivot"]), PIVOT);
    }

    #[test]
    fn every_key_is_on_the_language_page() {
        let page = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/integrators/language.md"
        ));
        for key in MAPPING
            .iter()
            .chain(FROM)
            .chain(LOOKUP)
            .chain(EACH)
            .chain(GROUP)
            .chain(TESTS)
            .chain(CASE)
        {
            let written = [format!("`{key}`"), format!("`{key}:`"), format!("{key}:")];
            assert!(
                written.iter().any(|w| page.contains(w)),
                "{key} is not described"
            );
        }
    }
}
