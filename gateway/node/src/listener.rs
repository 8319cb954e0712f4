// SPDX-License-Identifier: Apache-2.0
//! The HTTP listener: HTTP/1.1 and HTTP/2, with TLS or, on loopback, without.
//!
//! Bounded in every direction: so many connections at once (further ones wait in the kernel's queue), so
//! long for a handshake, so long for a request's headers. On the order to stop it accepts nothing more,
//! lets requests finish within the drain bound, and then cuts what is left.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use silsila_authority::door::Door;

use crate::exit::Failure;

/// Connections at once.
const CONNECTIONS: usize = 1024;
/// How long a TLS handshake, and the headers of a request, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bound address, not yet serving.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Self, Failure> {
        let fault = |reason| Failure::Listen {
            address: address.to_string(),
            reason,
        };
        let tcp = TcpListener::bind(address).await.map_err(fault)?;
        let address = tcp.local_addr().map_err(|reason| Failure::Listen {
            address: address.to_string(),
            reason,
        })?;
        Ok(Self { tcp, tls, address })
    }

    /// The address in fact: the port is chosen here where the configuration said 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` resolves, then drains for at most `drain`. Says whether every request ended
    /// by itself.
    pub async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> bool {
        let graceful = GracefulShutdown::new();
        let door = Door::new(self.tcp, CONNECTIONS);
        tokio::pin!(stop);
        loop {
            let (stream, peer, place) = tokio::select! {
                () = &mut stop => break,
                visitor = door.next() => visitor,
            };
            let connection = Connection {
                peer,
                router: router.clone(),
                watcher: graceful.watcher(),
            };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                connection.run(stream, tls).await;
                drop(place);
            });
        }
        drop(door);
        tokio::time::timeout(drain, graceful.shutdown())
            .await
            .is_ok()
    }
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let Some(tls) = tls else {
            return self.serve(stream).await;
        };
        match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            peer,
            router,
            watcher,
        } = self;
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = TowerToHyperService::new(router.clone()).call(request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(Duration::from_secs(30)));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
