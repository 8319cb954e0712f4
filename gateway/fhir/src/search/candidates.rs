// SPDX-License-Identifier: Apache-2.0
//! Where a search begins: the shortest list of versions that contains all matches.
//!
//! Lists are measured with growing patience: first who has fewer than 32 rows, then fewer than 256, 1,024
//! and 32,768. The first that is short enough is read whole, and cut down to what it shares
//! with the others; failing that, one term, or the few texts of a common name, are walked row by row. So
//! the work follows the rarest filter, not the size of the hospital.

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _};

use super::filter::{Drive, Filter};
use super::merge::{self, Text};
use super::terms::{Probe, Systems};
use crate::index::key::is_rare;
use crate::index::rows::{BETWEEN, MANY_PAIRS, joined};

/// The versions from which a search begins.
#[derive(Debug)]
pub enum Candidates {
    /// These, rising.
    List(Vec<i64>),
    /// All rows of a term.
    Walk(Probe),
    /// All rows of these texts.
    Merge(Vec<Text>),
}

/// What can be a beginning.
pub enum Start {
    /// Terms.
    Terms(Vec<Probe>),
    /// Range keys.
    Ranges(Vec<(i64, i64)>),
    /// Beginnings of texts.
    Texts {
        /// Parameters and beginnings.
        texts: Vec<(i64, String)>,
        /// Whether the rows hold enough of the text to decide.
        exact: bool,
    },
    /// Family and given names together.
    Pair {
        /// The number of their rows.
        number: i64,
        /// How the family name begins.
        family: String,
        /// How the given name begins.
        given: String,
    },
}

const PATIENCE: [usize; 4] = [32, 256, PATIENTLY, 32_768];
/// From here on a single beginning is rather walked than read.
const PATIENTLY: usize = 1_024;
/// Fewer candidates than this are checked one by one.
const FEW: usize = 16;
/// The most family names that a pair's beginning may lead to.
const MOST_FAMILIES: usize = 200;

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
            Some(Drive::Texts { texts, exact }) => Some(Start::Texts {
                texts: texts.clone(),
                exact: *exact,
            }),
            None => None,
        },
        _ => None,
    })
}

/// Chooses among beginnings. `all` is the term of the whole type; the versions lie `within`; none where
/// even the shortest list is longer than `most`. Says also which filters are decided by the choice.
pub fn choose(
    conn: &Connection,
    starts: &[Option<Start>],
    all: Probe,
    within: (i64, i64),
    most: usize,
) -> rusqlite::Result<Option<(Candidates, Vec<usize>)>> {
    let offered: Vec<_> = starts
        .iter()
        .enumerate()
        .filter_map(|(place, start)| Some((place, start.as_ref()?)))
        .collect();
    let Some((first, start)) = offered.first() else {
        return Ok(Some((Candidates::Walk(all), Vec::new())));
    };
    let walkable = offered.iter().find_map(|(place, start)| match start {
        Start::Terms(probes) if probes.len() == 1 => Some((probes[0], vec![*place])),
        _ => None,
    });
    for patience in PATIENCE {
        if patience >= PATIENTLY && offered.len() == 1 {
            if walkable.is_some() {
                break;
            }
            if let Some(texts) = start.spelt_out(conn)? {
                let decided = start.is_exact().then_some(*first);
                return Ok(Some((Candidates::Merge(texts), Vec::from_iter(decided))));
            }
        }
        if patience > most {
            return Ok(None);
        }
        for (place, start) in &offered {
            let list = start.list(conn, within, patience)?;
            if let Some(list) = list.filter(|list| list.len() < patience) {
                return shared(conn, &offered, *place, list, within).map(Some);
            }
        }
    }
    if let Some((probe, decided)) = walkable {
        return Ok(Some((Candidates::Walk(probe), decided)));
    }
    let Some(list) = start.list(conn, within, usize::MAX)? else {
        return Ok(Some((Candidates::Walk(all), Vec::new())));
    };
    let decided = start.is_exact().then_some(*first);
    Ok(Some((finish(list), decided.into_iter().collect())))
}

/// What the shortest list shares with others that are not much longer: to read a row of another list
/// takes less than to look for one.
fn shared(
    conn: &Connection,
    offered: &[(usize, &Start)],
    shortest: usize,
    mut list: Vec<i64>,
    within: (i64, i64),
) -> rusqlite::Result<(Candidates, Vec<usize>)> {
    let mut decided = Vec::new();
    for (place, start) in offered {
        if *place == shortest {
            decided.extend(start.is_exact().then_some(*place));
            continue;
        }
        if list.len() < FEW {
            continue;
        }
        let limit = list.len() * 4 + FEW;
        let other = start.list(conn, within, limit)?;
        let Some(mut other) = other.filter(|other| other.len() < limit) else {
            continue;
        };
        other.sort_unstable();
        list.retain(|vid| other.binary_search(vid).is_ok());
        decided.extend(start.is_exact().then_some(*place));
    }
    decided.sort_unstable();
    Ok((finish(list), decided))
}

fn finish(mut list: Vec<i64>) -> Candidates {
    list.sort_unstable();
    list.dedup();
    Candidates::List(list)
}

impl Start {
    /// Whether every row of this beginning satisfies its filter.
    fn is_exact(&self) -> bool {
        match self {
            Self::Terms(_) => true,
            Self::Ranges(_) | Self::Pair { .. } => false,
            Self::Texts { exact, .. } => *exact,
        }
    }

    /// The whole texts of this beginning, where it is one of a few texts.
    fn spelt_out(&self, conn: &Connection) -> rusqlite::Result<Option<Vec<Text>>> {
        match self {
            Self::Texts { texts, .. } => merge::spelt_out(conn, texts),
            _ => Ok(None),
        }
    }

    /// Up to `limit` rows of this beginning, in no order; none where it turns out to be none.
    fn list(
        &self,
        conn: &Connection,
        (lowest, highest): (i64, i64),
        limit: usize,
    ) -> rusqlite::Result<Option<Vec<i64>>> {
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
            Self::Pair {
                number,
                family,
                given,
            } => {
                let Some(texts) = pairs(conn, *number, family, given)? else {
                    return Ok(None);
                };
                let texts = Self::Texts {
                    texts,
                    exact: false,
                };
                return texts.list(conn, (lowest, highest), limit);
            }
            Self::Texts { texts, .. } => {
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
        Ok(Some(list))
    }
}

/// Beginnings of pairs: for each family name that begins so, with the given name's beginning. From one
/// family name the next is found by a leap over all pairs of the first. None where there are too many.
fn pairs(
    conn: &Connection,
    number: i64,
    family: &str,
    given: &str,
) -> rusqlite::Result<Option<Vec<(i64, String)>>> {
    let mut next = conn.prepare_cached(
        "SELECT text FROM fhir_text WHERE param = ?1 AND text >= ?2 AND text < ?3
         ORDER BY text LIMIT 1",
    )?;
    let end = format!("{family}{}", char::MAX);
    let mut from = family.to_owned();
    let mut texts = vec![(number, MANY_PAIRS.to_owned())];
    while texts.len() <= MOST_FAMILIES {
        let found: Option<String> = next
            .query_row((number, &from, &end), |row| row.get(0))
            .optional()?;
        let Some(found) = found else {
            return Ok(Some(texts));
        };
        let whole = found.split(BETWEEN).next().unwrap_or(&found);
        texts.push((number, joined(whole, given)));
        from = joined(whole, &char::MAX.to_string());
    }
    Ok(None)
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
