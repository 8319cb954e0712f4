// SPDX-License-Identifier: Apache-2.0
//! Making a session that reads and waits for nobody long.

use std::net::SocketAddr;

use silsila_source::SourceError;
use tiberius::error::Error;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::fault::{Asked, classify, refused, tls_fault, unavailable};
use crate::wire::{Failure, Terms, Wire};
use crate::{MsSqlOptions, Tls, tls};

/// A driver's connection over one that we have greeted and encrypted.
pub struct Session {
    pub(crate) client: Client<Compat<Wire>>,
    pub(crate) server: Server,
}

/// What is known of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Product and version as the server names itself.
    pub name: String,
    /// How the connection is encrypted.
    pub encryption: Option<String>,
}

impl Session {
    /// Opens a session exactly as the adapter's own are. For tools that must ask something of their own,
    /// and for the test that a login cannot write.
    ///
    /// # Errors
    /// As for any question to the source.
    pub async fn open(options: &MsSqlOptions) -> Result<Self, SourceError> {
        tokio::time::timeout(options.connect_timeout, connect(options))
            .await
            .unwrap_or_else(|_| {
                let (host, seconds) = (&options.host, options.connect_timeout.as_secs());
                let reason = format!("no connection to {host} within {seconds} s");
                Err(unavailable(&options.name, reason))
            })
    }

    /// Sends a batch of statements as it is, and gives the rows of its last answer, each value as the
    /// server would print it to a person.
    ///
    /// # Errors
    /// As the server says it, with its number.
    pub async fn batch(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let results = self.client.simple_query(sql).await?.into_results().await?;
        Ok(results.into_iter().next_back().unwrap_or_default())
    }
}

/// How the login calls itself in the server's list of sessions.
const APPLICATION: &str = "silsila";

async fn connect(options: &MsSqlOptions) -> Result<Session, SourceError> {
    let mut at = (options.host.clone(), options.port);
    // A listener of an availability group sends readers on to a copy, once.
    for _ in 0..2 {
        match connect_to(options, &at.0, at.1).await? {
            Reached::Session(session) => return Ok(*session),
            Reached::SentOn(host, port) => at = (host, port),
        }
    }
    let (host, port) = at;
    Err(classify(asked(options), &Error::Routing { host, port }))
}

enum Reached {
    Session(Box<Session>),
    SentOn(String, u16),
}

async fn connect_to(options: &MsSqlOptions, host: &str, port: u16) -> Result<Reached, SourceError> {
    let addresses = addresses(options, host, port).await?;
    let terms = terms(options, host).await?;
    let tcp = TcpStream::connect(&addresses[..])
        .await
        .map_err(|e| unavailable(&options.name, e.kind().to_string()))?;
    tcp.set_nodelay(true)
        .map_err(|e| unavailable(&options.name, e.kind().to_string()))?;
    let wire = Wire::open(tcp, terms)
        .await
        .map_err(|failure| match failure {
            Failure::Io(error) => unavailable(&options.name, error.kind().to_string()),
            Failure::Tls(reason) => tls_fault(&options.name, reason),
            Failure::NotTds => unavailable(
                &options.name,
                format!("{host}:{port} does not answer as SQL Server does"),
            ),
        })?;
    let encryption = wire.encryption.clone();
    let client = match Client::connect(config(options, host, port), wire.compat()).await {
        Ok(client) => client,
        Err(Error::Routing { host, port }) => return Ok(Reached::SentOn(host, port)),
        Err(error) => return Err(classify(asked(options), &error)),
    };
    let server = Server {
        name: String::new(),
        encryption,
    };
    let mut session = Session { client, server };
    session.server.name = set_up(&mut session, options)
        .await
        .map_err(|e| classify(asked(options), &e))?;
    Ok(Reached::Session(Box::new(session)))
}

fn asked(options: &MsSqlOptions) -> Asked<'_> {
    Asked {
        source: &options.name,
        table: "",
        columns: &[],
    }
}

fn config(options: &MsSqlOptions, host: &str, port: u16) -> Config {
    let mut config = Config::new();
    config.host(host);
    config.port(port);
    config.database(&options.database);
    config.application_name(APPLICATION);
    config.client_name(APPLICATION); // else the driver tells the server this machine's name
    config.authentication(AuthMethod::sql_server(
        &options.user,
        options.password.expose(),
    ));
    config.encryption(EncryptionLevel::NotSupported); // it is below the driver, in `wire`
    config.readonly(true);
    config.packet_size(8_000); // what .NET asks for; with encryption a server takes 16,383 at most
    config.lossy_utf16_decoding(true); // one damaged text must not hide a whole chunk; keys: `types`
    // Ours bound the whole: the driver's start anew with every packet.
    config.handshake_timeout(None);
    config.command_timeout(None);
    config
}

/// Everything that makes answers independent of the server's configuration. READ COMMITTED is what the
/// hospital's own software reads by; a lock that is not released in time is an error and no wait without
/// end; of two that block each other, we give way.
async fn set_up(session: &mut Session, options: &MsSqlOptions) -> Result<String, Error> {
    let lock_timeout = options.lock_timeout.as_millis().min(i32::MAX as u128);
    let batch = format!(
        "SET ANSI_NULLS ON; SET QUOTED_IDENTIFIER ON; SET IMPLICIT_TRANSACTIONS OFF; SET ROWCOUNT 0; \
         SET TEXTSIZE 2147483647; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; \
         SET DEADLOCK_PRIORITY LOW; SET LOCK_TIMEOUT {lock_timeout}; \
         SELECT CAST(@@VERSION AS NVARCHAR(4000))"
    );
    let rows = session.batch(&batch).await?;
    let version: Option<&str> = rows.first().and_then(|row| row.try_get(0).ok().flatten());
    Ok(first_line(version.unwrap_or_default()))
}

/// `Microsoft SQL Server 2019 (RTM) - 15.0.2000.5 (X64)`; the rest is the build and the machine.
fn first_line(version: &str) -> String {
    let line = version.lines().next().unwrap_or_default();
    let words: Vec<_> = line.split_whitespace().collect();
    if words.is_empty() {
        "SQL Server".into()
    } else {
        words.join(" ")
    }
}

async fn terms(options: &MsSqlOptions, host: &str) -> Result<Option<Terms>, SourceError> {
    let Tls::Required {
        ca_file,
        server_name,
    } = &options.tls
    else {
        return Ok(None);
    };
    let fault = |reason| tls_fault(&options.name, reason);
    Ok(Some(Terms {
        config: tls::client(ca_file.as_deref()).await.map_err(fault)?,
        name: tls::server_name(server_name.as_deref().unwrap_or(host)).map_err(fault)?,
    }))
}

/// The host's addresses; without encryption only if all of them are this machine.
async fn addresses(
    options: &MsSqlOptions,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, SourceError> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|e| unavailable(&options.name, format!("{host}: {}", e.kind())))?
        .collect();
    let here = !addresses.is_empty() && addresses.iter().all(|a| a.ip().is_loopback());
    if options.tls == Tls::Off && !here {
        return Err(tls_fault(
            &options.name,
            format!(
                "plain text is for this machine only, and {host} is not; set tls to required, or connect through a tunnel"
            ),
        ));
    }
    if addresses.is_empty() {
        return Err(refused(&options.name, format!("{host} has no address")));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Secret;

    #[test]
    fn a_server_is_named_by_its_first_line() {
        let text = "Microsoft SQL Server 2019 (RTM-CU18) (KB5017593) - 15.0.4261.1 (X64) \n\tSep 12 2022\n\tCopyright";
        assert_eq!(
            first_line(text),
            "Microsoft SQL Server 2019 (RTM-CU18) (KB5017593) - 15.0.4261.1 (X64)"
        );
        assert_eq!(first_line(""), "SQL Server");
    }

    #[tokio::test]
    async fn plain_text_is_refused_off_loopback() {
        let mut options = MsSqlOptions::new("khi", "192.0.2.1", "d", "u", Secret::new("p"));
        options.tls = Tls::Off;
        let error = Session::open(&options)
            .await
            .map(drop)
            .map_err(|e| e.to_string());
        assert!(
            matches!(&error, Err(text) if text.starts_with("SRC0004 khi:") && text.contains("192.0.2.1")),
            "{error:?}"
        );
    }
}
