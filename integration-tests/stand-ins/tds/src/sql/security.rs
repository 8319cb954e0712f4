// SPDX-License-Identifier: Apache-2.0
//! Statements about databases, logins, users and privileges.

use super::ast::{Permit, Securable, Statement};
use super::lexer::Token;
use super::parser::Parser;
use crate::error::{Result, SqlError};

impl Parser {
    pub(super) fn administration(&mut self) -> Result<Statement> {
        if self.words("CREATE DATABASE") {
            return self.name().map(Statement::CreateDatabase);
        }
        if self.words("DROP DATABASE") {
            return self.name().map(Statement::DropDatabase);
        }
        if self.words("ALTER DATABASE") {
            return self.alter_database();
        }
        if self.words("CREATE LOGIN") {
            let name = self.name()?;
            self.expect_words("WITH PASSWORD")?;
            self.expect_sign("=")?;
            let password = self.text()?;
            if self.sign(",") {
                self.expect_words("CHECK_POLICY")?;
                self.expect_sign("=")?;
                self.on_or_off()?;
            }
            return Ok(Statement::CreateLogin(name, password));
        }
        if self.words("DROP LOGIN") {
            return self.name().map(Statement::DropLogin);
        }
        if self.words("CREATE USER") {
            let name = self.name()?;
            self.expect_words("FOR LOGIN")?;
            return Ok(Statement::CreateUser(name, self.name()?));
        }
        if self.words("ALTER ROLE") {
            let role = self.name()?;
            self.expect_words("ADD MEMBER")?;
            return Ok(Statement::AddMember(role, self.name()?));
        }
        for (word, action) in [
            ("GRANT", Permit::Grant),
            ("DENY", Permit::Deny),
            ("REVOKE", Permit::Revoke),
        ] {
            if self.words(word) {
                return self.permit(action);
            }
        }
        match self.peek() {
            Some(Token::Word(word)) => Err(SqlError::unknown(format_args!("the statement {word}"))),
            _ => Err(self.here()),
        }
    }

    fn alter_database(&mut self) -> Result<Statement> {
        let name = self.name()?;
        self.expect_words("SET CHANGE_TRACKING")?;
        self.expect_sign("=")?;
        let on = self.on_or_off()?;
        if on && matches!(self.peek(), Some(Token::Sign("("))) {
            self.skip_parentheses()?;
        }
        Ok(Statement::TrackDatabase(name, on))
    }

    fn permit(&mut self, action: Permit) -> Result<Statement> {
        let mut privileges = Vec::new();
        loop {
            let mut privilege = self.name()?.to_ascii_uppercase();
            while !matches!(self.peek(), Some(Token::Sign(_)))
                && !self.is_word(0, "ON")
                && !self.is_word(0, "TO")
                && !self.is_word(0, "FROM")
            {
                privilege.push(' ');
                privilege.push_str(&self.name()?.to_ascii_uppercase());
            }
            privileges.push(privilege);
            if !self.sign(",") {
                break;
            }
        }
        let on = if self.words("ON") {
            self.securable()?
        } else {
            Securable::Database
        };
        if !self.words("TO") {
            self.expect_words("FROM")?;
        }
        let user = self.name()?;
        Ok(Statement::Permit {
            action,
            privileges,
            on,
            user,
        })
    }

    fn securable(&mut self) -> Result<Securable> {
        if self.words("SCHEMA") {
            self.expect_sign("::")?;
            return self.name().map(Securable::Schema);
        }
        if self.words("OBJECT") {
            self.expect_sign("::")?;
        }
        self.object().map(Securable::Object)
    }
}
