// SPDX-License-Identifier: Apache-2.0
//! Listening, greeting, logging in, and carrying requests to sessions and answers back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::engine::{Answer, Answers, Instance, Output, Session};
use crate::error::{Result, SqlError};
use crate::wire::login::{Login, TDS_7_4};
use crate::wire::packet::{self, DEFAULT_SIZE, END_OF_MESSAGE, HEADER, Message, RESPONSE, SIZES};
use crate::wire::prelogin::{self, Encryption as Asked};
use crate::wire::request::{self, Request};
use crate::wire::{tls, token};

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
            session(stream, house).await
        }
        (_, Asked::NotSupported) => session(tcp, house).await,
        _ => Ok(()),
    }
}

/// What the two halves of a session tell each other.
struct Line<W> {
    to: W,
    size: usize,
    session: u64,
}

impl<W: AsyncWrite + Unpin> Line<W> {
    async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let room = self.size - HEADER;
        let count = payload.len().div_ceil(room).max(1);
        for at in 0..count {
            let part = &payload[at * room..payload.len().min((at + 1) * room)];
            let status = if at + 1 == count { END_OF_MESSAGE } else { 0 };
            let number = u8::try_from((at + 1) % 256).unwrap_or(0);
            self.to
                .write_all(&packet::packet(
                    RESPONSE,
                    status,
                    self.session,
                    number,
                    part,
                ))
                .await?;
        }
        self.to.flush().await
    }
}

async fn session<S: AsyncRead + AsyncWrite + Send + 'static>(
    stream: S,
    house: &House,
) -> io::Result<()> {
    let (mut from, to) = tokio::io::split(stream);
    let mut line = Line {
        to,
        size: DEFAULT_SIZE,
        session: 0,
    };
    let Some(message) = packet::read(&mut from).await? else {
        return Ok(());
    };
    let login = (message.kind == packet::LOGIN7)
        .then(|| Login::parse(&message.payload))
        .flatten();
    let login = login.ok_or(io::ErrorKind::InvalidData)?;
    let mut session = match admit(house, &login).await {
        Ok(session) => session,
        Err(errors) => {
            let mut out = Vec::new();
            errors.iter().for_each(|e| token::error(e, &mut out));
            token::done(token::DONE, token::DONE_ERROR, None, &mut out);
            return line.send(&out).await;
        }
    };
    let size = usize::try_from(login.packet_size)
        .unwrap_or(DEFAULT_SIZE)
        .clamp(*SIZES.start(), *SIZES.end());
    line.session = session.id();
    line.send(&welcome(&session, size)).await?;
    line.size = size;

    // Messages are read while a statement runs, so that an attention is heard.
    let (heard, mut messages) = mpsc::channel(1);
    let reading = async move {
        while let Some(message) = packet::read(&mut from).await? {
            if heard.send(message).await.is_err() {
                break;
            }
        }
        io::Result::Ok(())
    };
    let answering = async move {
        while let Some(message) = messages.recv().await {
            session = answer(message, session, &mut messages, &mut line).await?;
        }
        io::Result::Ok(())
    };
    tokio::select! {
        ended = reading => ended,
        ended = answering => ended,
    }
}

/// The session of a login, or the errors that tell why there is none.
async fn admit(house: &House, login: &Login) -> std::result::Result<Session, Vec<SqlError>> {
    if login.version < TDS_7_4 {
        return Err(vec![SqlError::new(
            17_836,
            20,
            "The stand-in speaks TDS 7.4 and nothing older.",
        )]);
    }
    let failed = || {
        SqlError::new(
            18_456,
            14,
            format!("Login failed for user '{}'.", login.user),
        )
    };
    if login.integrated || !house.instance.admits(&login.user, &login.password) {
        return Err(vec![failed()]);
    }
    let (instance, user, database) = (
        Arc::clone(&house.instance),
        login.user.clone(),
        login.database.clone(),
    );
    let opened =
        tokio::task::spawn_blocking(move || Session::open(instance, &user, &database)).await;
    match opened {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(vec![error, failed()]),
        Err(_) => Err(vec![failed()]),
    }
}

fn welcome(session: &Session, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let database = session.database_name();
    token::database(database, &mut out);
    token::info(
        5701,
        &format!("Changed database context to '{database}'."),
        &mut out,
    );
    token::collation(&mut out);
    token::language(&mut out);
    token::info(50_000, crate::VERSION, &mut out);
    token::login_ack(&mut out);
    token::packet_size(size, &mut out);
    token::done(token::DONE, 0, None, &mut out);
    out
}

/// Carries out one request and sends its answer.
async fn answer<W: AsyncWrite + Unpin>(
    message: Message,
    session: Session,
    messages: &mut mpsc::Receiver<Message>,
    line: &mut Line<W>,
) -> io::Result<Session> {
    if message.ignored {
        return Ok(session);
    }
    if message.kind == packet::ATTENTION {
        // It came after the answer that it was to stop.
        acknowledge(line).await?;
        return Ok(session);
    }
    let request = match message.kind {
        packet::SQL_BATCH => request::batch(&message.payload),
        packet::RPC => request::rpc(&message.payload),
        packet::TRANSACTION_MANAGER => {
            Some(Request::Procedure("of the transaction manager".into()))
        }
        _ => None,
    };
    let request = request.ok_or(io::ErrorKind::InvalidData)?;
    let (chunks, mut ready) = mpsc::channel(4);
    let stopped = Arc::new(AtomicBool::new(false));
    let mut tokens = Tokens {
        out: Vec::new(),
        columns: Vec::new(),
        pending: None,
        chunk: line.size - HEADER,
        chunks,
        stopped: Arc::clone(&stopped),
        done: if matches!(request, Request::Batch(_)) {
            token::DONE
        } else {
            token::DONEINPROC
        },
    };
    let work = tokio::task::spawn_blocking(move || {
        let mut session = session;
        let outcome = carry_out(request, &mut session, &mut tokens);
        tokens.finish(outcome.err());
        session
    });
    let mut attention = false;
    loop {
        tokio::select! {
            chunk = ready.recv() => match chunk {
                Some(Chunk { bytes, last }) => {
                    let status = if last { END_OF_MESSAGE } else { 0 };
                    if !attention || last {
                        line.to.write_all(&packet::packet(RESPONSE, status, line.session, 1, if attention { &[] } else { &bytes })).await?;
                    }
                    if last {
                        break; // from here on the client may send its next request
                    }
                }
                None => break,
            },
            message = messages.recv(), if !attention => match message {
                Some(message) if message.kind == packet::ATTENTION => {
                    attention = true;
                    stopped.store(true, Ordering::Relaxed);
                }
                // A client must wait for its answer.
                _ => {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            },
        }
    }
    line.to.flush().await?;
    let session = work.await.map_err(io::Error::other)?;
    if attention {
        acknowledge(line).await?;
    }
    Ok(session)
}

async fn acknowledge<W: AsyncWrite + Unpin>(line: &mut Line<W>) -> io::Result<()> {
    let mut out = Vec::new();
    token::done(token::DONE, token::DONE_ATTENTION, None, &mut out);
    line.send(&out).await
}

fn carry_out(request: Request, session: &mut Session, answers: &mut Tokens) -> Result<()> {
    match request {
        Request::Batch(text) => session.batch(&text, &Default::default(), answers),
        Request::ExecuteSql {
            statement,
            declarations,
            parameters,
        } => {
            let parameters = Session::declared(&declarations, parameters)?;
            session.batch(&statement, &parameters, answers)
        }
        Request::Procedure(name) => Err(SqlError::new(
            2812,
            16,
            format!("Could not find stored procedure '{name}'."),
        )),
    }
}

/// A packet's worth of an answer.
struct Chunk {
    bytes: Vec<u8>,
    last: bool,
}

/// Writes answers as tokens and hands them over a packet at a time, waiting where the client reads slowly.
struct Tokens {
    out: Vec<u8>,
    columns: Vec<Output>,
    /// The end of the last statement, which says whether more follows.
    pending: Option<Option<u64>>,
    chunk: usize,
    chunks: mpsc::Sender<Chunk>,
    stopped: Arc<AtomicBool>,
    done: u8,
}

impl Answers for Tokens {
    fn say(&mut self, answer: Answer<'_>) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(SqlError::new(3617, 11, "Attention sent by client."));
        }
        self.end_statement(token::DONE_MORE);
        match answer {
            Answer::Columns(columns) => {
                self.columns = columns.to_vec();
                token::columns(columns, &mut self.out);
            }
            Answer::Row(values) => token::row(values, &self.columns, &mut self.out),
            Answer::Done(count) => self.pending = Some(count),
            Answer::Database(name) => {
                token::database(name, &mut self.out);
                token::info(
                    5701,
                    &format!("Changed database context to '{name}'."),
                    &mut self.out,
                );
            }
        }
        while self.out.len() > self.chunk {
            let rest = self.out.split_off(self.chunk);
            let bytes = std::mem::replace(&mut self.out, rest);
            self.hand_over(bytes, false)?;
        }
        Ok(())
    }
}

impl Tokens {
    fn hand_over(&self, bytes: Vec<u8>, last: bool) -> Result<()> {
        let gone = || SqlError::new(3617, 11, "The client has gone.");
        self.chunks
            .blocking_send(Chunk { bytes, last })
            .map_err(|_| gone())
    }

    fn end_statement(&mut self, status: u16) {
        if let Some(count) = self.pending.take() {
            token::done(self.done, status, count, &mut self.out);
        }
    }

    fn finish(&mut self, error: Option<SqlError>) {
        let procedure = self.done == token::DONEINPROC;
        match &error {
            Some(error) => {
                self.end_statement(token::DONE_MORE);
                token::error(error, &mut self.out);
                let done = if procedure {
                    token::DONEPROC
                } else {
                    token::DONE
                };
                token::done(done, token::DONE_ERROR, None, &mut self.out);
            }
            None if procedure => {
                self.end_statement(token::DONE_MORE);
                token::return_status(&mut self.out);
                token::done(token::DONEPROC, 0, None, &mut self.out);
            }
            None => {
                let nothing = self.pending.is_none();
                self.end_statement(0);
                if nothing {
                    token::done(token::DONE, 0, None, &mut self.out);
                }
            }
        }
        let mut out = std::mem::take(&mut self.out);
        while out.len() > self.chunk {
            let rest = out.split_off(self.chunk);
            let part = std::mem::replace(&mut out, rest);
            if self.hand_over(part, false).is_err() {
                return;
            }
        }
        let _ = self.hand_over(out, true);
    }
}
