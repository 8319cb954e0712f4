// SPDX-License-Identifier: Apache-2.0
//! Functions and global variables.

use std::time::{SystemTime, UNIX_EPOCH};

use super::bind::{Scalar, fold};
use super::catalogue::shown;
use super::context::Context;
use crate::data::{TICKS_PER_DAY, Type, Value};
use crate::error::{Result, SqlError};
use crate::sql::ObjectName;
use crate::{EDITION, VERSION};

/// A function that may look at a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    QuoteName,
    HasPermsByName,
    IsMember,
    IsSrvRoleMember,
    DatabasePropertyEx,
    ServerProperty,
    ObjectId,
    MinValidVersion,
}

impl Function {
    pub(crate) fn ty(self) -> Type {
        match self {
            Self::QuoteName => Type::NVarChar(Some(258)),
            // In SQL Server a sql_variant, which the stand-in does not send.
            Self::DatabasePropertyEx | Self::ServerProperty => Type::NVarChar(Some(128)),
            Self::HasPermsByName | Self::IsMember | Self::IsSrvRoleMember | Self::ObjectId => {
                Type::Int
            }
            Self::MinValidVersion => Type::BigInt,
        }
    }
}

/// 1 January 1970.
const EPOCH: i64 = 719_162;

/// The server's clock in hundreds of nanoseconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    EPOCH * TICKS_PER_DAY + i64::try_from(since.as_nanos() / 100).unwrap_or_default()
}

/// `@@VERSION` and its like.
pub(crate) fn global(name: &str, context: &Context<'_>) -> Option<Scalar> {
    let constant = |value, ty| Some(Scalar::Constant(value, ty));
    match name.to_ascii_uppercase().as_str() {
        "@@VERSION" => constant(Value::text(VERSION), Type::NVarChar(Some(300))),
        "@@SPID" => constant(
            Value::Int(i64::try_from(context.session).unwrap_or(i64::MAX)),
            Type::Int,
        ),
        "@@DBTS" => constant(
            row_version(context.database.last_row_version()),
            Type::VarBinary(Some(8)),
        ),
        _ => None,
    }
}

fn row_version(n: u64) -> Value {
    Value::Bytes(n.to_be_bytes().to_vec())
}

/// Binds a call.
pub(crate) fn call(name: &str, arguments: Vec<Scalar>, context: &Context<'_>) -> Result<Scalar> {
    let constant = |value, ty| Ok(Scalar::Constant(value, ty));
    let function = match (name, arguments.len()) {
        ("SYSUTCDATETIME" | "SYSDATETIME", 0) => {
            return constant(Value::DateTime2(now()), Type::DateTime2(7));
        }
        ("DB_NAME", 0) => {
            return constant(
                Value::text(context.database.name.as_str()),
                Type::NVarChar(Some(128)),
            );
        }
        ("SUSER_SNAME", 0) => {
            return constant(Value::text(context.login), Type::NVarChar(Some(128)));
        }
        ("MIN_ACTIVE_ROWVERSION", 0) => {
            return constant(
                row_version(context.database.min_active_row_version()),
                Type::VarBinary(Some(8)),
            );
        }
        ("CHANGE_TRACKING_CURRENT_VERSION", 0) => {
            let version = if context.catalogue.tracking {
                Value::Int(context.database.tracked_version())
            } else {
                Value::Null
            };
            return constant(version, Type::BigInt);
        }
        ("NEWID" | "NEWSEQUENTIALID", 0) => {
            let mut id = [0u8; 16];
            getrandom::fill(&mut id).map_err(|_| SqlError::unknown("where to get random bytes"))?;
            return constant(Value::Uuid(id), Type::UniqueIdentifier);
        }
        ("QUOTENAME", 1) => Function::QuoteName,
        ("HAS_PERMS_BY_NAME", 3) => Function::HasPermsByName,
        ("IS_MEMBER", 1) => Function::IsMember,
        ("IS_SRVROLEMEMBER", 1) => Function::IsSrvRoleMember,
        ("DATABASEPROPERTYEX", 2) => Function::DatabasePropertyEx,
        ("SERVERPROPERTY", 1) => Function::ServerProperty,
        ("OBJECT_ID", 1) => Function::ObjectId,
        ("CHANGE_TRACKING_MIN_VALID_VERSION", 1) => Function::MinValidVersion,
        _ => {
            return Err(SqlError::new(
                195,
                15,
                format!(
                    "'{name}' with {} arguments is not a function that the stand-in knows.",
                    arguments.len()
                ),
            ));
        }
    };
    fold(Scalar::Call(function, arguments), context)
}

/// Computes a call.
pub(crate) fn compute(
    function: Function,
    arguments: &[Value],
    context: &Context<'_>,
) -> Result<Value> {
    let text = |at: usize| match arguments.get(at) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = |yes: bool| Value::Int(yes.into());
    Ok(match function {
        Function::QuoteName => text(0).map_or(Value::Null, |t| {
            Value::Text(format!("[{}]", t.replace(']', "]]")))
        }),
        Function::IsSrvRoleMember => match text(0) {
            Some("sysadmin") => flag(context.admin),
            Some(_) => flag(false),
            None => Value::Null,
        },
        Function::IsMember => match text(0) {
            Some(role) => flag(
                context.admin && role == "db_owner"
                    || context.catalogue.is_member(role, context.user()),
            ),
            None => Value::Null,
        },
        Function::HasPermsByName => {
            let (Some(class), Some(privilege)) = (text(1), text(2)) else {
                return Ok(Value::Null);
            };
            match class.to_ascii_uppercase().as_str() {
                "DATABASE" if text(0) == Some(context.database.name.as_str()) => {
                    flag(context.allows(privilege, None))
                }
                "DATABASE" => Value::Null,
                "OBJECT" => match text(0)
                    .and_then(object_name)
                    .and_then(|name| context.catalogue.find(&name))
                {
                    Some(table) => flag(context.allows(privilege, Some(&table))),
                    None => Value::Null,
                },
                _ => {
                    return Err(SqlError::unknown(format_args!(
                        "permissions of the class {class}"
                    )));
                }
            }
        }
        Function::DatabasePropertyEx => match text(1) {
            Some("Updateability") => Value::text("READ_WRITE"),
            Some("Collation") => Value::text(crate::data::DEFAULT_COLLATION),
            _ => Value::Null,
        },
        Function::ServerProperty => match text(0) {
            Some("Edition") => Value::text(EDITION),
            Some("ProductVersion") => Value::text(env!("CARGO_PKG_VERSION")),
            _ => Value::Null,
        },
        Function::ObjectId => {
            let table = text(0)
                .and_then(object_name)
                .and_then(|name| context.catalogue.find(&name));
            table
                .filter(|t| context.sees(t))
                .map_or(Value::Null, |t| Value::Int(t.id))
        }
        Function::MinValidVersion => {
            let Some(Value::Int(id)) = arguments.first() else {
                return Ok(Value::Null);
            };
            let tracked = context.catalogue.tables().any(|t| {
                t.id == *id && t.tracked && context.allows("VIEW CHANGE TRACKING", Some(t))
            });
            if tracked {
                super::changes::since(&context.database.connect()?, *id)?
                    .map_or(Value::Null, Value::Int)
            } else {
                Value::Null
            }
        }
    })
}

/// `[dbo].[Person]`, `dbo.Person` or `Person` as an object's name.
fn object_name(text: &str) -> Option<ObjectName> {
    let statement = format!("DROP TABLE {text}");
    let parsed = crate::sql::parse(&statement).ok()?;
    match parsed.into_iter().next()? {
        (crate::sql::Statement::DropTable(name), _) if !shown(&name).is_empty() => Some(name),
        _ => None,
    }
}
