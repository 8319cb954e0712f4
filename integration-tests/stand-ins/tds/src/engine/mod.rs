// SPDX-License-Identifier: Apache-2.0
//! Databases, sessions, and what statements do in them.
//!
//! Rows lie in SQLite, one file per database, in a form that SQLite sorts as SQL Server would
//! (`data::stored`). A condition is handed to SQLite as far as that is exact, and judged here for the rest.
//! After a crash the files are as of the last committed transaction.

mod bind;
mod catalogue;
mod changes;
mod context;
mod database;
mod define;
mod functions;
mod instance;
mod judge;
mod push;
mod rows;
mod select;
mod session;
mod transaction;
mod views;
mod writer;

pub(crate) use instance::Instance;
pub(crate) use select::Output;
pub(crate) use session::{Answer, Answers, Session};
