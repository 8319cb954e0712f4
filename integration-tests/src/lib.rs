// SPDX-License-Identifier: Apache-2.0
//! The harness for stories that need real things: a private MariaDB, the Mirpurkhas hospital in it, a
//! private certificate authority, the `silsila` binary as a process of its own, and an HTTP client.
//!
//! Everything listens on loopback alone, on ports that the system hands out. Every process that is
//! started here ends with the process that started it, however that ends, and is ended by its id.
//! Nothing here is part of the product.

pub mod authority;
pub mod bench;
pub mod demo;
pub mod dice;
pub mod gateway;
pub mod hospital;
pub mod http;
pub mod mariadb;
pub mod mssql;
pub mod network;
pub mod relay;
pub mod rooms;
pub mod supervisor;

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::Context;

/// A loopback port that nobody listens on at this moment.
///
/// # Errors
/// When the system has none to give.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no loopback port is free")?;
    Ok(listener.local_addr()?.port())
}

/// This repository: the one that `cargo` runs us from, else the one that we stand in, as `script/demo` does.
/// Where a program was compiled tells little, since several checkouts may share a folder for what they build.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "cargo names the package there; no setting of the product"
)]
pub fn repository() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(
        || std::env::current_dir().unwrap_or_default(),
        |package| PathBuf::from(package).join(".."),
    )
}
