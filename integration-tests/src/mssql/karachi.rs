// SPDX-License-Identifier: Apache-2.0
//! The Karachi hospital: its SQL Server database, and its next day.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use silsila_mssql::session::Session;
use silsila_mssql::{MsSql, MsSqlOptions};

use super::database::PASSWORD;
use super::server::run;
use super::{Database, Encryption, SqlServer};
use crate::hospital::sindh;

/// The tables in the order in which they are loaded, and whether their keys are IDENTITY columns.
pub const TABLES: [(&str, bool); 9] = [
    ("Person", false),
    ("PersonAddress", true),
    ("Practitioner", false),
    ("Encounter", false),
    ("Diagnosis", true),
    ("Observation", false),
    ("MedicationOrder", true),
    ("AllergyIntolerance", true),
    ("Procedure", true),
];

/// The source's name in the gateway.
const SOURCE: &str = "karachi";

/// The hospital's database.
#[derive(Debug, Clone)]
pub struct Karachi {
    /// The database, which bears its login's name.
    pub database: Database,
}

/// Whether the next day was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day2 {
    /// It was played now.
    Applied,
    /// It had been played before.
    WasThere,
}

/// The visit with which the next day begins, in the one transaction that is the whole day.
const FIRST_OF_DAY_2: &str =
    "SELECT COUNT_BIG(*) FROM [dbo].[Encounter] WHERE [EncounterId] = 3000000666";

impl Karachi {
    /// The hospital on a stand-in of its own.
    ///
    /// # Errors
    /// When it cannot be started or loaded.
    pub async fn start() -> anyhow::Result<Self> {
        let server = Arc::new(SqlServer::stand_in(Encryption::None)?);
        Self::load(server, "karachi").await
    }

    /// Makes the database on a server and loads day 1 into it.
    ///
    /// # Errors
    /// When the server refuses, or has such a database already.
    pub async fn load(server: Arc<SqlServer>, database: &str) -> anyhow::Result<Self> {
        Self::load_from(server, database, &sindh()).await
    }

    /// The same with the tables of another data folder (which holds `karachi/`), such as a larger one.
    ///
    /// # Errors
    /// When the server refuses, or has such a database already.
    pub async fn load_from(
        server: Arc<SqlServer>,
        database: &str,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let database = Database::named(server, database).await?;
        database.execute(&read(&sindh(), "schema.sql")?).await?;
        let mut session = database.admin().await?;
        for (table, identity) in TABLES {
            load_table(&mut session, data, table, identity)
                .await
                .with_context(|| format!("loading {table}"))?;
        }
        Ok(Self { database })
    }

    /// The hospital that an earlier run has loaded.
    #[must_use]
    pub fn loaded(server: Arc<SqlServer>, database: &str) -> Self {
        let name = database.into();
        Self {
            database: Database { name, server },
        }
    }

    /// The adapter's options for the reading login.
    #[must_use]
    pub fn options(&self) -> MsSqlOptions {
        let name = &self.database.name;
        self.database.server.options(SOURCE, name, name, PASSWORD)
    }

    /// The hospital through the adapter.
    #[must_use]
    pub fn source(&self) -> MsSql {
        MsSql::new(self.options())
    }

    /// Runs a script in the hospital's database, as its own software would.
    ///
    /// # Errors
    /// When a batch fails.
    pub async fn execute(&self, script: &str) -> anyhow::Result<()> {
        self.database.execute(script).await
    }

    /// Plays the next day, in one transaction; a day that was played is not played again.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn apply_day2(&self) -> anyhow::Result<Day2> {
        let mut session = self.database.admin().await?;
        let rows = session.batch(FIRST_OF_DAY_2).await?;
        if rows.first().and_then(|row| row.get::<i64, _>(0)) != Some(0) {
            return Ok(Day2::WasThere);
        }
        run(&mut session, &read(&sindh(), "changes.sql")?).await?;
        Ok(Day2::Applied)
    }
}

fn read(data: &Path, file: &str) -> anyhow::Result<String> {
    let path = data.join("karachi").join(file);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Rows in one INSERT; SQL Server takes a thousand.
const AT_ONCE: usize = 500;

async fn load_table(
    session: &mut Session,
    data: &Path,
    table: &str,
    identity: bool,
) -> anyhow::Result<()> {
    let mut records = records(&read(data, &format!("{table}.csv"))?)?.into_iter();
    let header = records.next().context("the file has no header")?;
    // SQL Server gives out the row versions itself.
    let row_version = header
        .iter()
        .position(|c| c == "RowVer")
        .context("no column RowVer")?;
    let without = |record: Vec<String>| -> Vec<String> {
        let parts = record.into_iter().enumerate();
        parts
            .filter(|(at, _)| *at != row_version)
            .map(|(_, part)| part)
            .collect()
    };
    let width = header.len();
    let columns: Vec<_> = without(header).iter().map(|c| format!("[{c}]")).collect();
    if identity {
        run(session, &format!("SET IDENTITY_INSERT [dbo].[{table}] ON")).await?;
    }
    let rows: Vec<_> = records
        .map(|record| {
            ensure!(record.len() == width, "a line has {} fields", record.len());
            let values: Vec<_> = without(record).iter().map(|v| literal(v)).collect();
            Ok(format!("({})", values.join(", ")))
        })
        .collect::<anyhow::Result<_>>()?;
    for rows in rows.chunks(AT_ONCE) {
        let (columns, rows) = (columns.join(", "), rows.join(",\n"));
        run(
            session,
            &format!("INSERT INTO [dbo].[{table}] ({columns}) VALUES\n{rows}"),
        )
        .await?;
    }
    if identity {
        run(session, &format!("SET IDENTITY_INSERT [dbo].[{table}] OFF")).await?;
    }
    Ok(())
}

/// A field as a literal, which the server converts to the column's type. An empty one is NULL.
fn literal(field: &str) -> String {
    if field.is_empty() {
        "NULL".into()
    } else {
        format!("N'{}'", field.replace('\'', "''"))
    }
}

/// The records of a CSV file: fields in quotes may hold commas, line ends and doubled quotes.
fn records(text: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            letter => field.push(letter),
        }
    }
    ensure!(
        !quoted && field.is_empty() && record.is_empty(),
        "the file ends within a record"
    );
    Ok(records)
}
