// SPDX-License-Identifier: Apache-2.0
//! A session's answers as tokens, a packet at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::engine::{Answer, Answers, Output};
use crate::error::{Result, SqlError};
use crate::wire::token;

/// A packet's worth of an answer.
pub(crate) struct Chunk {
    pub bytes: Vec<u8>,
    pub last: bool,
}

/// Writes answers as tokens and hands them over a packet at a time, waiting where the client reads slowly.
pub(crate) struct Tokens {
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
    /// Answers in packets of so many bytes; `stopped` ends the statement that is running.
    pub(crate) fn new(
        chunk: usize,
        procedure: bool,
        chunks: mpsc::Sender<Chunk>,
        stopped: Arc<AtomicBool>,
    ) -> Self {
        Self {
            out: Vec::new(),
            columns: Vec::new(),
            pending: None,
            chunk,
            chunks,
            stopped,
            done: if procedure {
                token::DONEINPROC
            } else {
                token::DONE
            },
        }
    }

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

    /// The end of the whole answer.
    pub(crate) fn finish(&mut self, error: Option<&SqlError>) {
        let procedure = self.done == token::DONEINPROC;
        match error {
            // The acknowledgement follows, and nothing else.
            Some(_) if self.stopped.load(Ordering::Relaxed) => {}
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
