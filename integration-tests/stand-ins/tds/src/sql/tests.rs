// SPDX-License-Identifier: Apache-2.0
//! What is understood, and what is refused.

use super::*;

fn one(sql: &str) -> Statement {
    let mut statements = parse(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0).0
}

fn refused(sql: &str, number: i32) {
    assert_eq!(parse(sql).map_err(|e| e.number), Err(number), "{sql}");
}

#[test]
fn names_may_be_anything_in_brackets() {
    let Statement::Select(select) =
        one("SELECT TOP (5) [it's 5%], [a]]b] FROM [my schema].[order] -- so\nWHERE [نام] > @P1")
    else {
        panic!("no SELECT");
    };
    assert_eq!(select.items[1].0, Expr::Column("a]b".into()));
    let From::Table { name, .. } = select.from.unwrap() else {
        panic!("no table")
    };
    assert_eq!(
        (name.schema.as_deref(), name.name.as_str()),
        (Some("my schema"), "order")
    );
}

#[test]
fn statements_need_no_semicolon_between_them() {
    let batch = "SET NOCOUNT ON SELECT 1 BEGIN TRAN UPDATE t SET a = 1 COMMIT";
    assert_eq!(parse(batch).unwrap().len(), 5);
}

#[test]
fn and_binds_closer_than_or() {
    let Statement::Delete {
        filter: Some(Expr::Any(parts)),
        ..
    } = one("DELETE t WHERE a = 1 OR b = 2 AND c = 3")
    else {
        panic!("no filter");
    };
    assert!(matches!(&parts[..], [Expr::Both(..), Expr::All(both)] if both.len() == 2));
}

#[test]
fn a_table_is_read_with_all_its_constraints() {
    let sql = "CREATE TABLE [dbo].[T] (
        [Id] int IDENTITY(5, 2) NOT NULL CONSTRAINT [PK_T] PRIMARY KEY,
        [Guid] uniqueidentifier NOT NULL CONSTRAINT [DF] DEFAULT (NEWSEQUENTIALID()),
        [Class] varchar(4) COLLATE Arabic_CI_AS NOT NULL CONSTRAINT [CK] CHECK ([Class] IN ('A', 'B')),
        [Other] int NULL CONSTRAINT [FK] REFERENCES [dbo].[O] ([Id]),
        [V] rowversion NOT NULL,
        CONSTRAINT [UQ] UNIQUE CLUSTERED ([Guid], [Class] DESC)
    )";
    let Statement::CreateTable {
        columns,
        constraints,
        ..
    } = one(sql)
    else {
        panic!("no table");
    };
    assert_eq!((columns.len(), constraints.len()), (5, 4));
    assert_eq!(columns[0].identity, Some((5, 2)));
    assert!(columns[1].default.is_some());
    assert_eq!(columns[2].collation.as_deref(), Some("Arabic_CI_AS"));
}

#[test]
fn what_is_not_known_is_refused_and_never_guessed() {
    refused("SELECT a FROM t JOIN u ON 1 = 1", 50_000);
    refused("SELECT a FROM t GROUP BY a", 50_000);
    refused("SELECT a FROM t WHERE a LIKE 'x'", 50_000);
    refused("EXEC sp_who", 50_000);
    refused("SELECT FROM t", 102);
    refused("SELECT 'unclosed", 105);
    refused("SELECT a FROM t WHERE", 102);
    refused("SELECT a ~ b", 102);
    refused(&format!("SELECT 1{}", " + 1".repeat(100_000)), 191);
    refused(
        &format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500)),
        191,
    );
}

#[test]
fn parameters_are_declared_with_their_types() {
    let declared =
        parse_declarations("@P1 nvarchar(4000),@P2 varbinary(max), @P3 datetime2").unwrap();
    let types: Vec<_> = declared.iter().map(|(_, ty)| ty.to_string()).collect();
    assert_eq!(types, ["nvarchar(4000)", "varbinary(max)", "datetime2(7)"]);
}
