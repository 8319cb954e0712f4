// SPDX-License-Identifier: Apache-2.0
//! What a database consists of: schemas, tables, users, privileges. It is made by applying every defining
//! statement in the order in which they came, and so it is again when a database is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::data::{Collation, Type};
use crate::error::{Result, SqlError};
use crate::sql::{
    ColumnDefinition, Constraint, Expr, NamedConstraint, ObjectName, Permit, Securable, Statement,
};

/// The schema that need not be named.
pub(super) const DBO: &str = "dbo";
/// The object id of the first table; below are the server's own.
const FIRST_ID: i64 = 245_575_913;

#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    schemas: BTreeSet<String>,
    /// By schema and name in lower case.
    tables: BTreeMap<(String, String), Arc<Table>>,
    /// Users by name in lower case, with their logins.
    users: BTreeMap<String, String>,
    members: BTreeSet<(String, String)>,
    permits: Vec<(Permit, String, Securable, String)>,
    pub tracking: bool,
    made: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub id: i64,
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    pub keys: Vec<Key>,
    pub checks: Vec<(String, Expr)>,
    pub tracked: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub identity: Option<(i64, i64)>,
    pub default: Option<Expr>,
    pub collation: Collation,
    pub collation_name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub name: String,
    pub primary: bool,
    pub columns: Vec<usize>,
}

impl Table {
    pub(crate) fn position(&self, column: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(column))
            .ok_or_else(|| SqlError::invalid_column(column))
    }

    pub(crate) fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|k| k.primary)
    }

    /// Its name in SQLite.
    pub(crate) fn stored_name(&self) -> String {
        quoted(&format!("{}.{}", self.schema, self.name))
    }

    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// A name in SQLite.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Catalogue {
    pub(crate) fn new() -> Self {
        Self {
            schemas: BTreeSet::from([DBO.to_owned()]),
            ..Self::default()
        }
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    pub(crate) fn find(&self, name: &ObjectName) -> Option<Arc<Table>> {
        self.tables.get(&place(name)).cloned()
    }

    pub(crate) fn table(&self, name: &ObjectName) -> Result<Arc<Table>> {
        self.find(name)
            .ok_or_else(|| SqlError::invalid_object(&shown(name)))
    }

    /// The user of a login.
    pub(crate) fn user_of(&self, login: &str) -> Option<&str> {
        let found = self
            .users
            .iter()
            .find(|(_, l)| l.eq_ignore_ascii_case(login));
        found.map(|(user, _)| user.as_str())
    }

    pub(crate) fn is_member(&self, role: &str, user: &str) -> bool {
        self.members
            .contains(&(role.to_ascii_lowercase(), user.to_ascii_lowercase()))
    }

    /// Whether a user has a privilege on a table, or on the whole database. A denial weighs more than any grant.
    pub(crate) fn allows(&self, user: &str, privilege: &str, on: Option<&Table>) -> bool {
        let touches = |securable: &Securable| match (securable, on) {
            (Securable::Database, _) => true,
            (Securable::Schema(schema), Some(table)) => schema.eq_ignore_ascii_case(&table.schema),
            (Securable::Object(name), Some(table)) => {
                place(name)
                    == (
                        table.schema.to_ascii_lowercase(),
                        table.name.to_ascii_lowercase(),
                    )
            }
            (_, None) => false,
        };
        let found = |action: Permit| {
            self.permits.iter().any(|(a, p, on, whom)| {
                *a == action
                    && (p == privilege || p == "CONTROL")
                    && whom.eq_ignore_ascii_case(user)
                    && touches(on)
            })
        };
        let by_role = self.is_member("db_owner", user)
            || privilege == "SELECT" && self.is_member("db_datareader", user)
            || matches!(privilege, "INSERT" | "UPDATE" | "DELETE")
                && self.is_member("db_datawriter", user)
            || privilege == "ALTER" && self.is_member("db_ddladmin", user);
        (by_role || found(Permit::Grant)) && !found(Permit::Deny)
    }

    /// Applies a defining statement; nothing is changed where it fails.
    pub(crate) fn apply(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::CreateSchema(name) => self.create_schema(name),
            Statement::CreateTable { table, columns, constraints } => self.create_table(table, columns, constraints),
            Statement::DropTable(name) => {
                let gone = self.tables.remove(&place(name));
                gone.map(drop).ok_or_else(|| SqlError::new(3701, 11, format!("Cannot drop the table '{}', because it does not exist or you do not have permission.", shown(name))))
            }
            Statement::AddColumn(name, definition) => self.change(name, |table| {
                if !definition.nullable && definition.default.is_none() {
                    return Err(SqlError::new(4901, 16, "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified."));
                }
                if table.position(&definition.name).is_ok() {
                    return Err(SqlError::new(2705, 16, format!("Column names in each table must be unique. Column name '{}' in table '{}' is specified more than once.", definition.name, table.name)));
                }
                table.columns.push(column(definition)?);
                Ok(())
            }),
            Statement::DropColumn(name, column) => self.change(name, |table| {
                let at = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column));
                let at = at.ok_or_else(|| SqlError::new(4924, 16, format!("ALTER TABLE DROP COLUMN failed because column '{column}' does not exist in table '{}'.", table.name)))?;
                if table.keys.iter().any(|k| k.columns.contains(&at)) {
                    return Err(SqlError::new(4922, 16, format!("ALTER TABLE DROP COLUMN {column} failed because one or more objects access this column.")));
                }
                table.columns.remove(at);
                for key in &mut table.keys {
                    key.columns.iter_mut().filter(|c| **c > at).for_each(|c| *c -= 1);
                }
                Ok(())
            }),
            Statement::TrackTable(name, on) => {
                if *on && !self.tracking {
                    return Err(SqlError::new(22_101, 16, "The value of change tracking is OFF for the database."));
                }
                self.change(name, |table| {
                    if *on && table.primary_key().is_none() {
                        return Err(SqlError::new(4997, 16, format!("Cannot enable change tracking on table '{}'. Change tracking requires a primary key on the table.", table.name)));
                    }
                    table.tracked = *on;
                    Ok(())
                })
            }
            Statement::TrackDatabase(_, on) => {
                self.tracking = *on;
                Ok(())
            }
            Statement::CreateIndex { table, columns, .. } => {
                let table = self.table(table)?;
                columns.iter().try_for_each(|c| table.position(c).map(drop))
            }
            Statement::CreateUser(name, login) => {
                self.users.insert(name.to_ascii_lowercase(), login.clone());
                // As the guest of the role public, a user may connect and nothing more.
                Ok(())
            }
            Statement::AddMember(role, user) => {
                self.members.insert((role.to_ascii_lowercase(), user.to_ascii_lowercase()));
                Ok(())
            }
            Statement::Permit { action, privileges, on, user } => self.permit(*action, privileges, on, user),
            _ => Err(SqlError::unknown("such a definition")),
        }
    }

    fn create_schema(&mut self, name: &str) -> Result<()> {
        if self.schemas.iter().any(|s| s.eq_ignore_ascii_case(name)) {
            return Err(SqlError::new(
                2714,
                16,
                format!("There is already an object named '{name}' in the database."),
            ));
        }
        self.schemas.insert(name.into());
        Ok(())
    }

    fn create_table(
        &mut self,
        name: &ObjectName,
        columns: &[ColumnDefinition],
        constraints: &[NamedConstraint],
    ) -> Result<()> {
        let wanted = name.schema.as_deref().unwrap_or(DBO);
        let schema = self.schemas.iter().find(|s| s.eq_ignore_ascii_case(wanted)).cloned().ok_or_else(|| {
            SqlError::new(2760, 16, format!("The specified schema name \"{wanted}\" either does not exist or you do not have permission to use it."))
        })?;
        if self.tables.contains_key(&place(name)) {
            return Err(SqlError::new(
                2714,
                16,
                format!(
                    "There is already an object named '{}' in the database.",
                    name.name
                ),
            ));
        }
        let mut table = Table {
            id: FIRST_ID + 16 * self.made,
            schema,
            name: name.name.clone(),
            columns: columns.iter().map(column).collect::<Result<_>>()?,
            keys: Vec::new(),
            checks: Vec::new(),
            tracked: false,
        };
        for constraint in constraints {
            add_constraint(&mut table, constraint)?;
        }
        self.made += 1;
        self.tables.insert(place(name), Arc::new(table));
        Ok(())
    }

    fn change(
        &mut self,
        name: &ObjectName,
        change: impl FnOnce(&mut Table) -> Result<()>,
    ) -> Result<()> {
        let mut table = (*self.table(name)?).clone();
        change(&mut table)?;
        self.tables.insert(place(name), Arc::new(table));
        Ok(())
    }

    fn permit(
        &mut self,
        action: Permit,
        privileges: &[String],
        on: &Securable,
        user: &str,
    ) -> Result<()> {
        if !self.users.contains_key(&user.to_ascii_lowercase()) {
            return Err(SqlError::new(
                15_151,
                16,
                format!(
                    "Cannot find the user '{user}', because it does not exist or you do not have permission."
                ),
            ));
        }
        if let Securable::Object(name) = on {
            self.table(name)?;
        }
        for privilege in privileges {
            let same = |(_, p, s, u): &(Permit, String, Securable, String)| {
                p == privilege && s == on && u.eq_ignore_ascii_case(user)
            };
            self.permits.retain(|permit| !same(permit));
            if action != Permit::Revoke {
                self.permits
                    .push((action, privilege.clone(), on.clone(), user.into()));
            }
        }
        Ok(())
    }
}

fn place(name: &ObjectName) -> (String, String) {
    let schema = name.schema.as_deref().unwrap_or(DBO);
    (schema.to_ascii_lowercase(), name.name.to_ascii_lowercase())
}

pub(super) fn shown(name: &ObjectName) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    }
}

fn column(definition: &ColumnDefinition) -> Result<Column> {
    let collation_name = definition
        .collation
        .clone()
        .unwrap_or_else(|| crate::data::DEFAULT_COLLATION.into());
    let collation = Collation::named(&collation_name)
        .ok_or_else(|| SqlError::new(448, 16, format!("Invalid collation '{collation_name}'.")))?;
    Ok(Column {
        name: definition.name.clone(),
        ty: definition.ty,
        nullable: definition.nullable,
        identity: definition.identity,
        default: definition.default.clone(),
        collation,
        collation_name,
    })
}

fn add_constraint(table: &mut Table, named: &NamedConstraint) -> Result<()> {
    let name = |stem: &str, table: &Table| {
        let made = format!(
            "{stem}__{}__{:08X}",
            table.name,
            table.id + i64::try_from(table.keys.len()).unwrap_or(0)
        );
        named.name.clone().unwrap_or(made)
    };
    let positions = |columns: &[String], table: &Table| {
        columns
            .iter()
            .map(|c| table.position(c))
            .collect::<Result<Vec<_>>>()
    };
    match &named.constraint {
        Constraint::Primary(columns) | Constraint::Unique(columns) => {
            let primary = matches!(named.constraint, Constraint::Primary(_));
            let columns = positions(columns, table)?;
            for at in columns.iter().filter(|_| primary) {
                table.columns[*at].nullable = false;
            }
            let name = name(if primary { "PK" } else { "UQ" }, table);
            table.keys.push(Key {
                name,
                primary,
                columns,
            });
        }
        Constraint::Check(check) => {
            let name = name("CK", table);
            table.checks.push((name, check.clone()));
        }
        Constraint::Foreign => {}
    }
    Ok(())
}
