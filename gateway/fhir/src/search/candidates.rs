// SPDX-License-Identifier: Apache-2.0
//! Where a search begins: the shortest list of versions that contains all matches.
//!
//! Lists are measured with growing patience: first who has fewer than 32 rows, then fewer than 1,024,
//! then fewer than 32,768. The first that is short enough is read whole; when none is, one term is
//! walked row by row. So the work follows the rarest filter, not the size of the hospital.

use std::collections::HashMap;

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _};

use super::filter::{Drive, Filter, Term};
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

/// The versions from which a search begins.
#[derive(Debug)]
pub enum Candidates {
    /// These, rising.
    List(Vec<i64>),
    /// All rows of a term.
    Walk(Probe),
}

/// What can be a beginning.
pub enum Start {
    /// Terms.
    Terms(Vec<Probe>),
    /// Range keys.
    Ranges(Vec<(i64, i64)>),
    /// Beginnings of texts.
    Texts(Vec<(i64, String)>),
}

const PATIENCE: [usize; 3] = [32, 1_024, 32_768];

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

/// The beginnings that a filter offers.
pub fn start_of(
    conn: &Connection,
    systems: &mut Systems,
    filter: &Filter,
) -> rusqlite::Result<Option<Start>> {
    Ok(match filter {
        Filter::Terms {
            any,
            negated: false,
        } => Some(Start::Terms(systems.probes(conn, any)?)),
        Filter::Facts(facts) => match &facts.drive {
            Some(Drive::Ranges(ranges)) => Some(Start::Ranges(ranges.clone())),
            Some(Drive::Texts(texts)) => Some(Start::Texts(texts.clone())),
            None => None,
        },
        _ => None,
    })
}

/// Chooses among beginnings. `all` is the term of the whole type; `lowest` and `highest` bound the
/// versions. Says also which beginning was chosen, because its terms need no further check.
pub fn choose(
    conn: &Connection,
    starts: &[Option<Start>],
    all: Probe,
    lowest: i64,
    highest: i64,
) -> rusqlite::Result<(Candidates, Option<usize>)> {
    let offered: Vec<_> = starts
        .iter()
        .enumerate()
        .filter_map(|(place, start)| Some((place, start.as_ref()?)))
        .collect();
    for patience in PATIENCE {
        for (place, start) in &offered {
            let list = start.list(conn, lowest, highest, patience)?;
            if list.len() < patience {
                return Ok((finish(list), Some(*place)));
            }
        }
    }
    let walkable = offered.iter().find_map(|(place, start)| match start {
        Start::Terms(probes) if probes.len() == 1 => Some((Candidates::Walk(probes[0]), *place)),
        _ => None,
    });
    if let Some((walk, place)) = walkable {
        return Ok((walk, Some(place)));
    }
    match offered.first() {
        None => Ok((Candidates::Walk(all), None)),
        Some((place, start)) => {
            let list = start.list(conn, lowest, highest, usize::MAX)?;
            Ok((finish(list), Some(*place)))
        }
    }
}

fn finish(mut list: Vec<i64>) -> Candidates {
    list.sort_unstable();
    list.dedup();
    Candidates::List(list)
}

impl Start {
    /// Up to `limit` rows of this beginning, in no order.
    fn list(
        &self,
        conn: &Connection,
        lowest: i64,
        highest: i64,
        limit: usize,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut list = Vec::new();
        let rest = |list: &Vec<i64>| i64::try_from(limit - list.len()).unwrap_or(i64::MAX);
        match self {
            Self::Terms(probes) => {
                for probe in probes {
                    let mut find = conn.prepare_cached(if is_rare(probe.key) {
                        "SELECT vid FROM (SELECT vid, system FROM fhir_fresh
                          WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
                          UNION ALL SELECT vid, system FROM fhir_term
                          WHERE term = ?1 AND vid BETWEEN ?2 AND ?3)
                         WHERE (?4 IS NULL OR system = ?4) LIMIT ?5"
                    } else {
                        "SELECT vid FROM fhir_term WHERE term = ?1 AND vid BETWEEN ?2 AND ?3
                         AND (?4 IS NULL OR system = ?4) LIMIT ?5"
                    })?;
                    let rows = find.query_map(
                        (probe.key, lowest, highest, probe.system, rest(&list)),
                        |row| row.get::<_, i64>(0),
                    )?;
                    extend(&mut list, rows)?;
                }
            }
            Self::Ranges(ranges) => {
                let mut find = conn.prepare_cached(
                    "SELECT vid FROM fhir_range WHERE key BETWEEN ?1 AND ?2
                     AND vid BETWEEN ?3 AND ?4 LIMIT ?5",
                )?;
                for (from, to) in ranges {
                    let rows =
                        find.query_map((from, to, lowest, highest, rest(&list)), |row| row.get(0))?;
                    extend(&mut list, rows)?;
                }
            }
            Self::Texts(texts) => {
                let mut find = conn.prepare_cached(
                    "SELECT vid FROM fhir_text WHERE param = ?1 AND text >= ?2 AND text < ?3
                     AND vid BETWEEN ?4 AND ?5 LIMIT ?6",
                )?;
                for (param, from) in texts {
                    let to = format!("{from}{}", char::MAX);
                    let rows = find
                        .query_map((param, from, to, lowest, highest, rest(&list)), |row| {
                            row.get(0)
                        })?;
                    extend(&mut list, rows)?;
                }
            }
        }
        Ok(list)
    }
}

fn extend(
    list: &mut Vec<i64>,
    rows: impl Iterator<Item = rusqlite::Result<i64>>,
) -> rusqlite::Result<()> {
    for row in rows {
        list.push(row?);
    }
    Ok(())
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
