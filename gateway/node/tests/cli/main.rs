// SPDX-License-Identifier: Apache-2.0
//! The binary as a person or a script meets it: exit codes, messages, files.

mod backup;
mod checks;
mod clock;
mod locked;
mod place;
mod proving;
mod serving;
mod small;
mod typed;
