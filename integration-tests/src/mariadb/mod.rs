// SPDX-License-Identifier: Apache-2.0
//! A private MariaDB server: never the machine's own, with its own folder, on a free loopback port.
//!
//! A folder is set up with the server's `--bootstrap` mode and the SQL files that come with it, which
//! takes a third of a second and needs neither the client package nor its install script.

mod bootstrap;
mod database;
mod server;

pub use database::{Database, shared};
pub use server::{MariaDb, MariaDbOptions};
