// SPDX-License-Identifier: Apache-2.0
//! Page tokens: which snapshot a search sees and where its next page begins. A token carries numbers of
//! the index alone, never a value from a record, and is bound to the search that it belongs to; a client
//! may change `_count` on the way.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The newest entry that the search sees.
    pub snapshot: i64,
    /// The last version of the page before; none for the first page.
    pub after: Option<i64>,
    /// The total, where it was counted.
    pub total: Option<u64>,
}

const BODY: usize = 24;
const MAC: usize = 16;

/// What binds a token to its search.
pub fn binding(resource_type: &str, pairs: &[(String, String)]) -> [u8; 32] {
    const FREE: [&str; 5] = ["_count", "_total", "_elements", "_revinclude", "_summary"];
    let mut hash = Sha256::new();
    hash.update(resource_type.as_bytes());
    for (name, value) in pairs {
        if !FREE.contains(&name.as_str()) {
            for part in [name, value] {
                hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
    }
    hash.finalize().into()
}

impl Page {
    /// The token, as digits for a URL.
    pub fn seal(&self, key: &[u8; 32], binding: &[u8; 32]) -> String {
        let total = self.total.and_then(|total| i64::try_from(total).ok());
        let mut bytes = Vec::with_capacity(BODY + MAC);
        for number in [self.snapshot, self.after.unwrap_or(-1), total.unwrap_or(-1)] {
            bytes.extend(number.to_be_bytes());
        }
        let mac = mac(key, binding, &bytes);
        bytes.extend(mac);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a token that this gateway made for this search.
    pub fn open(text: &str, key: &[u8; 32], binding: &[u8; 32]) -> Result<Self, Refusal> {
        let bytes = unhex(text).ok_or(Refusal::PageInvalid)?;
        let (body, given) = bytes.split_at_checked(BODY).ok_or(Refusal::PageInvalid)?;
        let expected = mac(key, binding, body);
        let difference = given
            .iter()
            .zip(expected)
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        if given.len() != MAC || difference != 0 {
            return Err(Refusal::PageInvalid);
        }
        let number = |place: usize| {
            let bytes = body.get(place * 8..place * 8 + 8)?;
            Some(i64::from_be_bytes(bytes.try_into().ok()?))
        };
        let signed = |place| number(place).ok_or(Refusal::PageInvalid);
        Ok(Self {
            snapshot: signed(0)?,
            after: Some(signed(1)?).filter(|after| *after >= 0),
            total: u64::try_from(signed(2)?).ok(),
        })
    }
}

fn mac(key: &[u8; 32], binding: &[u8; 32], body: &[u8]) -> [u8; MAC] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(binding);
    mac.update(body);
    let full = mac.finalize().into_bytes();
    let mut cut = [0; MAC];
    cut.copy_from_slice(&full[..MAC]);
    cut
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != (BODY + MAC) * 2 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn a_token_opens_for_its_own_search_only() {
        let key = [9; 32];
        let page = Page {
            snapshot: 1_000,
            after: Some(0),
            total: None,
        };
        let search = binding("Patient", &pairs(&[("name", "ali"), ("_count", "5")]));
        let token = page.seal(&key, &search);
        assert_eq!(Page::open(&token, &key, &search).unwrap(), page);
        let more = binding("Patient", &pairs(&[("name", "ali"), ("_count", "1000")]));
        assert_eq!(Page::open(&token, &key, &more).unwrap(), page);
        for other in [
            binding("Patient", &pairs(&[("name", "alia")])),
            binding("Patient", &pairs(&[("nam", "eali")])),
            binding("Person", &pairs(&[("name", "ali")])),
        ] {
            assert_eq!(
                Page::open(&token, &key, &other).unwrap_err().code(),
                "FHR0010"
            );
        }
    }

    #[test]
    fn a_token_that_was_changed_or_made_elsewhere_is_refused() {
        let search = [0; 32];
        let page = Page {
            snapshot: 7,
            after: None,
            total: Some(3),
        };
        let token = page.seal(&[9; 32], &search);
        let changed = token.replacen('7', "8", 1);
        for (text, key) in [
            (&changed, [9; 32]),
            (&token, [8; 32]),
            (&String::new(), [9; 32]),
            (&token[1..].to_owned(), [9; 32]),
        ] {
            assert!(Page::open(text, &key, &search).is_err());
        }
    }
}
