// SPDX-License-Identifier: Apache-2.0
//! Looking at the file from outside: what is asked of the share while nothing has changed.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Of a file that was changed so recently, the time alone does not tell the next change from this one
/// (FAT keeps even seconds, and the clocks of two machines differ).
const RECENT: Duration = Duration::from_secs(10);
/// Two machines' clocks differ by less.
const CLOCKS_APART: Duration = Duration::from_secs(86_400);

/// What one look shows. Two equal looks at a file whose last change is not recent mean the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    node: (u64, u64),
}

impl Look {
    /// Looks at a path.
    pub fn at(file: &Path) -> io::Result<Self> {
        std::fs::metadata(file).and_then(|what| Self::of(&what))
    }

    /// What a file's metadata show; a folder is no file.
    pub fn of(what: &Metadata) -> io::Result<Self> {
        if !what.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a file",
            ));
        }
        Ok(Self {
            size: what.len(),
            modified: (what.mtime(), what.mtime_nsec()),
            changed: (what.ctime(), what.ctime_nsec()),
            node: (what.dev(), what.ino()),
        })
    }

    /// When the file was last written, milliseconds since 1970.
    pub fn modified_ms(&self) -> Option<u64> {
        let (seconds, nanos) = self.modified;
        u64::try_from(seconds * 1000 + nanos / 1_000_000).ok()
    }

    /// Whether the last change is too recent to tell it from another one by its time; so is one that lies
    /// ahead of our clock by less than a day.
    pub fn is_recent(&self, now: SystemTime) -> bool {
        let since = self.modified_ms().map(Duration::from_millis);
        let Some(modified) = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        else {
            return false;
        };
        match now.duration_since(modified) {
            Ok(age) => age < RECENT,
            Err(ahead) => ahead.duration() < CLOCKS_APART,
        }
    }
}

/// Whether Access says beside the file that somebody has it open. The file that says so is only a hint:
/// one may be left over from a crash, and a program that opens the file alone makes none.
pub(crate) fn is_open_elsewhere(file: &Path) -> bool {
    ["laccdb", "ldb", "LACCDB", "LDB"]
        .iter()
        .any(|ending| file.with_extension(ending).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_place_of_another_is_seen_even_with_its_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "12345").unwrap();
        std::fs::write(&two, "54321").unwrap();
        let time = std::fs::metadata(&one).unwrap().modified().unwrap();
        let other = std::fs::File::options().write(true).open(&two).unwrap();
        other.set_modified(time).unwrap();
        let before = Look::at(&one).unwrap();
        assert_eq!(before, Look::at(&one).unwrap());
        std::fs::rename(&two, &one).unwrap();
        let after = Look::at(&one).unwrap();
        assert_ne!(before, after);
        assert_eq!(before.modified_ms(), after.modified_ms());
    }

    #[test]
    fn a_change_of_just_now_or_of_the_future_is_recent_and_one_of_a_minute_ago_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "x").unwrap();
        let look = Look::at(&file).unwrap();
        let now = SystemTime::now();
        assert!(look.is_recent(now));
        assert!(look.is_recent(now - Duration::from_secs(3600)));
        assert!(!look.is_recent(now + Duration::from_secs(60)));
        assert!(!look.is_recent(now - Duration::from_secs(200_000)));
    }

    #[test]
    fn a_lock_file_beside_it_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Hospital.accdb");
        assert!(!is_open_elsewhere(&file));
        std::fs::write(folder.path().join("Hospital.laccdb"), "").unwrap();
        assert!(is_open_elsewhere(&file));
    }
}
