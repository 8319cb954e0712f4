// SPDX-License-Identifier: Apache-2.0
//! What is said when the server refuses, is busy, or goes away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use silsila_integration_tests::mssql::{Database, Encryption, SqlServer};
use silsila_mssql::session::Session;
use silsila_mssql::{MsSql, MsSqlOptions};
use silsila_source::{Key, Row, Scan, Secret, Source, SourceError};

async fn table(database: &Database, rows: u32) {
    let rows: Vec<_> = (0..rows).map(|n| format!("({n}, N'row {n}')")).collect();
    let script = format!(
        "CREATE TABLE [t] ([id] int PRIMARY KEY, [n] nvarchar(20)); INSERT INTO [t] VALUES {}",
        rows.join(", ")
    );
    database.execute(&script).await.unwrap();
}

async fn scan(source: &MsSql, after: Option<&Key>, limit: usize) -> Result<Vec<Row>, SourceError> {
    let columns = ["id", "n"].map(String::from);
    let scan = Scan {
        table: "t",
        columns: &columns,
        key: &columns[..1],
        after,
        limit,
    };
    source.scan(scan).await
}

async fn refusal(options: MsSqlOptions) -> SourceError {
    MsSql::new(options).health().await.unwrap_err()
}

#[tokio::test]
async fn a_wrong_password_is_for_a_person_to_mend_and_is_not_repeated() {
    let database = Database::new().await.unwrap();
    let mut options = database.options();
    options.password = Secret::new("Meri-khufia-baat-9");
    let error = refusal(options).await;
    let text = error.to_string();
    assert!(!error.is_transient(), "{text}");
    assert!(
        text.starts_with("SRC0002 khi:") && text.contains("18456"),
        "{text}"
    );
    assert!(!text.contains("khufia"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let database = Database::new().await.unwrap();
    let mut options = database.options();
    options.database = "no_such_database".into();
    let text = refusal(options).await.to_string();
    assert!(
        text.starts_with("SRC0002 khi:")
            && text.contains("no_such_database")
            && text.contains("4060"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_another_try() {
    let port = silsila_integration_tests::free_port().unwrap();
    let error = refusal(SqlServer::reached(port).options("khi", "d", "u", "p")).await;
    assert!(error.is_transient() && error.code() == "SRC0001", "{error}");
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_told_from_one_that_is_not_there() {
    let database = Database::new().await.unwrap();
    table(&database, 3).await;
    let user = &database.name;
    database
        .execute(&format!("DENY SELECT ON [dbo].[t] TO [{user}]"))
        .await
        .unwrap();
    let error = scan(&database.source(), None, 9).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("229"), "{error}");
    let error = database.source().count("t").await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    let error = database.source().count("dbo.nowhere").await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Missing { what: "table", name, .. } if name == "dbo.nowhere"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_can_be_written_and_rights_too_many_are_pointed_out() {
    let database = Database::new().await.unwrap();
    table(&database, 3).await;
    let mut session = Session::open(&database.options()).await.unwrap();
    for sql in [
        "INSERT INTO [t] VALUES (9, N'x')",
        "UPDATE [t] SET [n] = N'x'",
        "DELETE FROM [t]",
        "DROP TABLE [t]",
        "CREATE TABLE [u] ([a] int)",
    ] {
        assert!(session.batch(sql).await.is_err(), "{sql}");
    }
    assert_eq!(database.source().count("t").await.unwrap(), 3);
    let health = database.source().health().await.unwrap();
    assert!(health.notes.is_empty(), "{health:?}");

    let user = &database.name;
    database
        .execute(&format!("GRANT INSERT ON [dbo].[t] TO [{user}]"))
        .await
        .unwrap();
    let notes = database.source().health().await.unwrap().notes;
    assert!(
        notes.len() == 1 && notes[0].contains("on 1 tables"),
        "{notes:?}"
    );
    database
        .execute(&format!("ALTER ROLE [db_owner] ADD MEMBER [{user}]"))
        .await
        .unwrap();
    let notes = database.source().health().await.unwrap().notes;
    assert!(
        notes[0].contains("db_owner") && notes[0].contains("UPDATE"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_lock_that_is_not_released_costs_no_more_than_was_agreed() {
    let database = Database::new().await.unwrap();
    table(&database, 3).await;
    let mut holder = database.admin().await.unwrap();
    holder
        .batch("BEGIN TRANSACTION; SELECT [id] FROM [t] WITH (TABLOCKX)")
        .await
        .unwrap();
    let mut options = database.options();
    options.lock_timeout = Duration::from_millis(300);
    let source = MsSql::new(options);
    let start = Instant::now();
    let error = scan(&source, None, 9).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("lock"),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    holder.batch("COMMIT").await.unwrap();
    assert_eq!(
        scan(&source, None, 9).await.unwrap().len(),
        3,
        "and the source goes on"
    );
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_and_the_next_has_a_connection_of_its_own() {
    let database = Database::new().await.unwrap();
    table(&database, 3).await;
    let mut holder = database.admin().await.unwrap();
    holder
        .batch("BEGIN TRANSACTION; SELECT [id] FROM [t] WITH (TABLOCKX)")
        .await
        .unwrap();
    let mut options = database.options();
    options.lock_timeout = Duration::from_secs(300);
    options.statement_timeout = Duration::from_millis(400);
    options.connections = 1;
    let source = MsSql::new(options);
    let error = scan(&source, None, 9).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("took longer"),
        "{error}"
    );
    holder.batch("COMMIT").await.unwrap();
    assert_eq!(scan(&source, None, 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_leaves_nothing_behind() {
    let database = Database::new().await.unwrap();
    table(&database, 900).await;
    let mut options = database.options();
    options.connections = 1;
    let source = MsSql::new(options);
    for n in 0..40 {
        let micros = 50 * n;
        let given_up =
            tokio::time::timeout(Duration::from_micros(micros), scan(&source, None, 900)).await;
        if let Ok(rows) = given_up {
            assert_eq!(rows.unwrap().len(), 900);
        }
        // Whatever the first left on its connection, the second reads its own answer.
        assert_eq!(
            scan(&source, None, 7).await.unwrap().len(),
            7,
            "after {micros} us"
        );
    }
}

#[tokio::test]
async fn a_scan_goes_on_where_it_was_when_the_server_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = SqlServer::stand_in_at(folder.path(), 0, Encryption::None).unwrap();
    let port = server.port();
    let database = Database::named(Arc::new(server), "hospital").await.unwrap();
    table(&database, 900).await;
    let source = database.source();
    let first = scan(&source, None, 400).await.unwrap();
    let after = first.last().unwrap().key(&["id"]).unwrap();

    Arc::into_inner(database.server).unwrap().stop().await;
    let error = scan(&source, Some(&after), 400).await.unwrap_err();
    assert!(error.is_transient(), "{error}");

    let _server = SqlServer::stand_in_at(folder.path(), port, Encryption::None).unwrap();
    let second = scan(&source, Some(&after), 400).await.unwrap();
    let after = second.last().unwrap().key(&["id"]).unwrap();
    let third = scan(&source, Some(&after), 400).await.unwrap();
    let mut seen: Vec<_> = [first, second, third].concat();
    seen.dedup_by_key(|row| row.key(&["id"]).unwrap().encode());
    assert_eq!(seen.len(), 900);
}
