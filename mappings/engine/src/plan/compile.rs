// SPDX-License-Identifier: Apache-2.0
//! From a mapping file to a plan, with every mistake reported.

use encoding_rs::Encoding;
use silsila_diagnostics::{Diagnostic, Diagnostics, Place};
use silsila_schema::patient_reference;

use super::entries::Entries;
use super::template::Template;
use super::{Join, Origin, Plan, RefUse, TableUse, joins, required};
use crate::PackSettings;
use crate::expression::compile::{Compiled, Compiler};
use crate::expression::eval::Program;
use crate::expression::scope::{LetScope, LetState, Position, Scope, World};
use crate::expression::{Ex, Ref};
use crate::language::mapping_file::MappingFile;
use crate::language::source::Site;
use crate::language::yaml::Node;

/// Compiles a mapping; `None` when a fault was reported.
pub(crate) fn compile(
    mapping: &MappingFile,
    world: &World<'_>,
    settings: &PackSettings,
    fill: &dyn Fn(&str) -> String,
    found: &mut Diagnostics,
) -> Option<Plan> {
    let file = &mapping.file;
    let before = found.len();
    let mut scope = Scope::default();
    for (column, span) in mapping.from.key.iter().chain(&mapping.from.changed) {
        scope.columns.number(column, file.place(span.clone()));
    }
    for ((column, span), _) in &mapping.from.charsets {
        scope.columns.number(column, file.place(span.clone()));
    }
    let group = mapping
        .joins
        .iter()
        .position(|j| j.sort == crate::language::mapping_file::JoinSort::Group);
    joins::declare(&mapping.joins, file, &mut scope);
    scope.lets = mapping
        .lets
        .iter()
        .map(|entry| LetScope {
            name: entry.key.clone(),
            node: entry.value.clone(),
            state: LetState::Waiting,
        })
        .collect();
    let mut compiled_joins = joins::compile(&mapping.joins, file, &mut scope, world, found);
    if group.is_some() {
        scope.group_key = Some(mapping.from.key.iter().map(|(c, _)| c.clone()).collect());
    }
    let one = |node: &Option<Node>, position, scope: &mut Scope, found: &mut Diagnostics| {
        let node = node.as_ref()?;
        let site = Site { file, node };
        let mut compiler = Compiler {
            site,
            scope,
            world,
            position,
            found,
            depth: 0,
            reach: 0,
        };
        compiler.compile().map(|Compiled { ex, .. }| ex)
    };
    let share = one(&mapping.share, Position::Share, &mut scope, found);
    let when = one(&mapping.when, Position::When, &mut scope, found);
    for i in 0..scope.lets.len() {
        let node = scope.lets[i].node.clone();
        let site = Site { file, node: &node };
        let mut compiler = Compiler {
            site,
            scope: &mut scope,
            world,
            position: Position::Let,
            found,
            depth: 0,
            reach: 0,
        };
        compiler.compile_let(i, None);
    }
    if let (Some(share), Some(node)) = (&share, &mapping.share) {
        no_references(share, node, mapping, &scope, found);
    }
    let mut builder = Entries {
        file,
        scope: &mut scope,
        world,
        found,
        fill,
    }
    .all(mapping);
    let places = std::mem::take(&mut builder.places);
    let (attempted, meant) = (&*builder.attempted, &*builder.meant);
    let template = builder.template;
    let subject = subject(mapping, &template, &places, (attempted, meant), found);
    required::check(mapping, &template, &places, (attempted, meant), found);
    if found.len() > before && found.has_errors() {
        return None;
    }
    let mut joins = compiled_joins.take()?;
    joins::columns(&mut joins, &scope);
    let lets = scope
        .lets
        .iter_mut()
        .map(take_let)
        .collect::<Option<Vec<_>>>()?;
    let refs = ref_uses(&template, &lets, mapping);
    Some(Plan {
        charsets: charsets(mapping, &scope),
        key_len: mapping.from.key.len(),
        uses: uses(mapping, &joins, &scope),
        tables: scope.tables.iter().cloned().collect(),
        program: Program {
            lets,
            joins: joins.iter().map(|j| j.name.as_str().into()).collect(),
            columns: scope.columns.names(),
            zone: world.zone.clone(),
            base_uri: settings.base_uri.as_str().into(),
            hospital: settings.hospital.as_str().into(),
        },
        join_order: join_order(&joins),
        joins,
        group,
        share,
        when,
        template,
        subject,
        refs,
    })
}

fn join_order(joins: &[Join]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..joins.len()).collect();
    order.sort_by_key(|j| joins[*j].level);
    order
}

fn take_let(scope: &mut LetScope) -> Option<Ex> {
    match std::mem::replace(&mut scope.state, LetState::Faulty) {
        LetState::Done { ex, .. } => Some(ex),
        _ => None,
    }
}

/// A `let` that `share` uses must not look at the states of other rows.
fn no_references(
    share: &Ex,
    node: &Node,
    mapping: &MappingFile,
    scope: &Scope,
    found: &mut Diagnostics,
) {
    let mut seen = vec![false; scope.lets.len()];
    let mut stack = vec![share];
    let mut refers = false;
    while let Some(ex) = stack.pop() {
        ex.walk(&mut |e| match e {
            Ex::Ref(_) | Ex::Organization => refers = true,
            Ex::Let(i) if !seen[*i] => {
                seen[*i] = true;
                if let LetState::Done { ex, .. } = &scope.lets[*i].state {
                    stack.push(ex);
                }
            }
            _ => {}
        });
    }
    if refers {
        let place = mapping.file.place(node.span.clone());
        let message = "share must not use ref, not even through a let";
        found.push(Diagnostic::error("MAP0018", message).at(place));
    }
}

/// Finds the slot that says whose record it is, and demands it with `share` where FHIR has a patient
/// compartment.
fn subject(
    mapping: &MappingFile,
    template: &Template,
    places: &[Place],
    (attempted, meant): (&[usize], &[&str]),
    found: &mut Diagnostics,
) -> Option<usize> {
    let resource = mapping.resource.0.as_str();
    let links = patient_reference(resource);
    let place = || mapping.file.place(mapping.resource.1.clone());
    if links.is_empty() {
        return None;
    }
    if mapping.share.is_none() {
        let message = format!(
            "a mapping of {resource} needs share: who decides that a row may leave the hospital?"
        );
        let help =
            "sharing fails closed; write share: true if the patient's own mapping decides alone";
        found.push(Diagnostic::error("MAP0028", message).at(place()).help(help));
    }
    if resource == "Patient" {
        return None;
    }
    let principal = links.iter().filter(|l| l.principal).map(|l| l.path);
    let mut paths: Vec<&str> = principal.collect();
    if paths.is_empty() {
        paths = links.iter().map(|l| l.path).collect();
    }
    let is_subject = |node: usize| {
        let plain = without_indexes(&template.nodes[node].path);
        let own = plain.split_once('.').map_or("", |(_, path)| path);
        paths.contains(&own)
    };
    if attempted.iter().any(|node| is_subject(*node)) || meant.iter().any(|m| paths.contains(m)) {
        return None;
    }
    let mut wrong = None;
    for (i, slot) in template.slots.iter().enumerate() {
        if !is_subject(slot.node) {
            continue;
        }
        match &slot.ex {
            Ex::Ref(r) if &*r.resource_type == "Patient" => return Some(i),
            _ => wrong = Some(places[slot.node].clone()),
        }
    }
    let message = format!(
        "{resource} must set {} with ref('<a mapping of Patient>', key)",
        paths.join(" or ")
    );
    let help =
        "the patient's row decides whether this one is shared, so nothing may stand around the ref";
    let place = wrong.unwrap_or_else(place);
    found.push(Diagnostic::error("MAP0029", message).at(place).help(help));
    None
}

/// `Observation.component[systolic].code` without what stands in brackets.
fn without_indexes(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

fn charsets(mapping: &MappingFile, scope: &Scope) -> Vec<Option<&'static Encoding>> {
    let of = |column: &String| {
        let declared = mapping.from.charsets.iter().find(|((c, _), _)| c == column);
        declared.map(|(_, charset)| *charset)
    };
    scope.columns.names().iter().map(of).collect()
}

/// Every `ref` in the mapping, with where its key comes from if that can be walked backwards.
fn ref_uses(template: &Template, lets: &[Ex], mapping: &MappingFile) -> Vec<RefUse> {
    let mut uses: Vec<RefUse> = Vec::new();
    let mut visit = |ex: &Ex| {
        if let Ex::Ref(r) = ex {
            let from = plain_key(r);
            let known = uses
                .iter()
                .any(|u| *u.mapping == *r.mapping && u.from == from);
            if !known {
                uses.push(RefUse {
                    mapping: r.mapping.to_string(),
                    from,
                    place: Some(mapping.file.place(mapping.name.1.clone())),
                });
            }
        }
    };
    each_expression(template, lets, &mut |ex| ex.walk(&mut visit));
    uses
}

fn plain_key(r: &Ref) -> Option<Vec<Origin>> {
    let plain = |key: &Ex| match key {
        Ex::Column(i) => Some(Origin::Row(*i)),
        Ex::JoinColumn(j, column) => Some(Origin::Join(*j, *column)),
        _ => None,
    };
    r.keys.iter().map(plain).collect()
}

/// Visits every expression that makes values: lets, slots, and those of the children.
pub(crate) fn each_expression<'p>(
    template: &'p Template,
    lets: &'p [Ex],
    visit: &mut dyn FnMut(&'p Ex),
) {
    lets.iter().for_each(&mut *visit);
    template.slots.iter().for_each(|s| visit(&s.ex));
    for each in &template.eaches {
        each_expression(&each.template, &[], visit);
    }
}

fn uses(mapping: &MappingFile, joins: &[Join], scope: &Scope) -> Vec<TableUse> {
    let file = &mapping.file;
    let mut uses = vec![TableUse {
        table: mapping.from.table.0.clone(),
        place: file.place(mapping.from.table.1.clone()),
        columns: scope.columns.uses().to_vec(),
    }];
    for ((join, own), written) in joins.iter().zip(&scope.joins).zip(&mapping.joins) {
        uses.push(TableUse {
            table: join.table.clone(),
            place: file.place(written.table.1.clone()),
            columns: own.columns.uses().to_vec(),
        });
    }
    uses
}
