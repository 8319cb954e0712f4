// SPDX-License-Identifier: Apache-2.0
//! Finding the newest watermark of a table without asking the database to sort it. Pure.

use std::cmp::Ordering;
use std::time::Duration;

use silsila_source::{DateTime, Time, Value};

use crate::watermark::{back, civil, compare, days, days_before_year, local_seconds, shift};

/// Finds the newest watermark by asking "what is the first one at or after this?" about thirty times:
/// the source can answer that from its index, while its largest value may be an accident (a year 2099).
/// `latest` bounds the search. Answers `None` for an empty column and for kinds that have no middle.
pub(crate) struct Newest {
    low: Option<Value>,
    high: Value,
}

impl Newest {
    /// `first` is the column's smallest value, `latest` a bound above which nothing is believed.
    pub fn between(first: Value, latest: Option<Value>) -> Option<Self> {
        let high = match (&first, latest) {
            (Value::Int(_), _) => Value::Int(i64::MAX),
            (Value::DateTime(f), Some(Value::DateTime(l))) => Value::DateTime(DateTime {
                offset_minutes: f.offset_minutes,
                ..l
            }),
            (Value::Date(_), Some(Value::DateTime(l))) => Value::Date(l.date),
            _ => return None,
        };
        Some(Self {
            low: Some(first),
            high,
        })
    }

    /// The next value to ask about, or `None` when the search has ended.
    pub fn probe(&self) -> Option<Value> {
        let low = self.low.as_ref()?;
        if compare(low, &self.high) != Some(Ordering::Less) {
            return None;
        }
        let middle = middle(low, &self.high)?;
        (compare(&middle, low) == Some(Ordering::Greater)).then_some(middle)
    }

    /// What the source said: the first watermark at or after the probe.
    pub fn answer(&mut self, probe: Value, found: Option<Value>) {
        match found {
            Some(at) if compare(&at, &self.high) == Some(Ordering::Less) => self.low = Some(at),
            _ => self.high = back_one(&probe).unwrap_or(probe),
        }
    }

    /// The newest watermark at or before the bound.
    pub fn found(self) -> Option<Value> {
        self.low
    }
}

fn back_one(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int(i) => Value::Int(i.checked_sub(1)?),
        Value::Date(_) => back(value, Duration::from_secs(1)),
        Value::DateTime(_) => back(value, Duration::from_secs(1)),
        _ => return None,
    })
}

fn middle(low: &Value, high: &Value) -> Option<Value> {
    match (low, high) {
        (Value::Int(a), Value::Int(b)) => {
            let half = (i128::from(*a) + i128::from(*b) + 1).div_euclid(2);
            i64::try_from(half).ok().map(Value::Int)
        }
        (Value::DateTime(a), Value::DateTime(b)) => {
            // A zero date is older than anything: start from the year 1.
            let year_one = -days_before_year(1970) * 86_400;
            let from = local_seconds(a).unwrap_or(year_one);
            let to = local_seconds(b)?;
            let epoch = DateTime::from_unix_ms(0);
            let at = shift(epoch, (from + to + 1).div_euclid(2))?;
            Some(Value::DateTime(DateTime {
                offset_minutes: a.offset_minutes,
                time: Time {
                    nanosecond: 0,
                    ..at.time
                },
                ..at
            }))
        }
        (Value::Date(a), Value::Date(b)) => {
            let from = days(*a).unwrap_or(-days_before_year(1970));
            civil((from + days(*b)? + 1).div_euclid(2)).map(Value::Date)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Date;

    fn at(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> DateTime {
        DateTime {
            date: Date { year, month, day },
            time: Time {
                hour,
                minute,
                second,
                nanosecond: 0,
            },
            offset_minutes: None,
        }
    }

    /// Runs the search over a sorted column and counts the questions.
    fn search(column: &[Value], latest: Option<Value>) -> (Option<Value>, usize) {
        let first_from = |from: &Value| {
            column
                .iter()
                .find(|v| compare(v, from) != Some(Ordering::Less))
                .cloned()
        };
        let Some(mut newest) = Newest::between(column[0].clone(), latest) else {
            return (None, 0);
        };
        let mut questions = 0;
        while let Some(probe) = newest.probe() {
            let found = first_from(&probe);
            newest.answer(probe, found);
            questions += 1;
        }
        (newest.found(), questions)
    }

    #[test]
    fn the_newest_watermark_is_found_in_few_questions() {
        let mut column: Vec<Value> = (0..1000)
            .map(|i| Value::DateTime(shift(at(2021, 1, 1, 0, 0, 0), i * 7_654).unwrap()))
            .collect();
        let latest = Value::DateTime(at(2026, 10, 1, 0, 0, 0));
        let (found, questions) = search(&column, Some(latest.clone()));
        assert!(found == column.last().cloned());
        assert!(questions < 40, "{questions}");
        // A zero date at one end and a mistyped year at the other change nothing.
        let newest = column.last().cloned();
        column.insert(0, Value::DateTime(at(0, 0, 0, 0, 0, 0)));
        column.push(Value::DateTime(at(2099, 1, 1, 0, 0, 0)));
        let (found, questions) = search(&column, Some(latest));
        assert!(found == newest);
        assert!(questions < 60, "{questions}");
    }

    #[test]
    fn the_newest_counter_is_found_and_a_single_value_too() {
        let column: Vec<Value> = [3, 9, 70_000].map(Value::Int).to_vec();
        let (found, questions) = search(&column, None);
        assert!(found == Some(Value::Int(70_000)));
        assert!(questions < 80, "{questions}");
        assert!(search(&column[..1], None).0 == Some(Value::Int(3)));
    }

    #[test]
    fn a_kind_without_a_middle_is_not_searched() {
        assert_eq!(search(&[Value::Text("a".into())], None).1, 0);
    }
}
