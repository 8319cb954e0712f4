// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger export`: the whole chain as one file, also while a gateway runs.
//!
//! The file is written beside its place and renamed when it is whole, so that after a crash there is no
//! file that could pass for one.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde::Serialize;
use silsila_chain::EXPORT_MAGIC;
use silsila_config::Settings;

use super::ledger::progress_bar;
use super::{print, print_json};
use crate::assemble::open_store_read_only;
use crate::cli::ExportArgs;
use crate::exit::{Exit, Failure};
use crate::output::size;

#[derive(Serialize)]
struct Shown {
    fingerprint: String,
    height: u64,
    entries: u64,
    payloads: u64,
    bytes: u64,
}

pub(super) fn run(settings: &Settings, args: &ExportArgs) -> Result<Exit, Failure> {
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let mut beside = args.file.clone().into_os_string();
    beside.push(".part");
    let failed = |error| Failure::file(&args.file)(error);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&beside).map_err(failed)?);
    file.write_all(EXPORT_MAGIC).map_err(failed)?;
    let (bar, mut bytes) = (progress_bar("exporting"), EXPORT_MAGIC.len() as u64);
    let exported = store.export(
        args.payloads,
        &mut |frame| {
            let frame = frame.encode();
            bytes += frame.len() as u64;
            file.write_all(&frame).map_err(failed)
        },
        &mut |progress| {
            bar.set_length(progress.of_blocks);
            bar.set_position(progress.blocks);
        },
    );
    bar.finish_and_clear();
    let exported = exported?;
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&beside, &args.file).map_err(failed)?;
    let shown = Shown {
        fingerprint: store.channel().to_string(),
        height: exported.height,
        entries: exported.entries,
        payloads: exported.payloads,
        bytes,
    };
    if args.output.json {
        print_json(&shown)?;
    } else {
        print(&format!(
            "{} blocks, {} entries, {} payloads ({}) written to {}\nchannel {}",
            shown.height + 1,
            shown.entries,
            shown.payloads,
            size(bytes),
            args.file.display(),
            shown.fingerprint
        ));
    }
    Ok(Exit::Ok)
}
