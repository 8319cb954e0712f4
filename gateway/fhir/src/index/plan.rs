// SPDX-License-Identifier: Apache-2.0
//! Which search parameters are served, and where their values lie in the index.
//!
//! Fewer rows are the first lever, so a value is written once: where one parameter covers another
//! (`name` covers `family`, `combo-code` covers `code`), the wider one is answered from the rows of
//! the narrower ones and has rows of its own only for the rest.

use std::collections::HashMap;
use std::sync::LazyLock;

use silsila_schema::resource_types;
use silsila_schema::search::{Kind, SearchParam, params};

use super::key::{PARAM_LIMIT, param_number};
use super::tables::types;

/// The served parameters of one type.
#[derive(Debug)]
pub struct TypePlan {
    /// The type.
    pub name: &'static str,
    /// Its number.
    pub number: i64,
    /// Its parameters by code.
    pub params: Vec<Plan>,
    /// Where family and given names lie together, for a type that has both.
    pub pair: Option<Pair>,
    by_id: HashMap<u16, usize>,
}

/// Family and given names in one row. Both are common alone; together they are nearly a person.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The parameter `family`.
    pub family: u16,
    /// The parameter `given`.
    pub given: u16,
    /// The number under which their rows lie.
    pub number: i64,
}

/// How one parameter is written and answered.
#[derive(Debug)]
pub struct Plan {
    /// Its definition.
    pub param: &'static SearchParam,
    /// Its bit in a version's mask of the parameters that have a value.
    pub bit: u32,
    /// Whether its values get rows and facts.
    pub written: bool,
    /// Parameters whose values need not be written again for this one.
    pub covered_by: Vec<u16>,
    /// Where its values are found.
    pub sources: Vec<Source>,
}

/// One place in which values of a parameter are found.
#[derive(Debug, Clone)]
pub struct Source {
    /// Under which parameter they were written.
    pub code: &'static str,
    /// Its id.
    pub id: u16,
    /// Its number together with the type.
    pub number: i64,
    /// Which of its values count.
    pub only: Only,
}

/// A restriction of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// None.
    All,
    /// References to this type.
    Target(&'static str),
}

static PLANS: LazyLock<HashMap<&'static str, TypePlan>> = LazyLock::new(|| {
    resource_types()
        .filter_map(|name| Some((name, type_plan(name, types::number(name)?))))
        .collect()
});

/// The plan of a type; none for a name that is no type.
pub fn of_type(resource_type: &str) -> Option<&'static TypePlan> {
    PLANS.get(resource_type)
}

impl TypePlan {
    /// The plan of a parameter.
    pub fn param(&self, code: &str) -> Option<&Plan> {
        let place = self
            .params
            .binary_search_by(|plan| plan.param.code.cmp(code))
            .ok()?;
        self.params.get(place)
    }

    /// The plan of a parameter by its number.
    pub fn param_by_id(&self, id: u16) -> Option<&Plan> {
        self.params.get(*self.by_id.get(&id)?)
    }
}

fn type_plan(name: &'static str, number: i64) -> TypePlan {
    let served: Vec<_> = params(name)
        .iter()
        .filter(|param| is_served(param))
        .collect();
    let plans: Vec<_> = served
        .iter()
        .zip(0_u32..)
        .map(|(param, bit)| plan(&served, number, param, bit))
        .collect();
    assert!(
        plans.len() <= 63,
        "the mask of a version holds 63 parameters"
    );
    let by_id = plans
        .iter()
        .enumerate()
        .map(|(place, plan)| (plan.param.id, place))
        .collect();
    let text = |code| {
        let found = served.iter().find(|param| param.code == code)?;
        (found.kind == Kind::String).then_some(found.id)
    };
    let pair = text("family")
        .zip(text("given"))
        .map(|(family, given)| Pair {
            family,
            given,
            number: param_number(number, PARAM_LIMIT - 1),
        });
    TypePlan {
        name,
        number,
        params: plans,
        pair,
        by_id,
    }
}

/// Sound-alike search needs rules for the languages of the names; none fits Urdu and Sindhi.
fn is_served(param: &SearchParam) -> bool {
    assert!(
        param.id < PARAM_LIMIT - 1,
        "range keys hold 11 bits of parameter, and the last number is that of pairs"
    );
    param.code != "phonetic"
}

fn plan(
    served: &[&'static SearchParam],
    number: i64,
    param: &'static SearchParam,
    bit: u32,
) -> Plan {
    let source = |code: &str, only| {
        let found = *served.iter().find(|other| other.code == code)?;
        Some(Source {
            code: found.code,
            id: found.id,
            number: param_number(number, found.id),
            only,
        })
    };
    let all = |codes: &[&str]| -> Option<Vec<Source>> {
        codes.iter().map(|code| source(code, Only::All)).collect()
    };
    let (written, others) = match (param.code, param.kind) {
        ("name", Kind::String) => (true, all(&["family", "given"])),
        ("address", Kind::String) => (
            true,
            all(&[
                "address-city",
                "address-country",
                "address-postalcode",
                "address-state",
            ]),
        ),
        ("patient", Kind::Reference) => (
            false,
            source("subject", Only::Target("Patient")).map(|s| vec![s]),
        ),
        (code, _) if code.starts_with("combo-") => (false, {
            let rest = &code["combo-".len()..];
            all(&[rest, &format!("component-{rest}")])
        }),
        _ => (true, None),
    };
    let others = others.unwrap_or_default();
    let written = written || others.is_empty();
    let covered_by = others.iter().map(|source| source.id).collect();
    let mut sources = others;
    if written {
        sources.extend(source(param.code, Only::All));
    }
    Plan {
        param,
        bit,
        written,
        covered_by,
        sources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(resource_type: &str, code: &str) -> Vec<(&'static str, Only)> {
        let plan = of_type(resource_type).unwrap().param(code).unwrap();
        plan.sources.iter().map(|s| (s.code, s.only)).collect()
    }

    #[test]
    fn a_wider_parameter_is_answered_from_the_narrower_ones() {
        assert_eq!(
            sources("Patient", "name"),
            [
                ("family", Only::All),
                ("given", Only::All),
                ("name", Only::All)
            ]
        );
        assert_eq!(
            sources("Observation", "combo-code"),
            [("code", Only::All), ("component-code", Only::All)]
        );
        assert_eq!(
            sources("Observation", "patient"),
            [("subject", Only::Target("Patient"))]
        );
        assert_eq!(sources("Organization", "name"), [("name", Only::All)]);
        assert_eq!(sources("Immunization", "patient"), [("patient", Only::All)]);
    }

    #[test]
    fn every_type_has_room_in_the_mask_and_the_keys() {
        let all = resource_types().filter_map(of_type).count();
        assert_eq!(all, resource_types().count());
        assert!(all > 100);
    }

    #[test]
    fn sound_alike_search_is_not_served() {
        assert!(of_type("Patient").unwrap().param("phonetic").is_none());
    }
}
