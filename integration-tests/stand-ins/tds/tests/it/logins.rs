// SPDX-License-Identifier: Apache-2.0
//! Who gets in, and what they may do.

use silsila_mssql::session::Session;

use crate::place::{PASSWORD, Place, ask, error, options, run};

#[tokio::test]
async fn it_says_that_it_is_a_stand_in() {
    let place = Place::new().await;
    let mut session = place.admin("master").await;
    let version = ask(&mut session, "SELECT @@VERSION").await;
    assert!(
        version[0].contains("stand-in") && version[0].contains("not Microsoft SQL Server"),
        "{version:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_an_unknown_login_and_an_unknown_database_are_refused() {
    let place = Place::new().await;
    for (database, user, password, expect) in [
        ("master", "sa", "wrong", "18456"),
        ("master", "nobody", PASSWORD, "18456"),
        ("nowhere", "sa", PASSWORD, "4060"),
    ] {
        let opened = Session::open(&place.options(database, user, password)).await;
        let text = opened.map(drop).unwrap_err().to_string();
        assert!(text.contains(expect), "{text}");
    }
}

#[tokio::test]
async fn a_reader_reads_and_does_nothing_else() {
    let place = Place::new().await;
    let mut admin = place.admin("master").await;
    run(&mut admin, "CREATE DATABASE [h]; USE [h]; CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 2)").await;
    let mut reader = place.reader("h").await;
    assert_eq!(ask(&mut reader, "SELECT n FROM t").await, ["I32(Some(2))"]);
    for (sql, expect) in [
        ("INSERT INTO t VALUES (2, 2)", 229),
        ("UPDATE t SET n = 3", 229),
        ("DELETE t", 229),
        ("CREATE TABLE u (a int)", 262),
        ("DROP TABLE t", 262),
        ("DROP DATABASE h", 262),
        ("GRANT INSERT TO reader", 262),
        ("USE master", 916),
    ] {
        assert_eq!(error(&mut reader, sql).await, expect, "{sql}");
    }
    assert_eq!(
        ask(&mut reader, "SELECT COUNT_BIG(*) FROM t").await,
        ["I64(Some(1))"]
    );
    run(&mut admin, "DENY SELECT ON t TO reader").await;
    assert_eq!(error(&mut reader, "SELECT n FROM t").await, 229);
    assert!(
        ask(
            &mut reader,
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"
        )
        .await
        .is_empty()
    );
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let place = Place::new().await;
    let mut admin = place.admin("master").await;
    run(&mut admin, "CREATE DATABASE [h]; USE [h]; CREATE TABLE t (id int IDENTITY PRIMARY KEY, n nvarchar(9), v rowversion); INSERT INTO t (n) VALUES (N'اردو')").await;
    drop(place.reader("h").await);
    let before = ask(&mut admin, "SELECT v FROM t").await;
    let (folder, port) = (place.folder, place.server.port());
    place.server.stop().await;

    let server = silsila_tds_stand_in::StandIn::start(options(folder.path(), port)).unwrap();
    let place = Place { folder, server };
    let mut reader = Session::open(&place.options("h", "reader", "r"))
        .await
        .unwrap();
    assert_eq!(
        ask(&mut reader, "SELECT n FROM t").await,
        ["String(Some(\"اردو\"))"]
    );
    assert_eq!(ask(&mut reader, "SELECT v FROM t").await, before);
    let mut admin = place.admin("h").await;
    run(&mut admin, "INSERT INTO t (n) VALUES (N'b')").await;
    assert_eq!(
        ask(&mut reader, "SELECT id FROM t ORDER BY v").await,
        ["I32(Some(1))", "I32(Some(2))"]
    );
}

#[tokio::test]
async fn a_login_that_was_dropped_gets_in_no_more() {
    let place = Place::new().await;
    drop(place.reader("master").await);
    let mut admin = place.admin("master").await;
    run(&mut admin, "DROP LOGIN [reader]").await;
    assert_eq!(error(&mut admin, "DROP LOGIN [reader]").await, 15_151);
    let opened = Session::open(&place.options("master", "reader", "r")).await;
    assert!(opened.map(drop).unwrap_err().to_string().contains("18456"));
}
