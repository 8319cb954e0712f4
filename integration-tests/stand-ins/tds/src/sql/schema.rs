// SPDX-License-Identifier: Apache-2.0
//! Statements that make and change tables.

use super::ast::{ColumnDefinition, Constraint, Expr, NamedConstraint, ObjectName, Statement};
use super::lexer::Token;
use super::parser::Parser;
use crate::data::Type;
use crate::error::{Result, SqlError};

impl Parser {
    pub(super) fn definition(&mut self) -> Result<Statement> {
        if self.words("CREATE TABLE") {
            return self.create_table();
        }
        if self.words("CREATE SCHEMA") {
            return self.name().map(Statement::CreateSchema);
        }
        if self.words("DROP TABLE") {
            return self.object().map(Statement::DropTable);
        }
        if self.words("ALTER TABLE") {
            return self.alter_table();
        }
        let unique = self.words("CREATE UNIQUE");
        if unique || self.is_word(1, "INDEX") || self.is_word(2, "INDEX") {
            if !unique {
                self.expect_words("CREATE")?;
            }
            return self.create_index(unique);
        }
        self.administration()
    }

    fn create_table(&mut self) -> Result<Statement> {
        let table = self.object()?;
        let (mut columns, mut constraints) = (Vec::new(), Vec::new());
        self.expect_sign("(")?;
        loop {
            match self.constraint(None)? {
                Some(constraint) => constraints.push(constraint),
                None => columns.push(self.column_definition(&mut constraints)?),
            }
            if !self.sign(",") {
                break;
            }
        }
        self.expect_sign(")")?;
        Ok(Statement::CreateTable {
            table,
            columns,
            constraints,
        })
    }

    fn column_definition(
        &mut self,
        constraints: &mut Vec<NamedConstraint>,
    ) -> Result<ColumnDefinition> {
        let name = self.name()?;
        let mut column = ColumnDefinition {
            ty: self.data_type()?,
            nullable: true,
            identity: None,
            default: None,
            collation: None,
            name,
        };
        loop {
            if self.words("NOT NULL") {
                column.nullable = false;
            } else if self.words("NULL") {
                column.nullable = true;
            } else if self.words("COLLATE") {
                column.collation = Some(self.name()?);
            } else if self.words("IDENTITY") {
                column.identity = Some(self.identity()?);
            } else if let Some(default) = self.default()? {
                column.default = Some(default);
            } else if let Some(constraint) = self.constraint(Some(&column.name))? {
                if matches!(constraint.constraint, Constraint::Primary(_)) {
                    column.nullable = false;
                }
                constraints.push(constraint);
            } else {
                break;
            }
        }
        if column.ty == Type::RowVersion || column.identity.is_some() {
            column.nullable = false;
        }
        Ok(column)
    }

    fn identity(&mut self) -> Result<(i64, i64)> {
        if !self.sign("(") {
            return Ok((1, 1));
        }
        let seed = self.integer()?;
        self.expect_sign(",")?;
        let increment = self.integer()?;
        self.expect_sign(")")?;
        Ok((seed, increment))
    }

    fn default(&mut self) -> Result<Option<Expr>> {
        if self.constraint_name_then("DEFAULT") {
            self.expect_words("CONSTRAINT")?;
            self.name()?;
        }
        if !self.words("DEFAULT") {
            return Ok(None);
        }
        self.expression().map(Some)
    }

    /// Whether `CONSTRAINT [a name] WORD` comes next.
    fn constraint_name_then(&self, word: &str) -> bool {
        self.is_word(0, "CONSTRAINT") && self.is_word(2, word)
    }

    /// A constraint of the table, or of the column just read.
    fn constraint(&mut self, column: Option<&str>) -> Result<Option<NamedConstraint>> {
        if self.constraint_name_then("DEFAULT") {
            return Ok(None);
        }
        let name = if self.words("CONSTRAINT") {
            Some(self.name()?)
        } else {
            None
        };
        let constraint = if self.words("PRIMARY KEY") {
            Constraint::Primary(self.key_columns(column)?)
        } else if self.words("UNIQUE") {
            Constraint::Unique(self.key_columns(column)?)
        } else if self.words("CHECK") {
            self.expect_sign("(")?;
            let check = self.expression()?;
            self.expect_sign(")")?;
            Constraint::Check(check)
        } else if self.words("FOREIGN KEY") {
            self.names_in_parentheses()?;
            self.expect_words("REFERENCES")?;
            self.references()?
        } else if self.words("REFERENCES") {
            self.references()?
        } else if name.is_some() {
            return Err(self.here());
        } else {
            return Ok(None);
        };
        Ok(Some(NamedConstraint { name, constraint }))
    }

    fn key_columns(&mut self, column: Option<&str>) -> Result<Vec<String>> {
        let _ = self.words("CLUSTERED") || self.words("NONCLUSTERED");
        match (self.peek(), column) {
            (Some(Token::Sign("(")), _) => self.names_in_parentheses(),
            (_, Some(column)) => Ok(vec![column.into()]),
            _ => Err(self.here()),
        }
    }

    fn references(&mut self) -> Result<Constraint> {
        self.object()?;
        if matches!(self.peek(), Some(Token::Sign("("))) {
            self.names_in_parentheses()?;
        }
        Ok(Constraint::Foreign)
    }

    fn create_index(&mut self, unique: bool) -> Result<Statement> {
        let _ = self.words("CLUSTERED") || self.words("NONCLUSTERED");
        self.expect_words("INDEX")?;
        let name = self.name()?;
        self.expect_words("ON")?;
        let table = self.object()?;
        let columns = self.names_in_parentheses()?;
        if self.words("WHERE") {
            if unique {
                return Err(SqlError::unknown("a unique index with a filter"));
            }
            self.expression()?; // an index without the filter finds the same rows
        }
        Ok(Statement::CreateIndex {
            name,
            table,
            columns,
            unique,
        })
    }

    fn alter_table(&mut self) -> Result<Statement> {
        let table: ObjectName = self.object()?;
        if self.words("ENABLE CHANGE_TRACKING") {
            if self.words("WITH") {
                self.skip_parentheses()?;
            }
            return Ok(Statement::TrackTable(table, true));
        }
        if self.words("DISABLE CHANGE_TRACKING") {
            return Ok(Statement::TrackTable(table, false));
        }
        if self.words("DROP COLUMN") {
            let column = self.name()?;
            return Ok(Statement::DropColumn(table, column));
        }
        self.expect_words("ADD")?;
        let mut constraints = Vec::new();
        let column = self.column_definition(&mut constraints)?;
        if constraints.is_empty() {
            Ok(Statement::AddColumn(table, column))
        } else {
            Err(SqlError::unknown("adding a column with a constraint"))
        }
    }
}
