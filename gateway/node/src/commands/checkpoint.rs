// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger checkpoint`: this member's signature on the channel's tree, or on another's checkpoint.

use std::path::Path;

use silsila_chain::{Height, MemberKey, NoteFault, SignedCheckpoint};
use silsila_config::Settings;

use super::print;
use crate::assemble::open_store_read_only;
use crate::cli::CheckpointArgs;
use crate::exit::{Exit, Failure};
use crate::keys;

pub(super) fn run(settings: &Settings, args: &CheckpointArgs) -> Result<Exit, Failure> {
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let key = member_key(settings)?;
    let Some(file) = &args.countersign else {
        let signed = store.checkpoint(args.size)?.sign(&key);
        return write(args.out.as_deref(), &signed);
    };
    let theirs = read(file)?;
    let own = store.checkpoint(Some(theirs.checkpoint().size))?;
    if own.channel != theirs.checkpoint().channel {
        return Err(unusable(file, "it is of another channel"));
    }
    match theirs.countersign(&own, &key) {
        Ok(both) => write(args.out.as_deref(), &both),
        Err(conflict) => {
            let height = Height(own.size.saturating_sub(1));
            let evidence = store.evidence_of(*conflict, height)?;
            let out = args
                .evidence
                .as_deref()
                .unwrap_or(Path::new("silsila.evidence"));
            std::fs::write(out, evidence.encode()).map_err(Failure::file(out))?;
            print(&format!(
                "not signed: this gateway's chain has another root for {} blocks.\n\
                 Both statements are in {}; verify them with silsila-verify evidence, and tell the \
                 other members.",
                own.size,
                out.display()
            ));
            Ok(Exit::Found)
        }
    }
}

/// The key with which this gateway signs.
pub(super) fn member_key(settings: &Settings) -> Result<MemberKey, Failure> {
    let folder = &settings.keys.folder;
    match keys::existing(folder)? {
        Some(keys) => Ok(keys.member()),
        None => Err(Failure::Keys {
            file: folder.join(keys::KEY_FILE),
            reason: "it is not there".to_owned(),
        }),
    }
}

fn write(out: Option<&Path>, signed: &SignedCheckpoint) -> Result<Exit, Failure> {
    let note = signed.encode();
    match out {
        Some(file) => std::fs::write(file, note).map_err(Failure::file(file))?,
        None => print(note.trim_end()),
    }
    Ok(Exit::Ok)
}

fn read(file: &Path) -> Result<SignedCheckpoint, Failure> {
    let bytes = std::fs::read(file).map_err(Failure::file(file))?;
    SignedCheckpoint::open(&bytes)
        .map_err(|NoteFault { line, reason }| unusable(file, &format!("{reason} in line {line}")))
}

fn unusable(file: &Path, reason: &str) -> Failure {
    let reason = std::io::Error::new(std::io::ErrorKind::InvalidData, reason.to_owned());
    Failure::file(file)(reason)
}
