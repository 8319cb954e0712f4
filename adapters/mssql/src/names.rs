// SPDX-License-Identifier: Apache-2.0
//! Names of tables: `Person` is `[dbo].[Person]`, `lab.Result` is `[lab].[Result]`.
//!
//! A table of the schema `dbo` is known by its own name alone, any other by schema and name with a dot
//! between them; `dbo.Person` is understood too. A name that holds a dot itself is written with its schema:
//! `dbo.old.patients` is `[dbo].[old.patients]`. A schema whose own name holds a dot cannot be named.

use std::fmt;

/// The schema that need not be named.
const DEFAULT: &str = "dbo";

/// A table's two names, as asked for or as the catalogue spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub schema: &'a str,
    pub table: &'a str,
}

impl<'a> Name<'a> {
    /// Splits a name at its first dot.
    pub(crate) fn parse(name: &'a str) -> Self {
        match name.split_once('.') {
            Some((schema, table)) => Self { schema, table },
            None => Self {
                schema: DEFAULT,
                table: name,
            },
        }
    }

    /// As it stands in a statement.
    pub(crate) fn quoted(self) -> String {
        format!("{}.{}", quote(self.schema), quote(self.table))
    }
}

/// As the schema lists it.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema == DEFAULT && !self.table.contains('.') {
            f.write_str(self.table)
        } else {
            write!(f, "{}.{}", self.schema, self.table)
        }
    }
}

/// An identifier in brackets.
pub(crate) fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_their_brackets() {
        assert_eq!(quote("a]; DROP TABLE x; --"), "[a]]; DROP TABLE x; --]");
        assert_eq!(Name::parse("Person").quoted(), "[dbo].[Person]");
        assert_eq!(Name::parse("lab.Order").quoted(), "[lab].[Order]");
        assert_eq!(
            Name::parse("dbo.old.patients").quoted(),
            "[dbo].[old.patients]"
        );
    }

    #[test]
    fn the_default_schema_is_not_spelt_out() {
        for (asked, listed) in [
            ("Person", "Person"),
            ("dbo.Person", "Person"),
            ("lab.Result", "lab.Result"),
            ("dbo.old.patients", "dbo.old.patients"),
        ] {
            assert_eq!(Name::parse(asked).to_string(), listed);
        }
    }
}
