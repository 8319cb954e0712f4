// SPDX-License-Identifier: Apache-2.0
//! Where each setting stands, and which lines are not to be shown.

use std::collections::BTreeMap;
use std::ops::Range;

use silsila_diagnostics::{Place, TextFile, suggest};

/// Where each setting stands in its file.
#[derive(Debug, Clone)]
pub struct Places {
    pub(crate) file: TextFile,
    pub(crate) spans: BTreeMap<String, Range<usize>>,
}

impl Places {
    /// Where a setting, or else the nearest section around it, stands.
    #[must_use]
    pub fn of(&self, setting: &str) -> Place {
        let mut name = setting;
        loop {
            if let Some(span) = self.spans.get(name) {
                return guarded(self.file.place(span.clone()));
            }
            match name.rsplit_once('.') {
                Some((section, _)) => name = section,
                None => return self.file.start().without_text(),
            }
        }
    }
}

/// A line that may hold a secret is not shown: somebody may have written the password itself.
pub(crate) fn guarded(place: Place) -> Place {
    let line = place.text.as_deref().unwrap_or_default().to_lowercase();
    let key = line.split('=').next().unwrap_or_default().trim();
    const WORDS: [&str; 4] = ["password", "passphrase", "secret", "token"];
    let secret = WORDS.iter().any(|word| key.contains(word)) || suggest(key, WORDS).is_some();
    // A connection string may hold one among other things.
    let secret = secret || key == "connection";
    if secret && !key.ends_with("_file") {
        place.without_text()
    } else {
        place
    }
}
