// SPDX-License-Identifier: Apache-2.0
//! Taking a copy while nobody writes.
//!
//! One try: look, read all of it, look again. If the two looks differ, somebody wrote. If somebody may have
//! the file open (Access says so beside it, or it changed a moment ago), it is read a second time and must be
//! the same byte for byte, because a server may tell the time of a change late. What is then opened must
//! parse, every page of every table; if not, the copy may be torn all the same, and it is taken again. The
//! same broken bytes twice are how the file is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::AccessOptions;
use crate::book::{Book, Unopened};
use crate::sealed::{Sealed, Sealing};
use crate::watch::{Look, is_open_elsewhere};

/// Bytes that are read at once.
const STEP: usize = 1 << 20;

/// What identifies content.
pub(crate) type Digest = [u8; 32];

/// A copy that was opened, or the news that nothing is new.
pub(crate) enum Taken {
    /// The content is that of the last copy.
    Same(Seen),
    /// Another content, parsed.
    New(Box<Book>, Seen),
}

/// What was learned of the file while it was copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub look: Look,
    pub digest: Digest,
    /// When the reading began: what was written later is not in the copy.
    pub begun: SystemTime,
    /// Whether somebody may be writing, so that the look alone is no proof later either.
    pub contested: bool,
    pub took: Duration,
}

/// Why there is no copy.
#[derive(Debug)]
pub(crate) enum NoCopy {
    /// There is nothing of that name.
    Absent(io::Error),
    /// We may not read it.
    Denied,
    /// It cannot be read just now.
    Unreadable(io::Error),
    /// Our own folder cannot take it.
    NoRoom(io::Error),
    /// Somebody wrote during every attempt.
    Changing(u32),
    /// It is there, still, and no Access file that we can open.
    Unopened(Unopened),
}

/// Takes a copy, trying again with growing pauses while somebody writes. Blocks for as long as that takes.
pub(crate) fn take(options: &AccessOptions, known: Option<&Digest>) -> Result<Taken, NoCopy> {
    let mut pause = options.pause;
    let mut broken: Option<Digest> = None;
    for attempt in 1.. {
        let tried = once(options, known, &mut broken);
        let last = attempt >= options.attempts;
        match tried {
            // A file that is being replaced is back at once; a share that is away is not.
            Err(Retry::Later(NoCopy::Absent(error))) if attempt > 1 => {
                return Err(NoCopy::Absent(error));
            }
            Err(Retry::Later(_)) if !last => {}
            Err(Retry::Later(fault) | Retry::Never(fault)) => return Err(fault),
            Ok(taken) => return Ok(taken),
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
    Err(NoCopy::Changing(options.attempts))
}

enum Retry {
    Later(NoCopy),
    Never(NoCopy),
}

fn once(
    options: &AccessOptions,
    known: Option<&Digest>,
    broken: &mut Option<Digest>,
) -> Result<Taken, Retry> {
    let (sealed, seen) = read(&options.file, &options.work_folder, options.attempts)?;
    if known == Some(&seen.digest) {
        return Ok(Taken::Same(seen));
    }
    let twice = broken.replace(seen.digest) == Some(seen.digest);
    match Book::open(sealed, options.password.as_ref()) {
        Ok(book) if book.is_sound() || twice => Ok(Taken::New(Box::new(book), seen)),
        Ok(_) => Err(Retry::Later(NoCopy::Changing(options.attempts))),
        Err(fault) if twice || fault.is_lasting() => Err(Retry::Never(NoCopy::Unopened(fault))),
        Err(fault) => Err(Retry::Later(NoCopy::Unopened(fault))),
    }
}

/// One reading of the whole file between two equal looks.
fn read(path: &Path, folder: &Path, attempts: u32) -> Result<(Sealed, Seen), Retry> {
    let started = std::time::Instant::now();
    let begun = SystemTime::now();
    let mut file = File::open(path).map_err(of_source)?;
    let before = file
        .metadata()
        .and_then(|what| Look::of(&what))
        .map_err(of_source)?;
    let mut sealing = Sealing::begin(folder).map_err(of_folder)?;
    let digest = each_part(&mut file, |part| sealing.append(part).map_err(of_folder))?;
    let contested = is_open_elsewhere(path) || before.is_recent(begun);
    if contested {
        let mut again = File::open(path).map_err(of_source)?;
        if each_part(&mut again, |_| Ok(()))? != digest {
            return Err(Retry::Later(NoCopy::Changing(attempts)));
        }
    }
    // Of the name, not of what we hold open: another file may have taken its place.
    let after = Look::at(path).map_err(of_source)?;
    if before != after {
        return Err(Retry::Later(NoCopy::Changing(attempts)));
    }
    let seen = Seen {
        look: before,
        digest,
        begun,
        contested,
        took: started.elapsed(),
    };
    Ok((sealing.finish(), seen))
}

/// Reads to the end, part by part, and gives the digest of it all.
fn each_part(
    file: &mut File,
    mut take: impl FnMut(&mut [u8]) -> Result<(), Retry>,
) -> Result<Digest, Retry> {
    let mut digest = blake3::Hasher::new();
    let mut buffer = vec![0; STEP];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok(*digest.finalize().as_bytes()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(of_source(error)),
        };
        digest.update(&buffer[..read]);
        take(&mut buffer[..read])?;
    }
}

/// What a look that failed means.
pub(crate) fn no_look(error: io::Error) -> NoCopy {
    let (Retry::Later(fault) | Retry::Never(fault)) = of_source(error);
    fault
}

/// A file that is not there for a moment may be one that is being replaced.
fn of_source(error: io::Error) -> Retry {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Retry::Later(NoCopy::Absent(error))
        }
        io::ErrorKind::PermissionDenied => Retry::Never(NoCopy::Denied),
        io::ErrorKind::InvalidInput => Retry::Never(NoCopy::Absent(error)),
        _ => Retry::Later(NoCopy::Unreadable(error)),
    }
}

fn of_folder(error: io::Error) -> Retry {
    Retry::Never(NoCopy::NoRoom(error))
}
