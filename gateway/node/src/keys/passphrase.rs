// SPDX-License-Identifier: Apache-2.0
//! The passphrase of a locked key file: where it comes from, and how a person is asked for it.
//!
//! From the file that `--passphrase-file` or `keys.passphrase_file` names, which may be a service manager's
//! credential or an open descriptor (`/dev/fd/3`); else from the terminal, without showing what is typed. Never from
//! an argument or an environment variable: both can be read in `/proc` for as long as the process runs.
//!
//! One process has one passphrase and is told it once: a descriptor cannot be read a second time, and nobody types
//! twice.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use silsila_config::{SecretError, SecretRef};
use zeroize::Zeroizing;

use crate::exit::Failure;

/// Overwritten when dropped.
pub type Passphrase = Zeroizing<String>;

/// What a person can be asked to remember, and a guesser cannot try through: each try takes 64 MiB and a fifth of a
/// second.
const SHORTEST: usize = 12;
/// A line longer than this is no passphrase.
const LONGEST: u64 = 1024;
/// How often a person may mistype.
const TRIES: usize = 3;

static FILE: OnceLock<PathBuf> = OnceLock::new();
static KNOWN: Mutex<Option<Passphrase>> = Mutex::new(None);

/// Says in which file the passphrase is; the first to say so is believed.
pub fn is_in(file: &Path) {
    let _ = FILE.set(file.to_owned());
}

/// Whether this process was told the passphrase already.
#[must_use]
pub fn is_known() -> bool {
    known().is_some()
}

fn known() -> std::sync::MutexGuard<'static, Option<Passphrase>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn remember(passphrase: &Passphrase) {
    *known() = Some(passphrase.clone());
}

/// Gives `open` the passphrase of a locked file, and again what a person types when it was wrong.
pub(super) fn given<T>(
    file: &Path,
    open: impl Fn(&Passphrase) -> Result<T, Failure>,
) -> Result<(T, Passphrase), Failure> {
    let remembered = known().clone();
    if let Some(known) = remembered
        && let Ok(opened) = open(&known)
    {
        return Ok((opened, known));
    }
    let told = FILE.get().map(|place| read(place)).transpose();
    if let Ok(Some(passphrase)) = told {
        return Ok((open(&passphrase)?, passphrase));
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        told?;
        return Err(Failure::Locked {
            file: file.to_owned(),
        });
    }
    let mut tries = 1;
    loop {
        let typed = ask("passphrase of the keys: ").map_err(Failure::file("the terminal"))?;
        match open(&typed) {
            Err(wrong) if tries == TRIES => return Err(wrong),
            Err(wrong) => eprintln!("{}", wrong.shown()),
            Ok(opened) => return Ok((opened, typed)),
        }
        tries += 1;
    }
}

fn read(place: &Path) -> Result<Passphrase, SecretError> {
    let secret = SecretRef::File(place.to_owned()).read()?;
    Ok(Zeroizing::new(secret.expose().to_owned()))
}

/// A passphrase to lock with: typed twice, or the first line of what is piped in.
///
/// # Errors
/// [`Failure::Passphrase`] where it is none.
pub fn new() -> Result<Passphrase, Failure> {
    let stdin = std::io::stdin();
    let unheard = |error| Failure::file("standard input")(error);
    if !stdin.is_terminal() {
        let mut line = Zeroizing::new(String::new());
        let mut limited = stdin.lock().take(LONGEST);
        limited.read_line(&mut line).map_err(unheard)?;
        return fit(&line);
    }
    let first = ask("new passphrase: ").map_err(unheard)?;
    let again = ask("the same again: ").map_err(unheard)?;
    if *first != *again {
        return Err(Failure::Passphrase {
            reason: "the two are not the same",
        });
    }
    fit(&first)
}

fn fit(line: &str) -> Result<Passphrase, Failure> {
    let passphrase = line.trim_end_matches(['\r', '\n']);
    if passphrase.chars().count() < SHORTEST {
        return Err(Failure::Passphrase {
            reason: "it has fewer than 12 characters",
        });
    }
    Ok(Zeroizing::new(passphrase.to_owned()))
}

/// Asks on the terminal, which does not show what is typed.
fn ask(question: &str) -> std::io::Result<Passphrase> {
    let stdin = std::io::stdin();
    let shown = tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    // Before the question, so that a quick answer is not shown; what was typed before it is no answer.
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let asked = write!(std::io::stderr(), "{question}");
    let mut line = Zeroizing::new(String::new());
    let read = asked.and_then(|()| stdin.lock().take(LONGEST).read_line(&mut line));
    tcsetattr(&stdin, OptionalActions::Now, &shown)?;
    read?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}
