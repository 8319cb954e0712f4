// SPDX-License-Identifier: Apache-2.0
//! The `silsila` binary as a process of its own, with the configuration of a hospital's gateway.

mod config;
mod process;
mod source;

pub use config::{GatewayConfig, pack};
pub use process::{Gateway, beside_us};
pub use source::LegacySource;
