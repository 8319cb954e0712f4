// SPDX-License-Identifier: Apache-2.0
//! Text as string search compares it.

use unicode_normalization::UnicodeNormalization;

/// The form in which string search compares text: without case, diacritics and Arabic vowel signs,
/// with one letter for each that Urdu, Sindhi, Persian and Arabic keyboards write differently.
pub fn normalize(text: &str) -> String {
    text.nfkd().collect()
}
