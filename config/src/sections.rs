// SPDX-License-Identifier: Apache-2.0
//! One function per section of the file: its settings, their kinds, bounds and defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use silsila_diagnostics::Diagnostic;
use toml::de::DeTable;

use crate::reader::Reader;
use crate::section::Section;
use crate::settings::{
    Access, Address, Authority, AuthorityAlone, Hospital, Identifier, Keys, Listen, Log, LogFormat,
    LogLevel, MappingPack, Network, Settings, Storage, TlsFiles,
};
use crate::source::{self, Source};
use crate::values;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads every section. The result is to be used only if the reader holds no fault.
pub(crate) fn read(reader: &mut Reader, table: &DeTable<'_>, folder: &Path) -> Settings {
    let mut root = reader.root(table);
    let network = network(root.section("network", false));
    let alone = network.listen.is_none();
    let sources = sources(root.section("source", alone), folder);
    let settings = Settings {
        hospital: hospital(root.section("hospital", true)),
        listen: listen(root.section("listen", false), folder),
        access: access(root.section("access", false), folder),
        storage: storage(root.section("storage", true), folder),
        keys: keys(root.section("keys", true), folder),
        mapping: mapping(
            root.section("mapping", alone || !sources.is_empty()),
            folder,
        ),
        sources,
        log: log(root.section("log", false)),
        authority: authority(root.section("authority", false), folder),
        network,
    };
    root.finish();
    settings
}

/// Reads the file of a registration authority that stands alone: it has no hospital and no database.
pub(crate) fn read_authority(
    reader: &mut Reader,
    table: &DeTable<'_>,
    folder: &Path,
) -> AuthorityAlone {
    let mut root = reader.root(table);
    let alone = AuthorityAlone {
        authority: authority(root.section("authority", true), folder).unwrap_or_default(),
        log: log(root.section("log", false)),
    };
    root.finish();
    alone
}

fn authority(mut section: Section<'_, '_>, folder: &Path) -> Option<Authority> {
    let default = Authority::default();
    let authority = Authority {
        folder: folder.join(section.required("folder", values::path, PathBuf::new())),
        listen: section.defaulted("listen", values::socket_address, default.listen),
        address: section.optional("address", values::host_and_port),
        validity: section.defaulted(
            "validity",
            values::duration(10 * SECOND, 3650 * DAY),
            default.validity,
        ),
    };
    let present = section.present();
    section.finish();
    present.then_some(authority)
}

fn network(mut section: Section<'_, '_>) -> Network {
    let network = Network {
        authority: section.optional("authority", values::host_and_port),
        renewal_interval: section.defaulted(
            "renewal_interval",
            values::duration(SECOND, DAY),
            60 * MINUTE,
        ),
        listen: section.optional("listen", values::socket_address),
        peers: section.defaulted("peers", values::peers, Vec::new()),
        channel: section.optional("channel", values::text),
    };
    section.finish();
    network
}

fn hospital(mut section: Section<'_, '_>) -> Hospital {
    let hospital = Hospital {
        name: section.required("name", values::text, String::new()),
        base_uri: section.required("base_uri", values::base_uri, String::new()),
        phone: section.optional("phone", values::text),
        email: section.optional("email", values::text),
        identifier: identifier(section.section("identifier", false)),
        address: address(section.section("address", false)),
    };
    section.finish();
    hospital
}

fn identifier(mut section: Section<'_, '_>) -> Option<Identifier> {
    let identifier = Identifier {
        system: section.required("system", values::uri, String::new()),
        value: section.required("value", values::text, String::new()),
    };
    let present = section.present();
    section.finish();
    present.then_some(identifier)
}

fn address(mut section: Section<'_, '_>) -> Option<Address> {
    let address = Address {
        line: section.optional("line", values::text),
        city: section.optional("city", values::text),
        country: section.optional("country", values::country),
    };
    let present = section.present();
    section.finish();
    present.then_some(address)
}

fn listen(mut section: Section<'_, '_>, folder: &Path) -> Listen {
    let certificate = section.optional("tls_certificate_file", values::path);
    let key = section.optional("tls_key_file", values::path);
    let listen = Listen {
        address: section.defaulted(
            "address",
            values::socket_address,
            SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
        ),
        plain_http_on_loopback: section.defaulted("plain_http_on_loopback", values::switch, false),
        public_url: section.optional("public_url", values::base_uri),
        drain: section.defaulted("drain", values::duration(MS, 10 * MINUTE), 10 * SECOND),
        tls: tls_files(&mut section, certificate, key, folder),
    };
    section.finish();
    listen
}

/// Certificate and key belong together; half of a pair is a fault of its own.
fn tls_files(
    section: &mut Section<'_, '_>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    folder: &Path,
) -> Option<TlsFiles> {
    let (given, absent) = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            return Some(TlsFiles {
                certificate: folder.join(certificate),
                key: folder.join(key),
            });
        }
        (Some(_), None) => ("tls_certificate_file", "tls_key_file"),
        (None, Some(_)) => ("tls_key_file", "tls_certificate_file"),
        (None, None) => return None,
    };
    let (given_path, absent_path) = (section.name_of(given), section.name_of(absent));
    if section.reader().sound(&absent_path) {
        let fault = Diagnostic::error("CFG0013", format!("{given} is set without {absent}"))
            .help("HTTPS needs both");
        section.reader().fault(&given_path, fault);
    }
    None
}

fn access(mut section: Section<'_, '_>, folder: &Path) -> Access {
    let tokens = section.optional("tokens_file", values::path);
    section.finish();
    Access {
        tokens_file: tokens.map(|file| folder.join(file)),
    }
}

fn storage(mut section: Section<'_, '_>, folder: &Path) -> Storage {
    let storage = Storage {
        folder: folder.join(section.required("folder", values::path, PathBuf::new())),
        cache: section.defaulted("cache", values::size(1_000_000, 64_000_000_000), 64_000_000),
        readers: section.defaulted("readers", values::whole(3, 64), 4),
    };
    section.finish();
    storage
}

fn keys(mut section: Section<'_, '_>, folder: &Path) -> Keys {
    let keys = section.required("folder", values::path, PathBuf::new());
    let passphrase = section.optional("passphrase_file", values::path);
    section.refuse_secret("passphrase", "passphrase_file");
    section.finish();
    Keys {
        folder: folder.join(keys),
        passphrase_file: passphrase.map(|file| folder.join(file)),
    }
}

fn mapping(mut section: Section<'_, '_>, folder: &Path) -> Option<MappingPack> {
    let pack = section.required("pack", values::path, PathBuf::new());
    let present = section.present();
    section.finish();
    present.then(|| MappingPack {
        pack: folder.join(pack),
    })
}

fn log(mut section: Section<'_, '_>) -> Log {
    const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
    const LEVELS: &[(&str, LogLevel)] = &[
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let log = Log {
        format: section.defaulted("format", values::choice(FORMATS), LogFormat::Text),
        level: section.defaulted("level", values::choice(LEVELS), LogLevel::Info),
    };
    section.finish();
    log
}

fn sources(mut section: Section<'_, '_>, folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for name in section.chosen_names() {
        source::check_name(&mut section, &name);
        sources.push(source::read(section.chosen(&name), name, folder));
    }
    sources
}
