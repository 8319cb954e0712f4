// SPDX-License-Identifier: Apache-2.0
//! `NAME.limits.toml`.

use std::io::ErrorKind;
use std::path::Path;

use silsila_chain::{Limits, MAX_ENTRIES, MAX_ENTRIES_BYTES};
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use toml::de::DeTable;

use super::fields::Fields;

const CODE: &str = "CON0008";

/// What holds where the file says nothing.
const DEFAULT: Limits = Limits {
    entries: MAX_ENTRIES,
    bytes: MAX_ENTRIES_BYTES as u64,
    horizon: 100_000,
    max_staleness_ms: 3_600_000,
};

/// Reads the limits; the defaults where there is no file.
pub(super) fn read(file: &Path, faults: &mut Diagnostics) -> Limits {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => TextFile::new(name, text),
        Err(error) if error.kind() == ErrorKind::NotFound => return DEFAULT,
        Err(error) => {
            let message = format!("the limits {name} cannot be read: {error}");
            faults.push(Diagnostic::error(CODE, message));
            return DEFAULT;
        }
    };
    let (table, errors) = DeTable::parse_recoverable(text.text());
    for error in errors {
        let place = text.place(error.span().unwrap_or(0..0));
        faults.push(Diagnostic::error(CODE, error.message()).at(place));
    }
    let mut fields = Fields::new(&text, CODE, faults, table.get_ref(), 0..0);
    let number = |found: Option<u64>, default| found.unwrap_or(default);
    let limits = Limits {
        entries: number(
            fields.number("entries", 1..MAX_ENTRIES + 1),
            DEFAULT.entries,
        ),
        bytes: number(
            fields.number("bytes", 1..MAX_ENTRIES_BYTES as u64 + 1),
            DEFAULT.bytes,
        ),
        horizon: number(fields.number("horizon", 1..u64::MAX), DEFAULT.horizon),
        max_staleness_ms: staleness(&mut fields).unwrap_or(DEFAULT.max_staleness_ms),
    };
    fields.finish();
    limits
}

/// `90s`, `15m`, `6h` or `2d`, in milliseconds.
fn staleness(fields: &mut Fields<'_, '_>) -> Option<u64> {
    let (text, span) = fields.text("max_staleness")?;
    let units = [
        ('s', 1_000),
        ('m', 60_000),
        ('h', 3_600_000),
        ('d', 86_400_000),
    ];
    let found = units.iter().find_map(|(unit, ms)| {
        let digits = text.strip_suffix(*unit)?.trim_end();
        digits.parse::<u64>().ok()?.checked_mul(*ms)
    });
    let found = found.filter(|ms| *ms > 0);
    if found.is_none() {
        let message = "`max_staleness` must be a time such as \"90s\", \"15m\", \"6h\" or \"2d\"";
        fields.fault(span, message);
    }
    found
}
