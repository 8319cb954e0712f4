// SPDX-License-Identifier: Apache-2.0
//! Numbers in queries.

use crate::json::parse::is_number;

/// A number of a query with the range that its digits imply: `5.40` covers 5.395 to 5.405, `100`
/// covers 99.5 to 100.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRange {
    /// The number itself, for `gt`, `lt`, `ge`, `le`, `sa` and `eb`, to which precision does not
    /// matter.
    pub exact: f64,
    /// The least number of the range.
    pub lo: f64,
    /// The end of the range, which no longer belongs to it.
    pub hi: f64,
}

/// The number of a query and the range it implies; nothing for what is not a decimal of FHIR, or
/// is beyond all measurement.
pub fn parse_number_range(text: &str) -> Option<NumberRange> {
    if !is_number(text) {
        return None;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let decimals = i32::try_from(fraction.len()).ok()?;
    // Half a unit of the last digit is five units of the digit after it.
    let power = exponent.checked_sub(decimals)?.checked_sub(1)?;
    let scaled = digits.checked_mul(10)?;
    let at = |units: i128| format!("{units}e{power}").parse::<f64>().ok();
    let range = NumberRange {
        exact: text.parse().ok()?,
        lo: at(scaled.checked_sub(5)?)?,
        hi: at(scaled.checked_add(5)?)?,
    };
    (range.lo.is_finite() && range.hi.is_finite()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn covers(text: &str, exact: f64, lo: f64, hi: f64) {
        assert_eq!(
            parse_number_range(text),
            Some(NumberRange { exact, lo, hi })
        );
    }

    #[test]
    fn precision_is_half_a_unit_of_the_last_digit() {
        covers("100", 100.0, 99.5, 100.5);
        covers("100.00", 100.0, 99.995, 100.005);
        covers("5.40", 5.4, 5.395, 5.405);
        covers("1e2", 100.0, 95.0 - 45.0, 150.0);
        covers("5.40e-3", 0.0054, 0.005395, 0.005405);
        covers("-0.5", -0.5, -0.55, -0.45);
        covers("0", 0.0, -0.5, 0.5);
    }

    #[test]
    fn what_is_no_number_covers_nothing() {
        let long = "9".repeat(60);
        for text in [
            "",
            "x",
            "1.",
            ".5",
            "NaN",
            "inf",
            "+1",
            "1 ",
            "0x1",
            "1e400",
            "1e99999999999",
            &long,
        ] {
            assert_eq!(parse_number_range(text), None, "{text}");
        }
    }
}
