// SPDX-License-Identifier: Apache-2.0
//! What contracts permit, and what is no contract.

mod answers;
mod examples;
mod texts;
