// SPDX-License-Identifier: Apache-2.0
//! The connection string, the driver that it names, and the one driver that must not be used.
//!
//! mdbtools answers without an error and wrongly: a filter on a date is ignored, a memo is cut at 16,383
//! bytes, a date before 1900 is garbled. Wrong rows in a patient's record are worse than none, so it is
//! refused by name, before it is loaded where it can be seen, and again by what it calls itself.

use odbc_api::{Environment, escape_attribute_value};
use silsila_source::SourceError;

use crate::OdbcOptions;
use crate::fault::{no_driver, unfit};

/// The whole connection string, with user and password. It is shown to nobody.
pub(crate) fn connection_string(options: &OdbcOptions) -> String {
    let mut text = options.connection.trim().trim_end_matches(';').to_owned();
    let mut add = |key: &str, value: &str| {
        text.push_str(&format!(";{key}={}", escape_attribute_value(value)));
    };
    if let Some(user) = &options.user {
        add("UID", user);
    }
    if let Some(password) = &options.password {
        add("PWD", password.expose());
    }
    // This driver would make an empty database of a misspelt path.
    let sqlite = attribute(&options.connection, "driver")
        .is_some_and(|driver| driver.to_ascii_lowercase().contains("sqlite"));
    if sqlite && attribute(&options.connection, "nocreat").is_none() {
        add("NoCreat", "1");
    }
    text
}

/// An attribute's value in a connection string, without its braces.
pub(crate) fn attribute(connection: &str, name: &str) -> Option<String> {
    let mut rest = connection;
    while !rest.trim().is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = value_of(after);
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
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

/// Refuses a driver that is known to give wrong data, by all that can be seen before it is loaded.
pub(crate) fn before_loading(
    options: &OdbcOptions,
    environment: &Environment,
) -> Result<(), SourceError> {
    let mut names: Vec<String> = Vec::new();
    names.extend(attribute(&options.connection, "driver"));
    if let Some(wanted) = attribute(&options.connection, "dsn") {
        let sources = environment.data_sources().unwrap_or_default();
        let driver = sources
            .into_iter()
            .find(|s| s.server_name.eq_ignore_ascii_case(&wanted));
        names.extend(driver.map(|s| s.driver));
    }
    for driver in environment.drivers().unwrap_or_default() {
        if names
            .iter()
            .any(|n| n.eq_ignore_ascii_case(&driver.description))
        {
            names.extend(driver.attributes.get("Driver").cloned());
        }
    }
    match names.iter().any(|name| is_mdbtools(name)) {
        true => Err(mdbtools(&options.name)),
        false => Ok(()),
    }
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
        let text = connection_string(&options);
        assert_eq!(text, "DSN=h;UID=silsila;PWD={a;UID=sa}}b}");
        assert_eq!(attribute(&text, "pwd").as_deref(), Some("a;UID=sa}b"));
    }

    #[test]
    fn no_database_is_made_of_a_misspelt_path() {
        let options = OdbcOptions::new("s", "Driver=/usr/lib/libsqlite3odbc.so;Database=/x.db");
        assert!(connection_string(&options).ends_with(";NoCreat=1"));
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
