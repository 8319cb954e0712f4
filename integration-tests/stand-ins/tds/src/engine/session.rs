// SPDX-License-Identifier: Apache-2.0
//! One login's session: its batches, its transaction, its settings.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::context::{Context, Parameters};
use super::database::{Database, SessionId};
use super::define::define;
use super::instance::{Instance, MASTER};
use super::rows::Writing;
use super::select::{Output, Rows, select};
use super::writer::{Writer, Written};
use crate::data::{Type, Value, convert};
use crate::error::{Result, SqlError};
use crate::sql::{self, From, ObjectName, Statement, parse};

/// What a session says while it works through a batch.
pub(crate) enum Answer<'a> {
    Columns(&'a [Output]),
    Row(&'a [Value]),
    /// A statement has ended, with so many rows where it counts them.
    Done(Option<u64>),
    /// The session is in another database now.
    Database(&'a str),
}

/// Where answers go; an error ends the batch, because whoever asked has gone or has had enough.
pub(crate) trait Answers {
    fn say(&mut self, answer: Answer<'_>) -> Result<()>;
}

struct To<'a>(&'a mut dyn Answers);

impl Rows for To<'_> {
    fn columns(&mut self, columns: &[Output]) -> Result<()> {
        self.0.say(Answer::Columns(columns))
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        self.0.say(Answer::Row(values))
    }
}

pub(crate) struct Session {
    instance: Arc<Instance>,
    pub(super) id: SessionId,
    login: String,
    pub(super) database: Arc<Database>,
    pub(super) connection: Connection,
    pub(super) lock_timeout: Option<Duration>,
    /// What an open transaction has written.
    pub(super) transaction: Option<Vec<Written>>,
    pub(super) abort_on_error: bool,
    identity_insert: Option<ObjectName>,
}

impl Session {
    /// Opens a session for a login that has shown its password.
    pub(crate) fn open(instance: Arc<Instance>, login: &str, database: &str) -> Result<Self> {
        let name = if database.is_empty() {
            MASTER
        } else {
            database
        };
        let refused = || {
            SqlError::new(
                4060,
                11,
                format!(
                    "Cannot open database \"{name}\" requested by the login. The login failed."
                ),
            )
        };
        let database = instance.database(name)?.ok_or_else(refused)?;
        let known = database.catalogue().user_of(login).is_some();
        if !instance.is_admin(login) && !known && name != MASTER {
            return Err(refused());
        }
        Ok(Self {
            id: instance.next_session(),
            login: login.into(),
            connection: database.connect()?,
            database,
            instance,
            lock_timeout: None,
            transaction: None,
            abort_on_error: false,
            identity_insert: None,
        })
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn database_name(&self) -> &str {
        &self.database.name
    }

    /// Works through a batch; what was done before a mistake stays done.
    pub(crate) fn batch(
        &mut self,
        text: &str,
        parameters: &Parameters,
        answers: &mut dyn Answers,
    ) -> Result<()> {
        for (statement, text) in parse(text)? {
            let count = self.statement(&statement, text, parameters, answers)?;
            answers.say(Answer::Done(count))?;
        }
        Ok(())
    }

    /// `sp_executesql`: the parameters in the types that they were declared with.
    pub(crate) fn declared(
        declarations: &str,
        given: Vec<(String, Value, Type)>,
    ) -> Result<Parameters> {
        let declared = sql::parse_declarations(declarations)?;
        if declared.len() != given.len() {
            return Err(SqlError::new(
                8178,
                16,
                "The parameterized query expects parameters that were not supplied.",
            ));
        }
        let mut parameters = Parameters::new();
        for ((name, ty), (given_name, value, given_type)) in declared.into_iter().zip(given) {
            if !given_name.is_empty() && !given_name.eq_ignore_ascii_case(&name) {
                return Err(SqlError::new(
                    8145,
                    16,
                    format!("{given_name} is not a parameter for procedure sp_executesql."),
                ));
            }
            let value = convert(value, given_type, ty, crate::data::Collation::default())?;
            parameters.insert(name.to_ascii_lowercase(), (value, ty));
        }
        Ok(parameters)
    }

    fn statement(
        &mut self,
        statement: &Statement,
        text: &str,
        parameters: &Parameters,
        answers: &mut dyn Answers,
    ) -> Result<Option<u64>> {
        match statement {
            Statement::Select(select) => self.select(select, parameters, answers).map(Some),
            Statement::Insert {
                table,
                columns,
                rows,
            } => self
                .write(table, "INSERT", &[], parameters, |w| {
                    w.insert(columns.as_deref(), rows)
                })
                .map(Some),
            Statement::Update {
                table,
                hints,
                set,
                filter,
            } => self
                .write(table, "UPDATE", hints, parameters, |w| {
                    w.update(set, filter.as_ref())
                })
                .map(Some),
            Statement::Delete { table, filter } => self
                .write(table, "DELETE", &[], parameters, |w| {
                    w.delete(filter.as_ref())
                })
                .map(Some),
            Statement::Begin => self.begin().map(|()| None),
            Statement::Commit => self.commit().map(|()| None),
            Statement::Rollback => self.rollback().map(|()| None),
            Statement::Use(name) => self.use_database(name, answers).map(|()| None),
            Statement::Set(setting, value) => self.set(setting, value).map(|()| None),
            Statement::IdentityInsert(table, on) => {
                self.database.catalogue().table(table)?;
                self.identity_insert = on.then(|| table.clone());
                Ok(None)
            }
            _ => self.define(statement, text, parameters).map(|()| None),
        }
    }

    fn context<'a>(&'a self, parameters: &'a Parameters) -> Context<'a> {
        Context {
            database: &self.database,
            catalogue: self.database.catalogue(),
            login: &self.login,
            admin: self.instance.is_admin(&self.login),
            session: self.id,
            parameters,
        }
    }

    fn select(
        &mut self,
        asked: &sql::Select,
        parameters: &Parameters,
        answers: &mut dyn Answers,
    ) -> Result<u64> {
        let context = self.context(parameters);
        if let Some(From::Table { name, hints }) = &asked.from
            && let Some(table) = context.catalogue.find(name)
        {
            match hints.iter().any(|h| h == "TABLOCKX") {
                true => self.database.lock(table.id, self.id, self.lock_timeout)?,
                false => self.database.wait(table.id, self.id, self.lock_timeout)?,
            }
        }
        let own = self.transaction.as_ref().is_some_and(|t| !t.is_empty());
        if own {
            self.enter()?;
        }
        let count = select(
            asked,
            &self.connection,
            &self.context(parameters),
            &mut To(answers),
        );
        if own {
            self.connection.execute_batch("ROLLBACK")?;
        }
        if self.transaction.is_none() {
            self.database.release(self.id);
        }
        count
    }

    fn write(
        &mut self,
        name: &ObjectName,
        privilege: &str,
        hints: &[String],
        parameters: &Parameters,
        write: impl FnOnce(&Writing<'_, '_>) -> Result<u64>,
    ) -> Result<u64> {
        let table = self.database.catalogue().table(name)?;
        self.context(parameters).demand(privilege, &table)?;
        match hints.iter().any(|h| h == "TABLOCKX") {
            true => self.database.lock(table.id, self.id, self.lock_timeout)?,
            false => self.database.wait(table.id, self.id, self.lock_timeout)?,
        }
        let identity_insert = self.identity_insert.as_ref().is_some_and(|n| {
            self.database
                .catalogue()
                .find(n)
                .is_some_and(|t| t.id == table.id)
        });
        self.enter()?;
        let context = self.context(parameters);
        let writer = Writer::new(&self.connection);
        let outcome = write(&Writing {
            writer: &writer,
            context: &context,
            table: &table,
            identity_insert,
        });
        let written = writer.written();
        self.leave(outcome, written)
    }

    fn use_database(&mut self, name: &str, answers: &mut dyn Answers) -> Result<()> {
        let missing = || {
            SqlError::new(
                911,
                16,
                format!(
                    "Database '{name}' does not exist. Make sure that the name is entered correctly."
                ),
            )
        };
        let database = self.instance.database(name)?.ok_or_else(missing)?;
        if !self.instance.is_admin(&self.login)
            && database.catalogue().user_of(&self.login).is_none()
        {
            return Err(SqlError::new(
                916,
                14,
                format!(
                    "The server principal \"{}\" is not able to access the database \"{name}\" under the current security context.",
                    self.login
                ),
            ));
        }
        if self.transaction.is_some() {
            return Err(SqlError::unknown("USE within a transaction"));
        }
        self.connection = database.connect()?;
        self.database = database;
        answers.say(Answer::Database(&self.database.name))
    }

    fn set(&mut self, setting: &str, value: &str) -> Result<()> {
        match (setting, value) {
            ("LOCK_TIMEOUT", value) => {
                let n: i64 = value.parse().map_err(|_| SqlError::syntax(value))?;
                self.lock_timeout = u64::try_from(n).ok().map(Duration::from_millis);
                Ok(())
            }
            ("XACT_ABORT", "ON" | "OFF") => {
                self.abort_on_error = value == "ON";
                Ok(())
            }
            // What the stand-in does anyway.
            ("ANSI_NULLS" | "QUOTED_IDENTIFIER", "ON")
            | ("IMPLICIT_TRANSACTIONS", "OFF")
            | ("NOCOUNT", "ON" | "OFF")
            | ("ROWCOUNT", "0")
            | ("TEXTSIZE", "2147483647" | "-1")
            | ("TRANSACTION ISOLATION LEVEL", "READ COMMITTED")
            | ("DEADLOCK_PRIORITY", "LOW" | "NORMAL") => Ok(()),
            _ => Err(SqlError::unknown(format_args!("SET {setting} {value}"))),
        }
    }

    fn define(&mut self, statement: &Statement, text: &str, parameters: &Parameters) -> Result<()> {
        let verb: Vec<_> = text
            .split_whitespace()
            .take(2)
            .map(str::to_uppercase)
            .collect();
        self.context(parameters).demand_admin(&verb.join(" "))?;
        match statement {
            Statement::CreateDatabase(name) => self.instance.create(name).map(drop),
            Statement::DropDatabase(name) => self.instance.drop_database(name),
            Statement::CreateLogin(name, password) => self.instance.create_login(name, password),
            Statement::DropLogin(name) => self.instance.drop_login(name),
            Statement::TrackDatabase(name, _)
                if !name.eq_ignore_ascii_case(&self.database.name) =>
            {
                Err(SqlError::unknown(
                    "how to alter another database than that of the session",
                ))
            }
            statement => {
                if self.transaction.is_some() {
                    return Err(SqlError::unknown("definitions within a transaction"));
                }
                self.enter()?;
                let defined = define(&self.database, &self.connection, statement, text);
                self.leave(defined, Vec::new())
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SQLite rolls back with the connection.
        self.database.release(self.id);
    }
}
