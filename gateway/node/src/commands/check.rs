// SPDX-License-Identifier: Apache-2.0
//! `silsila check`: configuration, mapping pack and live database, everything wrong at once.

use std::path::Path;

use silsila_config::{Loaded, Source};
use silsila_diagnostics::{Diagnostic, Diagnostics};
use silsila_mapping::{LogicalId, Pack};
use silsila_source::{Key, SourceError};

use super::print;
use crate::cli::CheckArgs;
use crate::exit::{Exit, Failure};
use crate::{assemble, pack, tls};

pub(super) async fn run(config: &Path, args: &CheckArgs) -> Result<Exit, Failure> {
    let mut found = Diagnostics::new();
    let exit = match silsila_config::load(config) {
        Ok(loaded) => look(&loaded, args, &mut found).await,
        Err(faults) => {
            found.extend(faults);
            Exit::Usage
        }
    };
    if args.output.json {
        print(&found.to_json());
    } else if found.is_empty() {
        print("nothing wrong was found");
    } else {
        print(&found.to_string());
    }
    Ok(exit)
}

/// Everything behind a sound configuration file. The exit code tells the first kind of fault found.
async fn look(loaded: &Loaded, args: &CheckArgs, found: &mut Diagnostics) -> Exit {
    found.extend(loaded.check_files());
    look_at_listener(loaded, found);
    let configured = found.has_errors();
    let compiled = compile(loaded, found);
    let mapped = found.has_errors();
    let mut reached = true;
    if !args.offline {
        for source in &loaded.settings.sources {
            reached &= look_at_source(loaded, source, compiled.as_ref(), found).await;
        }
    }
    match (configured, mapped || found.has_errors() && reached, reached) {
        (true, _, _) => Exit::Usage,
        (_, true, _) => Exit::Found,
        (_, _, false) => Exit::Source,
        _ => Exit::Ok,
    }
}

/// Certificate, key and tokens are read as `serve` would read them.
fn look_at_listener(loaded: &Loaded, found: &mut Diagnostics) {
    let settings = &loaded.settings;
    if let Some(files) = &settings.listen.tls
        && files.certificate.is_file()
        && files.key.is_file()
        && let Err(failure) = tls::acceptor(files)
    {
        found.push(
            as_diagnostic("CLI0006", &failure).at(loaded.places.of("listen.tls_certificate_file")),
        );
    }
    if settings
        .access
        .tokens_file
        .as_ref()
        .is_some_and(|file| file.is_file())
        && let Err(failure) = assemble::access(settings)
    {
        found.push(as_diagnostic("CLI0007", &failure).at(loaded.places.of("access.tokens_file")));
    }
}

fn compile(loaded: &Loaded, found: &mut Diagnostics) -> Option<Pack> {
    let folder = &loaded.settings.mapping.as_ref()?.pack;
    if !folder.is_dir() {
        return None; // reported as CFG0031
    }
    match pack::compile(folder, &pack::settings(&loaded.settings)) {
        Ok(pack) => {
            let ids = |mapping: &str, key: &Key| LogicalId::derive(&[0; 32], "", mapping, key);
            found.extend(pack.organization(&ids).err().into_iter().flatten());
            Some(pack)
        }
        Err(Failure::Faults(faults)) => {
            found.extend(faults);
            None
        }
        Err(failure) => {
            found.push(as_diagnostic("CLI0010", &failure));
            None
        }
    }
}

/// Asks the database what it is and whether the mappings fit its tables. Says whether it answered.
async fn look_at_source(
    loaded: &Loaded,
    configured: &Source,
    pack: Option<&Pack>,
    found: &mut Diagnostics,
) -> bool {
    let place = || {
        loaded.places.of(&format!(
            "source.{}.{}",
            configured.name,
            configured.kind.place()
        ))
    };
    let source = match assemble::source(&loaded.settings, configured) {
        Ok(source) => source,
        Err(_) => return true, // the secret was reported by check_files
    };
    match source.health().await {
        Ok(health) => {
            for note in &health.notes {
                found.push(
                    Diagnostic::warning("CLI0011", format!("{}: {note}", configured.name))
                        .at(place()),
                );
            }
            let tls = health.tls.as_deref().unwrap_or("not encrypted");
            let message = format!("{} is {}, {tls}", configured.name, health.server);
            found.push(Diagnostic::note("CLI0012", message).at(place()));
        }
        Err(error) => {
            found.push(source_fault(&error).at(place()));
            return false;
        }
    }
    match source.schema().await {
        Ok(schema) => {
            if let Some(pack) = pack {
                found.extend(pack.check_against(&schema));
            }
            true
        }
        Err(error) => {
            found.push(source_fault(&error).at(place()));
            false
        }
    }
}

fn source_fault(error: &SourceError) -> Diagnostic {
    as_diagnostic(error.code(), error)
}

/// An error that begins with its own code, as a diagnostic with that code.
fn as_diagnostic(code: &'static str, error: &impl ToString) -> Diagnostic {
    let text = error.to_string();
    let message = text
        .strip_prefix(code)
        .map_or(text.as_str(), str::trim_start);
    Diagnostic::error(code, message)
}
