// SPDX-License-Identifier: Apache-2.0
//! What one content key is for.

use silsila_chain::cbor::Writer;
use silsila_chain::{ChannelId, PublicKey, Tag};

/// The records of one subject, in one compartment and key period, written by one custodian on one
/// channel: what one content key opens, and what an envelope hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Compartment {
    /// The channel.
    pub channel: ChannelId,
    /// The ed25519 key of the member that writes.
    pub custodian: PublicKey,
    /// Whose records.
    pub subject: Tag,
    /// The label class: 0 is normal.
    pub class: u8,
    /// The key period, from 1.
    pub period: u32,
}

impl Compartment {
    /// How many items [`Compartment::write`] adds.
    pub(crate) const ITEMS: u64 = 5;

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .bytes(&self.channel.0)
            .bytes(&self.custodian.0)
            .bytes(&self.subject.0)
            .uint(u64::from(self.class))
            .uint(u64::from(self.period));
    }

    /// The bytes that bind something to this compartment, under a label of its use.
    pub(crate) fn bind(&self, label: &str, more: u64) -> Writer {
        let mut writer = Writer::append_to(Vec::with_capacity(160));
        writer.array(1 + Self::ITEMS + more).text(label);
        self.write(&mut writer);
        writer
    }
}
