// SPDX-License-Identifier: Apache-2.0
//! LOGIN7, MS-TDS 2.2.6.4.

use super::reader::{Reader, utf16};

/// The protocol that is spoken here, 7.4.
pub(crate) const TDS_7_4: u32 = 0x7400_0004;

/// What matters of a login.
pub(crate) struct Login {
    pub version: u32,
    pub packet_size: u32,
    pub user: String,
    pub password: String,
    pub database: String,
    /// Whether it asks for a login of the operating system, which there is none of.
    pub integrated: bool,
}

/// The password is not shown, by mistake neither.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Login {
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut fixed = Reader(message);
        let length = usize::try_from(fixed.u32()?).ok()?;
        let message = message.get(..length)?;
        let (version, packet_size) = (fixed.u32()?, fixed.u32()?);
        fixed.bytes(12)?; // program's version, process, connection
        let flags: [u8; 4] = fixed.bytes(4)?.try_into().ok()?;
        fixed.bytes(8)?; // time zone, language
        let field = |what: &mut Reader<'_>| -> Option<Vec<u8>> {
            let (offset, units) = (usize::from(what.u16()?), usize::from(what.u16()?));
            Some(message.get(offset..offset + 2 * units)?.to_vec())
        };
        let _host = field(&mut fixed)?;
        let user = utf16(&field(&mut fixed)?)?;
        let password = utf16(&clear(field(&mut fixed)?))?;
        for _ in 0..5 {
            fixed.bytes(4)?; // application, server, extension, library, language
        }
        let database = utf16(&field(&mut fixed)?)?;
        Some(Self {
            version,
            packet_size,
            user,
            password,
            database,
            integrated: flags[1] & 0x80 != 0,
        })
    }
}

/// Every byte of the password has its halves exchanged and is then combined with A5.
fn clear(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in &mut bytes {
        *byte = (*byte ^ 0xa5).rotate_left(4);
    }
    bytes
}
