// SPDX-License-Identifier: Apache-2.0
//! Keyed digests: what is kept of a resource's bytes says nothing to whoever lacks the key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use silsila_mapping::Pack;
use silsila_schema::Json;

use crate::row_state::{Digest, Person};

fn keyed(key: &[u8; 32], domain: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(domain);
    mac.update(&[0]);
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// Of a resource's canonical bytes.
pub(crate) fn body(key: &[u8; 32], bytes: &[u8]) -> Digest {
    let full = keyed(key, b"body", bytes);
    *full.first_chunk().expect("32 bytes hold 16")
}

/// Of the three things by which a person is told from another. A member that is missing counts as a value
/// of its own.
pub(crate) fn person(key: &[u8; 32], patient: &[u8]) -> Option<Person> {
    let patient = Json::parse(patient).ok()?;
    let part = |member: &str| {
        let bytes = patient.get(member).map(Json::canonical).unwrap_or_default();
        let full = keyed(key, member.as_bytes(), &bytes);
        *full.first_chunk().expect("32 bytes hold 8")
    };
    Some(Person([part("name"), part("birthDate"), part("gender")]))
}

/// Of all mappings of a pack: another digest asks for a sweep.
pub(crate) fn pack(pack: &Pack) -> [u8; 32] {
    let mut hash = Sha256::new();
    for mapping in pack.mappings() {
        hash.update(mapping.name().as_bytes());
        hash.update([0]);
        hash.update(mapping.digest());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_person_is_told_by_name_birth_date_and_sex_and_by_nothing_else() {
        let one = person(
            &KEY,
            br#"{"name":[{"family":"Shah"}],"gender":"male","birthDate":"1980"}"#,
        );
        let moved = person(
            &KEY,
            br#"{"name":[{"family":"Shah"}],"gender":"male","birthDate":"1980","address":[]}"#,
        );
        assert!(one == moved);
        let (one, other) = (
            one.unwrap(),
            person(
                &KEY,
                br#"{"name":[{"family":"Bibi"}],"gender":"female","birthDate":"1999"}"#,
            )
            .unwrap(),
        );
        assert!(one.shares_nothing_with(&other));
        let namesake = person(
            &KEY,
            br#"{"name":[{"family":"Shah"}],"gender":"female","birthDate":"1999"}"#,
        )
        .unwrap();
        assert!(!one.shares_nothing_with(&namesake));
    }

    #[test]
    fn digests_depend_on_the_key_and_on_every_byte() {
        let digest = body(&KEY, b"{}");
        assert_eq!(digest, body(&KEY, b"{}"));
        assert_ne!(digest, body(&[8; 32], b"{}"));
        assert_ne!(digest, body(&KEY, b"{ }"));
    }
}
