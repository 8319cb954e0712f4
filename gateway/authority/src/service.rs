// SPDX-License-Identifier: Apache-2.0
//! The authority on the network: TLS 1.3 by its own key, HTTP/1.1, four addresses.
//!
//! Bounded in every direction: connections at once, the time of a handshake and of a connection, the
//! length of a request, requests from one address. What a request holds never reaches the log.

mod limits;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use self::limits::Limits;
use crate::door::Door;
use crate::office::{Authority, No};
use crate::wire::{
    Answer, BINDING_LABEL, Binding, ENROLMENT, MAX_REQUEST, RENEWAL, REVOCATIONS, SignedRequest,
};
use crate::{AuthorityError, Millis, Refusal};

/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 128;
/// How long a handshake, and the headers of a request, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last: a member asks, is answered, and comes again.
const LONGEST: Duration = Duration::from_secs(60);

/// Says what time it is, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// A bound address, not yet serving.
pub struct Service {
    tcp: TcpListener,
    tls: TlsAcceptor,
    router: Router,
}

#[derive(Clone)]
struct Office {
    authority: Arc<Authority>,
    clock: Clock,
    limits: Arc<Limits>,
}

impl Service {
    /// Takes the address.
    ///
    /// # Errors
    /// Where it cannot be had, or the TLS key cannot be used.
    pub async fn bind(
        authority: Arc<Authority>,
        address: SocketAddr,
        clock: Clock,
    ) -> Result<Self, AuthorityError> {
        let tls = authority.tls()?.server();
        let tls = tls.map_err(|reason| AuthorityError::Unusable {
            path: crate::found::TLS_KEY.into(),
            reason,
        })?;
        let listen = TcpListener::bind(address).await;
        let tcp = listen.map_err(|reason| AuthorityError::Listen {
            address: address.to_string(),
            reason,
        })?;
        let office = Office {
            authority,
            clock,
            limits: Arc::new(Limits::new(Instant::now())),
        };
        Ok(Self {
            tcp,
            tls: TlsAcceptor::from(tls),
            router: router(office),
        })
    }

    /// The address in fact: the port is chosen here where 0 was asked.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn address(&self) -> Result<SocketAddr, AuthorityError> {
        let address = self.tcp.local_addr();
        address.map_err(|reason| AuthorityError::Listen {
            address: "the authority's address".to_owned(),
            reason,
        })
    }

    /// Serves until `stop` resolves. A request under way is cut off; its sender asks again.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let door = Door::new(self.tcp, CONNECTIONS);
        tokio::pin!(stop);
        loop {
            let (stream, peer, place) = tokio::select! {
                () = &mut stop => return,
                visitor = door.next() => visitor,
            };
            let (tls, router) = (self.tls.clone(), self.router.clone());
            tokio::spawn(async move {
                let connection = connection(stream, peer, &tls, router);
                if tokio::time::timeout(LONGEST, connection).await.is_err() {
                    tracing::debug!("a connection lasted too long");
                }
                drop(place);
            });
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: &TlsAcceptor, router: Router) {
    let stream = match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    let exported = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], BINDING_LABEL, Some(&[]));
    let Ok(binding) = exported.map(Binding) else {
        return tracing::debug!("a TLS connection has no binding");
    };
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(binding);
        let answer = TowerToHyperService::new(router.clone()).call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn router(office: Office) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route(ENROLMENT, post(enrol))
        .route(RENEWAL, post(renew))
        .route(REVOCATIONS, get(revocations))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(office)
}

async fn enrol(
    State(office): State<Office>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    axum::Extension(binding): axum::Extension<Binding>,
    body: Bytes,
) -> Response {
    let address = peer.ip().to_string();
    let work = move |authority: &Authority, request: &SignedRequest, now| {
        authority.enrol(request, &binding, &address, now)
    };
    office.decide(peer, body, work).await
}

async fn renew(
    State(office): State<Office>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    axum::Extension(binding): axum::Extension<Binding>,
    body: Bytes,
) -> Response {
    let work = move |authority: &Authority, request: &SignedRequest, now| {
        authority.renew(request, &binding, now)
    };
    office.decide(peer, body, work).await
}

async fn revocations(
    State(office): State<Office>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
) -> Response {
    if !office.limits.admit(peer.ip(), Instant::now()) {
        return answer(&Answer::Refused(Refusal::TooMany));
    }
    let read = office.blocking(|office| office.authority.revocation_answer().map_err(No::from));
    answer(&read.await)
}

impl Office {
    /// Decides about a signed request, within the limits of its sender's address.
    async fn decide(
        self,
        peer: SocketAddr,
        body: Bytes,
        work: impl FnOnce(&Authority, &SignedRequest, Millis) -> Result<Answer, No> + Send + 'static,
    ) -> Response {
        if !self.limits.admit(peer.ip(), Instant::now()) {
            return answer(&Answer::Refused(Refusal::TooMany));
        }
        let limits = self.limits.clone();
        let decided = self
            .blocking(move |office| match SignedRequest::decode(&body) {
                Ok(request) => work(&office.authority, &request, (office.clock)()),
                Err(_) => Err(No::Refusal(Refusal::Malformed)),
            })
            .await;
        if matches!(decided, Answer::Refused(_)) {
            limits.charge(peer.ip(), Instant::now());
        }
        answer(&decided)
    }

    /// SQLite and signatures block: they have threads of their own.
    async fn blocking(
        self,
        work: impl FnOnce(&Self) -> Result<Answer, No> + Send + 'static,
    ) -> Answer {
        let done = tokio::task::spawn_blocking(move || work(&self)).await;
        match done {
            Ok(Ok(answer)) => answer,
            Ok(Err(No::Refusal(refusal))) => {
                let text = refusal.to_string();
                let code = text.split(' ').next().unwrap_or_default();
                tracing::info!(code, "a request was refused");
                Answer::Refused(refusal)
            }
            Ok(Err(No::Trouble(error))) => {
                tracing::error!(%error, "the authority cannot answer");
                Answer::Refused(Refusal::Unavailable)
            }
            Err(_) => Answer::Refused(Refusal::Unavailable),
        }
    }
}

fn answer(answer: &Answer) -> Response {
    let status = match answer {
        Answer::Pending(_) => StatusCode::ACCEPTED,
        Answer::Issued(_) | Answer::Revocations(_) => StatusCode::OK,
        Answer::Refused(Refusal::TooMany) => StatusCode::TOO_MANY_REQUESTS,
        Answer::Refused(Refusal::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        Answer::Refused(Refusal::Malformed) => StatusCode::BAD_REQUEST,
        Answer::Refused(_) => StatusCode::FORBIDDEN,
    };
    let kind = [(header::CONTENT_TYPE, "application/cbor")];
    (status, kind, answer.encode()).into_response()
}
