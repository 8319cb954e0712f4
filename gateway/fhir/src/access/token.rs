// SPDX-License-Identifier: Apache-2.0
//! Bearer tokens: named, compared by digest, with an optional expiry.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Fewer characters than this can be guessed; `openssl rand -hex 24` gives 48.
pub const SHORTEST_TOKEN: usize = 32;

/// One accepted bearer token. Only its digest is kept in memory.
#[derive(Clone)]
pub struct Token {
    name: Box<str>,
    digest: [u8; 32],
    expires_ms: Option<i64>,
}

/// Why a token file was refused. Never carries a token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenFault {
    /// The line is not `name token [expiry]`.
    #[error("line {line}: expected `name token` and optionally an expiry such as 2027-01-31")]
    Shape {
        /// Line in the file, from 1.
        line: usize,
    },
    /// The token is too short to withstand guessing.
    #[error("line {line}: the token is shorter than {SHORTEST_TOKEN} characters")]
    Short {
        /// Line in the file, from 1.
        line: usize,
    },
    /// The expiry is not a date or a time with a zone.
    #[error("line {line}: the expiry is not a date such as 2027-01-31")]
    Expiry {
        /// Line in the file, from 1.
        line: usize,
    },
    /// Two tokens share a name or a value.
    #[error("line {line}: the name or the token was already used above")]
    Twice {
        /// Line in the file, from 1.
        line: usize,
    },
}

impl TokenFault {
    /// The stable code of this fault.
    pub const CODE: &'static str = "FHR0025";
}

impl Token {
    /// A token with a name for the audit log. `expires_ms` is Unix time in milliseconds.
    pub fn new(name: &str, secret: &str, expires_ms: Option<i64>) -> Self {
        Self {
            name: name.into(),
            digest: Sha256::digest(secret.as_bytes()).into(),
            expires_ms,
        }
    }

    /// Reads a token file: one `name token [expiry]` per line, `#` starts a comment line.
    /// All faults are returned at once.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, Vec<TokenFault>> {
        let mut tokens: Vec<Self> = Vec::new();
        let mut faults = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Self::parse_line(line, line_number) {
                Err(fault) => faults.push(fault),
                Ok(token) if tokens.iter().any(|known| known.collides(&token)) => {
                    faults.push(TokenFault::Twice { line: line_number });
                }
                Ok(token) => tokens.push(token),
            }
        }
        if faults.is_empty() {
            Ok(tokens)
        } else {
            Err(faults)
        }
    }

    fn parse_line(text: &str, line: usize) -> Result<Self, TokenFault> {
        let mut words = text.split_whitespace();
        let (Some(name), Some(secret)) = (words.next(), words.next()) else {
            return Err(TokenFault::Shape { line });
        };
        let expires_ms = match words.next() {
            None => None,
            Some(day) => {
                let (_, last_ms) = silsila_schema::search::parse_date_range(day)
                    .ok_or(TokenFault::Expiry { line })?;
                Some(last_ms)
            }
        };
        if words.next().is_some() {
            return Err(TokenFault::Shape { line });
        }
        if secret.len() < SHORTEST_TOKEN {
            return Err(TokenFault::Short { line });
        }
        Ok(Self::new(name, secret, expires_ms))
    }

    /// The name under which the bearer is known.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn expired(&self, now_ms: i64) -> bool {
        self.expires_ms.is_some_and(|end| now_ms > end)
    }

    /// Compares digests without stopping at the first difference.
    pub(crate) fn matches(&self, digest: &[u8; 32]) -> bool {
        let difference = self
            .digest
            .iter()
            .zip(digest)
            .fold(0u8, |sum, (ours, theirs)| sum | (ours ^ theirs));
        difference == 0
    }

    fn collides(&self, other: &Self) -> bool {
        self.name == other.name || self.digest == other.digest
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_file_names_every_faulty_line_at_once() {
        let text = format!("# desk\nshort abc\nalone\nward {LONG} soon\nok {LONG}\nagain {LONG}\n");
        assert_eq!(
            Token::parse_file(&text).unwrap_err(),
            [
                TokenFault::Short { line: 2 },
                TokenFault::Shape { line: 3 },
                TokenFault::Expiry { line: 4 },
                TokenFault::Twice { line: 6 },
            ]
        );
    }

    #[test]
    fn a_token_expires_after_the_last_moment_of_its_day() {
        let tokens = Token::parse_file(&format!("ward {LONG} 2026-03-01\n")).unwrap();
        let midnight = 1_772_409_600_000; // 2026-03-02T00:00:00Z
        assert!(!tokens[0].expired(midnight - 1));
        assert!(tokens[0].expired(midnight));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Token::new("ward", LONG, None));
        assert!(!shown.contains(LONG) && shown.contains("ward"));
    }
}
