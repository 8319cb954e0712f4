// SPDX-License-Identifier: Apache-2.0
//! Checkpoints (C2SP tlog-checkpoint): one member's signature on the tree over a channel's headers.
//!
//! ```text
//! silsila/channel/<the channel's id, 64 hexadecimal digits>
//! <number of headers: the last height and one>
//! <base64 of the RFC 9162 root over their hashes>
//!
//! — silsila/member/<key> <signature>
//! ```
//!
//! A checkpoint is a promise: its signer never signs another root of that size, nor one that does not
//! continue it. Members sign each other's where their own chain says the same; where it does not, the two
//! notes are [`crate::Evidence`].

use crate::merkle::{Hash, verify_consistency};
use crate::note::{Note, NoteFault, base64_decode, base64_encode};
use crate::{ChainState, ChannelId, Conflict, MemberKey, PublicKey};

const ORIGIN: &str = "silsila/channel/";

/// A channel's tree at one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The channel.
    pub channel: ChannelId,
    /// How many headers: block 0 and those after it.
    pub size: u64,
    /// The root over their hashes.
    pub root: Hash,
}

impl Checkpoint {
    /// That of a chain as it stands.
    #[must_use]
    pub fn of(chain: &ChainState) -> Self {
        Self {
            channel: chain.channel(),
            size: chain.history().size(),
            root: chain.history().root(),
        }
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &MemberKey) -> SignedCheckpoint {
        SignedCheckpoint {
            checkpoint: *self,
            note: Note::sign(self.text(), key),
        }
    }

    /// Whether `path` (RFC 9162, section 2.1.4) shows that this tree begins with the `earlier` one.
    #[must_use]
    pub fn continues(&self, earlier: &Self, path: &[Hash]) -> bool {
        self.channel == earlier.channel
            && verify_consistency(earlier.size, self.size, path, &earlier.root, &self.root)
    }

    fn text(&self) -> String {
        let Self {
            channel,
            size,
            root,
        } = self;
        format!("{ORIGIN}{channel}\n{size}\n{}\n", base64_encode(root))
    }

    fn parse(text: &str) -> Result<Self, NoteFault> {
        let fault = |line, reason| NoteFault { line, reason };
        let mut lines = text.split_terminator('\n');
        let mut next = || lines.next().unwrap_or_default();
        let channel = (next().strip_prefix(ORIGIN).and_then(|id| id.parse().ok()))
            .ok_or(fault(1, "an origin that is no channel"))?;
        let size = next()
            .parse()
            .map_err(|_| fault(2, "a size that is no number"))?;
        let root = (base64_decode(next()).and_then(|root| root.try_into().ok()))
            .ok_or(fault(3, "a root that is no hash"))?;
        let checkpoint = Self {
            channel,
            size,
            root,
        };
        // No extension lines, no leading zeros, no capitals: one text for each checkpoint.
        if checkpoint.text() != text {
            Err(fault(2, "another form than the one a checkpoint has"))
        } else if size == 0 {
            Err(fault(2, "a channel without its first block"))
        } else {
            Ok(checkpoint)
        }
    }
}

/// A checkpoint with members' signatures on it, each of which verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a checkpoint and checks its signatures. Whether the signers are members, and of which
    /// channel, is for the caller.
    ///
    /// # Errors
    /// Names line and reason.
    pub fn open(bytes: &[u8]) -> Result<Self, NoteFault> {
        let note = Note::open(bytes)?;
        Ok(Self {
            checkpoint: Checkpoint::parse(note.text())?,
            note,
        })
    }

    /// What is signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Who signed it.
    pub fn signers(&self) -> impl Iterator<Item = PublicKey> {
        self.note.signers()
    }

    /// Its file.
    #[must_use]
    pub fn encode(&self) -> String {
        self.note.encode()
    }

    /// Adds a member's signature, provided that the member's own chain had this root at this size.
    ///
    /// # Errors
    /// Where it had another: both, as evidence.
    pub fn countersign(mut self, own: &Checkpoint, key: &MemberKey) -> Result<Self, Box<Conflict>> {
        if *own == self.checkpoint {
            self.note.add(key);
            return Ok(self);
        }
        Err(Box::new(Conflict::Checkpoints {
            first: self,
            second: own.sign(key),
        }))
    }
}
