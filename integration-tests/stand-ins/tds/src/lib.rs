// SPDX-License-Identifier: Apache-2.0
//! A stand-in for Microsoft SQL Server: TDS 7.4 over SQLite, for tests and demonstrations where no SQL
//! Server can be had. It is not SQL Server, says so in its version, its product name and the greeting of every
//! login, and is no part of the product.
//!
//! It speaks the protocol as the public specification draws it (MS-TDS; sections are named beside the
//! code), and answers the part of T-SQL that the adapter and our own tests send, as SQL Server would:
//! types, order, conversions, error numbers, privileges, rowversions, change tracking. Whatever else it is
//! asked is an error 50000, never a guess.
//!
//! It differs knowingly where nobody here would notice: foreign keys are read and not enforced; readers see
//! the last committed rows and wait only for a table that somebody took with TABLOCKX; two transactions that
//! write one row are not kept apart; accents and scripts
//! are ordered by a simple rule; plans, statistics and system tables are missing.

mod answers;
mod conversation;
mod data;
mod engine;
mod error;
mod server;
mod sql;
mod wire;

pub use server::{Encryption, Options, StandIn};

/// What `@@VERSION` says.
pub const VERSION: &str = concat!(
    "Silsila TDS stand-in ",
    env!("CARGO_PKG_VERSION"),
    " (not Microsoft SQL Server; for tests and demonstrations)"
);

/// What `SERVERPROPERTY('Edition')` says.
pub(crate) const EDITION: &str = "stand-in over SQLite";
