// SPDX-License-Identifier: Apache-2.0
//! The beginning of a channel.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::merkle::{EMPTY_ROOT, leaf_hash};
use crate::{BlockHash, BlockHeader, ChannelId, Height, Identity, PublicKey, Scheme, StateHash};

/// The longest channel name, in bytes.
pub const MAX_NAME: usize = 256;
/// The most members and the most validators that a genesis may name.
pub const MAX_IDENTITIES: u64 = 1024;
/// The longest genesis, in bytes.
pub const MAX_GENESIS: usize = 128 << 10;

const LABEL: &str = "silsila/genesis/1";

/// What a channel is founded on. Its hash is the channel's id and the fingerprint by which people
/// recognize it: every transaction and block names that hash, so nothing signed for one channel can be
/// carried to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The fingerprint of the network that the channel belongs to; zeros for a gateway alone.
    pub network: [u8; 32],
    /// The channel's name, for people.
    pub name: String,
    /// Random, so that two channels of one name and time differ.
    pub nonce: [u8; 16],
    /// When it was founded, in milliseconds since 1970; the time of block 0.
    pub time_ms: u64,
    /// The rules in force from block 1.
    pub rules_version: u32,
    /// Who may append, in ascending order.
    pub members: Vec<Identity>,
    /// Who certifies blocks, in ascending order.
    pub validators: Vec<Identity>,
}

impl Genesis {
    /// The genesis of a gateway that is alone: its one member validates.
    #[must_use]
    pub fn lone(member: PublicKey, name: String, nonce: [u8; 16], time_ms: u64) -> Self {
        let identity = Identity::ed25519(member);
        Self {
            network: [0; 32],
            name,
            nonce,
            time_ms,
            rules_version: crate::RULES_VERSION,
            members: vec![identity],
            validators: vec![identity],
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .array(8)
            .text(LABEL)
            .bytes(&self.network)
            .text(&self.name)
            .bytes(&self.nonce);
        writer
            .uint(self.time_ms)
            .uint(u64::from(self.rules_version));
        write_identities(&mut writer, &self.members);
        write_identities(&mut writer, &self.validators);
        writer.into_bytes()
    }

    /// Reads a genesis.
    ///
    /// # Errors
    /// Where the bytes are none, not in the deterministic form, or name nobody.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > MAX_GENESIS {
            return Err(reader.error("a genesis that is too long"));
        }
        reader.tuple(8)?;
        reader.label(LABEL)?;
        let genesis = Self {
            network: reader.fixed()?,
            name: reader.text(MAX_NAME)?.to_owned(),
            nonce: reader.fixed()?,
            time_ms: reader.uint()?,
            rules_version: reader.uint32()?,
            members: read_identities(&mut reader)?,
            validators: read_identities(&mut reader)?,
        };
        reader.finish()?;
        Ok(genesis)
    }

    /// The channel's id and fingerprint.
    #[must_use]
    pub fn id(&self) -> ChannelId {
        ChannelId(leaf_hash(&self.encode()))
    }

    /// The hash that headers carry for this genesis' validators.
    #[must_use]
    pub fn validators_hash(&self) -> [u8; 32] {
        let mut writer = Writer::new();
        writer.array(2).text("silsila/validators/1");
        write_identities(&mut writer, &self.validators);
        leaf_hash(&writer.into_bytes())
    }

    /// Block 0, which follows from genesis and needs no certificate.
    #[must_use]
    pub fn header(&self) -> BlockHeader {
        let channel = self.id();
        BlockHeader {
            channel,
            height: Height(0),
            previous: BlockHash(channel.0),
            time_ms: self.time_ms,
            first_entry: 0,
            tx_root: EMPTY_ROOT,
            history_root: EMPTY_ROOT,
            state_root: StateHash::default().root(),
            rules_version: self.rules_version,
            next_validators: self.validators_hash(),
        }
    }
}

fn write_identities(writer: &mut Writer, identities: &[Identity]) {
    writer.array(identities.len() as u64);
    for identity in identities {
        writer
            .array(2)
            .uint(u64::from(identity.scheme.0))
            .bytes(&identity.key.0);
    }
}

fn read_identities(reader: &mut Reader<'_>) -> Result<Vec<Identity>, DecodeError> {
    let before = reader.error("identities that are none, unknown, or not in ascending order");
    let mut identities = Vec::new();
    for _ in 0..reader.array(MAX_IDENTITIES)? {
        reader.tuple(2)?;
        let identity = Identity {
            scheme: Scheme(reader.byte()?),
            key: PublicKey(reader.fixed()?),
        };
        if identity.scheme != Scheme::ED25519 || identities.last() >= Some(&identity) {
            return Err(before);
        }
        identities.push(identity);
    }
    if identities.is_empty() {
        Err(before)
    } else {
        Ok(identities)
    }
}
