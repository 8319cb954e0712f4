// SPDX-License-Identifier: Apache-2.0
//! Databases for the ODBC adapter: an SQLite file behind libsqliteodbc, and the drivers of others where they are.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use silsila_odbc::{Odbc, OdbcOptions};
use silsila_source::compliance::{Fixture, Sample};
use silsila_source::{ColumnKind, Value};
use tempfile::TempDir;

/// Where distributions put drivers.
const FOLDERS: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/odbc",
    "/usr/lib/aarch64-linux-gnu/odbc",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

/// The file of a driver, or a line that says what is skipped for want of it.
pub fn driver(file: &str, package: &str, skipped: &str) -> Option<PathBuf> {
    let found = FOLDERS
        .iter()
        .map(|folder| PathBuf::from(folder).join(file))
        .find(|path| path.exists());
    if found.is_none() {
        say(&format!(
            "skipped: the ODBC driver {file} ({package}) is missing, so {skipped}"
        ));
    }
    found
}

/// A line straight to standard error: by a macro, the test runner would keep it to itself.
pub fn say(line: &str) {
    let said = writeln!(std::io::stderr(), "{line}");
    said.unwrap();
}

/// libsqliteodbc, which `script/setup` installs.
pub fn sqlite_driver(skipped: &str) -> Option<PathBuf> {
    driver("libsqlite3odbc.so", "libsqliteodbc", skipped)
}

/// An SQLite file that lives as long as this.
pub struct SqliteFile {
    folder: TempDir,
    driver: PathBuf,
}

impl SqliteFile {
    /// An empty database; `None`, with a line that says so, where the driver is missing.
    pub fn new(skipped: &str) -> Option<Self> {
        let driver = sqlite_driver(skipped)?;
        let file = Self {
            folder: TempDir::new().unwrap(),
            driver,
        };
        file.execute("PRAGMA user_version = 1;");
        Some(file)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("hospital.db")
    }

    /// Statements as the hospital's own program would run them.
    pub fn execute(&self, sql: &str) {
        let conn = rusqlite::Connection::open(self.path()).unwrap();
        conn.execute_batch(sql).unwrap();
    }

    pub fn options(&self) -> OdbcOptions {
        let driver = self.driver.display();
        let path = self.path();
        OdbcOptions::new(
            "lab",
            format!("Driver={driver};Database={}", path.display()),
        )
    }

    pub fn source(&self) -> Odbc {
        Odbc::new(self.options())
    }
}

/// How a database writes what the samples need.
pub struct Sql {
    pub quote: char,
    pub integer: &'static str,
    pub decimal: &'static str,
    pub moment: &'static str,
    pub key_text: &'static str,
    pub text: &'static str,
    /// Whether a backslash in a text must be doubled.
    pub doubled_backslash: bool,
}

impl Sql {
    fn quoted(&self, name: &str) -> String {
        let q = self.quote;
        format!("{q}{}{q}", name.replace(q, &format!("{q}{q}")))
    }

    fn type_of(&self, kind: ColumnKind, key: bool) -> &'static str {
        match kind {
            ColumnKind::Integer => self.integer,
            ColumnKind::Decimal => self.decimal,
            ColumnKind::DateTime => self.moment,
            ColumnKind::Text if key => self.key_text,
            _ => self.text,
        }
    }

    fn literal(&self, value: &Value) -> String {
        match value {
            Value::Null => "NULL".into(),
            Value::Int(i) => i.to_string(),
            Value::Decimal(d) => d.to_string(),
            Value::Text(t) if self.doubled_backslash => {
                format!("'{}'", t.replace('\\', "\\\\").replace('\'', "''"))
            }
            Value::Text(t) => format!("'{}'", t.replace('\'', "''")),
            Value::DateTime(at) => format!(
                "'{:04}-{:02}-{:02} {:02}:{:02}:{:02}'",
                at.date.year,
                at.date.month,
                at.date.day,
                at.time.hour,
                at.time.minute,
                at.time.second
            ),
            other => panic!("no sample holds a {}", other.kind()),
        }
    }

    /// The statements that create and fill a sample.
    pub fn load(&self, sample: &Sample) -> String {
        let mut columns: Vec<String> = sample
            .columns
            .iter()
            .map(|c| {
                let null = if c.nullable { "" } else { " NOT NULL" };
                let sql_type = self.type_of(c.kind, sample.key.contains(&c.name));
                format!("{} {sql_type}{null}", self.quoted(&c.name))
            })
            .collect();
        let key: Vec<_> = sample.key.iter().map(|k| self.quoted(k)).collect();
        columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
        let table = self.quoted(&sample.name);
        let mut sql = format!("CREATE TABLE {table} ({});\n", columns.join(", "));
        for rows in sample.rows.chunks(500) {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| {
                    let cells: Vec<_> = row.iter().map(|v| self.literal(v)).collect();
                    cells.join(", ")
                })
                .collect();
            writeln!(sql, "INSERT INTO {table} VALUES ({});", rows.join("), (")).unwrap();
        }
        sql
    }

    /// The same for every sample.
    pub fn load_all(&self, fixture: &Fixture) -> String {
        fixture.samples.iter().map(|s| self.load(s)).collect()
    }
}
