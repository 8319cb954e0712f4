// SPDX-License-Identifier: Apache-2.0
//! What a gateway of the network gets of a channel that it is no member of: nothing.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use commonware_codec::Encode;
use commonware_codec::varint::UInt;
use commonware_cryptography::ChaCha20Poly1305;
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{
    AddressableManager as _, AddressableTrackedPeers, Receiver as _, Recipients, Sender as _,
};
use commonware_runtime::{
    Clock as _, Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime,
};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::NZUsize;
use commonware_utils::ordered::Map;
use silsila_chain::Genesis;
use silsila_engine::{StoreLedger, private_key, public_key};

use crate::nodes::{Node, Running, found, nodes, wait};

type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// By lane.
type Said = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

const LANES: u64 = 6;
/// On which members speak of their ledgers; consensus has the others.
const LEDGER: u64 = LANES - 1;

/// A gateway that writes down every byte that reaches it, on every lane, before anything of ours looks; and says to
/// everybody, again and again, what the second list holds.
fn listen(node: &Node, others: &[&Node]) -> (Heard, Said) {
    let (heard, said) = (Heard::default(), Said::default());
    let (noted, words) = (Arc::clone(&heard), Arc::clone(&said));
    let key = private_key(&node.seed());
    let (listen, folder) = (node.address, node.engine_folder());
    let addresses = others.iter().map(|node| {
        let key = public_key(&node.key().public()).unwrap();
        (key, node.address.into())
    });
    let peers = AddressableTrackedPeers::primary(Map::from_iter_dedup(addresses));
    thread::spawn(move || {
        let config = runtime::Config::new().with_storage_directory(folder);
        runtime::Runner::new(config).start(|context| async move {
            let handshake = Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer: key,
                    synchrony_bound: Duration::from_secs(60),
                    max_handshake_age: Duration::from_secs(60),
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            );
            let namespace = [b"silsila/network/1 ", &[4_u8; 32][..]].concat();
            let mut config = lookup::Config::local(
                handshake,
                &namespace,
                listen,
                NZUsize!(64),
                32 << 20,
                NZUsize!(64),
            );
            // As often as gateways: who says it more often is not read meanwhile.
            config.ping_frequency = Duration::from_secs(30);
            let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
            oracle.track(0, peers);
            let rate = Quota::per_second(NonZeroU32::new(256).unwrap());
            for lane in 0..LANES {
                let (mut sender, mut receiver) = network.register(lane, rate);
                let (noted, words) = (Arc::clone(&noted), Arc::clone(&words));
                context.child("mouth").with_attribute("index", lane).spawn(
                    move |context| async move {
                        loop {
                            let words = words.lock().unwrap().clone();
                            for (_, bytes) in words.into_iter().filter(|(on, _)| *on == lane) {
                                sender.send(Recipients::All, bytes, false);
                            }
                            context.sleep(Duration::from_millis(200)).await;
                        }
                    },
                );
                context
                    .child("lane")
                    .with_attribute("index", lane)
                    .spawn(|_| async move {
                        while let Ok((_, bytes)) = receiver.recv().await {
                            noted.lock().unwrap().push(bytes.as_ref().to_vec());
                        }
                    });
            }
            _ = network.start().await;
        });
    });
    (heard, said)
}

/// What a member would say in a channel: its ledger is empty, send blocks, send payloads.
fn questions(genesis: &Genesis) -> Vec<Vec<u8>> {
    // Blocks from the first one on, 65,535 bytes of them and as many of their payloads.
    const ASK: &[u8] = &[0x84, 1, 1, 0x19, 0xff, 0xff, 0x19, 0xff, 0xff];
    const ASKED: [&[u8]; 3] = [&[0x82, 0, 0], ASK, &[0x82, 7, 0x82, 0, 1]];
    let [number, ..] = marks(genesis);
    ASKED.map(|asked| [&number[..], asked].concat()).into()
}

/// How an answer with blocks begins.
fn blocks(genesis: &Genesis) -> Vec<u8> {
    let [number, ..] = marks(genesis);
    [&number[..], &[0x82, 2]].concat()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// By what a channel's messages could be told.
fn marks(genesis: &Genesis) -> [Vec<u8>; 3] {
    let number = u64::from_be_bytes(*genesis.id().0.first_chunk().unwrap());
    [
        UInt(number).encode().to_vec(),
        genesis.id().0.to_vec(),
        genesis.name.clone().into_bytes(),
    ]
}

#[test]
fn nothing_of_a_channel_reaches_a_gateway_outside_it() {
    let nodes = nodes(5);
    let all: Vec<&Node> = nodes.iter().collect();
    let (shared, secret) = (
        found("for all five", &all, 4),
        found("for four alone", &all[..4], 4),
    );
    let (heard, said) = listen(&nodes[4], &all);
    // One process and one network of connections for both channels.
    let running: Vec<(Running, Running)> = nodes[..4]
        .iter()
        .map(|node| {
            let first = node.run(&shared, &all);
            let store = node.open(&secret);
            let ledger = StoreLedger::new(store.clone(), Arc::new(crate::nodes::ForbidsNotes));
            let channel = first.network.join(Arc::new(ledger)).unwrap();
            let second = Running::beside(&first, store, channel);
            (first, second)
        })
        .collect();
    for (round, (shared, secret)) in running.iter().enumerate() {
        let content = format!("round {round}");
        let ids = (
            shared.stage(&["a"], &content),
            secret.stage(&["b"], &content),
        );
        shared.committed(ids.0);
        secret.committed(ids.1);
    }
    let [_, id, _] = marks(&shared);
    wait("the fifth hears of its own channel", || {
        let heard = heard.lock().unwrap();
        heard.iter().any(|bytes| holds(bytes, &id)).then_some(())
    });
    // It knows the other channel all the same, by its id, and asks there on every lane, as in its own on one.
    {
        let mut said = said.lock().unwrap();
        for lane in 0..LANES {
            said.extend(questions(&secret).into_iter().map(|asked| (lane, asked)));
        }
        said.extend(questions(&shared).into_iter().map(|asked| (LEDGER, asked)));
    }
    wait("the fifth is answered in its own channel", || {
        let heard = heard.lock().unwrap();
        let answers = heard
            .iter()
            .filter(|bytes| bytes.starts_with(&blocks(&shared)));
        (answers.count() > 8).then_some(())
    });
    let heard = heard.lock().unwrap();
    let [number, ..] = marks(&shared);
    assert!(heard.iter().any(|bytes| bytes.starts_with(&number)));
    for mark in marks(&secret) {
        let leaked = heard.iter().filter(|bytes| holds(bytes, &mark)).count();
        assert_eq!(leaked, 0, "of {} messages", heard.len());
    }
}
