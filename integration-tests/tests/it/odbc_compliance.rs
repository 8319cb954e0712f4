// SPDX-License-Identifier: Apache-2.0
//! The claims of every adapter, over ODBC: on an SQLite file, on MariaDB, and on PostgreSQL where it is.

use silsila_integration_tests::mariadb::Database;
use silsila_odbc::{Odbc, OdbcOptions};
use silsila_source::Secret;
use silsila_source::compliance::{Fixture, Role, run};

use crate::odbc_ground::{Sql, SqliteFile, driver};
use crate::odbc_postgres::Postgres;

pub const SQLITE: Sql = Sql {
    quote: '"',
    integer: "BIGINT",
    decimal: "DECIMAL(19,4)",
    moment: "DATETIME",
    key_text: "VARCHAR(40)",
    text: "TEXT",
    doubled_backslash: false,
};

pub const MARIADB: Sql = Sql {
    quote: '`',
    text: "MEDIUMTEXT",
    doubled_backslash: true,
    ..SQLITE
};

pub const POSTGRES: Sql = Sql {
    moment: "TIMESTAMP(0)",
    ..SQLITE
};

/// The samples for SQLite, without what it cannot keep.
pub fn sqlite_fixture() -> Fixture {
    Fixture::standard().excusing(
        "decimals_keep_their_digits",
        "a DECIMAL is kept as a float: 7.1000 is 7.1",
    )
}

#[tokio::test]
async fn sqlite_over_odbc_keeps_the_claims_of_every_adapter() {
    let Some(file) = SqliteFile::new("the ODBC adapter is not held to its claims on SQLite") else {
        return;
    };
    let fixture = sqlite_fixture();
    file.execute(&SQLITE.load_all(&fixture));
    run(&file.source(), &fixture).await.assert_all_hold();
}

/// The private MariaDB, through the driver of its maker.
pub fn mariadb_over_odbc(database: &Database, skipped: &str) -> Option<Odbc> {
    let driver = driver("libmaodbc.so", "odbc-mariadb", skipped)?;
    let there = database.options();
    let (driver, host, port) = (driver.display(), &there.host, there.port);
    let connection = format!(
        "Driver={driver};Server={host};Port={port};Database={}",
        database.name
    );
    let mut options = OdbcOptions::new("mpk", connection);
    options.user = Some(there.user.clone());
    options.password = Some(Secret::new(there.password.expose()));
    Some(Odbc::new(options))
}

#[tokio::test]
async fn mariadb_over_odbc_keeps_the_claims_of_every_adapter() {
    let skipped = "the ODBC adapter is not held to its claims on MariaDB";
    let database = Database::new().await.unwrap();
    let Some(source) = mariadb_over_odbc(&database, skipped) else {
        return;
    };
    let mut fixture = Fixture::standard();
    fixture.sample_mut(Role::OddNames).columns[2].name = "back`tick".into();
    database.execute(&MARIADB.load_all(&fixture)).await.unwrap();
    run(&source, &fixture).await.assert_all_hold();
}

#[tokio::test]
async fn postgresql_over_odbc_keeps_the_claims_of_every_adapter() {
    let skipped = "the ODBC adapter is not held to its claims on PostgreSQL";
    let Some(server) = Postgres::start(skipped) else {
        return;
    };
    let fixture = Fixture::standard();
    server.execute(&POSTGRES.load_all(&fixture));
    run(&server.source(), &fixture).await.assert_all_hold();
}
