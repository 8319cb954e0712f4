// SPDX-License-Identifier: Apache-2.0
//! Errors as SQL Server numbers them, each with its class and state.

/// An error token's contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error {number}, class {class}, state {state}: {message}")]
pub struct SqlError {
    /// `sys.messages`.
    pub number: i32,
    /// Severity.
    pub class: u8,
    /// Where in the server.
    pub state: u8,
    /// In English.
    pub message: String,
}

/// What every function of the engine gives.
pub type Result<T> = std::result::Result<T, SqlError>;

impl SqlError {
    pub(crate) fn new(number: i32, class: u8, message: impl Into<String>) -> Self {
        Self {
            number,
            class,
            state: 1,
            message: message.into(),
        }
    }

    /// What SQL Server may well know and this stand-in does not. It never guesses.
    pub(crate) fn unknown(what: impl std::fmt::Display) -> Self {
        Self::new(50_000, 16, format!("The stand-in does not know {what}."))
    }

    pub(crate) fn syntax(near: &str) -> Self {
        Self::new(102, 15, format!("Incorrect syntax near '{near}'."))
    }

    pub(crate) fn invalid_object(name: &str) -> Self {
        Self::new(208, 16, format!("Invalid object name '{name}'."))
    }

    pub(crate) fn invalid_column(name: &str) -> Self {
        Self::new(207, 16, format!("Invalid column name '{name}'."))
    }

    pub(crate) fn denied(permission: &str, object: &str, database: &str, schema: &str) -> Self {
        let mut error = Self::new(
            229,
            14,
            format!(
                "The {permission} permission was denied on the object '{object}', database '{database}', schema '{schema}'."
            ),
        );
        error.state = 5;
        error
    }

    pub(crate) fn conversion(from: &str, to: &str) -> Self {
        Self::new(
            8114,
            16,
            format!("Error converting data type {from} to {to}."),
        )
    }

    pub(crate) fn overflow(to: &str) -> Self {
        Self::new(
            8115,
            16,
            format!("Arithmetic overflow error converting expression to data type {to}."),
        )
    }

    pub(crate) fn storage(error: &rusqlite::Error) -> Self {
        // What SQL Server says when its own files fail.
        Self::new(823, 24, format!("The stand-in's storage failed: {error}"))
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::storage(&error)
    }
}
