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
    Access, Address, Hospital, Identifier, Keys, Listen, Log, LogFormat, LogLevel, MappingPack,
    MysqlSource, Settings, Source, SourceTls, Storage, TlsFiles,
};
use crate::{SecretRef, values};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads every section. The result is to be used only if the reader holds no fault.
pub(crate) fn read(reader: &mut Reader, table: &DeTable<'_>, folder: &Path) -> Settings {
    let mut root = reader.root(table);
    let settings = Settings {
        hospital: hospital(root.section("hospital", true)),
        listen: listen(root.section("listen", false), folder),
        access: access(root.section("access", false), folder),
        storage: storage(root.section("storage", true), folder),
        keys: keys(root.section("keys", true), folder),
        sources: sources(root.section("source", true), folder),
        mapping: mapping(root.section("mapping", true), folder),
        log: log(root.section("log", false)),
    };
    root.finish();
    settings
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
    section.finish();
    Keys {
        folder: folder.join(keys),
    }
}

fn mapping(mut section: Section<'_, '_>, folder: &Path) -> MappingPack {
    let pack = section.required("pack", values::path, PathBuf::new());
    section.finish();
    MappingPack {
        pack: folder.join(pack),
    }
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
        check_name(&mut section, &name);
        sources.push(source(section.chosen(&name), name, folder));
    }
    sources
}

fn check_name(section: &mut Section<'_, '_>, name: &str) {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(letters);
    if !sound {
        let path = section.name_of(name);
        let fault = Diagnostic::error("CFG0007", format!("{name:?} cannot name a source"))
            .help("at most 32 lower-case letters, digits and hyphens, a letter first: [source.mirpurkhas]");
        section.reader().fault(&path, fault);
    }
}

fn source(mut section: Section<'_, '_>, name: String, folder: &Path) -> Source {
    section.required("kind", values::choice(&[("mysql", ())]), ());
    let mysql = mysql(&mut section, folder);
    let source = Source {
        name,
        mysql,
        rows_per_second: section.defaulted("rows_per_second", values::whole(1, 10_000_000), 5_000),
        chunk_rows: section.defaulted("chunk_rows", values::whole(1, 100_000), 2_000),
        poll_interval: section.defaulted(
            "poll_interval",
            values::duration(100 * MS, DAY),
            2 * SECOND,
        ),
        overlap: section.defaulted("overlap", values::duration(Duration::ZERO, 7 * DAY), MINUTE),
        sweep_interval: section.defaulted(
            "sweep_interval",
            values::duration(SECOND, 31 * DAY),
            DAY,
        ),
        loss_limit_percent: section.defaulted("loss_limit_percent", values::percent, 2.0),
        loss_floor_rows: section.defaulted("loss_floor_rows", values::whole(0, 1_000_000), 2),
        allowed_hours: section.optional("allowed_hours", values::hours),
        utc_offset: section.optional("utc_offset", values::utc_offset),
    };
    section.finish();
    source
}

fn mysql(section: &mut Section<'_, '_>, folder: &Path) -> MysqlSource {
    MysqlSource {
        host: section.required("host", values::text, String::new()),
        port: section.defaulted("port", values::port, 3306),
        database: section.required("database", values::text, String::new()),
        user: section.required("user", values::text, String::new()),
        password: password(section, folder),
        tls: source_tls(section, folder),
        connections: section.defaulted("connections", values::whole(1, 16), 2),
        statement_timeout: section.defaulted(
            "statement_timeout",
            values::duration(SECOND, 60 * MINUTE),
            MINUTE,
        ),
        connect_timeout: section.defaulted(
            "connect_timeout",
            values::duration(100 * MS, 10 * MINUTE),
            10 * SECOND,
        ),
    }
}

/// Exactly one of `password_file` and `password_env`; a `password` in clear is refused by name.
fn password(section: &mut Section<'_, '_>, folder: &Path) -> SecretRef {
    let file = section.optional("password_file", values::path);
    let env = section.optional("password_env", values::variable);
    let (file_path, env_path) = (
        section.name_of("password_file"),
        section.name_of("password_env"),
    );
    let broken = !section.reader().sound(&file_path) || !section.reader().sound(&env_path);
    match (file, env) {
        (Some(file), None) => return SecretRef::File(folder.join(file)),
        (None, Some(env)) => return SecretRef::Env(env),
        (Some(_), Some(_)) => {
            let fault = Diagnostic::error("CFG0009", "password_file and password_env are both set")
                .help("keep one of them");
            section.reader().fault(&env_path, fault);
        }
        (None, None) if broken || section.refuse_secret("password") => {}
        (None, None) if section.present() => {
            let fault =
                Diagnostic::error("CFG0005", format!("{} has no password", section.title()))
                    .help("set password_file, or password_env");
            section.reader().fault(&file_path, fault);
        }
        (None, None) => {}
    }
    SecretRef::Env(String::new())
}

fn source_tls(section: &mut Section<'_, '_>, folder: &Path) -> SourceTls {
    const KINDS: &[(&str, bool)] = &[("required", true), ("off", false)];
    let required = section.defaulted("tls", values::choice(KINDS), true);
    let ca_file = section.optional("tls_ca_file", values::path);
    let server_name = section.optional("tls_server_name", values::text);
    if required {
        return SourceTls::Required {
            ca_file: ca_file.map(|file| folder.join(file)),
            server_name,
        };
    }
    for (key, set) in [
        ("tls_ca_file", ca_file.is_some()),
        ("tls_server_name", server_name.is_some()),
    ] {
        if set {
            let path = section.name_of(key);
            let fault = Diagnostic::error("CFG0009", format!("{key} is set, and tls is \"off\""))
                .help("remove one of the two");
            section.reader().fault(&path, fault);
        }
    }
    SourceTls::Off
}
