// SPDX-License-Identifier: Apache-2.0
//! TLS inside TDS packets of type 0x12 while the handshake lasts, MS-TDS 3.3.5.2, and bare afterwards.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::packet::{END_OF_MESSAGE, HEADER, PRELOGIN, packet};

/// The most that one packet carries of a flight; SQL Server's own size before the login.
const PART: usize = 4096 - HEADER;

/// The server's side of a handshake. TLS 1.2, as SQL Server speaks inside TDS 7.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let bad =
        |e: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidInput, e.to_string());
    let chain = CertificateDer::pem_file_iter(certificate)
        .map_err(|e| bad(&e))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| bad(&e))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(&e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|e| bad(&e))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| bad(&e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Holds the handshake and gives the encrypted stream.
pub(crate) async fn accept(
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
) -> io::Result<TlsStream<Packed>> {
    let mut tls = acceptor.accept(Packed::new(tcp)).await?;
    tls.get_mut().0.packing = false;
    Ok(tls)
}

/// A connection that packs what it carries until it is told not to.
pub(crate) struct Packed {
    tcp: TcpStream,
    packing: bool,
    header: Vec<u8>,
    left: usize,
    written: Vec<u8>,
    leaving: Vec<u8>,
}

impl Packed {
    fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            packing: true,
            header: Vec::new(),
            left: 0,
            written: Vec::new(),
            leaving: Vec::new(),
        }
    }
}

impl AsyncRead for Packed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.packing && this.left == 0 {
            return Pin::new(&mut this.tcp).poll_read(cx, buf);
        }
        while this.left == 0 {
            let mut bytes = [0; HEADER];
            let mut part = ReadBuf::new(&mut bytes[this.header.len()..]);
            ready!(Pin::new(&mut this.tcp).poll_read(cx, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.header.extend_from_slice(part.filled());
            if this.header.len() == HEADER {
                let length = usize::from(u16::from_be_bytes([this.header[2], this.header[3]]));
                match length.checked_sub(HEADER) {
                    Some(n) if this.header[0] == PRELOGIN => this.left = n,
                    _ => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                }
                this.header.clear();
            }
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

impl AsyncWrite for Packed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.packing {
            // The last flight may still be waiting.
            while !this.leaving.is_empty() || !this.written.is_empty() {
                ready!(Pin::new(&mut *this).poll_flush(cx))?;
            }
            return Pin::new(&mut this.tcp).poll_write(cx, buf);
        }
        this.written.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let parts = std::mem::take(&mut this.written);
        let count = parts.chunks(PART).count();
        for (at, part) in parts.chunks(PART).enumerate() {
            let status = if at + 1 == count { END_OF_MESSAGE } else { 0 };
            this.leaving.extend(packet(PRELOGIN, status, 0, 0, part));
        }
        while !this.leaving.is_empty() {
            let n = ready!(Pin::new(&mut this.tcp).poll_write(cx, &this.leaving))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.leaving.drain(..n);
        }
        Pin::new(&mut this.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
