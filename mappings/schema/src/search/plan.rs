// SPDX-License-Identifier: Apache-2.0
//! From the expressions of a resource type's search parameters to one tree of members, so that a
//! resource is walked once for all of them.

use super::Kind;
use super::convert::Convert;
use super::fhirpath::{Branch, Path, Step, parse};
use super::tree::{Filter, Node};
use super::value::{IndexValue, SearchParam};
use crate::json::Object;
use crate::table::{Member, ParamLine, Shape, TypeId, table};

/// The search parameters of a resource type and the tree that finds their values.
pub(super) struct Plan {
    /// Sorted by code.
    pub(super) params: Vec<SearchParam>,
    root: Node,
    presence: Vec<Presence>,
}

/// A parameter or a branch of one that is not covered, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOut {
    pub(super) code: &'static str,
    pub(super) whole: bool,
    pub(super) reason: String,
}

/// A parameter that is `false` when none of these members is there.
struct Presence {
    param: usize,
    members: Vec<&'static str>,
}

impl Plan {
    /// Compiles what the table holds for a resource type.
    pub(super) fn compile(resource: TypeId) -> (Self, Vec<LeftOut>) {
        let mut lines: Vec<_> = table()
            .params
            .iter()
            .filter(|line| applies(line, resource))
            .collect();
        lines.sort_unstable_by_key(|line| line.code);
        let mut plan = Self {
            params: Vec::new(),
            root: Node::default(),
            presence: Vec::new(),
        };
        let mut left_out = Vec::new();
        for line in lines {
            plan.add(resource, line, &mut left_out);
        }
        (plan, left_out)
    }

    fn add(&mut self, resource: TypeId, line: &'static ParamLine, left_out: &mut Vec<LeftOut>) {
        let mut leave_out = |whole, reason: &str| {
            let reason = reason.to_owned();
            left_out.push(LeftOut {
                code: line.code,
                whole,
                reason,
            });
        };
        let Some(kind) = kind(line.kind) else {
            return leave_out(true, line.kind);
        };
        let param = self.params.len();
        let (mut ends, mut reasons) = (Vec::new(), Vec::new());
        for branch in parse(line.expression) {
            let Some(branch) = branch else {
                reasons.push("the expression is not understood");
                continue;
            };
            if !is_root_of(branch.root(), resource) {
                continue;
            }
            match compile_branch(resource, kind, &branch) {
                Ok(found) => {
                    if let Branch::IsPresentAndNotFalse(_) = branch {
                        let members = found
                            .iter()
                            .filter_map(|end| Some(end.way.first()?.0))
                            .collect();
                        self.presence.push(Presence { param, members });
                    }
                    ends.extend(found);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if line.expression.is_empty() {
            reasons = vec!["no expression"];
        }
        let whole = ends.is_empty();
        for reason in reasons {
            leave_out(whole, reason);
        }
        if whole {
            return;
        }
        self.params.push(search_param(line, kind, &ends));
        if matches!(line.code, "_id" | "_lastUpdated") {
            return;
        }
        for end in &ends {
            self.root.insert(&end.way, (param, end.convert));
        }
    }

    /// Walks a resource.
    pub(super) fn extract<'a>(
        &'static self,
        resource: &'a Object,
        sink: &mut dyn FnMut(&'static SearchParam, IndexValue<'a>),
    ) {
        self.root.walk(resource, &mut |param, value| {
            sink(&self.params[param], value);
        });
        for presence in &self.presence {
            if !presence
                .members
                .iter()
                .any(|member| resource.contains(member))
            {
                let (system, code, text) = (None, Some("false"), None);
                sink(
                    &self.params[presence.param],
                    IndexValue::Token { system, code, text },
                );
            }
        }
    }
}

/// The paths, by the names that JSON uses, on which a reference parameter of a resource type can
/// meet a reference to `target`.
pub(super) fn reference_paths(resource: TypeId, code: &str, target: &str) -> Vec<String> {
    let lines = table().params.iter();
    let line = lines
        .filter(|line| line.code == code)
        .find(|line| applies(line, resource));
    let branches = line
        .into_iter()
        .flat_map(|line| parse(line.expression))
        .flatten();
    branches
        .filter(|branch| is_root_of(branch.root(), resource))
        .filter_map(|branch| compile_branch(resource, Kind::Reference, &branch).ok())
        .flatten()
        .filter(|end| may_point_at(end, target))
        .map(|end| {
            let names: Vec<_> = end.way.iter().map(|(name, _)| *name).collect();
            names.join(".")
        })
        .collect()
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "token" => Kind::Token,
        "string" => Kind::String,
        "date" => Kind::Date,
        "reference" => Kind::Reference,
        "quantity" => Kind::Quantity,
        "number" => Kind::Number,
        "uri" => Kind::Uri,
        _ => return None,
    })
}

/// Whether a type or abstract type is the resource's own.
fn is_root_of(root: &str, resource: TypeId) -> bool {
    let own = table().get(resource);
    match root {
        "Resource" => true,
        "DomainResource" => own.member("contained").is_some(),
        _ => own.name == root,
    }
}

fn applies(line: &ParamLine, resource: TypeId) -> bool {
    line.bases.iter().any(|base| is_root_of(base, resource))
}

/// Where a path ends: the way there, the member found, and how it is converted.
struct End {
    way: Vec<(&'static str, Filter)>,
    member: &'static Member,
    convert: Convert,
}

type Ways = Vec<(Vec<(&'static str, Filter)>, &'static Member)>;

fn compile_branch(
    resource: TypeId,
    kind: Kind,
    branch: &Branch<'static>,
) -> Result<Vec<End>, &'static str> {
    let (Branch::Path(path) | Branch::IsPresentAndNotFalse(path)) = branch;
    let presence = matches!(branch, Branch::IsPresentAndNotFalse(_));
    let ends: Vec<_> = ways(resource, path)?
        .into_iter()
        .filter_map(|(way, member)| {
            let convert = match Convert::of(kind, member) {
                Some(convert) => convert,
                None if presence => Convert::TokenPresent,
                None => return None,
            };
            Some(End {
                way,
                member,
                convert,
            })
        })
        .collect();
    match ends.is_empty() {
        true => Err("no element of a type that such a parameter can search"),
        false => Ok(ends),
    }
}

/// Every way in JSON that a path may mean: one, or one per type of a choice.
fn ways(resource: TypeId, path: &Path<'static>) -> Result<Ways, &'static str> {
    let mut ways: Ways = Vec::new();
    for (place, step) in path.steps.iter().enumerate() {
        let from = std::mem::take(&mut ways);
        let starts = match place {
            0 => vec![(Vec::new(), resource)],
            _ => from.iter().filter_map(inside).collect(),
        };
        ways = match step {
            Step::Member(name) => members(&starts, name, Filter::All),
            Step::Extension(url) => {
                let extensions = members(&starts, "extension", Filter::Equals("url", url));
                let inside: Vec<_> = extensions.iter().filter_map(inside).collect();
                members(&inside, "value", Filter::All)
            }
            Step::As(name) => from
                .into_iter()
                .filter(|(_, m)| type_name(m) == *name)
                .collect(),
            Step::WhereEquals(member, text) => filtered(from, Filter::Equals(member, text)),
            Step::WhereTarget(name) => filtered(from, Filter::Target(name)),
        };
        if ways.is_empty() {
            return Err("the path leads to no element");
        }
    }
    Ok(ways)
}

/// The type into which a way leads on.
fn inside(
    (way, member): &(Vec<(&'static str, Filter)>, &'static Member),
) -> Option<(Vec<(&'static str, Filter)>, TypeId)> {
    match member.shape {
        Shape::Complex(id) => Some((way.clone(), id)),
        _ => None,
    }
}

/// The members of an element by its name, of a choice all of them.
fn members(starts: &[(Vec<(&'static str, Filter)>, TypeId)], name: &str, filter: Filter) -> Ways {
    let mut ways = Vec::new();
    for (way, id) in starts {
        let own = table().get(*id);
        for member in own
            .members
            .iter()
            .filter(|member| own.element(member).name == name)
        {
            let mut way = way.clone();
            way.push((member.name, filter));
            ways.push((way, member));
        }
    }
    ways
}

/// Narrows the last step of every way.
fn filtered(mut ways: Ways, filter: Filter) -> Ways {
    for (way, _) in &mut ways {
        if let Some((_, last)) = way.last_mut() {
            *last = filter;
        }
    }
    ways
}

fn type_name(member: &Member) -> &'static str {
    match member.shape {
        Shape::Primitive(primitive) => primitive.name(),
        Shape::Complex(id) => table().get(id).name,
        Shape::Resource => "Resource",
    }
}

fn search_param(line: &'static ParamLine, kind: Kind, ends: &[End]) -> SearchParam {
    SearchParam {
        code: line.code,
        kind,
        id: line.id,
        url: line.url,
        targets: match kind {
            Kind::Reference => targets(line, ends),
            _ => Vec::new(),
        },
        common: line.bases.contains(&"Resource"),
    }
}

/// The declared targets that an element of this resource type may really point at.
fn targets(line: &ParamLine, ends: &[End]) -> Vec<&'static str> {
    let declared = line.targets.iter().copied();
    declared
        .filter(|name| ends.iter().any(|end| may_point_at(end, name)))
        .collect()
}

fn may_point_at(end: &End, name: &str) -> bool {
    if let Some((_, Filter::Target(only))) = end.way.last() {
        return *only == name;
    }
    end.member
        .targets
        .is_none_or(|number| table().targets[usize::from(number)].names.contains(&name))
}
