// SPDX-License-Identifier: Apache-2.0
//! One connection after the greeting: the login, then request and answer in turn.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::answers::{Chunk, Tokens};
use crate::engine::{Instance, Session};
use crate::error::{Result, SqlError};
use crate::wire::login::{Login, TDS_7_4};
use crate::wire::packet::{self, DEFAULT_SIZE, END_OF_MESSAGE, HEADER, Message, RESPONSE, SIZES};
use crate::wire::request::{self, Request};
use crate::wire::token;

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

/// Logs a client in and answers it until it hangs up.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Send + 'static>(
    stream: S,
    instance: &Arc<Instance>,
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
    let mut session = match admit(instance, &login).await {
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
async fn admit(
    instance: &Arc<Instance>,
    login: &Login,
) -> std::result::Result<Session, Vec<SqlError>> {
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
    if login.integrated || !instance.admits(&login.user, &login.password) {
        return Err(vec![failed()]);
    }
    let (instance, user, database) = (
        Arc::clone(instance),
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
    let procedure = !matches!(request, Request::Batch(_));
    let room = line.size - HEADER;
    let mut tokens = Tokens::new(room, procedure, chunks, Arc::clone(&stopped));
    let work = tokio::task::spawn_blocking(move || {
        let mut session = session;
        let outcome = carry_out(request, &mut session, &mut tokens);
        tokens.finish(outcome.err().as_ref());
        session
    });
    let mut attention = false;
    loop {
        tokio::select! {
            chunk = ready.recv() => match chunk {
                Some(Chunk { bytes, last }) => {
                    // Rows that are on their way are sent in full: who asked must find the next token.
                    let status = if last && !attention { END_OF_MESSAGE } else { 0 };
                    line.to.write_all(&packet::packet(RESPONSE, status, line.session, 1, &bytes)).await?;
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
    if attention {
        acknowledge(line).await?; // it ends the message
    }
    line.to.flush().await?;
    work.await.map_err(io::Error::other)
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
