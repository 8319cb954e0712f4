// SPDX-License-Identifier: Apache-2.0
//! Telephone numbers as E.164.

use super::args::{Args, Making};
use super::texts::ascii_digit;
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Stop};

pub(crate) const NAMES: &[&str] = &["phone", "phones"];

pub(crate) struct PhoneOp {
    country: &'static Country,
    all: bool,
}

/// How a country writes its numbers.
struct Country {
    code: &'static str,
    calling: &'static str,
    /// What is dialled before a national number at home.
    trunk: &'static str,
    /// Digits of a national number without the trunk prefix.
    digits: std::ops::RangeInclusive<usize>,
}

const COUNTRIES: &[Country] = &[
    country("AE", "971", "0", 8, 9),
    country("AF", "93", "0", 9, 9),
    country("BD", "880", "0", 8, 10),
    country("GB", "44", "0", 9, 10),
    country("IN", "91", "0", 10, 10),
    country("IR", "98", "0", 10, 10),
    country("PK", "92", "0", 9, 10),
    country("SA", "966", "0", 8, 9),
    country("US", "1", "1", 10, 10),
];

const fn country(
    code: &'static str,
    calling: &'static str,
    trunk: &'static str,
    min: usize,
    max: usize,
) -> Country {
    Country {
        code,
        calling,
        trunk,
        digits: min..=max,
    }
}

pub(crate) fn make(name: &str, args: &mut Args, _: &mut Making<'_>) -> Made {
    let wanted = args.text("country")?;
    let Some(country) = COUNTRIES.iter().find(|c| *c.code == *wanted) else {
        args.fault(
            None,
            format!("the numbers of country {wanted:?} are not known"),
        );
        args.suggest(
            &wanted,
            COUNTRIES.iter().map(|c| c.code.to_owned()).collect(),
        );
        return None;
    };
    let all = name == "phones";
    let ty = if all {
        Type::list(Type::Text)
    } else {
        Type::Text
    };
    Some((Op::Phone(PhoneOp { country, all }), ty))
}

impl PhoneOp {
    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let text = value
            .to_text()
            .ok_or(Stop::Wrong("this filter needs a text or a number"))?;
        let mut numbers = Vec::new();
        let mut unreadable = false;
        for part in parts(&text) {
            match self.country.number(part) {
                Some(number) if numbers.contains(&number) => {}
                Some(number) => numbers.push(number),
                None => unreadable = true,
            }
        }
        let lost = if self.all {
            unreadable || numbers.is_empty()
        } else {
            numbers.is_empty()
        };
        if lost {
            env.warn("MAP1007", column);
        }
        let mut numbers = numbers.into_iter().map(Val::text);
        Ok(if self.all {
            Val::list(numbers.collect())
        } else {
            numbers.next().unwrap_or(Val::Null)
        })
    }
}

/// A field may hold several numbers.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['/', ',', ';', '|', '&', '\n'])
        .flat_map(|part| part.split(" or "))
        .flat_map(|part| part.split(" and "))
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

impl Country {
    /// The E.164 form of one number. Words around it (`father`, `Mob:`) are passed over; letters within it
    /// are not.
    fn number(&self, text: &str) -> Option<String> {
        let is_part = |c: char| ascii_digit(c).is_some() || "+-. ()\u{2013}\u{a0}".contains(c);
        let start = text.find(|c: char| ascii_digit(c).is_some() || c == '+')?;
        let end = text.rfind(|c: char| ascii_digit(c).is_some())?;
        let end = end + text[end..].chars().next().map_or(0, char::len_utf8);
        let number = text.get(start..end)?;
        if !number.chars().all(is_part) {
            return None;
        }
        let digits: String = number.chars().filter_map(ascii_digit).collect();
        let national = if number.starts_with('+') {
            digits.strip_prefix(self.calling).or_else(|| {
                digits
                    .strip_prefix("00")
                    .and_then(|d| d.strip_prefix(self.calling))
            })
        } else {
            digits
                .strip_prefix("00")
                .and_then(|d| d.strip_prefix(self.calling))
                .or_else(|| self.calling_only(&digits))
                .or_else(|| digits.strip_prefix(self.trunk))
                .or(Some(&digits))
        };
        let national = national.map(|n| n.strip_prefix('0').unwrap_or(n));
        match national {
            Some(national) => self.checked(national),
            None => foreign(&digits),
        }
    }

    /// `923001234567`: the calling code without a plus, when the length leaves no other reading.
    fn calling_only<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let rest = digits.strip_prefix(self.calling)?;
        (digits.len() > *self.digits.end() && self.digits.contains(&rest.len())).then_some(rest)
    }

    fn checked(&self, national: &str) -> Option<String> {
        let first = national.bytes().next()?;
        let sound = self.digits.contains(&national.len())
            && first != b'0'
            && !national.bytes().all(|b| b == first);
        sound.then(|| format!("+{}{national}", self.calling))
    }
}

/// A number of another country, given with its plus.
fn foreign(digits: &str) -> Option<String> {
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    let sound = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
    sound.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pk() -> &'static Country {
        COUNTRIES.iter().find(|c| c.code == "PK").expect("known")
    }

    #[test]
    fn numbers_of_pakistan_in_all_their_spellings_are_one() {
        for text in [
            "03900000123",
            "0390-0000123",
            "+92 390 0000123",
            "00923900000123",
            "3900000123",
            "923900000123",
            "+92 (0) 390 0000123",
            "Mob: 0390 0000123 (father)",
            "۰۳۹۰۰۰۰۰۱۲۳",
        ] {
            assert_eq!(
                pk().number(text).as_deref(),
                Some("+923900000123"),
                "{text}"
            );
        }
    }

    #[test]
    fn junk_is_no_number() {
        for text in [
            "nil",
            "N/A",
            "0",
            "",
            "12",
            "03xx0000123",
            "0000000000",
            "999999999999999",
            "+",
            "+9",
        ] {
            assert_eq!(pk().number(text), None, "{text}");
        }
        assert_eq!(
            pk().number("+44 20 7946 0000").as_deref(),
            Some("+442079460000")
        );
    }

    #[test]
    fn a_field_may_hold_several() {
        let all: Vec<_> = parts("03910000001 / 03990000001, x or y").collect();
        assert_eq!(all, ["03910000001", "03990000001", "x", "y"]);
    }
}
