// SPDX-License-Identifier: Apache-2.0
//! The binary log as a [`Feed`].

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use silsila_source::{
    ChangeKind, Columns, Feed, FeedAnswer, FeedBatch, FeedPosition, FeedStanding, Follow, Followed,
    Row, RowChange, SourceError,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::decode::image;
use super::layout::{Layout, WhatColumns};
use super::position::Place;
use super::server::{Cascade, HowFar, HowKept, IsExecuted, Keeping, WhichCascade};
use super::stream::{LogStream, Said, Trouble};
use super::wire::{Broken, Rows, RowsForm, RowsKind, Statement, TableMap};
use crate::fault::{refused, unavailable};
use crate::{MySql, MySqlOptions};

/// A log that says nothing for so long has nothing more for now.
const QUIET: Duration = Duration::from_millis(5);
/// The longest that the first event of a connection may take.
const GREETING: Duration = Duration::from_secs(5);
/// The longest that events which do not concern us may keep a question.
const PASSING: Duration = Duration::from_secs(1);
/// The longest that tables may lag behind their log.
const LAG: Duration = Duration::from_secs(10);
/// The pause where the server cannot tell how far its tables have come.
const BLIND: Duration = Duration::from_millis(500);

/// What is kept between two questions.
pub(crate) struct Log {
    /// Ours among those who read the log; chosen at random, because two readers with the same one throw
    /// each other out.
    server_id: u32,
    running: Mutex<Option<Running>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log(reader {})", self.server_id)
    }
}

/// A connection and what belongs to it.
struct Running {
    stream: LogStream,
    keeping: Keeping,
    cascades: Vec<Cascade>,
    layouts: HashMap<String, Known>,
    /// The position that was last handed out.
    at: FeedPosition,
}

/// A table's layout, for the columns that were wanted then.
struct Known {
    map: TableMap,
    wanted: Vec<String>,
    layout: Option<Layout>,
}

impl Log {
    pub(crate) fn new(server_id: Option<u32>) -> Self {
        Self {
            server_id: server_id.unwrap_or_else(by_chance),
            running: Mutex::new(None),
        }
    }
}

/// A number that no server of a hospital has chosen by hand.
fn by_chance() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let number = RandomState::new().hash_one(std::process::id());
    0x8000_0000 | u32::try_from(number & 0x7fff_ffff).unwrap_or(1)
}

#[async_trait]
impl Feed for MySql {
    fn name(&self) -> &'static str {
        "binlog"
    }

    async fn standing(&self) -> Result<FeedStanding, SourceError> {
        let keeping = self.keeping().await?;
        let (mut missing, notes) = keeping.judge(&self.options.database);
        if let (true, Some(end)) = (missing.is_empty(), &keeping.end) {
            // Whether we may read it is best found out by reading.
            let end = Place::unread(end.file.clone(), end.offset);
            match LogStream::open(&self.options, self.log.server_id, end).await {
                Err(Trouble::Source(SourceError::Refused { .. })) => {
                    missing.push("the user lacks the privilege REPLICATION SLAVE".to_owned());
                }
                Err(Trouble::Source(error)) => return Err(error),
                Ok(_) | Err(Trouble::Lost(_)) => {}
            }
        }
        Ok(if missing.is_empty() {
            FeedStanding::Ready { notes }
        } else {
            FeedStanding::Missing(missing)
        })
    }

    async fn present(&self) -> Result<FeedPosition, SourceError> {
        let keeping = self.keeping().await?;
        match keeping.end {
            Some(end) => Ok(Place::unread(end.file, end.offset).to_position()),
            None => Err(refused(
                &self.options.name,
                "the end of the binary log may not be asked for".into(),
            )),
        }
    }

    async fn follow(&self, follow: Follow<'_>) -> Result<FeedAnswer, SourceError> {
        // Taken out while it is used: a question that is dropped half-way closes the connection, and the
        // next one begins where the caller says.
        let kept = self.log.running.lock().await.take();
        let mut running = match kept {
            Some(running) if running.at == *follow.after => running,
            _ => match self.resume(&follow).await {
                Ok(running) => running,
                Err(trouble) => return answer(trouble),
            },
        };
        match self.read(&mut running, &follow).await {
            Err(trouble) => answer(trouble),
            Ok(batch) => {
                running.at = batch.position.clone();
                *self.log.running.lock().await = Some(running);
                Ok(FeedAnswer::Changes(batch))
            }
        }
    }
}

fn answer(trouble: Trouble) -> Result<FeedAnswer, SourceError> {
    match trouble {
        Trouble::Source(error) => Err(error),
        Trouble::Lost(reason) => Ok(FeedAnswer::Lost { reason }),
    }
}

impl MySql {
    async fn keeping(&self) -> Result<Keeping, SourceError> {
        let source = &self.options.name;
        self.sessions.ask(&HowKept { source }).await
    }

    async fn resume(&self, follow: &Follow<'_>) -> Result<Running, Trouble> {
        let after = follow.after;
        let place = Place::read(after)
            .ok_or_else(|| Trouble::Lost("the position is not this adapter's".into()))?;
        let source = &self.options.name;
        let mut cascades = Vec::new();
        for Followed { table, .. } in follow.tables {
            cascades.extend(self.sessions.ask(&WhichCascade { source, table }).await?);
        }
        Ok(Running {
            keeping: self.keeping().await?,
            cascades,
            stream: LogStream::open(&self.options, self.log.server_id, place).await?,
            layouts: HashMap::new(),
            at: after.clone(),
        })
    }

    async fn read(&self, running: &mut Running, follow: &Follow<'_>) -> Result<FeedBatch, Trouble> {
        self.pace
            .wait(|at| tokio::time::sleep_until(at.into()))
            .await;
        let begun = Instant::now();
        let mut batch = Gathered::new(follow);
        while batch.changes.len() < follow.limit.max(1) {
            let left = follow.wait.saturating_sub(begun.elapsed());
            let patience = match (running.stream.greeted(), batch.is_empty()) {
                (false, _) => GREETING,
                (true, true) => left.max(QUIET),
                (true, false) => QUIET,
            };
            let greeted = running.stream.greeted();
            match running.stream.next(&self.options, patience).await? {
                None if !greeted => return Err(silent(&self.options)),
                None => break,
                Some(said) => self.hear(running, &mut batch, said).await?,
            }
            if batch.is_empty() && begun.elapsed() > follow.wait + PASSING {
                break;
            }
        }
        if !batch.is_empty() {
            self.until_visible(running).await?;
        }
        self.pace.spent(batch.changes.len());
        Ok(FeedBatch {
            more: batch.changes.len() >= follow.limit,
            changes: batch.changes,
            unclear: batch.unclear.into_iter().collect(),
            position: running.stream.position(),
        })
    }

    async fn hear(
        &self,
        running: &mut Running,
        batch: &mut Gathered<'_>,
        said: Said,
    ) -> Result<(), Trouble> {
        match said {
            Said::Passed => {}
            Said::Anything => batch.all_unclear(),
            Said::Table(table) => batch.unclear(&table),
            Said::Statement(statement) => {
                running.layouts.clear();
                batch.statement(&statement, &self.options.database);
            }
            Said::Rows { form, data } => match Rows::read(form, &data) {
                Ok(rows) => self.rows_of(running, batch, form, &rows).await?,
                Err(Broken) => batch.all_unclear(),
            },
        }
        Ok(())
    }

    async fn rows_of(
        &self,
        running: &mut Running,
        batch: &mut Gathered<'_>,
        form: RowsForm,
        rows: &Rows<'_>,
    ) -> Result<(), Trouble> {
        let Some(map) = running.stream.maps.get(&rows.table_id).cloned() else {
            batch.all_unclear();
            return Ok(());
        };
        let Some(followed) = batch.followed(&map.table) else {
            return Ok(());
        };
        self.know(running, &map, followed).await?;
        let layout = running
            .layouts
            .get(&map.table)
            .and_then(|k| k.layout.as_ref());
        let changes = layout.and_then(|layout| changes(form, rows, &map, layout).ok());
        match changes {
            Some(changes) => batch.add(changes, &running.cascades),
            None => batch.unclear(&map.table),
        }
        Ok(())
    }

    /// Learns how a table's rows are read, where that is not known or the table was altered.
    async fn know(
        &self,
        running: &mut Running,
        map: &TableMap,
        followed: &Followed,
    ) -> Result<(), Trouble> {
        let known = running.layouts.get(&map.table);
        if known.is_some_and(|k| k.map.columns == map.columns && k.wanted == followed.columns) {
            return Ok(());
        }
        let question = WhatColumns {
            source: &self.options.name,
            table: &map.table,
        };
        let described = self.sessions.ask(&question).await?;
        let known = Known {
            layout: Layout::of(map, &described, &followed.columns),
            map: map.clone(),
            wanted: followed.columns.clone(),
        };
        running.layouts.insert(map.table.clone(), known);
        Ok(())
    }

    /// Waits until reads see what was read in the log: the server writes the log first.
    async fn until_visible(&self, running: &Running) -> Result<(), Trouble> {
        let source = &self.options.name;
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let visible = match (&running.stream.gtid, running.keeping.mariadb) {
                (_, true) => {
                    let (file, offset) = running.stream.read_to();
                    let place = self.sessions.ask(&HowFar { source }).await?;
                    place.map(|place| place.reaches(file, offset))
                }
                (Some(gtid), false) => Some(self.sessions.ask(&IsExecuted { source, gtid }).await?),
                (None, false) => None,
            };
            match visible {
                Some(true) => return Ok(()),
                None => {
                    sleep(BLIND).await;
                    return Ok(());
                }
                Some(false) if begun.elapsed() > LAG => {
                    let reason = "the tables lag behind the log".to_owned();
                    return Err(unavailable(source, reason).into());
                }
                Some(false) => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

fn silent(options: &MySqlOptions) -> Trouble {
    let reason = "the server does not begin to send its log".to_owned();
    unavailable(&options.name, reason).into()
}

/// All changes of an event.
fn changes(
    form: RowsForm,
    rows: &Rows<'_>,
    map: &TableMap,
    layout: &Layout,
) -> Result<Vec<RowChange>, Broken> {
    if rows.columns != map.columns.len() {
        return Err(Broken);
    }
    let mut bytes = rows.rows.bytes();
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let mut read = |present| image(&mut bytes, present, map, layout);
        let before = rows.before.map(&mut read).transpose()?;
        let after = rows.after.map(&mut read).transpose()?;
        let after = match (&before, after) {
            (Some(before), Some(after)) => Some(completed(after, before)),
            (_, after) => after,
        };
        changes.push(RowChange {
            table: map.table.clone(),
            kind: match form.kind {
                RowsKind::Write => ChangeKind::Inserted,
                RowsKind::Update => ChangeKind::Updated,
                RowsKind::Delete => ChangeKind::Deleted,
            },
            before,
            after,
        });
    }
    Ok(changes)
}

/// An image that holds only what changed is as the one before in all else.
fn completed(after: Row, before: &Row) -> Row {
    let missing: Vec<&str> = before
        .columns()
        .names()
        .filter(|name| after.columns().position(name).is_none())
        .collect();
    if missing.is_empty() {
        return after;
    }
    let names = after.columns().names().chain(missing.iter().copied());
    let columns = Columns::new(names);
    let rest = missing.iter().filter_map(|name| before.get(name).cloned());
    let values = after.values().iter().cloned().chain(rest).collect();
    Row::new(columns, values)
}

/// What a batch holds so far.
struct Gathered<'f> {
    tables: &'f [Followed],
    changes: Vec<RowChange>,
    unclear: BTreeSet<String>,
}

impl<'f> Gathered<'f> {
    fn new(follow: &Follow<'f>) -> Self {
        Self {
            tables: follow.tables,
            changes: Vec::new(),
            unclear: BTreeSet::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.unclear.is_empty()
    }

    fn followed(&self, table: &str) -> Option<&'f Followed> {
        self.tables.iter().find(|f| f.table == table)
    }

    fn unclear(&mut self, table: &str) {
        if self.followed(table).is_some() {
            self.unclear.insert(table.to_owned());
        }
    }

    fn all_unclear(&mut self) {
        self.unclear
            .extend(self.tables.iter().map(|f| f.table.clone()));
    }

    fn statement(&mut self, statement: &Statement, database: &str) {
        let names: Vec<String> = self.tables.iter().map(|f| f.table.clone()).collect();
        let touched = statement.touches(database, &names);
        self.unclear.extend(touched.into_iter().cloned());
    }

    /// Adds changes, and what the engine does in their wake without logging it.
    fn add(&mut self, changes: Vec<RowChange>, cascades: &[Cascade]) {
        for change in &changes {
            self.spread(&change.table, change, cascades, cascades.len());
        }
        self.changes.extend(changes);
    }

    fn spread(&mut self, parent: &str, change: &RowChange, cascades: &[Cascade], depth: usize) {
        let of_parent = cascades.iter().filter(|c| c.parent == parent);
        for cascade in of_parent.filter(|c| reaches(c, parent == change.table, change)) {
            let child = &cascade.child;
            self.unclear(child);
            if depth > 0 && child != parent {
                self.spread(child, change, cascades, depth - 1);
            }
        }
    }
}

/// Whether a change of the parent changes rows of the child.
fn reaches(cascade: &Cascade, own: bool, change: &RowChange) -> bool {
    let value = |row: &Option<Row>| row.as_ref().and_then(|r| r.get(&cascade.column).cloned());
    match change.kind {
        ChangeKind::Inserted => false,
        ChangeKind::Deleted => cascade.on_delete,
        ChangeKind::Updated => {
            cascade.on_update && own && value(&change.before) != value(&change.after)
        }
    }
}
