// SPDX-License-Identifier: Apache-2.0
//! Writing one block's rows.

use std::collections::HashMap;

use silsila_store::chain::{Op, Record};
use silsila_store::rusqlite::{self, CachedStatement, Connection, OptionalExtension as _, params};
use silsila_store::{Applied, IndexError};

use super::key::{Keyed, is_rare};
use super::lookup;
use super::merge::Merge;
use super::rows::Rows;
use super::tables;

/// Written for a version that puts content.
pub const PUT: i64 = 1;
/// Written for a version that deletes.
pub const DELETE: i64 = 0;

/// The type of a resource whose content was never seen.
const NO_KIND: i64 = -1;

/// Moves the versions of resource `?1` to type `?2`: the first, whose number is the resource's, and from each
/// the next. Versions have no index by resource, and a member that arrives names every resource once.
const MOVE_VERSIONS: &str = "
WITH RECURSIVE versions(vid) AS (SELECT ?1 UNION ALL
    SELECT v.next FROM versions JOIN fhir_version v USING (vid) WHERE v.next IS NOT NULL)
UPDATE fhir_version SET type = ?2 WHERE vid IN versions AND type <> ?2";

/// What the index remembers between blocks: its key, and systems by number. Both are read again when
/// the tables say otherwise, as after a block that was undone.
#[derive(Default)]
pub struct Names {
    keyed: Option<Keyed>,
    systems: HashMap<Box<str>, i64>,
    merge: Merge,
    next: i64,
}

impl Names {
    /// Names for an index that lets so many rows of rare terms collect.
    pub fn with_full(full: usize) -> Self {
        Self {
            merge: Merge::with_full(full),
            ..Self::default()
        }
    }

    /// Forgets everything but that bound.
    pub fn forget(&mut self) {
        *self = Self::with_full(self.merge.full());
    }

    fn refresh(&mut self, conn: &Connection) -> Result<Keyed, IndexError> {
        let known: i64 = conn
            .prepare_cached("SELECT coalesce(max(num), 0) FROM fhir_system")?
            .query_row([], |row| row.get(0))?;
        if usize::try_from(known) != Ok(self.systems.len()) {
            self.systems = conn
                .prepare("SELECT uri, num FROM fhir_system")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
        }
        if self.keyed.is_none() {
            self.keyed = tables::secrets(conn)?.map(|secrets| Keyed::new(secrets.terms));
        }
        self.keyed.clone().ok_or_else(|| IndexError::Refused {
            reason: "the index has no key; it was not prepared".into(),
        })
    }

    fn system(&mut self, conn: &Connection, uri: Option<&str>) -> rusqlite::Result<i64> {
        let Some(uri) = uri else { return Ok(0) };
        if let Some(number) = self.systems.get(uri) {
            return Ok(*number);
        }
        let number = i64::try_from(self.systems.len()).unwrap_or(i64::MAX - 1) + 1;
        conn.prepare_cached("INSERT INTO fhir_system(num, uri) VALUES (?1, ?2)")?
            .execute(params![number, uri])?;
        self.systems.insert(uri.into(), number);
        Ok(number)
    }
}

/// The entries of a block, or of as many as are caught up at once: what must continue where the index stands.
#[derive(Clone, Copy)]
pub struct Span {
    /// The block's time.
    pub time_ms: u64,
    /// The first entry, of whatever kind.
    pub first: u64,
    /// How many entries there are; those that are no records have no rows.
    pub entries: u64,
}

/// Adds the rows of one block, whose entries must continue where the index stands. A block beyond that
/// is left for the index to catch up with.
pub fn apply(
    conn: &Connection,
    names: &mut Names,
    span: Span,
    records: &[Applied<'_>],
) -> Result<(), IndexError> {
    let next = tables::next_entry(conn)?;
    let first = number(span.first)?;
    if span.entries == 0 || first > next {
        return Ok(());
    }
    if first < next {
        return Err(IndexError::Refused {
            reason: format!("entry {first} is in the index already, up to {next}"),
        });
    }
    if names.next != next {
        names.merge.forget();
    }
    names.next = next + number(span.entries)?;
    tables::set_next_entry(conn, names.next)?;
    if records.is_empty() {
        return Ok(());
    }
    let keyed = names.refresh(conn)?;
    let mut writer = Writer::new(conn, names, number(span.time_ms)?)?;
    for applied in records {
        writer.record(&keyed, applied)?;
    }
    writer.finish()
}

/// Adds the rows of records that could not be opened when their blocks came. Only a resource's current version
/// becomes searchable; earlier ones are found by their history. Records that the index has not reached yet are
/// opened when it does.
pub fn reveal(
    conn: &Connection,
    names: &mut Names,
    records: &[Applied<'_>],
) -> Result<(), IndexError> {
    let next = tables::next_entry(conn)?;
    let keyed = names.refresh(conn)?;
    let mut writer = Writer::new(conn, names, 0)?;
    for applied in records {
        if number(applied.seq)? < next {
            writer.reveal(&keyed, applied)?;
        }
    }
    writer.finish()
}

fn number(value: u64) -> Result<i64, IndexError> {
    i64::try_from(value).map_err(|_| IndexError::Refused {
        reason: "a number of the chain is beyond 63 bits".into(),
    })
}

/// The rows of a put. What cannot be read as a resource stays on the chain and out of the index: one
/// member's mistake must not stop the others.
fn readable(keyed: &Keyed, applied: &Applied<'_>) -> Option<Rows> {
    let payload = applied.plaintext.filter(|_| applied.record.op == Op::Put)?;
    Rows::of(&payload.body, keyed)
        .inspect_err(|fault| tracing::warn!(code = "FHR0027", entry = applied.seq, %fault))
        .ok()
}

struct Writer<'c> {
    conn: &'c Connection,
    names: &'c mut Names,
    time_ms: i64,
    terms: Vec<(i64, i64, i64)>,
    ranges: Vec<(i64, i64)>,
    texts: Vec<(i64, Box<str>, i64)>,
    counts: HashMap<i64, (i64, i64)>,
    /// Resources that this block made, by the term of their tag: their rows are not in a tree yet.
    made: HashMap<i64, i64>,
    by_term: CachedStatement<'c>,
    find: CachedStatement<'c>,
    add_resource: CachedStatement<'c>,
    set_head: CachedStatement<'c>,
    add_version: CachedStatement<'c>,
    close_version: CachedStatement<'c>,
}

/// A resource as the index knows it.
struct Known {
    rid: i64,
    kind: i64,
    head: Option<i64>,
}

impl<'c> Writer<'c> {
    fn new(
        conn: &'c Connection,
        names: &'c mut Names,
        time_ms: i64,
    ) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            conn,
            names,
            time_ms,
            terms: Vec::new(),
            ranges: Vec::new(),
            texts: Vec::new(),
            counts: HashMap::new(),
            made: HashMap::new(),
            by_term: conn.prepare_cached(lookup::BY_TERM)?,
            find: conn.prepare_cached("SELECT type, head FROM fhir_resource WHERE rid = ?1 AND tag = ?2")?,
            add_resource: conn.prepare_cached(
                "INSERT INTO fhir_resource(rid, type, id, tag, head) VALUES (?1, ?2, ?3, ?4, ?1)",
            )?,
            set_head: conn.prepare_cached("UPDATE fhir_resource SET head = ?2 WHERE rid = ?1")?,
            add_version: conn.prepare_cached(
                "INSERT INTO fhir_version(vid, rid, type, version, updated, op, prev, present, facts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            close_version: conn
                .prepare_cached("UPDATE fhir_version SET next = ?2 WHERE vid = ?1 RETURNING facts IS NOT NULL")?,
        })
    }

    fn record(&mut self, keyed: &Keyed, applied: &Applied<'_>) -> Result<(), IndexError> {
        let vid = number(applied.seq)?;
        let rows = readable(keyed, applied);
        let tag = keyed.of_tag(applied.record.resource_tag.as_bytes());
        let known = match self.known(tag, applied.record)? {
            Some(known) => self.named(keyed, known, rows.as_ref())?,
            None => self.make(keyed, tag, vid, applied.record, rows.as_ref())?,
        };
        self.version(vid, applied.record, &known, rows.as_ref())?;
        if let Some(rows) = rows {
            self.collect(vid, rows)?;
        }
        Ok(())
    }

    /// The resource of a record. The first version of a resource is new by definition, so that a
    /// first ingest looks nothing up.
    fn known(&mut self, tag: i64, record: &Record) -> Result<Option<Known>, IndexError> {
        if record.version == 1 {
            return Ok(None);
        }
        let mut rids: Vec<i64> = self
            .by_term
            .query_map([tag], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        rids.extend(self.made.get(&tag));
        for rid in rids {
            let found = self
                .find
                .query_row(params![rid, record.resource_tag.as_bytes()], |row| {
                    Ok(Known {
                        rid,
                        kind: row.get(0)?,
                        head: row.get(1)?,
                    })
                })
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Makes a resource, with the terms that lead to it.
    fn make(
        &mut self,
        keyed: &Keyed,
        tag: i64,
        vid: i64,
        record: &Record,
        rows: Option<&Rows>,
    ) -> Result<Known, IndexError> {
        let (kind, id) = rows.map_or((NO_KIND, ""), |rows| (rows.plan.number, &*rows.id));
        self.add_resource
            .execute(params![vid, kind, id, record.resource_tag.as_bytes()])?;
        self.terms.push((tag, vid, 0));
        self.made.insert(tag, vid);
        if let Some(rows) = rows {
            let name = keyed.of_resource(rows.plan.name, &rows.id);
            self.terms.push((name, vid, 0));
        }
        Ok(Known {
            rid: vid,
            kind,
            head: None,
        })
    }

    /// Gives a resource its name where its first version could not be read.
    fn named(
        &mut self,
        keyed: &Keyed,
        known: Known,
        rows: Option<&Rows>,
    ) -> Result<Known, IndexError> {
        let Some(rows) = rows.filter(|_| known.kind == NO_KIND) else {
            return Ok(known);
        };
        self.conn
            .prepare_cached("UPDATE fhir_resource SET type = ?2, id = ?3 WHERE rid = ?1")?
            .execute(params![known.rid, rows.plan.number, rows.id])?;
        let name = keyed.of_resource(rows.plan.name, &rows.id);
        self.terms.push((name, known.rid, 0));
        Ok(Known {
            kind: rows.plan.number,
            ..known
        })
    }

    fn version(
        &mut self,
        vid: i64,
        record: &Record,
        known: &Known,
        rows: Option<&Rows>,
    ) -> Result<(), IndexError> {
        let op = if record.op == Op::Put { PUT } else { DELETE };
        self.add_version.execute(params![
            vid,
            known.rid,
            known.kind,
            number(record.version)?,
            self.time_ms,
            op,
            known.head,
            rows.map_or(0, |rows| rows.present),
            rows.map(|rows| &rows.facts),
        ])?;
        let mut live = i64::from(rows.is_some());
        if let Some(head) = known.head {
            let was_live: bool = self
                .close_version
                .query_row([head, vid], |row| row.get(0))?;
            self.set_head.execute([known.rid, vid])?;
            if was_live {
                live -= 1;
                self.conn
                    .prepare_cached("INSERT INTO fhir_stale(next, vid, at) VALUES (?1, ?2, ?3)")?
                    .execute([vid, head, self.time_ms])?;
            }
        }
        let count = self.counts.entry(known.kind).or_default();
        count.0 += live;
        count.1 += 1;
        Ok(())
    }

    /// Gives a version that is in the index already its facts and rows.
    fn reveal(&mut self, keyed: &Keyed, applied: &Applied<'_>) -> Result<(), IndexError> {
        let Some(rows) = readable(keyed, applied) else {
            return Ok(());
        };
        let vid = number(applied.seq)?;
        let found = self
            .conn
            .prepare_cached(
                "SELECT v.rid, r.type, r.head = v.vid AND v.facts IS NULL FROM fhir_version v
                 JOIN fhir_resource r ON r.rid = v.rid WHERE v.vid = ?1",
            )?
            .query_row([vid], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?))
            })
            .optional()?;
        let Some((rid, kind, current)) = found else {
            return Ok(());
        };
        let known = Known {
            rid,
            kind,
            head: None,
        };
        let named = self.named(keyed, known, Some(&rows))?;
        if kind == NO_KIND {
            self.rename_versions(rid, named.kind)?;
        }
        if current {
            self.conn
                .prepare_cached("UPDATE fhir_version SET present = ?2, facts = ?3 WHERE vid = ?1")?
                .execute(params![vid, rows.present, rows.facts])?;
            self.counts.entry(named.kind).or_default().0 += 1;
            self.collect(vid, rows)?;
        }
        Ok(())
    }

    /// Moves the versions of a resource whose type was not known to its type.
    fn rename_versions(&mut self, rid: i64, kind: i64) -> Result<(), IndexError> {
        let moved = self
            .conn
            .prepare_cached(MOVE_VERSIONS)?
            .execute([rid, kind])?;
        let moved = i64::try_from(moved).unwrap_or(i64::MAX);
        self.counts.entry(NO_KIND).or_default().1 -= moved;
        self.counts.entry(kind).or_default().1 += moved;
        Ok(())
    }

    fn collect(&mut self, vid: i64, rows: Rows) -> Result<(), IndexError> {
        for (term, system) in rows.terms {
            let system = self.names.system(self.conn, system.as_deref())?;
            self.terms.push((term, vid, system));
        }
        self.ranges
            .extend(rows.ranges.iter().map(|key| (*key, vid)));
        self.texts.extend(
            rows.texts
                .into_iter()
                .map(|(param, text)| (param, text, vid)),
        );
        Ok(())
    }

    /// Writes the collected rows in the order of their trees, so that each page is touched once.
    fn finish(mut self) -> Result<(), IndexError> {
        self.terms.sort_unstable();
        let rare = self.terms.partition_point(|(term, ..)| !is_rare(*term));
        let (common, rare) = self.terms.split_at(rare);
        let mut add = self
            .conn
            .prepare_cached("INSERT INTO fhir_term(term, vid, system) VALUES (?1, ?2, ?3)")?;
        for (term, vid, system) in common {
            add.execute([term, vid, system])?;
        }
        let mut add = self
            .conn
            .prepare_cached("INSERT INTO fhir_fresh(term, vid, system) VALUES (?1, ?2, ?3)")?;
        for (term, vid, system) in rare {
            add.execute([term, vid, system])?;
        }
        self.names.merge.added(self.conn, rare.len())?;
        self.ranges.sort_unstable();
        let mut add = self
            .conn
            .prepare_cached("INSERT INTO fhir_range(key, vid) VALUES (?1, ?2)")?;
        for (key, vid) in &self.ranges {
            add.execute([key, vid])?;
        }
        self.texts.sort_unstable();
        let mut add = self
            .conn
            .prepare_cached("INSERT INTO fhir_text(param, text, vid) VALUES (?1, ?2, ?3)")?;
        for (param, text, vid) in &self.texts {
            add.execute(params![param, text, vid])?;
        }
        let mut add = self.conn.prepare_cached(
            "INSERT INTO fhir_count(type, live, versions) VALUES (?1, ?2, ?3)
             ON CONFLICT(type) DO UPDATE SET live = live + ?2, versions = versions + ?3",
        )?;
        for (kind, (live, versions)) in &self.counts {
            add.execute([kind, live, versions])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_a_resource_are_moved_without_looking_at_those_of_others() {
        let conn = Connection::open_in_memory().unwrap();
        tables::prepare(&conn, None).unwrap();
        let add =
            "INSERT INTO fhir_version(vid, rid, type, version, updated, op, prev, next, present)
                   VALUES (?1, ?2, -1, ?3, 0, 1, NULL, ?4, 0)";
        let rows = [
            (5, 5, 1, Some(7)),
            (6, 6, 1, None),
            (7, 5, 2, Some(9)),
            (9, 5, 3, None),
        ];
        for (vid, rid, version, next) in rows {
            conn.execute(add, params![vid, rid, version, next]).unwrap();
        }
        assert_eq!(conn.execute(MOVE_VERSIONS, [5, 3]).unwrap(), 3);
        let left = "SELECT group_concat(vid) FROM fhir_version WHERE type = -1";
        let left: String = conn.query_row(left, [], |row| row.get(0)).unwrap();
        assert_eq!(left, "6");

        let mut plan = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {MOVE_VERSIONS}"))
            .unwrap();
        let steps = plan.query_map([5, 3], |row| row.get::<_, String>("detail"));
        let steps: Vec<_> = steps.unwrap().map(Result::unwrap).collect();
        assert!(
            steps
                .iter()
                .any(|step| step.contains("SEARCH fhir_version")),
            "{steps:?}"
        );
        let scans = |step: &&String| step.starts_with("SCAN fhir_version") || *step == "SCAN v";
        assert_eq!(steps.iter().find(scans), None);
    }
}
