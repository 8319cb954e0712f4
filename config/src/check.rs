// SPDX-License-Identifier: Apache-2.0
//! What the configuration names, looked for on this machine.

use std::fs;
use std::path::Path;

use silsila_diagnostics::{Diagnostic, Diagnostics};

use crate::{Loaded, MappingPack, SecretRef};

impl Loaded {
    /// Looks for every file and folder the configuration names, and at who may read the secrets. The
    /// storage and keys folders may be absent (the first start makes them), but not be files.
    #[must_use]
    pub fn check_files(&self) -> Diagnostics {
        let mut found = Diagnostics::new();
        self.check_pack(&mut found);
        self.check_listener(&mut found);
        self.check_sources(&mut found);
        self.check_own_folder("storage.folder", &self.settings.storage.folder, &mut found);
        self.check_own_folder("keys.folder", &self.settings.keys.folder, &mut found);
        if self.settings.keys.folder.is_dir() {
            self.check_private("keys.folder", &self.settings.keys.folder, &mut found);
        }
        // It may be there for the service alone, or on a stick that is not in yet.
        if let Some(file) = &self.settings.keys.passphrase_file {
            self.check_private("keys.passphrase_file", file, &mut found);
        }
        found
    }

    fn check_pack(&self, found: &mut Diagnostics) {
        let Some(MappingPack { pack }) = &self.settings.mapping else {
            return;
        };
        if !pack.is_dir() {
            let fault =
                Diagnostic::error("CFG0031", format!("there is no folder {}", pack.display()))
                    .help("name the folder that holds the mapping pack's *.yaml files");
            found.push(fault.at(self.places.of("mapping.pack")));
        }
    }

    fn check_listener(&self, found: &mut Diagnostics) {
        if let Some(tls) = &self.settings.listen.tls {
            self.check_file("listen.tls_certificate_file", &tls.certificate, found);
            if self.check_file("listen.tls_key_file", &tls.key, found) {
                self.check_private("listen.tls_key_file", &tls.key, found);
            }
        }
        if let Some(tokens) = &self.settings.access.tokens_file
            && self.check_file("access.tokens_file", tokens, found)
        {
            self.check_private("access.tokens_file", tokens, found);
        }
    }

    /// The files and secrets by which sources are reached. Not an Access file itself: its share may be away
    /// for an hour, which must not keep the gateway from serving what it has.
    fn check_sources(&self, found: &mut Diagnostics) {
        for source in &self.settings.sources {
            let setting = |key: &str| format!("source.{}.{key}", source.name);
            if let Some(file) = source.kind.remote().and_then(|(_, tls)| tls.ca_file()) {
                self.check_file(&setting("tls_ca_file"), file, found);
            }
            for (stem, secret) in source.kind.secrets() {
                self.check_secret(&setting(stem), secret, found);
            }
        }
    }

    fn check_secret(&self, setting: &str, secret: &SecretRef, found: &mut Diagnostics) {
        let place = match secret {
            SecretRef::File(_) => format!("{setting}_file"),
            SecretRef::Env(_) => format!("{setting}_env"),
        };
        match (secret.read(), secret) {
            (Err(error), _) => {
                let text = error.to_string();
                let message = text
                    .split_once(' ')
                    .map_or(text.as_str(), |(_, message)| message);
                found.push(Diagnostic::error(error.code(), message).at(self.places.of(&place)));
            }
            (Ok(_), SecretRef::File(file)) => self.check_private(&place, file, found),
            (Ok(_), SecretRef::Env(_)) => {}
        }
    }

    fn check_file(&self, setting: &str, file: &Path, found: &mut Diagnostics) -> bool {
        let opened = fs::File::open(file).and_then(|open| open.metadata());
        let problem = match opened {
            Ok(what) if what.is_file() => return true,
            Ok(_) => "it is not a file".to_owned(),
            Err(reason) => reason.to_string(),
        };
        let message = format!("{} cannot be read: {problem}", file.display());
        found.push(Diagnostic::error("CFG0030", message).at(self.places.of(setting)));
        false
    }

    fn check_own_folder(&self, setting: &str, folder: &Path, found: &mut Diagnostics) {
        if folder.exists() && !folder.is_dir() {
            let message = format!("{} is not a folder", folder.display());
            found.push(Diagnostic::error("CFG0031", message).at(self.places.of(setting)));
        }
    }

    /// Warns where group or others may read what is secret.
    #[cfg(unix)]
    fn check_private(&self, setting: &str, path: &Path, found: &mut Diagnostics) {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(what) = fs::metadata(path) else { return };
        let mode = what.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return;
        }
        let wanted = if what.is_dir() { "700" } else { "600" };
        let message = format!("{} can be read by others (mode {mode:03o})", path.display());
        let warning = Diagnostic::warning("CFG0035", message)
            .help(format!("chmod {wanted} {}", path.display()));
        found.push(warning.at(self.places.of(setting)));
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, reason = "the same shape as on Unix")]
    fn check_private(&self, _: &str, _: &Path, _: &mut Diagnostics) {}
}
