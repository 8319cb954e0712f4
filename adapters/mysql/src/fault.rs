// SPDX-License-Identifier: Apache-2.0
//! Turning the driver's and the server's errors into coded ones.
//!
//! A server's text may quote a value (`Incorrect datetime value: '...'`), so only the texts of errors
//! that are known to speak of names, users and hosts are passed on; of all others the number.

use mysql_async::{DriverError, Error, IoError, ServerError, TlsError};
use silsila_source::SourceError;

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
        Error::Io(IoError::Tls(tls)) => tls_fault(asked.source, tls_reason(tls)),
        Error::Io(IoError::Io(io)) => io_fault(asked, io),
        Error::Driver(driver) => driver_fault(asked, driver),
        Error::Url(_) => refused(asked.source, "the address cannot be understood".into()),
        Error::Other(_) => unreadable(asked, "the driver failed".into()),
    }
}

/// Whether the connection is gone, so that the same question on a new one may be answered.
pub(crate) fn is_lost(error: &Error) -> bool {
    match error {
        Error::Io(IoError::Io(_)) | Error::Driver(DriverError::ConnectionClosed) => true,
        Error::Server(server) => matches!(server.code, 1053 | 1079 | 1927 | 4031),
        _ => false,
    }
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

fn missing(asked: Asked<'_>, what: &'static str, name: &str) -> SourceError {
    SourceError::Missing {
        source_name: asked.source.into(),
        what,
        name: name.into(),
    }
}

/// Numbers from the servers' published lists of error messages.
fn server_fault(asked: Asked<'_>, error: &ServerError) -> SourceError {
    let spoken = || format!("{} (error {})", error.message.trim(), error.code);
    let numbered = || format!("the server reports error {} ({})", error.code, error.state);
    match error.code {
        // No such table or view, or one whose definition is broken.
        1051 | 1102 | 1103 | 1146 | 1356 | 1932 => missing(asked, "table", asked.table),
        1054 | 1166 => missing(asked, "column", quoted_column(asked, &error.message)),
        1049 => SourceError::Missing {
            source_name: asked.source.into(),
            what: "database",
            name: quoted(&error.message).unwrap_or_default().into(),
        },
        // Wrong user, password, host or privilege.
        1044 | 1045 | 1129 | 1130 | 1141 | 1142 | 1143 | 1227 | 1251 | 1275 | 1370 | 1410
        | 1524 | 1698 | 1820 | 1862 | 3118 | 3159 | 3955 | 4151 => refused(asked.source, spoken()),
        // Full, stopping, starting, or a connection that somebody ended.
        1040 | 1053 | 1079 | 1203 | 1226 | 1927 | 3032 | 4031 => {
            unavailable(asked.source, spoken())
        }
        1205 => unavailable(asked.source, "a lock was not released in time".into()),
        1213 => unavailable(
            asked.source,
            "the statement was chosen to end a deadlock".into(),
        ),
        1317 => unavailable(asked.source, "the statement was interrupted".into()),
        1969 | 3024 => unavailable(
            asked.source,
            format!("the statement on {:?} took longer than it may", asked.table),
        ),
        // Network trouble as the server saw it; a table altered under the statement.
        1152 | 1158..=1161 | 1184 | 1412 | 1615 => unavailable(asked.source, numbered()),
        _ => unreadable(asked, numbered()),
    }
}

fn driver_fault(asked: Asked<'_>, error: &DriverError) -> SourceError {
    match error {
        DriverError::ConnectionClosed | DriverError::PoolDisconnected => {
            unavailable(asked.source, "the connection was closed".into())
        }
        DriverError::NoClientSslFlagFromServer => tls_fault(
            asked.source,
            "the server offers no TLS; give it a certificate, or end a tunnel on this machine and connect to that".into(),
        ),
        DriverError::MysqlOldPasswordDisabled => refused(
            asked.source,
            "the user's password is stored in the format of before MySQL 4.1, which is not safe; set it anew".into(),
        ),
        DriverError::UnknownAuthPlugin { name } => {
            refused(asked.source, format!("the user logs in by {name:?}, which is not supported"))
        }
        DriverError::CleartextPluginDisabled => refused(
            asked.source,
            "the server asks for the password in clear text".into(),
        ),
        DriverError::PacketTooLarge => unreadable(
            asked,
            "a row is larger than the server's max_allowed_packet".into(),
        ),
        DriverError::PacketOutOfOrder
        | DriverError::UnexpectedPacket { .. }
        | DriverError::CantParseServerVersion { .. } => {
            unreadable(asked, "the answer is not in MySQL's protocol".into())
        }
        _ => unreadable(asked, "the driver could not carry the statement".into()),
    }
}

fn io_fault(asked: Asked<'_>, error: &std::io::Error) -> SourceError {
    let rustls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match rustls {
        Some(tls) => tls_fault(asked.source, rustls_reason(tls)),
        // The kind and not the text: a decoding fault of the driver arrives here too.
        None => unavailable(asked.source, error.kind().to_string()),
    }
}

fn tls_reason(error: &TlsError) -> String {
    match error {
        TlsError::Tls(rustls) => rustls_reason(rustls),
        TlsError::InvalidDnsName(_) => {
            "the server name is neither a DNS name nor an address".into()
        }
        TlsError::Pem(_) => "the CA file is not PEM".into(),
        TlsError::VerifierBuilderError(_) => "the CA file holds no usable certificate".into(),
    }
}

fn rustls_reason(error: &rustls::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};
    let too_old = matches!(
        error,
        Rustls::AlertReceived(AlertDescription::ProtocolVersion)
            | Rustls::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                    | PeerIncompatible::ServerDoesNotSupportTls12Or13
            )
    );
    if too_old {
        return "the server speaks only TLS 1.0 or 1.1; bring it up to date, or end a tunnel on this machine and connect to that".into();
    }
    let misnamed = matches!(
        error,
        Rustls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    );
    if misnamed {
        return format!(
            "{error}; the name must stand in the certificate as a subject alternative name"
        );
    }
    error.to_string()
}

/// The asked-for column that the server's text names.
fn quoted_column<'a>(asked: Asked<'a>, message: &'a str) -> &'a str {
    let quoted = quoted(message).unwrap_or_default();
    asked
        .columns
        .iter()
        .find(|c| quoted == **c || quoted.ends_with(&format!(".{c}")))
        .copied()
        .unwrap_or(quoted)
}

/// The first quoted name in one of the server's texts.
fn quoted(message: &str) -> Option<&str> {
    let start = message.find('\'')? + 1;
    let rest = &message[start..];
    let end = rest
        .find("' in ")
        .or_else(|| rest.rfind('\''))
        .unwrap_or(rest.len());
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'static> = Asked {
        source: "mpk",
        table: "patients",
        columns: &["id", "it's"],
    };

    fn server(code: u16, message: &str) -> Error {
        Error::Server(ServerError {
            code,
            message: message.into(),
            state: "HY000".into(),
        })
    }

    fn check(error: &Error, expect: &str) {
        assert_eq!(classify(ASKED, error).to_string(), expect);
    }

    #[test]
    fn a_servers_text_that_may_quote_a_value_is_not_passed_on() {
        check(
            &server(1525, "Incorrect DATE value: 'Aquib Shaikh'"),
            r#"SRC0005 mpk: table "patients": the server reports error 1525 (HY000)"#,
        );
        check(
            &server(1105, "Unknown error near '03448556000'"),
            r#"SRC0005 mpk: table "patients": the server reports error 1105 (HY000)"#,
        );
    }

    #[test]
    fn a_missing_column_is_named_even_with_a_quote_in_it() {
        check(
            &server(1054, "Unknown column 'it's' in 'field list'"),
            r#"SRC0003 mpk: no column "it's""#,
        );
        check(
            &server(1054, "Unknown column 'nope' in 'WHERE'"),
            r#"SRC0003 mpk: no column "nope""#,
        );
    }

    #[test]
    fn a_wrong_password_is_for_a_person_to_mend() {
        let error = classify(
            ASKED,
            &server(
                1045,
                "Access denied for user 'silsila'@'localhost' (using password: YES)",
            ),
        );
        assert!(matches!(error, SourceError::Refused { .. }));
        assert!(!error.is_transient());
    }

    #[test]
    fn a_full_or_stopping_server_is_worth_trying_again() {
        for code in [1040, 1053, 1205, 1317, 1927, 1969, 3024] {
            assert!(classify(ASKED, &server(code, "x")).is_transient(), "{code}");
        }
    }

    #[test]
    fn a_server_too_old_for_tls_1_2_is_named_so() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion);
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, alert);
        let text = classify(ASKED, &Error::Io(IoError::Io(io))).to_string();
        assert!(
            text.starts_with("SRC0004 mpk:") && text.contains("TLS 1.0 or 1.1"),
            "{text}"
        );
    }

    #[test]
    fn a_lost_connection_is_told_from_a_refusal() {
        let lost = Error::Io(IoError::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert!(is_lost(&lost) && classify(ASKED, &lost).is_transient());
        assert!(!is_lost(&server(1045, "x")));
    }
}
