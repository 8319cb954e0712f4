// SPDX-License-Identifier: Apache-2.0
//! Who is met on the network: the members of all channels, and where they are reached.

use std::collections::BTreeSet;

use silsila_chain::{Genesis, PublicKey, Standing};
use silsila_config::{PeerAddress, Settings};
use silsila_engine::{NetworkOptions, Patience, Peer};

use super::opened::Part;
use crate::exit::Failure;
use crate::keys::GatewayKeys;

/// Members of the channels that are none of their founders, and where members are reached.
#[derive(Default)]
pub(super) struct Met {
    pub(super) members: BTreeSet<PublicKey>,
    pub(super) addresses: Vec<PeerAddress>,
}

/// Who was admitted to the channels since they were founded, as far as their ledgers say.
pub(super) fn admitted(parts: &[Part]) -> Result<BTreeSet<PublicKey>, Failure> {
    let mut all = BTreeSet::new();
    for part in parts {
        let chain = part.store.chain()?;
        let members = chain.members().iter();
        let members = members.filter(|(_, member)| member.standing != Standing::Revoked);
        all.extend(members.map(|(identity, _)| identity.key));
    }
    Ok(all)
}

/// How the network is started, or told of other peers; `None` where the gateway listens to none.
pub(super) fn network_options(
    settings: &Settings,
    keys: &GatewayKeys,
    met: &Met,
    channels: &[&Genesis],
) -> Option<NetworkOptions> {
    let (Some(listen), Some(first)) = (settings.network.listen, channels.first()) else {
        return None;
    };
    Some(NetworkOptions {
        seed: keys.member_seed(),
        network: first.network,
        listen,
        peers: peers(met, channels),
        folder: settings.storage.folder.join("engine"),
        patience: Patience::default(),
    })
}

/// The other members of all channels, with the addresses that are known. An address may be there before its member
/// is admitted.
fn peers(met: &Met, channels: &[&Genesis]) -> Vec<Peer> {
    let founders = channels.iter().flat_map(|genesis| &genesis.members);
    let mut members: BTreeSet<PublicKey> = founders.map(|founder| founder.identity.key).collect();
    members.extend(&met.members);
    let is = |named: &PeerAddress, key: &PublicKey| key.to_string().starts_with(&named.key);
    for named in &met.addresses {
        if !members.iter().any(|key| is(named, key)) {
            tracing::warn!(
                key = named.key,
                "network.peers names nobody who is a member of a joined channel"
            );
        }
    }
    let peer = |key: PublicKey| Peer {
        address: met
            .addresses
            .iter()
            .find(|named| is(named, &key))
            .map(|named| named.address.clone()),
        key,
    };
    members.into_iter().map(peer).collect()
}
