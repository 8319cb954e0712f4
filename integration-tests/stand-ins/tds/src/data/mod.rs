// SPDX-License-Identifier: Apache-2.0
//! SQL Server's types and values: what they are called, how they are converted, ordered and stored.

mod calendar;
mod collation;
mod convert;
#[cfg(test)]
mod convert_tests;
mod moments;
mod stored;
mod types;
mod value;

pub(crate) use calendar::TICKS_PER_DAY;
pub(crate) use collation::{Collation, DEFAULT as DEFAULT_COLLATION, compare_text};
pub(crate) use convert::{convert, length, show};
pub(crate) use stored::{from_stored, ordered_sql, to_stored};
pub(crate) use types::Type;
pub(crate) use value::{Value, compare};
