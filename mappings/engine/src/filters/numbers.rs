// SPDX-License-Identifier: Apache-2.0
//! Numbers that keep their digits, and exact decimal arithmetic.

use std::borrow::Cow;
use std::cmp::Ordering;

use rust_decimal::{Decimal, RoundingStrategy};

use super::args::{Args, Making};
use super::texts::ascii_digit;
use super::{Made, Op};
use crate::expression::compare::compare_plain;
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Ex, Stop};
use crate::language::yaml::is_number;

pub(crate) const NAMES: &[&str] = &[
    "decimal",
    "int",
    "add",
    "sub",
    "mul",
    "div",
    "round",
    "convert",
    "between",
    "strip_zeros",
    "is_number",
];

pub(crate) enum NumberOp {
    /// Whether a comma is the decimal point.
    Decimal(bool),
    Int,
    Arithmetic(Arithmetic, Ex),
    Round(u32),
    /// `value * factor + offset`, the factor as a fraction, then rounded.
    Convert(Conversion, u32),
    Between(Ex, Ex),
    /// Zeros at the end of the fraction go.
    StripZeros,
    IsNumber(bool),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

pub(crate) fn make(name: &str, args: &mut Args, _: &mut Making<'_>) -> Made {
    let mut ty = Type::Number;
    let op = match name {
        "decimal" => NumberOp::Decimal(args.flag("comma", false)),
        "int" => NumberOp::Int,
        "add" => NumberOp::Arithmetic(Arithmetic::Add, args.ex("number")?.ex),
        "sub" => NumberOp::Arithmetic(Arithmetic::Sub, args.ex("number")?.ex),
        "mul" => NumberOp::Arithmetic(Arithmetic::Mul, args.ex("number")?.ex),
        "div" => NumberOp::Arithmetic(Arithmetic::Div, args.ex("number")?.ex),
        "round" => NumberOp::Round(places(args, 0)),
        "convert" => {
            let (from, to) = (args.text("from")?, args.text("to")?);
            let places = places(args, 1);
            match Conversion::between(&from, &to) {
                Some(conversion) => NumberOp::Convert(conversion, places),
                None => {
                    args.fault(None, format!("there is no conversion from {from} to {to}"));
                    return None;
                }
            }
        }
        "between" => NumberOp::Between(args.ex("low")?.ex, args.ex("high")?.ex),
        "strip_zeros" => NumberOp::StripZeros,
        _ => {
            ty = Type::Bool;
            NumberOp::IsNumber(args.flag("comma", false))
        }
    };
    Some((Op::Number(op), ty))
}

fn places(args: &mut Args, default: u32) -> u32 {
    args.opt_int("places", 0..13)
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(default)
}

impl NumberOp {
    pub fn is_predicate(&self) -> bool {
        matches!(self, Self::IsNumber(_))
    }

    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        match self {
            Self::Arithmetic(_, ex) => visit(ex),
            Self::Between(low, high) => {
                visit(low);
                visit(high);
            }
            _ => {}
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: Val<'a>) -> Eval<'a> {
        let comma = matches!(self, Self::Decimal(true) | Self::IsNumber(true));
        let number = number_of(&value, comma)?;
        if let Self::IsNumber(_) = self {
            return Ok(Val::Bool(number.is_some()));
        }
        let Some(number) = number else {
            env.warn("MAP1008", column);
            return Ok(Val::Null);
        };
        match self {
            Self::Decimal(_) => Ok(Val::Num(Cow::Owned(number.into_owned()))),
            Self::StripZeros => Ok(Val::text_number(strip_zeros(&number).to_owned())),
            Self::Int => match whole(&number) {
                Some(i) => Ok(Val::Int(i)),
                None => {
                    env.warn("MAP1008", column);
                    Ok(Val::Null)
                }
            },
            Self::Between(low, high) => {
                let within = at_least(&env.eval(low)?, &number, Ordering::Less)?
                    && at_least(&env.eval(high)?, &number, Ordering::Greater)?;
                if within {
                    return Ok(value);
                }
                env.warn("MAP1019", column);
                Ok(Val::Null)
            }
            _ => {
                let result = match self {
                    Self::Arithmetic(op, other) => match env.eval(other)? {
                        Val::Null => return Ok(Val::Null),
                        other => {
                            let other = number_of(&other, false)?
                                .ok_or(Stop::Wrong("the argument is not a number"))?;
                            arithmetic(*op, &number, &other)
                        }
                    },
                    Self::Round(places) => exact(&number).map(|d| rounded(d, *places)),
                    Self::Convert(conversion, places) => {
                        exact(&number).and_then(|d| conversion.apply(d, *places))
                    }
                    _ => None,
                };
                match result {
                    Some(result) => Ok(Val::text_number(result.to_string())),
                    None => {
                        env.warn("MAP1020", column);
                        Ok(Val::Null)
                    }
                }
            }
        }
    }
}

impl<'a> Val<'a> {
    /// A number from its digits.
    pub fn text_number(digits: impl Into<Cow<'a, str>>) -> Self {
        Self::Num(digits.into())
    }
}

/// Whether the bound is a number on the right side of `number`: `wrong` is the order that excludes it.
fn at_least(bound: &Val<'_>, number: &str, wrong: Ordering) -> Result<bool, Stop> {
    if bound.is_null() {
        return Ok(true);
    }
    let bound = number_of(bound, false)?.ok_or(Stop::Wrong("a bound is not a number"))?;
    Ok(compare_plain(number, &bound) != wrong)
}

/// The digits of a number, or of a text that is one; `Ok(None)` when the text is none.
pub(crate) fn number_of<'v>(value: &'v Val<'_>, comma: bool) -> Result<Option<Cow<'v, str>>, Stop> {
    match value {
        Val::Int(i) => Ok(Some(i.to_string().into())),
        Val::Num(n) => Ok(Some(Cow::Borrowed(n))),
        Val::Bool(b) => Ok(Some(if *b { "1" } else { "0" }.into())),
        Val::Text(t) => Ok(read_number(t, comma)),
        _ => Err(Stop::Wrong("this filter needs a number or a text")),
    }
}

/// A text as a number in plain notation, its digits kept: `+`, leading zeros and spaces go, a bare point
/// gets its zero, digits of other scripts become ASCII.
pub(crate) fn read_number(text: &str, comma: bool) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if is_number(text) {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            ',' if comma => plain.push('.'),
            '\u{66b}' => plain.push('.'),
            '\u{2212}' => plain.push('-'),
            c => plain.push(ascii_digit(c).unwrap_or(c)),
        }
    }
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let significant = digits.trim_start_matches('0');
    let lead = if significant.is_empty() || significant.starts_with('.') {
        "0"
    } else {
        ""
    };
    let number = format!("{sign}{lead}{significant}");
    let had_digit = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    (had_digit && digits != "." && is_number(&number)).then_some(Cow::Owned(number))
}

/// A number without a fraction (or with a fraction of zeros) as an integer.
fn whole(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    fraction
        .bytes()
        .all(|b| b == b'0')
        .then(|| whole.parse().ok())
        .flatten()
}

/// The number without the zeros that end its fraction: those that a column pads every value with.
fn strip_zeros(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

fn exact(number: &str) -> Option<Decimal> {
    Decimal::from_str_exact(number).ok()
}

fn arithmetic(op: Arithmetic, a: &str, b: &str) -> Option<Decimal> {
    let (a, b) = (exact(a)?, exact(b)?);
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Sub => a.checked_sub(b),
        Arithmetic::Mul => a.checked_mul(b),
        Arithmetic::Div => a.checked_div(b),
    }
}

/// Exactly `places` decimals, halves away from zero.
fn rounded(value: Decimal, places: u32) -> Decimal {
    let mut value = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    value.rescale(places);
    value
}

/// A linear conversion: `(value - before) * numerator / denominator`.
pub(crate) struct Conversion {
    before: Decimal,
    numerator: Decimal,
    denominator: Decimal,
    after: Decimal,
}

/// Units by what one of them is in the base unit of its kind, as numerator and denominator.
const UNITS: &[(&str, &str, i64, i64)] = &[
    ("m", "length", 100, 1),
    ("cm", "length", 1, 1),
    ("mm", "length", 1, 10),
    ("[ft_i]", "length", 3048, 100),
    ("[in_i]", "length", 254, 100),
    ("kg", "mass", 1000, 1),
    ("g", "mass", 1, 1),
    ("[lb_av]", "mass", 45_359_237, 100_000),
];

impl Conversion {
    fn between(from: &str, to: &str) -> Option<Self> {
        let linear = |before: i64, numerator: i64, denominator: i64, after: i64| Self {
            before: before.into(),
            numerator: numerator.into(),
            denominator: denominator.into(),
            after: after.into(),
        };
        match (from, to) {
            ("[degF]", "Cel") => return Some(linear(32, 5, 9, 0)),
            ("Cel", "[degF]") => return Some(linear(0, 9, 5, 32)),
            _ => {}
        }
        let find = |unit: &str| UNITS.iter().find(|u| u.0 == unit);
        let (from, to) = (find(from)?, find(to)?);
        (from.1 == to.1).then(|| linear(0, from.2 * to.3, from.3 * to.2, 0))
    }

    fn apply(&self, value: Decimal, places: u32) -> Option<Decimal> {
        let value = value
            .checked_sub(self.before)?
            .checked_mul(self.numerator)?
            .checked_div(self.denominator)?
            .checked_add(self.after)?;
        Some(rounded(value, places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_written() {
        for (text, comma, expect) in [
            ("7.10", false, Some("7.10")),
            (" 007 ", false, Some("7")),
            ("+.50", false, Some("0.50")),
            ("-0", false, Some("-0")),
            ("000", false, Some("0")),
            ("7,10", true, Some("7.10")),
            ("7,10", false, None),
            ("1,234.5", true, None),
            ("٧٫٥", false, Some("7.5")),
            ("1e5", false, None),
            (".", false, None),
            ("-", false, None),
            ("", false, None),
            ("7.", false, None),
            ("> 400", false, None),
        ] {
            assert_eq!(read_number(text, comma).as_deref(), expect, "{text:?}");
        }
    }

    #[test]
    fn arithmetic_is_exact_and_refuses_what_it_cannot_hold() {
        let calc = |op, a, b| arithmetic(op, a, b).map(|d| d.to_string());
        assert_eq!(
            calc(Arithmetic::Add, "0.10", "0.2").as_deref(),
            Some("0.30")
        );
        assert_eq!(calc(Arithmetic::Sub, "98.6", "32").as_deref(), Some("66.6"));
        assert_eq!(calc(Arithmetic::Mul, "7.10", "2").as_deref(), Some("14.20"));
        assert_eq!(calc(Arithmetic::Div, "1", "8").as_deref(), Some("0.125"));
        assert_eq!(calc(Arithmetic::Div, "1", "0"), None);
        let long = "9".repeat(40);
        assert_eq!(calc(Arithmetic::Add, &long, "1"), None);
    }

    #[test]
    fn rounding_gives_exactly_the_places_asked_for() {
        let round = |n: &str, p| rounded(exact(n).expect("a number"), p).to_string();
        assert_eq!(round("36.65", 1), "36.7");
        assert_eq!(round("-36.65", 1), "-36.7");
        assert_eq!(round("37", 1), "37.0");
        assert_eq!(round("152.4", 0), "152");
    }

    #[test]
    fn only_the_zeros_that_end_a_fraction_are_stripped() {
        for (number, expect) in [
            ("102.0000", "102"),
            ("7.1000", "7.1"),
            ("7.0101", "7.0101"),
            ("100", "100"),
            ("0.0000", "0"),
            ("-0.50", "-0.5"),
        ] {
            assert_eq!(strip_zeros(number), expect, "{number}");
        }
    }

    #[test]
    fn units_convert_both_ways() {
        for (from, to, value, places, expect) in [
            ("[degF]", "Cel", "98.6", 1, "37.0"),
            ("Cel", "[degF]", "37", 1, "98.6"),
            ("[ft_i]", "cm", "5.5", 0, "168"),
            ("[in_i]", "m", "70", 2, "1.78"),
            ("[lb_av]", "kg", "150", 1, "68.0"),
            ("kg", "g", "0.35", 0, "350"),
        ] {
            let got = Conversion::between(from, to)
                .and_then(|c| c.apply(exact(value)?, places))
                .map(|d| d.to_string());
            assert_eq!(got.as_deref(), Some(expect), "{value} {from}");
        }
        assert!(Conversion::between("kg", "cm").is_none());
    }
}
