// SPDX-License-Identifier: Apache-2.0
//! A whole exported chain, read from front to back.

use std::collections::BTreeMap;
use std::io::Read;

use silsila_chain::merkle::Hash;
use silsila_chain::{
    ChannelId, EXPORT_MAGIC, ExportSummary, ExportVerifier, Frame, FrameFault, FrameKind, Genesis,
    Identity, SignedCheckpoint,
};

use crate::Fault;
use crate::report::{Report, time};

/// What members signed, by size of the tree; taken away as the chain comes to it.
type Signed = BTreeMap<u64, Vec<SignedCheckpoint>>;

/// Checks a whole chain against everything that the rules demand, and against checkpoints. `progress` is
/// told how many bytes were read. Memory: one block, and some 100 bytes for each resource.
///
/// # Errors
/// Names place and reason of the first thing that does not hold.
pub fn verify_chain(
    file: &mut dyn Read,
    path: &str,
    channel: &ChannelId,
    checkpoints: &[Vec<u8>],
    progress: &mut dyn FnMut(u64),
) -> Result<Report, Fault> {
    let mut signed = open(checkpoints, channel)?;
    let mut file = Input { file, path, at: 0 };
    let mut magic = [0; EXPORT_MAGIC.len()];
    file.fill(&mut magic)?;
    if magic != *EXPORT_MAGIC {
        return Err(file.format(0, "it does not begin as an export does".to_owned()));
    }
    let mut verifier = ExportVerifier::new(*channel);
    let mut matched = Vec::new();
    while let Some((start, frame)) = file.frame()? {
        (verifier.take(frame)).map_err(|fault| Fault::chain(start, fault))?;
        if let Some((size, root)) = verifier.tree().filter(|_| !signed.is_empty()) {
            matched.extend(compare(signed.remove(&size).unwrap_or_default(), &root)?);
        }
        progress(file.at);
    }
    let (genesis, summary) = (verifier.finish()).map_err(|fault| Fault::chain(file.at, fault))?;
    if let Some(size) = signed.keys().next() {
        let what = format!(
            "a checkpoint is of {size} blocks, but the chain has {} and no more",
            summary.height.0 + 1
        );
        return Err(Fault::Checkpoint(what));
    }
    report(&genesis, &summary, &matched)
}

fn open(checkpoints: &[Vec<u8>], channel: &ChannelId) -> Result<Signed, Fault> {
    let mut signed = Signed::new();
    for bytes in checkpoints {
        let opened = SignedCheckpoint::open(bytes).map_err(Fault::note)?;
        if opened.checkpoint().channel != *channel {
            return Err(Fault::Channel);
        }
        signed
            .entry(opened.checkpoint().size)
            .or_default()
            .push(opened);
    }
    Ok(signed)
}

fn compare(signed: Vec<SignedCheckpoint>, root: &Hash) -> Result<Vec<SignedCheckpoint>, Fault> {
    let other = signed
        .iter()
        .find(|signed| signed.checkpoint().root != *root);
    match other {
        None => Ok(signed),
        Some(other) => Err(Fault::Checkpoint(format!(
            "a checkpoint of {} blocks has another root than this chain",
            other.checkpoint().size
        ))),
    }
}

fn report(
    genesis: &Genesis,
    summary: &ExportSummary,
    matched: &[SignedCheckpoint],
) -> Result<Report, Fault> {
    let mut report = Report::new(format!(
        "the chain follows the rules from its beginning to block {}",
        summary.height
    ));
    report.text("channel", &genesis.id());
    report.text("channel_name", &&genesis.name);
    report.text("network", &ChannelId(genesis.network));
    report.number("height", summary.height.0);
    if let Some(hash) = summary.hash {
        report.text("block", &hash);
    }
    report.text("time", &time(summary.time_ms));
    report.number("transactions", summary.transactions);
    report.number("entries", summary.entries);
    report.number("commitments", summary.commitments);
    report.number("payloads", summary.payloads);
    if let Some(epochs) = &summary.epochs {
        let present = epochs.present();
        report.number("epoch", present.epoch());
        let keys = present.identities().iter();
        report.list("validators", keys.map(|one| one.key.to_string()).collect());
        if let Some((boundary, next)) = epochs.next() {
            let keys = next.identities().iter();
            report.number("next_validators_behind", boundary.0);
            report.list(
                "next_validators",
                keys.map(|one| one.key.to_string()).collect(),
            );
        }
    }
    if let Some(tree) = &summary.checkpoint {
        report.text("root", &ChannelId(tree.root));
    }
    if !matched.is_empty() {
        let keys = matched.iter().flat_map(SignedCheckpoint::signers);
        let (known, strangers): (Vec<_>, Vec<_>) =
            keys.partition(|key| summary.members.contains(&Identity::ed25519(*key)));
        if known.is_empty() {
            let what = "the checkpoints are signed by nobody who ever was a member of the channel";
            return Err(Fault::Checkpoint(what.to_owned()));
        }
        report.list(
            "checkpoints_of_members",
            known.iter().map(ToString::to_string).collect(),
        );
        if !strangers.is_empty() {
            let strangers = strangers.iter().map(ToString::to_string).collect();
            report.list("checkpoints_of_others", strangers);
        }
    }
    Ok(report)
}

struct Input<'f> {
    file: &'f mut dyn Read,
    path: &'f str,
    at: u64,
}

impl Input<'_> {
    /// The next frame and where it begins; nothing at the end of the file.
    fn frame(&mut self) -> Result<Option<(u64, Frame)>, Fault> {
        let start = self.at;
        let mut head = [0; 5];
        if self.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        self.fill(&mut head[1..])?;
        let wrong = |fault: FrameFault| self.format(start, fault.to_string());
        let (kind, length) = FrameKind::read(&head).map_err(wrong)?;
        // Not reserved at once: a length is a stranger's word until the bytes are there.
        let mut body = Vec::new();
        let read = (&mut *self.file)
            .take(length as u64)
            .read_to_end(&mut body)
            .map_err(|source| self.unreadable(source))?;
        self.at += read as u64;
        if read < length {
            return Err(self.truncated());
        }
        let frame =
            Frame::decode(kind, &body).map_err(|fault| self.format(start, fault.to_string()))?;
        Ok(Some((start, frame)))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        if self.read(buffer)? == buffer.len() {
            Ok(())
        } else {
            Err(self.truncated())
        }
    }

    /// Reads until the buffer is full or the file ends.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.unreadable(source)),
            }
        }
        self.at += filled as u64;
        Ok(filled)
    }

    const fn truncated(&self) -> Fault {
        Fault::Truncated {
            what: "the chain",
            offset: self.at,
        }
    }

    const fn format(&self, offset: u64, reason: String) -> Fault {
        Fault::Format {
            what: "the chain",
            offset,
            reason,
        }
    }

    fn unreadable(&self, source: std::io::Error) -> Fault {
        Fault::Unreadable {
            path: self.path.to_owned(),
            source,
        }
    }
}
