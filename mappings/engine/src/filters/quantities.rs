// SPDX-License-Identifier: Apache-2.0
//! Quantities written as text, and blood pressures.

use super::args::{Args, Making};
use super::numbers::read_number;
use super::texts::ascii_digit;
use super::{Made, Op};
use crate::expression::compare::compare_plain;
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::{Record, Val};
use crate::expression::{Eval, Stop};

pub(crate) const NAMES: &[&str] = &["quantity", "is_quantity", "bp_split", "is_bp"];

pub(crate) enum QuantityOp {
    Quantity { comma: bool },
    IsQuantity { comma: bool },
    BpSplit { swap: bool },
    IsBp { partial: bool },
}

pub(crate) fn make(name: &str, args: &mut Args, _: &mut Making<'_>) -> Made {
    let (op, ty) = match name {
        "quantity" => (
            QuantityOp::Quantity {
                comma: args.flag("comma", false),
            },
            Type::record(["comparator", "value", "unit"]),
        ),
        "is_quantity" => (
            QuantityOp::IsQuantity {
                comma: args.flag("comma", false),
            },
            Type::Bool,
        ),
        "bp_split" => {
            let swap = match args.opt_text("reversed").as_deref() {
                None | Some("drop") => false,
                Some("swap") => true,
                Some(_) => {
                    args.fault(None, "`reversed` must be 'drop' or 'swap'");
                    false
                }
            };
            (
                QuantityOp::BpSplit { swap },
                Type::record(["systolic", "diastolic"]),
            )
        }
        _ => (
            QuantityOp::IsBp {
                partial: args.flag("partial", false),
            },
            Type::Bool,
        ),
    };
    Some((Op::Quantity(op), ty))
}

impl QuantityOp {
    pub fn is_predicate(&self) -> bool {
        matches!(self, Self::IsQuantity { .. } | Self::IsBp { .. })
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let text = value
            .to_text()
            .ok_or(Stop::Wrong("this filter needs a text or a number"))?;
        Ok(match self {
            Self::IsQuantity { comma } => Val::Bool(quantity(&text, *comma).is_some()),
            Self::Quantity { comma } => match quantity(&text, *comma) {
                Some(q) => q.record(),
                None => {
                    env.warn("MAP1008", column);
                    Val::Null
                }
            },
            Self::IsBp { partial } => Val::Bool(match pressures(&text) {
                Some((_, Some(_))) => true,
                Some((_, None)) => *partial,
                None => false,
            }),
            Self::BpSplit { swap } => {
                let (systolic, diastolic, sound) = split(&text, *swap);
                if !sound {
                    env.warn("MAP1011", column);
                }
                let number = |n: Option<String>| n.map_or(Val::Null, Val::text_number);
                Record::of([
                    ("systolic", number(systolic)),
                    ("diastolic", number(diastolic)),
                ])
            }
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Quantity {
    comparator: Option<&'static str>,
    value: String,
    unit: Option<String>,
}

impl Quantity {
    fn record<'a>(self) -> Val<'a> {
        Record::of([
            ("comparator", self.comparator.map_or(Val::Null, Val::text)),
            ("value", Val::text_number(self.value)),
            ("unit", self.unit.map_or(Val::Null, Val::text)),
        ])
    }
}

/// `[comparator] number [unit]`.
fn quantity(text: &str, comma: bool) -> Option<Quantity> {
    const COMPARATORS: &[(&str, &str)] = &[
        ("<=", "<="),
        (">=", ">="),
        ("=<", "<="),
        ("=>", ">="),
        ("≤", "<="),
        ("≥", ">="),
        ("<", "<"),
        (">", ">"),
    ];
    let text = text.trim();
    let found = COMPARATORS.iter().find(|(w, _)| text.starts_with(w));
    let (comparator, rest) = match found {
        Some((written, meant)) => (Some(*meant), text[written.len()..].trim_start()),
        None => (None, text),
    };
    let in_number =
        |c: char| ascii_digit(c).is_some() || matches!(c, '.' | ',' | '-' | '+' | '\u{66b}');
    let end = rest.find(|c| !in_number(c)).unwrap_or(rest.len());
    let value = read_number(&rest[..end], comma)?.into_owned();
    let unit = rest[end..].trim();
    // "3+" and "1:80" are no quantities; neither is a number glued to another.
    let sound =
        unit.is_empty() || unit.starts_with(|c: char| c.is_alphabetic() || "%[/µ°(".contains(c));
    sound.then(|| Quantity {
        comparator,
        value,
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
    })
}

/// Two numbers of two or three digits with `/`, `-` or `\` between, the second possibly missing.
fn pressures(text: &str) -> Option<(String, Option<String>)> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let text = if lower.starts_with("bp") {
        text[2..].trim_start_matches([':', ' ', '.'])
    } else {
        text
    };
    let text = text
        .strip_suffix("mmHg")
        .or_else(|| text.strip_suffix("mm Hg"))
        .or_else(|| text.strip_suffix("mmhg"))
        .unwrap_or(text);
    let (first, second) = text.split_once(['/', '-', '\\'])?;
    let first = pressure(first)?;
    match second.trim() {
        "" => Some((first, None)),
        second => Some((first, Some(pressure(second)?))),
    }
}

fn pressure(text: &str) -> Option<String> {
    let digits: Option<String> = text.trim().chars().map(ascii_digit).collect();
    digits.filter(|d| matches!(d.len(), 2 | 3) && !d.starts_with('0'))
}

/// Systolic, diastolic, and whether nothing was doubtful.
fn split(text: &str, swap: bool) -> (Option<String>, Option<String>, bool) {
    match pressures(text) {
        Some((systolic, Some(diastolic))) => {
            if compare_plain(&systolic, &diastolic).is_ge() {
                (Some(systolic), Some(diastolic), true)
            } else if swap {
                (Some(diastolic), Some(systolic), false)
            } else {
                (None, None, false)
            }
        }
        Some((systolic, None)) => (Some(systolic), None, false),
        None => (None, None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_split_and_results_in_words_are_not() {
        let q = |comparator, value: &str, unit: Option<&str>| {
            Some(Quantity {
                comparator,
                value: value.to_owned(),
                unit: unit.map(str::to_owned),
            })
        };
        for (text, comma, expect) in [
            ("> 400", false, q(Some(">"), "400", None)),
            ("7.10", false, q(None, "7.10", None)),
            ("≥5", false, q(Some(">="), "5", None)),
            ("7,8", true, q(None, "7.8", None)),
            ("7,8", false, None),
            ("12.5 g/dl", false, q(None, "12.5", Some("g/dl"))),
            ("98%", false, q(None, "98", Some("%"))),
            ("Positive", false, None),
            ("+++", false, None),
            ("3+", false, None),
            ("1:80", false, None),
            ("4-6", false, None),
            ("", false, None),
        ] {
            assert_eq!(quantity(text, comma), expect, "{text:?}");
        }
    }

    #[test]
    fn blood_pressures_are_read_in_all_their_spellings() {
        let s = |t: &str| Some(t.to_owned());
        for (text, swap, expect) in [
            ("120/80", false, (s("120"), s("80"), true)),
            ("168-108", false, (s("168"), s("108"), true)),
            ("BP: 120 / 80 mmHg", false, (s("120"), s("80"), true)),
            ("120/", false, (s("120"), None, false)),
            ("67/105", false, (None, None, false)),
            ("67/105", true, (s("105"), s("67"), false)),
            ("NA", false, (None, None, false)),
            ("1200/80", false, (None, None, false)),
            ("120/80/60", false, (None, None, false)),
        ] {
            assert_eq!(split(text, swap), expect, "{text:?}");
        }
        assert!(pressures("NA").is_none());
        assert!(pressures("120").is_none());
    }
}
