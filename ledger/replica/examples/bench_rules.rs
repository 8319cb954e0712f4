// SPDX-License-Identifier: Apache-2.0
//! How many entries a second a judge admits under a worked contract, with answers remembered and without.
//!
//! `cargo run --release -p silsila-replica --example bench_rules`

use std::error::Error;
use std::time::{Duration, Instant};

use silsila_chain::cbor::Writer;
use silsila_chain::{
    Admission, AsCertified, ChainState, Contract, Entry, EntryHash, EventId, Founder, Genesis,
    Height, Identity, Limits, MemberKey, MemoryHeads, Op, OpenTransaction, PayloadCommitment,
    PayloadDigest, Policy, Record, Suite, Tag, Transaction,
};
use silsila_replica::Rules;

const POLICIES: &str = include_str!("../../../config/examples/contracts/open-treatment.cedar");
const TRANSACTIONS: u64 = 200;
const ENTRIES: u64 = 50;
const ROUND: Duration = Duration::from_secs(3);

fn genesis(key: &MemberKey) -> Genesis {
    let admission = Admission {
        sealing_key: [3; 32],
        organization: "Karachi".to_owned(),
        role: "hospital".to_owned(),
        certificate: Vec::new(),
        not_after_ms: u64::MAX,
    };
    Genesis {
        members: vec![Founder {
            identity: Identity::ed25519(key.public()),
            admission,
        }],
        contract: Contract {
            policies: POLICIES.to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(key.public(), "bench".to_owned(), [0; 16], 1)
    }
}

fn entry(n: u64) -> Entry {
    let mut tag = [0; 16];
    tag[..8].copy_from_slice(&n.to_le_bytes());
    let kinds = ["Observation", "Encounter", "Condition", "MedicationRequest"];
    Entry::Record(Record {
        op: Op::Put,
        resource_tag: Tag(tag),
        subject_tag: Tag(tag),
        kind: kinds[usize::try_from(n % 4).unwrap_or(0)].to_owned(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 1,
        event_id: EventId(tag),
        payload: Some(PayloadCommitment {
            suite: Suite::SEALED,
            digest: PayloadDigest([9; 32]),
            size: 400,
        }),
    })
}

fn signed(key: &MemberKey, genesis: &Genesis) -> Result<Vec<OpenTransaction>, Box<dyn Error>> {
    let transactions = (0..TRANSACTIONS).map(|turn| {
        let entries: Vec<Entry> = (0..ENTRIES).map(|n| entry(turn * ENTRIES + n)).collect();
        let mut writer = Writer::new();
        entries.iter().for_each(|entry| entry.write(&mut writer));
        let hashes: Vec<EntryHash> = entries
            .iter()
            .map(|entry| Entry::hash(&entry.encode()))
            .collect();
        let (bytes, until) = (writer.into_bytes(), Height(1000));
        let transaction = Transaction::sign(key, genesis.id(), turn + 1, until, bytes, &hashes);
        transaction.open().map_err(Into::into)
    });
    transactions.collect()
}

/// Entries admitted per second.
fn admissions(
    state: &ChainState,
    policy: &dyn Policy,
    transactions: &[OpenTransaction],
) -> Result<f64, Box<dyn Error>> {
    let (begun, mut entries) = (Instant::now(), 0);
    while begun.elapsed() < ROUND {
        let mut judge = state.judge(policy);
        for transaction in transactions {
            let admitted = judge.admit(transaction, &mut MemoryHeads::default());
            admitted.map_err(|refused| format!("{refused:?}"))?;
        }
        entries += TRANSACTIONS * ENTRIES;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate to be read by people")]
    Ok(entries as f64 / begun.elapsed().as_secs_f64())
}

fn main() -> Result<(), Box<dyn Error>> {
    let key = MemberKey::from_seed(&[1; 32]);
    let genesis = genesis(&key);
    let state = ChainState::at_genesis(&genesis);
    let transactions = signed(&key, &genesis)?;
    let remembering = Rules::default();
    let forgetful = Rules::forgetful();
    let policies: [(&str, &dyn Policy); 3] = [
        ("no contract judged", &AsCertified),
        ("answers remembered", &remembering),
        ("asked anew for each transaction and kind", &forgetful),
    ];
    for (name, policy) in policies {
        let rate = admissions(&state, policy, &transactions)?;
        println!("{rate:>12.0} entries/s  {name}");
    }
    Ok(())
}
