// SPDX-License-Identifier: Apache-2.0
//! What a search for provenances asks for.

use super::super::asked::Asked;
use crate::author::provenance::TYPE;
use crate::refusal::{Refusal, shown};
use crate::search::parameters::malformed;
use crate::search::query::{GREATEST_COUNT, USUAL_COUNT};
use crate::search::range::DateTest;
use crate::search::value::{ReferenceTest, split, unescape};

/// A search for provenances.
#[derive(Default)]
pub struct Wish {
    pub ids: Option<Vec<String>>,
    pub targets: Vec<Vec<Target>>,
    pub times: Vec<Vec<DateTest>>,
    pub count: usize,
    pub count_only: bool,
    pub no_total: bool,
    pub page: Option<String>,
    pub ignored: Vec<Refusal>,
    pub used: Vec<(String, String)>,
}

/// One thing that a provenance may tell of.
pub struct Target {
    pub kind: Option<String>,
    pub id: String,
    pub version: Option<i64>,
}

impl Wish {
    /// Reads the pairs of a query.
    pub fn parse(pairs: &[(String, String)], asked: &Asked) -> Result<Self, Refusal> {
        let mut wish = Self {
            count: USUAL_COUNT,
            ..Self::default()
        };
        for (name, value) in pairs {
            match wish.pair(name, value, asked) {
                Ok(true) => wish.used.push((name.clone(), value.clone())),
                Ok(false) => {}
                Err(refusal @ Refusal::UnknownParameter { .. }) if asked.lenient => {
                    wish.ignored.push(refusal);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(wish)
    }

    fn pair(&mut self, name: &str, value: &str, asked: &Asked) -> Result<bool, Refusal> {
        match name {
            "_format" | "_pretty" | "_totalMethod" => return Ok(false),
            "_page" => {
                self.page = Some(value.to_owned());
                return Ok(false);
            }
            "_count" => {
                let count: usize = value
                    .parse()
                    .map_err(|_| malformed("_count", "a whole number, 0 or more"))?;
                self.count = count.min(GREATEST_COUNT);
                self.count_only = count == 0;
            }
            "_summary" if value == "count" => self.count_only = true,
            "_summary" if value == "false" => {}
            "_total" => match value {
                "none" => self.no_total = true,
                "estimate" | "accurate" => {}
                _ => return Err(malformed(name, "none, estimate or accurate")),
            },
            "_id" => {
                let ids = split(value, ',').iter().map(|id| unescape(id)).collect();
                self.ids = Some(ids);
            }
            "recorded" | "_lastUpdated" => {
                let tests: Option<Vec<_>> = split(value, ',')
                    .iter()
                    .map(|text| DateTest::parse(text, 0))
                    .collect();
                self.times.push(tests.ok_or(malformed(name, "a date"))?);
            }
            "target" | "patient" => self.targets.push(targets(name, value, None, asked)?),
            _ => match name.split_once(':') {
                Some((code @ ("target" | "patient"), kind)) => {
                    self.targets.push(targets(code, value, Some(kind), asked)?);
                }
                _ => {
                    return Err(Refusal::UnknownParameter {
                        parameter: shown(name),
                        resource_type: TYPE.to_owned(),
                    });
                }
            },
        }
        Ok(true)
    }
}

fn targets(
    name: &str,
    value: &str,
    kind: Option<&str>,
    asked: &Asked,
) -> Result<Vec<Target>, Refusal> {
    let kind = kind.or((name == "patient").then_some("Patient"));
    let bad = || malformed(name, "Type/id, id, or Type/id/_history/version");
    let mut targets = Vec::new();
    for text in split(value, ',') {
        let text = unescape(&text);
        let version = match text.split_once("/_history/") {
            None => None,
            Some((_, version)) => Some(version.parse().map_err(|_| bad())?),
        };
        let (own, id) = match ReferenceTest::parse(&text, &asked.base).ok_or_else(bad)? {
            ReferenceTest::Typed(own, id) => (Some(own), id),
            ReferenceTest::Id(id) => (kind.map(str::to_owned), id),
            ReferenceTest::Url(_) => continue,
        };
        if kind.is_none_or(|kind| own.as_deref() == Some(kind)) {
            targets.push(Target {
                kind: own,
                id,
                version,
            });
        }
    }
    Ok(targets)
}
