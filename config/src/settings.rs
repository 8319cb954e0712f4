// SPDX-License-Identifier: Apache-2.0
//! What a configuration says, typed. Paths are absolute or relative to the working directory: those in
//! the file are relative to the file, and have been joined to its folder.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::source::Source;

/// One gateway's configuration. Every rule of `validate` holds for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whose gateway this is.
    pub hospital: Hospital,
    /// Where it answers.
    pub listen: Listen,
    /// Who may ask.
    pub access: Access,
    /// Where the ledger lies.
    pub storage: Storage,
    /// Where the keys lie.
    pub keys: Keys,
    /// The legacy databases, in name order; at present exactly one, or none in a gateway that only
    /// replicates and validates for its network.
    pub sources: Vec<Source>,
    /// How rows become resources; there wherever there is a source.
    pub mapping: Option<MappingPack>,
    /// What is logged, and how.
    pub log: Log,
    /// The registration authority of a network, where this machine is it.
    pub authority: Option<Authority>,
    /// The network that this gateway is a member of.
    pub network: Network,
}

/// `[authority]`: the registration authority of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Folder of its keys and records.
    pub folder: PathBuf,
    /// Where it answers members.
    pub listen: SocketAddr,
    /// Host and port by which members reach it; that of `listen` where nothing else is said.
    pub address: Option<String>,
    /// How long a member's certificate lasts.
    pub validity: Duration,
}

impl Default for Authority {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            address: None,
            validity: Duration::from_secs(365 * 86_400),
        }
    }
}

/// The configuration of an authority that stands on a machine of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityAlone {
    /// `[authority]`.
    pub authority: Authority,
    /// `[log]`.
    pub log: Log,
}

/// `[network]`: what a member may want otherwise than its invitation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Host and port of the authority, where it has moved since the invitation.
    pub authority: Option<String>,
    /// The pause between two looks whether the certificate is to be renewed.
    pub renewal_interval: Duration,
    /// Where the gateways of other members connect; without it the gateway takes part in no channel.
    pub listen: Option<SocketAddr>,
    /// Where the gateways of other members are reached.
    pub peers: Vec<PeerAddress>,
    /// The channel that the source's records go to and that `/fhir` serves, where it is another than the one joined first.
    pub channel: Option<String>,
}

/// Where another member's gateway is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// How its key begins: eight hexadecimal digits or more, in small letters.
    pub key: String,
    /// Its host and port.
    pub address: String,
}

/// `[hospital]`: what the FHIR Organization says, and the base of the hospital's own URIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hospital {
    /// As patients know it.
    pub name: String,
    /// A URI under the hospital's own domain without a closing slash; `meta.source` of every resource
    /// and the stem of its local identifier systems. It must never change.
    pub base_uri: String,
    /// An official number, where there is one.
    pub identifier: Option<Identifier>,
    /// Telephone, as dialled from abroad.
    pub phone: Option<String>,
    /// Where it receives mail.
    pub email: Option<String>,
    /// Where it stands.
    pub address: Option<Address>,
}

/// `[hospital.identifier]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// URI of the register.
    pub system: String,
    /// The number in it.
    pub value: String,
}

/// `[hospital.address]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// Street and house.
    pub line: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// ISO 3166 code of the country, two letters.
    pub country: Option<String>,
}

/// `[listen]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address and port of the FHIR server.
    pub address: SocketAddr,
    /// HTTPS; `None` only on loopback.
    pub tls: Option<TlsFiles>,
    /// Whether the absence of TLS on loopback is meant.
    pub plain_http_on_loopback: bool,
    /// The address others use, where a name or a reverse proxy stands in front; without `/fhir`.
    pub public_url: Option<String>,
    /// How long requests may still run after the order to stop.
    pub drain: Duration,
}

/// A certificate chain and its private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key: PKCS #8, SEC 1 or PKCS #1.
    pub key: PathBuf,
}

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The bearer tokens that open the FHIR server; demanded off loopback.
    pub tokens_file: Option<PathBuf>,
}

/// `[storage]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Folder of the ledger and the gateway's own state.
    pub folder: PathBuf,
    /// Page cache of the writer, in bytes.
    pub cache: u64,
    /// Connections kept for readers.
    pub readers: u32,
}

/// `[keys]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Folder of the member key and the custodian's keys; never inside the storage folder.
    pub folder: PathBuf,
    /// The file whose first line is the passphrase of locked keys; never inside that folder.
    pub passphrase_file: Option<PathBuf>,
}

/// A stretch of every day, in minutes after midnight; `from` after `until` reaches over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// First minute.
    pub from: u16,
    /// The minute after the last.
    pub until: u16,
}

/// Minutes east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UtcOffset(pub i16);

/// `[mapping]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingPack {
    /// Folder of the pack: `*.yaml`, code tables, tests.
    pub pack: PathBuf,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least important event that is written.
    pub level: LogLevel,
}

/// Form of the log on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Importance of a log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed and a person should look.
    Error,
    /// And what may become a failure.
    Warn,
    /// And the gateway's own life: start, sweeps, stops.
    Info,
    /// And every pass.
    Debug,
    /// And every chunk.
    Trace,
}

impl LogLevel {
    /// The word that filters understand.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
