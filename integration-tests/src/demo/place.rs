// SPDX-License-Identifier: Apache-2.0
//! The folder of a demonstration, and the file that tells where its gateways are.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Others;

/// The folder of a demonstration.
pub struct Place {
    /// Absolute.
    pub dir: PathBuf,
}

impl Place {
    pub(super) fn new(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        Ok(Self {
            dir: dir.canonicalize()?,
        })
    }

    /// A gateway's own folder.
    pub fn gateway(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn demo_json(&self) -> PathBuf {
        self.dir.join("demo.json")
    }

    /// Writes `demo.json`, whole or not at all.
    pub(super) fn announce<'n>(
        &self,
        gateways: impl Iterator<Item = (&'n str, u16)>,
        others: &Others,
    ) -> anyhow::Result<()> {
        let gateways: Vec<_> = gateways
            .map(|(name, port)| {
                let fhir = format!("http://127.0.0.1:{port}/fhir");
                serde_json::json!({"name": name, "port": port, "fhir": fhir})
            })
            .collect();
        let text = serde_json::json!({
            "gateways": gateways,
            "authority": {"port": others.authority},
            "union": {"port": others.union, "fhir": format!("http://127.0.0.1:{}/fhir", others.union)},
        });
        let draft = self.dir.join("demo.json.new");
        std::fs::write(&draft, format!("{text:#}\n"))?;
        std::fs::rename(draft, self.demo_json())?;
        Ok(())
    }

    /// The port of a gateway that was announced.
    pub fn announced(&self, name: &str) -> anyhow::Result<u16> {
        let file = self.demo_json();
        let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let json: serde_json::Value = serde_json::from_slice(&text)?;
        json["gateways"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|gateway| gateway["name"] == name)
            .and_then(|gateway| gateway["port"].as_u64())
            .and_then(|port| u16::try_from(port).ok())
            .with_context(|| format!("{} does not list {name}", file.display()))
    }

    /// Removes `demo.json`.
    pub(super) fn withdraw(&self) -> anyhow::Result<()> {
        let path = self.demo_json();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| path.display().to_string())
            }
            _ => Ok(()),
        }
    }
}
