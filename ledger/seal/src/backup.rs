// SPDX-License-Identifier: Apache-2.0
//! A sealed backup: several named files in one stream that only the recovery key opens.
//!
//! ```text
//! "silsila-backup 1\n"                     17 bytes
//! key id                                   16 bytes: of the recovery key's public half, to name a wrong key
//! encapsulated key                         32 bytes
//! then parts:  length (4 bytes, big-endian; its highest bit marks the last part), that many sealed bytes
//! ```
//!
//! Each part is one message of an HPKE context (RFC 9180, PSK mode; the associated data is the four bytes of its
//! length), so that parts cannot be changed, exchanged, repeated, or left out at the end. The pre-shared key grows
//! from the recovery key and is kept by the gateway: whoever knows the public half alone cannot make a backup.
//!
//! What the parts hold, one behind the other: for each file `[name, size]` in CBOR, then its bytes. Nothing is handed
//! out of a part before that part was authenticated; that the backup is whole is known at its end.

use std::io::{Read, Write};

use hpke::aead::{AeadCtxR, AeadCtxS};
use hpke::{Deserializable as _, OpModeR, OpModeS, PskBundle, Serializable as _};
use sha2::{Digest as _, Sha256};
use silsila_chain::cbor::{Reader as CborReader, Writer as CborWriter};
use zeroize::Zeroizing;

use crate::suites::{Aead, Encapsulated, Kdf, Kem, TAG};
use crate::{BackupKey, RecoveryKey, SealError, SealingPublic};

const MAGIC: &[u8; 17] = b"silsila-backup 1\n";
const PSK_ID: &[u8] = b"silsila backup 1";
const PART: usize = 1 << 20;
const LAST: u32 = 1 << 31;
/// A name, and a size of at most nine bytes.
const MAX_HEAD: usize = 1 + 2 + MAX_NAME + 9;
const MAX_NAME: usize = 128;

/// Writes a backup.
pub struct BackupWriter<W> {
    out: W,
    context: AeadCtxS<Aead, Kdf, Kem>,
    part: Zeroizing<Vec<u8>>,
}

/// A file that a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name: components of small letters, digits, `-`, `.` and `_`, separated by `/`.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a backup.
    ///
    /// # Errors
    /// Where the stream fails or the key is none.
    pub fn new(mut out: W, key: &BackupKey) -> Result<Self, SealError> {
        let bundle = PskBundle::new(&*key.shared, PSK_ID).map_err(|_| SealError::Recipient)?;
        let (encapsulated, context) = hpke::setup_sender::<Aead, Kdf, Kem>(
            &OpModeS::Psk(bundle),
            &key.public.key()?,
            &info(&key.public),
        )
        .map_err(|_| SealError::Recipient)?;
        out.write_all(MAGIC)?;
        out.write_all(&key_id(&key.public))?;
        out.write_all(&encapsulated.to_bytes())?;
        Ok(Self {
            out,
            context,
            part: Zeroizing::new(Vec::with_capacity(PART)),
        })
    }

    /// Adds a file, whose size is known beforehand.
    ///
    /// # Errors
    /// Where a stream fails, the name is none, or the file has another size.
    pub fn file(&mut self, part: &Part, mut bytes: impl Read) -> Result<(), SealError> {
        if !is_name(&part.name) {
            return Err(SealError::Format {
                reason: "a file of a name that a backup cannot hold",
            });
        }
        let mut head = CborWriter::new();
        head.array(2).text(&part.name).uint(part.size);
        self.write(head.as_bytes())?;
        let mut chunk = Zeroizing::new(vec![0; PART]);
        let mut left = part.size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(PART);
            bytes.read_exact(&mut chunk[..most])?;
            self.write(&chunk[..most])?;
            left -= most as u64;
        }
        Ok(())
    }

    /// Writes what is left, and the end.
    ///
    /// # Errors
    /// Where the stream fails.
    pub fn finish(mut self) -> Result<W, SealError> {
        self.seal(LAST)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), SealError> {
        while !bytes.is_empty() {
            if self.part.len() == PART {
                self.seal(0)?;
            }
            let room = bytes.len().min(PART - self.part.len());
            self.part.extend_from_slice(&bytes[..room]);
            bytes = &bytes[room..];
        }
        Ok(())
    }

    fn seal(&mut self, mark: u32) -> Result<(), SealError> {
        let size = u32::try_from(self.part.len() + TAG).expect("a part has about a megabyte");
        let head = (mark | size).to_be_bytes();
        let sealed = self
            .context
            .seal(&self.part, &head)
            .map_err(|_| SealError::Format {
                reason: "more than can be sealed at once",
            })?;
        self.part.clear();
        self.out.write_all(&head)?;
        Ok(self.out.write_all(&sealed)?)
    }
}

/// Reads a backup.
pub struct BackupReader<R> {
    from: R,
    context: AeadCtxR<Aead, Kdf, Kem>,
    part: Zeroizing<Vec<u8>>,
    at: usize,
    last: bool,
}

impl<R: Read> BackupReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`SealError::WrongRecoveryKey`]; [`SealError::Backup`] where this is no backup.
    pub fn new(mut from: R, key: &RecoveryKey) -> Result<Self, SealError> {
        let mut magic = [0; MAGIC.len()];
        let mut id = [0; 16];
        let mut encapsulated = [0; 32];
        read(&mut from, &mut magic)?;
        if magic != *MAGIC {
            return Err(damaged("it does not begin as a backup does"));
        }
        read(&mut from, &mut id)?;
        read(&mut from, &mut encapsulated)?;
        let kept = key.backup_key();
        if id != key_id(&kept.public) {
            return Err(SealError::WrongRecoveryKey);
        }
        let bundle = PskBundle::new(&*kept.shared, PSK_ID).map_err(|_| SealError::Recipient)?;
        let context = Encapsulated::from_bytes(&encapsulated).and_then(|encapsulated| {
            hpke::setup_receiver::<Aead, Kdf, Kem>(
                &OpModeR::Psk(bundle),
                &key.private(),
                &encapsulated,
                &info(&kept.public),
            )
        });
        Ok(Self {
            from,
            context: context.map_err(|_| damaged("its head was changed"))?,
            part: Zeroizing::default(),
            at: 0,
            last: false,
        })
    }

    /// Hands the next file to `take`, which must read all of it; `None` at the end of a whole backup.
    ///
    /// # Errors
    /// Where the backup is damaged or cut off, and what `take` returns.
    pub fn next<T, E: From<SealError>>(
        &mut self,
        take: impl FnOnce(&Part, &mut dyn Read) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let Some(part) = self.head()? else {
            return Ok(None);
        };
        let mut file = FileReader {
            left: part.size,
            backup: self,
        };
        let taken = take(&part, &mut file)?;
        if file.left > 0 {
            return Err(damaged("a file that was not read to its end").into());
        }
        Ok(Some(taken))
    }

    fn head(&mut self) -> Result<Option<Part>, SealError> {
        if !self.fill()? {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(MAX_HEAD);
        let fault = || damaged("a file of a name that a backup cannot hold");
        while bytes.len() < MAX_HEAD && self.fill()? {
            bytes.push(self.part[self.at]);
            self.at += 1;
            let mut reader = CborReader::new(&bytes);
            let part = reader
                .tuple(2)
                .and_then(|()| Ok((reader.text(MAX_NAME)?.to_owned(), reader.uint()?)));
            if let Ok((name, size)) = part {
                return if is_name(&name) {
                    Ok(Some(Part { name, size }))
                } else {
                    Err(fault())
                };
            }
        }
        Err(fault())
    }

    /// Whether there is another byte.
    fn fill(&mut self) -> Result<bool, SealError> {
        while self.at == self.part.len() {
            if self.last {
                return Ok(false);
            }
            self.next_part()?;
        }
        Ok(true)
    }

    fn next_part(&mut self) -> Result<(), SealError> {
        let mut head = [0; 4];
        read(&mut self.from, &mut head)?;
        let marked = u32::from_be_bytes(head);
        let size = (marked & !LAST) as usize;
        if !(TAG..=PART + TAG).contains(&size) {
            return Err(damaged("a part of a size that no part has"));
        }
        let mut sealed = vec![0; size];
        read(&mut self.from, &mut sealed)?;
        let part = self.context.open(&sealed, &head);
        self.part = Zeroizing::new(part.map_err(|_| damaged("a part was changed"))?);
        (self.at, self.last) = (0, marked & LAST != 0);
        if self.last && self.from.read(&mut [0])? != 0 {
            return Err(damaged("something follows its end"));
        }
        Ok(())
    }
}

struct FileReader<'b, R> {
    left: u64,
    backup: &'b mut BackupReader<R>,
}

impl<R: Read> Read for FileReader<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 || into.is_empty() {
            return Ok(0);
        }
        match self.backup.fill() {
            Ok(true) => {}
            Ok(false) => return Err(std::io::Error::other(damaged("a file is cut off"))),
            Err(SealError::Stream { source }) => return Err(source),
            Err(error) => return Err(std::io::Error::other(error)),
        }
        let ready = &self.backup.part[self.backup.at..];
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = ready.len().min(into.len()).min(most);
        into[..count].copy_from_slice(&ready[..count]);
        self.backup.at += count;
        self.left -= count as u64;
        Ok(count)
    }
}

fn read(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), SealError> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
        _ => error.into(),
    })
}

const fn damaged(reason: &'static str) -> SealError {
    SealError::Backup { reason }
}

fn info(public: &SealingPublic) -> Vec<u8> {
    [MAGIC, &public.0[..]].concat()
}

fn key_id(public: &SealingPublic) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"silsila recovery key id 1")
        .chain_update(public.0)
        .finalize()
        .into();
    *digest.first_chunk().expect("16 is at most 32")
}

/// At most four components, none of which leads elsewhere.
fn is_name(name: &str) -> bool {
    let component = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
    };
    name.len() <= MAX_NAME && name.split('/').count() <= 4 && name.split('/').all(component)
}
