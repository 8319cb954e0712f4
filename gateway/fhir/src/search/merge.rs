// SPDX-License-Identifier: Apache-2.0
//! Walking the rows of several texts in the order of commits. The rows of one text lie in that order;
//! those of all texts with one beginning do not, so a page of a common name would have to read every row
//! of it. Instead the texts are listed, and their rows are merged for as long as somebody wants more.

use std::collections::{BinaryHeap, VecDeque};

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _};

use crate::refusal::Refusal;

/// The most texts that are merged: the spellings that share one beginning.
const MOST_TEXTS: usize = 64;
/// Rows of a text that are read at once.
const STEP: i64 = 16;

/// A parameter's number and a text of it.
pub type Text = (i64, String);

/// The whole texts with these beginnings. None where there are too many to be merged.
pub fn spelt_out(conn: &Connection, beginnings: &[Text]) -> rusqlite::Result<Option<Vec<Text>>> {
    let mut next = conn.prepare_cached(
        "SELECT text FROM fhir_text WHERE param = ?1 AND text >= ?2 AND text < ?3
         ORDER BY text LIMIT 1",
    )?;
    let mut texts = Vec::new();
    for (param, beginning) in beginnings {
        let end = format!("{beginning}{}", char::MAX);
        let mut from = beginning.clone();
        while let Some(text) = next
            .query_row((param, &from, &end), |row| row.get::<_, String>(0))
            .optional()?
        {
            if texts.len() == MOST_TEXTS {
                return Ok(None);
            }
            from = format!("{text}\0");
            texts.push((*param, text));
        }
    }
    Ok(Some(texts))
}

/// Hands the versions that have any of the texts, between two entries, to `visit`, each once, until it
/// says stop. Says whether it came to the end.
pub fn walk(
    conn: &Connection,
    texts: &[Text],
    within: (i64, i64),
    newest_first: bool,
    visit: &mut dyn FnMut(i64) -> Result<bool, Refusal>,
) -> Result<bool, Refusal> {
    let mut streams: Vec<_> = texts
        .iter()
        .map(|text| Stream::new(text, within, newest_first))
        .collect();
    // The heap gives the greatest first, so the oldest must be the greatest where they come first.
    let rank = |vid: i64| if newest_first { vid } else { -vid };
    let mut heads = BinaryHeap::new();
    for (place, stream) in streams.iter_mut().enumerate() {
        heads.extend(stream.next(conn)?.map(|vid| (rank(vid), place)));
    }
    let mut last = None;
    while let Some((ranked, place)) = heads.pop() {
        heads.extend(streams[place].next(conn)?.map(|vid| (rank(vid), place)));
        // Two names of one patient are one candidate.
        if last.replace(ranked) != Some(ranked) && !visit(rank(ranked))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows of one text that are still to come.
struct Stream<'t> {
    text: &'t Text,
    within: (i64, i64),
    newest_first: bool,
    read: VecDeque<i64>,
    ended: bool,
}

impl<'t> Stream<'t> {
    fn new(text: &'t Text, within: (i64, i64), newest_first: bool) -> Self {
        Self {
            text,
            within,
            newest_first,
            read: VecDeque::new(),
            ended: false,
        }
    }

    fn next(&mut self, conn: &Connection) -> rusqlite::Result<Option<i64>> {
        if self.read.is_empty() && !self.ended {
            self.fill(conn)?;
        }
        Ok(self.read.pop_front())
    }

    fn fill(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let mut find = conn.prepare_cached(if self.newest_first {
            "SELECT vid FROM fhir_text WHERE param = ?1 AND text = ?2 AND vid BETWEEN ?3 AND ?4
             ORDER BY vid DESC LIMIT ?5"
        } else {
            "SELECT vid FROM fhir_text WHERE param = ?1 AND text = ?2 AND vid BETWEEN ?3 AND ?4
             ORDER BY vid LIMIT ?5"
        })?;
        let ((param, text), (low, high)) = (self.text, self.within);
        let rows = find.query_map((param, text, low, high, STEP), |row| row.get(0))?;
        self.read = rows.collect::<Result<_, _>>()?;
        match self.read.back() {
            Some(last) if self.newest_first => self.within.1 = last - 1,
            Some(last) => self.within.0 = last + 1,
            None => self.ended = true,
        }
        Ok(())
    }
}
