// SPDX-License-Identifier: Apache-2.0
//! What the director wants of a hospital.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use async_trait::async_trait;

use super::place::Place;
use crate::gateway::GatewayConfig;

/// A hospital of the demonstration: its legacy database, its gateway's configuration, its next day.
#[async_trait]
pub trait Site: Send + Sync {
    /// The name in `demo.json`, of the gateway's folder and of the source.
    fn name(&self) -> &'static str;

    /// As people call it, with the kind of its database.
    fn title(&self) -> &'static str;

    /// The gateway's port, unless another is asked for.
    fn usual_port(&self) -> u16;

    /// Starts the legacy database, loads it if it is new, and says how a gateway is to read it.
    async fn open(&mut self, place: &Place, port: u16) -> anyhow::Result<GatewayConfig>;

    /// Ends what [`Self::open`] started, after the gateway.
    fn close(&mut self) -> anyhow::Result<()>;

    /// Plays the next day in a demonstration that another process runs, once, and tells what happened.
    /// Returns when the legacy database, or the gateway over it, shows the new day.
    async fn day2(&self, place: &Place) -> anyhow::Result<String>;

    /// What a newcomer may try.
    fn what_to_try(&self, port: u16, silsila: &Path, config: &Path) -> String;

    /// Where the logs lie.
    fn logs(&self, place: &Place) -> Vec<PathBuf>;
}

/// A gateway's port, as the command line says it: `mirpurkhas=8081`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The hospital's name.
    pub name: String,
    /// The port on loopback.
    pub number: u16,
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text.split_once('=').and_then(|(name, number)| {
            Some(Self {
                name: name.to_owned(),
                number: number.parse().ok()?,
            })
        });
        read.ok_or_else(|| "write a hospital's name and a port, such as mirpurkhas=8081".to_owned())
    }
}
