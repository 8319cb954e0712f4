// SPDX-License-Identifier: Apache-2.0
//! Packets and messages, MS-TDS 2.2.3.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) const HEADER: usize = 8;
/// Until another size is agreed on at login.
pub(crate) const DEFAULT_SIZE: usize = 4096;
/// The sizes that may be agreed on.
pub(crate) const SIZES: std::ops::RangeInclusive<usize> = 512..=32_767;
/// The longest message that is taken in; a thousand rows of an INSERT are far shorter.
const LONGEST: usize = 64 << 20;

/// Types of messages, 2.2.3.1.1.
pub(crate) const SQL_BATCH: u8 = 0x01;
pub(crate) const RPC: u8 = 0x03;
pub(crate) const RESPONSE: u8 = 0x04;
pub(crate) const ATTENTION: u8 = 0x06;
pub(crate) const TRANSACTION_MANAGER: u8 = 0x0e;
pub(crate) const LOGIN7: u8 = 0x10;
pub(crate) const PRELOGIN: u8 = 0x12;

/// Bits of the status, 2.2.3.1.2.
pub(crate) const END_OF_MESSAGE: u8 = 0x01;
const IGNORE: u8 = 0x02;
const RESET: u8 = 0x08 | 0x10;

/// A whole message.
#[derive(Debug)]
pub(crate) struct Message {
    pub kind: u8,
    pub payload: Vec<u8>,
    /// The sender has thought better of it.
    pub ignored: bool,
}

/// The next message, or `None` where the connection ends between two.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let mut payload = Vec::new();
    let mut first = true;
    loop {
        let mut header = [0; HEADER];
        if first && from.read(&mut header[..1]).await? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut header[usize::from(first)..]).await?;
        first = false;
        let [kind, status, high, low, ..] = header;
        let length = usize::from(u16::from_be_bytes([high, low]))
            .checked_sub(HEADER)
            .filter(|n| payload.len() + n <= LONGEST && status & RESET == 0)
            .ok_or(io::ErrorKind::InvalidData)?;
        let at = payload.len();
        payload.resize(at + length, 0);
        from.read_exact(&mut payload[at..]).await?;
        if status & END_OF_MESSAGE != 0 {
            return Ok(Some(Message {
                kind,
                payload,
                ignored: status & IGNORE != 0,
            }));
        }
    }
}

/// One packet.
pub(crate) fn packet(kind: u8, status: u8, session: u64, number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + payload.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let session = u16::try_from(session & 0xffff).unwrap_or(0).to_be_bytes();
    let mut packet = vec![
        kind, status, length[0], length[1], session[0], session[1], number, 0,
    ];
    packet.extend_from_slice(payload);
    packet
}
