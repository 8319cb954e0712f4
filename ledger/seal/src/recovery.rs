// SPDX-License-Identifier: Apache-2.0
//! The recovery key: printed once, kept on paper, and what grows from it.

use std::fmt;

use hpke::{Kem as _, Serializable as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::content::derive;
use crate::suites::{Kem, PrivateKey};
use crate::{SealError, SealingPublic, random};

/// Letters that cannot be taken for each other (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 256 bits of secret and 24 of checksum are 56 letters, written in 14 groups of four.
const LENGTH: usize = 56;
const SECRET: usize = 32;
const CHECKSUM: usize = 3;

/// 256 random bits that open every backup of one gateway. It is shown once, and never kept by the gateway.
pub struct RecoveryKey(Zeroizing<[u8; SECRET]>);

/// What a gateway keeps of its recovery key: enough to seal a backup, and not enough to open one.
///
/// Without the second half anybody who knows the public key could make a backup; with it, only this gateway
/// and whoever holds the recovery key can.
#[derive(Clone)]
pub struct BackupKey {
    /// Backups are sealed to it.
    pub public: SealingPublic,
    /// The pre-shared key of RFC 9180, section 5.1.2.
    pub shared: Zeroizing<[u8; 32]>,
}

impl RecoveryKey {
    /// A new one.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self(random::secret()?))
    }

    /// The key of these bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }

    /// The form for paper: 14 groups of four letters, of which the last five letters check the others.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; SECRET + CHECKSUM]);
        bytes[..SECRET].copy_from_slice(&*self.0);
        bytes[SECRET..].copy_from_slice(&checksum(&self.0));
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / 4));
        for (position, letter) in letters(&*bytes).enumerate() {
            if position > 0 && position % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(letter));
        }
        text
    }

    /// Reads what a person typed: small letters, spaces, and the usual confusions (O for 0, I and L for 1)
    /// are taken as meant.
    ///
    /// # Errors
    /// Where letters are missing, are none, or do not fit the checksum.
    pub fn parse(typed: &str) -> Result<Self, SealError> {
        let wrong = |reason| SealError::RecoveryText { reason };
        let mut bytes = Zeroizing::new([0_u8; SECRET + CHECKSUM]);
        let (mut count, mut bits, mut held) = (0_usize, 0_u32, 0_u32);
        for typed in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let value = value(typed).ok_or_else(|| wrong("it holds a letter that no key has"))?;
            if count == LENGTH {
                return Err(wrong("it has more than 56 letters"));
            }
            (held, bits, count) = ((held << 5 | value) & 0xfff, bits + 5, count + 1);
            if bits >= 8 {
                bits -= 8;
                bytes[(count * 5 - bits as usize) / 8 - 1] = (held >> bits).to_be_bytes()[3];
            }
        }
        if count < LENGTH {
            return Err(wrong("it has fewer than 56 letters"));
        }
        let (secret, check) = bytes
            .split_first_chunk::<SECRET>()
            .expect("the array is longer");
        if *check == checksum(secret) {
            Ok(Self::new(secret))
        } else {
            Err(wrong("its checksum does not fit: a letter was mistyped"))
        }
    }

    /// What the gateway keeps.
    #[must_use]
    pub fn backup_key(&self) -> BackupKey {
        let (_, public) = self.pair();
        BackupKey {
            public: SealingPublic(public.to_bytes().into()),
            shared: self.shared(),
        }
    }

    pub(crate) fn private(&self) -> PrivateKey {
        self.pair().0
    }

    pub(crate) fn shared(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, b"silsila backup shared key 1")
    }

    fn pair(&self) -> (PrivateKey, crate::suites::PublicKey) {
        Kem::derive_keypair(&*derive(&self.0, b"silsila recovery pair 1"))
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey(..)")
    }
}

fn checksum(secret: &[u8; SECRET]) -> [u8; CHECKSUM] {
    let digest = Sha256::new()
        .chain_update(b"silsila recovery key 1")
        .chain_update(secret)
        .finalize();
    [digest[0], digest[1], digest[2]]
}

fn letters(bytes: &[u8]) -> impl Iterator<Item = u8> {
    (0..bytes.len() * 8).step_by(5).map(|bit| {
        let pair = [
            bytes[bit / 8],
            bytes.get(bit / 8 + 1).copied().unwrap_or_default(),
        ];
        let shift = 11 - bit % 8;
        LETTERS[usize::from(u16::from_be_bytes(pair) >> shift & 31)]
    })
}

fn value(typed: char) -> Option<u32> {
    let letter = match typed.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = LETTERS.iter().position(|one| char::from(*one) == letter)?;
    u32::try_from(position).ok()
}
