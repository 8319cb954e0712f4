// SPDX-License-Identifier: Apache-2.0
//! The gateway's binary, `silsila`: the command line, and the one place where configuration becomes
//! components ([`assemble`]).
//!
//! This room decides nothing about rows, resources or blocks. It reads the configuration, makes the
//! keys, opens the store, builds adapters, pack, pipeline and FHIR server, listens, and ends them in
//! order. Commands that change a running gateway go over a Unix socket in the storage folder that only
//! the gateway's own user can open ([`admin`]).
//!
//! After a crash nothing here needs recovery: the keys are written whole or not at all, the socket of a
//! dead process is replaced, and everything else is the store's.

pub mod admin;
pub mod assemble;
pub mod backup;
pub mod ballots;
pub mod bases;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod contract;
pub mod exit;
pub mod front;
pub mod keys;
pub mod ledgers;
pub mod listener;
pub mod logging;
pub mod ordering;
pub mod output;
pub mod pack;
pub mod restored;
pub mod scrub;
pub mod shared;
pub mod tls;
