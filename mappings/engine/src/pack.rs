// SPDX-License-Identifier: Apache-2.0
//! All mappings of one legacy system.

use silsila_diagnostics::Diagnostics;
use silsila_source::{Key, Schema};

use crate::{LogicalId, MappedResource, Mapping};

/// One file of a pack: `*.yaml` is a mapping, `*.tests.yaml` tests, `*.csv` a code table; others are
/// ignored.
#[derive(Debug, Clone)]
pub struct PackFile {
    /// The path as diagnostics show it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// What the configuration adds to a pack.
#[derive(Debug, Clone, Default)]
pub struct PackSettings {
    /// The source's name in the configuration: part of every id.
    pub source: String,
    /// The hospital's own base address without a slash at the end, such as `https://mirpurkhas.example`;
    /// becomes `meta.source` and `${base_uri}`.
    pub base_uri: String,
    /// The hospital's short name: `${hospital}`.
    pub hospital: String,
    /// What the hospital's Organization resource says.
    pub organization: Organization,
}

/// The hospital as a FHIR Organization. Empty fields are left out.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    /// Full name; the hospital's short name if empty.
    pub name: String,
    /// An identifier's system and value.
    pub identifier: Option<(String, String)>,
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// One line of address.
    pub address: String,
    /// Town.
    pub city: String,
    /// ISO 3166 code, such as `PK`.
    pub country: String,
}

/// All mappings of one legacy system, compiled and free of mistakes.
pub struct Pack {
    mappings: Vec<Mapping>,
}

impl Pack {
    /// Compiles the files of a pack.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn compile(files: &[PackFile], settings: &PackSettings) -> Result<Self, Diagnostics> {
        let _ = (files, settings);
        Ok(Self {
            mappings: Vec::new(),
        })
    }

    /// Holds the pack against the tables that a source really has: unknown tables and columns, keys that
    /// do not fit together.
    #[must_use]
    pub fn check_against(&self, schema: &Schema) -> Diagnostics {
        let _ = schema;
        Diagnostics::new()
    }

    /// In an order in which a mapping comes after those that it refers to: patients first.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The mapping of that name.
    #[must_use]
    pub fn mapping(&self, name: &str) -> Option<&Mapping> {
        self.mappings.iter().find(|m| m.name() == name)
    }

    /// The hospital's own Organization, to be committed once; its mapping's name is `organization`, its key
    /// is empty.
    ///
    /// # Errors
    /// When the configured fields do not make a valid resource.
    pub fn organization(
        &self,
        ids: &dyn Fn(&str, &Key) -> LogicalId,
    ) -> Result<MappedResource, Diagnostics> {
        let _ = ids;
        Err(Diagnostics::new())
    }
}
