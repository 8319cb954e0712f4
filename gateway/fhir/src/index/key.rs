// SPDX-License-Identifier: Apache-2.0
//! The numbers under which an index row is found.
//!
//! A *term* (a token, a reference, a URI, a type, a name) is 62 bits of a SHA-256 keyed with 16 random
//! bytes that this file alone knows. Two of a million different terms meet with a probability of about
//! one in ten million, and nobody can choose values that do; so a term that matches is taken at its
//! word, except for names, which decide what is read.
//!
//! Terms that few versions share (names, identifiers, references to patients and encounters) have the
//! topmost bit set. Each of their rows falls on another page of a large tree, so they take the way
//! through `fhir_fresh` (see [`super::merge`]); rows of common terms join the end of a long run.
//!
//! A *range key* is a parameter, a class of length and a day: a superset that the facts of the
//! version narrow down.

use sha2::{Digest as _, Sha256};

/// Makes the terms of one file.
#[derive(Clone)]
pub struct Keyed {
    key: [u8; 16],
}

impl Keyed {
    /// The terms of the file with this key.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// Every resource of a type.
    pub fn of_type(&self, resource_type: &str) -> i64 {
        self.term(b'T', &[resource_type])
    }

    /// A resource by its name.
    pub fn of_resource(&self, resource_type: &str, id: &str) -> i64 {
        self.rare(b'I', &[resource_type, id])
    }

    /// A resource by its tag on the ledger.
    pub fn of_tag(&self, tag: &[u8; 16]) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&tag[..8]);
        (i64::from_be_bytes(first) & (RARE - 1)) | RARE
    }

    /// A token's code, whatever its system. Case is folded, as FHIR asks where in doubt.
    pub fn of_code(&self, resource_type: &str, param: &str, code: &str) -> i64 {
        let parts = [resource_type, param, &fold(code)];
        if RARE_TOKENS.contains(&param) {
            self.rare(b'C', &parts)
        } else {
            self.term(b'C', &parts)
        }
    }

    /// Any token of a system.
    pub fn of_system(&self, resource_type: &str, param: &str, system: &str) -> i64 {
        self.term(b'S', &[resource_type, param, system])
    }

    /// A reference to a resource of this gateway.
    pub fn of_reference(&self, resource_type: &str, param: &str, kind: &str, id: &str) -> i64 {
        let parts = [resource_type, param, kind, id];
        if COMMON_TARGETS.contains(&kind) {
            self.term(b'R', &parts)
        } else {
            self.rare(b'R', &parts)
        }
    }

    /// A URI or a reference by absolute URL.
    pub fn of_uri(&self, resource_type: &str, param: &str, uri: &str) -> i64 {
        self.term(b'U', &[resource_type, param, uri])
    }

    /// A reference by identifier alone.
    pub fn of_identifier(&self, resource_type: &str, param: &str, value: &str) -> i64 {
        self.rare(b'N', &[resource_type, param, &fold(value)])
    }

    fn rare(&self, kind: u8, parts: &[&str]) -> i64 {
        self.term(kind, parts) | RARE
    }

    fn term(&self, kind: u8, parts: &[&str]) -> i64 {
        let mut hash = Sha256::new_with_prefix(self.key);
        hash.update([kind]);
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(first) & (RARE - 1)
    }
}

/// Set in the terms that few versions share.
pub const RARE: i64 = 1 << 62;

/// Whether few versions share a term.
pub fn is_rare(term: i64) -> bool {
    term >= RARE
}

/// Tokens of which nearly every resource has its own.
const RARE_TOKENS: [&str; 4] = ["email", "identifier", "phone", "telecom"];
/// Types of which a hospital has few, and to which very many resources refer.
const COMMON_TARGETS: [&str; 6] = [
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
];

fn fold(code: &str) -> std::borrow::Cow<'_, str> {
    if code
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        code.into()
    } else {
        code.to_lowercase().into()
    }
}

/// A parameter of a type as one small number.
pub fn param_number(type_number: i64, param: u16) -> i64 {
    (type_number << PARAM_BITS) | i64::from(param)
}

const PARAM_BITS: u32 = 11;
const CLASS_BITS: u32 = 2;
const DAY_BITS: u32 = 42;
const DAY_MS: i64 = 86_400_000;

/// Numbers of parameters must stay below this.
pub const PARAM_LIMIT: u16 = 1 << PARAM_BITS;

/// The longest range of each class in days; the last class has no bound.
const CLASS_DAYS: [i64; 3] = [1, 32, 367];

/// The range key of a date or period that begins at `lo` and ends at `hi`.
pub fn range_key(param: i64, lo: i64, hi: i64) -> i64 {
    let length = hi.saturating_sub(lo);
    let class = CLASS_DAYS
        .iter()
        .position(|days| length <= days * DAY_MS)
        .unwrap_or(CLASS_DAYS.len());
    compose(param, class, day(lo))
}

/// The range keys, from and to inclusive, that can hold a date with `lo` in `begins` and `hi` in
/// `ends` (both inclusive).
pub fn range_keys(param: i64, begins: (i64, i64), ends: (i64, i64)) -> Vec<(i64, i64)> {
    let latest = begins.1.min(ends.1);
    (0..=CLASS_DAYS.len())
        .filter_map(|class| {
            let earliest = match CLASS_DAYS.get(class) {
                Some(days) => begins.0.max(ends.0.saturating_sub(days * DAY_MS)),
                None => begins.0,
            };
            (earliest <= latest).then(|| {
                (
                    compose(param, class, day(earliest)),
                    compose(param, class, day(latest)),
                )
            })
        })
        .collect()
}

/// Days since a day long before any date of FHIR, clamped to what the key holds.
fn day(ms: i64) -> i64 {
    let origin = 1 << (DAY_BITS - 1);
    (ms.div_euclid(DAY_MS) + origin).clamp(0, (1 << DAY_BITS) - 1)
}

fn compose(param: i64, class: usize, day: i64) -> i64 {
    let class = i64::try_from(class).expect("there are four classes");
    (param << (CLASS_BITS + DAY_BITS)) | (class << DAY_BITS) | day
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terms_differ_by_kind_type_parameter_and_key() {
        let keyed = Keyed::new([7; 16]);
        let mut terms = vec![
            keyed.of_code("Patient", "gender", "male"),
            keyed.of_code("Patient", "gende", "rmale"),
            keyed.of_code("Person", "gender", "male"),
            keyed.of_system("Patient", "gender", "male"),
            keyed.of_uri("Patient", "gender", "male"),
            Keyed::new([8; 16]).of_code("Patient", "gender", "male"),
        ];
        assert!(terms.iter().all(|term| *term >= 0));
        terms.sort_unstable();
        terms.dedup();
        assert_eq!(terms.len(), 6);
    }

    #[test]
    fn the_case_of_a_code_does_not_matter() {
        let keyed = Keyed::new([7; 16]);
        assert_eq!(
            keyed.of_code("Patient", "identifier", "MR-ÄB1"),
            keyed.of_code("Patient", "identifier", "mr-äb1"),
        );
    }

    fn moment() -> impl Strategy<Value = i64> {
        prop_oneof![
            8 => -4_000_000_000_000_i64..8_000_000_000_000,
            1 => Just(i64::MIN),
            1 => Just(i64::MAX),
        ]
    }

    proptest! {
        #[test]
        fn a_range_that_satisfies_the_bounds_is_among_the_keys(
            a in moment(), b in moment(), c in moment(), d in moment(), e in moment(), f in moment(),
        ) {
            let (lo, hi) = (a.min(b), a.max(b));
            let (begins, ends) = ((c.min(d), c.max(d)), (e.min(f), e.max(f)));
            let fits = begins.0 <= lo && lo <= begins.1 && ends.0 <= hi && hi <= ends.1;
            let key = range_key(42, lo, hi);
            let found = range_keys(42, begins, ends).iter().any(|(from, to)| (from..=to).contains(&&key));
            prop_assert!(found || !fits);
        }

        #[test]
        fn keys_of_different_parameters_never_meet(a in moment(), b in moment(), p in 0_i64..500_000) {
            let key = range_key(p, a.min(b), a.max(b));
            prop_assert_eq!(key >> (CLASS_BITS + DAY_BITS), p);
            prop_assert!(key >= 0);
        }
    }
}
