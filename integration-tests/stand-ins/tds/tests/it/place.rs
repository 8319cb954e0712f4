// SPDX-License-Identifier: Apache-2.0
//! A stand-in in a folder of its own, and sessions on it.

use silsila_mssql::session::Session;
use silsila_mssql::{MsSqlOptions, Tls};
use silsila_source::Secret;
use silsila_tds_stand_in::{Encryption, Options, StandIn};

pub struct Place {
    pub folder: tempfile::TempDir,
    pub server: StandIn,
}

pub const PASSWORD: &str = "only-for-tests";

impl Place {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = StandIn::start(options(folder.path(), 0)).unwrap();
        Self { folder, server }
    }

    pub fn options(&self, database: &str, user: &str, password: &str) -> MsSqlOptions {
        let mut options =
            MsSqlOptions::new("test", "127.0.0.1", database, user, Secret::new(password));
        options.port = self.server.port();
        options.tls = Tls::Off;
        options
    }

    /// A session of the administrator's.
    pub async fn admin(&self, database: &str) -> Session {
        Session::open(&self.options(database, "sa", PASSWORD))
            .await
            .unwrap()
    }

    /// A session of a login that may read the database and nothing else.
    pub async fn reader(&self, database: &str) -> Session {
        let mut admin = self.admin(database).await;
        run(
            &mut admin,
            "CREATE LOGIN [reader] WITH PASSWORD = N'r', CHECK_POLICY = OFF",
        )
        .await;
        run(
            &mut admin,
            "CREATE USER [reader] FOR LOGIN [reader]; GRANT SELECT TO [reader]",
        )
        .await;
        Session::open(&self.options(database, "reader", "r"))
            .await
            .unwrap()
    }
}

pub fn options(folder: &std::path::Path, port: u16) -> Options {
    Options {
        dir: folder.into(),
        port,
        admin: ("sa".into(), PASSWORD.into()),
        encryption: Encryption::None,
    }
}

/// The first column of every row, as text.
pub async fn ask(session: &mut Session, sql: &str) -> Vec<String> {
    let rows = session
        .batch(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.into_iter()
        .map(|row| format!("{:?}", row.into_iter().next().unwrap()))
        .collect()
}

pub async fn run(session: &mut Session, sql: &str) {
    session
        .batch(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// The number of the error that a batch ends in.
pub async fn error(session: &mut Session, sql: &str) -> u32 {
    session
        .batch(sql)
        .await
        .map(drop)
        .unwrap_err()
        .code()
        .unwrap()
}
