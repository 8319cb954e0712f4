// SPDX-License-Identifier: Apache-2.0
//! What the system tells of this process and its files.

use std::path::Path;

use crate::Outcome;

/// Processor time of this process so far, in seconds, from `/proc/self/stat` at 100 ticks a second.
pub fn cpu() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = fields[12].parse::<f64>()? + fields[13].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// The size of all files in a folder.
pub fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
