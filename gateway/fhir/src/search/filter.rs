// SPDX-License-Identifier: Apache-2.0
//! Filters: what a version must satisfy, in the terms of the index.

use silsila_schema::search::normalize;

use super::range::{DateTest, NumberTest, QuantityTest};
use super::value::{ReferenceTest, SystemTest, TokenTest};
use crate::index::facts::{Fact, Text, cut_to};
use crate::index::key::{Keyed, range_keys};
use crate::index::plan::{Only, Plan, TypePlan};
use crate::index::rows::{TEXT_BYTES, has_system_rows};

/// One filter of a query; a version must satisfy all of them.
#[derive(Debug, Clone)]
pub enum Filter {
    /// The resource has one of these ids.
    Ids(Vec<String>),
    /// The version was committed at such a time.
    Updated(Vec<DateTest>),
    /// Index rows lead to the version, or none of them do.
    Terms {
        /// Any of these.
        any: Vec<Term>,
        /// None of these, rather.
        negated: bool,
    },
    /// The version's facts satisfy a test.
    Facts(FactFilter),
    /// A parameter has no value, or has one.
    Missing {
        /// The parameter's bit.
        bit: u32,
        /// Whether a value must be missing.
        missing: bool,
    },
    /// Only the body can tell.
    Body(BodyFilter),
    /// A resource that the version refers to satisfies another query.
    Chained(Box<Chained>),
}

/// One term, with what the system of its rows must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The term.
    pub key: i64,
    /// The system.
    pub system: SystemTest,
}

/// A test of a version's facts.
#[derive(Debug, Clone)]
pub struct FactFilter {
    /// The parameters whose facts count.
    pub params: Vec<u16>,
    /// The test.
    pub test: FactTest,
    /// Where index rows lead to candidates; none where they would not narrow anything.
    pub drive: Option<Drive>,
}

/// What facts are tested for.
#[derive(Debug, Clone)]
pub enum FactTest {
    /// Any of these beginnings, normalized.
    Begins(Vec<String>),
    /// Any of these, normalized, somewhere in the text.
    Contains(Vec<String>),
    /// Any of these dates.
    Date(Vec<DateTest>),
    /// Any of these numbers.
    Number(Vec<NumberTest>),
    /// Any of these quantities.
    Quantity(Vec<QuantityTest>),
}

/// Index ranges that lead to all versions that can satisfy a filter, and perhaps to others.
#[derive(Debug, Clone)]
pub enum Drive {
    /// Range keys, both ends included.
    Ranges(Vec<(i64, i64)>),
    /// Beginnings of texts.
    Texts {
        /// Parameters and beginnings.
        texts: Vec<(i64, String)>,
        /// Whether the rows hold enough of the text to decide.
        exact: bool,
    },
}

/// A test of the body.
#[derive(Debug, Clone)]
pub struct BodyFilter {
    /// The parameter.
    pub code: &'static str,
    /// The test.
    pub test: BodyTest,
}

/// What a body is tested for.
#[derive(Debug, Clone)]
pub enum BodyTest {
    /// Any of these tokens, or none of them.
    Tokens {
        /// The tokens.
        any: Vec<TokenTest>,
        /// None of them, rather.
        negated: bool,
    },
    /// One of these texts, to the letter.
    Exactly(Vec<String>),
}

/// A filter on another resource.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The type of the other resource.
    pub target: &'static TypePlan,
    /// What it must satisfy.
    pub filter: Filter,
    /// Parameters through which it is referred to.
    pub through: Vec<&'static str>,
    /// The type that refers.
    pub from: &'static str,
}

/// What facts say of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Satisfied.
    Yes,
    /// Not satisfied.
    No,
    /// A text was cut; the body must tell.
    Unsure,
}

impl FactFilter {
    /// Tests the facts of a version.
    pub fn test<'a>(&self, facts: impl Iterator<Item = (u16, Fact<'a>)>) -> Verdict {
        let mut verdict = Verdict::No;
        for (param, fact) in facts {
            if !self.params.contains(&param) {
                continue;
            }
            match self.test.one(&fact) {
                Verdict::Yes => return Verdict::Yes,
                Verdict::Unsure => verdict = Verdict::Unsure,
                Verdict::No => {}
            }
        }
        verdict
    }
}

impl FactTest {
    fn one(&self, fact: &Fact<'_>) -> Verdict {
        let sure = |yes| if yes { Verdict::Yes } else { Verdict::No };
        match (self, fact) {
            (Self::Begins(wanted), Fact::Text(text)) => {
                any_text(wanted, text, |own, wanted| own.starts_with(wanted))
            }
            (Self::Contains(wanted), Fact::Text(text)) => {
                any_text(wanted, text, |own, wanted| own.contains(wanted))
            }
            (Self::Date(tests), Fact::Date { lo, hi }) => {
                sure(tests.iter().any(|test| test.accepts(*lo, *hi)))
            }
            (Self::Number(tests), Fact::Number { lo, hi }) => {
                sure(tests.iter().any(|test| test.accepts(*lo, *hi)))
            }
            (
                Self::Quantity(tests),
                Fact::Quantity {
                    lo,
                    hi,
                    system,
                    code,
                    unit,
                },
            ) => sure(tests.iter().any(|test| {
                test.number.accepts(*lo, *hi)
                    && test.accepts_unit(system.kept, code.kept, unit.kept)
            })),
            _ => Verdict::No,
        }
    }

    /// Tests one whole normalized text.
    pub fn text(&self, text: &str) -> bool {
        let whole = Fact::Text(Text {
            kept: text,
            cut: false,
        });
        self.one(&whole) == Verdict::Yes
    }
}

fn any_text(wanted: &[String], text: &Text<'_>, fits: impl Fn(&str, &str) -> bool) -> Verdict {
    if wanted.iter().any(|wanted| fits(text.kept, wanted)) {
        Verdict::Yes
    } else if text.cut {
        Verdict::Unsure
    } else {
        Verdict::No
    }
}

/// A filter for a token parameter. A system without a code is decided by the body, except where it has
/// rows of its own.
pub fn tokens(
    keyed: &Keyed,
    own: &TypePlan,
    plan: &Plan,
    tests: &[TokenTest],
    negated: bool,
) -> Filter {
    let by_body = |test: &TokenTest| test.code.is_none() && !has_system_rows(plan.param.code);
    if tests.iter().any(by_body) {
        return Filter::Body(BodyFilter {
            code: plan.param.code,
            test: BodyTest::Tokens {
                any: tests.to_vec(),
                negated,
            },
        });
    }
    let mut any = Vec::new();
    for test in tests {
        match (&test.code, &test.system) {
            (Some(code), system) => any.extend(code_terms(keyed, own, plan, code, system)),
            (None, SystemTest::Is(system)) => any.push(Term {
                key: keyed.of_system(own.name, plan.param.code, system),
                system: SystemTest::Any,
            }),
            (None, _) => {}
        }
    }
    Filter::Terms { any, negated }
}

fn code_terms(
    keyed: &Keyed,
    own: &TypePlan,
    plan: &Plan,
    code: &str,
    system: &SystemTest,
) -> Vec<Term> {
    plan.sources
        .iter()
        .map(|source| Term {
            key: keyed.of_code(own.name, source.code, code),
            system: system.clone(),
        })
        .collect()
}

/// A filter for a reference parameter. `kinds` are the types that an id alone can belong to.
pub fn references(
    keyed: &Keyed,
    own: &TypePlan,
    plan: &Plan,
    tests: &[ReferenceTest],
    kinds: &[&str],
) -> Filter {
    let mut any = Vec::new();
    for source in &plan.sources {
        let allowed = |kind: &str| source.only == Only::All || source.only == target(kind);
        let mut add = |key| {
            any.push(Term {
                key,
                system: SystemTest::Any,
            });
        };
        for test in tests {
            match test {
                ReferenceTest::Typed(kind, id) if allowed(kind) => {
                    add(keyed.of_reference(own.name, source.code, kind, id));
                }
                ReferenceTest::Typed(..) => {}
                ReferenceTest::Id(id) => {
                    for kind in kinds.iter().filter(|kind| allowed(kind)) {
                        add(keyed.of_reference(own.name, source.code, kind, id));
                    }
                }
                ReferenceTest::Url(url) => add(keyed.of_uri(own.name, source.code, url)),
            }
        }
    }
    Filter::Terms {
        any,
        negated: false,
    }
}

/// `Only::Target` of the one type that sources are restricted to.
fn target(kind: &str) -> Only {
    if kind == "Patient" {
        Only::Target("Patient")
    } else {
        Only::Target("")
    }
}

/// A filter for `:identifier` of a reference parameter.
pub fn reference_identifiers(
    keyed: &Keyed,
    own: &TypePlan,
    plan: &Plan,
    tests: &[TokenTest],
) -> Filter {
    let terms = plan.sources.iter().flat_map(|source| {
        tests.iter().filter_map(|test| {
            Some(Term {
                key: keyed.of_identifier(own.name, source.code, test.code.as_deref()?),
                system: test.system.clone(),
            })
        })
    });
    Filter::Terms {
        any: terms.collect(),
        negated: false,
    }
}

/// A filter for a URI parameter.
pub fn uris(keyed: &Keyed, own: &TypePlan, plan: &Plan, values: &[String]) -> Filter {
    let any = values.iter().map(|uri| Term {
        key: keyed.of_uri(own.name, plan.param.code, uri),
        system: SystemTest::Any,
    });
    Filter::Terms {
        any: any.collect(),
        negated: false,
    }
}

/// Filters for a string parameter: by beginning, anywhere, or to the letter.
pub fn texts(plan: &Plan, values: &[String], modifier: Option<&str>) -> Vec<Filter> {
    let normalized: Vec<_> = values.iter().map(|value| normalize(value)).collect();
    let contains = modifier == Some("contains");
    let beginnings = plan.sources.iter().flat_map(|source| {
        normalized
            .iter()
            .map(|text| (source.number, cut_to(text, TEXT_BYTES).to_owned()))
    });
    let exact = normalized.iter().all(|text| text.len() <= TEXT_BYTES);
    let drive = (!contains).then(|| Drive::Texts {
        texts: beginnings.collect(),
        exact,
    });
    let test = if contains {
        FactTest::Contains(normalized.clone())
    } else {
        FactTest::Begins(normalized.clone())
    };
    let mut filters = vec![Filter::Facts(FactFilter {
        params: plan.sources.iter().map(|source| source.id).collect(),
        test,
        drive,
    })];
    if modifier == Some("exact") {
        filters.push(Filter::Body(BodyFilter {
            code: plan.param.code,
            test: BodyTest::Exactly(values.to_vec()),
        }));
    }
    filters
}

/// A filter for a date parameter.
pub fn dates(plan: &Plan, tests: Vec<DateTest>) -> Filter {
    let bounds: Option<Vec<_>> = tests.iter().map(DateTest::bounds).collect();
    let drive = bounds.map(|bounds| {
        let ranges = plan.sources.iter().flat_map(|source| {
            bounds
                .iter()
                .flat_map(|(begins, ends)| range_keys(source.number, *begins, *ends))
        });
        Drive::Ranges(ranges.collect())
    });
    facts(plan, FactTest::Date(tests), drive)
}

/// A filter that facts alone decide.
pub fn facts(plan: &Plan, test: FactTest, drive: Option<Drive>) -> Filter {
    Filter::Facts(FactFilter {
        params: plan.sources.iter().map(|source| source.id).collect(),
        test,
        drive,
    })
}
