// SPDX-License-Identifier: Apache-2.0
//! Any legacy database with an ODBC driver as a [`silsila_source::Source`].
//!
//! This room reads rows and nothing else. Every statement that is sent to a table is a `SELECT` built in
//! `select`; where the database can hold a session read-only it is told to (`dialect`). It interprets
//! nothing, and it keeps no state: after a crash the caller resumes a scan from the key it last made durable.
//!
//! ODBC blocks, and a driver is foreign code in our process. So every connection lives on a thread of its
//! own (`sessions`); a call that does not come back is given up after its time, its thread is counted and
//! left behind, and only so many may be left behind. A panic ends that one connection. A driver that
//! crashes outright takes the process with it: what was committed stays, and the next start resumes.
//!
//! The driver manager, unixODBC, is built in, so that the program starts on a machine that has never seen
//! ODBC and says what is missing ([`silsila_source::SourceError::NoDriver`]). It is built without iconv: a driver
//! without UTF-16 functions is handed UTF-8 (`text`), whatever the locale.
//!
//! The life of a question: `source` takes it, the pace makes it wait its turn, `sessions` lends a
//! connection (made by `session`), `reading` describes the columns and puts the statement that `select`
//! writes, `bind` turns keys into parameters of the column's own type, `bulk` fetches rows by the hundred,
//! `whole` reads those again that held a cell longer than its buffer, `types` makes values of cells, and `fault`
//! turns what goes wrong into a coded error without any value of a row.

mod bind;
mod bulk;
mod catalog;
mod config;
mod dialect;
mod driver;
mod fault;
mod health;
mod parse;
mod reading;
mod schema;
mod select;
mod session;
mod sessions;
mod source;
mod text;
mod types;
mod whole;

pub use config::{OdbcOptions, TextMode};
pub use source::Odbc;
