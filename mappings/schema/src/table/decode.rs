// SPDX-License-Identifier: Apache-2.0
//! Reads the lines of the table; `generate/README.md` describes them.

use std::collections::HashMap;

use super::types::{Binding, Element, Member, Shape, Syntax, TargetSet, TypeDef, TypeId};
use super::{NameIndex, ParamLine, Table};
use crate::primitive::Primitive;

/// A type's lines before inheritance.
struct RawType {
    name: &'static str,
    is_resource: bool,
    base: &'static str,
    elements: Vec<RawElement>,
}

#[derive(Clone, Copy)]
struct RawElement {
    name: &'static str,
    min: u16,
    max: Option<u16>,
    types: &'static str,
    binding: Option<u16>,
}

#[derive(Default)]
struct Lines {
    types: Vec<RawType>,
    bindings: Vec<Binding>,
    params: Vec<ParamLine>,
    compartment: Vec<(&'static str, Vec<&'static str>)>,
}

pub(super) fn decode(text: &'static str) -> Table {
    let mut lines = Lines::default();
    for line in text.lines() {
        lines.line(line);
    }
    for binding in &mut lines.bindings {
        binding.codes = binding
            .systems
            .iter()
            .flat_map(|(_, codes)| codes)
            .copied()
            .collect();
        binding.codes.sort_unstable();
        binding.codes.dedup();
    }
    Builder::new(&lines.types).build(lines)
}

impl Lines {
    fn line(&mut self, line: &'static str) {
        let mut fields = line.split('\t');
        let mut next = || {
            fields
                .next()
                .expect("a line of the table has all its fields")
        };
        match next() {
            "T" => {
                let (name, is_resource, base) = (next(), next() == "resource", next());
                let elements = Vec::new();
                self.types.push(RawType {
                    name,
                    is_resource,
                    base,
                    elements,
                });
            }
            "E" => {
                let element = RawElement {
                    name: next(),
                    min: next().parse().expect("a minimum is a number"),
                    max: next().parse().ok(),
                    types: next(),
                    binding: next().parse().ok(),
                };
                let owner = self.types.last_mut().expect("an element follows its type");
                owner.elements.push(element);
            }
            "V" => {
                let (url, syntax) = (next(), syntax(next()));
                let (codes, systems) = (Vec::new(), Vec::new());
                self.bindings.push(Binding {
                    url,
                    codes,
                    systems,
                    syntax,
                });
            }
            "S" => {
                let system = next();
                let owner = self
                    .bindings
                    .last_mut()
                    .expect("a system follows its value set");
                owner.systems.push((system, fields.collect()));
            }
            "P" => self.params.push(ParamLine {
                id: next().parse().expect("a parameter has a number"),
                code: next(),
                kind: next(),
                bases: list(next()),
                targets: list(next()),
                url: next(),
                expression: next(),
            }),
            "C" => self.compartment.push((next(), list(next()))),
            _ => {}
        }
    }
}

fn syntax(word: &str) -> Syntax {
    match word {
        "codes" => Syntax::Listed,
        "mime" => Syntax::Mime,
        "currency" => Syntax::Currency,
        "language" => Syntax::Language,
        _ => Syntax::Open,
    }
}

fn list(text: &'static str) -> Vec<&'static str> {
    text.split(',').filter(|item| !item.is_empty()).collect()
}

/// Turns raw types into types with inherited elements and resolved names.
struct Builder {
    by_name: HashMap<&'static str, TypeId>,
    resources: Vec<TypeId>,
    resource_names: Vec<&'static str>,
    targets: Vec<TargetSet>,
    target_numbers: HashMap<&'static str, u16>,
}

impl Builder {
    fn new(types: &[RawType]) -> Self {
        let by_name: HashMap<_, _> = types
            .iter()
            .zip(0..)
            .map(|(t, n)| (t.name, TypeId(n)))
            .collect();
        let mut resource_names: Vec<_> = types
            .iter()
            .filter(|t| t.is_resource)
            .map(|t| t.name)
            .collect();
        resource_names.sort_unstable();
        Self {
            resources: resource_names.iter().map(|name| by_name[name]).collect(),
            by_name,
            resource_names,
            targets: Vec::new(),
            target_numbers: HashMap::new(),
        }
    }

    fn build(mut self, lines: Lines) -> Table {
        let raw = lines.types;
        let types = raw.iter().map(|own| self.build_type(&raw, own)).collect();
        Table {
            types,
            bindings: lines.bindings,
            targets: self.targets,
            resource_index: NameIndex::new(self.resource_names.iter().copied()),
            resources: self.resources,
            element: self.by_name["Element"],
            params: lines.params,
            compartment: lines.compartment,
        }
    }

    fn build_type(&mut self, raw: &[RawType], own: &RawType) -> TypeDef {
        let (mut elements, mut members) = (Vec::new(), Vec::new());
        for (place, element) in (0..).zip(self.all_elements(raw, own)) {
            let (name, choice) = match element.name.strip_suffix("[x]") {
                Some(name) => (name, true),
                None => (element.name, false),
            };
            elements.push(Element {
                name,
                min: element.min,
                max: element.max,
                choice,
            });
            for type_text in element.types.split('|') {
                let json_name = if choice {
                    choice_name(name, type_text)
                } else {
                    name
                };
                members.push(Member {
                    name: json_name,
                    element: place,
                    shape: self.shape(type_text),
                    is_array: element.max != Some(1) && element.max != Some(0),
                    is_choice: choice,
                    binding: element.binding,
                    targets: self.target_set(type_text),
                });
            }
        }
        TypeDef::new(own.name, elements, members)
    }

    /// The inherited elements, replaced where the type narrows them, then its own.
    fn all_elements(&self, raw: &[RawType], own: &RawType) -> Vec<RawElement> {
        let mut all = match self.by_name.get(own.base) {
            Some(base) => self.all_elements(raw, &raw[usize::from(base.0)]),
            None => Vec::new(),
        };
        for element in &own.elements {
            match all
                .iter_mut()
                .find(|inherited| inherited.name == element.name)
            {
                Some(inherited) => *inherited = *element,
                None => all.push(*element),
            }
        }
        all
    }

    fn shape(&self, type_text: &str) -> Shape {
        let name = type_name(type_text);
        if name == "Resource" {
            return Shape::Resource;
        }
        match Primitive::from_name(name) {
            Some(primitive) => Shape::Primitive(primitive),
            None => Shape::Complex(*self.by_name.get(name).expect("every type is in the table")),
        }
    }

    fn target_set(&mut self, type_text: &'static str) -> Option<u16> {
        let targets = type_text.strip_prefix("Reference(")?.strip_suffix(')')?;
        if let Some(number) = self.target_numbers.get(targets) {
            return Some(*number);
        }
        let names = list(targets);
        let mut bits = [0; 3];
        for name in &names {
            let place = self
                .resource_names
                .binary_search(name)
                .expect("a reference points at resource types");
            bits[place / 64] |= 1 << (place % 64);
        }
        let number = u16::try_from(self.targets.len()).expect("there are few sets of targets");
        self.targets.push(TargetSet { names, bits });
        self.target_numbers.insert(targets, number);
        Some(number)
    }
}

/// `Reference(Patient)` is a Reference and `@Patient.contact` the type of that path.
fn type_name(type_text: &str) -> &str {
    let text = type_text.strip_prefix('@').unwrap_or(type_text);
    text.split('(').next().unwrap_or(text)
}

/// `value` and `dateTime` give `valueDateTime`. The name lives as long as the table: for ever.
fn choice_name(element: &str, type_text: &str) -> &'static str {
    let name = type_name(type_text);
    let (first, rest) = name.split_at(1);
    format!("{element}{}{rest}", first.to_ascii_uppercase()).leak()
}
