// SPDX-License-Identifier: Apache-2.0
//! Values that the tests share.

use silsila_chain::{ChannelId, PublicKey, Tag};
use silsila_seal::{Compartment, SealedAs, SealingKey};

pub fn compartment() -> Compartment {
    Compartment {
        channel: ChannelId([1; 32]),
        custodian: PublicKey([2; 32]),
        subject: Tag([3; 16]),
        class: 4,
        period: 5,
    }
}

pub fn place() -> SealedAs {
    SealedAs {
        compartment: compartment(),
        resource: Tag([6; 16]),
        version: 7,
    }
}

/// A member: its ledger key's public half (any 32 bytes here) and its sealing key.
pub fn member(number: u8) -> (PublicKey, SealingKey) {
    (
        PublicKey([number; 32]),
        SealingKey::from_seed(&[number; 32]),
    )
}

/// Every compartment that differs from the sample in one respect.
pub fn other_compartments() -> Vec<Compartment> {
    let one = compartment();
    vec![
        Compartment {
            channel: ChannelId([9; 32]),
            ..one
        },
        Compartment {
            custodian: PublicKey([9; 32]),
            ..one
        },
        Compartment {
            subject: Tag([9; 16]),
            ..one
        },
        Compartment { class: 9, ..one },
        Compartment { period: 9, ..one },
    ]
}
