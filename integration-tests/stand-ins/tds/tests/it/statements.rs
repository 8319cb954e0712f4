// SPDX-License-Identifier: Apache-2.0
//! What statements give, as a driver sees it.

use std::time::{Duration, Instant};

use crate::place::{Place, ask, error, run};

async fn database(place: &Place) -> silsila_mssql::session::Session {
    let mut admin = place.admin("master").await;
    run(&mut admin, "CREATE DATABASE [h]; USE [h]").await;
    admin
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_stored() {
    let place = Place::new().await;
    let mut session = database(&place).await;
    for (ty, literal, expect) in [
        ("bit", "1", "Bit(Some(true))"),
        ("tinyint", "255", "U8(Some(255))"),
        ("smallint", "-32768", "I16(Some(-32768))"),
        ("int", "-2147483648", "I32(Some(-2147483648))"),
        ("bigint", "9007199254740993", "I64(Some(9007199254740993))"),
        (
            "decimal(38,10)",
            "-1234567890123456789012345678.0123456789",
            "Numeric(Some(-1234567890123456789012345678.0123456789))",
        ),
        ("numeric(5,2)", "7.1", "Numeric(Some(7.10))"),
        ("real", "98.6", "F32(Some(98.6))"),
        ("float", "-1.5e-7", "F64(Some(-1.5e-7))"),
        ("char(3)", "'M'", "String(Some(\"M  \"))"),
        ("varchar(20)", "'Zoë ش'", "String(Some(\"Zoë ?\"))"),
        ("nchar(3)", "N'م'", "String(Some(\"م  \"))"),
        ("nvarchar(20)", "N'محمد علی'", "String(Some(\"محمد علی\"))"),
        ("nvarchar(max)", "N''", "String(Some(\"\"))"),
        ("varchar(max)", "'it''s'", "String(Some(\"it's\"))"),
        ("binary(3)", "0x0102", "Binary(Some([1, 2, 0]))"),
        ("varbinary(max)", "0xFF00", "Binary(Some([255, 0]))"),
        (
            "uniqueidentifier",
            "'513952D6-DF55-4D6E-A33C-3DD65EC73A2A'",
            "Guid(Some(513952d6-df55-4d6e-a33c-3dd65ec73a2a))",
        ),
    ] {
        run(&mut session, &format!("CREATE TABLE t (a {ty} NULL, b {ty} NOT NULL); INSERT INTO t VALUES ({literal}, {literal}), (NULL, {literal})")).await;
        assert_eq!(
            ask(&mut session, "SELECT b FROM t").await[0],
            expect,
            "{ty}, never NULL"
        );
        let nullable = ask(&mut session, "SELECT a FROM t").await;
        assert_eq!(nullable[0], expect, "{ty}");
        assert!(nullable[1].ends_with("(None)"), "{ty}: {nullable:?}");
        let here = ask(&mut session, "SELECT b FROM t WHERE a = b").await;
        assert_eq!(here.len(), 1, "{ty}");
        run(&mut session, "DROP TABLE t").await;
    }
}

#[tokio::test]
async fn a_long_text_travels_in_many_packets() {
    let place = Place::new().await;
    let mut session = database(&place).await;
    let long = "اردو میمو ".repeat(20_000);
    run(
        &mut session,
        &format!("CREATE TABLE t (n nvarchar(max)); INSERT INTO t VALUES (N'{long}')"),
    )
    .await;
    assert_eq!(
        ask(&mut session, "SELECT n FROM t").await,
        [format!("String(Some({long:?}))")]
    );
}

#[tokio::test]
async fn errors_bear_their_numbers_and_leave_the_session_sound() {
    let place = Place::new().await;
    let mut session = database(&place).await;
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY, n nvarchar(3) NOT NULL, c int CHECK (c IN (1, 2)), v rowversion, k int IDENTITY)").await;
    run(&mut session, "INSERT INTO t (id, n) VALUES (1, N'a')").await;
    for (sql, expect) in [
        ("SELECT a FROM nowhere", 208),
        ("SELECT a FROM t", 207),
        ("SELECT id FROM t WHERE nope = 1", 207),
        ("SELECT id FROM t ORDER BY nope", 207),
        ("SELEC id FROM t", 50_000),
        ("SELECT @nope", 137),
        ("SELECT NOSUCH(1)", 195),
        ("SELECT id FROM t WHERE id = 'seven'", 245),
        ("INSERT INTO t (id, n) VALUES (1, N'a')", 2627),
        ("INSERT INTO t (id, n) VALUES (2, NULL)", 515),
        ("INSERT INTO t (id, n) VALUES (2, N'abcd')", 8152),
        ("INSERT INTO t (id, n, c) VALUES (2, N'a', 3)", 547),
        ("INSERT INTO t (id, n, v) VALUES (2, N'a', 0x01)", 273),
        ("INSERT INTO t (id, n, k) VALUES (2, N'a', 7)", 544),
        ("UPDATE t SET v = 0x01", 272),
        ("USE nowhere", 911),
        ("COMMIT", 3902),
        ("SET LANGUAGE Deutsch", 50_000),
    ] {
        assert_eq!(error(&mut session, sql).await, expect, "{sql}");
    }
    assert_eq!(
        ask(&mut session, "SELECT COUNT_BIG(*) FROM t").await,
        ["I64(Some(1))"]
    );
}

#[tokio::test]
async fn a_rowversion_grows_with_every_change_and_is_active_until_the_commit() {
    let place = Place::new().await;
    let mut one = database(&place).await;
    run(
        &mut one,
        "CREATE TABLE t (id int PRIMARY KEY, v rowversion); INSERT INTO t (id) VALUES (1), (2)",
    )
    .await;
    let mut other = place.admin("h").await;
    let number = "SELECT CAST(v AS bigint) FROM t ORDER BY v";
    assert_eq!(
        ask(&mut one, number).await,
        ["I64(Some(2001))", "I64(Some(2002))"]
    );
    let least = "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)";
    assert_eq!(ask(&mut one, least).await, ["I64(Some(2003))"]);
    run(&mut one, "BEGIN TRAN; UPDATE t SET id = 3 WHERE id = 1").await;
    assert_eq!(
        ask(&mut other, least).await,
        ["I64(Some(2003))"],
        "given out and not committed"
    );
    assert_eq!(
        ask(&mut other, number).await,
        ["I64(Some(2001))", "I64(Some(2002))"]
    );
    run(&mut one, "ROLLBACK; UPDATE t SET id = 4 WHERE id = 2").await;
    assert_eq!(
        ask(&mut other, number).await,
        ["I64(Some(2001))", "I64(Some(2004))"]
    );
    assert_eq!(ask(&mut other, least).await, ["I64(Some(2005))"]);
}

#[tokio::test]
async fn whoever_waits_for_a_lock_waits_no_longer_than_it_said() {
    let place = Place::new().await;
    let mut holder = database(&place).await;
    run(
        &mut holder,
        "CREATE TABLE t (id int); BEGIN TRAN; SELECT id FROM t WITH (TABLOCKX)",
    )
    .await;
    let mut waiting = place.admin("h").await;
    let start = Instant::now();
    assert_eq!(
        error(&mut waiting, "SET LOCK_TIMEOUT 300; SELECT id FROM t").await,
        1222
    );
    assert!(start.elapsed() >= Duration::from_millis(300));
    run(&mut holder, "COMMIT").await;
    assert!(ask(&mut waiting, "SELECT id FROM t").await.is_empty());
}

#[tokio::test]
async fn change_tracking_tells_which_rows_changed_and_how() {
    let place = Place::new().await;
    let mut session = database(&place).await;
    run(
        &mut session,
        "ALTER DATABASE h SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)",
    )
    .await;
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0); ALTER TABLE t ENABLE CHANGE_TRACKING").await;
    let version = "SELECT CHANGE_TRACKING_CURRENT_VERSION()";
    assert_eq!(ask(&mut session, version).await, ["I64(Some(0))"]);
    run(&mut session, "INSERT INTO t VALUES (4, 0), (5, 0); UPDATE t SET n = 1 WHERE id IN (1, 4); DELETE t WHERE id IN (2, 5)").await;
    assert_eq!(ask(&mut session, version).await, ["I64(Some(3))"]);
    let changes = "SELECT CAST(id AS nvarchar(9)) + SYS_CHANGE_OPERATION FROM CHANGETABLE(CHANGES t, 0) AS c ORDER BY id";
    let expect = ["1U", "2D", "4I", "5D"].map(|c| format!("String(Some({c:?}))"));
    assert_eq!(ask(&mut session, changes).await, expect);
    assert!(
        ask(
            &mut session,
            "SELECT id FROM CHANGETABLE(CHANGES t, 3) AS c"
        )
        .await
        .is_empty()
    );
    assert_eq!(
        ask(
            &mut session,
            "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'dbo.t'))"
        )
        .await,
        ["I64(Some(0))"]
    );
}
