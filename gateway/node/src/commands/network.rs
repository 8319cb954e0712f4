// SPDX-License-Identifier: Apache-2.0
//! `silsila network`: the registration authority's commands, and a member's.

mod authority;
mod member;
mod serve;
mod shown;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use silsila_authority::{Authority, AuthorityError};
use silsila_config::{AuthorityAlone, Log, LogFormat, LogLevel, environment};

use crate::cli::{AuthorityArgs, NetworkCommand};
use crate::exit::{Exit, Failure};

pub(super) use member::{Renewal, membership, report};

pub(super) async fn run(config: Option<&Path>, command: &NetworkCommand) -> Result<Exit, Failure> {
    match command {
        NetworkCommand::Create(args) => {
            authority::create(&configured(config, &args.authority)?, &args.name)
        }
        NetworkCommand::Serve(args) => serve::run(&configured(config, args)?).await,
        NetworkCommand::Invite(args) => {
            authority::invite(&configured(config, &args.authority)?, args)
        }
        NetworkCommand::List(args) => {
            authority::list(&configured(config, &args.authority)?, args.output.json)
        }
        NetworkCommand::Approve(args) => {
            authority::approve(&configured(config, &args.authority)?, args)
        }
        NetworkCommand::Reject(args) => {
            authority::reject(&configured(config, &args.authority)?, args)
        }
        NetworkCommand::Revoke(args) => {
            authority::revoke(&configured(config, &args.authority)?, args)
        }
        NetworkCommand::ReplaceIssuer(args) => {
            authority::replace_issuer(&configured(config, args)?)
        }
        NetworkCommand::Join(args) => member::join(&super::load(config)?.settings, args).await,
        NetworkCommand::Renew => member::renew(&super::load(config)?.settings).await,
        NetworkCommand::Status(args) => member::status(&super::load(config)?.settings, args.json),
    }
}

/// The authority's settings: those of the configuration, or defaults over a folder that was named.
fn configured(config: Option<&Path>, args: &AuthorityArgs) -> Result<AuthorityAlone, Failure> {
    let file = environment::config_file(config);
    if let Some(folder) = &args.folder
        && (config.is_none() && !file.exists())
    {
        return Ok(AuthorityAlone {
            authority: silsila_config::Authority {
                folder: folder.clone(),
                ..silsila_config::Authority::default()
            },
            log: Log {
                format: LogFormat::Text,
                level: LogLevel::Info,
            },
        });
    }
    let mut settings = silsila_config::load_authority(&file)?;
    if let Some(folder) = &args.folder {
        settings.authority.folder.clone_from(folder);
    }
    Ok(settings)
}

fn open(settings: &AuthorityAlone) -> Result<Authority, AuthorityError> {
    let validity = u64::try_from(settings.authority.validity.as_millis()).unwrap_or(u64::MAX);
    Authority::open(&settings.authority.folder, validity)
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Reads a span such as `7d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.checked_mul(unit)?;
    (1..=315_360_000)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

fn file_failure(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    Failure::file(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_whole_number_and_a_unit() {
        for (text, seconds) in [
            ("7d", 604_800),
            ("90s", 90),
            ("5 min", 300),
            ("12h", 43_200),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "7",
            "d",
            "-1d",
            "0s",
            "1.5h",
            "1w",
            "99999999999999999999s",
            "999999999d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
