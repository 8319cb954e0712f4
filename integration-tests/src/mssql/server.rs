// SPDX-License-Identifier: Apache-2.0
//! A server, and how to reach it as its administrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use silsila_mssql::session::Session;
use silsila_mssql::{MsSqlOptions, Tls};
use silsila_source::Secret;
use silsila_tds_stand_in::{Options, StandIn};
use tokio::sync::OnceCell;

pub use silsila_tds_stand_in::Encryption;

/// The variable that points the tests at a real SQL Server.
const TEST_SERVER: &str = "SILSILA_TEST_MSSQL";

/// The stand-in's administrator; it listens on loopback alone and holds invented data.
const ADMIN: (&str, &str) = ("sa", "only-for-tests");

static SHARED: OnceCell<Arc<SqlServer>> = OnceCell::const_new();

/// A SQL Server, or what stands in for one.
#[derive(Debug)]
pub struct SqlServer {
    host: String,
    port: u16,
    admin: (String, String),
    tls: Tls,
    stand_in: Option<StandIn>,
    folder: Option<tempfile::TempDir>,
}

impl SqlServer {
    /// The server that all tests of this binary share: the real one that `SILSILA_TEST_MSSQL` names, else a
    /// stand-in.
    ///
    /// # Panics
    /// When it cannot be had: a test fails, it does not skip.
    pub async fn shared() -> Arc<Self> {
        SHARED
            .get_or_init(|| async {
                let server = match Self::named_by(TEST_SERVER) {
                    Ok(Some(real)) => Ok(real),
                    Ok(None) => Self::stand_in(Encryption::None),
                    Err(error) => Err(error),
                };
                match server {
                    Ok(server) => Arc::new(server),
                    Err(error) => panic!("{error:#}"),
                }
            })
            .await
            .clone()
    }

    /// A stand-in of the caller's own, in a folder that goes with it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn stand_in(encryption: Encryption) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut server = Self::stand_in_at(folder.path(), 0, encryption)?;
        server.folder = Some(folder);
        Ok(server)
    }

    /// A stand-in over a folder that stays; port 0 takes a free one.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn stand_in_at(dir: &Path, port: u16, encryption: Encryption) -> anyhow::Result<Self> {
        let options = Options {
            dir: dir.to_owned(),
            port,
            admin: (ADMIN.0.into(), ADMIN.1.into()),
            encryption,
        };
        let stand_in = StandIn::start(options)
            .with_context(|| format!("the stand-in for SQL Server over {}", dir.display()))?;
        let port = stand_in.port();
        Ok(Self {
            stand_in: Some(stand_in),
            ..Self::reached(port)
        })
    }

    /// A stand-in that runs already, in this process or another.
    #[must_use]
    pub fn reached(port: u16) -> Self {
        Self {
            host: "127.0.0.1".into(),
            port,
            admin: (ADMIN.0.into(), ADMIN.1.into()),
            tls: Tls::Off,
            stand_in: None,
            folder: None,
        }
    }

    /// The real server that an environment variable names, if it is set, in the words of [`Self::named`].
    ///
    /// # Errors
    /// When the words are not understood.
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of tests and demonstration, of which the product knows nothing"
    )]
    pub fn named_by(variable: &str) -> anyhow::Result<Option<Self>> {
        match std::env::var(variable) {
            Ok(address) => Self::named(&address)
                .with_context(|| variable.to_owned())
                .map(Some),
            Err(_) => Ok(None),
        }
    }

    /// A real server, from `host=db.example;port=1433;user=sa;password=...;tls=required;ca=FILE;name=NAME`. Host,
    /// user and password must be there; `tls` is `required` unless it is `off`, for loopback.
    ///
    /// # Errors
    /// Names what is missing or not known; never the password.
    pub fn named(address: &str) -> anyhow::Result<Self> {
        let (mut host, mut port, mut user, mut password) = (None, 1433, None, None);
        let (mut off, mut ca_file, mut server_name) = (false, None, None);
        for part in address.split(';').filter(|p| !p.trim().is_empty()) {
            let (key, value) = part.split_once('=').context("key=value;key=value")?;
            let value = value.to_owned();
            match key.trim() {
                "host" => host = Some(value),
                "port" => port = value.parse().context("port")?,
                "user" => user = Some(value),
                "password" => password = Some(value),
                "tls" => off = value == "off",
                "ca" => ca_file = Some(PathBuf::from(value)),
                "name" => server_name = Some(value),
                other => bail!("{other:?} is none of host, port, user, password, tls, ca, name"),
            }
        }
        let tls = if off {
            Tls::Off
        } else {
            Tls::Required {
                ca_file,
                server_name,
            }
        };
        Ok(Self {
            host: host.context("host= is missing")?,
            port,
            admin: (
                user.context("user= is missing")?,
                password.context("password= is missing")?,
            ),
            tls,
            stand_in: None,
            folder: None,
        })
    }

    /// Whether this is a stand-in that was started here.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.stand_in.is_some()
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The adapter's options for a login.
    #[must_use]
    pub fn options(
        &self,
        source: &str,
        database: &str,
        user: &str,
        password: &str,
    ) -> MsSqlOptions {
        let password = Secret::new(password);
        let mut options = MsSqlOptions::new(source, &self.host, database, user, password);
        options.port = self.port;
        options.tls = self.tls.clone();
        options
    }

    /// A session of the administrator's in a database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn admin(&self, database: &str) -> anyhow::Result<Session> {
        let (user, password) = &self.admin;
        Ok(Session::open(&self.options("admin", database, user, password)).await?)
    }

    /// Runs a script as the administrator, batch by batch as `GO` divides it.
    ///
    /// # Errors
    /// When a batch fails; says which.
    pub async fn execute(&self, database: &str, script: &str) -> anyhow::Result<()> {
        let mut session = self.admin(database).await?;
        for batch in batches(script) {
            run(&mut session, &batch).await?;
        }
        Ok(())
    }

    /// Removes a database and the login of its name, if they are there.
    ///
    /// # Errors
    /// When the server refuses for another reason.
    pub async fn forget(&self, database: &str) -> anyhow::Result<()> {
        /// "Because it does not exist", of a database and of a login.
        const ABSENT: [u32; 2] = [3701, 15_151];
        let mut session = self.admin("master").await?;
        for drop in [
            format!("DROP DATABASE [{database}]"),
            format!("DROP LOGIN [{database}]"),
        ] {
            match session.batch(&drop).await {
                Err(error) if !error.code().is_some_and(|code| ABSENT.contains(&code)) => {
                    return Err(error).context(drop);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends a stand-in, whose port is free afterwards; a real server goes on.
    pub async fn stop(mut self) {
        if let Some(stand_in) = self.stand_in.take() {
            stand_in.stop().await;
        }
    }
}

/// Runs one batch.
pub(super) async fn run(session: &mut Session, batch: &str) -> anyhow::Result<()> {
    let beginning: String = batch.chars().take(120).collect();
    session
        .batch(batch)
        .await
        .map(drop)
        .with_context(|| format!("in the batch {beginning:?}"))
}

/// The batches of a script: `GO` alone in a line ends one.
fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.split_inclusive('\n') {
        if line.trim().eq_ignore_ascii_case("GO") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
        }
    }
    batches.retain(|b| !b.trim().is_empty());
    batches
}
