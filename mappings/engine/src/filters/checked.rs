// SPDX-License-Identifier: Apache-2.0
//! Codes that carry a check digit: LOINC and SNOMED CT. A wrong digit says that the code was mistyped,
//! and not which digit of it, so that the code is dropped and never put right.

use super::args::{Args, Making};
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Stop};

pub(crate) const NAMES: &[&str] = &["loinc", "is_loinc", "snomed", "is_snomed"];

/// What is read, and whether it is only asked about.
pub(crate) struct CheckedOp {
    read: fn(&str) -> Option<&str>,
    asks: bool,
}

pub(crate) fn make(name: &str, _: &mut Args, _: &mut Making<'_>) -> Made {
    let asks = name.starts_with("is_");
    let read = if name.ends_with("loinc") {
        loinc
    } else {
        snomed
    };
    let ty = if asks { Type::Bool } else { Type::Text };
    Some((Op::Checked(CheckedOp { read, asks }), ty))
}

impl CheckedOp {
    pub fn is_predicate(&self) -> bool {
        self.asks
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let text = value
            .to_text()
            .ok_or(Stop::Wrong("this filter needs a text or a number"))?;
        let code = (self.read)(&text);
        if self.asks {
            return Ok(Val::Bool(code.is_some()));
        }
        match code {
            Some(code) => Ok(Val::text(code.to_owned())),
            None => {
                env.warn("MAP1022", column);
                Ok(Val::Null)
            }
        }
    }
}

/// A LOINC code: up to seven digits, a dash, and the check digit of "modulus 10" (LOINC Users' Guide,
/// appendix C), which is Luhn's.
fn loinc(text: &str) -> Option<&str> {
    let code = text.trim();
    let (number, check) = code.split_once('-')?;
    let number_sound = (1..=7).contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|b| b.is_ascii_digit());
    let check = match check.as_bytes() {
        [digit @ b'0'..=b'9'] => u32::from(digit - b'0'),
        _ => return None,
    };
    (number_sound && luhn(number) == check).then_some(code)
}

/// The digit that makes the sum of all digits, every second one from the right doubled, a multiple of ten.
fn luhn(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, b)| {
            let digit = u32::from(b - b'0');
            match digit * 2 {
                _ if place % 2 == 1 => digit,
                double if double > 9 => double - 9,
                double => double,
            }
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A SNOMED CT concept identifier: 6 to 18 digits that end in the partition of concepts (00, or 10 in an
/// extension) and Verhoeff's check digit (SNOMED CT Release File Specifications, section 6).
fn snomed(text: &str) -> Option<&str> {
    let code = text.trim();
    let sound = (6..=18).contains(&code.len())
        && !code.starts_with('0')
        && code.bytes().all(|b| b.is_ascii_digit());
    if !sound {
        return None;
    }
    let partition = &code[code.len() - 3..code.len() - 1];
    (matches!(partition, "00" | "10") && verhoeff(code)).then_some(code)
}

/// Whether a number ends in Verhoeff's check digit: a walk through the dihedral group of order ten, in which
/// each digit is first permuted by its place.
fn verhoeff(digits: &str) -> bool {
    /// The permutation, applied once.
    const TURN: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let walked = digits
        .bytes()
        .rev()
        .enumerate()
        .fold(0, |walked, (place, b)| {
            let digit = usize::from(b - b'0');
            dihedral(walked, (0..place % 8).fold(digit, |d, _| TURN[d]))
        });
    walked == 0
}

/// The product in the group of the pentagon's symmetries: 0 to 4 turn it, 5 to 9 turn it over.
fn dihedral(a: usize, b: usize) -> usize {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loinc_code_carries_its_check_digit() {
        for (text, expect) in [
            ("718-7", Some("718-7")),
            (" 8462-4 ", Some("8462-4")),
            ("85354-9", Some("85354-9")),
            ("29463-7", Some("29463-7")),
            ("4548-4", Some("4548-4")),
            ("6690-2", Some("6690-2")),
            ("20454-5", Some("20454-5")),
            ("13955-0", Some("13955-0")),
            ("777-9", None),
            ("8867-9", None),
            ("8462-5", None),
            ("4862-4", None),
            ("07-4", None),
            ("7187", None),
            ("718-77", None),
            ("718-", None),
            ("-7", None),
            ("LP7-8", None),
            ("12345678-9", None),
            ("٧١٨-٧", None),
        ] {
            assert_eq!(loinc(text), expect, "{text}");
        }
    }

    #[test]
    fn a_snomed_concept_carries_its_check_digit_and_partition() {
        for (text, expect) in [
            ("716186003", Some("716186003")),
            (" 91936005 ", Some("91936005")),
            ("91935009", Some("91935009")),
            ("278149003", Some("278149003")),
            ("716186004", None),
            ("761186003", None),
            ("91936006", None),
            ("", None),
            ("12345", None),
            ("0716186003", None),
            ("71618600x", None),
            ("7161860030000000000", None),
        ] {
            assert_eq!(snomed(text), expect, "{text}");
        }
    }

    #[test]
    fn a_description_is_no_concept() {
        // The same check digit, but partition 01.
        let description = (0..10)
            .map(|check| format!("100001{check}"))
            .find(|id| verhoeff(id));
        assert_eq!(snomed(&description.expect("one of ten fits")), None);
    }

    #[test]
    fn one_wrong_digit_and_two_exchanged_neighbours_are_always_noticed() {
        let code = "716186003";
        for at in 0..code.len() {
            for digit in "0123456789".chars().filter(|d| !code[at..].starts_with(*d)) {
                let wrong = format!("{}{digit}{}", &code[..at], &code[at + 1..]);
                assert!(!verhoeff(&wrong), "{wrong}");
            }
        }
        for at in 1..code.len() {
            let (a, b) = (&code[at - 1..at], &code[at..=at]);
            let exchanged = format!("{}{b}{a}{}", &code[..at - 1], &code[at + 1..]);
            assert_eq!(verhoeff(&exchanged), a == b, "{exchanged}");
        }
    }
}
