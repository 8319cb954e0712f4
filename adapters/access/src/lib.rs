// SPDX-License-Identifier: Apache-2.0
//! Files of MS Access (`.mdb`, `.accdb`) as a [`silsila_source::Source`].
//!
//! The file is never opened for writing and never read where it lies: every answer comes from a copy that was
//! taken while nobody wrote. The copy is an unnamed file, encrypted with a key that only this process holds;
//! after a crash nothing of it can be read, and the next start takes another. This room interprets nothing:
//! what a value means is the mapping's business.
//!
//! The life of a question: `source` takes it, waits for its turn and hands it to a thread that may block;
//! `desk` looks whether the file has changed (`watch`) and, if so, has a new copy taken (`copy`, written and
//! read through `sealed`) and opened (`book`, `census`); `window` finds rows in key order, `finder` by value,
//! both within a bounded memory (`shelf`); `cells` turns what jetdb read into values, `raw` looks again where
//! it read nothing, `order` and `equal` compare, and `fault` makes coded errors without any value of a row.

mod book;
mod cells;
mod census;
mod config;
mod copy;
mod desk;
mod equal;
mod fault;
mod finder;
mod objects;
mod order;
mod raw;
mod sealed;
mod shelf;
mod source;
mod watch;
mod window;

pub use config::AccessOptions;
pub use source::Access;
