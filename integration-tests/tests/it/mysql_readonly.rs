// SPDX-License-Identifier: Apache-2.0
//! Nothing can be written: not by the user, and not through the adapter's own session by any user.

use mysql_async::prelude::Queryable;
use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::{MySql, session};
use silsila_source::compliance::{Fixture, run};
use silsila_source::{Scan, Source};

use crate::mysql_compliance::{create, fill};

/// Every way of changing a database that a legacy hospital would notice.
const WRITES: &[&str] = &[
    "INSERT INTO notes VALUES (2, 'x')",
    "REPLACE INTO notes VALUES (1, 'x')",
    "UPDATE notes SET note = 'x'",
    "DELETE FROM notes",
    "TRUNCATE TABLE notes",
    "DROP TABLE notes",
    "ALTER TABLE notes ADD COLUMN x INT",
    "CREATE TABLE more (id INT)",
    "CREATE INDEX i ON notes (note)",
    "CREATE VIEW v AS SELECT * FROM notes",
    "RENAME TABLE notes TO other",
    "INSERT INTO notes SELECT id + 1, note FROM notes",
    "CALL change_it()",
    "SELECT changes_it()",
];

const SETUP: &str = "
CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(40)); INSERT INTO notes VALUES (1, 'as it was');
CREATE PROCEDURE change_it() SQL SECURITY DEFINER UPDATE notes SET note = 'changed';
CREATE FUNCTION changes_it() RETURNS INT SQL SECURITY DEFINER NOT DETERMINISTIC MODIFIES SQL DATA
  BEGIN UPDATE notes SET note = 'changed'; RETURN 1; END";

/// The table's rows and the names of all tables, as the administrator sees them.
async fn state(database: &Database) -> String {
    let mut conn = database
        .server()
        .unwrap()
        .admin(Some(&database.name))
        .await
        .unwrap();
    let rows: Vec<(i64, String)> = conn.query("SELECT * FROM notes").await.unwrap();
    let tables: Vec<String> = conn.query("SHOW TABLES").await.unwrap();
    let columns: Vec<String> = conn
        .query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()")
        .await
        .unwrap();
    conn.disconnect().await.unwrap();
    format!("{rows:?} {tables:?} {columns:?}")
}

#[tokio::test]
async fn the_server_refuses_every_write_through_the_adapters_session_even_for_the_owner() {
    let database = Database::new().await.unwrap();
    database.execute(SETUP).await.unwrap();
    let before = state(&database).await;
    // The worst case: the integrator has given the gateway the hospital's own user.
    let owner = format!("GRANT ALL ON `{0}`.* TO `{0}`@`127.0.0.1`", database.name);
    database.execute(&owner).await.unwrap();
    let mut conn = session::open(&database.options()).await.unwrap();
    for write in WRITES {
        let refused = conn.query_drop(*write).await;
        let code = match &refused {
            Err(mysql_async::Error::Server(error)) => error.code,
            other => panic!("{write}: {other:?}"),
        };
        assert_eq!(code, 1792, "{write}: {refused:?}"); // cannot execute in a READ ONLY transaction
    }
    conn.disconnect().await.unwrap();
    assert_eq!(state(&database).await, before);
}

#[tokio::test]
async fn the_reading_user_can_write_nothing_even_without_the_adapter() {
    let database = Database::new().await.unwrap();
    database.execute(SETUP).await.unwrap();
    let before = state(&database).await;
    let mut conn = session::open(&database.options()).await.unwrap();
    conn.query_drop("SET SESSION TRANSACTION READ WRITE")
        .await
        .unwrap();
    for write in WRITES {
        let refused = conn.query_drop(*write).await;
        assert!(
            matches!(&refused, Err(mysql_async::Error::Server(e)) if matches!(e.code, 1142 | 1370 | 1044)),
            "{write}: {refused:?}"
        );
    }
    conn.disconnect().await.unwrap();
    assert_eq!(state(&database).await, before);
}

#[tokio::test]
async fn a_user_that_may_write_is_pointed_out_and_one_that_may_not_is_not() {
    let database = Database::new().await.unwrap();
    let health = database.source().health().await.unwrap();
    assert!(health.server.starts_with("MariaDB 1"), "{}", health.server);
    assert_eq!((health.notes.as_slice(), health.tls), ([].as_slice(), None));
    assert_eq!(health.clock.unwrap().offset_minutes, Some(0));
    let grant = format!(
        "GRANT INSERT, DELETE ON `{0}`.* TO `{0}`@`127.0.0.1`",
        database.name
    );
    database.execute(&grant).await.unwrap();
    let notes = database.source().health().await.unwrap().notes;
    assert!(
        notes.len() == 1 && notes[0].contains("INSERT, DELETE"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_table_are_told_apart() {
    let database = Database::new().await.unwrap();
    let mut options = database.options();
    options.password = silsila_source::Secret::new("guessed");
    let error = MySql::new(options).schema().await.unwrap_err();
    assert!(error.to_string().starts_with("SRC0002 mpk:"), "{error}");
    assert!(!error.to_string().contains("guessed"));
    // A table that exists and may not be read.
    database
        .execute("CREATE TABLE secret (id INT PRIMARY KEY)")
        .await
        .unwrap();
    let revoke = format!(
        "REVOKE SELECT ON `{0}`.* FROM `{0}`@`127.0.0.1`; CREATE TABLE open (id INT PRIMARY KEY); GRANT SELECT ON `{0}`.open TO `{0}`@`127.0.0.1`",
        database.name
    );
    database.execute(&revoke).await.unwrap();
    let columns = ["id".to_owned()];
    let scan = Scan {
        table: "secret",
        columns: &columns,
        key: &columns,
        after: None,
        limit: 1,
    };
    let error = database.source().scan(scan).await.unwrap_err().to_string();
    assert!(
        error.starts_with("SRC0002 mpk:") && error.contains("secret"),
        "{error}"
    );
}

/// What one statement in a general log begins with, without its time, connection and command.
fn statements_of(log: &str, user: &str) -> Vec<String> {
    let mut ours = Vec::new();
    let mut found = Vec::new();
    for line in log.lines() {
        let Some((front, argument)) = line.rsplit_once('\t') else {
            continue;
        };
        let mut words = front.split_whitespace().rev();
        let (Some(command), Some(connection)) = (words.next(), words.next()) else {
            continue;
        };
        if command == "Connect" && argument.starts_with(&format!("{user}@")) {
            ours.push(connection.to_owned());
        }
        let asks = matches!(command, "Query" | "Prepare" | "Execute");
        if asks && ours.iter().any(|c| c == connection) {
            found.push(argument.trim().to_owned());
        }
    }
    found
}

#[tokio::test]
async fn nothing_but_reads_is_ever_sent() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("general.log");
    let server = MariaDb::start(MariaDbOptions {
        arguments: vec![
            "--general-log=1".into(),
            format!("--general-log-file={}", log.display()),
        ],
        ..MariaDbOptions::default()
    })
    .await
    .unwrap();
    let database = Database::on(&server, "watched").await.unwrap();
    let fixture = Fixture::standard();
    for sample in &fixture.samples {
        let sql = format!("{}{}", create(sample), fill(sample));
        server.execute(Some("watched"), &sql).await.unwrap();
    }
    run(&MySql::new(database.options()), &fixture)
        .await
        .assert_all_hold();
    let log = std::fs::read_to_string(log).unwrap();
    let sent = statements_of(&log, &database.name);
    let mut settings: Vec<_> = sent.iter().filter(|s| s.starts_with("SET ")).collect();
    settings.sort();
    settings.dedup();
    assert_eq!(
        settings,
        [
            "SET NAMES utf8mb4",
            "SET SESSION TRANSACTION READ ONLY",
            "SET SESSION time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES', max_statement_time=60.000",
        ]
    );
    let reads = ["SELECT ", "SHOW ", "SET "];
    let others: Vec<_> = sent
        .iter()
        .filter(|s| !reads.iter().any(|r| s.starts_with(r)))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let selects = sent.iter().filter(|s| s.starts_with("SELECT ")).count();
    assert!(selects > 1_000, "the suite asked {selects} questions");
}
