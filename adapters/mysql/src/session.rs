// SPDX-License-Identifier: Apache-2.0
//! Making a session that cannot write.

use std::net::IpAddr;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use silsila_source::SourceError;

use crate::fault::{Asked, classify, tls_fault, unavailable};
use crate::{MySqlOptions, Tls};

/// What decides which dialect a server speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Product and version, such as `MariaDB 10.11.19`.
    pub name: String,
    mariadb: bool,
    version: (u16, u16, u16),
}

impl Server {
    fn new(version_text: &str, version: (u16, u16, u16)) -> Self {
        let mariadb = version_text.to_ascii_lowercase().contains("mariadb");
        let product = if mariadb { "MariaDB" } else { "MySQL" };
        let (major, minor, patch) = version;
        Self {
            name: format!("{product} {major}.{minor}.{patch}"),
            mariadb,
            version,
        }
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.mariadb
    }

    /// Whether the log's end is asked for by its newer name, because the older one is gone.
    pub(crate) fn says_binary_log_status(&self) -> bool {
        !self.mariadb && self.version >= (8, 2, 0)
    }

    /// Whether the server itself can hold a session read-only.
    pub(crate) fn holds_read_only(&self) -> bool {
        if self.mariadb {
            self.version >= (10, 0, 0)
        } else {
            self.version >= (5, 6, 5)
        }
    }

    /// The setting that bounds a statement's time on the server, if it has one.
    fn statement_limit(&self, seconds: f64) -> Option<String> {
        if self.mariadb {
            (self.version >= (10, 1, 2)).then(|| format!("max_statement_time={seconds:.3}"))
        } else {
            (self.version >= (5, 7, 8)).then(|| format!("max_execution_time={:.0}", seconds * 1e3))
        }
    }
}

/// Opens a session exactly as the adapter's own are: UTC, Unicode, bounded in time, and held read-only
/// by the server. For tools that must ask something of their own, and for the test that nothing can
/// be written.
///
/// # Errors
/// As for any question to the source.
pub async fn open(options: &MySqlOptions) -> Result<Conn, SourceError> {
    connect(options).await.map(|(conn, _)| conn)
}

pub(crate) async fn connect(options: &MySqlOptions) -> Result<(Conn, Server), SourceError> {
    let connecting = async {
        let opts = driver_options(options).await?;
        let mut conn = Conn::new(opts)
            .await
            .map_err(|e| classify(asked(options), &e))?;
        let server = set_up(&mut conn, options)
            .await
            .map_err(|e| classify(asked(options), &e))?;
        Ok((conn, server))
    };
    tokio::time::timeout(options.connect_timeout, connecting)
        .await
        .unwrap_or_else(|_| {
            let seconds = options.connect_timeout.as_secs();
            Err(unavailable(
                &options.name,
                format!("no connection to {} within {seconds} s", options.host),
            ))
        })
}

pub(crate) fn asked(options: &MySqlOptions) -> Asked<'_> {
    Asked {
        source: &options.name,
        table: "",
        columns: &[],
    }
}

/// Everything that makes answers independent of the server's configuration, and writing impossible.
async fn set_up(conn: &mut Conn, options: &MySqlOptions) -> mysql_async::Result<Server> {
    let version_text: String = conn
        .query_first("SELECT VERSION()")
        .await?
        .unwrap_or_default();
    let server = Server::new(&version_text, conn.server_version());
    conn.query_drop("SET NAMES utf8mb4").await?;
    // Impossible dates must be comparable, or a scan could not resume after one.
    let mut settings = "SET SESSION time_zone='+00:00', sql_mode='ALLOW_INVALID_DATES'".to_owned();
    if let Some(limit) = server.statement_limit(options.statement_timeout.as_secs_f64()) {
        settings.push_str(", ");
        settings.push_str(&limit);
    }
    conn.query_drop(settings).await?;
    if server.holds_read_only() {
        conn.query_drop("SET SESSION TRANSACTION READ ONLY").await?;
    }
    Ok(server)
}

pub(crate) async fn driver_options(options: &MySqlOptions) -> Result<Opts, SourceError> {
    let builder = OptsBuilder::default()
        .ip_or_hostname(options.host.as_str())
        .tcp_port(options.port)
        .user(Some(options.user.as_str()))
        .pass(Some(options.password.expose()))
        .db_name(Some(options.database.as_str()))
        .prefer_socket(false)
        .tcp_keepalive(Some(std::time::Duration::from_secs(60)))
        .stmt_cache_size(512usize);
    let builder = match &options.tls {
        Tls::Off => builder.resolved_ips(Some(loopback(options).await?)),
        Tls::Required {
            ca_file,
            server_name,
        } => {
            // Ours only where the program has not chosen a provider yet.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let mut ssl = SslOpts::default().with_danger_tls_hostname_override(server_name.clone());
            if let Some(path) = ca_file {
                let pem = tokio::fs::read(path).await.map_err(|e| {
                    let reason = format!("CA file {}: {}", path.display(), e.kind());
                    tls_fault(&options.name, reason)
                })?;
                ssl = ssl
                    .with_root_certs(vec![pem.into()])
                    .with_disable_built_in_roots(true);
            }
            builder.ssl_opts(ssl)
        }
    };
    Ok(builder.into())
}

/// The host's addresses if all of them are this machine; plain text goes nowhere else.
async fn loopback(options: &MySqlOptions) -> Result<Vec<IpAddr>, SourceError> {
    let addresses: Vec<IpAddr> = tokio::net::lookup_host((options.host.as_str(), options.port))
        .await
        .map_err(|e| unavailable(&options.name, format!("{}: {}", options.host, e.kind())))?
        .map(|a| a.ip())
        .collect();
    if addresses.is_empty() || !addresses.iter().all(IpAddr::is_loopback) {
        return Err(tls_fault(
            &options.name,
            format!(
                "plain text is for this machine only, and {} is not; set tls to required, or connect through a tunnel",
                options.host
            ),
        ));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Secret;

    fn server(text: &str, version: (u16, u16, u16)) -> Server {
        Server::new(text, version)
    }

    #[test]
    fn dialects_are_told_apart_by_version() {
        let old = server("5.5.68", (5, 5, 68));
        assert!(!old.holds_read_only() && old.statement_limit(9.0).is_none());
        let mysql = server("8.0.36-0ubuntu0.22.04.1", (8, 0, 36));
        assert_eq!(mysql.name, "MySQL 8.0.36");
        assert_eq!(
            mysql.statement_limit(9.5).as_deref(),
            Some("max_execution_time=9500")
        );
        let maria = server("10.11.19-MariaDB-0+deb12u1", (10, 11, 19));
        assert_eq!(maria.name, "MariaDB 10.11.19");
        assert_eq!(
            maria.statement_limit(9.5).as_deref(),
            Some("max_statement_time=9.500")
        );
        assert!(maria.holds_read_only() && mysql.holds_read_only());
    }

    #[tokio::test]
    async fn plain_text_is_refused_off_loopback() {
        let mut options = MySqlOptions::new("mpk", "192.0.2.1", "d", "u", Secret::new("p"));
        options.tls = Tls::Off;
        let error = open(&options).await.map(drop).map_err(|e| e.to_string());
        assert!(
            matches!(&error, Err(text) if text.starts_with("SRC0004 mpk:") && text.contains("192.0.2.1")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_missing_ca_file_is_named() {
        let mut options = MySqlOptions::new("mpk", "127.0.0.1", "d", "u", Secret::new("p"));
        options.tls = Tls::Required {
            ca_file: Some("no/such/ca.pem".into()),
            server_name: None,
        };
        let error = open(&options).await.map(drop).map_err(|e| e.to_string());
        assert!(
            matches!(&error, Err(text) if text.contains("no/such/ca.pem")),
            "{error:?}"
        );
    }
}
