// SPDX-License-Identifier: Apache-2.0
//! A mapping file as written: its keys read and its shape checked, nothing resolved yet.

use std::collections::BTreeSet;
use std::ops::Range;

use encoding_rs::Encoding;
use jiff::tz::TimeZone;
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use silsila_schema::resource_types;

use super::keys::{self, Keyed};
use super::source::Report;
use super::yaml::{self, Entry, Node};
use crate::OnDelete;
use crate::filters::dates;

/// A text and where it stands.
pub(crate) type Spanned = (String, Range<usize>);

/// One mapping file.
pub(crate) struct MappingFile {
    pub file: TextFile,
    pub name: Spanned,
    pub resource: Spanned,
    pub from: From,
    pub joins: Vec<JoinFile>,
    pub share: Option<Node>,
    pub when: Option<Node>,
    pub lets: Vec<Entry>,
    pub set: Vec<Entry>,
    pub fixed: Vec<Entry>,
    pub on_delete: Option<(OnDelete, Range<usize>)>,
}

/// `from`.
pub(crate) struct From {
    pub table: Spanned,
    pub key: Vec<Spanned>,
    pub changed: Option<Spanned>,
    pub zone: Option<TimeZone>,
    pub pivot: Option<u8>,
    pub charsets: Vec<(Spanned, &'static Encoding)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinSort {
    Lookup,
    Each,
    Group,
}

/// A lookup, child or group.
pub(crate) struct JoinFile {
    pub sort: JoinSort,
    pub name: Spanned,
    pub table: Spanned,
    /// Their column, and our column as a scalar to be read as a reference.
    pub on: Vec<(Spanned, Node)>,
    pub filter: Option<Node>,
    /// Column, and whether the order is turned round.
    pub order: Vec<(Spanned, bool)>,
    pub into: Option<Spanned>,
    pub set: Vec<Entry>,
    pub fixed: Vec<Entry>,
    pub pivot: Option<(Spanned, Spanned)>,
}

/// Names that expressions cannot use for something else.
const RESERVED: &[&str] = &[
    "row", "true", "false", "none", "True", "False", "None", "and", "or", "not", "if", "else",
    "in", "is", "ref", "today", "base_uri", "hospital", "loop", "self",
];

/// Reads a mapping file; `None` when too little of it is there to go on. Everything wrong is in `found`.
pub(crate) fn read(file: &TextFile, found: &mut Diagnostics) -> Option<MappingFile> {
    let before = found.len();
    let root = yaml::parse(file, found);
    let mut report = Report { file, found };
    let Some(root) = root else {
        if report.found.len() == before {
            report.error(&(0..0), "MAP0004", "the file is empty");
        }
        return None;
    };
    let map = Keyed::of(&root, "a mapping", keys::MAPPING, &mut report)?;
    version(&map, &mut report);
    if let Some(query) = map.get("query") {
        let problem = Diagnostic::error("MAP0036", "query is not supported yet")
            .help("name a table, and join others with lookup and each");
        report.add(&query.span, problem);
    }
    let name = map.text("name", &mut report);
    if let Some(name) = &name {
        mapping_name(name, &mut report);
    }
    let resource = map.text("resource", &mut report);
    if let Some(resource) = &resource {
        resource_type(resource, &mut report);
    }
    let from = map.need("from", &mut report).map(|n| from(n, &mut report));
    let joins = joins(&map, from.as_ref().and_then(Option::as_ref), &mut report);
    let lets = members(&map, "let", &mut report);
    for entry in &lets {
        expression_name(&(entry.key.clone(), entry.key_span.clone()), &mut report);
    }
    distinct_names(&joins, &lets, &mut report);
    let set = members(&map, "set", &mut report);
    if set.is_empty() {
        map.need("set", &mut report);
    }
    let fixed = members(&map, "fixed", &mut report);
    let on_delete = on_delete(&map, &mut report);
    Some(MappingFile {
        file: file.clone(),
        name: name?,
        resource: resource?,
        from: from??,
        joins,
        share: map.get("share").cloned(),
        when: map.get("when").cloned(),
        lets,
        set,
        fixed,
        on_delete,
    })
}

fn resource_type((resource, span): &Spanned, report: &mut Report<'_>) {
    if !resource_types().any(|r| r == resource) {
        let message = format!("FHIR R4 has no resource type {resource:?}");
        let problem =
            Diagnostic::error("MAP0007", message).did_you_mean(resource, resource_types());
        report.add(span, problem);
    }
}

fn version(map: &Keyed<'_>, report: &mut Report<'_>) {
    if let Some((version, span)) = map.text("mapping", report)
        && version != "1"
    {
        report.error(
            &span,
            "MAP0006",
            "this version of the language is not known; write 1",
        );
    }
}

fn mapping_name((name, span): &Spanned, report: &mut Report<'_>) {
    let sound = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64;
    if !sound {
        let message = "a mapping's name is made of lower case letters, digits and -, 64 at most";
        report.error(span, "MAP0008", message);
    } else if name == "organization" {
        report.error(
            span,
            "MAP0008",
            "the name organization is reserved for the hospital itself",
        );
    }
}

fn expression_name((name, span): &Spanned, report: &mut Report<'_>) {
    let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !sound {
        let message = format!("{name:?} cannot be a name: letters, digits and _ make one");
        report.error(span, "MAP0008", message);
    } else if RESERVED.contains(&&**name) {
        report.error(
            span,
            "MAP0008",
            format!("{name:?} has a meaning of its own"),
        );
    }
}

fn distinct_names(joins: &[JoinFile], lets: &[Entry], report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    let names = joins.iter().map(|j| (&j.name.0, &j.name.1));
    for (name, span) in names.chain(lets.iter().map(|l| (&l.key, &l.key_span))) {
        if !seen.insert(name) {
            let message = format!("{name:?} is defined twice among lookup, each, group and let");
            report.error(span, "MAP0009", message);
        }
    }
}

fn members(map: &Keyed<'_>, key: &'static str, report: &mut Report<'_>) -> Vec<Entry> {
    let node = map.get(key);
    let entries = node.and_then(|n| keys::entries(n, key, report));
    entries.map(<[Entry]>::to_vec).unwrap_or_default()
}

fn from(node: &Node, report: &mut Report<'_>) -> Option<From> {
    let map = Keyed::of(node, "from", keys::FROM, report)?;
    let table = map.text("table", report);
    let key = map.need("key", report);
    let key = key.map_or_else(Vec::new, |n| keys::texts(n, "key", report));
    let mut seen = BTreeSet::new();
    for (column, span) in &key {
        if !seen.insert(column) {
            report.error(span, "MAP0009", "this key column stands here twice");
        }
    }
    let from = From {
        table: table.clone().unwrap_or_default(),
        changed: map.opt_text("changed", report),
        zone: zone(&map, report),
        pivot: pivot(&map, report),
        charsets: charsets(&map, report),
        key,
    };
    (table.is_some() && !from.key.is_empty()).then_some(from)
}

fn zone(map: &Keyed<'_>, report: &mut Report<'_>) -> Option<TimeZone> {
    let (name, span) = map.opt_text("timezone", report)?;
    let zone = dates::find_zone(&name);
    if zone.is_none() {
        let names = dates::zone_names();
        let problem = Diagnostic::error("MAP0034", format!("there is no timezone {name:?}"))
            .did_you_mean(&name, names.iter().map(String::as_str));
        report.add(&span, problem);
    }
    zone
}

fn pivot(map: &Keyed<'_>, report: &mut Report<'_>) -> Option<u8> {
    let (text, span) = map.opt_text("pivot", report)?;
    let year = text.parse().ok().filter(|y| *y < 100);
    if year.is_none() {
        report.error(&span, "MAP0005", "pivot is a two-digit year, from 0 to 99");
    }
    year
}

fn charsets(map: &Keyed<'_>, report: &mut Report<'_>) -> Vec<(Spanned, &'static Encoding)> {
    let node = map.get("charset");
    let Some(entries) = node.and_then(|n| keys::entries(n, "charset", report)) else {
        return Vec::new();
    };
    let mut charsets = Vec::new();
    for entry in entries {
        let Some((label, span)) = keys::text(&entry.value, "charset", report) else {
            continue;
        };
        match Encoding::for_label_no_replacement(label.as_bytes()) {
            Some(charset) => charsets.push(((entry.key.clone(), entry.key_span.clone()), charset)),
            None => {
                let known = [
                    "utf-8",
                    "windows-1252",
                    "windows-1256",
                    "iso-8859-1",
                    "iso-8859-6",
                    "utf-16le",
                ];
                let problem =
                    Diagnostic::error("MAP0005", format!("there is no code page {label:?}"))
                        .did_you_mean(&label, known);
                report.add(&span, problem);
            }
        }
    }
    charsets
}

fn joins(map: &Keyed<'_>, from: Option<&From>, report: &mut Report<'_>) -> Vec<JoinFile> {
    let mut joins = Vec::new();
    for entry in members(map, "lookup", report) {
        joins.extend(lookup(&entry, report));
    }
    for entry in members(map, "each", report) {
        joins.extend(each(&entry, report));
    }
    if let (Some(node), Some(from)) = (map.get("group"), from) {
        joins.extend(group(node, from, report));
    }
    joins
}

fn lookup(entry: &Entry, report: &mut Report<'_>) -> Option<JoinFile> {
    let name = (entry.key.clone(), entry.key_span.clone());
    expression_name(&name, report);
    let map = Keyed::of(&entry.value, "a lookup", keys::LOOKUP, report)?;
    let table = map.text("table", report);
    let on = pairs(&map, "on", report);
    Some(JoinFile {
        sort: JoinSort::Lookup,
        name,
        table: table?,
        on: on?,
        filter: map.get("where").cloned(),
        order: order(&map, report),
        into: None,
        set: Vec::new(),
        fixed: Vec::new(),
        pivot: None,
    })
}

fn each(entry: &Entry, report: &mut Report<'_>) -> Option<JoinFile> {
    let name = (entry.key.clone(), entry.key_span.clone());
    expression_name(&name, report);
    let map = Keyed::of(&entry.value, "each", keys::EACH, report)?;
    let table = map.text("table", report);
    let on = pairs(&map, "by", report);
    let into = map.opt_text("into", report);
    let (set, fixed) = (members(&map, "set", report), members(&map, "fixed", report));
    match &into {
        Some((_, span)) if map.get("pivot").is_some() => {
            report.error(span, "MAP0005", "a child has either \"into\" or \"pivot\"");
        }
        Some(_) if set.is_empty() => {
            map.need("set", report);
        }
        None if !set.is_empty() || !fixed.is_empty() => {
            report.error(&name.1, "MAP0004", "set and fixed of a child need \"into\"");
        }
        _ => {}
    }
    Some(JoinFile {
        sort: JoinSort::Each,
        name,
        table: table?,
        on: on?,
        filter: map.get("where").cloned(),
        order: order(&map, report),
        into,
        set,
        fixed,
        pivot: pivot_columns(&map, report),
    })
}

fn group(node: &Node, from: &From, report: &mut Report<'_>) -> Option<JoinFile> {
    let map = Keyed::of(node, "group", keys::GROUP, report)?;
    let name = map.text("as", report)?;
    expression_name(&name, report);
    let on = from.key.iter().map(|key| {
        let scalar = yaml::Scalar {
            text: format!(
                "row['{}']",
                key.0.replace('\\', "\\\\").replace('\'', "\\'")
            ),
            style: yaml::Style::Block,
        };
        let data = yaml::Data::Scalar(scalar);
        (
            key.clone(),
            Node {
                span: key.1.clone(),
                data,
            },
        )
    });
    Some(JoinFile {
        sort: JoinSort::Group,
        table: from.table.clone(),
        on: on.collect(),
        filter: map.get("where").cloned(),
        order: order(&map, report),
        into: None,
        set: Vec::new(),
        fixed: Vec::new(),
        pivot: pivot_columns(&map, report),
        name,
    })
}

/// `{ their_column: our_column }`, at least one.
fn pairs(
    map: &Keyed<'_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Option<Vec<(Spanned, Node)>> {
    let node = map.need(key, report)?;
    let entries = keys::entries(node, key, report)?;
    if entries.is_empty() {
        report.error(
            &node.span,
            "MAP0004",
            format!("{key:?} needs at least one pair of columns"),
        );
        return None;
    }
    let mut pairs = Vec::new();
    for entry in entries {
        if keys::text(&entry.value, key, report).is_some() {
            pairs.push((
                (entry.key.clone(), entry.key_span.clone()),
                entry.value.clone(),
            ));
        }
    }
    (pairs.len() == entries.len()).then_some(pairs)
}

fn order(map: &Keyed<'_>, report: &mut Report<'_>) -> Vec<(Spanned, bool)> {
    let Some(node) = map.get("order") else {
        return Vec::new();
    };
    let columns = keys::texts(node, "order", report);
    let turned = |(text, span): Spanned| match text.strip_prefix('-') {
        Some(column) => ((column.trim().to_owned(), span), true),
        None => ((text, span), false),
    };
    columns.into_iter().map(turned).collect()
}

fn pivot_columns(map: &Keyed<'_>, report: &mut Report<'_>) -> Option<(Spanned, Spanned)> {
    let map = Keyed::of(map.get("pivot")?, "pivot", keys::PIVOT, report)?;
    let (by, value) = (map.text("by", report), map.text("value", report));
    Some((by?, value?))
}

fn on_delete(map: &Keyed<'_>, report: &mut Report<'_>) -> Option<(OnDelete, Range<usize>)> {
    const WAYS: &[(&str, OnDelete)] = &[
        ("entered-in-error", OnDelete::EnteredInError),
        ("gone", OnDelete::Gone),
        ("keep", OnDelete::Keep),
    ];
    let (text, span) = map.opt_text("on_delete", report)?;
    if let Some((_, way)) = WAYS.iter().find(|(name, _)| *name == text) {
        return Some((*way, span));
    }
    let problem = Diagnostic::error("MAP0005", "on_delete is entered-in-error, gone or keep")
        .did_you_mean(&text, WAYS.iter().map(|(name, _)| *name));
    report.add(&span, problem);
    None
}
