// SPDX-License-Identifier: Apache-2.0
//! Secrets, which a configuration names and never holds.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::environment;

/// Largest secret file read: a password or a token, never more.
const LARGEST: u64 = 64 * 1024;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// A secret in memory: overwritten when dropped, absent from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("CFG0032 the secret file {} cannot be read: {reason}", file.display())]
    Unreadable {
        /// The file as configured.
        file: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The variable is not set, or is not text.
    #[error("CFG0033 the environment variable {variable} is not set")]
    Unset {
        /// Its name.
        variable: String,
    },
    /// There is nothing in it.
    #[error("CFG0034 {place} holds no secret")]
    Empty {
        /// The file or variable.
        place: String,
    },
}

impl SecretError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CFG0032",
            Self::Unset { .. } => "CFG0033",
            Self::Empty { .. } => "CFG0034",
        }
    }
}

impl SecretRef {
    /// Reads the secret: a file's first line without its end, or the variable's whole value.
    ///
    /// # Errors
    /// A [`SecretError`] that names the file or variable.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let text = match self {
            Self::File(file) => first_line(file)?,
            Self::Env(variable) => {
                environment::read(variable).ok_or_else(|| SecretError::Unset {
                    variable: variable.clone(),
                })?
            }
        };
        if text.is_empty() {
            return Err(SecretError::Empty {
                place: self.to_string(),
            });
        }
        Ok(Secret(text))
    }
}

fn first_line(file: &PathBuf) -> Result<Zeroizing<String>, SecretError> {
    let unreadable = |reason| SecretError::Unreadable {
        file: file.clone(),
        reason,
    };
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(file)
        .and_then(|open| open.take(LARGEST).read_to_string(&mut text))
        .map_err(unreadable)?;
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::Env(variable) => write!(f, "the environment variable {variable}"),
        }
    }
}

impl Secret {
    /// The secret itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_its_file_and_never_shown() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "s3cret \r\nsecond line\n").expect("written");
        let secret = SecretRef::File(file).read().expect("readable");
        assert_eq!(secret.expose(), "s3cret ");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn a_missing_empty_or_unset_secret_says_which() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("password");
        let read = |place: &SecretRef| place.read().expect_err("no secret").to_string();
        let place = SecretRef::File(file.clone());
        assert!(read(&place).starts_with("CFG0032") && read(&place).contains("password"));
        std::fs::write(&file, "\n").expect("written");
        assert!(read(&place).starts_with("CFG0034"));
        let unset = SecretRef::Env("SILSILA_TEST_NEVER_SET".into());
        assert_eq!(
            read(&unset),
            "CFG0033 the environment variable SILSILA_TEST_NEVER_SET is not set"
        );
    }
}
