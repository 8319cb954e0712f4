// SPDX-License-Identifier: Apache-2.0
//! The Mirpurkhas hospital: its MySQL database, its next day, and larger ones like it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use silsila_mysql::{MySqlOptions, Tls};
use silsila_source::Secret;

use crate::mariadb::MariaDb;
use crate::repository;

/// The tables in the order in which they are loaded.
pub const TABLES: [&str; 7] = [
    "doctors",
    "patients",
    "opd_visits",
    "prescriptions",
    "lab_tests",
    "allergies",
    "immunizations",
];

/// The user whom the gateway reads as.
pub const USER: &str = "silsila";

/// That user's password; the data is invented and the server listens on loopback alone.
pub const PASSWORD: &str = "mirpurkhas-demo";

/// The demonstration data in this repository.
#[must_use]
pub fn sindh() -> PathBuf {
    repository().join("integration-tests/data/sindh")
}

/// Writes the data of a larger Sindh into a folder: the same hospitals with so many patients each, and the
/// schema of Mirpurkhas beside its tables.
///
/// # Errors
/// When Python 3.11 is missing or the folder cannot be written.
pub fn generate(patients_per_hospital: u32, out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    // The generator writes its tables into the README that it finds.
    std::fs::copy(sindh().join("README.md"), out.join("README.md"))?;
    let status = Command::new("python3")
        .arg(sindh().join("make_dataset.py"))
        .args([
            "--patients-per-hospital",
            &patients_per_hospital.to_string(),
        ])
        .arg("--out")
        .arg(out)
        .status()
        .context("python3 (3.11 or later) is needed to make the data")?;
    if !status.success() {
        bail!("make_dataset.py failed with {status}");
    }
    let schema = Path::new("mirpurkhas/schema.sql");
    std::fs::copy(sindh().join(schema), out.join(schema))?;
    Ok(())
}

/// A hospital's database on a private server.
#[derive(Debug, Clone)]
pub struct Hospital {
    /// The database's name.
    pub database: String,
    /// The folder that its data came from.
    pub data: PathBuf,
}

impl Hospital {
    /// Creates the database, loads day 1 from `data` (which holds `mirpurkhas/`), and creates the user who
    /// may read it and nothing else.
    ///
    /// # Errors
    /// When the server refuses, or has such a database already.
    pub async fn load(server: &MariaDb, database: &str, data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("mirpurkhas").canonicalize()?;
        let sql = format!("CREATE DATABASE `{database}` CHARACTER SET utf8mb4");
        server.execute(None, &sql).await?;
        let mut conn = server.admin(Some(database)).await?;
        let schema = std::fs::read_to_string(folder.join("schema.sql"))?;
        conn.query_drop(schema).await?;
        for table in TABLES {
            load_table(&mut conn, &folder, table)
                .await
                .with_context(|| format!("loading {table}"))?;
        }
        conn.query_drop(format!(
            "CREATE USER IF NOT EXISTS `{USER}`@`127.0.0.1` IDENTIFIED BY '{PASSWORD}';
             GRANT SELECT ON `{database}`.* TO `{USER}`@`127.0.0.1`;"
        ))
        .await?;
        conn.disconnect().await?;
        Ok(Self {
            database: database.into(),
            data: data.to_owned(),
        })
    }

    /// The adapter's options for the reading user.
    #[must_use]
    pub fn options(&self, server: &MariaDb) -> MySqlOptions {
        let password = Secret::new(PASSWORD);
        let mut options =
            MySqlOptions::new("mirpurkhas", "127.0.0.1", &self.database, USER, password);
        options.port = server.port();
        options.tls = Tls::Off;
        options
    }

    /// Day 2: every statement of `changes.sql` as the hospital's own software would send it, each committed
    /// by itself. A second call does what the first left undone: nothing, if that ended well.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn apply_day2(&self, server: &MariaDb) -> anyhow::Result<Day2> {
        self.play_day2(server, usize::MAX).await
    }

    /// As [`Self::apply_day2`], but at most so many statements: the next call goes on from there.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn play_day2(&self, server: &MariaDb, at_most: usize) -> anyhow::Result<Day2> {
        let path = self.data.join("mirpurkhas/changes.sql");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let changes: Vec<_> = statements(&text)
            .into_iter()
            .filter(|s| !s.starts_with("SET "))
            .collect();
        let mut conn = server.admin(Some(&self.database)).await?;
        conn.query_drop("SET NAMES utf8mb4").await?;
        conn.query_drop("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'")
            .await?;
        let progress = format!("`{}_day2`.`progress`", self.database);
        // Kept outside the hospital's database, whose tables the gateway reads.
        conn.query_drop(format!(
            "CREATE DATABASE IF NOT EXISTS `{0}_day2`;
             CREATE TABLE IF NOT EXISTS {progress} (done INT NOT NULL) ENGINE=InnoDB;
             INSERT INTO {progress} SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM {progress});",
            self.database
        ))
        .await?;
        let done: Option<usize> = conn
            .query_first(format!("SELECT done FROM {progress}"))
            .await?;
        let done = done.unwrap_or_default();
        for (at, change) in changes.iter().enumerate().skip(done).take(at_most) {
            conn.query_drop("START TRANSACTION").await?;
            conn.query_drop(change)
                .await
                .with_context(|| format!("statement {} of {}", at + 1, path.display()))?;
            conn.query_drop(format!("UPDATE {progress} SET done = {}", at + 1))
                .await?;
            conn.query_drop("COMMIT").await?;
        }
        conn.disconnect().await?;
        Ok(if done < changes.len() {
            Day2::Applied(at_most.min(changes.len() - done))
        } else {
            Day2::WasThere
        })
    }
}

/// What applying day 2 came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day2 {
    /// So many statements were committed now.
    Applied(usize),
    /// All had been committed before.
    WasThere,
}

async fn load_table(conn: &mut Conn, folder: &Path, table: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{table}.csv"));
    let text = std::fs::read_to_string(&path)?;
    let header = text.lines().next().context("the file is empty")?;
    let file = path
        .to_str()
        .context("the path is not UTF-8")?
        .replace('\'', "''");
    conn.query_drop("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'")
        .await?;
    let sql = format!(
        "LOAD DATA INFILE '{file}' INTO TABLE `{table}` CHARACTER SET utf8mb4
         FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '\\\\'
         LINES TERMINATED BY '\\n' IGNORE 1 LINES ({header})"
    );
    conn.query_drop(sql).await?;
    Ok(())
}

/// The statements of a script, without comments: they end with `;` outside of quotes.
fn statements(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    for line in script.lines() {
        if !quoted && (line.trim().is_empty() || line.starts_with("--")) {
            continue;
        }
        for c in line.chars() {
            quoted ^= c == '\'';
            if c == ';' && !quoted {
                found.push(std::mem::take(&mut current).trim().to_owned());
            } else {
                current.push(c);
            }
        }
        current.push('\n');
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_split_at_semicolons_outside_of_quotes() {
        let script = "-- a; b\nSET x = 1;\n\nUPDATE t SET a = 'x;''y', b = 2\n WHERE c = 3;\n";
        assert_eq!(
            statements(script),
            ["SET x = 1", "UPDATE t SET a = 'x;''y', b = 2\n WHERE c = 3"]
        );
    }
}
