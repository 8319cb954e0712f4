// SPDX-License-Identifier: Apache-2.0
//! The rules that no single setting can show. A [`crate::Settings`] that was returned keeps them all:
//!
//! 1. There is exactly one source (more will come; a second one is refused, not ignored), or none where the
//!    gateway listens to its network. `CFG0015`
//! 2. Without TLS the gateway listens on loopback only. `CFG0010`
//! 3. Without TLS on loopback, `plain_http_on_loopback = true` says that this is meant. `CFG0011`
//! 4. Off loopback a tokens file is named. `CFG0012`
//! 5. A source that is not on loopback is reached by TLS. `CFG0014`
//! 6. `poll_interval` is not longer than `sweep_interval`. `CFG0016`
//! 7. The keys folder is neither the storage folder nor inside it, nor the other way round: whoever
//!    copies the data must not copy the keys with it. `CFG0017`
//! 8. `allowed_hours` comes with `utc_offset`. `CFG0018`
//!
//! Half of a TLS pair (`CFG0013`), two places for one secret (`CFG0009`) and a secret in clear
//! (`CFG0008`) are found while the sections are read.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use silsila_diagnostics::Diagnostic;

use crate::reader::Reader;
use crate::settings::Settings;
use crate::source::{Source, SourceTls};

pub(crate) fn validate(settings: &Settings, reader: &mut Reader) {
    one_source(settings, reader);
    listener(settings, reader);
    for source in &settings.sources {
        encrypted_source(source, reader);
        intervals(source, reader);
        hours(source, reader);
    }
    keys_apart(settings, reader);
}

fn one_source(settings: &Settings, reader: &mut Reader) {
    match settings.sources.as_slice() {
        [] if settings.network.listen.is_none() && reader.sound("source") => reader.fault(
            "source",
            Diagnostic::error("CFG0015", "no source is configured")
                .help("add a section [source.NAME] for the hospital's database"),
        ),
        [] | [_] => {}
        [_, others @ ..] => {
            for other in others {
                let fault =
                    Diagnostic::error("CFG0015", format!("{:?} is a second source", other.name))
                        .help(
                            "this version reads one database: run a second gateway for another one",
                        );
                reader.fault(&format!("source.{}", other.name), fault);
            }
        }
    }
}

fn listener(settings: &Settings, reader: &mut Reader) {
    let listen = &settings.listen;
    if !reader.sound("listen.address") {
        return;
    }
    let loopback = listen.address.ip().is_loopback();
    if !loopback && settings.access.tokens_file.is_none() && reader.sound("access.tokens_file") {
        let fault = Diagnostic::error(
            "CFG0012",
            format!(
                "{} is open to the network and nobody is asked for a token",
                listen.address
            ),
        )
        .help("set tokens_file in [access]: a file with a line `NAME TOKEN` for each caller");
        reader.fault("listen.address", fault);
    }
    let tls_sound = ["tls_certificate_file", "tls_key_file"]
        .iter()
        .all(|key| reader.sound(&format!("listen.{key}")));
    if listen.tls.is_some() || !tls_sound {
        return;
    }
    if !loopback {
        let fault = Diagnostic::error(
            "CFG0010",
            format!("{} is not loopback, and there is no TLS", listen.address),
        )
        .help("set tls_certificate_file and tls_key_file, or listen on 127.0.0.1");
        reader.fault("listen.address", fault);
    } else if !listen.plain_http_on_loopback && reader.sound("listen.plain_http_on_loopback") {
        let fault = Diagnostic::error("CFG0011", "there is no TLS, and plain HTTP has not been allowed")
            .help("set plain_http_on_loopback = true in [listen], or set tls_certificate_file and tls_key_file");
        reader.fault("listen.plain_http_on_loopback", fault);
    }
}

fn encrypted_source(source: &Source, reader: &mut Reader) {
    let name = |key| format!("source.{}.{key}", source.name);
    let Some((host, SourceTls::Off)) = source.kind.remote() else {
        return;
    };
    if !reader.sound(&name("host")) || !reader.sound(&name("tls")) || is_loopback(host) {
        return;
    }
    let fault = Diagnostic::error(
        "CFG0014",
        format!("patient data would travel in clear text from {host}"),
    )
    .help("set tls = \"required\", or reach the database through a tunnel on 127.0.0.1");
    reader.fault(&name("tls"), fault);
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn intervals(source: &Source, reader: &mut Reader) {
    let name = |key| format!("source.{}.{key}", source.name);
    let sound = reader.sound(&name("poll_interval")) && reader.sound(&name("sweep_interval"));
    if sound && source.poll_interval > source.sweep_interval {
        let fault = Diagnostic::error("CFG0016", "poll_interval is longer than sweep_interval")
            .help("a sweep finds all that a poll finds: poll at least as often as you sweep");
        reader.fault(&name("poll_interval"), fault);
    }
}

fn hours(source: &Source, reader: &mut Reader) {
    let name = |key| format!("source.{}.{key}", source.name);
    if source.allowed_hours.is_some() && !reader.has(&name("utc_offset")) {
        let fault = Diagnostic::error("CFG0018", "allowed_hours is set without utc_offset")
            .help("say in which time the hours are meant: utc_offset = \"+05:00\" for Pakistan");
        reader.fault(&name("allowed_hours"), fault);
    }
}

fn keys_apart(settings: &Settings, reader: &mut Reader) {
    if !reader.sound("keys.folder") || !reader.sound("storage.folder") {
        return;
    }
    let (keys, storage) = (
        plain(&settings.keys.folder),
        plain(&settings.storage.folder),
    );
    if keys.starts_with(&storage) || storage.starts_with(&keys) {
        let fault = Diagnostic::error("CFG0017", "the keys would lie beside the data they protect")
            .help("give [keys] a folder of its own, outside that of [storage]");
        reader.fault("keys.folder", fault);
    }
    let passphrase = settings.keys.passphrase_file.as_deref().map(plain);
    if passphrase.is_some_and(|file| file.starts_with(&keys)) {
        let fault = Diagnostic::error(
            "CFG0017",
            "the passphrase would lie beside the keys it locks",
        )
        .help("keep it elsewhere: a service manager's credential, another disk, a person's head");
        reader.fault("keys.passphrase_file", fault);
    }
}

/// The path with `.` and `..` worked out, without looking at the disk.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
