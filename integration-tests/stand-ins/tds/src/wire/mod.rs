// SPDX-License-Identifier: Apache-2.0
//! The protocol: packets, greetings, logins, requests, answers. Everything that is read comes from outside
//! and is bounded; what is no TDS ends the connection, and no byte of it can make this room panic.

pub(crate) mod login;
pub(crate) mod packet;
pub(crate) mod prelogin;
pub(crate) mod reader;
pub(crate) mod request;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod types;
