// SPDX-License-Identifier: Apache-2.0
//! The stand-in through a driver that others wrote.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where by panicking"
)]

mod driver;
mod logins;
mod place;
mod statements;
