// SPDX-License-Identifier: Apache-2.0
//! `silsila keys lock` and `silsila keys unlock`.

use silsila_config::Settings;

use super::print;
use crate::cli::KeysCommand;
use crate::exit::{Exit, Failure};
use crate::keys;

pub(super) fn run(settings: &Settings, command: &KeysCommand) -> Result<Exit, Failure> {
    let folder = &settings.keys.folder;
    match command {
        KeysCommand::Lock => {
            keys::lock(folder)?;
            print(
                "the keys are locked; copies of them that were made before still open without it",
            );
            if settings.keys.passphrase_file.is_none() {
                print(
                    "after a power cut the gateway waits for a person, unless keys.passphrase_file says where the passphrase is",
                );
            }
        }
        KeysCommand::Unlock => {
            keys::unlock(folder)?;
            print("the keys are not locked any more");
        }
    }
    Ok(Exit::Ok)
}
