// SPDX-License-Identifier: Apache-2.0
//! `silsila init`: folders, keys and the recovery key, before the first start. `serve` would make the first two, but
//! never a recovery key: it has nobody to show it to.

use silsila_config::Settings;

use crate::exit::{Exit, Failure};
use crate::{backup, keys};

/// Shows the recovery key, once.
fn tell(text: &str) {
    super::print("\nthe recovery key, which is shown this once and kept nowhere:\n");
    for half in [&text[..34], &text[35..]] {
        super::print(&format!("    {half}"));
    }
    super::print(
        "\nwrite it down and keep it apart from this machine: it alone opens the backups that\n`silsila ledger backup` makes, and nobody can make another",
    );
}

pub(super) fn run(settings: &Settings) -> Result<Exit, Failure> {
    let (gateway, new) =
        keys::load_or_create(&settings.keys.folder, &crate::ledgers::any(settings))?;
    keys::private_folder(&settings.storage.folder)?;
    let file = settings.keys.folder.join(keys::KEY_FILE);
    let what = if new { "made" } else { "found" };
    super::print(&format!("{what} the keys in {}", file.display()));
    super::print(&format!(
        "this gateway signs as {}",
        gateway.member().public()
    ));
    match backup::make_recovery(&settings.keys.folder)? {
        Some(recovery) => tell(&recovery.text()),
        None => super::print("its recovery key was printed when it was made, and is not kept here"),
    }
    Ok(Exit::Ok)
}
