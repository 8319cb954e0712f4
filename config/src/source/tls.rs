// SPDX-License-Identifier: Apache-2.0
//! Encryption towards a database server.

use std::path::{Path, PathBuf};

use silsila_diagnostics::Diagnostic;

use crate::section::Section;
use crate::values;

/// Encryption towards a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceTls {
    /// TLS 1.2 or later; the server's certificate and name are verified.
    Required {
        /// The authority that signed it, PEM; the public ones where absent.
        ca_file: Option<PathBuf>,
        /// The name that the certificate must bear, where it is not the host's.
        server_name: Option<String>,
    },
    /// None: on loopback or through a tunnel.
    Off,
}

impl SourceTls {
    /// The authority's file, where one is named.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        match self {
            Self::Required { ca_file, .. } => ca_file.as_deref(),
            Self::Off => None,
        }
    }
}

pub(super) fn read(section: &mut Section<'_, '_>, folder: &Path) -> SourceTls {
    const KINDS: &[(&str, bool)] = &[("required", true), ("off", false)];
    let required = section.defaulted("tls", values::choice(KINDS), true);
    let ca_file = section.optional("tls_ca_file", values::path);
    let server_name = section.optional("tls_server_name", values::text);
    if required {
        return SourceTls::Required {
            ca_file: ca_file.map(|file| folder.join(file)),
            server_name,
        };
    }
    for (key, set) in [
        ("tls_ca_file", ca_file.is_some()),
        ("tls_server_name", server_name.is_some()),
    ] {
        if set {
            let path = section.name_of(key);
            let fault = Diagnostic::error("CFG0009", format!("{key} is set, and tls is \"off\""))
                .help("remove one of the two");
            section.reader().fault(&path, fault);
        }
    }
    SourceTls::Off
}
