// SPDX-License-Identifier: Apache-2.0
//! Following a database's own log: hard deletions, silent corrections and rows that moved to another parent
//! appear at once and not with the sweep.
//!
//! The position is written when everything that its changes led to is committed. A crash before that brings
//! the same changes again, and rows whose input is the same are left alone: nothing is lost, nothing is twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use silsila_mapping::Mapping;
use silsila_source::{
    ChangeKind, FeedAnswer, FeedBatch, FeedPosition, FeedStanding, Follow, Followed, Key, Row,
    RowChange, SourceError,
};

use crate::dependants::ChangedRows;
use crate::intake::{Intake, distinct_keys};
use crate::plan::View;
use crate::tables::rows::{Placed, RowReader};
use crate::tables::{feed, progress};
use crate::{LostStatus, Phase, PipelineError};

/// What following a log needs between two questions.
pub(crate) struct Tail {
    pub position: FeedPosition,
    /// A sweep is owed, because something changed that the log does not tell.
    pub owed: bool,
    tables: Vec<Followed>,
    /// Primary keys of tables that no mapping reads as its own.
    keys: HashMap<String, Vec<String>>,
    /// Rows that the log said are gone, by mapping, since the last complete sweep.
    gone: HashMap<i64, u64>,
    swept: u64,
}

type Answer = Result<FeedAnswer, SourceError>;

/// What a question to the log brought.
pub(crate) enum Told {
    /// So many changed rows were done with; whether more are waiting.
    Rows { count: u64, more: bool },
    /// Tables changed as a whole: their schema should be looked at.
    Tables,
    /// The position was given up: everything is swept.
    Lost,
    /// The log could not be asked; the watermarks are polled meanwhile.
    Failed(SourceError),
}

impl Intake {
    /// Begins to follow the database's log, where it has one that can be had. What is missing is shown; the
    /// watermarks go on without it.
    pub fn join_log(&self, schema: &silsila_source::Schema) -> Result<Option<Tail>, PipelineError> {
        let Some(log) = self.options.source.feed() else {
            return Ok(None);
        };
        let name = log.name();
        let joined = match self.wait(log.standing()) {
            Ok(FeedStanding::Missing(missing)) => {
                self.show_missing(name, missing);
                return Ok(None);
            }
            Ok(FeedStanding::Ready { notes }) => self.tail(schema).map(|tail| (tail, notes)),
            Err(fault) => Err(fault),
        };
        match joined {
            Ok((tail, notes)) => {
                self.board.update(|status| {
                    let changes = &mut status.changes;
                    changes.offered = Some(name.to_owned());
                    changes.following = tail.is_some().then(|| name.to_owned());
                    changes.missing.clear();
                    changes.notes = notes;
                    changes.fault = None;
                });
                tracing::info!(source = self.name(), log = name, "changes are followed");
                Ok(tail)
            }
            Err(PipelineError::Source(fault)) => {
                self.show_failed(name, &fault);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    fn show_missing(&self, name: &str, missing: Vec<String>) {
        let known = self.board.status().changes.missing;
        if known != missing {
            let missing = missing.join("; ");
            tracing::warn!(source = self.name(), log = name, "not followed: {missing}");
        }
        self.board.update(|status| {
            status.changes.offered = Some(name.to_owned());
            status.changes.following = None;
            status.changes.missing = missing;
        });
    }

    /// The log cannot be asked just now.
    pub fn show_failed(&self, name: &str, fault: &SourceError) {
        tracing::warn!(
            source = self.name(),
            log = name,
            "not followed for now: {fault}"
        );
        self.board.update(|status| {
            status.changes.offered = Some(name.to_owned());
            status.changes.following = None;
            status.changes.fault = Some(fault.to_string());
        });
    }

    /// Where to follow from: the position that was kept, or the log's end.
    fn tail(&self, schema: &silsila_source::Schema) -> Result<Option<Tail>, PipelineError> {
        let Some(log) = self.options.source.feed() else {
            return Ok(None);
        };
        let name = log.name();
        let kept = self.store.read(|conn| feed::get(conn, self.id, name))?;
        let (position, owed) = match kept {
            Some(row) => {
                let lost = row.lost.map(|(reason, at_ms)| LostStatus { reason, at_ms });
                self.board.update(|status| status.changes.lost = lost);
                (row.position, row.owed)
            }
            None => {
                let position = self.wait(log.present())?;
                self.store
                    .local(|txn| feed::begin(txn, self.id, name, &position))?;
                (position, false)
            }
        };
        let (tables, keys) = self.followed(schema);
        self.show_position(&position, 0);
        Ok(Some(Tail {
            position,
            owed,
            tables,
            keys,
            gone: HashMap::new(),
            swept: 0,
        }))
    }

    /// The tables that matter, with the columns that lead from a changed row to the rows of mappings.
    fn followed(
        &self,
        schema: &silsila_source::Schema,
    ) -> (Vec<Followed>, HashMap<String, Vec<String>>) {
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (mapping, _) in self.mappings() {
            let own = wanted.entry(mapping.table().to_owned()).or_default();
            own.extend(mapping.key().iter().cloned());
            for table in mapping.depends_on() {
                let columns = wanted.entry(table.to_owned()).or_default();
                for path in mapping.dependants_via(table) {
                    let first = path.steps.as_deref().and_then(<[_]>::first);
                    columns.extend(first.iter().flat_map(|step| step.from.iter().cloned()));
                }
            }
        }
        let mut keys = HashMap::new();
        for (name, columns) in &mut wanted {
            if let Some(table) = schema.table(name) {
                columns.extend(table.primary_key.iter().cloned());
                keys.insert(name.clone(), table.primary_key.clone());
            }
        }
        let followed = |(table, columns): (String, BTreeSet<String>)| Followed {
            table,
            columns: columns.into_iter().collect(),
        };
        (wanted.into_iter().map(followed).collect(), keys)
    }

    /// Asks for the next changes, and does all that they lead to. Ends early when somebody gives an order.
    pub fn follow_log(
        &self,
        tail: &mut Tail,
        source: &progress::SourceRow,
        wait: Duration,
    ) -> Result<Told, PipelineError> {
        let answer = match self.ask_log(tail, wait)? {
            Some(Ok(answer)) => answer,
            Some(Err(fault)) => return Ok(Told::Failed(fault)),
            None => {
                let (count, more) = (0, false);
                return Ok(Told::Rows { count, more });
            }
        };
        match answer {
            FeedAnswer::Lost { reason } => {
                self.give_up(tail, &reason)?;
                Ok(Told::Lost)
            }
            FeedAnswer::Changes(batch) => {
                if source.sweep_done > tail.swept {
                    tail.swept = source.sweep_done;
                    tail.gone.clear();
                }
                self.take_batch(tail, source, batch)
            }
        }
    }

    /// `None` when somebody gave an order first.
    fn ask_log(&self, tail: &Tail, wait: Duration) -> Result<Option<Answer>, PipelineError> {
        let Some(log) = self.options.source.feed() else {
            return Ok(None);
        };
        let _polling = (wait.is_zero()).then(|| self.board.enter(Phase::Polling));
        let question = log.follow(Follow {
            after: &tail.position,
            tables: &tail.tables,
            limit: self.options.chunk_rows.max(1),
            wait,
        });
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.wait() => Err(PipelineError::Stopped),
                () = self.board.woken() => Ok(None),
                answer = question => Ok(Some(answer)),
            }
        })
    }

    fn give_up(&self, tail: &mut Tail, reason: &str) -> Result<(), PipelineError> {
        let Some(log) = self.options.source.feed() else {
            return Ok(());
        };
        // The end first: what changes after it is told, what changed before it is swept.
        let present = self.wait(log.present())?;
        let at_ms = self.now_ms();
        tracing::warn!(
            source = self.name(),
            code = "PIP0017",
            "the position in the {} is of no use any more; everything is compared: {reason}",
            log.name()
        );
        self.store
            .local(|txn| feed::lose(txn, self.id, &present, reason, at_ms))?;
        tail.position = present;
        tail.owed = false;
        self.board.update(|status| {
            let reason = reason.to_owned();
            status.changes.lost = Some(LostStatus { reason, at_ms });
        });
        self.show_position(&tail.position, 0);
        Ok(())
    }

    fn take_batch(
        &self,
        tail: &mut Tail,
        source: &progress::SourceRow,
        batch: FeedBatch,
    ) -> Result<Told, PipelineError> {
        let count = batch.changes.len() as u64;
        let mut owes = !batch.unclear.is_empty();
        if owes {
            let tables = batch.unclear.join(", ");
            tracing::info!(
                source = self.name(),
                tables,
                "changed as a whole: a sweep is owed"
            );
        }
        if count > 0 {
            owes |= self.take_changes(tail, source.sweep, &batch.changes)?;
        }
        if batch.position != tail.position || owes {
            self.store
                .local(|txn| feed::advance(txn, self.id, &batch.position, owes))?;
            tail.position = batch.position;
            tail.owed |= owes;
            self.show_position(&tail.position, count);
        }
        Ok(if batch.unclear.is_empty() {
            let more = batch.more;
            Told::Rows { count, more }
        } else {
            Told::Tables
        })
    }

    /// Maps changed rows, withdraws those that are gone, and follows what depends on either. Answers whether
    /// something is left for a sweep.
    fn take_changes(
        &self,
        tail: &mut Tail,
        sweep: u64,
        changes: &[RowChange],
    ) -> Result<bool, PipelineError> {
        let view = View {
            sweep,
            forced: false,
            retry: false,
        };
        let mut by_table: BTreeMap<&str, Vec<&RowChange>> = BTreeMap::new();
        for change in changes {
            by_table.entry(&change.table).or_default().push(change);
        }
        let mut changed = ChangedRows::default();
        let mut owes = false;
        for (mapping, id) in self.mappings() {
            let Some(changes) = by_table.get(mapping.table()) else {
                continue;
            };
            let (mut keys, lacking) = keys_of(changes, mapping.key());
            owes |= lacking.iter().any(|c| c.after.is_none());
            keys.extend(self.looked_up(tail, mapping, &lacking)?);
            let rows = self.rows_of(mapping, &keys)?;
            self.take(mapping, &rows, view)?;
            owes |= self.take_away(tail, mapping, id, sweep, &keys, &rows)?;
            changed.add(mapping, rows);
        }
        for (table, changes) in by_table {
            let before = changes.iter().filter_map(|c| c.before.clone());
            changed.add_images(table, before.collect());
            if !self.mappings().any(|(m, _)| m.table() == table) {
                let key = tail.keys.get(table).map(Vec::as_slice).unwrap_or_default();
                changed.add_images(table, self.as_they_are(tail, table, key, &changes)?);
            }
        }
        self.follow(&changed, view)?;
        Ok(owes)
    }

    /// The keys of rows of which the log tells the primary key alone.
    fn looked_up(
        &self,
        tail: &Tail,
        mapping: &Mapping,
        lacking: &[&RowChange],
    ) -> Result<Vec<Key>, PipelineError> {
        let Some(primary) = tail.keys.get(mapping.table()).filter(|key| !key.is_empty()) else {
            return Ok(Vec::new());
        };
        let images: Vec<Row> = lacking.iter().filter_map(|c| c.after.clone()).collect();
        let keys = distinct_keys(&images, primary);
        let mut columns = mapping.key().to_vec();
        columns.extend(
            primary
                .iter()
                .filter(|c| !mapping.key().contains(c))
                .cloned(),
        );
        let rows = self.fetch(mapping.table(), &columns, primary, &keys)?;
        Ok(distinct_keys(&rows, mapping.key()))
    }

    /// Rows of a table that no mapping reads as its own, with every column that leads on.
    fn as_they_are(
        &self,
        tail: &Tail,
        table: &str,
        key: &[String],
        changes: &[&RowChange],
    ) -> Result<Vec<Row>, PipelineError> {
        let images: Vec<Row> = changes.iter().filter_map(|c| c.after.clone()).collect();
        let Some(followed) = tail.tables.iter().find(|f| f.table == table) else {
            return Ok(images);
        };
        let whole = |row: &Row| {
            let mut columns = followed.columns.iter();
            columns.all(|c| row.columns().position(c).is_some())
        };
        if key.is_empty() || images.iter().all(whole) {
            return Ok(images);
        }
        let keys = distinct_keys(&images, key);
        self.fetch(table, &followed.columns, key, &keys)
    }

    /// Withdraws rows that the log told of and that are not in their table. Answers whether that was left
    /// to a sweep, because they are more than is believed without a person.
    fn take_away(
        &self,
        tail: &mut Tail,
        mapping: &Mapping,
        id: i64,
        sweep: u64,
        keys: &[Key],
        present: &[Row],
    ) -> Result<bool, PipelineError> {
        let present: BTreeSet<Vec<u8>> = distinct_keys(present, mapping.key())
            .iter()
            .map(Key::encode)
            .collect();
        let (absent, known) = self.store.read(|conn| {
            let mut reader = RowReader::new(conn)?;
            let mut absent = Vec::new();
            for key in keys.iter().map(Key::encode) {
                if present.contains(&key) {
                    continue;
                }
                if let Some(row) = reader.get(id, &key)?
                    && row.state.present()
                {
                    let mapping = id;
                    absent.push(Placed { mapping, key, row });
                }
            }
            let mappings = progress::mappings(conn, self.id)?;
            let known = mappings.iter().find(|m| m.id == id).map_or(0, |m| m.rows);
            Ok::<_, PipelineError>((absent, known))
        })?;
        if absent.is_empty() {
            return Ok(false);
        }
        let before = tail.gone.get(&id).copied().unwrap_or(0);
        let together = before + absent.len() as u64;
        if !self.options.guard.believes(known + before, together) {
            let gone = absent.len();
            let table = mapping.table();
            tracing::warn!(
                source = self.name(),
                table,
                gone,
                "so many rows vanished that a sweep decides"
            );
            return Ok(true);
        }
        tail.gone.insert(id, together);
        let changes = self.withdraw_absent(mapping, sweep, absent)?;
        self.commit(changes, |_| Ok(()))?;
        Ok(false)
    }

    fn show_position(&self, position: &FeedPosition, rows: u64) {
        let text = String::from_utf8_lossy(position.as_bytes()).into_owned();
        self.board.update(|status| {
            status.changes.position = Some(text);
            status.changes.rows += rows;
        });
    }
}

/// The distinct keys before and after, and the changes that do not tell theirs.
fn keys_of<'c>(changes: &[&'c RowChange], key: &[String]) -> (Vec<Key>, Vec<&'c RowChange>) {
    let images: Vec<Row> = changes
        .iter()
        .flat_map(|c| [c.before.clone(), c.after.clone()])
        .flatten()
        .collect();
    let has_key = |row: &Option<Row>| row.as_ref().is_some_and(|r| r.key(key).is_some());
    let lacks = |change: &&&RowChange| match change.kind {
        ChangeKind::Inserted | ChangeKind::Updated => !has_key(&change.after),
        ChangeKind::Deleted => !has_key(&change.before),
    };
    let lacking = changes.iter().filter(lacks).copied().collect();
    (distinct_keys(&images, key), lacking)
}
