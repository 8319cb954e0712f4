// SPDX-License-Identifier: Apache-2.0
//! MySQL and MariaDB as a [`silsila_source::Source`].
//!
//! This room reads rows and nothing else. Every session is made read-only by the server itself before
//! the first question is asked, and every statement that is sent to a table is a `SELECT` built in
//! `select`. It interprets nothing: zero dates, mojibake and impossible numbers come out as they are
//! stored. It keeps no state: after a crash the caller resumes a scan from the key it last made durable.
//!
//! The life of a question: `source` takes it, `pace` makes it wait its turn, `sessions` lends a
//! connection (made by [`session`]), `reading` prepares it, `select` writes the statement, `bind` turns keys into
//! parameters that compare as the contract says, `types` turns the answer into rows, and `fault`
//! turns what goes wrong into a coded error without any value of a row.

mod bind;
mod binlog;
mod config;
mod fault;
mod health;
mod reading;
mod schema;
mod select;
pub mod session;
mod sessions;
mod source;
mod types;

pub use config::{MySqlOptions, Tls};
pub use source::MySql;
