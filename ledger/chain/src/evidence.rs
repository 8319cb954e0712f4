// SPDX-License-Identifier: Apache-2.0
//! Evidence that a channel was given two histories.

use crate::block::{MAX_CERTIFICATE, MAX_HEADER};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::genesis::MAX_GENESIS;
use crate::note::{MAX_NOTE, NoteFault};
use crate::rules::Validators;
use crate::{
    BlockHeader, Certificate, ChannelId, Genesis, Height, Identity, PublicKey, SignedCheckpoint,
};

const LABEL: &str = "silsila/evidence/1";
const CHECKPOINTS: u64 = 1;
const CERTIFICATES: u64 = 2;

/// Two statements that cannot both be true of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Two checkpoints of one size with different roots.
    Checkpoints {
        /// One.
        first: SignedCheckpoint,
        /// The other.
        second: SignedCheckpoint,
    },
    /// Two blocks of one height, both certified.
    Certificates {
        /// One.
        first: Certified,
        /// The other.
        second: Certified,
    },
}

/// A header and its certificate, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The header.
    pub header: Vec<u8>,
    /// Its certificate.
    pub certificate: Vec<u8>,
}

/// A conflict with the genesis that names who may certify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The genesis, whose hash is the channel's id.
    pub genesis: Vec<u8>,
    /// The two statements.
    pub conflict: Conflict,
}

/// What evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where the histories part: the last height that the two checkpoints cover, or the blocks' height.
    pub height: Height,
    /// Who signed both: they acted against the rules. Empty where two members each signed one; then one
    /// of them, or the validators, did, and the certificates of the height will tell.
    pub culprits: Vec<PublicKey>,
    /// Whether it is about certificates, which bind the whole channel, or about checkpoints.
    pub certificates: bool,
}

/// Why something is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// It is not in its format.
    #[error("the evidence is not in its format: {0}")]
    Encoding(DecodeError),
    /// A checkpoint in it is none.
    #[error("a checkpoint does not hold: {0}")]
    Note(NoteFault),
    /// It is about another channel.
    #[error("the evidence is about another channel than the fingerprint names")]
    Fingerprint,
    /// One of the blocks is not certified.
    #[error("a block is not certified by the channel's validators")]
    Certificate,
    /// Nobody whom the genesis names signed it, so that anybody may have made it.
    #[error("a checkpoint is signed by nobody whom the channel's genesis names")]
    Stranger,
    /// Both can be true.
    #[error("the two statements do not contradict each other")]
    Agree,
}

impl Conflict {
    /// Two certified blocks, if they are of one height and differ. Both must be certified by
    /// `validators`.
    ///
    /// # Errors
    /// Where they are no conflict.
    pub fn certificates(
        validators: &Validators,
        first: Certified,
        second: Certified,
    ) -> Result<(Self, Height), EvidenceFault> {
        let certify = |block: &Certified| {
            (validators.certify(&block.header, &block.certificate))
                .map_err(|_| EvidenceFault::Certificate)
        };
        let (one, other) = (certify(&first)?, certify(&second)?);
        let height = one.header().height;
        if one.header().channel != other.header().channel {
            Err(EvidenceFault::Fingerprint)
        } else if height != other.header().height || one.hash() == other.hash() {
            Err(EvidenceFault::Agree)
        } else {
            Ok((Self::Certificates { first, second }, height))
        }
    }

    fn show(&self, genesis: &Genesis) -> Result<Shown, EvidenceFault> {
        match self {
            Self::Checkpoints { first, second } => show_checkpoints(genesis, first, second),
            Self::Certificates { first, second } => {
                let (_, height) =
                    Self::certificates(&Validators::of(genesis), first.clone(), second.clone())?;
                let header = BlockHeader::decode(&first.header).map_err(EvidenceFault::Encoding)?;
                if header.channel != genesis.id() {
                    return Err(EvidenceFault::Fingerprint);
                }
                let second = signers(genesis, second)?;
                let mut culprits = signers(genesis, first)?;
                culprits.retain(|signer| second.contains(signer));
                Ok(Shown {
                    height,
                    culprits: culprits.into_iter().map(|signer| signer.key).collect(),
                    certificates: true,
                })
            }
        }
    }
}

fn signers(genesis: &Genesis, block: &Certified) -> Result<Vec<Identity>, EvidenceFault> {
    let certificate = Certificate::decode(&block.certificate).map_err(EvidenceFault::Encoding)?;
    Ok(certificate.signers(&genesis.validators))
}

fn show_checkpoints(
    genesis: &Genesis,
    first: &SignedCheckpoint,
    second: &SignedCheckpoint,
) -> Result<Shown, EvidenceFault> {
    let (one, other) = (first.checkpoint(), second.checkpoint());
    if one.channel != genesis.id() || other.channel != genesis.id() {
        return Err(EvidenceFault::Fingerprint);
    }
    if one.size != other.size || one.root == other.root {
        return Err(EvidenceFault::Agree);
    }
    let (first, second) = (known(genesis, first), known(genesis, second));
    if first.is_empty() || second.is_empty() {
        return Err(EvidenceFault::Stranger);
    }
    let both = first.into_iter().filter(|signer| second.contains(signer));
    Ok(Shown {
        height: Height(one.size.saturating_sub(1)),
        culprits: both.collect(),
        certificates: false,
    })
}

/// Those of a checkpoint's signers whom the genesis names.
fn known(genesis: &Genesis, checkpoint: &SignedCheckpoint) -> Vec<PublicKey> {
    let named = |key: &PublicKey| {
        let identity = Identity::ed25519(*key);
        genesis.founder(&identity).is_some() || genesis.validators.contains(&identity)
    };
    checkpoint.signers().filter(named).collect()
}

impl Evidence {
    /// Checks the evidence against a channel's fingerprint.
    ///
    /// # Errors
    /// Names why it shows nothing.
    pub fn verify(&self, fingerprint: &ChannelId) -> Result<Shown, EvidenceFault> {
        let genesis = Genesis::decode(&self.genesis).map_err(EvidenceFault::Encoding)?;
        if genesis.id() == *fingerprint {
            self.conflict.show(&genesis)
        } else {
            Err(EvidenceFault::Fingerprint)
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match &self.conflict {
            Conflict::Checkpoints { first, second } => {
                writer.array(5).text(LABEL).bytes(&self.genesis);
                writer
                    .uint(CHECKPOINTS)
                    .bytes(first.encode().as_bytes())
                    .bytes(second.encode().as_bytes());
            }
            Conflict::Certificates { first, second } => {
                writer.array(7).text(LABEL).bytes(&self.genesis);
                writer.uint(CERTIFICATES);
                for block in [first, second] {
                    writer.bytes(&block.header).bytes(&block.certificate);
                }
            }
        }
        writer.into_bytes()
    }

    /// Reads evidence; the signatures of checkpoints in it are checked, the rest is for
    /// [`Evidence::verify`].
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceFault> {
        let mut reader = Reader::new(bytes);
        let (items, genesis, kind) = read_head(&mut reader).map_err(EvidenceFault::Encoding)?;
        let conflict = match (kind, items) {
            (CHECKPOINTS, 5) => Conflict::Checkpoints {
                first: read_checkpoint(&mut reader)?,
                second: read_checkpoint(&mut reader)?,
            },
            (CERTIFICATES, 7) => Conflict::Certificates {
                first: Certified::read(&mut reader).map_err(EvidenceFault::Encoding)?,
                second: Certified::read(&mut reader).map_err(EvidenceFault::Encoding)?,
            },
            _ => {
                return Err(EvidenceFault::Encoding(
                    reader.error("another kind of evidence"),
                ));
            }
        };
        reader.finish().map_err(EvidenceFault::Encoding)?;
        Ok(Self { genesis, conflict })
    }
}

fn read_head(reader: &mut Reader<'_>) -> Result<(u64, Vec<u8>, u64), DecodeError> {
    let items = reader.array(7)?;
    reader.label(LABEL)?;
    Ok((items, reader.bytes(MAX_GENESIS)?.to_vec(), reader.uint()?))
}

fn read_checkpoint(reader: &mut Reader<'_>) -> Result<SignedCheckpoint, EvidenceFault> {
    let note = reader.bytes(MAX_NOTE).map_err(EvidenceFault::Encoding)?;
    let opened = SignedCheckpoint::open(note).map_err(EvidenceFault::Note)?;
    // One encoding of each object: lines that this version passes over are not carried along.
    if opened.encode().as_bytes() == note {
        Ok(opened)
    } else {
        Err(EvidenceFault::Encoding(
            reader.error("a note in another form"),
        ))
    }
}

impl Certified {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            header: reader.bytes(MAX_HEADER)?.to_vec(),
            certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
        })
    }
}
