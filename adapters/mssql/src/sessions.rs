// SPDX-License-Identifier: Apache-2.0
//! The few connections that a source holds, lent to one question at a time.
//!
//! A connection that failed, or whose question was given up half-way, is dropped and never lent again:
//! the rest of an answer may still be on its way over it. Dropping it also ends the statement on the
//! server. When one that had lain idle turns out to be dead (the server restarted, a firewall forgot it),
//! the question is put once more on a new one; every question is a read, so asking twice is harmless. More
//! patience than that is the caller's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use silsila_source::SourceError;
use tiberius::error::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::MsSqlOptions;
use crate::fault::{Asked, classify, is_lost, is_sound, unavailable};
use crate::session::Session;
use crate::tables::Table;

/// After so long a connection is replaced, so that what it remembers of tables cannot grow old.
const MOST_AGE: Duration = Duration::from_secs(600);
/// After so long without use a connection is tried before a question is entrusted to it.
const IDLE: Duration = Duration::from_secs(10);

/// A session and what is known of it.
pub(crate) struct Lent {
    pub session: Session,
    /// What the tables' columns are, as they were asked for on this connection.
    pub tables: HashMap<String, Arc<Table>>,
    born: Instant,
    used: Instant,
}

/// Why a question was not answered.
pub(crate) enum Problem {
    Driver(Error),
    /// Coded already; the connection is as good as before.
    Coded(SourceError),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// A question to the database: a read that may be put again.
pub(crate) trait Question {
    type Answer;

    /// What is asked, to name it in an error.
    fn asked(&self) -> Asked<'_>;

    /// Puts the question on a connection. A [`Problem::Coded`] leaves no part of an answer unread.
    fn put(&self, lent: &mut Lent) -> impl Future<Output = Result<Self::Answer, Problem>> + Send;
}

pub(crate) struct Sessions {
    options: MsSqlOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Lent>>,
}

impl Sessions {
    pub(crate) fn new(options: MsSqlOptions) -> Self {
        Self {
            permits: Semaphore::new(options.connections.max(1)),
            options,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Puts a question and gives its answer.
    pub(crate) async fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer, SourceError> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(unavailable(
                &self.options.name,
                "the source is being closed".into(),
            ));
        };
        if let Some(lent) = self.idle_session().await {
            match self.put(question, lent).await {
                Err(Problem::Driver(error)) if is_lost(&error) => self.forget_idle(),
                other => return other.map_err(|p| coded(question.asked(), p)),
            }
        }
        let session = Session::open(&self.options).await?;
        let now = Instant::now();
        let lent = Lent {
            session,
            tables: HashMap::new(),
            born: now,
            used: now,
        };
        self.put(question, lent)
            .await
            .map_err(|p| coded(question.asked(), p))
    }

    /// The connection belongs to this future: if it is dropped, so is the connection.
    async fn put<Q: Question>(&self, question: &Q, lent: Lent) -> Result<Q::Answer, Problem> {
        let mut lent = lent;
        let limit = self.options.statement_timeout;
        let Ok(answer) = timeout(limit, question.put(&mut lent)).await else {
            let table = question.asked().table;
            let reason = format!(
                "the statement on {table:?} took longer than it may ({} s)",
                self.options.statement_timeout.as_secs()
            );
            return Err(Problem::Coded(unavailable(&self.options.name, reason)));
        };
        let sound = match &answer {
            Ok(_) | Err(Problem::Coded(_)) => true,
            Err(Problem::Driver(error)) => is_sound(error),
        };
        if answer.is_err() {
            // The table may have changed under us: ask anew what it looks like.
            lent.tables.clear();
        }
        if sound && lent.born.elapsed() < MOST_AGE {
            lent.used = Instant::now();
            self.lock().push(lent);
        }
        answer
    }

    /// A connection that was used before and seems alive.
    async fn idle_session(&self) -> Option<Lent> {
        let mut lent = self.lock().pop()?;
        if lent.used.elapsed() > IDLE {
            let alive = timeout(self.options.connect_timeout, lent.session.batch("SELECT 1")).await;
            if !matches!(alive, Ok(Ok(_))) {
                self.forget_idle();
                return None;
            }
        }
        Some(lent)
    }

    fn forget_idle(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Lent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn coded(asked: Asked<'_>, problem: Problem) -> SourceError {
    match problem {
        Problem::Driver(error) => classify(asked, &error),
        Problem::Coded(error) => error,
    }
}
