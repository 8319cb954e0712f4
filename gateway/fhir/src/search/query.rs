// SPDX-License-Identifier: Apache-2.0
//! From the pairs of a query to filters and the shape of the answer. What is not understood is refused,
//! or under `Prefer: handling=lenient` left out and named.

use silsila_schema::search::{Kind, normalize};

use super::filter::{self, Chained, FactTest, Filter};
use super::value::{
    DateTest, NumberTest, QuantityTest, ReferenceTest, TokenTest, is_id, split, unescape,
};
use crate::index::key::Keyed;
use crate::index::plan::{self, Only, Plan, TypePlan};
use crate::refusal::{Refusal, shown};

/// Entries on a page when the client does not say.
pub const USUAL_COUNT: usize = 50;
/// The most entries on a page.
pub const GREATEST_COUNT: usize = 1_000;
/// The most values of one parameter.
const GREATEST_VALUES: usize = 500;

/// A reference by id alone is looked for under each of its types; under all that exist here where the
/// definition allows more types than this.
const FEW_TARGETS: usize = 16;

/// Presentation parameters that are understood elsewhere or change nothing.
const IGNORED: [&str; 3] = ["_pretty", "_format", "_totalMethod"];

/// A query that was understood.
#[derive(Debug)]
pub struct Query {
    /// The type searched.
    pub plan: &'static TypePlan,
    /// What a resource must satisfy.
    pub filters: Vec<Filter>,
    /// The order.
    pub sort: Vec<SortKey>,
    /// Entries on a page.
    pub count: usize,
    /// Whether the total is wanted.
    pub total: TotalMode,
    /// Only the total is wanted.
    pub count_only: bool,
    /// Members to show, where not all.
    pub elements: Option<Vec<String>>,
    /// Whether each match comes with its provenance.
    pub provenance: bool,
    /// The page token.
    pub page: Option<String>,
    /// Parameters that were left out under lenient handling.
    pub ignored: Vec<Refusal>,
    /// The pairs that were used, for the links.
    pub used: Vec<(String, String)>,
}

/// Whether the total is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalMode {
    /// When it is not dear.
    Usual,
    /// Never.
    None,
    /// Always.
    Accurate,
}

/// One key of the order.
#[derive(Debug, Clone)]
pub struct SortKey {
    /// Greatest first.
    pub descending: bool,
    /// What is compared.
    pub by: SortBy,
}

/// What is compared.
#[derive(Debug, Clone)]
pub enum SortBy {
    /// The time of the commit.
    Updated,
    /// The logical id.
    Id,
    /// The facts of these parameters.
    Facts(Vec<u16>),
    /// The tokens, references or URIs of this parameter, read from the body.
    Body(&'static str),
}

/// What a query is read against.
pub struct Context<'a> {
    /// Makes terms.
    pub keyed: &'a Keyed,
    /// The base of our own URLs.
    pub base: &'a str,
    /// The time, for approximate dates.
    pub now_ms: i64,
    /// Whether unknown parameters are left out.
    pub lenient: bool,
    /// The types of which there are resources, for references by id alone.
    pub kinds: &'a dyn Fn() -> Result<Vec<&'static str>, Refusal>,
}

impl Query {
    /// Reads the pairs of a query.
    pub fn parse(
        plan: &'static TypePlan,
        pairs: &[(String, String)],
        cx: &Context<'_>,
    ) -> Result<Self, Refusal> {
        let mut query = Self {
            plan,
            filters: Vec::new(),
            sort: Vec::new(),
            count: USUAL_COUNT,
            total: TotalMode::Usual,
            count_only: false,
            elements: None,
            provenance: false,
            page: None,
            ignored: Vec::new(),
            used: Vec::new(),
        };
        for (name, value) in pairs {
            match query.pair(name, value, cx) {
                Ok(true) => query.used.push((name.clone(), value.clone())),
                Ok(false) => {}
                Err(refusal) if cx.lenient && can_be_left_out(&refusal) => {
                    query.ignored.push(refusal);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(query)
    }

    /// Takes one pair; says whether it belongs into links.
    fn pair(&mut self, name: &str, value: &str, cx: &Context<'_>) -> Result<bool, Refusal> {
        match name {
            _ if IGNORED.contains(&name) => return Ok(false),
            "_page" => {
                self.page = Some(value.to_owned());
                return Ok(false);
            }
            "_count" => self.set_count(value)?,
            "_total" => {
                self.total = match value {
                    "none" => TotalMode::None,
                    "estimate" | "accurate" => TotalMode::Accurate,
                    _ => return Err(malformed(name, "none, estimate or accurate")),
                }
            }
            "_summary" => match value {
                "count" => self.count_only = true,
                "false" => self.count_only = false,
                _ => return Err(unsupported(name, "count or false")),
            },
            "_elements" => self.elements = Some(elements(value)?),
            "_sort" => self.sort = sort_keys(self.plan, value)?,
            "_revinclude" => match value {
                "Provenance:target" => self.provenance = true,
                _ => return Err(unsupported(name, "Provenance:target")),
            },
            "_include"
            | "_contained"
            | "_containedType"
            | "_include:iterate"
            | "_revinclude:iterate" => {
                return Err(unsupported(name, "not supported in this version"));
            }
            _ => {
                let filters = filters(self.plan, name, value, cx)?;
                self.filters.extend(filters);
            }
        }
        Ok(true)
    }

    fn set_count(&mut self, value: &str) -> Result<(), Refusal> {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(malformed("_count", "a whole number, 0 or more"));
        }
        // More digits than fit are simply more than the greatest page.
        let count = value.parse().unwrap_or(GREATEST_COUNT);
        self.count = count.min(GREATEST_COUNT);
        self.count_only = self.count == 0;
        Ok(())
    }

    /// Whether the order is that of the commits, and if so whether the newest comes first.
    pub fn commit_order(&self) -> Option<bool> {
        match self.sort.first() {
            None => Some(true),
            Some(SortKey {
                descending,
                by: SortBy::Updated,
            }) => Some(*descending),
            Some(_) => None,
        }
    }
}

fn can_be_left_out(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::UnknownParameter { .. }
            | Refusal::UnknownModifier { .. }
            | Refusal::UnsupportedValue { .. }
    )
}

/// A value that does not fit.
pub fn malformed(parameter: &str, expected: &'static str) -> Refusal {
    Refusal::MalformedValue {
        parameter: shown(parameter),
        expected,
    }
}

fn unsupported(parameter: &str, expected: &'static str) -> Refusal {
    Refusal::UnsupportedValue {
        parameter: shown(parameter),
        expected,
    }
}

fn elements(value: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<_> = value
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    let fits = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if names.iter().all(fits) {
        Ok(names)
    } else {
        Err(malformed("_elements", "names of elements, with commas"))
    }
}

fn sort_keys(plan: &TypePlan, value: &str) -> Result<Vec<SortKey>, Refusal> {
    value
        .split(',')
        .map(|key| {
            let (descending, code) = match key.strip_prefix('-') {
                Some(code) => (true, code),
                None => (false, key),
            };
            let by = match code {
                "_lastUpdated" => SortBy::Updated,
                "_id" => SortBy::Id,
                "" => {
                    return Err(malformed(
                        "_sort",
                        "names of search parameters, with commas",
                    ));
                }
                _ => sort_by(plan, code)?,
            };
            Ok(SortKey { descending, by })
        })
        .collect()
}

fn sort_by(plan: &TypePlan, code: &str) -> Result<SortBy, Refusal> {
    let own = plan
        .param(code)
        .ok_or(unsupported("_sort", "search parameters of this type"))?;
    Ok(match own.param.kind {
        Kind::Date | Kind::String | Kind::Number | Kind::Quantity => {
            SortBy::Facts(own.sources.iter().map(|source| source.id).collect())
        }
        Kind::Token | Kind::Reference | Kind::Uri => SortBy::Body(own.param.code),
    })
}

/// The filters of one pair.
fn filters(
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

/// Ids of a query that can be ids at all.
pub fn possible_ids(ids: &[String]) -> impl Iterator<Item = &str> {
    ids.iter().map(String::as_str).filter(|id| is_id(id))
}
