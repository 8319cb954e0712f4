// SPDX-License-Identifier: Apache-2.0
//! Microsoft SQL Server (2012 and later), and what speaks its protocol, as a [`silsila_source::Source`].
//!
//! This room reads rows and nothing else: every statement that is sent is a `SELECT`, or a `SET` of the
//! session's own manners. SQL Server has no read-only session, so that nothing is written rests on the
//! login's grants; `health` names every right beyond reading. It interprets nothing: values come out as
//! they are stored. It keeps no state: after a crash the caller resumes a scan from the key it last made
//! durable.
//!
//! The life of a question: `source` takes it, [`silsila_source::Pace`] makes it wait its turn, `sessions`
//! lends a connection (made by [`session`] over `wire`, which holds the encryption), `tables` and `shape` say what
//! the columns are, `reading` puts the question, `select` writes the statement, `bind` turns keys into
//! parameters that compare as the contract says, `types` turns the answer into rows, and `fault` turns what
//! goes wrong into a coded error without any value of a row. `tracking` is the feed: SQL Server's own
//! change tracking, where the hospital has it on.

mod bind;
mod calendar;
mod config;
mod fault;
mod handshake;
mod health;
mod names;
mod reading;
mod schema;
mod select;
pub mod session;
mod sessions;
mod shape;
mod source;
mod tables;
mod tls;
mod tracking;
mod types;
mod wire;

pub use config::{MsSqlOptions, Tls};
pub use source::MsSql;
