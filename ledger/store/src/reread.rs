// SPDX-License-Identifier: Apache-2.0
//! What another member sealed, taken apart: for fuzzing. It comes out of an envelope that opened, and so from a
//! member; that it is in its format nobody has promised.

use crate::clear::ClearSuite;
use crate::{Dictionary, Payload};

/// Packed content, or a payload of suite 0, by the dictionaries given; `None` where it is refused.
#[must_use]
pub fn payload(bytes: &[u8], dictionaries: &[Dictionary]) -> Option<Payload> {
    let suite = ClearSuite::new(dictionaries);
    let packed = suite.open_packed(bytes);
    packed.or_else(|_| suite.open(bytes)).ok()
}
