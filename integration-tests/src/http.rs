// SPDX-License-Identifier: Apache-2.0
//! A small HTTP/1.1 client that keeps its connection, in the clear or over TLS to a private authority.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON. Numbers lose their spelling: compare those in [`Self::text`].
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{}: {}", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }
}

/// One connection to one server.
#[derive(Debug)]
pub struct Http {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Http {
    /// Connects in the clear to a loopback port.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, format!("127.0.0.1:{port}")).await
    }

    /// Connects over TLS to a loopback port, trusting one authority (PEM) and no other.
    ///
    /// # Errors
    /// When nobody listens or the certificate is not good for `name`.
    pub async fn open_tls(port: u16, name: &str, ca_pem: &[u8]) -> anyhow::Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            roots.add(certificate?)?;
        }
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
            .connect(ServerName::try_from(name.to_owned())?, stream)
            .await?;
        Self::over(stream, format!("{name}:{port}")).await
    }

    async fn over<S>(stream: S, host: String) -> anyhow::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { host, sender })
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        tokio::time::timeout(PATIENCE, self.exchange(request))
            .await
            .with_context(|| format!("no answer to {target} within {PATIENCE:?}"))?
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Gets a target such as `/fhir/Patient?_count=1`.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&mut self, target: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, target, &[], Bytes::new()).await
    }

    /// Gets a target that must answer 200, as JSON.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is another one.
    pub async fn json(&mut self, target: &str) -> anyhow::Result<serde_json::Value> {
        let answer = self.get(target).await?;
        if answer.status != StatusCode::OK {
            bail!("GET {target}: {}: {}", answer.status, answer.text());
        }
        answer.json()
    }
}

/// Gets a target on a fresh connection.
///
/// # Errors
/// When nobody listens or the connection breaks.
pub async fn get(port: u16, target: &str) -> anyhow::Result<Answer> {
    Http::open(port).await?.get(target).await
}
