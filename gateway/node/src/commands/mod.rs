// SPDX-License-Identifier: Apache-2.0
//! One file per command.

mod backup;
mod channel;
mod check;
mod checkpoint;
mod contract;
mod damage;
mod evidence;
mod export;
mod init;
mod join;
mod keys;
mod ledger;
mod mapping;
mod network;
mod preview;
mod proof;
mod quarantine;
mod serve;
mod source;
mod status;
mod vote;

use std::path::Path;

use silsila_config::{Loaded, Settings, environment};

use crate::admin::{Answer, Office, Order, client};
use crate::assemble;
use crate::cli::{Cli, Command, LedgerCommand, MappingCommand};
use crate::exit::{Exit, Failure};
use crate::keys::passphrase;
use crate::ledgers::Shelf;
use crate::shared::Ledgers;

/// Runs a command.
///
/// # Errors
/// Why it could not do what it was asked.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let config = cli.config.as_deref();
    if let Some(file) = &cli.passphrase_file {
        passphrase::is_in(file);
    }
    match cli.command {
        Command::Init => init::run(&load(config)?.settings),
        Command::Keys(command) => keys::run(&load(config)?.settings, &command),
        Command::Serve => serve::run(&load(config)?).await,
        Command::Check(args) => check::run(&environment::config_file(config), &args).await,
        Command::Status(args) => status::run(&load(config)?.settings, &args).await,
        Command::Mapping(MappingCommand::Check(args)) => mapping::check(config, &args),
        Command::Mapping(MappingCommand::Test(args)) => mapping::test(config, &args),
        Command::Mapping(MappingCommand::Preview(args)) => {
            preview::run(&load(config)?.settings, &args).await
        }
        Command::Source(command) => source::run(&load(config)?.settings, &command).await,
        Command::Quarantine(command) => quarantine::run(&load(config)?.settings, &command).await,
        Command::Ledger(LedgerCommand::Blocks(args)) => {
            ledger::blocks(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Verify(args)) => {
            ledger::verify(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Proof(args)) => proof::run(&load(config)?.settings, &args),
        Command::Ledger(LedgerCommand::Checkpoint(args)) => {
            checkpoint::run(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Backup(args)) => {
            backup::back_up(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Restore(args)) => {
            backup::restore(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Damage(args)) => damage::run(&load(config)?.settings, &args),
        Command::Ledger(LedgerCommand::Evidence(args)) => {
            evidence::run(&load(config)?.settings, &args)
        }
        Command::Ledger(LedgerCommand::Export(args)) => export::run(&load(config)?.settings, &args),
        Command::Network(command) => network::run(config, &command).await,
        Command::Channel(command) => channel::run(config, &command).await,
    }
}

fn load(argument: Option<&Path>) -> Result<Loaded, Failure> {
    let loaded = silsila_config::load(&environment::config_file(argument))?;
    if let Some(file) = &loaded.settings.keys.passphrase_file {
        passphrase::is_in(file);
    }
    Ok(loaded)
}

/// Gives an order to the running gateway; where none runs, carries it out over the ledger's file.
async fn order(settings: &Settings, order: Order) -> Result<Answer, Failure> {
    let answer = match client::ask(&assemble::admin_socket(settings), &order).await {
        Err(not_running @ Failure::NotRunning { .. }) => {
            if !Shelf::new(settings).own()?.exists() {
                return Err(not_running);
            }
            without_gateway(settings, order)?
        }
        answer => answer?,
    };
    match answer {
        Answer::Refused(message) => {
            let usage = ["PIP0001", "PIP0009"]
                .iter()
                .any(|code| message.starts_with(code));
            let exit = if usage { Exit::Usage } else { Exit::Ledger };
            Err(Failure::Refused { message, exit })
        }
        answer => Ok(answer),
    }
}

fn without_gateway(settings: &Settings, order: Order) -> Result<Answer, Failure> {
    if matches!(order, Order::Status | Order::Quarantine { .. }) {
        let store = assemble::open_store_read_only(settings, None)?;
        return Ok(Office::closed(settings, store).answer(order));
    }
    let keys = assemble::open_keys(settings)?;
    let store = Ledgers::open_own(settings, &keys)?;
    let answer = Office::closed(settings, store.clone()).answer(order);
    store.close()?;
    Ok(answer)
}

/// The source that a command names, or the only one.
fn source_named<'s>(
    settings: &'s Settings,
    name: Option<&str>,
) -> Result<&'s silsila_config::Source, Failure> {
    let known = || settings.sources.iter().map(|source| source.name.as_str());
    let wanted = name.or_else(|| known().next()).unwrap_or_default();
    settings
        .sources
        .iter()
        .find(|source| source.name == wanted)
        .ok_or_else(|| Failure::Unknown {
            what: "source",
            name: wanted.to_owned(),
            known: format!("there is {}", known().collect::<Vec<_>>().join(", ")),
        })
}

/// Prints a line to standard output; a reader that went away (`| head`) is no failure.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::NoAnswer {
        reason: error.to_string(),
    })?;
    print(&text);
    Ok(())
}
