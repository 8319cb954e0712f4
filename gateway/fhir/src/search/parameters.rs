// SPDX-License-Identifier: Apache-2.0
//! From one pair of a query to filters: the parameter, its modifier, its values.

use silsila_schema::search::{Kind, normalize};

use super::filter::{self, Chained, FactTest, Filter};
use super::query::Context;
use super::range::{DateTest, NumberTest, QuantityTest};
use super::value::{ReferenceTest, TokenTest, split, unescape};
use crate::index::plan::{self, Only, Plan, TypePlan};
use crate::refusal::{Refusal, shown};

/// The most values of one parameter.
const GREATEST_VALUES: usize = 500;

/// A reference by id alone is looked for under each of its types; under all that exist here where the
/// definition allows more types than this.
const FEW_TARGETS: usize = 16;

/// A value that does not fit.
pub fn malformed(parameter: &str, expected: &'static str) -> Refusal {
    Refusal::MalformedValue {
        parameter: shown(parameter),
        expected,
    }
}

/// A value that is not served.
pub fn unsupported(parameter: &str, expected: &'static str) -> Refusal {
    Refusal::UnsupportedValue {
        parameter: shown(parameter),
        expected,
    }
}

/// The filters of one pair.
pub fn filters(
    plan: &'static TypePlan,
    name: &str,
    value: &str,
    cx: &Context<'_>,
) -> Result<Vec<Filter>, Refusal> {
    if let Some((reference, inner)) = name.split_once('.') {
        return Ok(vec![chained(plan, name, reference, inner, value, cx)?]);
    }
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if modifier.is_none() {
        match code {
            "_id" => return Ok(vec![Filter::Ids(values(name, value)?)]),
            "_lastUpdated" => return Ok(vec![Filter::Updated(dates(name, value, cx)?)]),
            _ => {}
        }
    } else if matches!(code, "_id" | "_lastUpdated") {
        return Err(unknown_modifier(name));
    }
    let own = plan.param(code).ok_or_else(|| Refusal::UnknownParameter {
        parameter: shown(name),
        resource_type: plan.name.to_owned(),
    })?;
    if modifier == Some("missing") {
        let missing = match value {
            "true" => true,
            "false" => false,
            _ => return Err(malformed(name, "true or false")),
        };
        return Ok(vec![Filter::Missing {
            bit: own.bit,
            missing,
        }]);
    }
    of_kind(plan, own, name, modifier, value, cx)
}

fn of_kind(
    plan: &TypePlan,
    own: &Plan,
    name: &str,
    modifier: Option<&str>,
    value: &str,
    cx: &Context<'_>,
) -> Result<Vec<Filter>, Refusal> {
    match (own.param.kind, modifier) {
        (Kind::Token, None | Some("not")) => {
            let tests = read(name, value, "code, system|code, |code or system|", |text| {
                TokenTest::parse(text)
            })?;
            let negated = modifier.is_some();
            Ok(vec![filter::tokens(cx.keyed, plan, own, &tests, negated)])
        }
        (Kind::String, None | Some("exact" | "contains")) => {
            let texts = values(name, value)?;
            if texts.iter().any(|text| normalize(text).is_empty()) {
                return Err(malformed(name, "a text with letters or digits"));
            }
            Ok(filter::texts(own, &texts, modifier))
        }
        (Kind::Date, None) => Ok(vec![filter::dates(own, dates(name, value, cx)?)]),
        (Kind::Reference, Some("identifier")) => {
            let expected = "value, system|value or |value";
            let tests = read(name, value, expected, |text| {
                TokenTest::parse(text).filter(|test| test.code.is_some())
            })?;
            Ok(vec![filter::reference_identifiers(
                cx.keyed, plan, own, &tests,
            )])
        }
        (Kind::Reference, kind) => reference(plan, own, name, kind, value, cx),
        (Kind::Quantity, None) => {
            let expected = "a number, number||unit or number|system|code";
            let tests = read(name, value, expected, QuantityTest::parse)?;
            Ok(vec![filter::facts(own, FactTest::Quantity(tests), None)])
        }
        (Kind::Number, None) => {
            let tests = read(name, value, "a number", |text| {
                NumberTest::parse(&unescape(text))
            })?;
            Ok(vec![filter::facts(own, FactTest::Number(tests), None)])
        }
        (Kind::Uri, None) => Ok(vec![filter::uris(
            cx.keyed,
            plan,
            own,
            &values(name, value)?,
        )]),
        _ => Err(unknown_modifier(name)),
    }
}

fn reference(
    plan: &TypePlan,
    own: &Plan,
    name: &str,
    kind: Option<&str>,
    value: &str,
    cx: &Context<'_>,
) -> Result<Vec<Filter>, Refusal> {
    if kind.is_some_and(|kind| plan::of_type(kind).is_none()) {
        return Err(unknown_modifier(name));
    }
    let expected = "Type/id, id or an absolute URL";
    let tests = read(name, value, expected, |text| {
        let test = ReferenceTest::parse(&unescape(text), cx.base)?;
        Some(match (kind, test) {
            (Some(kind), ReferenceTest::Id(id)) => ReferenceTest::Typed(kind.to_owned(), id),
            (Some(kind), ReferenceTest::Typed(other, _)) if kind != other => return None,
            (_, test) => test,
        })
    })?;
    let targets = &own.param.targets;
    let kinds: Vec<_> = if (1..=FEW_TARGETS).contains(&targets.len()) {
        targets.clone()
    } else {
        let possible = |kind: &&str| targets.is_empty() || targets.contains(kind);
        (cx.kinds)()?.into_iter().filter(possible).collect()
    };
    Ok(vec![filter::references(
        cx.keyed, plan, own, &tests, &kinds,
    )])
}

/// `patient.identifier=...` or `subject:Patient.name=...`: one step, to a type that is certain.
fn chained(
    plan: &'static TypePlan,
    name: &str,
    reference: &str,
    inner: &str,
    value: &str,
    cx: &Context<'_>,
) -> Result<Filter, Refusal> {
    let (code, kind) = match reference.split_once(':') {
        Some((code, kind)) => (code, Some(kind)),
        None => (reference, None),
    };
    let unknown = || Refusal::UnknownParameter {
        parameter: shown(name),
        resource_type: plan.name.to_owned(),
    };
    let own = plan
        .param(code)
        .filter(|own| own.param.kind == Kind::Reference)
        .ok_or_else(unknown)?;
    let fixed = own.sources.iter().find_map(|source| match source.only {
        Only::Target(target) => Some(target),
        _ => None,
    });
    let only = match &own.param.targets[..] {
        [only] => Some(*only),
        _ => None,
    };
    let target = kind.or(fixed).or(only).ok_or(unsupported(
        name,
        "write the type, as in subject:Patient.name",
    ))?;
    let target = plan::of_type(target).ok_or_else(unknown)?;
    if inner.contains('.') {
        return Err(unsupported(name, "one step of chaining"));
    }
    let mut filters = filters(target, inner, value, cx).map_err(|refusal| match refusal {
        Refusal::MalformedValue { expected, .. } => malformed(name, expected),
        other => other,
    })?;
    if filters.len() != 1 {
        return Err(unsupported(name, "modifiers other than :exact"));
    }
    let filter = filters.pop().ok_or_else(unknown)?;
    Ok(Filter::Chained(Box::new(Chained {
        target,
        filter,
        through: own.sources.iter().map(|source| source.code).collect(),
        from: plan.name,
    })))
}

fn unknown_modifier(name: &str) -> Refusal {
    Refusal::UnknownModifier {
        parameter: shown(name),
    }
}

fn dates(name: &str, value: &str, cx: &Context<'_>) -> Result<Vec<DateTest>, Refusal> {
    let expected = "a date such as 2024, 2024-05 or ge2024-05-30, or a time with its zone";
    read(name, value, expected, |text| {
        DateTest::parse(&unescape(text), cx.now_ms)
    })
}

fn values(name: &str, value: &str) -> Result<Vec<String>, Refusal> {
    read(name, value, "a value, or several with commas", |text| {
        (!text.is_empty()).then(|| unescape(text))
    })
}

/// The values of a parameter between commas, each read by `parse`.
fn read<T>(
    name: &str,
    value: &str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let parts = split(value, ',');
    if parts.len() > GREATEST_VALUES {
        return Err(Refusal::TooLarge);
    }
    parts
        .iter()
        .map(|text| parse(text).ok_or_else(|| malformed(name, expected)))
        .collect()
}
