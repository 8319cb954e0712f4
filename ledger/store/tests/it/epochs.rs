// SPDX-License-Identifier: Apache-2.0
//! A channel whose orderer changes: what was certified in every epoch is read, proven, verified and refused
//! by the validators of its own.

use silsila_store::chain::{
    Admission, BlockHeader, Certificate, Change, Checkpoint, EPOCH_NOTICE, Endorsed, Entry,
    EpochChange, Evidence, Genesis, Height, Identity, MAX_ADMISSIONS, MemberChange, MemberKey,
};
use silsila_store::rusqlite::Connection;
use silsila_store::{Store, StoreError, TxStatus, Witnessed};

use crate::harness::{assert_clean, body, put, read, stage};
use crate::sharing::{Member, commit, follow, found, submit};

/// Member 1 orders the first blocks, member 2 those behind the boundary at 1 + the notice.
struct Handed {
    members: [Member; 3],
    genesis: Genesis,
    stores: [Store; 3],
}

fn change(number: u64, to: &Member) -> Entry {
    let proposal = EpochChange::new(number, Height(1000), vec![to.identity()]);
    Entry::Epoch(Box::new(Endorsed::new(proposal, Vec::new())))
}

fn handed_over() -> Handed {
    let members = [1, 2, 3].map(Member::new);
    let genesis = found(&members.each_ref());
    let stores = members.each_ref().map(|member| member.open(&genesis));
    let [one, two, three] = &stores;
    let id = one.propose(&change(1, &members[1])).unwrap();
    assert_eq!(submit(one, id), Height(1));
    for turn in 1..=EPOCH_NOTICE {
        commit(one, vec![put("a", turn)]);
    }
    follow(one, two, true);
    commit(two, vec![put("b", 1)]);
    commit(two, vec![put("b", 2)]);
    follow(two, one, true);
    follow(two, three, true);
    Handed {
        members,
        genesis,
        stores,
    }
}

const BOUNDARY: u64 = 1 + EPOCH_NOTICE;

fn key(number: u8) -> MemberKey {
    MemberKey::from_seed(&[number; 32])
}

#[test]
fn who_orders_changes_at_the_boundary_and_everything_stays_provable() {
    let handed = handed_over();
    for store in &handed.stores {
        assert_eq!(store.health().unwrap().height, Height(BOUNDARY + 2));
        assert_clean(store);
        let entries = store.health().unwrap().entries;
        for seq in 0..entries {
            let proof = store.proof(seq).unwrap();
            assert_eq!(proof.handovers.len(), 1);
            proof.verify(&store.channel()).unwrap();
            let alone = proof.without_later();
            alone.verify(&store.channel()).unwrap();
        }
        let step = store.scrub(1000, 1).unwrap();
        assert_eq!(step.faults, []);
    }
    let [one, ..] = &handed.stores;
    let waits = stage(one, vec![put("c", 1)]);
    assert_eq!(
        one.submit(waits).unwrap(),
        TxStatus::Pending,
        "it orders no more"
    );
}

#[test]
fn a_reopened_ledger_and_one_that_is_only_read_know_the_epochs() {
    let Handed {
        members,
        genesis,
        stores,
    } = handed_over();
    let seq = stores[0].health().unwrap().entries - 1;
    drop(stores);
    for member in &members {
        let path = member.folder.path().join("ledger.sqlite");
        let only_read = Store::open_read_only(&path).unwrap();
        only_read.proof(seq).unwrap().verify(&genesis.id()).unwrap();
        assert_clean(&only_read);
        drop(only_read);
        let store = member.open(&genesis);
        assert_eq!(store.chain().unwrap().validators().epoch(), 1);
        assert_eq!(read(&store, seq).unwrap(), Some(body("b", 2)));
    }
    let two = members[1].open(&genesis);
    assert_eq!(commit(&two, vec![put("b", 3)]), Height(BOUNDARY + 3));
}

#[test]
fn a_reader_that_was_open_before_the_boundary_learns_of_it() {
    let members = [1, 2].map(Member::new);
    let genesis = found(&members.each_ref());
    let stores = members.each_ref().map(|member| member.open(&genesis));
    let id = stores[0].propose(&change(1, &members[1])).unwrap();
    submit(&stores[0], id);
    let path = members[0].folder.path().join("ledger.sqlite");
    let reader = Store::open_read_only(&path).unwrap();
    assert_clean(&reader);
    for turn in 1..=EPOCH_NOTICE {
        commit(&stores[0], vec![put("a", turn)]);
    }
    follow(&stores[0], &stores[1], true);
    commit(&stores[1], vec![put("b", 1)]);
    follow(&stores[1], &stores[0], true);
    assert_clean(&reader);
}

#[test]
fn a_block_that_the_old_orderer_makes_behind_its_boundary_is_refused() {
    let handed = handed_over();
    let [one, two, _] = &handed.stores;
    commit(two, vec![put("b", 3)]);
    let good = two.block(Height(BOUNDARY + 3)).unwrap().unwrap();
    let mut forged = good.clone();
    forged.certificate = Certificate::lone(&key(1), &BlockHeader::hash(&good.header)).encode();
    let refused = one.apply(&forged, []).unwrap_err();
    assert!(matches!(refused, StoreError::Block { .. }), "{refused}");
    one.apply(&good, []).unwrap();
}

#[test]
fn two_blocks_of_the_second_epoch_are_evidence_that_stands_alone() {
    let handed = handed_over();
    let one = &handed.stores[0];
    let mut block = one.block(Height(BOUNDARY + 1)).unwrap().unwrap();
    let mut header = BlockHeader::decode(&block.header).unwrap();
    header.time_ms += 1;
    block.header = header.encode();
    let hash = BlockHeader::hash(&block.header);
    block.certificate = Certificate::lone(&key(1), &hash).encode();
    one.compare(&block, 5).unwrap();
    block.certificate = Certificate::lone(&key(2), &hash).encode();
    assert!(matches!(
        one.compare(&block, 5),
        Err(StoreError::Halted { .. })
    ));
    let halt = one.halted().unwrap().unwrap();
    let shown = Evidence::decode(&halt.evidence).unwrap();
    let shown = shown.verify(&handed.genesis.id()).unwrap();
    assert_eq!(shown.culprits, [key(2).public()]);
}

#[test]
fn a_damaged_table_of_epochs_is_noticed_and_written_anew_at_the_next_start() {
    for damage in [
        "DELETE FROM ledger_epoch",
        "UPDATE ledger_epoch SET first = first + 1",
        "UPDATE ledger_epoch SET validators = zeroblob(33)",
        "UPDATE ledger_epoch SET validators = x'00'",
    ] {
        let Handed {
            members,
            genesis,
            stores,
        } = handed_over();
        drop(stores);
        let path = members[2].folder.path().join("ledger.sqlite");
        Connection::open(&path)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let only_read = Store::open_read_only(&path).unwrap();
        let clean = (only_read.verify(&mut |_| ())).is_ok_and(|report| report.faults.is_empty());
        assert!(!clean, "{damage}");
        drop(only_read);
        assert_clean(&members[2].open(&genesis));
    }
}

#[test]
fn a_block_at_the_boundary_can_be_repaired() {
    let handed = handed_over();
    let [one, two, _] = &handed.stores;
    for height in [BOUNDARY - 1, BOUNDARY, BOUNDARY + 1] {
        let path = handed.members[0].folder.path().join("ledger.sqlite");
        let raw = Connection::open(&path).unwrap();
        let damage = "UPDATE ledger_block SET certificate = x'00' WHERE height = ?1";
        raw.execute(damage, [i64::try_from(height).unwrap()])
            .unwrap();
        let block = two.block(Height(height)).unwrap().unwrap();
        one.repair_block(&block, 9).unwrap();
        assert_clean(one);
    }
}

/// Lets the members of these keys join the channel of `store`.
fn join(store: &Store, keys: &[MemberKey]) {
    for key in keys {
        let joins = MemberChange {
            subject: Identity::ed25519(key.public()),
            revision: 1,
            until: Height(1000),
            change: Change::Admit(Admission {
                organization: "a third".to_owned(),
                ..store.genesis().members[0].admission.clone()
            }),
        };
        let joins = Entry::Member(Box::new(Endorsed::new(joins, Vec::new())));
        let id = store.propose(&joins).unwrap();
        submit(store, id);
    }
}

/// What a ledger keeps where these members sign another tree than its own.
fn halted_by(store: &Store, keys: &[MemberKey]) -> Evidence {
    let own = store.checkpoint(None).unwrap();
    let other = Checkpoint {
        root: [7; 32],
        ..own
    };
    let mut note = other.sign(&keys[0]);
    for key in &keys[1..] {
        note = note.countersign(&other, key).unwrap();
    }
    let compared = store.witness(&keys[0].public(), &note);
    assert_eq!(compared.unwrap(), Witnessed::Other);
    let halt = store.halted().unwrap().unwrap();
    Evidence::decode(&halt.evidence).unwrap()
}

#[test]
fn another_tree_of_whoever_joined_later_is_evidence_with_the_proof_of_its_admission() {
    let members = [1, 2].map(Member::new);
    let genesis = found(&members.each_ref());
    let store = members[0].open(&genesis);
    join(&store, &[key(9)]);
    let evidence = halted_by(&store, &[key(9)]);
    assert_eq!(evidence.admissions.len(), 1);
    evidence.verify(&genesis.id()).unwrap();
}

#[test]
fn evidence_is_read_again_where_more_signed_than_it_can_show_the_admission_of() {
    let members = [1, 2].map(Member::new);
    let genesis = found(&members.each_ref());
    let store = members[0].open(&genesis);
    let joined: Vec<MemberKey> = (100..120).map(key).collect();
    join(&store, &joined);
    // Strangers take nobody's place.
    let strangers = (200..220).map(key);
    let signed: Vec<MemberKey> = strangers.chain((100..120).map(key)).collect();
    let evidence = halted_by(&store, &signed);
    assert_eq!(evidence.admissions.len() as u64, MAX_ADMISSIONS);
    evidence.verify(&genesis.id()).unwrap();
}
