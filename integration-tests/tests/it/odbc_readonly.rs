// SPDX-License-Identifier: Apache-2.0
//! Nothing can be written through the adapter's session, not even by a view that writes when it is read.

use silsila_integration_tests::mariadb::Database;
use silsila_odbc::Odbc;
use silsila_source::{Scan, Source, SourceError};

use crate::odbc_compliance::mariadb_over_odbc;
use crate::odbc_ground::SqliteFile;
use crate::odbc_postgres::Postgres;

/// Reads a view that writes when it is read.
async fn read(source: &Odbc) -> SourceError {
    let columns = ["id".to_owned()];
    let scan = Scan {
        table: "tempting",
        columns: &columns,
        key: &columns,
        after: None,
        limit: 10,
    };
    source.scan(scan).await.unwrap_err()
}

#[tokio::test]
async fn postgresql_lets_no_view_write() {
    let skipped = "nothing tries to write through ODBC on PostgreSQL";
    let Some(server) = Postgres::start(skipped) else {
        return;
    };
    server.execute(
        "CREATE TABLE notes (id bigint PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'as it was');
         CREATE FUNCTION changes_it() RETURNS bigint LANGUAGE plpgsql AS
           $$ BEGIN UPDATE notes SET note = 'changed'; RETURN 1; END $$;
         CREATE VIEW tempting AS SELECT changes_it() + id AS id FROM notes;",
    );
    let source = server.source();
    let error = read(&source).await;
    assert!(error.to_string().contains("25006"), "{error}");
    // The very same reading in a session of another program writes.
    server.execute(
        "SELECT * FROM tempting; DO $$ BEGIN ASSERT (SELECT note FROM notes) = 'changed'; END $$;",
    );
    assert!(source.health().await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn mariadb_lets_no_view_write_also_for_the_owner() {
    let database = Database::new().await.unwrap();
    let skipped = "nothing tries to write through ODBC on MariaDB";
    let Some(source) = mariadb_over_odbc(&database, skipped) else {
        return;
    };
    let owner = format!("GRANT ALL ON `{0}`.* TO `{0}`@`127.0.0.1`", database.name);
    database.execute(&owner).await.unwrap();
    let setup = "CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(40)); INSERT INTO notes VALUES (1, 'as it was');
         CREATE FUNCTION changes_it() RETURNS INT SQL SECURITY DEFINER NOT DETERMINISTIC MODIFIES SQL DATA
           BEGIN UPDATE notes SET note = 'changed'; RETURN 1; END;
         CREATE VIEW tempting AS SELECT changes_it() + id AS id FROM (SELECT 1 AS id) AS one;";
    database.execute(setup).await.unwrap();
    let error = read(&source).await;
    assert!(error.to_string().contains("1792"), "{error}");
    assert!(source.health().await.unwrap().notes.is_empty());
}

#[tokio::test]
async fn an_operator_is_told_what_holds_a_session_read_only_and_what_does_not() {
    let Some(file) = SqliteFile::new("nobody is told about SQLite's driver") else {
        return;
    };
    let health = file.source().health().await.unwrap();
    assert!(health.server.starts_with("SQLite 3."), "{}", health.server);
    assert!(health.clock.is_some());
    let about_writing = health
        .notes
        .iter()
        .filter(|note| note.contains("read-only"));
    assert_eq!(about_writing.count(), 0, "{:?}", health.notes);
}
