// SPDX-License-Identifier: Apache-2.0
//! The connection string, the driver that it names, and the one driver that must not be used.
//!
//! Distributions register drivers by the bare names of their files and build the folder into their own driver
//! manager. Ours is not theirs, so it is given the file's whole path. The file also tells whether the
//! manager will call the driver's UTF-16 functions: it does wherever the driver exports them.
//!
//! mdbtools answers without an error and wrongly: a filter on a date is ignored, a memo is cut at 16,383
//! bytes, a date before 1900 is garbled. Wrong rows in a patient's record are worse than none, so it is
//! refused by name, before it is loaded where it can be seen, and again by what it calls itself.

use std::path::{Path, PathBuf};

use odbc_api::{Environment, escape_attribute_value};
use silsila_source::SourceError;

use crate::OdbcOptions;
use crate::fault::{no_driver, unfit};
use crate::text::Encoding;

/// Where drivers lie when only a file's name is known, beside the folders that the system's loader knows.
const FOLDERS: &[&str] = &["/usr/lib64", "/usr/lib/odbc", "/usr/lib", "/usr/local/lib"];

/// A function that a driver has if it takes UTF-16, as a name stands in its table of symbols.
const UTF_16_FUNCTION: &[u8] = b"\0SQLDriverConnectW\0";

/// What is known of the driver before it is loaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Driver {
    /// Its file, where that was found.
    file: Option<PathBuf>,
    /// All names that it goes by.
    names: Vec<String>,
    /// How the driver manager hands it statements and names.
    pub calls: Encoding,
}

impl Driver {
    /// The driver that a connection string means, by itself or through a data source.
    pub(crate) fn of(connection: &str, environment: &Environment) -> Self {
        let named = attribute(connection, "driver").or_else(|| {
            let wanted = attribute(connection, "dsn")?;
            let sources = environment.data_sources().ok()?;
            let fits = |name: &str| name.eq_ignore_ascii_case(&wanted);
            Some(sources.into_iter().find(|s| fits(&s.server_name))?.driver)
        });
        let mut names: Vec<String> = named.into_iter().collect();
        for driver in environment.drivers().unwrap_or_default() {
            let meant = |name: &String| name.eq_ignore_ascii_case(&driver.description);
            if names.iter().any(meant) {
                let file = |key: &str| driver.attributes.get(key).cloned();
                names.extend(file("Driver64").or_else(|| file("Driver")));
            }
        }
        let file = names.iter().rev().find_map(|name| found(name));
        let calls = calls(file.as_deref());
        Self { file, names, calls }
    }

    /// Refuses a driver that is known to give wrong data, by all that can be seen before it is loaded.
    pub(crate) fn refuse_unfit(&self, source: &str) -> Result<(), SourceError> {
        match self.names.iter().any(|name| is_mdbtools(name)) {
            true => Err(mdbtools(source)),
            false => Ok(()),
        }
    }
}

/// How the driver manager hands a driver statements and names, seen by the driver's functions.
fn calls(file: Option<&Path>) -> Encoding {
    let bytes = file.and_then(|file| std::fs::read(file).ok());
    let takes_utf_16 = |bytes: Vec<u8>| {
        let mut windows = bytes.windows(UTF_16_FUNCTION.len());
        windows.any(|window| window == UTF_16_FUNCTION)
    };
    match bytes.map(takes_utf_16) {
        Some(false) => Encoding::Narrow,
        Some(true) | None => Encoding::Wide,
    }
}

/// The file of a driver, given by its path or by its bare name.
fn found(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let folders = [format!("{multiarch}/odbc"), multiarch];
    let folders = folders.iter().map(String::as_str);
    folders
        .chain(FOLDERS.iter().copied())
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.is_file())
}

/// The whole connection string, with user and password. It is shown to nobody.
pub(crate) fn connection_string(options: &OdbcOptions, driver: &Driver) -> String {
    let mut text = String::new();
    let mut add = |key: &str, value: &str| {
        text.push_str(&format!("{key}={};", escape_attribute_value(value)));
    };
    let file = driver.file.as_ref().and_then(|file| file.to_str());
    if let Some(file) = file {
        add("Driver", file);
    }
    if let Some(user) = &options.user {
        add("UID", user);
    }
    if let Some(password) = &options.password {
        add("PWD", password.expose());
    }
    // This driver would make an empty database of a misspelt path.
    let sqlite = |name: &String| name.to_ascii_lowercase().contains("sqlite");
    if driver.names.iter().any(sqlite) {
        add("NoCreat", "1");
    }
    for (key, _, written) in attributes(&options.connection) {
        if file.is_none() || !key.eq_ignore_ascii_case("driver") {
            text.push_str(written);
            text.push(';');
        }
    }
    text
}

/// An attribute's value in a connection string, without its braces.
pub(crate) fn attribute(connection: &str, name: &str) -> Option<String> {
    let mut all = attributes(connection).into_iter();
    let found = all.find(|(key, _, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value, _)| value)
}

/// The attributes of a connection string: name, value, and both as they are written.
fn attributes(connection: &str) -> Vec<(&str, String, &str)> {
    let mut found = Vec::new();
    let mut rest = connection;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = value_of(after);
        let written = rest[..rest.len() - next.len()].trim_end_matches(';').trim();
        found.push((key.trim(), value, written));
        rest = next;
    }
    found
}

/// The value at the beginning, and what follows its semicolon.
fn value_of(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(braced) = text.strip_prefix('{') else {
        let (value, next) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), next);
    };
    let mut value = String::new();
    let mut chars = braced.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '}' && chars.next_if(|(_, next)| *next == '}').is_none() {
            let next = &braced[at + 1..];
            return (value, next.split_once(';').map_or("", |(_, next)| next));
        }
        value.push(c);
    }
    (value, "")
}

/// Refuses it by the name that the database behind a connection gives itself.
pub(crate) fn after_connecting(source: &str, dbms: &str) -> Result<(), SourceError> {
    match is_mdbtools(dbms) {
        true => Err(mdbtools(source)),
        false => Ok(()),
    }
}

fn is_mdbtools(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("mdbtools") || name.contains("mdbodbc")
}

fn mdbtools(source: &str) -> SourceError {
    unfit(
        source,
        "mdbtools gives wrong data without saying so: it ignores filters on dates, cuts memos at 16,383 bytes and garbles dates before 1900; \
         read the file itself instead: kind = \"access\"",
    )
}

/// A driver that is not there, with those that are.
pub(crate) fn not_there(
    source: &str,
    connection: &str,
    environment: Option<&Environment>,
) -> SourceError {
    let wanted = match (
        attribute(connection, "driver"),
        attribute(connection, "dsn"),
    ) {
        (Some(driver), _) => format!("the driver {driver:?} cannot be loaded"),
        (None, Some(dsn)) => format!("the data source {dsn:?} or its driver cannot be found"),
        (None, None) => "the connection string names neither a driver nor a data source".into(),
    };
    let mut there: Vec<String> = environment
        .and_then(|e| e.drivers().ok())
        .unwrap_or_default()
        .into_iter()
        .map(|d| d.description)
        .collect();
    there.sort();
    let there = match there.is_empty() {
        true => "no driver is registered on this machine (/etc/odbcinst.ini)".to_owned(),
        false => format!("registered on this machine: {}", there.join(", ")),
    };
    no_driver(source, format!("{wanted}; {there}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Secret;

    #[test]
    fn attributes_are_found_whatever_their_case_and_braces() {
        let connection = "Driver={ODBC; Driver 18}};x};SERVER = db.example ;Database=a=b";
        assert_eq!(
            attribute(connection, "DRIVER").as_deref(),
            Some("ODBC; Driver 18};x")
        );
        assert_eq!(
            attribute(connection, "server").as_deref(),
            Some("db.example")
        );
        assert_eq!(attribute(connection, "database").as_deref(), Some("a=b"));
        assert_eq!(attribute(connection, "uid"), None);
    }

    #[test]
    fn a_password_cannot_break_out_of_its_braces() {
        let mut options = OdbcOptions::new("s", "DSN=h;");
        options.user = Some("silsila".into());
        options.password = Some(Secret::new("a;UID=sa}b"));
        let unknown = Driver {
            file: None,
            names: Vec::new(),
            calls: Encoding::Wide,
        };
        let text = connection_string(&options, &unknown);
        assert_eq!(text, "UID=silsila;PWD={a;UID=sa}}b};DSN=h;");
        assert_eq!(attribute(&text, "pwd").as_deref(), Some("a;UID=sa}b"));
    }

    #[test]
    fn no_database_is_made_of_a_misspelt_path() {
        let options = OdbcOptions::new("s", "Driver={SQLite3};Database=/x.db");
        let driver = Driver {
            file: Some("/usr/lib/libsqlite3odbc.so".into()),
            names: vec!["SQLite3".into(), "libsqlite3odbc.so".into()],
            calls: Encoding::Narrow,
        };
        assert_eq!(
            connection_string(&options, &driver),
            "Driver=/usr/lib/libsqlite3odbc.so;NoCreat=1;Database=/x.db;"
        );
    }

    #[test]
    fn a_drivers_functions_are_seen_in_its_file() {
        let folder = std::env::temp_dir().join(format!("silsila-odbc-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let check = |bytes: &[u8], expect| {
            let file = folder.join("driver.so");
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(calls(Some(&file)), expect);
        };
        check(
            b"\x7fELF\0SQLDriverConnect\0SQLExecDirect\0",
            Encoding::Narrow,
        );
        check(
            b"\x7fELF\0SQLDriverConnectW\0SQLExecDirect\0",
            Encoding::Wide,
        );
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(calls(None), Encoding::Wide);
    }

    #[test]
    fn mdbtools_is_known_by_every_name_it_goes_by() {
        for name in [
            "MDBTools",
            "/usr/lib/odbc/libmdbodbcW.so",
            "libmdbodbc.so",
            "MDBTOOLS",
        ] {
            assert!(is_mdbtools(name), "{name}");
        }
        assert!(!is_mdbtools("Microsoft Access Driver (*.mdb, *.accdb)"));
    }
}
