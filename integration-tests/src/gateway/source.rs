// SPDX-License-Identifier: Apache-2.0
//! The section of a configuration that says where the legacy database is.

use std::path::PathBuf;

use silsila_mssql::MsSqlOptions;
use silsila_mysql::MySqlOptions;

/// A legacy database as a gateway's configuration names it.
#[derive(Debug, Clone)]
pub enum LegacySource {
    /// A MySQL server, in plain text on loopback.
    MySql(MySqlOptions),
    /// A SQL Server, or its stand-in.
    MsSql(MsSqlOptions),
    /// An Access file.
    Access {
        /// The source's name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// None: a gateway that replicates and validates for its network.
    None,
    /// A database with an ODBC driver.
    Odbc {
        /// The source's name.
        name: String,
        /// The connection string.
        connection: String,
    },
}

impl From<MySqlOptions> for LegacySource {
    fn from(options: MySqlOptions) -> Self {
        Self::MySql(options)
    }
}

impl From<MsSqlOptions> for LegacySource {
    fn from(options: MsSqlOptions) -> Self {
        Self::MsSql(options)
    }
}

impl LegacySource {
    /// The source's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::MySql(options) => &options.name,
            Self::MsSql(options) => &options.name,
            Self::Access { name, .. } | Self::Odbc { name, .. } => name,
            Self::None => "",
        }
    }

    /// The settings that only this kind has, line by line.
    pub(super) fn lines(&self) -> String {
        match self {
            Self::MySql(options) => format!(
                "kind = \"mysql\"\nhost = {:?}\nport = {}\ndatabase = {:?}\nuser = {:?}\n\
                 password_file = \"mysql-password\"\ntls = \"off\"",
                options.host, options.port, options.database, options.user
            ),
            Self::MsSql(options) => format!(
                "kind = \"mssql\"\nhost = {:?}\nport = {}\ndatabase = {:?}\nuser = {:?}\n\
                 password_file = \"mssql-password\"\n{}",
                options.host,
                options.port,
                options.database,
                options.user,
                mssql_tls(&options.tls)
            ),
            Self::Access { file, .. } => {
                format!("kind = \"access\"\nfile = {:?}", file.display().to_string())
            }
            Self::Odbc { connection, .. } => {
                format!("kind = \"odbc\"\nconnection = {connection:?}")
            }
            Self::None => String::new(),
        }
    }

    /// The files of secrets that the lines name, beside the configuration.
    pub(super) fn secrets(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::MySql(options) => vec![("mysql-password", options.password.expose())],
            Self::MsSql(options) => vec![("mssql-password", options.password.expose())],
            Self::Access { .. } | Self::Odbc { .. } | Self::None => Vec::new(),
        }
    }

    /// The MySQL server.
    ///
    /// # Panics
    /// When the source is of another kind, which is a fault of the test.
    pub fn mysql(&mut self) -> &mut MySqlOptions {
        match self {
            Self::MySql(options) => options,
            Self::MsSql(_) | Self::Access { .. } | Self::Odbc { .. } | Self::None => {
                panic!("this gateway reads no MySQL")
            }
        }
    }
}

fn mssql_tls(tls: &silsila_mssql::Tls) -> String {
    let silsila_mssql::Tls::Required {
        ca_file,
        server_name,
    } = tls
    else {
        return "tls = \"off\"".into();
    };
    let ca_file = ca_file.as_ref().map(|f| f.display().to_string());
    let line = |key: &str, value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!("\n{key} = {value:?}"))
    };
    format!(
        "tls = \"required\"{}{}",
        line("tls_ca_file", &ca_file),
        line("tls_server_name", server_name)
    )
}
