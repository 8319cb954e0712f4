// SPDX-License-Identifier: Apache-2.0
//! Finding the server's program and setting up an empty data folder.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

const REMEDY: &str = "install Debian's or Ubuntu's package mariadb-server-core (its service is not needed): apt-get install mariadb-server-core";

/// Where a distribution puts the server.
const PROGRAMS: &[&str] = &[
    "/usr/sbin/mariadbd",
    "/usr/sbin/mysqld",
    "/usr/libexec/mariadbd",
    "/usr/local/sbin/mariadbd",
];

/// Where it puts the SQL files that make the system tables.
const SHARES: &[&str] = &["/usr/share/mysql", "/usr/share/mariadb"];

/// What makes the system tables, in the order in which the files build on each other.
const SYSTEM_TABLES: &[&str] = &[
    "system_tables.sql",
    "performance_tables.sql",
    "system_tables_data.sql",
];

/// The server's program.
pub(super) fn program() -> anyhow::Result<&'static str> {
    program_among(PROGRAMS)
}

fn program_among(places: &'static [&'static str]) -> anyhow::Result<&'static str> {
    let found = places.iter().find(|p| Path::new(p).exists());
    found
        .copied()
        .with_context(|| format!("no MariaDB server is installed; {REMEDY}"))
}

/// A SQL file of the server's, under either of the names it has had.
fn sql_file(name: &str) -> anyhow::Result<PathBuf> {
    SHARES
        .iter()
        .flat_map(|dir| ["mysql_", "mariadb_"].map(|p| Path::new(dir).join(format!("{p}{name}"))))
        .find(|path| path.exists())
        .with_context(|| format!("the server's own {name} is missing; {REMEDY}"))
}

/// Options that every start needs: no configuration of the machine's, and leave to run as root. The folder
/// for temporary tables is its own too, because a server that starts removes those of others there.
pub(super) fn common(data: &Path) -> std::io::Result<Vec<String>> {
    let temporary = data.with_file_name("tmp");
    fs::create_dir_all(&temporary)?;
    let mut options = vec![
        "--no-defaults".to_owned(),
        format!("--datadir={}", data.display()),
        format!("--tmpdir={}", temporary.display()),
        "--innodb-log-file-size=32M".into(),
        "--innodb-data-file-path=ibdata1:4M:autoextend".into(),
        "--innodb-autoextend-increment=1".into(),
    ];
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        options.push("--user=root".into());
    }
    Ok(options)
}

/// Fills a folder with a server's system tables. The folder appears whole or not at all.
pub(super) fn bootstrap(data: &Path) -> anyhow::Result<()> {
    let building = data.with_extension("building");
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    fs::create_dir_all(&building).with_context(|| building.display().to_string())?;
    let log_path = building.with_extension("log");
    let log = File::create(&log_path)?;
    let mut child = Command::new(program()?)
        .args(common(&building)?)
        .args(["--bootstrap", "--enforce-storage-engine="])
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("the MariaDB server cannot be started")?;
    let mut script = b"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for name in SYSTEM_TABLES {
        script.extend(fs::read(sql_file(name)?)?);
    }
    if let Some(mut stdin) = child.stdin.take() {
        // A server that ended early says why in its log.
        let _ = stdin.write_all(&script);
    }
    if !child.wait()?.success() {
        let log = fs::read_to_string(&log_path).unwrap_or_default();
        bail!("the MariaDB server could not set up its folder:\n{log}");
    }
    fs::rename(&building, data)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_an_error_that_names_the_remedy() {
        let error = program_among(&["/nowhere/mariadbd"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("apt-get install mariadb-server-core"),
            "{error}"
        );
    }
}
