// SPDX-License-Identifier: Apache-2.0
//! Evidence that a channel was given two histories.

use crate::block::{MAX_CERTIFICATE, MAX_HEADER};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::genesis::MAX_GENESIS;
use crate::note::{MAX_NOTE, NoteFault};
use crate::rules::{Epochs, Handover};
use crate::{
    BlockHeader, Bundle, Certificate, Change, ChannelId, Entry, Genesis, Height, Identity,
    MAX_BUNDLE, PublicKey, SignedCheckpoint,
};

const LABEL: &str = "silsila/evidence/1";
/// The label of evidence that shows epochs or admissions besides.
const LABEL_2: &str = "silsila/evidence/2";
/// The most admissions that evidence shows.
pub const MAX_ADMISSIONS: u64 = 16;
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

/// A conflict with the genesis that names who may certify, and with what shows who came later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The genesis, whose hash is the channel's id.
    pub genesis: Vec<u8>,
    /// The last block of each epoch before the conflict, from genesis on.
    pub handovers: Vec<Handover>,
    /// Proofs, as bundles without payloads, of the admission of signers who came later than genesis; at
    /// most [`MAX_ADMISSIONS`].
    pub admissions: Vec<Bundle>,
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
    /// The boundaries do not lead on from genesis.
    #[error("the boundaries of epochs do not lead on from the genesis")]
    Epochs,
    /// What is to show an admission does not.
    #[error("an admission is not proven")]
    Admission,
    /// One of the blocks is not certified.
    #[error("a block is not certified by the channel's validators")]
    Certificate,
    /// Nobody who is shown to be a member signed it, so that anybody may have made it.
    #[error("a checkpoint is signed by nobody who is shown to be a member of the channel")]
    Stranger,
    /// Both can be true.
    #[error("the two statements do not contradict each other")]
    Agree,
}

impl Conflict {
    /// Two certified blocks, if they are of one height and differ. Both must be certified by the
    /// validators of their epoch.
    ///
    /// # Errors
    /// Where they are no conflict.
    pub fn certificates(
        epochs: &Epochs,
        first: Certified,
        second: Certified,
    ) -> Result<(Self, Height), EvidenceFault> {
        let certify = |block: &Certified| {
            (epochs.certify(&block.header, &block.certificate))
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

    fn show(&self, known: &Known) -> Result<Shown, EvidenceFault> {
        match self {
            Self::Checkpoints { first, second } => show_checkpoints(known, first, second),
            Self::Certificates { first, second } => {
                let (_, height) = Self::certificates(&known.epochs, first.clone(), second.clone())?;
                let header = BlockHeader::decode(&first.header).map_err(EvidenceFault::Encoding)?;
                if header.channel != known.genesis.id() {
                    return Err(EvidenceFault::Fingerprint);
                }
                let validators = known.epochs.at(height).identities();
                let second = signers(validators, second)?;
                let mut culprits = signers(validators, first)?;
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

/// Who can have signed something that counts.
struct Known {
    genesis: Genesis,
    epochs: Epochs,
    admitted: Vec<Identity>,
}

impl Known {
    fn has(&self, key: &PublicKey) -> bool {
        let identity = Identity::ed25519(*key);
        self.genesis.founder(&identity).is_some()
            || self.epochs.ever(&identity)
            || self.admitted.contains(&identity)
    }
}

/// Whom a bundle shows to have been admitted.
fn admitted(bundle: &Bundle, fingerprint: &ChannelId) -> Result<Identity, EvidenceFault> {
    let proven = bundle
        .verify(fingerprint)
        .map_err(|_| EvidenceFault::Admission)?;
    match proven.proven.entry {
        Entry::Member(change) if matches!(change.proposal.change, Change::Admit(_)) => {
            Ok(change.proposal.subject)
        }
        _ => Err(EvidenceFault::Admission),
    }
}

fn signers(validators: &[Identity], block: &Certified) -> Result<Vec<Identity>, EvidenceFault> {
    let certificate = Certificate::decode(&block.certificate).map_err(EvidenceFault::Encoding)?;
    Ok(certificate.signers(validators))
}

fn show_checkpoints(
    known: &Known,
    first: &SignedCheckpoint,
    second: &SignedCheckpoint,
) -> Result<Shown, EvidenceFault> {
    let (one, other) = (first.checkpoint(), second.checkpoint());
    let channel = known.genesis.id();
    if one.channel != channel || other.channel != channel {
        return Err(EvidenceFault::Fingerprint);
    }
    if one.size != other.size || one.root == other.root {
        return Err(EvidenceFault::Agree);
    }
    let members = |checkpoint: &SignedCheckpoint| -> Vec<PublicKey> {
        checkpoint.signers().filter(|key| known.has(key)).collect()
    };
    let (first, second) = (members(first), members(second));
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

impl Evidence {
    /// Checks the evidence against a channel's fingerprint.
    ///
    /// # Errors
    /// Names why it shows nothing.
    pub fn verify(&self, fingerprint: &ChannelId) -> Result<Shown, EvidenceFault> {
        let genesis = Genesis::decode(&self.genesis).map_err(EvidenceFault::Encoding)?;
        if genesis.id() != *fingerprint {
            return Err(EvidenceFault::Fingerprint);
        }
        let epochs =
            Epochs::follow(&genesis, &self.handovers).map_err(|_| EvidenceFault::Epochs)?;
        let admissions = self.admissions.iter();
        let admitted = admissions.map(|bundle| admitted(bundle, fingerprint));
        self.conflict.show(&Known {
            admitted: admitted.collect::<Result<_, _>>()?,
            genesis,
            epochs,
        })
    }

    /// Writes what is in front of the statements, `items` of which follow.
    fn write_head(&self, writer: &mut Writer, items: u64) {
        // Without epochs and admissions the form is the one from before there were any.
        if self.handovers.is_empty() && self.admissions.is_empty() {
            writer.array(2 + items).text(LABEL).bytes(&self.genesis);
            return;
        }
        writer.array(4 + items).text(LABEL_2).bytes(&self.genesis);
        Handover::write_all(&self.handovers, writer);
        writer.array(self.admissions.len() as u64);
        for admission in &self.admissions {
            writer.bytes(&admission.encode());
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match &self.conflict {
            Conflict::Checkpoints { first, second } => {
                self.write_head(&mut writer, 3);
                writer
                    .uint(CHECKPOINTS)
                    .bytes(first.encode().as_bytes())
                    .bytes(second.encode().as_bytes());
            }
            Conflict::Certificates { first, second } => {
                self.write_head(&mut writer, 5);
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
        let head = Head::read(&mut reader).map_err(EvidenceFault::Encoding)?;
        let conflict = match (head.kind, head.statements) {
            (CHECKPOINTS, 2) => Conflict::Checkpoints {
                first: read_checkpoint(&mut reader)?,
                second: read_checkpoint(&mut reader)?,
            },
            (CERTIFICATES, 4) => Conflict::Certificates {
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
        Ok(Self {
            genesis: head.genesis,
            handovers: head.handovers,
            admissions: head.admissions,
            conflict,
        })
    }
}

/// What is in front of the statements, and how many items of theirs follow.
struct Head {
    genesis: Vec<u8>,
    handovers: Vec<Handover>,
    admissions: Vec<Bundle>,
    kind: u64,
    statements: u64,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = reader.array(9)?;
        let mut peeked = reader.clone();
        let extended = peeked.label(LABEL_2).is_ok();
        reader.label(if extended { LABEL_2 } else { LABEL })?;
        let before = reader.error("evidence that shows neither epochs nor admissions");
        let genesis = reader.bytes(MAX_GENESIS)?.to_vec();
        let (mut handovers, mut admissions) = (Vec::new(), Vec::new());
        if extended {
            handovers = Handover::read_all(reader)?;
            for _ in 0..reader.array(MAX_ADMISSIONS)? {
                admissions.push(read_admission(reader)?);
            }
            if handovers.is_empty() && admissions.is_empty() {
                return Err(before);
            }
        }
        let front = if extended { 5 } else { 3 };
        Ok(Self {
            genesis,
            handovers,
            admissions,
            kind: reader.uint()?,
            statements: items.saturating_sub(front),
        })
    }
}

fn read_admission(reader: &mut Reader<'_>) -> Result<Bundle, DecodeError> {
    let bytes = reader.bytes(MAX_BUNDLE)?;
    let start = reader.offset() - bytes.len();
    Bundle::decode(bytes).map_err(|error| DecodeError {
        offset: start + error.offset,
        ..error
    })
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
