// SPDX-License-Identifier: Apache-2.0
//! Whether the server answers, what it is, and what an operator should know.

use silsila_source::{DateTime, Health, Value};

use crate::fault::Asked;
use crate::sessions::{Lent, Problem, Question};
use crate::shape::Shape;
use crate::tables::Cells;

/// Roles and rights that go beyond reading, as the server's own functions know them. Each gives 1, 0, or
/// NULL where the server has no such thing.
const TOO_MUCH: &[(&str, &str)] = &[
    ("IS_SRVROLEMEMBER('sysadmin')", "sysadmin"),
    ("IS_MEMBER('db_owner')", "db_owner"),
    ("IS_MEMBER('db_datawriter')", "db_datawriter"),
    ("IS_MEMBER('db_ddladmin')", "db_ddladmin"),
    (
        "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT')",
        "INSERT",
    ),
    (
        "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE')",
        "UPDATE",
    ),
    (
        "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'DELETE')",
        "DELETE",
    ),
    ("HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER')", "ALTER"),
    (
        "HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'EXECUTE')",
        "EXECUTE",
    ),
];

/// Tables on which one of these is granted by itself.
const WRITABLE: &str = "SELECT COUNT_BIG(*) FROM INFORMATION_SCHEMA.TABLES WHERE \
    HAS_PERMS_BY_NAME(QUOTENAME(TABLE_SCHEMA) + N'.' + QUOTENAME(TABLE_NAME), 'OBJECT', 'INSERT') = 1 OR \
    HAS_PERMS_BY_NAME(QUOTENAME(TABLE_SCHEMA) + N'.' + QUOTENAME(TABLE_NAME), 'OBJECT', 'UPDATE') = 1 OR \
    HAS_PERMS_BY_NAME(QUOTENAME(TABLE_SCHEMA) + N'.' + QUOTENAME(TABLE_NAME), 'OBJECT', 'DELETE') = 1";

/// Masked columns show a login made-up values without a word. Nothing but this view, of SQL Server 2016 and
/// later, tells of them.
const MASKED: &str = "SELECT COUNT_BIG(*) FROM sys.masked_columns WHERE is_masked = 1 AND \
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UNMASK') = 0";

const UPDATEABILITY: &str =
    "SELECT CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS NVARCHAR(128))";

pub(crate) struct HowAreYou<'a> {
    pub source: &'a str,
}

impl Question for HowAreYou<'_> {
    type Answer = Health;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "",
            columns: &[],
        }
    }

    async fn put(&self, lent: &mut Lent) -> Result<Health, Problem> {
        let rows = lent.session.batch("SELECT SYSUTCDATETIME()").await?;
        let clock = rows
            .into_iter()
            .next()
            .and_then(|row| utc(row.into_iter().next()?));
        let mut notes = Vec::new();
        notes.extend(too_much(lent).await?);
        notes.extend(masked(lent).await?);
        notes.extend(is_a_copy(lent).await?);
        notes.extend(open_row_versions(lent).await?);
        Ok(Health {
            server: lent.session.server.name.clone(),
            tls: lent.session.server.encryption.clone(),
            clock,
            notes,
        })
    }
}

fn utc(raw: tiberius::ColumnData<'static>) -> Option<DateTime> {
    match (Shape::DateTime2 { scale: 7 }).read(raw, false) {
        Ok(Value::DateTime(at)) => Some(DateTime {
            offset_minutes: Some(0),
            ..at
        }),
        _ => None,
    }
}

/// A statement that some servers of the family may not know: without an answer, nothing is said.
async fn perhaps(lent: &mut Lent, sql: &str) -> Result<Option<Cells>, Problem> {
    match lent.session.batch(sql).await {
        Ok(rows) => Ok(rows.into_iter().next().map(Cells::new)),
        Err(error) if crate::fault::is_sound(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn too_much(lent: &mut Lent) -> Result<Option<String>, Problem> {
    let asked: Vec<_> = TOO_MUCH.iter().map(|(sql, _)| *sql).collect();
    let sql = format!("SELECT {}", asked.join(", "));
    let Some(mut cells) = perhaps(lent, &sql).await? else {
        return Ok(Some("what the login may do beyond reading could not be asked; see to it that it may SELECT and nothing more".into()));
    };
    let mut found: Vec<String> = TOO_MUCH
        .iter()
        .filter(|_| cells.integer() == Some(1))
        .map(|(_, name)| (*name).into())
        .collect();
    if found.is_empty()
        && let Some(mut cells) = perhaps(lent, WRITABLE).await?
        && let Some(tables @ 1..) = cells.integer()
    {
        found.push(format!("INSERT, UPDATE or DELETE on {tables} tables"));
    }
    let names = found.join(", ");
    Ok((!found.is_empty())
        .then(|| format!("the login may do more than read ({names}); give it SELECT alone")))
}

async fn masked(lent: &mut Lent) -> Result<Option<String>, Problem> {
    let answer = perhaps(lent, MASKED).await?;
    let count = answer.and_then(|mut cells| cells.integer()).unwrap_or(0);
    Ok((count > 0).then(|| {
        format!("{count} columns are masked, and this login reads made-up values there: grant UNMASK, or leave them out of the mappings")
    }))
}

async fn is_a_copy(lent: &mut Lent) -> Result<Option<String>, Problem> {
    let answer = perhaps(lent, UPDATEABILITY).await?;
    let read_only = answer.and_then(|mut cells| cells.text()).as_deref() == Some("READ_ONLY");
    Ok(read_only.then(|| {
        "this database is read-only, perhaps a copy of another: changes appear here as late as the copy is behind".into()
    }))
}

async fn open_row_versions(lent: &mut Lent) -> Result<Option<String>, Problem> {
    let known = perhaps(lent, crate::reading::FIRST_UNCOMMITTED)
        .await?
        .is_some();
    Ok((!known).then(|| {
        "this server does not tell which rowversions are still uncommitted: a change that is committed late may wait for the sweep".into()
    }))
}
