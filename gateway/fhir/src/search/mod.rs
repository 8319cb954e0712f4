// SPDX-License-Identifier: Apache-2.0
//! Search: what a query means, how the index answers it, and how its pages hang together.

pub mod value;
