// SPDX-License-Identifier: Apache-2.0
//! `silsila channel join`: judge a channel's file, keep it, and have a running gateway take part at once.

use std::path::Path;

use silsila_config::Settings;
use silsila_replica::{read_channel, read_channel_for_later};

use super::{channel, print};
use crate::admin::{Answer, Order, client};
use crate::exit::{Exit, Failure};
use crate::ledgers::Shelf;
use crate::{assemble, channels};

pub(super) async fn run(settings: &Settings, file: &Path, admitted: bool) -> Result<Exit, Failure> {
    let (network, own) = channel::own(settings)?;
    let bytes = channels::read(file)?;
    let genesis = if admitted {
        read_channel_for_later(&bytes, &network)?
    } else {
        read_channel(&bytes, &network, &own)?
    };
    let new = channels::keep(settings, &genesis)?;
    let what = if new { "joined" } else { "is a member of" };
    print(&format!(
        "this gateway {what} the channel {:?}",
        genesis.name
    ));
    channel::show(&genesis);
    let took_up = take_up(settings).await?;
    if let Some(alone) = Shelf::new(settings).alone()? {
        print(&format!(
            "the ledger from before the network stays in {}: silsila ledger verify --channel alone",
            alone.display()
        ));
    }
    Ok(took_up)
}

/// Says to the running gateway that there may be a new channel.
async fn take_up(settings: &Settings) -> Result<Exit, Failure> {
    let peers = settings.network.peers.iter();
    let peers = peers.map(|peer| (peer.key.clone(), peer.address.clone()));
    let order = Order::TakeUp {
        peers: peers.collect(),
    };
    match client::ask(&assemble::admin_socket(settings), &order).await {
        Ok(Answer::Done(message)) => print(&message),
        Err(Failure::NotRunning { .. }) => print(match settings.network.listen {
            Some(_) => "the gateway takes part from its next start",
            None => "set listen in [network]: the gateway takes part from its next start then",
        }),
        Ok(Answer::Refused(message)) => {
            return Err(Failure::Refused {
                message,
                exit: Exit::Other,
            });
        }
        Ok(_) => {
            return Err(Failure::NoAnswer {
                reason: "it answered another question".to_owned(),
            });
        }
        Err(other) => return Err(other),
    }
    Ok(Exit::Ok)
}
