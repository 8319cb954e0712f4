// SPDX-License-Identifier: Apache-2.0
//! Names of networks and organizations, and the roles that an organization may have.

use std::fmt;
use std::str::FromStr;

use super::CertificateFault;

/// The longest name, in characters (X.520's bound of an organization's name).
pub const MAX_NAME_CHARACTERS: usize = 64;
/// The longest name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 192;

/// Whether a name can stand in a certificate: not empty, at most 64 characters and 192 bytes, no space
/// at either end or doubled, and nothing invisible, so that two names that look alike to a person who
/// approves them are not told apart by a machine.
///
/// # Errors
/// [`CertificateFault::Name`] with what is wrong.
pub fn check_name(name: &str) -> Result<(), CertificateFault> {
    let fault = |reason| Err(CertificateFault::Name(reason));
    if name.is_empty() {
        return fault("it is empty");
    }
    if name.len() > MAX_NAME_BYTES || name.chars().count() > MAX_NAME_CHARACTERS {
        return fault("it is longer than 64 characters or 192 bytes");
    }
    if name.starts_with(' ') || name.ends_with(' ') || name.contains("  ") {
        return fault("it has a space at an end, or two in a row");
    }
    if name.chars().any(is_invisible) {
        return fault("it holds a control character or one that is invisible");
    }
    Ok(())
}

/// Control and format characters, spaces other than the common one, and what marks no place of its own.
/// The joiners that Urdu and Sindhi need (U+200C, U+200D) are among them on purpose: names are compared.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0x00ad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff
            | 0xffa0 | 0xfff0..=0xfffb | 0xe0000..=0xe0fff | 0xe000..=0xf8ff | 0xf0000..=0x0010_ffff)
}

/// What an organization is in its network. Contracts speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// Treats in-patients.
    Hospital,
    /// Treats out-patients.
    Clinic,
    /// Examines samples or images.
    Laboratory,
    /// Dispenses medicines.
    Pharmacy,
    /// Registers members, or oversees health care.
    Authority,
    /// Pays for treatment.
    Insurer,
    /// Examines the ledger.
    Auditor,
    /// Keeps a copy and appends nothing.
    Observer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Hospital,
        Self::Clinic,
        Self::Laboratory,
        Self::Pharmacy,
        Self::Authority,
        Self::Insurer,
        Self::Auditor,
        Self::Observer,
    ];

    /// The word that stands for it in certificates, contracts and commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Clinic => "clinic",
            Self::Laboratory => "laboratory",
            Self::Pharmacy => "pharmacy",
            Self::Authority => "authority",
            Self::Insurer => "insurer",
            Self::Auditor => "auditor",
            Self::Observer => "observer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Role {
    type Err = CertificateFault;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.word() == word)
            .ok_or(CertificateFault::Role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_pass_and_what_cannot_be_seen_does_not() {
        for name in [
            "Civil Hospital Mirpurkhas",
            "لیاقت یونیورسٹی ہسپتال",
            "D'Souza & Söhne, 2.",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let long = "x".repeat(65);
        for name in [
            "",
            " a",
            "a ",
            "a  b",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{a0}b",
            "\u{feff}a",
            "a\0",
            &long,
        ] {
            assert!(
                matches!(check_name(name), Err(CertificateFault::Name(_))),
                "{name:?}"
            );
        }
    }

    #[test]
    fn every_role_is_read_from_its_own_word_alone() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
        }
        for word in ["", "Hospital", "hospital ", "king"] {
            assert_eq!(word.parse::<Role>(), Err(CertificateFault::Role));
        }
    }
}
