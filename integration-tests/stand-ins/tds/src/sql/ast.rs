// SPDX-License-Identifier: Apache-2.0
//! Statements and expressions.

use crate::data::Type;

/// A table's name; the schema is `dbo` where none is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectName {
    pub schema: Option<String>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Column(String),
    Variable(String),
    Integer(i64),
    Decimal(String),
    Float(f64),
    Text(String, bool),
    Binary(Vec<u8>),
    Null,
    Default,
    Star,
    Cast(Box<Expr>, Type),
    Collate(Box<Expr>, String),
    Call(String, Vec<Expr>),
    Negated(Box<Expr>),
    Not(Box<Expr>),
    /// Joined by AND; by OR.
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Both(Box<Expr>, Operator, Box<Expr>),
    IsNull(Box<Expr>, bool),
    In(Box<Expr>, Vec<Expr>, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub top: Option<Expr>,
    pub items: Vec<(Expr, Option<String>)>,
    pub from: Option<From>,
    pub filter: Option<Expr>,
    /// Column and whether descending.
    pub order: Vec<(String, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum From {
    Table {
        name: ObjectName,
        hints: Vec<String>,
    },
    /// `CHANGETABLE(CHANGES t, version)`.
    Changes { name: ObjectName, since: Expr },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnDefinition {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub identity: Option<(i64, i64)>,
    pub default: Option<Expr>,
    pub collation: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constraint {
    Primary(Vec<String>),
    Unique(Vec<String>),
    Check(Expr),
    /// Known, and not enforced.
    Foreign,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedConstraint {
    pub name: Option<String>,
    pub constraint: Constraint,
}

/// What a privilege is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Securable {
    Database,
    Schema(String),
    Object(ObjectName),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Select(Select),
    Insert {
        table: ObjectName,
        columns: Option<Vec<String>>,
        rows: Vec<Vec<Expr>>,
    },
    Update {
        table: ObjectName,
        hints: Vec<String>,
        set: Vec<(String, Expr)>,
        filter: Option<Expr>,
    },
    Delete {
        table: ObjectName,
        filter: Option<Expr>,
    },
    CreateTable {
        table: ObjectName,
        columns: Vec<ColumnDefinition>,
        constraints: Vec<NamedConstraint>,
    },
    DropTable(ObjectName),
    AddColumn(ObjectName, ColumnDefinition),
    DropColumn(ObjectName, String),
    /// A table's change tracking on or off.
    TrackTable(ObjectName, bool),
    CreateIndex {
        name: String,
        table: ObjectName,
        columns: Vec<String>,
        unique: bool,
    },
    CreateSchema(String),
    CreateDatabase(String),
    DropDatabase(String),
    /// A database's change tracking on or off.
    TrackDatabase(String, bool),
    CreateLogin(String, String),
    DropLogin(String),
    CreateUser(String, String),
    Permit {
        action: Permit,
        privileges: Vec<String>,
        on: Securable,
        user: String,
    },
    AddMember(String, String),
    Use(String),
    /// A session's setting, and its value in upper case.
    Set(String, String),
    IdentityInsert(ObjectName, bool),
    Begin,
    Commit,
    Rollback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Grant,
    Deny,
    Revoke,
}
