// SPDX-License-Identifier: Apache-2.0
//! The sealed backup of a gateway: everything in its keys folder, and every ledger of its storage folder as it is
//! at one moment, in one file that the recovery key alone opens.
//!
//! ```text
//! keys/gateway.keys ...        what lies in the keys folder, but for what a crash left; out of its lock
//! state/ledger.sqlite ...      each ledger, copied while the gateway may run; still encrypted with its own key
//! state/channels/...           the channels that were joined
//! ```
//!
//! Cursors, row states, quarantine, outbox and content keys are in the ledgers. A copy lies encrypted in the storage
//! folder while the backup is written. A backup is written beside its place and renamed when it is whole; a restore
//! fills folders beside theirs and renames them when the backup was read to its end. After a crash there is none of
//! it, or all.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use silsila_authority::{files, hex};
use silsila_config::Settings;
use silsila_seal::{
    BackupKey, BackupReader, BackupWriter, Part, RecoveryKey, SealError, SealingPublic,
};
use silsila_store::{FileKey, Store};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::{channels, keys, restored};

/// What the gateway keeps of its recovery key, in the keys folder.
pub const RECOVERY_FILE: &str = "recovery.keys";
/// When the last backup was made, in the storage folder.
const MADE_FILE: &str = "backup-made";
const TITLE: &str = "silsila-recovery 1";

/// A new recovery key, kept by half; `None` where there is one already.
///
/// # Errors
/// Where the keys folder cannot be written.
pub fn make_recovery(keys: &Path) -> Result<Option<RecoveryKey>, Failure> {
    let file = keys.join(RECOVERY_FILE);
    if file.exists() {
        return Ok(None);
    }
    let recovery = RecoveryKey::generate()?;
    let kept = recovery.backup_key();
    let digits = |bytes: &[u8]| Zeroizing::new(hex::write(bytes));
    let (public, shared) = (digits(&kept.public.0), digits(&*kept.shared));
    let text = Zeroizing::new(format!("{TITLE}\npublic {}\nshared {}\n", *public, *shared));
    keys::private_folder(keys)?;
    files::write_whole(&file, text.as_bytes()).map_err(Failure::file(&file))?;
    Ok(Some(recovery))
}

/// What is kept of the recovery key; `None` where none was made.
///
/// # Errors
/// A file that is not in its format.
pub fn backup_key(keys: &Path) -> Result<Option<BackupKey>, Failure> {
    let file = keys.join(RECOVERY_FILE);
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).map(Zeroizing::new);
    let text = text.map_err(Failure::file(&file))?;
    let lines: Vec<&str> = text.lines().collect();
    let value = |at: usize, name: &str| {
        let line = lines.get(at)?.strip_prefix(name)?.strip_prefix(' ')?;
        hex::read(line)
    };
    let parsed = (lines.first() == Some(&TITLE) && lines.len() == 3)
        .then(|| Some((value(1, "public")?, value(2, "shared")?)))
        .flatten();
    let (public, shared) = parsed.ok_or_else(|| Failure::Keys {
        file: file.clone(),
        reason: format!("it is not in the format {TITLE:?}"),
    })?;
    Ok(Some(BackupKey {
        public: SealingPublic(public),
        shared: Zeroizing::new(shared),
    }))
}

/// When the last backup was made, in milliseconds since 1970.
#[must_use]
pub fn made_ms(settings: &Settings) -> Option<u64> {
    let text = fs::read_to_string(settings.storage.folder.join(MADE_FILE)).ok()?;
    text.trim().parse().ok()
}

/// Makes a backup; says how many bytes it has. The gateway may run meanwhile.
///
/// # Errors
/// [`Failure::NoRecoveryKey`]; where a ledger cannot be read, or the file not be written.
pub fn back_up(settings: &Settings, to: &Path, now_ms: u64) -> Result<u64, Failure> {
    let key = backup_key(&settings.keys.folder)?.ok_or(Failure::NoRecoveryKey)?;
    let gateway = keys::existing(&settings.keys.folder)?.ok_or(Failure::NoRecoveryKey)?;
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let written = write(settings, &key, &gateway.file(), &unfinished);
    let written = written.and_then(|()| {
        fs::rename(&unfinished, to).map_err(Failure::file(to))?;
        Ok(fs::metadata(to).map_err(Failure::file(to))?.len())
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    } else {
        let made = settings.storage.folder.join(MADE_FILE);
        fs::write(&made, format!("{now_ms}\n")).map_err(Failure::file(&made))?;
    }
    written
}

fn write(
    settings: &Settings,
    key: &BackupKey,
    file_key: &FileKey,
    to: &Path,
) -> Result<(), Failure> {
    let out = File::create(to).map_err(Failure::file(to))?;
    let mut backup = BackupWriter::new(BufWriter::new(out), key)?;
    for (name, file) in files(&settings.keys.folder, "keys")? {
        if file.ends_with(keys::KEY_FILE) {
            // Out of its lock: who forgot the passphrase still has the recovery key.
            let (name, text) = (name, keys::text(&settings.keys.folder)?);
            let size = text.len() as u64;
            backup.file(&Part { name, size }, text.as_bytes())?;
        } else {
            add(&mut backup, &name, &file)?;
        }
    }
    for (name, file) in files(&settings.storage.folder, "state")? {
        if has_extension(&file, "sqlite") {
            let copy = settings.storage.folder.join("backup-copy");
            let _ = fs::remove_file(&copy);
            let copied = Store::open_read_only_with(&file, &[], Some(file_key.clone()))
                .and_then(|store| store.copy_to(&copy))
                .map_err(Failure::from)
                .and_then(|()| add(&mut backup, &name, &copy));
            let _ = fs::remove_file(&copy);
            copied?;
        } else if has_extension(&file, "channel")
            || file.ends_with(Path::new(channels::FOLDER).join(channels::FIRST))
        {
            add(&mut backup, &name, &file)?;
        }
    }
    let out = backup.finish()?.into_inner();
    let synced = out.map_err(std::io::IntoInnerError::into_error);
    synced
        .and_then(|file| file.sync_all())
        .map_err(Failure::file(to))
}

fn add<W: std::io::Write>(
    backup: &mut BackupWriter<W>,
    name: &str,
    file: &Path,
) -> Result<(), Failure> {
    let open = File::open(file).map_err(Failure::file(file))?;
    let size = open.metadata().map_err(Failure::file(file))?.len();
    let part = Part {
        name: name.to_owned(),
        size,
    };
    Ok(backup.file(&part, BufReader::new(open))?)
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

/// Files below a folder in a stable order, each with its name in the backup.
fn files(folder: &Path, name: &str) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Failure::file(folder))? {
        let path = entry.map_err(Failure::file(folder))?.path();
        let Some(last) = path.file_name().and_then(|last| last.to_str()) else {
            continue;
        };
        let name = format!("{name}/{last}");
        if path.is_dir() {
            found.extend(files(&path, &name)?);
        } else if path.is_file() && !has_extension(&path, "new") {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Restores a backup into the folders of a configuration, which must be empty or absent. Says how many files.
///
/// # Errors
/// [`Failure::NotEmpty`]; a wrong recovery key; a damaged backup. Nothing is changed then.
pub fn restore(
    settings: &Settings,
    from: &Path,
    key: &RecoveryKey,
    now_ms: u64,
) -> Result<usize, Failure> {
    let places = [
        ("keys/", Place::new(&settings.keys.folder)?),
        ("state/", Place::new(&settings.storage.folder)?),
    ];
    let open = File::open(from).map_err(Failure::file(from))?;
    let read = read(&mut BackupReader::new(BufReader::new(open), key)?, &places);
    let read = read.and_then(|count| {
        restored::mark(&places[1].1.beside, now_ms)?;
        Ok(count)
    });
    if read.is_err() {
        for (_, place) in &places {
            let _ = fs::remove_dir_all(&place.beside);
        }
        return read;
    }
    for (_, place) in &places {
        place.take()?;
    }
    read
}

fn read<R: Read>(backup: &mut BackupReader<R>, places: &[(&str, Place)]) -> Result<usize, Failure> {
    let mut count = 0;
    for (_, place) in places {
        keys::private_folder(&place.beside)?;
    }
    while backup
        .next(|part, bytes| write_file(places, part, bytes))?
        .is_some()
    {
        count += 1;
    }
    Ok(count)
}

fn write_file(places: &[(&str, Place)], part: &Part, bytes: &mut dyn Read) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let place = places.iter().find_map(|(prefix, place)| {
        let rest = part.name.strip_prefix(prefix)?;
        Some(place.beside.join(rest))
    });
    let Some(path) = place else {
        let reason = "it holds a file that belongs to no folder";
        return Err(SealError::Backup { reason }.into());
    };
    if let Some(folder) = path.parent() {
        keys::private_folder(folder)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(Failure::file(&path))?;
    std::io::copy(bytes, &mut file).map_err(SealError::from)?;
    file.flush()
        .and_then(|()| file.sync_all())
        .map_err(Failure::file(&path))
}

/// A folder that is to be filled, and the one beside it that is filled first.
struct Place {
    folder: PathBuf,
    beside: PathBuf,
}

impl Place {
    fn new(folder: &Path) -> Result<Self, Failure> {
        let empty = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(Failure::file(folder)(error)),
        };
        if !empty {
            return Err(Failure::NotEmpty {
                folder: folder.to_owned(),
            });
        }
        let mut beside = folder.as_os_str().to_owned();
        beside.push(".restoring");
        let beside = PathBuf::from(beside);
        if beside.exists() {
            fs::remove_dir_all(&beside).map_err(Failure::file(&beside))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            beside,
        })
    }

    fn take(&self) -> Result<(), Failure> {
        if self.folder.exists() {
            fs::remove_dir(&self.folder).map_err(Failure::file(&self.folder))?;
        }
        fs::rename(&self.beside, &self.folder).map_err(Failure::file(&self.folder))
    }
}
