// SPDX-License-Identifier: Apache-2.0
//! Identifiers and numbers of the ledger. Every identifier of an encoded object is the RFC 9162 leaf
//! hash of its bytes, so that an inclusion proof starts at the identifier itself.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Text that is not the lower-case hexadecimal form of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hexadecimal digits")]
pub struct HexError {
    /// How many digits the identifier has.
    pub expected: usize,
}

/// Writes bytes as lower-case hexadecimal.
pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly `N` bytes of hexadecimal.
pub(crate) fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let fault = HexError { expected: N * 2 };
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return Err(fault);
    }
    let mut bytes = [0_u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16).ok_or(fault)?;
        let low = char::from(pair[1]).to_digit(16).ok_or(fault)?;
        *byte = u8::try_from(high * 16 + low).map_err(|_| fault)?;
    }
    Ok(bytes)
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub [u8; $size]);

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write(&self.0);
            }
        }

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                read_hex(text).map(Self)
            }
        }
    };
}

identifier!(
    /// A keyed tag that stands for a resource or a subject: HMAC-SHA-256 under a key of the custodian
    /// and the channel, cut to 16 bytes.
    Tag,
    16
);
identifier!(
    /// Names one event of one gateway; the same event staged again has the same id.
    EventId,
    16
);
identifier!(
    /// RFC 9162 leaf hash of an entry's bytes.
    EntryHash,
    32
);
identifier!(
    /// RFC 9162 leaf hash of a block header's bytes.
    BlockHash,
    32
);
identifier!(
    /// RFC 9162 leaf hash of a transaction header's bytes.
    TxId,
    32
);
identifier!(
    /// SHA-256 of a payload's bytes as stored.
    PayloadDigest,
    32
);
identifier!(
    /// RFC 9162 leaf hash of `["silsila/proposal/1", channel, kind of entry, proposal]`: what members
    /// endorse.
    ProposalId,
    32
);
identifier!(
    /// RFC 9162 leaf hash of a channel's genesis; whatever names it is bound to that genesis.
    ChannelId,
    32
);

/// A block's place in its chain; genesis has height 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Height(pub u64);

impl Height {
    /// The height after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a signature or certificate is made; the byte travels in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scheme(pub u8);

impl Scheme {
    /// One ed25519 signature, for a member's transaction or a lone validator's block.
    pub const ED25519: Self = Self(1);
    /// A quorum's certificate.
    pub const QUORUM: Self = Self(2);
}

/// How a payload's bytes are made; the byte is the payload's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suite(pub u8);

impl Suite {
    /// Salted, compressed, in clear: for a gateway that is alone on its channel.
    pub const CLEAR: Self = Self(0);
    /// A resource version sealed with a content key.
    pub const SEALED: Self = Self(1);
    /// Content keys, enveloped to the recipients of a grant.
    pub const ENVELOPES: Self = Self(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_print_and_parse_as_hexadecimal() {
        let tag = Tag([0xab; 16]);
        assert_eq!(tag.to_string(), "ab".repeat(16));
        assert_eq!(tag.to_string().parse(), Ok(tag));
        assert_eq!("ab".parse::<Tag>(), Err(HexError { expected: 32 }));
        assert_eq!(
            "zz".repeat(16).parse::<Tag>(),
            Err(HexError { expected: 32 })
        );
    }
}
