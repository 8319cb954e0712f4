// SPDX-License-Identifier: Apache-2.0
//! The connection below the driver: the greeting and the encryption.
//!
//! The driver trusts the system's authorities beside any that it is given, and keeps from us why a
//! handshake failed and what it agreed on. So the greeting (PRELOGIN, MS-TDS 2.2.6.5) and the TLS handshake
//! inside it are held here, with our own terms, and the driver is handed a stream that looks to it like a
//! server without encryption: its greeting is answered by [`Wire`] and never sent, everything else passes.
//!
//! ```text
//! we       PRELOGIN (encryption: on) ──────────────►  server
//!          ◄────────────── answer (version, encryption)
//!          TLS handshake, each flight in packets of type 0x12
//! driver   PRELOGIN ──► Wire ──► answer; from then on all bytes pass through TLS
//! ```

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::handshake::Handshake;

/// The header of every packet, MS-TDS 2.2.3.1.
pub(crate) const HEADER: usize = 8;
pub(crate) const PRELOGIN: u8 = 0x12;
pub(crate) const RESPONSE: u8 = 0x04;
const END_OF_MESSAGE: u8 = 0x01;
/// A greeting is some forty bytes; a server that sends more is none.
pub(crate) const LONGEST_GREETING: usize = 4_096;

/// PL_OPTION_TOKENs.
const VERSION: u8 = 0x00;
const ENCRYPTION: u8 = 0x01;
const TERMINATOR: u8 = 0xff;
/// B_FENCRYPTION.
const ENCRYPT_ON: u8 = 0x01;
const ENCRYPT_NOT_SUPPORTED: u8 = 0x02;
const ENCRYPT_REQUIRED: u8 = 0x03;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The network.
    Io(io::Error),
    /// The encryption: what is wrong, in words for an operator.
    Tls(String),
    /// The other side speaks something else.
    NotTds,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a connection is to be encrypted with.
pub(crate) struct Terms {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

/// A connection that was greeted, and is encrypted if it should be.
pub(crate) struct Wire {
    stream: Stream,
    greeting: Greeting,
    /// Such as `TLSv1.2 TLS_ECDHE_...`; `None` in plain text.
    pub encryption: Option<String>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<Handshake>>),
}

/// How far the driver's own greeting has come.
enum Greeting {
    /// So much of it was taken.
    Taking(Vec<u8>),
    /// So much of the answer is still to be given.
    Answering(Vec<u8>),
    Over,
}

impl Wire {
    /// Greets the server on a fresh connection, with encryption on these terms or without any.
    pub(crate) async fn open(mut tcp: TcpStream, terms: Option<Terms>) -> Result<Self, Failure> {
        let ask = if terms.is_some() {
            ENCRYPT_ON
        } else {
            ENCRYPT_NOT_SUPPORTED
        };
        tcp.write_all(&packet(PRELOGIN, &options(ask, [0; 6])))
            .await?;
        let answer = Answer::parse(&message(&mut tcp).await?).ok_or(Failure::NotTds)?;
        let encrypts = matches!(answer.encryption, ENCRYPT_ON | ENCRYPT_REQUIRED);
        let (stream, encryption) = match terms {
            None if answer.encryption == ENCRYPT_REQUIRED => {
                return Err(Failure::Tls(
                    "the server demands encryption; set tls to required".into(),
                ));
            }
            None => (Stream::Plain(tcp), None),
            Some(_) if !encrypts => {
                return Err(Failure::Tls(
                    "the server offers no TLS; give it a certificate, or end a tunnel on this machine and connect to that".into(),
                ));
            }
            Some(terms) => {
                let tls = encrypt(tcp, terms).await?;
                let agreed = agreed(&tls);
                (Stream::Tls(Box::new(tls)), agreed)
            }
        };
        Ok(Self {
            stream,
            greeting: Greeting::Taking(Vec::new()),
            encryption,
        })
    }

    fn stream(&mut self) -> Pin<&mut (dyn Both + '_)> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp),
            Stream::Tls(tls) => Pin::new(&mut **tls),
        }
    }
}

/// Both directions.
trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

async fn encrypt(tcp: TcpStream, terms: Terms) -> Result<TlsStream<Handshake>, Failure> {
    let connector = TlsConnector::from(terms.config);
    let mut tls = connector
        .connect(terms.name, Handshake::new(tcp))
        .await
        .map_err(|error| match crate::tls::reason(&error) {
            Some(reason) => Failure::Tls(reason),
            None => Failure::Io(error),
        })?;
    tls.get_mut().0.is_over();
    Ok(tls)
}

fn agreed(tls: &TlsStream<Handshake>) -> Option<String> {
    let (_, connection) = tls.get_ref();
    let version = connection
        .protocol_version()?
        .as_str()
        .unwrap_or("TLS")
        .replace('_', ".");
    let suite = connection.negotiated_cipher_suite()?.suite();
    Some(format!("{version} {}", suite.as_str().unwrap_or_default()))
}

/// The options of a greeting: a version and what is thought of encryption.
fn options(encryption: u8, version: [u8; 6]) -> Vec<u8> {
    let mut bytes = vec![VERSION, 0, 11, 0, 6, ENCRYPTION, 0, 17, 0, 1, TERMINATOR];
    bytes.extend_from_slice(&version);
    bytes.push(encryption);
    bytes
}

/// A message in one packet.
pub(crate) fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + payload.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let mut bytes = vec![kind, END_OF_MESSAGE, length[0], length[1], 0, 0, 1, 0];
    bytes.extend_from_slice(payload);
    bytes
}

/// The server's answer to the greeting, out of its packets.
async fn message(tcp: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; HEADER];
        tcp.read_exact(&mut header).await?;
        let payload = usize::from(u16::from_be_bytes([header[2], header[3]]))
            .checked_sub(HEADER)
            .filter(|n| message.len() + n <= LONGEST_GREETING)
            .ok_or(Failure::NotTds)?;
        if header[0] != RESPONSE {
            return Err(Failure::NotTds);
        }
        let from = message.len();
        message.resize(from + payload, 0);
        tcp.read_exact(&mut message[from..]).await?;
        if header[1] & END_OF_MESSAGE != 0 {
            return Ok(message);
        }
    }
}

/// What matters of the server's greeting.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    encryption: u8,
}

impl Answer {
    fn parse(message: &[u8]) -> Option<Self> {
        let mut at = 0;
        loop {
            let token = *message.get(at)?;
            if token == TERMINATOR {
                return None; // every server says what it thinks of encryption
            }
            let entry: [u8; 4] = message.get(at + 1..at + 5)?.try_into().ok()?;
            let offset = usize::from(u16::from_be_bytes([entry[0], entry[1]]));
            if token == ENCRYPTION {
                let encryption = *message.get(offset)?;
                return (encryption <= ENCRYPT_REQUIRED).then_some(Self { encryption });
            }
            at += 5;
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if let Greeting::Answering(answer) = &mut wire.greeting {
            let n = answer.len().min(buf.remaining());
            buf.put_slice(&answer[..n]);
            answer.drain(..n);
            if answer.is_empty() {
                wire.greeting = Greeting::Over;
            }
            return Poll::Ready(Ok(()));
        }
        wire.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let Greeting::Taking(taken) = &mut wire.greeting else {
            return wire.stream().poll_write(cx, buf);
        };
        let length = |taken: &[u8]| match taken {
            [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])).max(HEADER),
            _ => HEADER,
        };
        let n = buf.len().min(length(taken) - taken.len());
        taken.extend_from_slice(&buf[..n]);
        if taken.len() >= length(taken) {
            let options = options(ENCRYPT_NOT_SUPPORTED, [0; 6]);
            wire.greeting = Greeting::Answering(packet(RESPONSE, &options));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_the_server_thinks_of_encryption() {
        for encryption in 0..=3 {
            let answer = Answer::parse(&options(encryption, [15, 0, 16, 1, 0, 0]));
            assert_eq!(answer, Some(Answer { encryption }));
        }
        assert_eq!(Answer::parse(&options(9, [0; 6])), None);
    }

    #[test]
    fn a_cut_or_foreign_greeting_is_no_answer() {
        let whole = options(1, [0; 6]);
        for end in 0..whole.len() {
            assert_eq!(Answer::parse(&whole[..end]), None, "{end}");
        }
        assert_eq!(Answer::parse(b"HTTP/1.1 400 Bad Request\r\n"), None);
    }

    #[tokio::test]
    async fn the_drivers_greeting_is_answered_and_never_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut greeting = vec![0; HEADER + 18];
            tcp.read_exact(&mut greeting).await.unwrap();
            let answer = packet(RESPONSE, &options(ENCRYPT_NOT_SUPPORTED, [0; 6]));
            tcp.write_all(&answer).await.unwrap();
            let mut rest = Vec::new();
            tcp.read_to_end(&mut rest).await.unwrap();
            rest
        });
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut wire = Wire::open(tcp, None)
            .await
            .unwrap_or_else(|_| panic!("no greeting"));
        for byte in packet(PRELOGIN, &options(ENCRYPT_NOT_SUPPORTED, [1; 6])) {
            wire.write_all(&[byte]).await.unwrap(); // however it is cut
        }
        let mut answer = vec![0; HEADER + 18];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[0], RESPONSE);
        wire.write_all(b"login").await.unwrap();
        wire.shutdown().await.unwrap();
        assert_eq!(server.await.unwrap(), b"login");
    }
}
