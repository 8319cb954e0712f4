// SPDX-License-Identifier: Apache-2.0
//! `set` and `fixed`: compiled, held against their elements, and put into a template.

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use silsila_schema::{Json, Primitive, Step};

use super::build::{Builder, PathText, Target};
use super::check;
use crate::expression::compile::Compiler;
use crate::expression::scope::{Position, Scope, World};
use crate::language::mapping_file::MappingFile;
use crate::language::source::{Report, Site};
use crate::language::yaml::{Data, Entry, Node, Plain, Scalar};

/// What the entries of a mapping are compiled with.
pub(crate) struct Entries<'e> {
    pub file: &'e TextFile,
    pub scope: &'e mut Scope,
    pub world: &'e World<'e>,
    pub found: &'e mut Diagnostics,
    /// Fills in settings in fixed texts.
    pub fill: &'e dyn Fn(&str) -> String,
}

impl Entries<'_> {
    fn report(&mut self) -> Report<'_> {
        Report {
            file: self.file,
            found: self.found,
        }
    }

    /// The resource's own `set`, the children's, and all of `fixed`.
    pub fn all<'m>(&mut self, mapping: &'m MappingFile) -> Builder<'m> {
        let resource = mapping.resource.0.as_str();
        let place = self.file.place(mapping.resource.1.clone());
        let mut builder = Builder::new(resource, "", place);
        self.set(&mut builder, &mapping.set, Position::Set);
        for (j, join) in mapping.joins.iter().enumerate() {
            let Some((into, span)) = &join.into else {
                continue;
            };
            let path = PathText {
                text: into,
                span: span.clone(),
            };
            let mut report = Report {
                file: self.file,
                found: self.found,
            };
            let Some(target) = builder.target(&path, &mut report) else {
                continue;
            };
            if !target.fit.array {
                let message = format!("{into} does not repeat, or names one entry");
                report.error(span, "MAP0021", message);
                continue;
            }
            let place = self.file.place(span.clone());
            let mut inner = Builder::new(resource, into, place);
            self.set(&mut inner, &join.set, Position::Each(j));
            self.fixed(&mut inner, &join.fixed);
            inner.finish();
            let mut report = self.report();
            builder.each(&target, j, inner.template, &path, &mut report);
        }
        self.fixed(&mut builder, &mapping.fixed);
        builder.finish();
        builder
    }

    fn set(&mut self, builder: &mut Builder<'_>, entries: &[Entry], position: Position) {
        for entry in entries {
            let path = PathText {
                text: &entry.key,
                span: entry.key_span.clone(),
            };
            let target = builder.target(&path, &mut self.report());
            if entry.value.is_null() {
                let message = format!("{} has no expression", entry.key);
                self.report().error(&entry.key_span, "MAP0004", message);
                target.iter().for_each(|t| builder.attempt(t));
                continue;
            }
            let compiled = Compiler {
                site: Site {
                    file: self.file,
                    node: &entry.value,
                },
                scope: self.scope,
                world: self.world,
                position,
                found: self.found,
                depth: 0,
                reach: 0,
            }
            .compile();
            let Some(target) = target else { continue };
            let Some(compiled) = compiled else {
                builder.attempt(&target);
                continue;
            };
            let site = Site {
                file: self.file,
                node: &entry.value,
            };
            check::expression(&compiled, &target, site, self.scope, self.found);
            builder.slot(&target, compiled, &path, &mut self.report());
        }
    }

    fn fixed(&mut self, builder: &mut Builder<'_>, entries: &[Entry]) {
        for entry in entries {
            let path = PathText {
                text: &entry.key,
                span: entry.key_span.clone(),
            };
            self.literal(builder, &path, &entry.value);
        }
    }

    /// Puts a literal at a path; maps and lists become longer paths, so that each part has its place.
    fn literal(&mut self, builder: &mut Builder<'_>, path: &PathText<'_>, node: &Node) {
        match &node.data {
            Data::Map(members) => {
                for member in members {
                    let text = format!("{}.{}", path.text, member.key);
                    let inner = PathText {
                        text: &text,
                        span: member.key_span.clone(),
                    };
                    self.literal(builder, &inner, &member.value);
                }
            }
            Data::List(items) => self.literals(builder, path, items),
            Data::Scalar(scalar) => {
                let target = builder.target(path, &mut self.report());
                if let Some(target) = target {
                    self.scalar(builder, path, &target, scalar, node);
                }
            }
        }
    }

    fn literals(&mut self, builder: &mut Builder<'_>, path: &PathText<'_>, items: &[Node]) {
        let Some(target) = builder.target(path, &mut self.report()) else {
            return;
        };
        if !target.fit.array {
            let message = format!(
                "{} takes {}, not a list",
                path.text,
                check::article(&target.step)
            );
            self.report().error(&path.span, "MAP0024", message);
            builder.attempt(&target);
            return;
        }
        for (i, item) in items.iter().enumerate() {
            let text = format!("{}[{i}]", path.text);
            let inner = PathText {
                text: &text,
                span: path.span.clone(),
            };
            self.literal(builder, &inner, item);
        }
    }

    fn scalar(
        &mut self,
        builder: &mut Builder<'_>,
        path: &PathText<'_>,
        target: &Target,
        scalar: &Scalar,
        node: &Node,
    ) {
        let meaning = scalar.meaning();
        if meaning == Plain::Null {
            let message = format!("{} has no value", path.text);
            self.report().error(&path.span, "MAP0004", message);
            builder.attempt(target);
            return;
        }
        match literal_json(&meaning, &target.step, self.fill) {
            Ok(json) => {
                let json = if target.fit.array {
                    Json::Array(vec![json])
                } else {
                    json
                };
                builder.fixed(target, json, path, &mut self.report());
            }
            Err(problem) => {
                self.report().add(&node.span, problem);
                builder.attempt(target);
            }
        }
    }
}

/// A literal as the element's JSON, or what is wrong with it.
fn literal_json(
    meaning: &Plain<'_>,
    step: &Step,
    fill: &dyn Fn(&str) -> String,
) -> Result<Json, Diagnostic> {
    let wrong = || {
        let message = format!("{} takes {}, not this", step.name, check::article(step));
        Diagnostic::error("MAP0024", message)
    };
    let Some(primitive) = step.primitive else {
        return Err(wrong());
    };
    let json = match (meaning, primitive) {
        (Plain::Bool(b), Primitive::Boolean) => Json::Bool(*b),
        (Plain::Number(n), p) if p.is_number() => Json::Number((*n).into()),
        (Plain::Text(t), p) if !p.is_number() && p != Primitive::Boolean => Json::from(fill(t)),
        // 2024 is a number to YAML and a date to FHIR.
        (Plain::Number(t), p) if !p.is_number() && p != Primitive::Boolean => Json::from(*t),
        (Plain::Bool(b), Primitive::String | Primitive::Code | Primitive::Markdown) => {
            Json::from(if *b { "true" } else { "false" })
        }
        _ => return Err(wrong()),
    };
    let text = json.as_str().or(json.as_number()).unwrap_or("true");
    if !primitive.accepts(text) {
        return Err(wrong());
    }
    match (step.binding, json.as_str()) {
        (Some(binding), Some(code)) if !binding.allows(code) => {
            Err(check::not_in(binding, code, step))
        }
        _ => Ok(json),
    }
}
