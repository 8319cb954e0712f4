// SPDX-License-Identifier: Apache-2.0
//! Packs through the public interface: what is refused, what is shared, what comes out.

mod checker;
mod digest;
mod faults;
mod fixed;
mod hospital;
mod joins;
mod mutations;
mod pack_sindh;
mod pages;
mod reverse;
mod sharing;
