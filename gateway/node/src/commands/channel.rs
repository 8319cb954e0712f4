// SPDX-License-Identifier: Apache-2.0
//! `silsila channel`: found a channel, join one, list those joined.

use std::path::Path;

use serde::Serialize;
use silsila_authority::{AuthorityError, files};
use silsila_chain::{Genesis, Identity};
use silsila_config::Settings;
use silsila_replica::Founding;
use silsila_replica::certificate::{CertificateFault, Credential, Fingerprint};

use super::network::{membership, now_ms};
use super::{print, print_json, vote};
use crate::channels;
use crate::cli::{ChannelCommand, ChannelCreateArgs};
use crate::exit::{Exit, Failure};
use crate::output::{Table, time};

pub(super) async fn run(config: Option<&Path>, command: &ChannelCommand) -> Result<Exit, Failure> {
    match command {
        ChannelCommand::Create(args) => create(args),
        ChannelCommand::Join(args) => {
            super::join::run(&super::load(config)?.settings, &args.file, args.admitted).await
        }
        ChannelCommand::Contract(command) => super::contract::run(command),
        ChannelCommand::Propose(command) => {
            vote::propose(&super::load(config)?.settings, command).await
        }
        ChannelCommand::Proposals(args) => {
            vote::proposals(&super::load(config)?.settings, args).await
        }
        ChannelCommand::Endorse(args) => vote::endorse(&super::load(config)?.settings, args).await,
        ChannelCommand::Decline(args) => vote::decline(&super::load(config)?.settings, args).await,
        ChannelCommand::Members(args) => vote::members(&super::load(config)?.settings, args).await,
        ChannelCommand::List(args) => list(&super::load(config)?.settings, args.json),
    }
}

fn create(args: &ChannelCreateArgs) -> Result<Exit, Failure> {
    let members = args
        .members
        .iter()
        .map(|file| credential(file))
        .collect::<Result<Vec<_>, _>>()?;
    let validators = args
        .validators
        .iter()
        .map(|name| validator(&members, name))
        .collect::<Result<Vec<_>, _>>()?;
    let contract = crate::contract::read(&args.contract).map_err(Failure::Faults)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| AuthorityError::Random {
        reason: error.to_string(),
    })?;
    let genesis = Founding {
        name: &args.name,
        members: &members,
        validators: &validators,
        contract: contract.contract,
        nonce,
        time_ms: now_ms(),
    }
    .genesis()?;
    files::write_whole(&args.out, &genesis.encode()).map_err(Failure::file(&args.out))?;
    print(&format!(
        "founded the channel {:?} in {}",
        args.name,
        args.out.display()
    ));
    show(&genesis);
    print("hand the file to every member: silsila channel join FILE");
    Ok(Exit::Ok)
}

fn credential(file: &Path) -> Result<Credential, Failure> {
    let bytes = channels::read(file)?;
    let read = Credential::decode(&bytes);
    Ok(
        read.map_err(|fault: CertificateFault| AuthorityError::Unusable {
            path: file.to_owned(),
            reason: fault.to_string(),
        })?,
    )
}

/// The one member whose key begins so.
fn validator(members: &[Credential], name: &str) -> Result<Identity, Failure> {
    let digits = name.replace(' ', "").to_lowercase();
    let keys = members.iter().map(|credential| credential.member.key());
    let mut found = keys.filter(|key| digits.len() >= 8 && key.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(Identity::ed25519(key)),
        _ => Err(Failure::Unknown {
            what: "one member",
            name: name.to_owned(),
            known: "name it by the first eight digits or more of its key".to_owned(),
        }),
    }
}

/// Who this gateway is, by its membership.
pub(super) fn own(settings: &Settings) -> Result<(Fingerprint, Identity), Failure> {
    let membership = membership(settings)?.ok_or(AuthorityError::NotMember)?;
    let own = Identity::ed25519(membership.certificate().key());
    Ok((membership.fingerprint, own))
}

pub(super) fn show(genesis: &Genesis) {
    print(&format!("channel      {}", Fingerprint(genesis.id().0)));
    print(&format!("network      {}", Fingerprint(genesis.network)));
    print(&format!("founded      {}", time(genesis.time_ms)));
    let mut table = Table::new(["member", "role", "key", "orders"]);
    for founder in &genesis.members {
        let key = founder.identity.key.to_string();
        let orders = genesis.validators.contains(&founder.identity);
        table.row([
            founder.admission.organization.clone(),
            founder.admission.role.clone(),
            key.chars().take(16).collect(),
            if orders { "yes" } else { "" }.to_owned(),
        ]);
    }
    print(&format!("\n{table}"));
}

/// One channel, for a script.
#[derive(Serialize)]
struct ChannelLine {
    id: String,
    name: String,
    founded_ms: u64,
    members: usize,
    validators: usize,
}

fn list(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let (network, _) = own(settings)?;
    let channels = channels::joined(settings, &network)?;
    let lines = channels.iter().map(|genesis| ChannelLine {
        id: genesis.id().to_string(),
        name: genesis.name.clone(),
        founded_ms: genesis.time_ms,
        members: genesis.members.len(),
        validators: genesis.validators.len(),
    });
    if json {
        print_json(&lines.collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["channel", "id", "founded", "members", "validators"]);
    for line in lines {
        table.row([
            line.name,
            line.id.chars().take(16).collect(),
            time(line.founded_ms),
            line.members.to_string(),
            line.validators.to_string(),
        ]);
    }
    print(&table.to_string());
    Ok(Exit::Ok)
}
