// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger evidence`: why commits are halted, as a file that others can verify.

use silsila_config::Settings;

use super::print;
use crate::assemble::open_store_read_only;
use crate::cli::EvidenceArgs;
use crate::exit::{Exit, Failure};

pub(super) fn run(settings: &Settings, args: &EvidenceArgs) -> Result<Exit, Failure> {
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let Some(halt) = store.halted()? else {
        print("nothing is halted: this gateway has seen no second history of the channel");
        return Ok(Exit::Ok);
    };
    std::fs::write(&args.file, &halt.evidence).map_err(Failure::file(&args.file))?;
    print(&format!(
        "two histories of the channel, which differ at height {} or before, written to {}\nchannel {}",
        halt.height,
        args.file.display(),
        store.channel()
    ));
    Ok(Exit::Found)
}
