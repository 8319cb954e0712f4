// SPDX-License-Identifier: Apache-2.0
//! The table in `docs/adapters.md` is what the adapters were seen to do, and nothing else.
//!
//! `SILSILA_WRITE_DOCS=1 cargo test -p silsila-integration-tests --test it adapters_table` writes it anew.

use std::path::PathBuf;

use silsila_access::{Access, AccessOptions};
use silsila_integration_tests::{mariadb, mssql};
use silsila_source::Source;
use silsila_source::compliance::{Facts, Fixture, Role, facts, markdown, run};

use crate::odbc_compliance::{self, mariadb_over_odbc};
use crate::odbc_ground::{SqliteFile, say};
use crate::odbc_postgres::Postgres;
use crate::{mssql_compliance, mysql_compliance};

const BEGIN: &str = "<!-- begin: written by the test adapters_table -->\n";
const END: &str = "<!-- end -->";

const MARIADB_TYPES: &str = "CREATE TABLE every_type (id INT PRIMARY KEY, a TINYINT, b SMALLINT, c MEDIUMINT, d BIGINT UNSIGNED,
      e YEAR, f BIT(3), g DECIMAL(9,2), h FLOAT, i DOUBLE, j CHAR(3), k VARCHAR(9), l TINYTEXT, m TEXT, n LONGTEXT,
      o ENUM('a','b'), p SET('a','b'), q BINARY(2), r VARBINARY(2), s BLOB, t LONGBLOB, u DATE, v DATETIME, w TIMESTAMP,
      x TIME, y POINT, z JSON);
    INSERT INTO every_type VALUES (1, 1, 1, 1, 1, 2025, b'101', 7.10, 1.5, 1.5, 'a', 'a', 'a', 'a', 'a', 'a', 'a,b', 'ab', 'ab',
      'ab', 'ab', '2025-01-01', '2025-01-01 10:00:00', '2025-01-01 10:00:00', '10:00:00', POINT(1, 1), '{}');";

const SQL_SERVER_TYPES: &str = "CREATE TABLE [dbo].[every_type] ([id] int PRIMARY KEY, [a] bit, [b] tinyint, [c] smallint, [d] bigint,
      [e] decimal(9,2), [f] money, [g] smallmoney, [h] real, [i] float, [j] nchar(3), [k] nvarchar(9), [l] char(3), [m] varchar(9),
      [n] uniqueidentifier, [o] binary(2), [p] varbinary(2), [q] date, [r] time(0), [s] smalldatetime, [t] datetime,
      [u] datetime2(0), [v] datetimeoffset(0), [w] sql_variant, [x] geography, [y] xml, [z] rowversion);
    INSERT INTO [dbo].[every_type] ([id], [a], [b], [c], [d], [e], [f], [g], [h], [i], [j], [k], [l], [m], [n], [o], [p], [q], [r], [s],
      [t], [u], [v], [y]) VALUES (1, 1, 1, 1, 1, 7.10, 7.10, 7.10, 1.5, 1.5, N'a', N'a', 'a', 'a',
      '513952D6-DF55-4D6E-A33C-3DD65EC73A2A', 0x0102, 0x0102, '2025-01-01', '10:00:00', '2025-01-01T10:00:00',
      '2025-01-01T10:00:00', '2025-01-01T10:00:00', '2025-01-01T10:00:00 +05:00', N'<p/>')";

const SQLITE_TYPES: &str = "CREATE TABLE every_type (id INTEGER PRIMARY KEY, a BOOLEAN, b REAL, c DOUBLE, d DECIMAL(9,2), e NUMERIC,
      f CHAR(3), g VARCHAR(9), h TEXT, i BLOB, j DATE, k DATETIME, l TIMESTAMP, m TIME, n);
    INSERT INTO every_type VALUES (1, 1, 1.5, 1.5, 7.5, 7.5, 'a', 'a', 'a', x'01', '2025-01-01', '2025-01-01 10:00:00',
      '2025-01-01 10:00:00', '10:00:00', 'a');";

const POSTGRES_TYPES: &str = "CREATE TABLE every_type (id integer PRIMARY KEY, a boolean, b smallint, c bigint, d numeric(9,2), e real,
      f double precision, g char(3), h varchar(9), i text, j uuid, k xml, l bytea, m date, n timestamp, o timestamptz, p time,
      q json, r interval);
    INSERT INTO every_type VALUES (1, true, 1, 1, 7.10, 1.5, 1.5, 'a', 'a', 'a', '513952d6-df55-4d6e-a33c-3dd65ec73a2a',
      '<p/>', '\\x0102', '2025-01-01', '2025-01-01 10:00:00', '2025-01-01 10:00:00+05', '10:00:00', '{}', '2 days');";

/// Tries the claims, and looks at what came of them and of every type.
async fn seen(source: &dyn Source, fixture: &Fixture, feed: Option<&str>) -> Facts {
    let report = run(source, fixture).await;
    report.assert_all_hold();
    assert_eq!(source.feed().is_some(), feed.is_some());
    facts(&[source], &report, feed).await.unwrap()
}

async fn mysql() -> Facts {
    let database = mariadb::Database::new().await.unwrap();
    let mut fixture = Fixture::standard();
    fixture.sample_mut(Role::OddNames).columns[2].name = "back`tick".into();
    for sample in &fixture.samples {
        database
            .execute(&mysql_compliance::create(sample))
            .await
            .unwrap();
        database
            .execute(&mysql_compliance::fill(sample))
            .await
            .unwrap();
    }
    database.execute(MARIADB_TYPES).await.unwrap();
    seen(&database.source(), &fixture, Some("binary log")).await
}

/// Access files cannot be made here: those of the adapter's own tests hold the samples and every type.
async fn access() -> Facts {
    let copies = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../adapters/access/tests/fixtures"
        );
        let file = format!("{folder}/{name}");
        let mut options = AccessOptions::new("acc", file, copies.path().join(name));
        options.rows_per_second = None;
        Access::new(options)
    };
    let claims = file("claims.accdb");
    let report = run(&claims, &Fixture::standard()).await;
    report.assert_all_hold();
    let (types, kinds) = (file("types-v2010.accdb"), file("kinds.accdb"));
    facts(&[&claims, &types, &kinds], &report, None)
        .await
        .unwrap()
}

async fn sql_server() -> Facts {
    let database = mssql::Database::new().await.unwrap();
    let fixture = Fixture::standard();
    for sample in &fixture.samples {
        database
            .execute(&mssql_compliance::create(sample))
            .await
            .unwrap();
        database
            .execute(&mssql_compliance::fill(sample))
            .await
            .unwrap();
    }
    database.execute(SQL_SERVER_TYPES).await.unwrap();
    seen(&database.source(), &fixture, Some("change tracking")).await
}

async fn sqlite_over_odbc() -> Option<Facts> {
    let file = SqliteFile::new("its column of the table is not looked at")?;
    let fixture = odbc_compliance::sqlite_fixture();
    file.execute(&odbc_compliance::SQLITE.load_all(&fixture));
    file.execute(SQLITE_TYPES);
    Some(seen(&file.source(), &fixture, None).await)
}

async fn mariadb_by_odbc() -> Option<Facts> {
    let database = mariadb::Database::new().await.unwrap();
    let source = mariadb_over_odbc(&database, "its column of the table is not looked at")?;
    let fixture = Fixture::standard();
    let samples = odbc_compliance::MARIADB.load_all(&fixture);
    database.execute(&samples).await.unwrap();
    database.execute(MARIADB_TYPES).await.unwrap();
    Some(seen(&source, &fixture, None).await)
}

async fn postgresql_over_odbc() -> Option<Facts> {
    let server = Postgres::start("its column of the table is not looked at")?;
    let fixture = Fixture::standard();
    server.execute(&odbc_compliance::POSTGRES.load_all(&fixture));
    server.execute(POSTGRES_TYPES);
    Some(seen(&server.source(), &fixture, None).await)
}

/// The columns of the table by their headings; `None` where the database or its driver is not on this machine.
async fn columns() -> Vec<(&'static str, Option<Facts>)> {
    vec![
        ("MySQL, MariaDB", Some(mysql().await)),
        ("MS Access", Some(access().await)),
        ("SQL Server", Some(sql_server().await)),
        ("ODBC, SQLite", sqlite_over_odbc().await),
        ("ODBC, MariaDB", mariadb_by_odbc().await),
        ("ODBC, PostgreSQL", postgresql_over_odbc().await),
    ]
}

fn page() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/adapters.md"))
}

/// A table's cells by row; those of the columns with these headings alone.
fn cells_under(table: &str, headings: &[&str]) -> Vec<Vec<String>> {
    let rows = table
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim));
    let rows: Vec<Vec<&str>> = rows.map(Iterator::collect).collect();
    let wanted: Vec<usize> = match rows.first() {
        Some(head) => (0..head.len())
            .filter(|at| *at == 0 || headings.contains(&head[*at]))
            .collect(),
        None => Vec::new(),
    };
    let cut = |row: &Vec<&str>| {
        let cell = |at: &usize| row.get(*at).copied().unwrap_or_default().to_owned();
        wanted.iter().map(cell).collect()
    };
    rows.iter().map(cut).collect()
}

#[tokio::test]
async fn the_table_in_the_docs_is_what_the_adapters_were_seen_to_do() {
    let columns = columns().await;
    let there: Vec<(String, Facts)> = columns
        .iter()
        .filter_map(|(heading, facts)| Some(((*heading).to_owned(), facts.clone()?)))
        .collect();
    let table = markdown(&there);
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (committed, after) = rest.split_once(END).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the wish to write the table anew is no setting of the product"
    )]
    let write = std::env::var_os("SILSILA_WRITE_DOCS").is_some();
    if write {
        assert_eq!(
            there.len(),
            columns.len(),
            "every database is needed to write the table"
        );
        std::fs::write(page(), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        say("the table in docs/adapters.md is written anew");
        return;
    }
    let headings: Vec<&str> = there.iter().map(|(heading, _)| heading.as_str()).collect();
    let (found, wanted) = (
        cells_under(committed, &headings),
        cells_under(&table, &headings),
    );
    for (found, wanted) in found.iter().zip(&wanted) {
        // A real SQL Server calls itself otherwise than the stand-in.
        if wanted[0] == "tried on" {
            continue;
        }
        assert_eq!(
            found, wanted,
            "docs/adapters.md is not what was seen (SILSILA_WRITE_DOCS=1 writes it anew)"
        );
    }
    assert_eq!(
        found.len(),
        wanted.len(),
        "docs/adapters.md has other rows (SILSILA_WRITE_DOCS=1 writes it anew)"
    );
}
