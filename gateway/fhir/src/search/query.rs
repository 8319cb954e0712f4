// SPDX-License-Identifier: Apache-2.0
//! From the pairs of a query to filters and the shape of the answer. What is not understood is refused,
//! or under `Prefer: handling=lenient` left out and named.

use silsila_schema::search::Kind;

use super::filter::Filter;
use super::parameters::{filters, malformed, unsupported};
use crate::index::key::Keyed;
use crate::index::plan::TypePlan;
use crate::refusal::Refusal;

/// Entries on a page when the client does not say.
pub const USUAL_COUNT: usize = 50;
/// The most entries on a page.
pub const GREATEST_COUNT: usize = 1_000;
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
