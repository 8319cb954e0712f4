// SPDX-License-Identifier: Apache-2.0
//! The index rows of one version, from its body. Pure: the same body gives the same rows, so that they
//! can be taken out again after the version was replaced.

use silsila_schema::Json;
use silsila_schema::search::{IndexValue, ReferenceValue, extract, normalize};

use super::facts::{Writer, cut_to};
use super::key::{Keyed, param_number, range_key};
use super::plan::{self, Plan, TypePlan};

/// How much of a text the index row holds; the facts hold the rest.
pub const TEXT_BYTES: usize = 24;

/// How much of each name a pair holds.
pub const PAIR_BYTES: usize = 20;
/// More pairs than this are not written.
const MOST_PAIRS: usize = 16;
/// Written instead of them; before every text.
pub const MANY_PAIRS: &str = "\u{0}";
/// Stands between the names of a pair, before every letter.
pub const BETWEEN: char = '\u{1}';

/// A pair as one text.
pub fn joined(family: &str, given: &str) -> String {
    format!("{family}{BETWEEN}{given}")
}

/// What a body says about itself and how it is found.
pub struct Rows {
    /// Its type.
    pub plan: &'static TypePlan,
    /// Its id.
    pub id: Box<str>,
    /// Which parameters have a value.
    pub present: i64,
    /// Terms with the system of a token.
    pub terms: Vec<(i64, Option<Box<str>>)>,
    /// Range keys.
    pub ranges: Vec<i64>,
    /// Parameter numbers and beginnings of normalized texts.
    pub texts: Vec<(i64, Box<str>)>,
    /// The facts.
    pub facts: Vec<u8>,
}

/// Why a body cannot be indexed. Says nothing of its content.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("a committed body is not a FHIR resource with a known type and an id")]
pub struct NotAResource;

impl Rows {
    /// Reads a body.
    pub fn of(body: &[u8], keyed: &Keyed) -> Result<Self, NotAResource> {
        let json = Json::parse(body).map_err(|_| NotAResource)?;
        let text = |member| json.get(member).and_then(Json::as_str).ok_or(NotAResource);
        let plan = plan::of_type(text("resourceType")?).ok_or(NotAResource)?;
        let mut collector = Collector::new(plan, keyed);
        extract(&json, &mut |param, value| {
            if let Some(own) = plan.param_by_id(param.id) {
                collector.add(own, &value);
            }
        });
        Ok(collector.finish(text("id")?.into()))
    }
}

struct Collector<'k> {
    plan: &'static TypePlan,
    keyed: &'k Keyed,
    present: i64,
    terms: Vec<(i64, Option<Box<str>>)>,
    ranges: Vec<i64>,
    texts: Vec<(u16, String)>,
    facts: Writer,
}

impl<'k> Collector<'k> {
    fn new(plan: &'static TypePlan, keyed: &'k Keyed) -> Self {
        Self {
            plan,
            keyed,
            present: 0,
            terms: vec![(keyed.of_type(plan.name), None)],
            ranges: Vec::new(),
            texts: Vec::new(),
            facts: Writer::default(),
        }
    }

    fn add(&mut self, own: &Plan, value: &IndexValue<'_>) {
        self.present |= 1 << own.bit;
        if !own.written {
            return;
        }
        let id = own.param.id;
        match *value {
            IndexValue::Token { system, code, .. } => self.token(own.param.code, system, code),
            IndexValue::String(text) => self.texts.push((id, normalize(text))),
            IndexValue::Date { lo_ms, hi_ms } => {
                let number = param_number(self.plan.number, id);
                self.ranges.push(range_key(number, lo_ms, hi_ms));
                self.facts.date(id, lo_ms, hi_ms);
            }
            IndexValue::Reference(reference) => self.reference(own.param.code, reference),
            IndexValue::Quantity {
                lo,
                hi,
                system,
                code,
                unit,
                ..
            } => self.facts.quantity(id, (lo, hi), [system, code, unit]),
            IndexValue::Number { lo, hi, .. } => self.facts.number(id, lo, hi),
            IndexValue::Uri(uri) => {
                let term = self.keyed.of_uri(self.plan.name, own.param.code, uri);
                self.terms.push((term, None));
            }
        }
    }

    fn token(&mut self, param: &str, system: Option<&str>, code: Option<&str>) {
        if let Some(code) = code {
            let term = self.keyed.of_code(self.plan.name, param, code);
            self.terms.push((term, system.map(Box::from)));
        }
        if let Some(system) = system
            && has_system_rows(param)
        {
            let term = self.keyed.of_system(self.plan.name, param, system);
            self.terms.push((term, None));
        }
    }

    fn reference(&mut self, param: &str, reference: ReferenceValue<'_>) {
        let name = self.plan.name;
        match reference {
            ReferenceValue::Relative { kind, id } => {
                let term = self.keyed.of_reference(name, param, kind, id);
                self.terms.push((term, None));
            }
            ReferenceValue::Absolute(url) => {
                self.terms.push((self.keyed.of_uri(name, param, url), None));
            }
            ReferenceValue::Identifier { system, value } => {
                if let Some(value) = value {
                    let term = self.keyed.of_identifier(name, param, value);
                    self.terms.push((term, system.map(Box::from)));
                }
            }
        }
    }

    fn finish(mut self, id: Box<str>) -> Rows {
        let texts = self.uncovered_texts();
        for (param, text) in &texts {
            self.facts.text(*param, text);
        }
        let pairs = self.pairs(&texts);
        let mut texts: Vec<_> = texts
            .iter()
            .map(|(param, text)| {
                let number = param_number(self.plan.number, *param);
                (number, Box::from(cut_to(text, TEXT_BYTES)))
            })
            .collect();
        texts.extend(pairs);
        sort_once(&mut texts);
        sort_once(&mut self.terms);
        sort_once(&mut self.ranges);
        Rows {
            plan: self.plan,
            id,
            present: self.present,
            terms: self.terms,
            ranges: self.ranges,
            texts,
            facts: self.facts.finish(),
        }
    }

    /// Each family name with each given name. A resource with very many is found by either alone, and
    /// marked so.
    fn pairs(&self, texts: &[(u16, String)]) -> Vec<(i64, Box<str>)> {
        let Some(pair) = self.plan.pair else {
            return Vec::new();
        };
        let of = |wanted: u16| {
            let own = texts.iter().filter(move |(param, _)| *param == wanted);
            own.map(|(_, text)| cut_to(text, PAIR_BYTES))
        };
        if of(pair.family).count() * of(pair.given).count() > MOST_PAIRS {
            return vec![(pair.number, MANY_PAIRS.into())];
        }
        of(pair.family)
            .flat_map(|family| of(pair.given).map(move |given| joined(family, given)))
            .map(|text| (pair.number, text.into()))
            .collect()
    }

    /// The texts without those that a narrower parameter already has.
    fn uncovered_texts(&mut self) -> Vec<(u16, String)> {
        let mut texts = std::mem::take(&mut self.texts);
        sort_once(&mut texts);
        let covered = |(param, text): &(u16, String)| {
            let covers = self.plan.param_by_id(*param).map(|own| &own.covered_by[..]);
            covers.unwrap_or_default().iter().any(|other| {
                texts
                    .iter()
                    .any(|(param, narrower)| param == other && narrower == text)
            })
        };
        texts
            .iter()
            .filter(|text| !covered(text))
            .cloned()
            .collect()
    }
}

/// Only an identifier's system is asked for without a value (IHE PDQm selects domains that way); for
/// other tokens it is decided from the body.
pub fn has_system_rows(param: &str) -> bool {
    param == "identifier"
}

fn sort_once<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}
