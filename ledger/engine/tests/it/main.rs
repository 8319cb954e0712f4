// SPDX-License-Identifier: Apache-2.0
//! Claims about the engine.

mod nodes;
mod ordering;
mod privacy;
mod vectors;
mod votes;
