// SPDX-License-Identifier: Apache-2.0
//! Values, and how they compare.

use std::cmp::Ordering;

use super::collation::{Collation, compare_text};

/// A value. What its type adds (a length, a precision) is the type's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bit(bool),
    Int(i64),
    /// The digits without the point, and how many of them stand behind it.
    Decimal(i128, u8),
    Float(f64),
    Text(String),
    /// Also a rowversion, in its eight bytes.
    Bytes(Vec<u8>),
    /// Days since 1 January of the year 1.
    Date(i64),
    /// Hundreds of nanoseconds after midnight.
    Time(i64),
    /// Minutes since 1900.
    SmallDateTime(i64),
    /// Three-hundredths of a second since 1900.
    DateTime(i64),
    /// Hundreds of nanoseconds since 1 January of the year 1.
    DateTime2(i64),
    /// The same in UTC, and the minutes that the clock shows more.
    DateTimeOffset(i64, i16),
    /// In the order in which it is written.
    Uuid([u8; 16]),
}

impl Value {
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// How two values of one type compare, or `None` where one is NULL or they are not of one type.
pub(crate) fn compare(a: &Value, b: &Value, collation: Collation) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Bit(a), Value::Bit(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Decimal(a, s), Value::Decimal(b, t)) => compare_decimals((*a, *s), (*b, *t)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b)?,
        (Value::Text(a), Value::Text(b)) => compare_text(a, b, collation),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::SmallDateTime(a), Value::SmallDateTime(b))
        | (Value::DateTime(a), Value::DateTime(b))
        | (Value::DateTime2(a), Value::DateTime2(b))
        | (Value::DateTimeOffset(a, _), Value::DateTimeOffset(b, _)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => sorting(a).cmp(&sorting(b)),
        _ => return None,
    })
}

fn compare_decimals((a, s): (i128, u8), (b, t): (i128, u8)) -> Ordering {
    let scale = s.max(t);
    let lifted = |n: i128, from: u8| n.checked_mul(10i128.checked_pow((scale - from).into())?);
    match (lifted(a, s), lifted(b, t)) {
        (Some(a), Some(b)) => a.cmp(&b),
        // Only the larger by far leaves the range.
        (None, _) => a.signum().cmp(&0),
        (_, None) => 0.cmp(&b.signum()),
    }
}

/// A uniqueidentifier's bytes in the order in which SQL Server weighs them: the last six first, then the
/// pairs before them, the first four last, and inside each of those three groups the bytes as they are
/// stored, which is the reverse of how they are written.
pub(crate) fn sorting(id: &[u8; 16]) -> [u8; 16] {
    const WEIGHT: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0];
    WEIGHT.map(|at| id[at])
}

/// The reverse of [`sorting`].
pub(crate) fn written(sorted: &[u8; 16]) -> [u8; 16] {
    const PLACE: [usize; 16] = [15, 14, 13, 12, 11, 10, 9, 8, 6, 7, 0, 1, 2, 3, 4, 5];
    PLACE.map(|at| sorted[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniqueidentifier_comes_back_from_its_order() {
        let id = std::array::from_fn(|i| u8::try_from(i * 17).unwrap_or(0));
        assert_eq!(written(&sorting(&id)), id);
    }

    /// The order that SQL Server's own documentation of comparing GUIDs gives, least first: the last group
    /// weighs most, its leftmost byte first; the first group weighs least, its rightmost byte first.
    #[test]
    fn the_last_six_bytes_weigh_most_and_the_first_four_least() {
        let with = |at: usize| {
            let mut id = [0u8; 16];
            id[at] = 1;
            Value::Uuid(id)
        };
        let ascending = [0, 1, 2, 3, 4, 5, 6, 7, 9, 8, 15, 14, 13, 12, 11, 10].map(with);
        for pair in ascending.windows(2) {
            let order = compare(&pair[0], &pair[1], Collation::default());
            assert_eq!(order, Some(Ordering::Less), "{pair:?}");
        }
    }

    #[test]
    fn decimals_of_unlike_scales_compare_by_their_worth() {
        let check =
            |a: (i128, u8), b: (i128, u8), expect| assert_eq!(compare_decimals(a, b), expect);
        check((71, 1), (7100, 3), Ordering::Equal);
        check((-1, 0), (1, 38), Ordering::Less);
        check((10i128.pow(37), 0), (10i128.pow(37), 38), Ordering::Greater);
        check((-(10i128.pow(37)), 0), (5, 38), Ordering::Less);
    }
}
