// SPDX-License-Identifier: Apache-2.0
//! Dates, numbers and quantities of a query, which compare as ranges.

use silsila_schema::search::{NumberRange, parse_date_range, parse_number_range};

use super::value::split;

/// How a date or number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Equal, to the precision given.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Less.
    Lt,
    /// Greater or equal.
    Ge,
    /// Less or equal.
    Le,
    /// Starts after.
    Sa,
    /// Ends before.
    Eb,
    /// Approximately.
    Ap,
}

impl Prefix {
    /// Splits a prefix from a value.
    pub fn split(text: &str) -> (Self, &str) {
        const PREFIXES: [(&str, Prefix); 9] = [
            ("eq", Prefix::Eq),
            ("ne", Prefix::Ne),
            ("gt", Prefix::Gt),
            ("lt", Prefix::Lt),
            ("ge", Prefix::Ge),
            ("le", Prefix::Le),
            ("sa", Prefix::Sa),
            ("eb", Prefix::Eb),
            ("ap", Prefix::Ap),
        ];
        PREFIXES
            .iter()
            .find_map(|(word, prefix)| Some((*prefix, text.strip_prefix(word)?)))
            .unwrap_or((Self::Eq, text))
    }
}

/// A date of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTest {
    /// How it is compared.
    pub prefix: Prefix,
    /// Its first millisecond.
    pub lo: i64,
    /// Its last millisecond.
    pub hi: i64,
}

impl DateTest {
    /// Reads a date. An approximate one is widened by a tenth of its distance from now, as FHIR
    /// recommends.
    pub fn parse(text: &str, now_ms: i64) -> Option<Self> {
        let (prefix, text) = Prefix::split(text);
        let (mut lo, mut hi) = parse_date_range(text)?;
        if prefix == Prefix::Ap {
            let middle = lo.midpoint(hi);
            let margin = now_ms.saturating_sub(middle).saturating_abs() / 10;
            lo = lo.saturating_sub(margin);
            hi = hi.saturating_add(margin);
        }
        Some(Self { prefix, lo, hi })
    }

    /// Whether a date of a resource from `lo` to `hi` satisfies this.
    pub fn accepts(&self, lo: i64, hi: i64) -> bool {
        let within = self.lo <= lo && hi <= self.hi;
        match self.prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => hi > self.hi,
            Prefix::Lt => lo < self.lo,
            Prefix::Ge => hi > self.hi || within,
            Prefix::Le => lo < self.lo || within,
            Prefix::Sa => lo > self.hi,
            Prefix::Eb => hi < self.lo,
            Prefix::Ap => lo <= self.hi && self.lo <= hi,
        }
    }

    /// Bounds on the begin and the end of every date that can satisfy this; none where nearly all can.
    pub fn bounds(&self) -> Option<((i64, i64), (i64, i64))> {
        const ANY: (i64, i64) = (i64::MIN, i64::MAX);
        let above = |from: i64| (from, i64::MAX);
        let below = |to: i64| (i64::MIN, to);
        match self.prefix {
            Prefix::Ne => None,
            Prefix::Eq => Some(((self.lo, self.hi), (self.lo, self.hi))),
            Prefix::Gt => Some((ANY, above(self.hi.saturating_add(1)))),
            Prefix::Ge => Some((ANY, above(self.lo))),
            Prefix::Lt => Some((below(self.lo.saturating_sub(1)), ANY)),
            Prefix::Le => Some((below(self.hi), ANY)),
            Prefix::Sa => Some((above(self.hi.saturating_add(1)), ANY)),
            Prefix::Eb => Some((ANY, below(self.lo.saturating_sub(1)))),
            Prefix::Ap => Some((below(self.hi), above(self.lo))),
        }
    }
}

/// A number of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberTest {
    prefix: Prefix,
    range: NumberRange,
}

impl NumberTest {
    /// Reads a number.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, text) = Prefix::split(text);
        let range = parse_number_range(text)?;
        Some(Self { prefix, range })
    }

    /// Whether a number of a resource, known to lie from `lo` to `hi`, satisfies this. Only `eq`, `ne`
    /// and `ap` mind the precision of the query.
    pub fn accepts(&self, lo: f64, hi: f64) -> bool {
        let NumberRange {
            exact,
            lo: from,
            hi: to,
        } = self.range;
        let within = from <= lo && (hi < to || (lo == exact && hi == exact));
        match self.prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => hi > exact,
            Prefix::Lt => lo < exact,
            Prefix::Ge => hi >= exact,
            Prefix::Le => lo <= exact,
            Prefix::Sa => lo > exact,
            Prefix::Eb => hi < exact,
            Prefix::Ap => {
                let margin = (exact.abs() / 10.0).max((to - from) / 2.0);
                lo <= exact + margin && exact - margin <= hi
            }
        }
    }
}

/// A quantity of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityTest {
    /// The number.
    pub number: NumberTest,
    /// What the unit must be.
    pub unit: UnitTest,
}

/// What a unit must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitTest {
    /// Anything.
    Any,
    /// This code or these words.
    Named(String),
    /// This code of this system.
    Coded {
        /// The system.
        system: String,
        /// The code; any of the system where absent.
        code: Option<String>,
    },
}

impl QuantityTest {
    /// Reads `number`, `number||unit` or `number|system|code`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, '|');
        if parts.len() != 1 && parts.len() != 3 {
            return None;
        }
        let number = NumberTest::parse(&parts[0])?;
        let code = (parts.len() == 3).then(|| parts.pop()).flatten();
        let system = parts.into_iter().nth(1).filter(|system| !system.is_empty());
        let code = code.filter(|code| !code.is_empty());
        let unit = match (system, code) {
            (None, None) => UnitTest::Any,
            (None, Some(code)) => UnitTest::Named(code),
            (Some(system), code) => UnitTest::Coded { system, code },
        };
        Some(Self { number, unit })
    }

    /// Whether a quantity with this unit satisfies the unit of the query.
    pub fn accepts_unit(&self, system: &str, code: &str, unit: &str) -> bool {
        match &self.unit {
            UnitTest::Any => true,
            UnitTest::Named(name) => name == code || name == unit,
            UnitTest::Coded {
                system: own,
                code: wanted,
            } => own == system && wanted.as_deref().is_none_or(|wanted| wanted == code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_compare_as_ranges() {
        let ms = |text| parse_date_range(text).unwrap();
        let cases = [
            ("eq2020-03", "2020-03-05", true),
            ("eq2020-03-05", "2020-03", false),
            ("ne2020-03", "2020-03-05", false),
            ("ne2020-03-05", "2020-03", true),
            ("gt2020-03-05", "2020-03", true),
            ("gt2020-03-05", "2020-03-05", false),
            ("gt2020-03-05", "2020-03-06", true),
            ("lt2020-03-05", "2020-03", true),
            ("lt2020-03-05", "2020-03-05", false),
            ("ge2020-03-05", "2020-03-05", true),
            ("ge2020-03-05", "2020-03-04", false),
            ("le2020-03-05", "2020-03-05", true),
            ("le2020-03-05", "2020-03-06", false),
            ("sa2020-03-05", "2020-03", false),
            ("sa2020-03-05", "2020-03-06", true),
            ("eb2020-03-05", "2020-03-04", true),
            ("eb2020-03-05", "2020", false),
            ("ap2020-03-05", "2020-03", true),
            ("2020", "2020-06-01", true),
        ];
        let now = ms("2020-04-01").0;
        for (query, value, expect) in cases {
            let test = DateTest::parse(query, now).unwrap();
            let (lo, hi) = ms(value);
            assert_eq!(test.accepts(lo, hi), expect, "{query} {value}");
            if let (true, Some((begins, ends))) = (expect, test.bounds()) {
                assert!((begins.0..=begins.1).contains(&lo), "{query} {value}");
                assert!((ends.0..=ends.1).contains(&hi), "{query} {value}");
            }
        }
        assert_eq!(DateTest::parse("2020-13", now), None);
        assert_eq!(DateTest::parse("gt", now), None);
    }

    #[test]
    fn an_approximate_date_widens_with_its_distance_from_now() {
        let now = parse_date_range("2030-01-01").unwrap().0;
        let test = DateTest::parse("ap2020-01-01", now).unwrap();
        let (lo, hi) = parse_date_range("2020-12-01").unwrap();
        assert!(test.accepts(lo, hi));
        let (lo, hi) = parse_date_range("2021-06-01").unwrap();
        assert!(!test.accepts(lo, hi));
    }

    #[test]
    fn numbers_compare_to_the_precision_given() {
        let cases = [
            ("5.4", 5.44, true),
            ("5.4", 5.36, true),
            ("5.4", 5.45, false),
            ("5.40", 5.44, false),
            ("ne5.4", 5.44, false),
            ("gt5.4", 5.44, true),
            ("gt5.4", 5.4, false),
            ("ge5.4", 5.4, true),
            ("lt5.4", 5.36, true),
            ("le5.4", 5.41, false),
            ("ap5.0", 5.4, true),
            ("ap5.0", 5.6, false),
            ("-3", -3.2, true),
        ];
        for (query, value, expect) in cases {
            let test = NumberTest::parse(query).unwrap();
            assert_eq!(test.accepts(value, value), expect, "{query} {value}");
        }
        assert_eq!(NumberTest::parse("five"), None);
    }

    #[test]
    fn quantities_mind_their_unit() {
        let unit = |text: &str, system, code, unit| {
            QuantityTest::parse(text).map(|test| test.accepts_unit(system, code, unit))
        };
        let ucum = "http://unitsofmeasure.org";
        assert_eq!(unit("5.4", ucum, "mg", "mg"), Some(true));
        assert_eq!(unit("5.4||mg", ucum, "mg", "milligram"), Some(true));
        assert_eq!(unit("5.4||milligram", ucum, "mg", "milligram"), Some(true));
        assert_eq!(unit("5.4||g", ucum, "mg", "milligram"), Some(false));
        assert_eq!(
            unit("gt5.4|http://unitsofmeasure.org|mg", ucum, "mg", ""),
            Some(true)
        );
        assert_eq!(unit("5.4|urn:other|mg", ucum, "mg", ""), Some(false));
        for malformed in ["5.4|mg", "x||mg", "5|a|b|c", ""] {
            assert_eq!(QuantityTest::parse(malformed), None, "{malformed}");
        }
    }
}
