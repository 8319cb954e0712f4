// SPDX-License-Identifier: Apache-2.0
//! The ids under which resources are served.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use silsila_source::Key;

/// A resource's id: 26 characters of lower case base32. It says nothing about the legacy key to anybody
/// who does not hold the hospital's id key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId([u8; 26]);

impl LogicalId {
    /// The first 26 characters of base32(HMAC-SHA-256(id key, source, mapping, encoded key)), the parts
    /// separated by a zero byte.
    #[must_use]
    pub fn derive(id_key: &[u8; 32], source: &str, mapping: &str, key: &Key) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(id_key).expect("HMAC takes a key of any length");
        mac.update(source.as_bytes());
        mac.update(&[0]);
        mac.update(mapping.as_bytes());
        mac.update(&[0]);
        mac.update(&key.encode());
        Self(base32(&mac.finalize().into_bytes()))
    }

    /// The id as it is served.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base32 is ASCII")
    }
}

impl fmt::Display for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogicalId({self})")
    }
}

/// RFC 4648 base32 in lower case, the first 26 characters (130 bits).
fn base32(bytes: &[u8]) -> [u8; 26] {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut out = [0; 26];
    for (i, slot) in out.iter_mut().enumerate() {
        let bit = i * 5;
        let pair = u16::from(bytes[bit / 8]) << 8 | u16::from(bytes[bit / 8 + 1]);
        *slot = ALPHABET[usize::from(pair >> (11 - bit % 8) & 31)];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Value;

    #[test]
    fn base32_is_that_of_the_rfc() {
        // "foobarfoobarfoobar" in RFC 4648 base32, cut at 26 characters.
        assert_eq!(
            &base32(b"foobarfoobarfoobar"),
            b"mzxw6ytbojtg633cmfzgm33pmj"
        );
    }

    #[test]
    fn ids_differ_by_source_mapping_and_key() {
        let key = |n| Key(vec![Value::Int(n)]);
        let id = |s, m, n| LogicalId::derive(&[7; 32], s, m, &key(n));
        let all = [
            id("a", "b", 1),
            id("a", "b", 2),
            id("a", "c", 1),
            id("ab", "", 1),
            id("", "ab", 1),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
