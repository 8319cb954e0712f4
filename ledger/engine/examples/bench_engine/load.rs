// SPDX-License-Identifier: Apache-2.0
//! What is committed: blood pressures as a gateway maps them, about 1 KiB each.

use silsila_store::{Dictionary, Draft};

#[path = "../../../store/examples/pressures/mod.rs"]
mod pressures;

/// Records of one transaction.
const RECORDS: u64 = 500;

/// A kind of load.
pub struct Load {
    /// How it is asked for.
    pub name: &'static str,
    /// What it is, for the table.
    pub says: &'static str,
    /// How many records each patient has; none where the patients were known before.
    each: Option<u64>,
}

/// From the cheapest to the dearest.
pub const LOADS: [Load; 3] = [
    Load {
        name: "known",
        says: "records of 1 KiB, patients known before",
        each: None,
    },
    Load {
        name: "six",
        says: "records of 1 KiB, six for each new patient, and the patients' grants of five envelopes",
        each: Some(6),
    },
    Load {
        name: "new",
        says: "records of 1 KiB, each of a new patient, and as many grants of five envelopes",
        each: Some(1),
    },
];

impl Load {
    /// What makes patients known where they are to be: all of one transaction's.
    pub fn known(&self, at: u64, own: u64) -> Vec<Draft> {
        let count = if self.each.is_some() {
            1
        } else {
            RECORDS / 6 + 1
        };
        (0..count)
            .map(|patient| draft(seed(at, own, 0) + patient, seed(at, own, 0) + patient))
            .collect()
    }

    /// The drafts of a member's transaction of this number, from 1.
    pub fn drafts(&self, at: u64, own: u64, number: u64) -> Vec<Draft> {
        let first = seed(at, own, number);
        let patient = |record: u64| match self.each {
            Some(each) => first + record / each,
            None => seed(at, own, 0) + record / 6,
        };
        (0..RECORDS)
            .map(|record| draft(first + record, patient(record)))
            .collect()
    }
}

/// One record alone, of a patient that is mostly known.
pub fn single(number: u64) -> Vec<Draft> {
    vec![draft(
        seed(1 << 10, 0, 0) + number,
        seed(1 << 10, 0, 0) + number % 4,
    )]
}

fn seed(at: u64, own: u64, number: u64) -> u64 {
    ((at * 8 + own) * 1_000_000 + number) * 1_000
}

fn draft(resource: u64, patient: u64) -> Draft {
    pressures::draft(resource, patient, resource)
}

/// Two other bodies, as a dictionary of raw content.
pub fn dictionary() -> Dictionary {
    pressures::dictionary([1 << 60, 2 << 60])
}
