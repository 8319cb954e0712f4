// SPDX-License-Identifier: Apache-2.0
//! What the server says of its log: whether it keeps one as we need it, where it ends, how far its tables
//! have come, and which rows it changes without logging them.

use mysql_async::Error;
use mysql_async::Row as RawRow;
use mysql_async::prelude::Queryable;

use super::position::Place;
use crate::fault::Asked;
use crate::select::quote;
use crate::sessions::{Problem, Question, Session};

const NOTHING: &[&str] = &[];

fn about(source: &str) -> Asked<'_> {
    Asked {
        source,
        table: "",
        columns: NOTHING,
    }
}

/// How the server keeps its log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Keeping {
    pub mariadb: bool,
    pub log_bin: bool,
    pub format: String,
    pub row_image: String,
    /// MySQL's `PARTIAL_JSON`, or nothing.
    pub value_options: String,
    pub gtid_mode: bool,
    /// Whether the server replicates another one and keeps what it takes over out of its own log.
    pub silent_replica: bool,
    /// The end, where we may ask for it.
    pub end: Option<Ending>,
}

/// The log's end, and the databases that go into it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ending {
    pub file: String,
    pub offset: u64,
    pub only: String,
    pub ignored: String,
}

const SETTINGS: &str = "'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_value_options', \
     'gtid_mode', 'log_slave_updates', 'log_replica_updates'";

/// How is the log kept?
pub(super) struct HowKept<'a> {
    pub source: &'a str,
}

impl Question for HowKept<'_> {
    type Answer = Keeping;

    fn asked(&self) -> Asked<'_> {
        about(self.source)
    }

    async fn put(&self, session: &mut Session) -> Result<Keeping, Problem> {
        let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({SETTINGS})");
        let found: Vec<(String, String)> = session.conn.query(sql).await?;
        let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Slave_running', 'Slaves_running')";
        let running: Vec<(String, String)> = session.conn.query(sql).await?;
        let replicates = running
            .iter()
            .any(|(_, value)| !matches!(&**value, "OFF" | "0"));
        let value = |name: &str| {
            let line = found.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            line.map(|(_, value)| value.to_ascii_uppercase())
        };
        let log_bin = value("log_bin").is_some_and(|v| v == "ON" || v == "1");
        Ok(Keeping {
            mariadb: session.server.is_mariadb(),
            log_bin,
            // A server that no longer has the setting has no other format either.
            format: value("binlog_format").unwrap_or_else(|| "ROW".into()),
            row_image: value("binlog_row_image").unwrap_or_else(|| "FULL".into()),
            value_options: value("binlog_row_value_options").unwrap_or_default(),
            gtid_mode: value("gtid_mode").is_some_and(|v| v == "ON"),
            silent_replica: replicates
                && ["log_slave_updates", "log_replica_updates"]
                    .into_iter()
                    .find_map(value)
                    .is_some_and(|v| v == "OFF"),
            end: if log_bin { end(session).await? } else { None },
        })
    }
}

/// Asks for the log's end under both of its names; `None` without the privilege.
async fn end(session: &mut Session) -> Result<Option<Ending>, Problem> {
    let ask = if session.server.says_binary_log_status() {
        "SHOW BINARY LOG STATUS"
    } else {
        "SHOW MASTER STATUS"
    };
    let row: Option<RawRow> = match session.conn.query_first(ask).await {
        Ok(row) => row,
        Err(Error::Server(error)) if matches!(error.code, 1227 | 1142 | 1045) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(row.map(|row| {
        let text = |i: usize| {
            row.get::<Option<String>, _>(i)
                .flatten()
                .unwrap_or_default()
        };
        Ending {
            file: text(0),
            offset: row.get::<Option<u64>, _>(1).flatten().unwrap_or_default(),
            only: text(2),
            ignored: text(3),
        }
    }))
}

/// How far have the tables come, in terms of the log? (MariaDB; elsewhere no answer.) The server writes
/// its log before its tables: what we read in the one a moment ago may not be in the other yet.
pub(super) struct HowFar<'a> {
    pub source: &'a str,
}

impl Question for HowFar<'_> {
    type Answer = Option<Place>;

    fn asked(&self) -> Asked<'_> {
        about(self.source)
    }

    async fn put(&self, session: &mut Session) -> Result<Option<Place>, Problem> {
        let conn = &mut session.conn;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            .await?;
        let sql = "SHOW STATUS WHERE Variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')";
        let found: Vec<(String, String)> = conn.query(sql).await?;
        conn.query_drop("ROLLBACK").await?;
        let value = |name: &str| {
            let line = found.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            line.map(|(_, value)| value.clone())
                .filter(|v| !v.is_empty())
        };
        let file = value("Binlog_snapshot_file");
        let offset = value("Binlog_snapshot_position").and_then(|v| v.parse().ok());
        Ok(file
            .zip(offset)
            .map(|(file, offset)| Place::unread(file, offset)))
    }
}

/// Is this transaction in the tables? (MySQL with GTIDs)
pub(super) struct IsExecuted<'a> {
    pub source: &'a str,
    pub gtid: &'a str,
}

impl Question for IsExecuted<'_> {
    type Answer = bool;

    fn asked(&self) -> Asked<'_> {
        about(self.source)
    }

    async fn put(&self, session: &mut Session) -> Result<bool, Problem> {
        let sql = "SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed)";
        let found: Option<i64> = session.conn.exec_first(sql, (self.gtid,)).await?;
        Ok(found == Some(1))
    }
}

/// A foreign key by which the engine changes rows of another table without logging them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cascade {
    pub parent: String,
    /// The parent's column that is referred to.
    pub column: String,
    pub child: String,
    pub on_delete: bool,
    pub on_update: bool,
}

/// Which rows of a table change without being logged, because rows of another do? A reading user is not shown
/// `information_schema`'s lists of foreign keys, but the statement that would make the table.
pub(super) struct WhichCascade<'a> {
    pub source: &'a str,
    pub table: &'a str,
}

impl Question for WhichCascade<'_> {
    type Answer = Vec<Cascade>;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: self.table,
            columns: NOTHING,
        }
    }

    async fn put(&self, session: &mut Session) -> Result<Vec<Cascade>, Problem> {
        let sql = format!("SHOW CREATE TABLE {}", quote(self.table));
        let row: Option<RawRow> = match session.conn.query_first(sql).await {
            Ok(row) => row,
            // A view, or a table that is gone by now.
            Err(Error::Server(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let text = row.and_then(|row| row.get::<Option<String>, _>(1).flatten());
        Ok(cascades(self.table, &text.unwrap_or_default()))
    }
}

/// The foreign keys in a CREATE TABLE as the server writes it, one to a line.
fn cascades(child: &str, created: &str) -> Vec<Cascade> {
    let foreign = created.lines().filter_map(|line| {
        let (_, references) = line
            .split_once(" FOREIGN KEY ")?
            .1
            .split_once(" REFERENCES ")?;
        let (parent, rest) = name(references.trim_start())?;
        let columns = rest.trim_start().strip_prefix('(')?;
        let (column, rest) = name(columns)?;
        let spreads = |on: &str| {
            let rule = rest.split_once(on).map(|(_, rule)| rule.trim_start());
            rule.is_some_and(|r| r.starts_with("CASCADE") || r.starts_with("SET "))
        };
        Some(Cascade {
            parent,
            column,
            child: child.to_owned(),
            on_delete: spreads("ON DELETE"),
            on_update: spreads("ON UPDATE"),
        })
    });
    foreign.filter(|c| c.on_delete || c.on_update).collect()
}

/// A name in backticks at the beginning of a text, and what follows it.
fn name(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

impl Keeping {
    /// What is missing for the log to be followed, and what it will not tell.
    pub fn judge(&self, database: &str) -> (Vec<String>, Vec<String>) {
        let (mut missing, mut notes) = (Vec::new(), Vec::new());
        if !self.log_bin {
            missing.push("the server keeps no binary log: set log_bin and restart it".to_owned());
            return (missing, notes);
        }
        if self.format != "ROW" {
            let format = &self.format;
            missing.push(format!("binlog_format is {format}: set it to ROW"));
        }
        if self.silent_replica {
            missing.push(
                "the server is a replica whose own log leaves out what it replicates: set log_slave_updates"
                    .to_owned(),
            );
        }
        if self.value_options.contains("PARTIAL_JSON") {
            missing.push("binlog_row_value_options is PARTIAL_JSON: leave it empty".to_owned());
        }
        match &self.end {
            None => missing.push(format!(
                "the user lacks the privilege {}",
                if self.mariadb {
                    "BINLOG MONITOR (before 10.5: REPLICATION CLIENT)"
                } else {
                    "REPLICATION CLIENT"
                }
            )),
            Some(end) if !end.logs(database) => missing.push(format!(
                "the log leaves out the database {database:?} (binlog-do-db or binlog-ignore-db)"
            )),
            Some(_) => {}
        }
        if self.row_image != "FULL" && self.row_image != "FULL_NODUP" {
            let image = &self.row_image;
            notes.push(format!(
                "binlog_row_image is {image}: where a row moved away from, the sweep finds out; with FULL the log tells"
            ));
        }
        if !self.mariadb && !self.gtid_mode {
            notes.push(
                "gtid_mode is off: changes are read half a second late, because nothing else tells when they are in the tables"
                    .to_owned(),
            );
        }
        (missing, notes)
    }
}

impl Ending {
    fn logs(&self, database: &str) -> bool {
        let names = |list: &str| list.split(',').any(|name| name.trim() == database);
        (self.only.is_empty() || names(&self.only)) && !names(&self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Keeping {
        Keeping {
            mariadb: true,
            log_bin: true,
            format: "ROW".into(),
            row_image: "FULL".into(),
            end: Some(Ending::default()),
            ..Keeping::default()
        }
    }

    fn missing(keeping: &Keeping, expect: &[&str]) {
        let (missing, _) = keeping.judge("mpk");
        assert_eq!(missing.len(), expect.len(), "{missing:?}");
        for (sentence, part) in missing.iter().zip(expect) {
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[test]
    fn each_thing_that_is_missing_is_named() {
        missing(&good(), &[]);
        missing(&Keeping::default(), &["log_bin"]);
        let wrong = Keeping {
            format: "MIXED".into(),
            value_options: "PARTIAL_JSON".into(),
            silent_replica: true,
            end: None,
            ..good()
        };
        missing(
            &wrong,
            &[
                "MIXED",
                "log_slave_updates",
                "PARTIAL_JSON",
                "BINLOG MONITOR",
            ],
        );
    }

    #[test]
    fn a_log_that_leaves_our_database_out_is_of_no_use() {
        let filtered = |only: &str, ignored: &str| Keeping {
            end: Some(Ending {
                only: only.into(),
                ignored: ignored.into(),
                ..Ending::default()
            }),
            ..good()
        };
        missing(&filtered("a,mpk", ""), &[]);
        missing(&filtered("a", ""), &["binlog-do-db"]);
        missing(&filtered("", "mysql, mpk"), &["binlog-ignore-db"]);
    }

    #[test]
    fn foreign_keys_that_spread_are_read_from_the_tables_own_statement() {
        let created = "CREATE TABLE `tests` (\n  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`),\n  KEY `p` (`patient`),\n  \
             CONSTRAINT `a` FOREIGN KEY (`patient`) REFERENCES `old``er` (`pid`, `x`) ON DELETE SET NULL,\n  \
             CONSTRAINT `b` FOREIGN KEY (`doctor`) REFERENCES `doctors` (`id`) ON DELETE NO ACTION ON UPDATE CASCADE,\n  \
             CONSTRAINT `c` FOREIGN KEY (`ward`) REFERENCES `wards` (`id`)\n) ENGINE=InnoDB";
        let cascade = |parent: &str, column: &str, on_delete| Cascade {
            parent: parent.into(),
            column: column.into(),
            child: "tests".into(),
            on_delete,
            on_update: !on_delete,
        };
        let expect = [
            cascade("old`er", "pid", true),
            cascade("doctors", "id", false),
        ];
        assert_eq!(cascades("tests", created), expect);
    }

    #[test]
    fn images_without_all_columns_are_noted() {
        let minimal = Keeping {
            row_image: "MINIMAL".into(),
            ..good()
        };
        assert!(minimal.judge("mpk").1[0].contains("MINIMAL"));
        assert!(good().judge("mpk").1.is_empty());
    }
}
