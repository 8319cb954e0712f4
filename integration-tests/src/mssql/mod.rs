// SPDX-License-Identifier: Apache-2.0
//! SQL Server for tests and the demonstration: a stand-in that is started here, or a real server that an
//! environment variable names.

mod database;
mod karachi;
mod server;

pub use database::Database;
pub use karachi::{Day2, Karachi, TABLES};
pub use server::{Encryption, SqlServer};
