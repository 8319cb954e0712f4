// SPDX-License-Identifier: Apache-2.0
//! Writing the configuration of a gateway over a private server, as a hospital's IT would by hand.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::LegacySource;
use crate::repository;

/// A mapping pack of this repository.
#[must_use]
pub fn pack(name: &str) -> PathBuf {
    repository().join("mappings/packs").join(name)
}

/// What differs from gateway to gateway; `None` and empty leave the setting's own default.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The folder that will hold the configuration, the password, the state and the keys.
    pub folder: PathBuf,
    /// The loopback port to serve on.
    pub port: u16,
    /// The hospital's name and base URI.
    pub hospital: (String, String),
    /// As what it joins a network.
    pub role: &'static str,
    /// The legacy database.
    pub source: LegacySource,
    /// The folder of the mapping pack.
    pub pack: PathBuf,
    /// The pause between two looks for changes, such as `1s`.
    pub poll_interval: String,
    /// The pause between two sweeps.
    pub sweep_interval: String,
    /// At most so many rows a second.
    pub rows_per_second: u32,
    /// Rows asked for at once: few for a test that wants many chunks.
    pub chunk_rows: u32,
    /// Further lines for the section of the source.
    pub source_lines: String,
    /// Whole further sections, such as `[log]`.
    pub sections: String,
    /// The lines of the section `[listen]` instead of plain HTTP on the loopback port.
    pub listen: Option<String>,
    /// A command that starts the gateway in turn, such as `nice`; its process must become the gateway's.
    pub wrapper: Vec<String>,
}

impl GatewayConfig {
    /// A gateway of the Mirpurkhas hospital that looks for changes every second and sweeps every ten.
    #[must_use]
    pub fn new(folder: &Path, port: u16, source: impl Into<LegacySource>) -> Self {
        Self::of(
            ("Civil Hospital Mirpurkhas", "https://mirpurkhas.example"),
            folder,
            port,
            source.into(),
        )
    }

    /// A gateway of any hospital, named by its name and base URI, with the pack of Mirpurkhas until another is set.
    #[must_use]
    pub fn of(hospital: (&str, &str), folder: &Path, port: u16, source: LegacySource) -> Self {
        Self {
            hospital: (hospital.0.into(), hospital.1.into()),
            folder: folder.to_owned(),
            port,
            role: "hospital",
            source,
            pack: pack("sindh-mirpurkhas"),
            poll_interval: "1s".into(),
            sweep_interval: "10s".into(),
            rows_per_second: 100_000,
            chunk_rows: 2_000,
            source_lines: String::new(),
            sections: String::new(),
            listen: None,
            wrapper: Vec::new(),
        }
    }

    /// Where [`Self::write`] puts the configuration.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join("silsila.toml")
    }

    /// Where the gateway's output goes.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("silsila.log")
    }

    /// Writes the configuration and the secrets, over those of an earlier run.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        for (name, secret) in self.source.secrets() {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(self.folder.join(name))?;
            writeln!(file, "{secret}")?;
        }
        std::fs::write(self.file(), self.text())?;
        Ok(())
    }

    fn text(&self) -> String {
        let Self {
            port,
            hospital: (name, base_uri),
            sections,
            ..
        } = self;
        let listen = self.listen.clone().unwrap_or_else(|| {
            format!("address = \"127.0.0.1:{port}\"\nplain_http_on_loopback = true")
        });
        format!(
            "[hospital]\nname = {name:?}\nbase_uri = {base_uri:?}\n\n\
             [listen]\n{listen}\n\n\
             [storage]\nfolder = \"state\"\n\n[keys]\nfolder = \"keys\"\n\n\
             {read}{sections}\n",
            read = self.what_it_reads(),
        )
    }

    /// Source and pack.
    fn what_it_reads(&self) -> String {
        let Self {
            source,
            poll_interval,
            sweep_interval,
            rows_per_second,
            chunk_rows,
            source_lines,
            ..
        } = self;
        if matches!(source, LegacySource::None) {
            return String::new();
        }
        format!(
            "[source.{source_name}]\n{kind_lines}\n\
             rows_per_second = {rows_per_second}\nchunk_rows = {chunk_rows}\n\
             poll_interval = \"{poll_interval}\"\nsweep_interval = \"{sweep_interval}\"\n{source_lines}\n\n\
             [mapping]\npack = {pack:?}\n\n",
            source_name = source.name(),
            kind_lines = source.lines(),
            pack = self.pack.display().to_string(),
        )
    }
}
