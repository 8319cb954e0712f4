// SPDX-License-Identifier: Apache-2.0
//! One connection, and what is known of the database behind it.

use std::collections::HashMap;
use std::time::Duration;

use odbc_api::handles::StatementImpl;
use odbc_api::parameter::InputParameter;
use odbc_api::{Connection, ConnectionOptions, Cursor, CursorImpl, Environment, Error};
use silsila_source::SourceError;

use crate::bind::{self, Param};
use crate::bulk::Kept;
use crate::dialect::Dialect;
use crate::driver::{self, Driver};
use crate::fault::{self, Problem, no_driver};
use crate::select::Names;
use crate::text::Encoding;
use crate::types::Column;
use crate::{OdbcOptions, TextMode, catalog};

/// A connection that is ready for questions.
pub(crate) struct Session<'c> {
    pub conn: Connection<'c>,
    pub known: Known,
}

/// What is known of a connection's database and driver.
#[derive(Debug)]
pub(crate) struct Known {
    /// What the database calls itself.
    pub dbms: String,
    pub dialect: Dialect,
    pub names: Names,
    /// How statements and names travel.
    pub calls: Encoding,
    /// How the text of cells and parameters travels.
    pub text: Encoding,
    /// Whether the database holds this session read-only.
    pub read_only: bool,
    /// Seconds that the driver is told a statement may take; `None` where it cannot be told.
    pub timeout: Option<usize>,
    /// The catalog that lists are asked for; the connection's own where none was configured.
    pub catalog: Option<String>,
    /// Columns by the statement that described them.
    pub described: HashMap<String, Vec<Column>>,
    /// Units set aside for a column (the statement's text, its place) that held longer cells than expected.
    pub widths: HashMap<(String, usize), usize>,
    /// The last fetch's memory.
    pub kept: Option<Kept>,
}

/// Connects, hands the session to `serve`, and disconnects when that returns.
pub(crate) fn with(options: &OdbcOptions, serve: impl FnOnce(Result<Session<'_>, SourceError>)) {
    match Environment::new() {
        Ok(environment) => serve(open(options, &environment)),
        Err(_) => serve(Err(no_driver(
            &options.name,
            "the driver manager does not start".into(),
        ))),
    }
}

fn open<'c>(
    options: &OdbcOptions,
    environment: &'c Environment,
) -> Result<Session<'c>, SourceError> {
    let driver = Driver::of(&options.connection, environment);
    driver.refuse_unfit(&options.name)?;
    let conn = connect(options, environment, &driver)?;
    let coded = |e: Error| fault::while_connecting(&options.name, &e, password(options));
    let dbms = conn.database_management_system_name().map_err(coded)?;
    driver::after_connecting(&options.name, &dbms)?;
    let dialect = Dialect::of(&dbms);
    let calls = driver.calls;
    let told = conn.identifier_quote_char().unwrap_or(Some('"'));
    let catalog = conn.current_catalog().ok().map(|c| calls.inward(c));
    let mut session = Session {
        known: Known {
            dbms,
            dialect,
            names: Names {
                quote: told,
                qualified: dialect.qualified,
                catalog: options.catalog.clone(),
                schema: options.schema.clone(),
            },
            calls,
            text: encoding(&conn, &dialect, options.text),
            read_only: false,
            timeout: takes_a_timeout(&conn, seconds(options.statement_timeout)),
            catalog: options
                .catalog
                .clone()
                .or(catalog.filter(|c| !c.is_empty())),
            described: HashMap::new(),
            widths: HashMap::new(),
            kept: None,
        },
        conn,
    };
    for statement in dialect.set_up {
        session.run(statement).map_err(coded)?;
    }
    if let Some(statement) = dialect.read_only {
        session.run(statement).map_err(coded)?;
        session.known.read_only = true;
    }
    Ok(session)
}

fn password(options: &OdbcOptions) -> Option<&str> {
    options.password.as_ref().map(|p| p.expose())
}

fn takes_a_timeout(conn: &Connection<'_>, seconds: usize) -> Option<usize> {
    let mut statement = conn.preallocate().ok()?;
    statement.set_query_timeout_sec(seconds).ok()?;
    Some(seconds)
}

fn seconds(duration: Duration) -> usize {
    usize::try_from(duration.as_secs().max(1)).unwrap_or(usize::MAX)
}

fn connect<'c>(
    options: &OdbcOptions,
    environment: &'c Environment,
    driver: &Driver,
) -> Result<Connection<'c>, SourceError> {
    let text = driver::connection_string(options, driver);
    let text = driver.calls.outward(&text).into_owned();
    let timed = ConnectionOptions {
        login_timeout_sec: u32::try_from(seconds(options.connect_timeout)).ok(),
        packet_size: None,
    };
    let error = match environment.connect_with_connection_string(&text, timed) {
        Ok(conn) => return Ok(conn),
        // Some drivers refuse to be told how long they may take.
        Err(error) if fault::is_unsupported(&error) => {
            match environment.connect_with_connection_string(&text, ConnectionOptions::default()) {
                Ok(conn) => return Ok(conn),
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    Err(match fault::lacks_driver(&error) {
        true => driver::not_there(&options.name, &options.connection, Some(environment)),
        false => fault::while_connecting(&options.name, &error, password(options)),
    })
}

/// Asks for the kinds of tables there are, which every driver answers with a few short texts, as UTF-16; of a
/// driver that cannot say it so, text is read as bytes.
fn encoding(conn: &Connection<'_>, dialect: &Dialect, mode: TextMode) -> Encoding {
    let wide = || -> Result<bool, Error> {
        let mut cursor = conn.preallocate()?.into_tables_cursor("", "", "", "%")?;
        let kinds = catalog::rows(&mut cursor, 4, Encoding::Wide)?;
        Ok(kinds.iter().any(|row| row.iter().any(Option::is_some)))
    };
    match mode {
        TextMode::Utf16 => Encoding::Wide,
        TextMode::Utf8 => Encoding::Narrow,
        TextMode::Auto if dialect.file => Encoding::Narrow,
        TextMode::Auto => match wide() {
            Ok(true) => Encoding::Wide,
            Ok(false) | Err(_) => Encoding::Narrow,
        },
    }
}

impl Session<'_> {
    /// Puts a statement; `None` where it has no answer.
    pub(crate) fn execute(
        &mut self,
        sql: &str,
        params: Vec<Param>,
    ) -> Result<Option<CursorImpl<StatementImpl<'_>>>, Problem> {
        let Self { conn, known } = self;
        let params: Vec<Box<dyn InputParameter>> = params
            .into_iter()
            .map(|p| bind::laid_out(p, known.text))
            .collect();
        let sql = known.calls.outward(sql);
        Ok(conn.execute(&sql, params.as_slice(), known.timeout)?)
    }

    /// A statement of our own without an answer that matters.
    fn run(&mut self, sql: &str) -> Result<(), Error> {
        self.conn.execute(sql, (), None).map(drop)
    }

    /// The first cell of the first row of a statement of our own.
    pub(crate) fn scalar(&mut self, sql: &str) -> Result<Option<String>, Problem> {
        let Some(mut cursor) = self.execute(sql, Vec::new())? else {
            return Ok(None);
        };
        let Some(mut row) = cursor.next_row()? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let there = row.get_text(1, &mut bytes)?;
        Ok(there.then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }
}
