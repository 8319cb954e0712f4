// SPDX-License-Identifier: Apache-2.0
//! Listening, and greeting.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::conversation::converse;
use crate::engine::Instance;
use crate::wire::packet::{self, END_OF_MESSAGE, RESPONSE};
use crate::wire::prelogin::{self, Encryption as Asked};
use crate::wire::tls;

/// Whether connections are encrypted.
#[derive(Debug, Clone, Default)]
pub enum Encryption {
    /// Never: the server has no certificate.
    #[default]
    None,
    /// Where the client asks for it.
    Offered {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
    /// Always; who does not ask for it is turned away.
    Required {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
}

/// How a stand-in is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of its databases; they are there again at the next start.
    pub dir: PathBuf,
    /// A loopback port; 0 takes a free one.
    pub port: u16,
    /// The login that may do everything, and its password.
    pub admin: (String, String),
    /// Whether connections are encrypted.
    pub encryption: Encryption,
}

/// A running stand-in, on threads of its own. It listens on loopback alone and ends, with all its
/// connections, when it is dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: Option<tokio::task::JoinHandle<()>>,
    runtime: Option<Runtime>,
}

struct House {
    instance: Arc<Instance>,
    acceptor: Option<TlsAcceptor>,
    required: bool,
}

impl StandIn {
    /// Opens the databases and listens.
    ///
    /// # Errors
    /// When the folder, the certificate or the port cannot be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let (acceptor, required) = match &options.encryption {
            Encryption::None => (None, false),
            Encryption::Offered { certificate, key } => {
                (Some(tls::acceptor(certificate, key)?), false)
            }
            Encryption::Required { certificate, key } => {
                (Some(tls::acceptor(certificate, key)?), true)
            }
        };
        let instance = Instance::open(&options.dir, options.admin).map_err(io::Error::other)?;
        let house = Arc::new(House {
            instance: Arc::new(instance),
            acceptor,
            required,
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("tds-stand-in")
            .enable_all()
            .build()?;
        let served = runtime.spawn(async move {
            if let Ok(listener) = TcpListener::from_std(listener) {
                serve(listener, house, stopped).await;
            }
        });
        Ok(Self {
            address,
            stop,
            served: Some(served),
            runtime: Some(runtime),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it and every connection, and waits until the port is free.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(served) = self.served.take() {
            let _ = served.await;
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Not waiting: a drop may happen on a thread that must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((tcp, _)) = accepted {
                    let house = Arc::clone(&house);
                    connections.spawn(async move {
                        // Whatever ends a connection is the client's to notice.
                        let _ = connection(tcp, &house).await;
                    });
                }
            }
            Some(_) = connections.join_next() => {}
            // Also when the stand-in is dropped, with its end of the channel.
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(mut tcp: TcpStream, house: &House) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let Some(greeting) = packet::read(&mut tcp).await? else {
        return Ok(());
    };
    let asked = (greeting.kind == packet::PRELOGIN)
        .then(|| prelogin::asked(&greeting.payload))
        .flatten();
    let asked = asked.ok_or(io::ErrorKind::InvalidData)?;
    let wants = matches!(asked, Asked::On | Asked::Required);
    let said = match (&house.acceptor, wants || asked == Asked::Off) {
        (None, _) => Asked::NotSupported,
        (Some(_), true) => Asked::On,
        (Some(_), false) if house.required => Asked::Required,
        (Some(_), false) => Asked::NotSupported,
    };
    let answer = packet::packet(RESPONSE, END_OF_MESSAGE, 0, 1, &prelogin::answer(said));
    tcp.write_all(&answer).await?;
    match (&house.acceptor, said) {
        (Some(acceptor), Asked::On) => {
            let stream = tls::accept(acceptor, tcp).await?;
            converse(stream, &house.instance).await
        }
        (_, Asked::NotSupported) => converse(tcp, &house.instance).await,
        _ => Ok(()),
    }
}
