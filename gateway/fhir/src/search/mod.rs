// SPDX-License-Identifier: Apache-2.0
//! Search: what a query means ([`query`]), how the index answers it ([`run`]), and how its pages hang
//! together ([`page`]).
//!
//! A query is refused rather than half understood. A filter is decided by index rows where they can,
//! by the facts of a version where rows are too coarse, and by the body itself in the few cases that
//! are left ([`body`]); which of them it was never shows in the answer.
//!
//! A page sees the index as it was when the first page was made: one number, the newest entry then.

pub mod body;
pub mod candidates;
pub mod chain;
pub mod entries;
pub mod examine;
pub mod filter;
mod merge;
pub mod page;
pub mod parameters;
pub mod query;
pub mod range;
pub mod run;
pub mod sort;
pub mod terms;
pub mod value;
