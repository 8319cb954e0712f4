// SPDX-License-Identifier: Apache-2.0
//! The settings by which a source refers to a secret.

use std::path::Path;

use silsila_diagnostics::Diagnostic;

use crate::section::Section;
use crate::{SecretRef, values};

/// The names under which one secret is referred to, and the one under which it must not be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretKeys {
    pub clear: &'static str,
    pub file: &'static str,
    pub env: &'static str,
}

/// A database's password.
pub(super) const PASSWORD: SecretKeys = SecretKeys {
    clear: "password",
    file: "password_file",
    env: "password_env",
};

/// Exactly one of `..._file` and `..._env`; the secret in clear is refused by name.
pub(super) fn required(
    section: &mut Section<'_, '_>,
    keys: SecretKeys,
    folder: &Path,
) -> SecretRef {
    let found = optional(section, keys, folder);
    let file_path = section.name_of(keys.file);
    let spoilt = [keys.file, keys.env, keys.clear]
        .iter()
        .any(|key| section.is_faulty(key));
    if found.is_none() && !spoilt && section.present() {
        let message = format!("{} has no {}", section.title(), keys.clear);
        let fault = Diagnostic::error("CFG0005", message)
            .help(format!("set {}, or {}", keys.file, keys.env));
        section.reader().fault(&file_path, fault);
    }
    found.unwrap_or_else(|| SecretRef::Env(String::new()))
}

/// At most one of `..._file` and `..._env`; the secret in clear is refused by name.
pub(super) fn optional(
    section: &mut Section<'_, '_>,
    keys: SecretKeys,
    folder: &Path,
) -> Option<SecretRef> {
    let file = section.optional(keys.file, values::path);
    let env = section.optional(keys.env, values::variable);
    section.refuse_secret(keys.clear, keys.file);
    match (file, env) {
        (Some(file), None) => Some(SecretRef::File(folder.join(file))),
        (None, Some(env)) => Some(SecretRef::Env(env)),
        (Some(_), Some(_)) => {
            let message = format!("{} and {} are both set", keys.file, keys.env);
            let fault = Diagnostic::error("CFG0009", message).help("keep one of them");
            let path = section.name_of(keys.env);
            section.reader().fault(&path, fault);
            None
        }
        (None, None) => None,
    }
}
