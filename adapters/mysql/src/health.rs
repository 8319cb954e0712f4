// SPDX-License-Identifier: Apache-2.0
//! Whether the server answers, what it is, and what an operator should know.

use mysql_async::Value as Raw;
use mysql_async::prelude::Queryable;
use silsila_source::{Health, Value};

use crate::fault::Asked;
use crate::sessions::{Problem, Question, Session};
use crate::types::{Shape, read};

/// Privileges that cannot change a database.
const HARMLESS: &[&str] = &[
    "USAGE",
    "SELECT",
    "SHOW VIEW",
    "SHOW DATABASES",
    "REPLICATION CLIENT",
    "REPLICATION SLAVE",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
];

pub(crate) struct HowAreYou<'a> {
    pub source: &'a str,
}

impl Question for HowAreYou<'_> {
    type Answer = Health;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "",
            columns: &[],
        }
    }

    async fn put(&self, session: &mut Session) -> Result<Health, Problem> {
        let conn = &mut session.conn;
        let clock: Option<Raw> = conn.exec_first("SELECT UTC_TIMESTAMP()", ()).await?;
        let tls: Vec<(String, String)> = conn
            .query("SHOW SESSION STATUS WHERE Variable_name IN ('Ssl_version', 'Ssl_cipher')")
            .await?;
        let grants: Vec<String> = conn.query("SHOW GRANTS FOR CURRENT_USER()").await?;
        let mut notes = Vec::new();
        if !session.server.holds_read_only() {
            notes.push(format!(
                "{} cannot hold a session read-only; that nothing is written rests on the user's privileges alone",
                session.server.name
            ));
        }
        notes.extend(too_much(&grants));
        Ok(Health {
            server: session.server.name.clone(),
            tls: encryption(tls),
            clock: clock.and_then(utc),
            notes,
        })
    }
}

fn utc(raw: Raw) -> Option<silsila_source::DateTime> {
    match read(Shape::Timestamp, raw, false) {
        Ok(Value::DateTime(at)) => Some(at),
        _ => None,
    }
}

/// `TLSv1.3 TLS_AES_256_GCM_SHA384`, or `None` in plain text.
fn encryption(mut status: Vec<(String, String)>) -> Option<String> {
    status.sort_by(|a, b| b.cmp(a)); // the version before the cipher
    let parts: Vec<_> = status
        .into_iter()
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// A note if the user may do more than read.
fn too_much(grants: &[String]) -> Option<String> {
    let mut found: Vec<String> = Vec::new();
    for grant in grants {
        for privilege in privileges(grant) {
            if !HARMLESS.contains(&privilege.as_str()) && !found.contains(&privilege) {
                found.push(privilege);
            }
        }
    }
    (!found.is_empty()).then(|| {
        format!(
            "the user may do more than read ({}); give it SELECT alone",
            found.join(", ")
        )
    })
}

/// The privileges that one line of SHOW GRANTS names: `GRANT SELECT (a, b), INSERT ON x TO y` gives SELECT
/// and INSERT. A role is reported as such. Nothing after ON is looked at, where a password's hash may be.
fn privileges(grant: &str) -> Vec<String> {
    let Some(rest) = grant.strip_prefix("GRANT ") else {
        return Vec::new();
    };
    let Some(end) = outside_parentheses(rest).find(" ON ") else {
        return vec!["a role".into()];
    };
    let mut named: Vec<String> = outside_parentheses(&rest[..end])
        .split(',')
        .map(|p| p.trim().to_ascii_uppercase())
        .collect();
    if rest.contains(" WITH GRANT OPTION") {
        named.push("GRANT OPTION".into());
    }
    named
}

/// The text with every list of columns blanked, byte for byte.
fn outside_parentheses(text: &str) -> String {
    let mut depth = 0usize;
    let blanked = text.bytes().map(|b| {
        match b {
            b'(' => depth += 1,
            b')' => {
                depth = depth.saturating_sub(1);
                return b' ';
            }
            _ => {}
        }
        if depth > 0 { b' ' } else { b }
    });
    String::from_utf8_lossy(&blanked.collect::<Vec<_>>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grants: &[&str], expect: Option<&str>) {
        let grants: Vec<_> = grants.iter().map(|g| (*g).to_owned()).collect();
        let note = too_much(&grants);
        match (&note, expect) {
            (None, None) => {}
            (Some(note), Some(part)) => assert!(note.contains(part), "{note}"),
            _ => panic!("{note:?} where {expect:?} was expected"),
        }
    }

    #[test]
    fn a_user_that_may_only_read_draws_no_note() {
        check(
            &[
                "GRANT USAGE ON *.* TO `silsila`@`localhost` IDENTIFIED BY PASSWORD '*2470C0C06DEE'",
                "GRANT SELECT, SHOW VIEW ON `mirpurkhas`.* TO `silsila`@`localhost`",
                "GRANT SELECT (`name`, `id`) ON `m`.`doctors` TO `silsila`@`localhost`",
            ],
            None,
        );
    }

    #[test]
    fn every_further_privilege_is_named_once_and_no_hash_is_shown() {
        check(
            &[
                "GRANT SELECT, INSERT, UPDATE (`a`) ON `m`.* TO `app`@`%`",
                "GRANT INSERT ON `n`.* TO `app`@`%`",
            ],
            Some("(INSERT, UPDATE)"),
        );
        let root = "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED BY PASSWORD '*AB' WITH GRANT OPTION";
        check(&[root], Some("(ALL PRIVILEGES, GRANT OPTION)"));
        check(&["GRANT `clerk` TO `app`@`%`"], Some("a role"));
    }

    #[test]
    fn encryption_is_shown_version_first() {
        let status = |version: &str, cipher: &str| {
            encryption(vec![
                ("Ssl_cipher".into(), cipher.into()),
                ("Ssl_version".into(), version.into()),
            ])
        };
        assert_eq!(status("", ""), None);
        assert_eq!(status("TLSv1.3", "X").as_deref(), Some("TLSv1.3 X"));
    }
}
