// SPDX-License-Identifier: Apache-2.0
//! Four validators in one process over loopback: entries a second, latency, processor time, the gap when
//! one goes, and what an idle channel costs.
//!
//! `cargo run --release -p silsila-engine --example bench_engine [seconds]`

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use silsila_chain::{
    Admission, AsCertified, Contract, CustodianKey, Founder, Genesis, Identity, Limits, MemberKey,
    Op, TxId,
};
use silsila_engine::{ChannelHandle, Network, NetworkOptions, Patience, Peer, StoreLedger};
use silsila_store::seal::SealingKey;
use silsila_store::{Draft, NoIndex, Payload, Store, StoreError, StoreOptions, TxStatus};
use zeroize::Zeroizing;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ENTRIES: usize = 500;

struct Node {
    store: Store,
    channel: ChannelHandle,
    network: Network,
}

fn key(number: u8) -> MemberKey {
    MemberKey::from_seed(&[number; 32])
}

fn sealing(number: u8) -> SealingKey {
    SealingKey::from_seed(&[number + 100; 32])
}

fn found() -> Genesis {
    let mut members: Vec<Founder> = (1..=4)
        .map(|number| Founder {
            identity: Identity::ed25519(key(number).public()),
            admission: Admission {
                sealing_key: sealing(number).public().0,
                organization: format!("hospital {number}"),
                role: "hospital".to_owned(),
                certificate: vec![number],
                not_after_ms: u64::MAX,
            },
        })
        .collect();
    members.sort_by_key(|founder| founder.identity);
    Genesis {
        validators: members.iter().map(|founder| founder.identity).collect(),
        members,
        root: vec![5],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(
            key(1).public(),
            "bench".to_owned(),
            [2; 16],
            1_600_000_000_000,
        )
    }
}

fn start(folder: &Path, genesis: &Genesis) -> Outcome<Vec<Node>> {
    let taken = (0..4)
        .map(|_| TcpListener::bind("127.0.0.1:0")?.local_addr())
        .collect::<Result<Vec<_>, _>>()?;
    let mut nodes = Vec::new();
    for (number, listen) in (1_u8..).zip(&taken) {
        let own = folder.join(number.to_string());
        std::fs::create_dir_all(&own)?;
        let custodian = CustodianKey::new([number + 50; 32]);
        let mut options = StoreOptions::new(own.join("ledger.sqlite"), key(number), custodian);
        options.policy = Arc::new(AsCertified);
        options.genesis = Some(genesis.clone());
        options.sealing_key = Some(sealing(number));
        let store = Store::open(options, Box::new(NoIndex))?;
        let peers = (1_u8..).zip(&taken).map(|(number, address)| Peer {
            key: key(number).public(),
            address: Some(address.to_string()),
        });
        let network = Network::start(NetworkOptions {
            seed: Zeroizing::new([number; 32]),
            network: [4; 32],
            listen: *listen,
            peers: peers.collect(),
            folder: own.join("engine"),
            patience: Patience::default(),
        })?;
        let ledger = StoreLedger::new(store.clone(), Arc::new(AsCertified));
        let channel = network.join(Arc::new(ledger))?;
        nodes.push(Node {
            store,
            channel,
            network,
        });
    }
    Ok(nodes)
}

impl Node {
    fn stage(&self, count: usize, number: usize) -> Outcome<TxId> {
        let drafts = (0..count).map(|one| {
            let name = format!("Patient/{number}-{one}");
            Draft {
                op: Op::Put,
                subject: name.clone(),
                resource: name,
                kind: "Patient".to_owned(),
                label_class: 0,
                payload: Some(Payload {
                    body: format!(
                        "{{\"n\":{number},\"i\":{one},\"t\":\"{}\"}}",
                        "x".repeat(400)
                    )
                    .into_bytes(),
                    mapping: "patient".to_owned(),
                    mapping_digest: [3; 32],
                }),
            }
        });
        let id = self
            .store
            .stage::<StoreError>(drafts.collect(), |_| Ok(()))?;
        let id = id.ok_or("nothing was staged")?;
        self.store.submit(id)?;
        self.channel.poke();
        Ok(id)
    }

    fn commit(&self, id: TxId) -> Outcome<()> {
        let until = Instant::now() + Duration::from_secs(60);
        while self.store.status(id)? == TxStatus::Pending {
            if Instant::now() > until {
                return Err("not committed in a minute".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Processor time of this process so far, in seconds, from `/proc/self/stat` at 100 ticks a second.
fn cpu() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = fields[12].parse::<f64>()? + fields[13].parse::<f64>()?;
    Ok(ticks / 100.0)
}

fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn main() -> Outcome<()> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(20), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let mut nodes = start(folder.path(), &found())?;
    nodes[0].commit(nodes[0].stage(1, 0)?)?;

    let mut latencies = Vec::new();
    for round in 1..=100 {
        let began = Instant::now();
        nodes[round % 4].commit(nodes[round % 4].stage(1, round)?)?;
        latencies.push(began.elapsed());
    }
    latencies.sort();
    println!(
        "one entry: p50 {:?}, p95 {:?}",
        latencies[50], latencies[95]
    );

    let (began, used, before) = (Instant::now(), cpu()?, nodes[0].store.health()?.entries);
    let until = began + Duration::from_secs(seconds);
    thread::scope(|scope| {
        for (at, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                let mut number = 1_000_000 * (at + 1);
                while Instant::now() < until {
                    number += 1;
                    let committed = node.stage(ENTRIES, number).and_then(|id| node.commit(id));
                    if let Err(error) = committed {
                        eprintln!("{error}");
                        return;
                    }
                }
            });
        }
    });
    let entries = nodes[0].store.health()?.entries - before;
    let (took, used) = (began.elapsed().as_secs_f64(), cpu()? - used);
    println!(
        "load: {:.0} entries/s (records and grants), {:.3} ms of processor time per entry over four",
        entries as f64 / took,
        used * 1_000.0 / entries as f64
    );

    let gone = nodes.pop().ok_or("four run")?;
    drop((gone.channel, gone.network));
    let mut worst = Duration::ZERO;
    for round in 0..60 {
        let began = Instant::now();
        nodes[round % 3].commit(nodes[round % 3].stage(1, 900_000 + round)?)?;
        worst = worst.max(began.elapsed());
    }
    println!("one of four gone: worst commit {worst:?}");

    let engines = || -> u64 {
        (1..=3)
            .map(|one| bytes(&folder.path().join(format!("{one}/engine"))))
            .sum()
    };
    let (before, used, height) = (engines(), cpu()?, nodes[0].store.health()?.height);
    thread::sleep(Duration::from_secs(seconds));
    println!(
        "idle for {seconds} s, three of four: engine files {before} to {} bytes, {:.1}% of a processor, {} blocks",
        engines(),
        (cpu()? - used) * 100.0 / seconds as f64,
        nodes[0].store.health()?.height.0 - height.0
    );
    Ok(())
}
