// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger backup` and `silsila ledger restore`.

use std::io::Read as _;

use silsila_config::Settings;
use silsila_seal::{RecoveryKey, SealError};
use silsila_store::{Clock as _, SystemClock};
use zeroize::Zeroizing;

use super::print;
use crate::backup;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::exit::{Exit, Failure};
use crate::output::size;

pub(super) fn back_up(settings: &Settings, args: &BackupArgs) -> Result<Exit, Failure> {
    let bytes = backup::back_up(settings, &args.file, SystemClock.now_ms())?;
    print(&format!(
        "{} of backup in {}, sealed to the recovery key",
        size(bytes),
        args.file.display()
    ));
    Ok(Exit::Ok)
}

pub(super) fn restore(settings: &Settings, args: &RestoreArgs) -> Result<Exit, Failure> {
    let mut typed = Zeroizing::new(String::new());
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        print("type the recovery key, 14 groups of four letters, and press Enter:");
        std::io::stdin().read_line(&mut typed)
    } else {
        std::io::stdin().take(4096).read_to_string(&mut typed)
    }
    .map_err(SealError::from)?;
    let key = RecoveryKey::parse(&typed)?;
    let files = backup::restore(settings, &args.file, &key, SystemClock.now_ms())?;
    print(&format!(
        "{files} files restored into {} and {}",
        settings.keys.folder.display(),
        settings.storage.folder.display()
    ));
    print("start the gateway; what changed since the backup is read from its sources again");
    Ok(Exit::Ok)
}
