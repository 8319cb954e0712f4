// SPDX-License-Identifier: Apache-2.0
//! The feed: SQL Server's change tracking, where the hospital has it on.
//!
//! It knows the primary keys of changed rows, deletions too, and for each row only what came of all its
//! changes. A position is a version of the database, in decimal. One answer covers the versions after it up
//! to the one that was current when the question was put: changes that are committed meanwhile have later
//! versions and come with the next question. What the clean-up has removed is noticed before the changes
//! are read and again afterwards, because it may run between the two.

use std::time::Duration;

use async_trait::async_trait;
use silsila_source::{
    ChangeKind, Columns, Feed, FeedAnswer, FeedBatch, FeedPosition, FeedStanding, Follow, Followed,
    Row, RowChange, SourceError,
};
use tiberius::ColumnData;
use tokio::time::Instant;

use crate::MsSql;
use crate::fault::Asked;
use crate::names::{Name, quote};
use crate::schema::primary_keys;
use crate::select;
use crate::sessions::{Lent, Problem, Question};
use crate::shape::Shape;
use crate::tables::{self, Cells};

/// The pause between two looks for a first change.
const PAUSE: Duration = Duration::from_millis(500);

const CURRENT: &str = "SELECT CHANGE_TRACKING_CURRENT_VERSION()";

#[async_trait]
impl Feed for MsSql {
    fn name(&self) -> &'static str {
        "change tracking"
    }

    async fn standing(&self) -> Result<FeedStanding, SourceError> {
        let source = silsila_source::Source::name(self);
        Ok(match self.ask(&Version { source }).await? {
            Some(_) => FeedStanding::Ready {
                notes: vec![
                    "tables for which change tracking is off, or whose changes the login may not view, are left to the watermark, which is looked at less often now, and the sweep".into(),
                    "of a deleted row only the primary key is told: the row itself is withdrawn at once, but what another table's rows were made of with its help is put right by the next sweep".into(),
                ],
            },
            None => FeedStanding::Missing(vec![
                "change tracking is off for the database (ALTER DATABASE ... SET CHANGE_TRACKING = ON)".into(),
            ]),
        })
    }

    async fn present(&self) -> Result<FeedPosition, SourceError> {
        let source = silsila_source::Source::name(self);
        match self.ask(&Version { source }).await? {
            Some(version) => Ok(position(version)),
            None => Err(SourceError::Refused {
                source_name: source.into(),
                reason: "change tracking is off for the database".into(),
            }),
        }
    }

    async fn follow(&self, follow: Follow<'_>) -> Result<FeedAnswer, SourceError> {
        let source = silsila_source::Source::name(self);
        let Some(since) = version(follow.after) else {
            return Ok(lost("the position is none of change tracking"));
        };
        let until = Instant::now() + follow.wait;
        loop {
            match self.ask(&Version { source }).await? {
                None => return Ok(lost("change tracking was switched off for the database")),
                Some(current) if current < since => {
                    return Ok(lost(
                        "the database is older than the position: it was restored, or is another",
                    ));
                }
                Some(current) if current > since => {
                    let question = Window {
                        source,
                        since,
                        current,
                        tables: follow.tables,
                        limit: follow.limit.max(1),
                    };
                    let answer = self.ask(&question).await?;
                    if let FeedAnswer::Changes(batch) = &answer {
                        self.spent(batch.changes.len());
                    }
                    return Ok(answer);
                }
                Some(_) if Instant::now() >= until => {
                    return Ok(FeedAnswer::Changes(FeedBatch {
                        changes: Vec::new(),
                        unclear: Vec::new(),
                        position: position(since),
                        more: false,
                    }));
                }
                Some(_) => tokio::time::sleep_until(until.min(Instant::now() + PAUSE)).await,
            }
        }
    }
}

fn position(version: i64) -> FeedPosition {
    FeedPosition::new(version.to_string().into_bytes())
}

fn version(position: &FeedPosition) -> Option<i64> {
    std::str::from_utf8(position.as_bytes())
        .ok()?
        .parse()
        .ok()
        .filter(|v| *v >= 0)
}

fn lost(reason: &str) -> FeedAnswer {
    FeedAnswer::Lost {
        reason: reason.into(),
    }
}

/// The version of the last committed change; `None` where change tracking is off.
struct Version<'a> {
    source: &'a str,
}

impl Question for Version<'_> {
    type Answer = Option<i64>;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "",
            columns: &[],
        }
    }

    async fn put(&self, lent: &mut Lent) -> Result<Option<i64>, Problem> {
        let rows = match lent.session.batch(CURRENT).await {
            // A server of the family that knows no change tracking.
            Err(error) if crate::fault::is_sound(&error) => return Ok(None),
            rows => rows?,
        };
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| Cells::new(row).integer()))
    }
}

/// The changes after one version, up to another.
struct Window<'a> {
    source: &'a str,
    since: i64,
    current: i64,
    tables: &'a [Followed],
    limit: usize,
}

/// A change and its version.
type Versioned = (i64, RowChange);

impl Question for Window<'_> {
    type Answer = FeedAnswer;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "",
            columns: &[],
        }
    }

    async fn put(&self, lent: &mut Lent) -> Result<FeedAnswer, Problem> {
        let keys = primary_keys(lent).await?;
        let (mut changes, mut tracked) = (Vec::new(), Vec::new());
        // Behind this version, some table's changes were cut off.
        let mut cut = None;
        for followed in self.tables {
            let name = Name::parse(&followed.table);
            let (Some(key), Some(oldest)) =
                (keys.get(&name.to_string()), oldest(lent, name).await?)
            else {
                continue;
            };
            if self.since < oldest {
                return Ok(lost(
                    "the server has cleaned up changes that were not read yet",
                ));
            }
            let found = self.changes_of(lent, followed, key).await?;
            if found.len() > self.limit {
                let last = found.last().map_or(self.current, |(version, _)| *version);
                cut = Some(cut.map_or(last, |cut: i64| cut.min(last)));
            }
            tracked.push((followed, name));
            changes.extend(found);
        }
        for (_, name) in &tracked {
            if oldest(lent, *name)
                .await?
                .is_none_or(|oldest| self.since < oldest)
            {
                return Ok(lost("the server cleaned up changes while they were read"));
            }
        }
        Ok(FeedAnswer::Changes(self.batch(changes, cut)))
    }
}

impl Window<'_> {
    /// Whole versions, each in full. A version of which one table alone has more changes than are wanted at
    /// once is not told row by row: that is a bulk import, and a sweep is the way to read it.
    fn batch(&self, mut changes: Vec<Versioned>, cut: Option<i64>) -> FeedBatch {
        changes.sort_by_key(|(version, _)| *version);
        let Some(cut) = cut else {
            return self.told(changes, Vec::new(), self.current, false);
        };
        let whole = changes.partition_point(|(version, _)| *version < cut);
        if whole > 0 {
            changes.truncate(whole);
            return self.told(changes, Vec::new(), cut - 1, true);
        }
        let of_cut = changes.iter().filter(|(version, _)| *version == cut);
        let mut unclear: Vec<String> = of_cut.map(|(_, change)| change.table.clone()).collect();
        unclear.dedup();
        self.told(Vec::new(), unclear, cut, cut < self.current)
    }

    fn told(
        &self,
        changes: Vec<Versioned>,
        unclear: Vec<String>,
        upto: i64,
        more: bool,
    ) -> FeedBatch {
        FeedBatch {
            changes: changes.into_iter().map(|(_, change)| change).collect(),
            unclear,
            position: position(upto),
            more,
        }
    }

    /// One table's changes, one more than the limit if there are so many.
    async fn changes_of(
        &self,
        lent: &mut Lent,
        followed: &Followed,
        key: &[String],
    ) -> Result<Vec<Versioned>, Problem> {
        let asked = Asked {
            source: self.source,
            table: &followed.table,
            columns: &[],
        };
        let table = tables::table(lent, asked).await?;
        let shapes: Vec<Shape> = key
            .iter()
            .map(|column| {
                table
                    .column(column)
                    .map_or(Shape::Unsupported, |c| c.shape())
            })
            .collect();
        let wanted: Vec<_> = key
            .iter()
            .zip(&shapes)
            .map(|(c, shape)| select::wanted(c, shape))
            .collect();
        let order: Vec<_> = key.iter().map(|c| quote(c)).collect();
        let sql = format!(
            "SELECT TOP ({}) SYS_CHANGE_VERSION, SYS_CHANGE_OPERATION, {} \
             FROM CHANGETABLE(CHANGES {}, @P1) AS [changed] \
             WHERE SYS_CHANGE_VERSION <= @P2 ORDER BY SYS_CHANGE_VERSION, {}",
            self.limit + 1,
            wanted.join(", "),
            Name::parse(&followed.table).quoted(),
            order.join(", ")
        );
        let bounds = [self.since, self.current].map(|v| ColumnData::I64(Some(v)));
        let rows = tables::rows(lent, sql, bounds.to_vec()).await?;
        // Of the key, what is wanted; the rest of the row is not here.
        let told: Vec<bool> = key.iter().map(|c| followed.columns.contains(c)).collect();
        let names = key
            .iter()
            .zip(&told)
            .filter(|(_, told)| **told)
            .map(|(c, _)| c.as_str());
        let names = Columns::new(names);
        let read = |row: tiberius::Row| {
            let mut cells = row.into_iter();
            let version = match cells.next() {
                Some(ColumnData::I64(Some(version))) => version,
                _ => return None,
            };
            let operation = match cells.next() {
                Some(ColumnData::String(Some(letter))) => letter,
                _ => return None,
            };
            let values = cells.zip(&shapes).zip(&told).filter(|(_, told)| **told);
            let values: Option<Vec<_>> = values
                .map(|((raw, shape), _)| shape.read(raw, true).ok())
                .collect();
            Some((
                version,
                change(
                    &followed.table,
                    operation.trim(),
                    Row::new(names.clone(), values?),
                ),
            ))
        };
        let broken = || {
            let reason = "an answer of change tracking cannot be read".into();
            Problem::Coded(crate::fault::unreadable(asked, reason))
        };
        rows.into_iter()
            .map(|row| read(row).ok_or_else(broken))
            .collect()
    }
}

fn change(table: &str, operation: &str, key: Row) -> RowChange {
    let (kind, before, after) = match operation {
        "D" => (ChangeKind::Deleted, Some(key), None),
        "I" => (ChangeKind::Inserted, None, Some(key)),
        _ => (ChangeKind::Updated, None, Some(key)),
    };
    RowChange {
        table: table.into(),
        kind,
        before,
        after,
    }
}

/// The oldest version from which a table's changes are still there; `None` where they are not tracked, or
/// not for this login.
async fn oldest(lent: &mut Lent, name: Name<'_>) -> Result<Option<i64>, Problem> {
    let sql = "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(@P1))";
    let quoted = ColumnData::String(Some(name.quoted().into()));
    let rows = tables::rows(lent, sql.into(), vec![quoted]).await?;
    Ok(rows
        .into_iter()
        .next()
        .and_then(|row| Cells::new(row).integer()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(limit: usize) -> Window<'static> {
        Window {
            source: "khi",
            since: 3,
            current: 20,
            tables: &[],
            limit,
        }
    }

    fn changes(versions: &[(i64, &str)]) -> Vec<Versioned> {
        let key = || Row::new(Columns::new(["id"]), vec![silsila_source::Value::Int(1)]);
        versions
            .iter()
            .map(|(v, table)| (*v, change(table, "U", key())))
            .collect()
    }

    #[test]
    fn changes_come_in_the_order_of_their_versions() {
        let batch = window(9).batch(changes(&[(5, "a"), (9, "a"), (4, "b"), (5, "b")]), None);
        let tables: Vec<_> = batch.changes.iter().map(|c| c.table.as_str()).collect();
        assert_eq!(tables, ["b", "a", "b", "a"]);
        assert_eq!((batch.position.as_bytes(), batch.more), (&b"20"[..], false));
    }

    #[test]
    fn a_version_is_told_in_full_or_not_yet() {
        // Table a was cut off within version 9, so nothing of 9 or later is told.
        let found = changes(&[(4, "a"), (9, "a"), (9, "a"), (8, "b"), (12, "b")]);
        let batch = window(2).batch(found, Some(9));
        assert_eq!(batch.changes.len(), 2);
        assert_eq!((batch.position.as_bytes(), batch.more), (&b"8"[..], true));
    }

    #[test]
    fn a_bulk_import_is_left_to_the_sweep() {
        let batch = window(2).batch(changes(&[(7, "a"), (7, "a"), (7, "a")]), Some(7));
        assert!(batch.changes.is_empty());
        assert_eq!(batch.unclear, ["a"]);
        assert_eq!((batch.position.as_bytes(), batch.more), (&b"7"[..], true));
    }

    #[test]
    fn a_position_comes_back_from_its_bytes() {
        assert_eq!(version(&position(123)), Some(123));
        for other in ["", "-1", "mysql-bin.000001:4"] {
            assert_eq!(version(&FeedPosition::new(other.as_bytes())), None);
        }
    }
}
