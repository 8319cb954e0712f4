// SPDX-License-Identifier: Apache-2.0
//! `kind = "access"`: an `.mdb` or `.accdb` file of MS Access.

use std::path::{Path, PathBuf};

use super::SourceKind;
use super::secret::{self, PASSWORD};
use crate::section::Section;
use crate::{SecretRef, values};

/// Where an Access file lies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessSource {
    /// The `.mdb` or `.accdb` file, perhaps on a share that is mounted read-only.
    pub file: PathBuf,
    /// The database password, where it has one.
    pub password: Option<SecretRef>,
}

pub(super) fn read(section: &mut Section<'_, '_>, folder: &Path) -> SourceKind {
    SourceKind::Access(AccessSource {
        file: folder.join(section.required("file", values::path, PathBuf::new())),
        password: secret::optional(section, PASSWORD, folder),
    })
}
