// SPDX-License-Identifier: Apache-2.0
//! Questions to the rows of terms. Rows of rare terms lie in two trees.

use std::collections::HashMap;

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _};

use super::filter::Term;
use super::value::SystemTest;
use crate::index::key::is_rare;

/// A term whose system is known by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The term.
    pub key: i64,
    /// The number of its system; any where absent.
    pub system: Option<i64>,
}

/// The numbers of systems, looked up once per search.
#[derive(Default)]
pub struct Systems(HashMap<String, Option<i64>>);

impl Systems {
    /// A term by number; none where its system was never seen, so that nothing can match.
    pub fn probe(&mut self, conn: &Connection, term: &Term) -> rusqlite::Result<Option<Probe>> {
        let system = match &term.system {
            SystemTest::Any => None,
            SystemTest::Absent => Some(0),
            SystemTest::Is(uri) => match self.number(conn, uri)? {
                Some(number) => Some(number),
                None => return Ok(None),
            },
        };
        Ok(Some(Probe {
            key: term.key,
            system,
        }))
    }

    /// Terms by number.
    pub fn probes(&mut self, conn: &Connection, terms: &[Term]) -> rusqlite::Result<Vec<Probe>> {
        let mut probes = Vec::with_capacity(terms.len());
        for term in terms {
            probes.extend(self.probe(conn, term)?);
        }
        Ok(probes)
    }

    fn number(&mut self, conn: &Connection, uri: &str) -> rusqlite::Result<Option<i64>> {
        if let Some(known) = self.0.get(uri) {
            return Ok(*known);
        }
        let number = conn
            .prepare_cached("SELECT num FROM fhir_system WHERE uri = ?1")?
            .query_row([uri], |row| row.get(0))
            .optional()?;
        self.0.insert(uri.to_owned(), number);
        Ok(number)
    }
}

/// The statement that walks the rows of a term in the order of commits.
pub fn walk(probe: Probe, newest_first: bool) -> &'static str {
    match (is_rare(probe.key), newest_first) {
        (false, true) => {
            "SELECT vid FROM fhir_term WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4) ORDER BY vid DESC"
        }
        (false, false) => {
            "SELECT vid FROM fhir_term WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4) ORDER BY vid"
        }
        (true, true) => {
            "SELECT vid FROM fhir_fresh WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4)
             UNION ALL SELECT vid FROM fhir_term WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4) ORDER BY 1 DESC"
        }
        (true, false) => {
            "SELECT vid FROM fhir_fresh WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4)
             UNION ALL SELECT vid FROM fhir_term WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
             AND (?4 IS NULL OR system = ?4) ORDER BY 1"
        }
    }
}

/// How many of these versions, rising, the snapshot sees; none where that is not told quicker than by
/// looking at each.
pub fn count_visible(
    conn: &Connection,
    list: &[i64],
    snapshot: i64,
) -> rusqlite::Result<Option<usize>> {
    const MANY: usize = 64;
    let mut find = conn.prepare_cached("SELECT vid FROM fhir_stale WHERE next <= ?1 LIMIT 64")?;
    let stale: Vec<i64> = find
        .query_map([snapshot], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let replaced = stale.iter().filter(|vid| list.binary_search(vid).is_ok());
    Ok((stale.len() < MANY).then(|| list.len() - replaced.count()))
}

/// How many versions up to a snapshot have a row of a common term; one more than `most` where there
/// are more.
pub fn count(
    conn: &Connection,
    probe: Probe,
    snapshot: i64,
    most: usize,
) -> rusqlite::Result<usize> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX - 1) + 1;
    let rows: i64 = match probe.system {
        Some(system) => conn
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM fhir_term
                 WHERE term = ?1 AND vid <= ?2 AND system = ?3 LIMIT ?4)",
            )?
            .query_row((probe.key, snapshot, system, limit), |row| row.get(0))?,
        None => conn
            .prepare_cached(
                "SELECT count(*) FROM (SELECT DISTINCT vid FROM fhir_term
                 WHERE term = ?1 AND vid <= ?2 LIMIT ?3)",
            )?
            .query_row((probe.key, snapshot, limit), |row| row.get(0))?,
    };
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}

/// How many of them the snapshot sees replaced.
pub fn count_replaced(conn: &Connection, probe: Probe, snapshot: i64) -> rusqlite::Result<usize> {
    let rows: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM fhir_stale s WHERE s.next <= ?2 AND EXISTS
             (SELECT 1 FROM fhir_term t WHERE t.term = ?1 AND t.vid = s.vid
              AND (?3 IS NULL OR t.system = ?3))",
        )?
        .query_row((probe.key, snapshot, probe.system), |row| row.get(0))?;
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}

/// Whether a version has a row of one of these terms.
pub fn has_any(conn: &Connection, probes: &[Probe], vid: i64) -> rusqlite::Result<bool> {
    const TERM: &str =
        "SELECT 1 FROM fhir_term WHERE term = ?1 AND vid = ?2 AND (?3 IS NULL OR system = ?3)";
    const FRESH: &str =
        "SELECT 1 FROM fhir_fresh WHERE term = ?1 AND vid = ?2 AND (?3 IS NULL OR system = ?3)";
    for probe in probes {
        let sought = (probe.key, vid, probe.system);
        if conn.prepare_cached(TERM)?.exists(sought)?
            || is_rare(probe.key) && conn.prepare_cached(FRESH)?.exists(sought)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
