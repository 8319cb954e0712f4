// SPDX-License-Identifier: Apache-2.0
//! A copy at rest: a file without a name, encrypted with a key that never leaves this process.
//!
//! ```text
//! disk    AES-256 in counter mode over the bytes of the Access file, same length, same offsets
//! key     32 random bytes for each copy, in memory, gone with the copy
//! ```
//!
//! The key is used for one file, written once from its beginning, so that a counter from zero is never used
//! twice. There is no authentication: whoever can write to our unnamed file can also write to our memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::Zeroizing;

type Cipher = ctr::Ctr64BE<Aes256>;

/// A copy that is being written.
pub(crate) struct Sealing {
    file: File,
    cipher: Cipher,
    len: u64,
}

impl Sealing {
    /// An empty copy in a folder, which is made with mode 700 if it is not there.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *key).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            cipher: Cipher::new((&*key).into(), (&[0u8; 16]).into()),
            len: 0,
        })
    }

    /// Writes the next bytes, which come out encrypted.
    pub fn append(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.cipher.apply_keystream(bytes);
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The copy, for reading.
    pub fn finish(self) -> Sealed {
        Sealed {
            file: self.file,
            cipher: self.cipher,
            len: self.len,
            at: 0,
        }
    }
}

/// A copy that is complete, read as if it were the Access file.
pub(crate) struct Sealed {
    file: File,
    cipher: Cipher,
    len: u64,
    at: u64,
}

impl Read for Sealed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.at)?;
        self.cipher
            .try_seek(self.at)
            .map_err(|error| io::Error::other(error.to_string()))?;
        self.cipher.apply_keystream(&mut buf[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Sealed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_on_the_disk_is_not_what_was_written_and_any_part_of_it_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut sealing = Sealing::begin(folder.path()).unwrap();
        let text: Vec<u8> = b"Aquib Shaikh "
            .iter()
            .copied()
            .cycle()
            .take(300_001)
            .collect();
        for part in text.chunks(70_000) {
            sealing.append(&mut part.to_vec()).unwrap();
        }
        let mut sealed = sealing.finish();
        let mut disk = vec![0; text.len()];
        sealed.file.read_exact_at(&mut disk, 0).unwrap();
        assert!(!disk.windows(5).any(|window| window == b"Aquib"));
        assert_eq!(sealed.seek(SeekFrom::End(0)).unwrap(), 300_001);
        for at in [0, 15, 16, 4_095, 69_999, 299_000] {
            let mut part = vec![0; 900];
            sealed.seek(SeekFrom::Start(at)).unwrap();
            sealed.read_exact(&mut part).unwrap();
            let from = usize::try_from(at).unwrap();
            assert_eq!(part, text[from..from + 900]);
        }
    }

    #[test]
    fn the_copy_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("copies");
        let mut sealing = Sealing::begin(&inner).unwrap();
        sealing.append(&mut [1, 2, 3]).unwrap();
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 0);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&inner).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o700);
    }
}
