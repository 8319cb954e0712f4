// SPDX-License-Identifier: Apache-2.0
//! Coded errors, which name the file, tables and columns and never a value.

use std::io;
use std::path::Path;

use jetdb::FileError;
use silsila_source::SourceError;

use crate::book::Unopened;
use crate::census::Ill;
use crate::copy::NoCopy;

/// What is asked about, to name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub source: &'a str,
    pub table: &'a str,
}

impl Asked<'_> {
    pub fn unreadable(self, reason: impl Into<String>) -> SourceError {
        SourceError::Unreadable {
            source_name: self.source.into(),
            table: self.table.into(),
            reason: reason.into(),
        }
    }

    pub fn missing(self, what: &'static str, name: &str) -> SourceError {
        SourceError::Missing {
            source_name: self.source.into(),
            what,
            name: name.into(),
        }
    }

    /// jetdb's own words: they name pages, rows and what is wrong with them.
    pub fn damaged(self, error: &FileError) -> SourceError {
        self.unreadable(format!("the file is damaged: {}", words(error)))
    }

    pub fn ill(self, ill: &Ill) -> SourceError {
        self.unreadable(format!("the file is damaged: {ill}"))
    }
}

/// What jetdb says, without the names of files, which we name ourselves, and without its text of a value.
fn words(error: &FileError) -> String {
    match error {
        FileError::Io(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

impl std::fmt::Display for Ill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(error) => f.write_str(&words(error)),
            Self::Page { page, what } => write!(f, "page {page} {what}"),
        }
    }
}

/// Why there is no copy, and what to do about it.
pub(crate) fn no_copy(source: &str, file: &Path, fault: NoCopy) -> SourceError {
    let name = file.display();
    let unavailable = |reason: String| SourceError::Unavailable {
        source_name: source.into(),
        reason,
    };
    let refused = |reason: String| SourceError::Refused {
        source_name: source.into(),
        reason,
    };
    match fault {
        NoCopy::Absent(error) if error.kind() == io::ErrorKind::InvalidInput => {
            refused(format!("{name} is not a file"))
        }
        NoCopy::Absent(_) => unavailable(format!(
            "there is no file {name}; is the share mounted, and does the file have this name?"
        )),
        NoCopy::Denied => refused(format!(
            "{name} may not be read by the gateway's user; give it read access to the file and to the share"
        )),
        NoCopy::Unreadable(error) => {
            unavailable(format!("{name} cannot be read: {}", error.kind()))
        }
        NoCopy::NoRoom(error) => unavailable(format!(
            "the copy of {name} cannot be written into the gateway's own folder: {}; it needs as much room as the file, twice while it is replaced",
            error.kind()
        )),
        NoCopy::Changing(attempts) => unavailable(format!(
            "{name} was written to during each of {attempts} attempts to copy it; it is tried again"
        )),
        NoCopy::Unopened(fault) => unopened(source, file, &fault),
    }
}

fn unopened(source: &str, file: &Path, fault: &Unopened) -> SourceError {
    let name = file.display();
    let refused = |reason: String| SourceError::Refused {
        source_name: source.into(),
        reason,
    };
    let asked = Asked {
        source,
        table: "MSysObjects",
    };
    match fault {
        Unopened::File(FileError::PasswordRequired) => refused(format!(
            "{name} is encrypted with a database password; set password_file"
        )),
        Unopened::File(FileError::InvalidPassword) => {
            refused(format!("the password does not open {name}"))
        }
        Unopened::File(FileError::UnsupportedEncryption { reason }) => refused(format!(
            "{name} is encrypted in a way that is not supported ({reason}); take the password off, or set it anew in Access 2010 or later"
        )),
        Unopened::File(FileError::FileTooSmall { actual: 0, .. }) => {
            asked.unreadable(format!("{name} is empty; it is no longer an Access file"))
        }
        Unopened::File(FileError::Format(_) | FileError::FileTooSmall { .. }) => {
            asked.unreadable(format!(
                "{name} is not an Access file: it lacks the mark that Access begins every file with"
            ))
        }
        Unopened::File(error) => asked.unreadable(format!(
            "the catalogue of {name} cannot be read: {}; compact and repair it in Access",
            words(error)
        )),
        Unopened::Catalogue(ill) => asked.unreadable(format!(
            "the catalogue of {name} cannot be read: {ill}; compact and repair it in Access"
        )),
    }
}
