// SPDX-License-Identifier: Apache-2.0
//! Turning the driver's and the server's errors into coded ones.
//!
//! A server's text may quote a value (`Conversion failed when converting the varchar value '...'`), so only
//! the texts of errors that are known to speak of names and logins are passed on; of all others the number.

use silsila_source::SourceError;
use tiberius::error::{Error, TokenError};

/// What was being asked, to name it in an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The table, or empty when no table was asked for.
    pub table: &'a str,
    /// All columns named in the statement.
    pub columns: &'a [&'a str],
}

/// What an error means for the connection and the caller.
pub(crate) fn classify(asked: Asked<'_>, error: &Error) -> SourceError {
    match error {
        Error::Server(server) => server_fault(asked, server),
        // The kind and not the text: a decoding fault of the driver arrives here too.
        Error::Io { kind, .. } => unavailable(asked.source, kind.to_string()),
        Error::Routing { host, port } => unavailable(
            asked.source,
            format!("the server sends us on to {host}:{port}, and that one sends us on again"),
        ),
        Error::Tls(_) => tls_fault(asked.source, "the driver's own encryption failed".into()),
        Error::Encoding(_) | Error::Utf8 | Error::Utf16 => unreadable(
            asked,
            "text is not in the encoding that the server names".into(),
        ),
        Error::Protocol(_) | Error::Conversion(_) | Error::ParseInt(_) => {
            unreadable(asked, "the answer is not in SQL Server's protocol".into())
        }
        _ => unreadable(asked, "the driver could not carry the statement".into()),
    }
}

/// Whether the connection is gone, so that the same question on a new one may be answered.
pub(crate) fn is_lost(error: &Error) -> bool {
    match error {
        Error::Io { .. } => true,
        Error::Server(server) => {
            matches!(server.code(), 596 | 6002 | 6005 | 6006 | 17_142 | 17_147)
        }
        _ => false,
    }
}

/// Whether the connection can be trusted with another question after this error.
pub(crate) fn is_sound(error: &Error) -> bool {
    // Above class 16 the trouble is the server's own, from 20 on it hangs up.
    matches!(error, Error::Server(server) if server.class() <= 16) && !is_lost(error)
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

pub(crate) fn tls_fault(source: &str, reason: String) -> SourceError {
    SourceError::Tls {
        source_name: source.into(),
        reason,
    }
}

pub(crate) fn unreadable(asked: Asked<'_>, reason: String) -> SourceError {
    SourceError::Unreadable {
        source_name: asked.source.into(),
        table: asked.table.into(),
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

/// Numbers from the server's published list (`sys.messages`).
fn server_fault(asked: Asked<'_>, error: &TokenError) -> SourceError {
    let code = error.code();
    let spoken = || format!("{} (error {code})", error.message().trim());
    let numbered = || format!("the server reports error {code} (class {})", error.class());
    match code {
        // No such table or view, or one whose definition is broken.
        208 | 4413 | 4502 | 4902 => missing(asked, "table", asked.table),
        207 => missing(asked, "column", quoted_column(asked, error.message())),
        911 => missing(
            asked,
            "database",
            quoted(error.message()).unwrap_or_default(),
        ),
        // The database of the login: it is not there, or the login has no user in it; the server says not which.
        4060 => refused(
            asked.source,
            format!(
                "{}; it does not exist, or the login has no user in it",
                spoken()
            ),
        ),
        // Wrong login or password, an expired, locked or disabled one; a privilege that is not granted.
        229
        | 230
        | 262
        | 297
        | 300
        | 916
        | 4064
        | 18_450
        | 18_452
        | 18_456
        | 18_470
        | 18_482..=18_488 => refused(asked.source, spoken()),
        1222 => unavailable(asked.source, "a lock was not released in time".into()),
        1205 => unavailable(
            asked.source,
            "the statement was chosen to end a deadlock".into(),
        ),
        3960 | 3961 => unavailable(asked.source, "the rows changed while they were read".into()),
        596 => unavailable(asked.source, "somebody ended our session".into()),
        // Starting, stopping, paused, restoring, full, or a copy that others may not read now.
        6002 | 6005 | 6006 | 17_142 | 17_147 | 17_187 | 17_189 | 17_197 | 17_809 | 17_830
        | 18_401 | 18_451 | 18_461 => unavailable(asked.source, spoken()),
        922 | 923 | 924 | 926 | 927 | 942 | 945 | 976..=983 | 9_001 => {
            unavailable(asked.source, spoken())
        }
        // Memory, temporary space, latches, a page that is being written.
        701
        | 802
        | 823..=825
        | 844..=847
        | 1_101
        | 1_105
        | 1_204
        | 8_645
        | 8_651
        | 10_928
        | 10_929
        | 40_197
        | 40_501
        | 40_613
        | 49_918..=49_920 => unavailable(asked.source, numbered()),
        _ => unreadable(asked, numbered()),
    }
}

/// The asked-for column that the server's text names.
fn quoted_column<'a>(asked: Asked<'a>, message: &'a str) -> &'a str {
    let quoted = quoted(message).unwrap_or_default();
    asked
        .columns
        .iter()
        .find(|c| c.eq_ignore_ascii_case(quoted))
        .copied()
        .unwrap_or(quoted)
}

/// The quoted name in one of the server's texts, which is the same in every language.
fn quoted(message: &str) -> Option<&str> {
    let (start, quote) = message
        .char_indices()
        .find(|(_, c)| matches!(c, '\'' | '"'))?;
    let rest = &message[start + 1..];
    rest.rfind(quote).map(|end| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> = Asked {
        source: "khi",
        table: "Person",
        columns: &["PersonId", "it's"],
    };

    #[test]
    fn a_missing_column_is_named_even_with_a_quote_in_it() {
        for (message, expect) in [
            ("Invalid column name 'it's'.", "it's"),
            ("Invalid column name 'nope'.", "nope"),
            ("Nom de colonne non valide : 'personid'.", "PersonId"),
            ("no name at all", ""),
        ] {
            assert_eq!(quoted_column(ASKED, message), expect);
        }
    }

    #[test]
    fn a_drivers_text_is_not_passed_on() {
        let error = Error::Conversion("cannot interpret String(Some(\"Aqib Shaikh\"))".into());
        assert_eq!(
            classify(ASKED, &error).to_string(),
            r#"SRC0005 khi: table "Person": the answer is not in SQL Server's protocol"#
        );
    }

    #[test]
    fn a_lost_connection_is_worth_another_try() {
        let lost = Error::Io {
            kind: std::io::ErrorKind::ConnectionReset,
            message: String::new(),
        };
        assert!(is_lost(&lost) && !is_sound(&lost));
        assert!(classify(ASKED, &lost).is_transient());
    }
}
