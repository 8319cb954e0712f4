// SPDX-License-Identifier: Apache-2.0
//! `silsila init`: folders and keys, before the first start. `serve` would make them too; this lets a
//! person see where they are and back them up before anything depends on them.

use silsila_config::Settings;

use crate::exit::{Exit, Failure};
use crate::{assemble, keys};

pub(super) fn run(settings: &Settings) -> Result<Exit, Failure> {
    let (gateway, new) =
        keys::load_or_create(&settings.keys.folder, &assemble::ledger_file(settings))?;
    keys::private_folder(&settings.storage.folder)?;
    let file = settings.keys.folder.join(keys::KEY_FILE);
    let what = if new { "made" } else { "found" };
    super::print(&format!("{what} the keys in {}", file.display()));
    super::print(&format!(
        "this gateway signs as {}",
        gateway.member().public()
    ));
    super::print(
        "back the key file up, apart from the ledger: without it no resource keeps its identity",
    );
    Ok(Exit::Ok)
}
