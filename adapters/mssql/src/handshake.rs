// SPDX-License-Identifier: Apache-2.0
//! TLS inside packets while its handshake lasts.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::wire::{HEADER, LONGEST_GREETING, PRELOGIN, RESPONSE, packet};

/// A connection whose flights are packed while the handshake lasts, MS-TDS 3.2.5.2.
pub(crate) struct Handshake {
    tcp: TcpStream,
    wrapping: bool,
    /// What is left of the packet that is being read.
    left: usize,
    header: Vec<u8>,
    /// What was written since the last flush, and what of it is packed and on its way.
    flight: Vec<u8>,
    packed: Vec<u8>,
}

impl Handshake {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            wrapping: true,
            left: 0,
            header: Vec::new(),
            flight: Vec::new(),
            packed: Vec::new(),
        }
    }

    /// From here on bytes pass as they are.
    pub(crate) fn is_over(&mut self) {
        self.wrapping = false;
    }

    /// Reads up to the payload of the next packet; answers whether there is one.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.left == 0 {
            let mut bytes = [0; HEADER];
            let mut buf = ReadBuf::new(&mut bytes[self.header.len()..]);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.header.extend_from_slice(buf.filled());
            if let [kind, _, high, low, ..] = self.header[..]
                && self.header.len() == HEADER
            {
                let payload = usize::from(u16::from_be_bytes([high, low])).checked_sub(HEADER);
                match payload {
                    Some(n) if matches!(kind, PRELOGIN | RESPONSE) => self.left = n,
                    _ => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                }
                self.header.clear();
            }
        }
        Poll::Ready(Ok(true))
    }
}

impl AsyncRead for Handshake {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.wrapping && this.left == 0 {
            return Pin::new(&mut this.tcp).poll_read(cx, buf);
        }
        if !ready!(this.poll_header(cx))? {
            return Poll::Ready(Ok(()));
        }
        let most = this.left.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut part))?;
        let n = part.filled().len();
        buf.advance(n);
        this.left -= n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Handshake {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.wrapping {
            return Pin::new(&mut this.tcp).poll_write(cx, buf);
        }
        // A flight of ours is some hundred bytes; one packet holds it.
        let room = (LONGEST_GREETING - HEADER).saturating_sub(this.flight.len());
        if room == 0 {
            ready!(Pin::new(&mut *this).poll_flush(cx))?;
        }
        let n = buf
            .len()
            .min((LONGEST_GREETING - HEADER).saturating_sub(this.flight.len()));
        this.flight.extend_from_slice(&buf[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.packed.is_empty() && !this.flight.is_empty() {
            this.packed = packet(PRELOGIN, &std::mem::take(&mut this.flight));
        }
        while !this.packed.is_empty() {
            let n = ready!(Pin::new(&mut this.tcp).poll_write(cx, &this.packed))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.packed.drain(..n);
        }
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
