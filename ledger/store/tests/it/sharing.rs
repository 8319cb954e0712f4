// SPDX-License-Identifier: Apache-2.0
//! A channel with several members: what is sealed, who can open it, and in which order things may arrive.

use std::sync::Arc;

use silsila_store::chain::{
    Action, Admission, AsCertified, Block, Claim, Contract, CustodianKey, Founder, Genesis, Height,
    Identity, Limits, MemberKey, Policy, Question, Reason, Suite, TxId,
};
use silsila_store::rusqlite::Connection;
use silsila_store::seal::SealingKey;
use silsila_store::{Content, Draft, Store, StoreError, StoreOptions, TestClock, TxStatus};
use tempfile::TempDir;

use crate::harness::{Bodies, assert_clean, body, delete, put, stage};

/// One member's files and keys. Member 1 orders.
pub struct Member {
    number: u8,
    pub folder: TempDir,
    /// Whether it has a key that envelopes can be sealed to.
    sealing: bool,
}

impl Member {
    pub fn new(number: u8) -> Self {
        Self {
            number,
            folder: tempfile::tempdir().unwrap(),
            sealing: true,
        }
    }

    fn key(&self) -> MemberKey {
        MemberKey::from_seed(&[self.number; 32])
    }

    pub fn identity(&self) -> Identity {
        Identity::ed25519(self.key().public())
    }

    fn sealing_key(&self) -> SealingKey {
        SealingKey::from_seed(&[self.number + 100; 32])
    }

    fn founder(&self) -> Founder {
        let public = self.sealing_key().public().0;
        Founder {
            identity: self.identity(),
            admission: Admission {
                sealing_key: if self.sealing { public } else { [0; 32] },
                organization: format!("hospital {}", self.number),
                role: "hospital".to_owned(),
                certificate: vec![self.number],
                not_after_ms: u64::MAX,
            },
        }
    }

    fn options(&self, genesis: &Genesis) -> StoreOptions {
        let custodian = CustodianKey::new([self.number + 50; 32]);
        let path = self.folder.path().join("ledger.sqlite");
        let mut options = StoreOptions::new(path, self.key(), custodian);
        options.clock = Arc::new(TestClock::at(1_700_000_000_000));
        options.policy = Arc::new(AsCertified);
        options.genesis = Some(genesis.clone());
        options.sealing_key = self.sealing.then(|| self.sealing_key());
        options
    }

    pub fn open(&self, genesis: &Genesis) -> Store {
        Store::open(self.options(genesis), Box::new(Bodies)).unwrap()
    }

    fn count(&self, query: &str) -> i64 {
        let conn = Connection::open(self.folder.path().join("ledger.sqlite")).unwrap();
        conn.query_row(query, [], |row| row.get(0)).unwrap()
    }
}

pub fn found(members: &[&Member]) -> Genesis {
    let mut founders: Vec<Founder> = members.iter().map(|member| member.founder()).collect();
    founders.sort_by_key(|founder| founder.identity);
    let orderer = members[0].key().public();
    Genesis {
        network: [4; 32],
        members: founders,
        root: vec![5],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(orderer, "shared".to_owned(), [2; 16], 1_600_000_000_000)
    }
}

pub fn commit(store: &Store, drafts: Vec<Draft>) -> Height {
    submit(store, stage(store, drafts))
}

pub fn submit(store: &Store, id: TxId) -> Height {
    match store.submit(id).unwrap() {
        TxStatus::Committed { height } => height,
        other => panic!("{other:?}"),
    }
}

/// Every payload of a block that a store has.
fn payloads(store: &Store, block: &Block) -> Vec<Vec<u8>> {
    let entries = |block: &Block| -> u64 {
        let transactions = block.transactions.iter();
        transactions
            .map(|one| one.open().unwrap().header().count)
            .sum()
    };
    let first = (1..block.height().0)
        .map(|height| entries(&store.block(Height(height)).unwrap().unwrap()))
        .sum::<u64>();
    (first..first + entries(block))
        .filter_map(|seq| store.payload(seq).unwrap())
        .collect()
}

trait Heighted {
    fn height(&self) -> Height;
}

impl Heighted for Block {
    fn height(&self) -> Height {
        silsila_store::chain::BlockHeader::decode(&self.header)
            .unwrap()
            .height
    }
}

/// Brings a follower level, with payloads or without.
pub fn follow(from: &Store, to: &Store, with_payloads: bool) {
    let next = to.health().unwrap().height.0 + 1;
    for height in next..=from.health().unwrap().height.0 {
        let block = from.block(Height(height)).unwrap().unwrap();
        let beside = if with_payloads {
            payloads(from, &block)
        } else {
            Vec::new()
        };
        to.apply(&block, beside).unwrap();
    }
}

/// What a member says of every record, by its entry's number.
fn contents(store: &Store) -> Vec<(u64, Content)> {
    let entries = store.health().unwrap().entries;
    store
        .read(|conn| {
            let records = (0..entries).map(|seq| store.record(conn, seq));
            let records = records.collect::<Result<Vec<_>, StoreError>>()?;
            let found = records.into_iter().flatten();
            Ok::<_, StoreError>(
                found
                    .map(|one| (one.seq(), one.content().clone()))
                    .collect(),
            )
        })
        .unwrap()
}

fn opened(store: &Store) -> Vec<Option<Vec<u8>>> {
    contents(store)
        .into_iter()
        .map(|(_, content)| match content {
            Content::Open(payload) => Some(payload.body),
            _ => None,
        })
        .collect()
}

fn of_patient(patient: &str, name: &str, turn: u64) -> Draft {
    Draft {
        subject: format!("Patient/{patient}"),
        ..put(name, turn)
    }
}

#[test]
fn every_member_with_a_sealing_key_reads_what_another_wrote() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let (writer, reader) = (one.open(&genesis), two.open(&genesis));
    commit(&writer, vec![put("a", 1), put("b", 1)]);
    commit(&writer, vec![put("a", 2), delete("b")]);
    follow(&writer, &reader, true);
    let expected = [
        Some(body("a", 1)),
        Some(body("b", 1)),
        Some(body("a", 2)),
        None,
    ];
    assert_eq!(opened(&writer), expected);
    assert_eq!(opened(&reader), expected);
    assert_eq!(
        two.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        3
    );
    for store in [&writer, &reader] {
        assert_clean(store);
    }
}

#[test]
fn one_grant_goes_before_the_first_record_of_a_subject_and_no_other() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let store = one.open(&genesis);
    commit(
        &store,
        vec![of_patient("p", "a", 1), of_patient("q", "b", 1)],
    );
    commit(
        &store,
        vec![of_patient("p", "a", 2), of_patient("q", "c", 1)],
    );
    let kinds: Vec<bool> = store
        .read(|conn| {
            let kind = |seq| Ok::<_, StoreError>(store.record(conn, seq)?.is_some());
            (0..6).map(kind).collect::<Result<_, _>>()
        })
        .unwrap();
    assert_eq!(kinds, [false, true, false, true, true, true]);
    let sensitive = Draft {
        label_class: 3,
        ..of_patient("p", "d", 1)
    };
    commit(&store, vec![sensitive]);
    assert_eq!(
        store.health().unwrap().entries,
        8,
        "a compartment of its own"
    );
    let stored: Vec<u8> = [1, 4]
        .map(|seq| store.payload(seq).unwrap().unwrap()[0])
        .to_vec();
    assert_eq!(stored, [Suite::SEALED.0; 2]);
    assert_eq!(store.payload(0).unwrap().unwrap()[0], Suite::ENVELOPES.0);
}

#[test]
fn a_member_without_a_key_holds_bytes_and_says_so() {
    let (one, mut two) = (Member::new(1), Member::new(2));
    two.sealing = false;
    let genesis = found(&[&one, &two]);
    let (writer, reader) = (one.open(&genesis), two.open(&genesis));
    commit(&writer, vec![put("a", 1), put("b", 1)]);
    follow(&writer, &reader, true);
    assert_eq!(
        contents(&reader),
        [(1, Content::Sealed), (2, Content::Sealed)]
    );
    assert_eq!(
        two.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        0
    );
    assert_eq!(two.count("SELECT count(*) FROM ledger_payload"), 3);
    assert_eq!(reader.payload(1).unwrap(), writer.payload(1).unwrap());
    assert_clean(&reader);
}

#[test]
fn payloads_may_come_late_and_in_any_order() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let (writer, reader) = (one.open(&genesis), two.open(&genesis));
    commit(&writer, vec![put("a", 1), put("b", 1)]);
    commit(&writer, vec![put("a", 2)]);
    follow(&writer, &reader, false);
    let missing = reader.missing_payloads(0, 10).unwrap();
    let places: Vec<u64> = missing.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(places, [0, 1, 2, 3]);
    assert!(
        contents(&reader)
            .iter()
            .all(|(_, content)| *content == Content::Missing)
    );
    assert_clean(&reader);
    // The records come first, their key last.
    for seq in [3, 1, 2] {
        let bytes = writer.payload(seq).unwrap().unwrap();
        assert_eq!(
            reader
                .add_payloads([bytes.clone(), b"nobody's".to_vec()])
                .unwrap(),
            1
        );
        assert_eq!(
            reader.add_payloads([bytes]).unwrap(),
            0,
            "it is here already"
        );
    }
    assert!(
        contents(&reader)
            .iter()
            .all(|(_, content)| *content == Content::Sealed)
    );
    assert_eq!(
        two.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        0
    );
    let grant = writer.payload(0).unwrap().unwrap();
    assert_eq!(reader.add_payloads([grant]).unwrap(), 1);
    assert_eq!(opened(&reader), opened(&writer));
    assert_eq!(
        two.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        3
    );
    assert_eq!(two.count("SELECT count(*) FROM ledger_closed"), 0);
    assert_eq!(two.count("SELECT count(*) FROM ledger_wanted"), 0);
    assert_clean(&reader);
}

#[test]
fn a_later_grant_opens_what_came_before_it() {
    let (one, two, three) = (Member::new(1), Member::new(2), Member::new(3));
    let genesis = found(&[&one, &two, &three]);
    let mut options = one.options(&genesis);
    let left_out = three.identity();
    options.grants = Arc::new(move |member, _| *member != left_out);
    let writer = Store::open(options, Box::new(Bodies)).unwrap();
    let (second, third) = (two.open(&genesis), three.open(&genesis));
    commit(
        &writer,
        vec![of_patient("p", "a", 1), of_patient("q", "b", 1)],
    );
    commit(&writer, vec![of_patient("p", "a", 2)]);
    for reader in [&second, &third] {
        follow(&writer, reader, true);
    }
    assert_eq!(opened(&second), opened(&writer));
    assert_eq!(opened(&third), [None, None, None]);
    let mut behind = None;
    while let Some((id, last)) = writer
        .stage_grants(&three.identity(), behind.as_ref(), 1)
        .unwrap()
    {
        submit(&writer, id);
        behind = Some(last);
    }
    for reader in [&second, &third] {
        follow(&writer, reader, true);
        assert_eq!(opened(reader), opened(&writer));
        assert_clean(reader);
    }
    assert_eq!(
        three.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        3
    );
}

/// A contract under which a class of its own is read by nobody but who wrote it.
#[derive(Debug)]
struct NormalAlone;

impl Policy for NormalAlone {
    fn certificate(&self, _: &Claim<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn contract(&self, _: &Contract) -> Result<(), Reason> {
        Ok(())
    }

    fn permits(&self, question: &Question<'_>) -> Result<(), Reason> {
        match question.action {
            Action::Open { label_class, .. } if label_class != 0 => Err(Reason::NotPermitted),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_later_grant_gives_what_the_contract_lets_open_and_is_asked_for_and_nothing_else() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let mut options = one.options(&genesis);
    options.grants = Arc::new(|_, _| false);
    options.policy = Arc::new(NormalAlone);
    let writer = Store::open(options, Box::new(Bodies)).unwrap();
    let reader = two.open(&genesis);
    let sensitive = Draft {
        label_class: 3,
        ..of_patient("p", "b", 1)
    };
    commit(&writer, vec![of_patient("p", "a", 1), sensitive]);
    let none = writer.stage_grants_of(&two.identity(), &|class| class == 3, None, 10);
    assert!(none.unwrap().is_none(), "the contract gives none of it");
    let (id, last) = writer
        .stage_grants(&two.identity(), None, 1)
        .unwrap()
        .expect("one of two");
    submit(&writer, id);
    let left = writer
        .stage_grants(&two.identity(), Some(&last), 1)
        .unwrap();
    assert!(left.is_none());
    follow(&writer, &reader, true);
    assert_eq!(opened(&reader), [Some(body("a", 1)), None]);
}

#[test]
fn payloads_that_come_before_their_block_are_held_and_taken_from_there() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let (writer, reader) = (one.open(&genesis), two.open(&genesis));
    let id = stage(&writer, vec![put("a", 1)]);
    let (_, beside) = writer.staged(id).unwrap().unwrap();
    assert_eq!(beside.len(), 2);
    reader.hold_payloads(beside, Height(5)).unwrap();
    reader
        .hold_payloads([b"of another".to_vec()], Height(0))
        .unwrap();
    submit(&writer, id);
    follow(&writer, &reader, false);
    assert_eq!(opened(&reader), [Some(body("a", 1))]);
    assert_eq!(two.count("SELECT count(*) FROM ledger_held"), 0);
}

#[test]
fn the_key_of_a_rejected_transaction_is_granted_again() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let (orderer, writer) = (one.open(&genesis), two.open(&genesis));
    let lost = stage(&writer, vec![put("a", 1)]);
    assert_eq!(
        writer.submit(lost).unwrap(),
        TxStatus::Pending,
        "it is ordered elsewhere"
    );
    writer.reject(lost, "CHN0000").unwrap();
    let id = stage(&writer, vec![put("b", 1)]);
    let (transaction, _) = writer.staged(id).unwrap().unwrap();
    let granted = transaction.open().unwrap();
    assert!(granted.entries()[0].entry.grant().is_some());
    drop((orderer, writer));
}

#[test]
fn keys_and_outbox_survive_a_restart() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let store = one.open(&genesis);
    commit(&store, vec![put("a", 1)]);
    let id = stage(&store, vec![put("a", 2)]);
    drop(store);
    let store = one.open(&genesis);
    submit(&store, id);
    commit(&store, vec![put("a", 3)]);
    assert_eq!(opened(&store), [1, 2, 3].map(|turn| Some(body("a", turn))));
    assert_eq!(
        one.count("SELECT count(*) FROM body WHERE body IS NOT NULL"),
        3
    );
    assert_clean(&store);
}

#[test]
fn a_flipped_byte_of_a_sealed_payload_is_damage_and_not_a_missing_key() {
    let (one, two) = (Member::new(1), Member::new(2));
    let genesis = found(&[&one, &two]);
    let store = one.open(&genesis);
    commit(&store, vec![put("a", 1)]);
    let conn = Connection::open(one.folder.path().join("ledger.sqlite")).unwrap();
    let flipped = {
        let mut bytes = store.payload(1).unwrap().unwrap();
        bytes[40] ^= 1;
        bytes
    };
    conn.execute(
        "UPDATE ledger_payload SET bytes = ?1 WHERE id = (SELECT max(id) FROM ledger_payload)",
        [flipped],
    )
    .unwrap();
    let read = store.read(|conn| store.committed(conn, 1));
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
}

#[test]
fn a_file_of_another_channel_is_refused() {
    let (one, two) = (Member::new(1), Member::new(2));
    drop(one.open(&found(&[&one, &two])));
    let mut other = found(&[&one, &two]);
    other.nonce = [9; 16];
    let refused = Store::open(one.options(&other), Box::new(Bodies)).err();
    assert!(matches!(refused, Some(StoreError::Foreign { .. })));
}
