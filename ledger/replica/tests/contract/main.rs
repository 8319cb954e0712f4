// SPDX-License-Identifier: Apache-2.0
//! What contracts permit, what is no contract, and how long an answer takes.

mod answers;
mod examples;
mod texts;
