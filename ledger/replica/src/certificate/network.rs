// SPDX-License-Identifier: Apache-2.0
//! The network document and its fingerprint.

use std::fmt;
use std::str::FromStr;

use silsila_chain::cbor::{Reader, Writer};
use silsila_chain::merkle::leaf_hash;

use super::profile::MAX_CERTIFICATE;
use super::{CertificateFault, MAX_NAME_BYTES, RootCertificate};

const LABEL: &str = "silsila/network/1";
const WHAT: &str = "network document";

/// What a network is: its name, when it was founded, and its root certificate. Issuing certificates are
/// not part of it, so that an issuing key can be replaced while the fingerprint that people compared and
/// that every channel names stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    founded_ms: u64,
    root: RootCertificate,
}

impl Network {
    /// The network of a root, founded at a time in milliseconds since 1970.
    #[must_use]
    pub const fn new(root: RootCertificate, founded_ms: u64) -> Self {
        Self { founded_ms, root }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.root.network()
    }

    /// When it was founded, in milliseconds since 1970.
    #[must_use]
    pub const fn founded_ms(&self) -> u64 {
        self.founded_ms
    }

    /// Its root.
    #[must_use]
    pub const fn root(&self) -> &RootCertificate {
        &self.root
    }

    /// The document: `["silsila/network/1", name, founding time, root certificate]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(4).text(LABEL).text(self.name());
        writer.uint(self.founded_ms).bytes(self.root.der());
        writer.into_bytes()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Where the bytes are none, the root certificate is none, or the two do not agree.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateFault> {
        let mut reader = Reader::new(bytes);
        let network = Self::read(&mut reader)?;
        reader.finish().map_err(CertificateFault::encoding(WHAT))?;
        Ok(network)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CertificateFault> {
        let fault = CertificateFault::encoding(WHAT);
        reader.tuple(4).map_err(&fault)?;
        reader.label(LABEL).map_err(&fault)?;
        let name = reader.text(MAX_NAME_BYTES).map_err(&fault)?;
        let founded_ms = reader.uint().map_err(&fault)?;
        let root = RootCertificate::parse(reader.bytes(MAX_CERTIFICATE).map_err(&fault)?)?;
        if root.network() != name {
            return Err(CertificateFault::Network);
        }
        Ok(Self { founded_ms, root })
    }

    /// By which people recognize the network and channels name it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(leaf_hash(&self.encode()))
    }
}

/// The hash of a network document. It is shown in groups of four digits, so that two people can compare
/// it over the telephone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pair) in self.0.chunks(2).enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{:02x}{:02x}", pair[0], pair[1])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = CertificateFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ' ')
            .take(65)
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64);
        let digits = digits.ok_or(CertificateFault::FingerprintText)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}
