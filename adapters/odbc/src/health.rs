// SPDX-License-Identifier: Apache-2.0
//! Whether the database answers, what it is, and what an operator should know.

use silsila_source::{DateTime, Health, Value};

use crate::dialect::{Dialect, Page};
use crate::fault::{Asked, Problem};
use crate::parse;
use crate::session::{Known, Session};
use crate::sessions::Question;
use crate::text::Encoding;

/// Asks for a source's health.
pub(crate) struct HowAreYou {
    pub source: String,
}

impl Question for HowAreYou {
    type Answer = Health;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: &self.source,
            table: "",
        }
    }

    fn put(&self, session: &mut Session<'_>) -> Result<Health, Problem> {
        let dialect = session.known.dialect;
        let version = match dialect.version {
            Some(sql) => session.scalar(sql)?,
            None => None,
        };
        let clock = match dialect.clock {
            Some(sql) => session.scalar(sql)?,
            None => None,
        };
        let name = &session.known.dbms;
        Ok(Health {
            server: match version {
                Some(version) => format!("{name} {}", version.trim()),
                None => name.clone(),
            },
            tls: Some(travel(&dialect).to_owned()),
            clock: clock.as_deref().and_then(utc),
            notes: notes(&session.known),
        })
    }
}

/// How the data comes here, as far as can be said: the driver does not tell whether it encrypts.
fn travel(dialect: &Dialect) -> &'static str {
    match dialect.file {
        true => "a file, read through its driver",
        false => "encrypted as its driver was told",
    }
}

fn utc(text: &str) -> Option<DateTime> {
    let seconds = text.get(..19).unwrap_or(text);
    match parse::exact_moment(seconds) {
        Value::DateTime(at) => Some(DateTime {
            offset_minutes: Some(0),
            ..at
        }),
        _ => None,
    }
}

fn notes(known: &Known) -> Vec<String> {
    let mut notes = Vec::new();
    if !known.read_only {
        notes.push(format!(
            "{} cannot be told to hold a session read-only; that nothing is written rests on the user's privileges alone",
            known.dbms
        ));
    }
    if known.timeout.is_none() {
        notes.push(
            "the driver cannot be told how long a statement may take; the gateway gives up waiting, the server may not"
                .into(),
        );
    }
    if known.text == Encoding::Narrow && !known.dialect.file {
        notes.push(
            "the driver knows no UTF-16, so its text is taken for UTF-8; where it comes in two variants, use the Unicode one"
                .into(),
        );
    }
    if known.dialect.page == Page::Plain {
        notes.push(format!(
            "how {} limits rows is not known; every chunk asks for all rows that follow and stops reading early",
            known.dbms
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read_to_the_second() {
        let at = utc("2025-07-01 08:30:00.123").unwrap();
        assert_eq!((at.time.second, at.offset_minutes), (0, Some(0)));
        assert!(utc("now").is_none());
    }
}
