// SPDX-License-Identifier: Apache-2.0
//! The few connections that a source holds, lent to one question at a time.
//!
//! A connection that failed is dropped, never lent again. When one that had lain idle turns out to be
//! dead (the server restarted, a firewall forgot it), the question is put once more on a new one; every
//! question is a read, so asking twice is harmless. More patience than that is the caller's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use silsila_source::SourceError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::MySqlOptions;
use crate::fault::{Asked, classify, is_lost, unavailable};
use crate::session::{Server, connect};

/// After so long a connection is replaced, so that what it remembers of tables cannot grow old.
const MOST_AGE: Duration = Duration::from_secs(600);
/// After so long without use a connection is tried before a question is entrusted to it.
const IDLE: Duration = Duration::from_secs(10);
/// What the network may add to the server's own limit on a statement.
const GRACE: Duration = Duration::from_secs(10);

/// A connection and what is known of it.
#[derive(Debug)]
pub(crate) struct Session {
    pub conn: Conn,
    pub server: Server,
    born: Instant,
    used: Instant,
}

/// Why a question was not answered.
pub(crate) enum Problem {
    Driver(mysql_async::Error),
    /// Coded already; the connection is not to be trusted with another question.
    Coded(SourceError),
}

impl From<mysql_async::Error> for Problem {
    fn from(error: mysql_async::Error) -> Self {
        Self::Driver(error)
    }
}

/// A question to the database: a read that may be put again.
pub(crate) trait Question {
    type Answer;

    /// What is asked, to name it in an error.
    fn asked(&self) -> Asked<'_>;

    /// Puts the question on a connection.
    fn put(
        &self,
        session: &mut Session,
    ) -> impl Future<Output = Result<Self::Answer, Problem>> + Send;
}

#[derive(Debug)]
pub(crate) struct Sessions {
    options: MySqlOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Sessions {
    pub(crate) fn new(options: MySqlOptions) -> Self {
        Self {
            permits: Semaphore::new(options.connections.max(1)),
            options,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Puts a question and gives its answer.
    pub(crate) async fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer, SourceError> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(self.closed());
        };
        if let Some(session) = self.idle_session().await {
            match self.put(question, session).await {
                Err(Problem::Driver(error)) if is_lost(&error) => self.forget_idle(),
                other => return other.map_err(|p| coded(question.asked(), p)),
            }
        }
        let (conn, server) = connect(&self.options).await?;
        let now = Instant::now();
        let session = Session {
            conn,
            server,
            born: now,
            used: now,
        };
        self.put(question, session)
            .await
            .map_err(|p| coded(question.asked(), p))
    }

    async fn put<Q: Question>(&self, question: &Q, session: Session) -> Result<Q::Answer, Problem> {
        let mut session = session;
        let limit = self.options.statement_timeout + GRACE;
        let answer = match timeout(limit, question.put(&mut session)).await {
            Ok(answer) => answer,
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs());
                return Err(Problem::Coded(unavailable(&self.options.name, reason)));
            }
        };
        let sound = match &answer {
            Ok(_) => true,
            Err(Problem::Driver(error)) => !error.is_fatal() && !is_lost(error),
            Err(Problem::Coded(_)) => false,
        };
        if sound && session.born.elapsed() < MOST_AGE {
            session.used = Instant::now();
            self.lock().push(session);
        }
        answer
    }

    /// A connection that was used before and seems alive.
    async fn idle_session(&self) -> Option<Session> {
        let mut session = self.lock().pop()?;
        if session.used.elapsed() > IDLE {
            let alive = timeout(self.options.connect_timeout, session.conn.ping()).await;
            if !matches!(alive, Ok(Ok(()))) {
                self.forget_idle();
                return None;
            }
        }
        Some(session)
    }

    fn forget_idle(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> SourceError {
        unavailable(&self.options.name, "the source is being closed".into())
    }
}

fn coded(asked: Asked<'_>, problem: Problem) -> SourceError {
    match problem {
        Problem::Driver(error) => classify(asked, &error),
        Problem::Coded(error) => error,
    }
}
