// SPDX-License-Identifier: Apache-2.0
//! Running a compiled mapping over rows.

mod batch;
mod digest;
mod drop;
mod joined;
mod row;

pub use batch::{Batch, Want};
pub(crate) use joined::key_of;
