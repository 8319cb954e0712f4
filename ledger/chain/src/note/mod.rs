// SPDX-License-Identifier: Apache-2.0
//! Signed notes (C2SP signed-note): a text, an empty line, signature lines.
//!
//! ```text
//! text that ends with a newline
//!
//! — silsila/member/<64 hexadecimal digits> <base64 of key id ‖ signature>
//! ```
//!
//! A line of ours carries its public key in the key's name, because members have no other names that
//! a reader outside could look up. Whether the key is a member's is for whoever reads the note. The key
//! id is the first four bytes of SHA-256(name ‖ newline ‖ 01 ‖ public key), the signature ed25519 over
//! the text, its last newline included. Lines of other kinds of keys are passed over, as the format
//! demands.

mod base64;

use crate::{MemberKey, PublicKey, Signature};

pub(crate) use base64::{decode as base64_decode, encode as base64_encode};

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 64 << 10;
/// The most signature lines that are read.
pub const MAX_NOTE_SIGNATURES: usize = 256;

const NAME: &str = "silsila/member/";
const ED25519: u8 = 1;

/// Bytes that are no signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} in line {line}")]
pub struct NoteFault {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A text with the members' signatures on it, each of which verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<(PublicKey, Signature)>,
}

impl Note {
    /// Signs a text. It must end with a newline and hold no other control characters.
    pub(crate) fn sign(text: String, key: &MemberKey) -> Self {
        let signature = key.sign_bytes(text.as_bytes());
        Self {
            signatures: vec![(key.public(), signature)],
            text,
        }
    }

    /// Adds a signature; a second one by the same key changes nothing.
    pub(crate) fn add(&mut self, key: &MemberKey) {
        if !self.signers().any(|signer| signer == key.public()) {
            let signature = key.sign_bytes(self.text.as_bytes());
            self.signatures.push((key.public(), signature));
        }
    }

    /// The text, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whose signatures are on it.
    pub fn signers(&self) -> impl Iterator<Item = PublicKey> {
        self.signatures.iter().map(|(key, _)| *key)
    }

    /// Its file.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for (key, signature) in &self.signatures {
            let name = format!("{NAME}{key}");
            let signed = base64::encode(&[&key_id(&name, key)[..], &signature.0].concat());
            note.push_str(&format!("— {name} {signed}\n"));
        }
        note
    }

    /// Reads a note and checks every signature of ours on it.
    ///
    /// # Errors
    /// Where the bytes are no note, no signature of ours is on it, or one does not verify.
    pub fn open(bytes: &[u8]) -> Result<Self, NoteFault> {
        let fault = |line, reason| NoteFault { line, reason };
        if bytes.len() > MAX_NOTE {
            return Err(fault(1, "a note that is too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| fault(1, "text that is not UTF-8"))?;
        if let Some(at) = note.find(|c: char| c < ' ' && c != '\n') {
            let line = note[..at].matches('\n').count() + 1;
            return Err(fault(line, "a control character"));
        }
        let split = note.rfind("\n\n").ok_or(fault(1, "no signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let before = text.matches('\n').count() + 1;
        let lines = (lines.strip_suffix('\n'))
            .ok_or(fault(before + 1, "a last line without its newline"))?;
        let mut opened = Self {
            text: text.to_owned(),
            signatures: Vec::new(),
        };
        for (position, line) in lines.split('\n').enumerate() {
            let at = before + position + 1;
            if position == MAX_NOTE_SIGNATURES {
                return Err(fault(at, "too many signatures"));
            }
            opened.take(line).map_err(|reason| fault(at, reason))?;
        }
        if opened.signatures.is_empty() {
            Err(fault(before + 1, "no signature by a member's key"))
        } else {
            Ok(opened)
        }
    }

    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let malformed = "not a signature line";
        let line = line.strip_prefix("— ").ok_or(malformed)?;
        let (name, signed) = line.split_once(' ').ok_or(malformed)?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err("a key name with a space or a plus");
        }
        let signed = base64::decode(signed).ok_or("a signature that is not base64")?;
        let Some((id, signature)) = signed.split_first_chunk::<4>() else {
            return Err("a signature without a key id");
        };
        let key = name.strip_prefix(NAME).and_then(|hex| hex.parse().ok());
        let Some(key) = key.filter(|key| key_id(name, key) == *id) else {
            return Ok(());
        };
        let signature = Signature(
            signature
                .try_into()
                .map_err(|_| "a signature too short or long")?,
        );
        if !key.verifies_bytes(self.text.as_bytes(), &signature) {
            return Err("a signature that does not verify");
        }
        if self.signers().any(|signer| signer == key) {
            return Err("a second signature by one key");
        }
        self.signatures.push((key, signature));
        Ok(())
    }
}

fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let named = [name.as_bytes(), b"\n", &[ED25519], &key.0].concat();
    let [a, b, c, d, ..] = crate::sha256(&named);
    [a, b, c, d]
}
