// SPDX-License-Identifier: Apache-2.0
//! PRELOGIN, MS-TDS 2.2.6.5: what both sides think of encryption.

const VERSION: u8 = 0x00;
const ENCRYPTION: u8 = 0x01;
const INSTANCE: u8 = 0x02;
const THREAD: u8 = 0x03;
const MARS: u8 = 0x04;
const TERMINATOR: u8 = 0xff;

/// B_FENCRYPTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    Off = 0,
    On = 1,
    NotSupported = 2,
    Required = 3,
}

/// What the client asks for, or `None` where it is no greeting.
pub(crate) fn asked(message: &[u8]) -> Option<Encryption> {
    let mut at = 0;
    loop {
        let token = *message.get(at)?;
        if token == TERMINATOR {
            return None;
        }
        let offset = u16::from_be_bytes(message.get(at + 1..at + 3)?.try_into().ok()?);
        if token == ENCRYPTION {
            return Some(match *message.get(usize::from(offset))? {
                0 => Encryption::Off,
                1 => Encryption::On,
                2 => Encryption::NotSupported,
                3 => Encryption::Required,
                _ => return None,
            });
        }
        at += 5;
    }
}

/// The server's greeting.
pub(crate) fn answer(encryption: Encryption) -> Vec<u8> {
    let options: [(u8, &[u8]); 5] = [
        (VERSION, &[0, 1, 0, 0, 0, 0]), // below every SQL Server's
        (ENCRYPTION, &[encryption as u8]),
        (INSTANCE, &[0]),
        (THREAD, &[]),
        (MARS, &[0]),
    ];
    let mut offset = 5 * options.len() + 1;
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (token, bytes) in options {
        table.push(token);
        table.extend_from_slice(&u16::try_from(offset).unwrap_or(0).to_be_bytes());
        table.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        data.extend_from_slice(bytes);
        offset += bytes.len();
    }
    table.push(TERMINATOR);
    table.extend(data);
    table
}
