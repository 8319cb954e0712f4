// SPDX-License-Identifier: Apache-2.0
//! Statements about rows and the session.

use super::ast::{Expr, From, Select, Statement};
use super::lexer::Token;
use super::parser::Parser;
use crate::error::{Result, SqlError};

impl Parser {
    pub(super) fn statement(&mut self) -> Result<Statement> {
        if self.words("SELECT") {
            return self.select().map(Statement::Select);
        }
        if self.words("INSERT") {
            return self.insert();
        }
        if self.words("UPDATE") {
            return self.update();
        }
        if self.words("DELETE") {
            self.words("FROM");
            let table = self.object()?;
            let filter = self.filter()?;
            return Ok(Statement::Delete { table, filter });
        }
        if self.words("SET") {
            return self.set();
        }
        if self.words("USE") {
            return self.name().map(Statement::Use);
        }
        if self.words("BEGIN TRANSACTION") || self.words("BEGIN TRAN") {
            return Ok(Statement::Begin);
        }
        if self.words("COMMIT") {
            let _ = self.words("TRANSACTION") || self.words("TRAN");
            return Ok(Statement::Commit);
        }
        if self.words("ROLLBACK") {
            let _ = self.words("TRANSACTION") || self.words("TRAN");
            return Ok(Statement::Rollback);
        }
        self.definition()
    }

    pub(super) fn select(&mut self) -> Result<Select> {
        let top = match self.words("TOP") {
            true if self.sign("(") => {
                let top = self.expression()?;
                self.expect_sign(")")?;
                Some(top)
            }
            true => Some(Expr::Integer(self.integer()?)),
            false => None,
        };
        let mut items = Vec::new();
        loop {
            let item = self.expression()?;
            let alias = if self.words("AS") {
                Some(self.name()?)
            } else {
                None
            };
            items.push((item, alias));
            if !self.sign(",") {
                break;
            }
        }
        let from = if self.words("FROM") {
            Some(self.from()?)
        } else {
            None
        };
        let filter = self.filter()?;
        let order = if self.words("ORDER BY") {
            self.order()?
        } else {
            Vec::new()
        };
        for word in [
            "GROUP", "HAVING", "UNION", "JOIN", "INNER", "LEFT", "OPTION", "FOR", "OFFSET",
        ] {
            if self.is_word(0, word) {
                return Err(SqlError::unknown(word));
            }
        }
        Ok(Select {
            top,
            items,
            from,
            filter,
            order,
        })
    }

    fn from(&mut self) -> Result<From> {
        if self.words("CHANGETABLE") {
            self.expect_sign("(")?;
            self.expect_words("CHANGES")?;
            let name = self.object()?;
            self.expect_sign(",")?;
            let since = self.expression()?;
            self.expect_sign(")")?;
            self.expect_words("AS")?;
            self.name()?;
            return Ok(From::Changes { name, since });
        }
        let name = self.object()?;
        if self.words("AS") {
            self.name()?;
        }
        let hints = self.hints()?;
        if self.sign(",") {
            return Err(SqlError::unknown("queries over several tables"));
        }
        Ok(From::Table { name, hints })
    }

    /// `WITH (TABLOCKX, HOLDLOCK)`.
    fn hints(&mut self) -> Result<Vec<String>> {
        if !self.words("WITH") {
            return Ok(Vec::new());
        }
        let hints = self.names_in_parentheses()?;
        Ok(hints.into_iter().map(|h| h.to_ascii_uppercase()).collect())
    }

    fn filter(&mut self) -> Result<Option<Expr>> {
        Ok(if self.words("WHERE") {
            Some(self.expression()?)
        } else {
            None
        })
    }

    fn order(&mut self) -> Result<Vec<(String, bool)>> {
        let mut order = Vec::new();
        loop {
            let Expr::Column(name) = self.expression()? else {
                return Err(SqlError::unknown("an ORDER BY of anything but columns"));
            };
            let descending = self.words("DESC");
            if !descending {
                self.words("ASC");
            }
            order.push((name, descending));
            if !self.sign(",") {
                return Ok(order);
            }
        }
    }

    fn insert(&mut self) -> Result<Statement> {
        self.words("INTO");
        let table = self.object()?;
        let listed = matches!(self.peek(), Some(Token::Sign("(")));
        let columns = if listed {
            Some(self.names_in_parentheses()?)
        } else {
            None
        };
        if self.words("DEFAULT VALUES") {
            return Ok(Statement::Insert {
                table,
                columns: Some(Vec::new()),
                rows: vec![Vec::new()],
            });
        }
        self.expect_words("VALUES")?;
        let mut rows = vec![self.list()?];
        while self.sign(",") {
            rows.push(self.list()?);
        }
        if rows.len() > 1000 {
            return Err(SqlError::new(
                10738,
                15,
                "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of 1000 row values.",
            ));
        }
        Ok(Statement::Insert {
            table,
            columns,
            rows,
        })
    }

    fn update(&mut self) -> Result<Statement> {
        let table = self.object()?;
        let hints = self.hints()?;
        self.expect_words("SET")?;
        let mut set = Vec::new();
        loop {
            let column = self.name()?;
            self.expect_sign("=")?;
            set.push((column, self.expression()?));
            if !self.sign(",") {
                break;
            }
        }
        let filter = self.filter()?;
        Ok(Statement::Update {
            table,
            hints,
            set,
            filter,
        })
    }

    fn set(&mut self) -> Result<Statement> {
        if self.words("IDENTITY_INSERT") {
            let table = self.object()?;
            return Ok(Statement::IdentityInsert(table, self.on_or_off()?));
        }
        if self.words("TRANSACTION ISOLATION LEVEL") {
            let mut level = self.name()?.to_ascii_uppercase();
            if self.words("READ") || self.words("COMMITTED") || self.words("UNCOMMITTED") {
                level = "READ COMMITTED".into();
            }
            return Ok(Statement::Set("TRANSACTION ISOLATION LEVEL".into(), level));
        }
        let setting = self.name()?.to_ascii_uppercase();
        let value = match self.peek() {
            Some(Token::Number(_) | Token::Sign("-")) => self.integer()?.to_string(),
            _ => self.name()?.to_ascii_uppercase(),
        };
        Ok(Statement::Set(setting, value))
    }

    pub(super) fn on_or_off(&mut self) -> Result<bool> {
        let on = self.words("ON");
        if on || self.words("OFF") {
            Ok(on)
        } else {
            Err(self.here())
        }
    }
}
