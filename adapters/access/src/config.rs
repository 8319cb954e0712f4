// SPDX-License-Identifier: Apache-2.0
//! What an Access source needs to know.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use silsila_source::Secret;

/// Where an Access file lies, and how gently to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessOptions {
    /// The source's name in the configuration.
    pub name: String,
    /// The `.mdb` or `.accdb` file.
    pub file: PathBuf,
    /// The database password, where the file is encrypted with one.
    pub password: Option<Secret>,
    /// Where copies of the file are made, without a name and encrypted; made with mode 700 if it is not there.
    pub work_folder: PathBuf,
    /// At most this many rows per second; `None` reads at full speed. Copying is not counted in rows: it
    /// takes a share of the time (`rest`).
    pub rows_per_second: Option<NonZeroU32>,
    /// At most this many bytes of memory for the indexes of the copy.
    pub index_memory: usize,
    /// How many times a copy is tried while somebody writes, before the last good copy serves on.
    pub attempts: u32,
    /// The first pause between two attempts; each following one is twice as long.
    pub pause: Duration,
    /// After a copy the share rests so many times as long as the copy took: 4 copies a fifth of the time.
    pub rest: u32,
    /// The file is looked at once in this time at most, however often rows are asked for.
    pub look_every: Duration,
}

impl AccessOptions {
    /// The defaults: 5,000 rows a second, 96 MB for indexes, five attempts within three seconds.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        file: impl Into<PathBuf>,
        work_folder: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            file: file.into(),
            password: None,
            work_folder: work_folder.into(),
            rows_per_second: NonZeroU32::new(5_000),
            index_memory: 96 << 20,
            attempts: 5,
            pause: Duration::from_millis(200),
            rest: 4,
            look_every: Duration::from_secs(1),
        }
    }
}
