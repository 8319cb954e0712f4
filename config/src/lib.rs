// SPDX-License-Identifier: Apache-2.0
//! The configuration file: read, parsed with spans, validated whole, then frozen.
//!
//! One TOML file describes one gateway. [`load`] either returns [`Loaded`], in which every setting has
//! its type and every rule of [`mod@validate`] holds, or *all* the faults at once, each with its place,
//! a code and, where one can be made, a suggestion. Whether the files it names exist is asked later, by
//! [`Loaded::check_files`], so that a configuration can be checked on another machine.
//!
//! Two things are read here and nowhere else: the environment ([`environment`]) and the secrets that a
//! configuration refers to ([`SecretRef`]). A secret never stands in the file itself.
//!
//! `config/reference.toml` documents every setting with its unit and default; a test holds it complete.

mod check;
pub mod environment;
mod load;
mod places;
mod reader;
mod secret;
mod section;
mod sections;
mod settings;
mod source;
mod validate;
mod values;

pub use load::{Loaded, load, load_authority, parse, parse_authority};
pub use places::Places;
pub use reader::Known;
pub use secret::{Secret, SecretError, SecretRef};
pub use settings::{
    Access, Address, Authority, AuthorityAlone, Hospital, Hours, Identifier, Keys, Listen, Log,
    LogFormat, LogLevel, MappingPack, Network, PeerAddress, Settings, Storage, TlsFiles, UtcOffset,
};
pub use source::{
    AccessSource, MssqlSource, MysqlSource, OdbcSource, OdbcText, Source, SourceKind, SourceTls,
};
