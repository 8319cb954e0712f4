// SPDX-License-Identifier: Apache-2.0
//! The few connections that a source holds, each on a thread of its own, lent to one question at a time.
//!
//! ODBC has no way to wait without a thread, and a call into a driver may never come back (a share that hangs, a
//! server that vanished). The asker waits for a bounded time only; the thread is then left behind, with
//! its connection, and counted until the call returns. When too many are left behind, nothing more is asked.
//!
//! A connection that failed is dropped, never lent again. When one that had lain idle turns out to be dead,
//! the question is put once more on a new one; every question is a read, so asking twice is harmless.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use silsila_source::SourceError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};

use crate::OdbcOptions;
use crate::fault::{Asked, Problem, classify, is_lost, unavailable};
use crate::session::{self, Session};
use crate::text::Encoding;

/// After so long a connection is replaced, so that what it remembers of tables cannot grow old.
const MOST_AGE: Duration = Duration::from_secs(600);
/// So many threads may be left behind in calls that do not come back.
const MOST_LEFT_BEHIND: usize = 4;

/// A question to the database: a read that may be put again. It goes to another thread and may stay there.
pub(crate) trait Question: Send + Sync + 'static {
    /// What comes back.
    type Answer: Send + 'static;

    /// What is asked, to name it in an error.
    fn asked(&self) -> Asked<'_>;

    /// Puts the question on a connection.
    fn put(&self, session: &mut Session<'_>) -> Result<Self::Answer, Problem>;

    /// How many statements' time it may take.
    fn patience(&self) -> u32 {
        1
    }
}

/// What is done on a connection's thread; says whether the connection may be used again.
type Job = Box<dyn for<'s, 'c> FnOnce(&'s mut Session<'c>) -> bool + Send>;

/// A thread with a connection, waiting for something to do. It ends when this is dropped.
struct Worker {
    jobs: SyncSender<Job>,
    born: Instant,
}

/// Counts the threads that there are.
#[derive(Debug, Default)]
struct Threads(AtomicUsize);

/// One thread, as long as it runs.
struct Running(Arc<Threads>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The connections of one source.
pub(crate) struct Sessions {
    options: Arc<OdbcOptions>,
    permits: Semaphore,
    idle: Mutex<Vec<Worker>>,
    threads: Arc<Threads>,
}

/// An answer, and whether the connection may be used again.
type Reply<A> = (Result<A, (SourceError, bool)>, bool);

impl Sessions {
    pub(crate) fn new(options: OdbcOptions) -> Self {
        Self {
            permits: Semaphore::new(options.connections.max(1)),
            options: Arc::new(options),
            idle: Mutex::new(Vec::new()),
            threads: Arc::default(),
        }
    }

    /// Puts a question and gives its answer.
    pub(crate) async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, SourceError> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(self.unavailable("the source is being closed".into()));
        };
        let question = Arc::new(question);
        let idle = self.lock().pop();
        if let Some(worker) = idle {
            match self.put(Arc::clone(&question), worker).await {
                Err((_, true)) => self.lock().clear(),
                other => return other.map_err(|(error, _)| error),
            }
        }
        let worker = self.connect().await?;
        let answer = self.put(question, worker).await;
        answer.map_err(|(error, _)| error)
    }

    /// Puts a question on a worker's connection. The error says whether the connection may be at fault.
    async fn put<Q: Question>(
        &self,
        question: Arc<Q>,
        worker: Worker,
    ) -> Result<Q::Answer, (SourceError, bool)> {
        let limit = self.options.statement_timeout * question.patience() + self.options.grace;
        let (reply, answer) = oneshot::channel::<Reply<Q::Answer>>();
        let job: Job = Box::new(move |session| {
            let outcome = answered(&*question, session);
            let sound = outcome.1;
            // An asker that went away meanwhile needs no answer.
            let _ = reply.send(outcome);
            sound
        });
        if worker.jobs.send(job).is_err() {
            return Err((self.unavailable("the connection was closed".into()), true));
        }
        let (outcome, sound) = match timeout(limit, answer).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => return Err((self.unavailable("the connection was closed".into()), true)),
            Err(_) => {
                let reason = format!(
                    "no answer within {} s; the call was given up",
                    limit.as_secs()
                );
                return Err((self.unavailable(reason), false));
            }
        };
        if sound && worker.born.elapsed() < MOST_AGE {
            self.lock().push(worker);
        }
        outcome
    }

    /// A new thread with a new connection.
    async fn connect(&self) -> Result<Worker, SourceError> {
        let running = self.room()?;
        let (jobs, todo) = sync_channel::<Job>(1);
        let (opened, ready) = oneshot::channel();
        let options = Arc::clone(&self.options);
        let name = format!("odbc-{}", options.name);
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let _running = running;
            // A panic was reported by the hook; the asker sees that the channel is closed.
            let _ = catch_unwind(AssertUnwindSafe(|| serve(&options, &todo, opened)));
        });
        if spawned.is_err() {
            return Err(self.unavailable("no thread can be started".into()));
        }
        let limit = self.options.connect_timeout + self.options.grace;
        let opened: Result<(), SourceError> = match timeout(limit, ready).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) => Err(self.unavailable("the driver failed while connecting".into())),
            Err(_) => {
                let seconds = limit.as_secs();
                Err(self.unavailable(format!("no connection within {seconds} s")))
            }
        };
        opened?;
        Ok(Worker {
            jobs,
            born: Instant::now(),
        })
    }

    /// Room for one more thread, if not too many were left behind.
    fn room(&self) -> Result<Running, SourceError> {
        let most = self.options.connections.max(1) + MOST_LEFT_BEHIND;
        let counted = self.threads.0.fetch_add(1, Ordering::AcqRel);
        let running = Running(Arc::clone(&self.threads));
        if counted >= most {
            return Err(self.unavailable(format!(
                "{counted} calls into the driver have not come back; nothing more is asked until one does"
            )));
        }
        Ok(running)
    }

    fn unavailable(&self, reason: String) -> SourceError {
        unavailable(&self.options.name, reason)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("source", &self.options.name)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// The life of a connection's thread.
fn serve(
    options: &OdbcOptions,
    todo: &Receiver<Job>,
    opened: oneshot::Sender<Result<(), SourceError>>,
) {
    session::with(options, |session| match session {
        Err(error) => {
            let _ = opened.send(Err(error));
        }
        Ok(mut session) => {
            let _ = opened.send(Ok(()));
            while let Ok(job) = todo.recv() {
                if !job(&mut session) {
                    break;
                }
            }
        }
    });
}

/// The answer to a question, whatever the code around the driver does.
fn answered<Q: Question>(question: &Q, session: &mut Session<'_>) -> Reply<Q::Answer> {
    let put = AssertUnwindSafe(|| question.put(session));
    let answer = catch_unwind(put).unwrap_or(Err(Problem::Panicked));
    let encoding = session.known.calls;
    match answer {
        Ok(answer) => (Ok(answer), true),
        Err(problem) => {
            let (error, again, sound) = judged(question.asked(), problem, encoding);
            (Err((error, again)), sound)
        }
    }
}

/// The coded error, whether a new connection may do better, and whether this one may be used again.
fn judged(asked: Asked<'_>, problem: Problem, encoding: Encoding) -> (SourceError, bool, bool) {
    match problem {
        Problem::Coded(error) => {
            let sound = matches!(error, SourceError::Missing { .. });
            (error, false, sound)
        }
        Problem::Driver(error) => {
            let lost = is_lost(&error);
            let coded = classify(asked, &error, encoding);
            // Not every driver says that its server went away.
            let again = lost || matches!(coded, SourceError::Unreadable { .. });
            (coded, again, false)
        }
        Problem::Panicked => {
            let reason = "the driver gave something that cannot be".to_owned();
            (unavailable(asked.source, reason), true, false)
        }
    }
}
