// SPDX-License-Identifier: Apache-2.0
//! A database's own log of what changed, for sources that have one: beside the watermark, and never in
//! place of the sweep.
//!
//! A feed says *which* rows changed. The rows themselves are read by [`Source::fetch`](crate::Source::fetch),
//! so that what is mapped always has the types and the text that any other read gives. What a fetch can no
//! longer show is in the images: the key of a row that is gone, and the columns by which it was found from
//! other tables before (its old parent).
//!
//! The caller keeps the position, writes it in the transaction that holds what it made of the changes, and
//! brings it along every time: after a crash the same changes come again, and none is missed.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Row, SourceError};

/// A place in a source's log: opaque to everybody but the adapter that made it, and good for as long as
/// the database keeps the log.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedPosition(Box<[u8]>);

impl FeedPosition {
    /// A position as the adapter, or the caller's own table, holds it.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedPosition({})", String::from_utf8_lossy(&self.0))
    }
}

/// Whether a feed can be had from the database as it is configured now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedStanding {
    /// It can.
    Ready {
        /// What it will not tell (images without unchanged columns, say), in sentences for an operator.
        notes: Vec<String>,
    },
    /// It cannot: one sentence for each thing that is missing, which names the privilege or the setting.
    Missing(Vec<String>),
}

/// A table that is to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its name, as the schema spells it.
    pub table: String,
    /// The columns wanted in the images: keys, and those by which other tables' rows lead here.
    pub columns: Vec<String>,
}

/// The next changes that are wanted.
#[derive(Debug, Clone)]
pub struct Follow<'a> {
    /// Only changes after this position.
    pub after: &'a FeedPosition,
    /// The tables; changes of others are passed over.
    pub tables: &'a [Followed],
    /// At most about this many changes, so that memory stays bounded whatever the size of a transaction.
    pub limit: usize,
    /// How long to wait for the first change; zero takes only what is there.
    pub wait: Duration,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was inserted.
    Inserted,
    /// It was updated; its key may be another one.
    Updated,
    /// It was deleted.
    Deleted,
}

/// One change of one row. An image holds those of the wanted columns that the log tells and that come out
/// exactly as a read would give them: at best all, for SQL Server's change tracking the primary key alone.
#[derive(Debug, Clone)]
pub struct RowChange {
    /// The table.
    pub table: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The row before; `None` for an insertion, and where the log has no such image.
    pub before: Option<Row>,
    /// The row after; `None` for a deletion, and where the log has no such image.
    pub after: Option<Row>,
}

/// Changes in the order in which they were committed. By the time a batch is handed out, reads through the
/// same source see every change in it.
#[derive(Debug, Clone)]
pub struct FeedBatch {
    /// The changes.
    pub changes: Vec<RowChange>,
    /// Followed tables in which more changed than the log can tell row by row (`TRUNCATE`, `ALTER`, a
    /// statement logged as text): only a sweep shows what.
    pub unclear: Vec<String>,
    /// After all of these: where the next question begins. Different from the question's own position when
    /// changes of other tables were passed over.
    pub position: FeedPosition,
    /// Whether more is in the log already.
    pub more: bool,
}

/// What a feed answers.
#[derive(Debug, Clone)]
pub enum FeedAnswer {
    /// The next changes, perhaps none.
    Changes(FeedBatch),
    /// The log no longer holds what follows the position, or the position is another server's: begin anew
    /// at [`Feed::present`] and sweep everything.
    Lost {
        /// Why, in one sentence.
        reason: String,
    },
}

/// A database's log of changes. Every method is a read, may be called again after an error, and may be
/// dropped half-way.
#[async_trait]
pub trait Feed: Send + Sync {
    /// What the configuration and people call it, such as `binlog` or `change tracking`.
    fn name(&self) -> &'static str;

    /// Whether it can be had now.
    async fn standing(&self) -> Result<FeedStanding, SourceError>;

    /// The log's end: everything committed before this call is before it.
    async fn present(&self) -> Result<FeedPosition, SourceError>;

    /// The next changes, as soon as there are any. [`SourceError::Unavailable`] and
    /// [`SourceError::Refused`] speak of the connection; a log that cannot be read on from the position
    /// is [`FeedAnswer::Lost`], never an error that would come again for ever.
    async fn follow(&self, follow: Follow<'_>) -> Result<FeedAnswer, SourceError>;
}
