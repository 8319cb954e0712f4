// SPDX-License-Identifier: Apache-2.0
//! The beginning of a channel.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{read_identities, read_identity, write_identities, write_identity};
use crate::merkle::{EMPTY_ROOT, leaf_hash};
use crate::{
    Admission, BlockHash, BlockHeader, ChannelId, Contract, Height, Identity, PublicKey, StateHash,
};

/// The longest channel name, in bytes.
pub const MAX_NAME: usize = 256;
/// The most members and the most validators that a genesis may name.
pub const MAX_IDENTITIES: u64 = 1024;
/// The longest genesis, in bytes.
pub const MAX_GENESIS: usize = 1 << 20;
/// The longest root certificate of a network, in bytes of DER.
pub const MAX_ROOT: usize = 8192;

const LABEL: &str = "silsila/genesis/2";

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
    /// The first members, in ascending order of their identities.
    pub members: Vec<Founder>,
    /// Who certifies blocks, in ascending order.
    pub validators: Vec<Identity>,
    /// The X.509 certificate in DER to which members' certificates lead; empty where members are
    /// admitted without certificates, and for a gateway alone.
    pub root: Vec<u8>,
    /// The founding contract, number 1.
    pub contract: Contract,
}

/// A member from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founder {
    /// The key with which they sign.
    pub identity: Identity,
    /// Who they are.
    pub admission: Admission,
}

impl Founder {
    fn write(&self, writer: &mut Writer) {
        writer.array(6);
        write_identity(writer, &self.identity);
        self.admission.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(6)?;
        Ok(Self {
            identity: read_identity(reader)?,
            admission: Admission::read(reader)?,
        })
    }
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
            members: vec![Founder {
                identity,
                admission: Admission {
                    sealing_key: [0; 32],
                    organization: String::new(),
                    role: String::new(),
                    certificate: Vec::new(),
                    not_after_ms: u64::MAX,
                },
            }],
            validators: vec![identity],
            root: Vec::new(),
            contract: Contract::none(),
        }
    }

    /// Whether this is a gateway that is alone on its channel, for good: there is no contract, hence
    /// nobody can be admitted, and payloads may be in clear.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.contract.is_none()
    }

    /// The founder with this key.
    #[must_use]
    pub fn founder(&self, identity: &Identity) -> Option<&Founder> {
        let mut founders = self.members.iter();
        founders.find(|founder| founder.identity == *identity)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .array(10)
            .text(LABEL)
            .bytes(&self.network)
            .text(&self.name)
            .bytes(&self.nonce);
        writer
            .uint(self.time_ms)
            .uint(u64::from(self.rules_version));
        writer.array(self.members.len() as u64);
        for founder in &self.members {
            founder.write(&mut writer);
        }
        write_identities(&mut writer, &self.validators);
        writer.bytes(&self.root);
        self.contract.write(&mut writer);
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
        reader.tuple(10)?;
        reader.label(LABEL)?;
        let genesis = Self {
            network: reader.fixed()?,
            name: reader.text(MAX_NAME)?.to_owned(),
            nonce: reader.fixed()?,
            time_ms: reader.uint()?,
            rules_version: reader.uint32()?,
            members: read_founders(&mut reader)?,
            validators: read_identities(&mut reader, MAX_IDENTITIES)?,
            root: reader.bytes(MAX_ROOT)?.to_vec(),
            contract: Contract::read(&mut reader)?,
        };
        reader.finish()?;
        genesis.check().map_err(|reason| reader.error(reason))?;
        Ok(genesis)
    }

    /// What the formats alone cannot say.
    fn check(&self) -> Result<(), &'static str> {
        if self.contract.check().is_err() {
            return Err("a contract whose limits leave room for nothing");
        }
        let mut members = self.members.iter();
        if self.is_alone() {
            if self.members.len() == 1 && self.root.is_empty() {
                return Ok(());
            }
            return Err("a channel without a contract, which is for a gateway alone");
        }
        if members.any(|founder| founder.admission.check().is_err()) {
            return Err("a member whose organization or role is not in its form");
        }
        Ok(())
    }

    /// The channel's id and fingerprint.
    #[must_use]
    pub fn id(&self) -> ChannelId {
        ChannelId(leaf_hash(&self.encode()))
    }

    /// The hash that headers carry for this genesis' validators.
    #[must_use]
    pub fn validators_hash(&self) -> [u8; 32] {
        crate::Validators::hash_of(&self.validators)
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

fn read_founders(reader: &mut Reader<'_>) -> Result<Vec<Founder>, DecodeError> {
    let before = reader.error("members that are none, or not in ascending order");
    let mut founders: Vec<Founder> = Vec::new();
    for _ in 0..reader.array(MAX_IDENTITIES)? {
        let founder = Founder::read(reader)?;
        if founders.last().map(|last| last.identity) >= Some(founder.identity) {
            return Err(before);
        }
        founders.push(founder);
    }
    if founders.is_empty() {
        Err(before)
    } else {
        Ok(founders)
    }
}
