// SPDX-License-Identifier: Apache-2.0
//! The harness for stories that need real things: a private MariaDB, the Mirpurkhas hospital in it, a
//! private certificate authority, the `silsila` binary as a process of its own, and an HTTP client.
//!
//! Everything listens on loopback alone, on ports that nobody else uses. Every process that is
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
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

/// Where ports are looked for: below those that Linux gives to connections on their way out (from 32768), since one
/// of these may take the port of a process that is away for a moment; above those of well-known services.
const PORTS: Range<u16> = 20_000..32_000;

/// A loopback port that nobody listens on at this moment, and each time another one.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    // Processes that look at the same time begin at different places.
    let next = NEXT.get_or_init(|| AtomicU32::new(std::process::id().wrapping_mul(61)));
    PORTS
        .map(|_| {
            let step = next.fetch_add(1, Ordering::Relaxed) % u32::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(step).unwrap_or(0)
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no loopback port is free")
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..500).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 500);
    }
}
