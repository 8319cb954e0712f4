// SPDX-License-Identifier: Apache-2.0
//! Turning the drivers' errors into coded ones.
//!
//! A driver's text may quote a value (`invalid input syntax for integer: "..."`), so only the texts of states
//! that speak of connections, users and files are passed on; of all others the SQLSTATE and the number.

use odbc_api::Error;
use odbc_api::handles::Record;
use silsila_source::SourceError;

use crate::text::Encoding;

/// The longest text of a driver that is passed on, in characters.
const MOST_TEXT: usize = 300;

/// What was being asked, to name it in an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The table, or empty when no table was asked for.
    pub table: &'a str,
}

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The driver said so.
    Driver(Error),
    /// Coded already.
    Coded(SourceError),
    /// The code around the driver panicked; the connection is not to be trusted any more.
    Panicked,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

/// The SQLSTATE of an error, or blanks.
pub(crate) fn state(error: &Error) -> String {
    record(error).map_or_else(String::new, |r| r.state.as_str().to_owned())
}

fn record(error: &Error) -> Option<&Record> {
    match error {
        Error::Diagnostics { record, .. }
        | Error::InvalidRowArraySize { record, .. }
        | Error::UnableToRepresentNull(record)
        | Error::UnsupportedOdbcApiVersion(record)
        | Error::OracleOdbcDriverDoesNotSupport64Bit(record) => Some(record),
        _ => None,
    }
}

/// Whether the connection is gone, so that the same question on a new one may be answered.
pub(crate) fn is_lost(error: &Error) -> bool {
    state(error).starts_with("08")
}

/// Whether the driver cannot be had at all.
pub(crate) fn lacks_driver(error: &Error) -> bool {
    match error {
        Error::FailedAllocatingEnvironment => true,
        // Some managers leave no record when the driver lacks a library of its own.
        Error::NoDiagnostics { function } => function.starts_with("SQLDriverConnect"),
        _ => {
            let state = state(error);
            matches!(state.as_str(), "IM002" | "IM003" | "IM004" | "IM005")
                || (state == "01000" && text(error, Encoding::Wide).contains("Can't open lib"))
        }
    }
}

/// Whether the driver does not know what was asked of it.
pub(crate) fn is_unsupported(error: &Error) -> bool {
    matches!(
        state(error).as_str(),
        "IM001" | "HYC00" | "HY092" | "HY024" | "S1C00" | "S1092" | "01S02"
    )
}

/// Whether a table or a column may be missing: by its own state, or by one that says nothing.
pub(crate) fn may_be_missing(error: &Error) -> bool {
    let state = state(error);
    state.starts_with("42")
        || matches!(
            state.as_str(),
            "S0002" | "S0022" | "37000" | "HY000" | "S1000" | "07001" | "07002" | "07S01"
        )
}

/// What an error means for the caller.
pub(crate) fn classify(asked: Asked<'_>, error: &Error, encoding: Encoding) -> SourceError {
    let spoken = || spoken(error, encoding);
    let state = state(error);
    match state.as_str() {
        "28000" | "42501" | "08004" => refused(asked.source, spoken()),
        "HYT00" | "HYT01" | "S1T00" | "57014" => unavailable(
            asked.source,
            format!("the statement on {:?} took longer than it may", asked.table),
        ),
        "40001" | "40P01" => unavailable(
            asked.source,
            "the statement was chosen to end a deadlock".into(),
        ),
        "HY008" | "57P01" | "57P02" | "57P03" => {
            unavailable(asked.source, "the statement was interrupted".into())
        }
        _ if state.starts_with("08") => unavailable(asked.source, spoken()),
        _ => unreadable(asked, numbered(error)),
    }
}

/// What an error on the way to a connection means. Nothing was read yet, so the driver's text speaks of
/// files, hosts and users; the password is taken out of it all the same.
pub(crate) fn while_connecting(source: &str, error: &Error, password: Option<&str>) -> SourceError {
    let mut text = spoken(error, Encoding::Narrow);
    if let Some(password) = password.filter(|p| !p.is_empty()) {
        text = text.replace(password, "***");
    }
    match state(error).as_str() {
        "28000" | "42000" | "08004" | "3D000" => refused(source, text),
        _ => unavailable(source, text),
    }
}

fn spoken(error: &Error, encoding: Encoding) -> String {
    let text: String = text(error, encoding).chars().take(MOST_TEXT).collect();
    match text.is_empty() {
        true => numbered(error),
        false => format!("{text} ({})", numbers(error)),
    }
}

fn numbered(error: &Error) -> String {
    match record(error) {
        Some(_) => format!("the driver reports {}", numbers(error)),
        None => "the driver failed and did not say why".into(),
    }
}

fn numbers(error: &Error) -> String {
    record(error).map_or_else(String::new, |r| {
        format!("{}, error {}", r.state.as_str(), r.native_error)
    })
}

/// The driver's text on one line.
fn text(error: &Error, encoding: Encoding) -> String {
    let Some(record) = record(error) else {
        return String::new();
    };
    let units = record.message.iter().copied().take_while(|unit| *unit != 0);
    let text = String::from_utf16_lossy(&units.collect::<Vec<u16>>());
    let text = encoding.inward(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn unavailable(source: &str, reason: String) -> SourceError {
    SourceError::Unavailable {
        source_name: source.into(),
        reason,
    }
}

pub(crate) fn refused(source: &str, reason: String) -> SourceError {
    SourceError::Refused {
        source_name: source.into(),
        reason,
    }
}

pub(crate) fn missing(asked: Asked<'_>, what: &'static str, name: &str) -> SourceError {
    SourceError::Missing {
        source_name: asked.source.into(),
        what,
        name: name.into(),
    }
}

pub(crate) fn unreadable(asked: Asked<'_>, reason: String) -> SourceError {
    SourceError::Unreadable {
        source_name: asked.source.into(),
        table: asked.table.into(),
        reason,
    }
}

pub(crate) fn no_driver(source: &str, reason: String) -> SourceError {
    SourceError::NoDriver {
        source_name: source.into(),
        reason,
    }
}

pub(crate) fn unfit(source: &str, reason: &str) -> SourceError {
    SourceError::Unfit {
        source_name: source.into(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odbc_api::handles::State;

    const ASKED: Asked<'static> = Asked {
        source: "hyd",
        table: "patients",
    };

    fn error(state: &[u8; 5], message: &str) -> Error {
        let mut record = Record::with_capacity(512);
        record.state = State(*state);
        record.native_error = 7;
        record.message = message.encode_utf16().collect();
        Error::Diagnostics {
            record,
            function: "SQLExecDirect",
        }
    }

    fn check(state: &[u8; 5], message: &str, expect: &str) {
        let error = error(state, message);
        let text = classify(ASKED, &error, Encoding::Wide).to_string();
        assert_eq!(text, expect);
    }

    #[test]
    fn a_drivers_text_that_may_quote_a_value_is_not_passed_on() {
        check(
            b"22P02",
            "invalid input syntax for integer: \"Aquib Shaikh\"",
            "SRC0005 hyd: table \"patients\": the driver reports 22P02, error 7",
        );
        check(
            b"HY000",
            "near 03448556000",
            "SRC0005 hyd: table \"patients\": the driver reports HY000, error 7",
        );
    }

    #[test]
    fn states_say_whether_waiting_or_a_person_helps() {
        let kind = |state| classify(ASKED, &error(state, "x"), Encoding::Wide);
        for state in [b"08S01", b"HYT00", b"40001", b"57P01"] {
            assert!(kind(state).is_transient());
        }
        for state in [b"28000", b"42501"] {
            assert!(matches!(kind(state), SourceError::Refused { .. }));
        }
        assert!(is_lost(&error(b"08S01", "x")) && !is_lost(&error(b"28000", "x")));
    }

    #[test]
    fn a_password_in_a_drivers_text_is_taken_out() {
        let error = error(b"08001", "cannot open PWD={bahar};\nSERVER=db");
        let text = while_connecting("hyd", &error, Some("bahar")).to_string();
        assert_eq!(
            text,
            "SRC0001 hyd: the database cannot be reached: cannot open PWD={***}; SERVER=db (08001, error 7)"
        );
    }

    #[test]
    fn a_library_that_cannot_be_opened_is_a_missing_driver() {
        assert!(lacks_driver(&error(
            b"01000",
            "[unixODBC][Driver Manager]Can't open lib '/no.so' : file not found"
        )));
        assert!(lacks_driver(&error(b"IM002", "Data source name not found")));
        assert!(!lacks_driver(&error(b"08001", "no route to host")));
    }
}
