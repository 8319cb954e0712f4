// SPDX-License-Identifier: Apache-2.0
//! What a member of a shared channel serves of another's records: nothing without a key, everything once a key or a
//! payload has come, and an index that agrees with the chain all the while.

use std::sync::Arc;

use serde_json::{Value, json};
use silsila_fhir::{FhirState, SearchIndex};
use silsila_store::chain::{
    Admission, AsCertified, Contract, CustodianKey, Founder, Genesis, Height, Identity, Limits,
    MemberKey,
};
use silsila_store::seal::SealingKey;
use silsila_store::{Store, StoreOptions, TestClock};
use tempfile::TempDir;

use crate::bed::{Bed, START_MS, commit_to, name_of, open_access, settings};

fn key(number: u8) -> MemberKey {
    MemberKey::from_seed(&[number; 32])
}

fn identity(number: u8) -> Identity {
    Identity::ed25519(key(number).public())
}

/// A channel of two, which member 1 orders.
fn genesis() -> Genesis {
    let founder = |number: u8| Founder {
        identity: identity(number),
        admission: Admission {
            sealing_key: SealingKey::from_seed(&[number; 32]).public().0,
            organization: format!("hospital {number}"),
            role: "hospital".to_owned(),
            certificate: vec![number],
            not_after_ms: u64::MAX,
        },
    };
    let mut members = vec![founder(1), founder(2)];
    members.sort_by_key(|founder| founder.identity);
    Genesis {
        network: [4; 32],
        members,
        root: vec![5],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(
            key(1).public(),
            "two".to_owned(),
            [2; 16],
            1_600_000_000_000,
        )
    }
}

fn options(folder: &TempDir, number: u8) -> StoreOptions {
    let custodian = CustodianKey::new([number; 32]);
    let file = folder.path().join(format!("{number}.sqlite"));
    let mut options = StoreOptions::new(file, key(number), custodian);
    options.clock = Arc::new(TestClock::at(START_MS));
    options.genesis = Some(genesis());
    options.policy = Arc::new(AsCertified);
    options.sealing_key = Some(SealingKey::from_seed(&[number; 32]));
    options
}

struct Two {
    writer: Store,
    reader: Bed,
    _folder: TempDir,
}

impl Two {
    /// The writer gives the reader no keys by itself.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut first = options(&folder, 1);
        first.grants = Arc::new(|_, _| false);
        let writer = Store::open(first, SearchIndex::new()).unwrap();
        let second = Store::open(options(&folder, 2), SearchIndex::new()).unwrap();
        let clock = Arc::new(TestClock::at(START_MS));
        let mut settings = settings();
        settings.hospital.member = Some(key(2).public());
        let state = FhirState::with_clock(second.clone(), settings, open_access(), clock);
        Self {
            writer,
            reader: Bed::over(second, state.unwrap()),
            _folder: folder,
        }
    }

    fn write(&self, bodies: &[Value]) {
        let changes: Vec<_> = bodies
            .iter()
            .map(|body| (name_of(body), Some(body.clone())))
            .collect();
        commit_to(&self.writer, &changes);
    }

    /// As the reader's gateway tells it.
    fn custodian(&self, path: &str) -> Value {
        let found = self.reader.get(path).ok().json;
        found["entry"][0]["resource"]["agent"][0]["who"].clone()
    }

    /// Brings the reader level, with payloads.
    fn follow(&self) {
        let next = self.reader.store.health().unwrap().height.0 + 1;
        for height in next..=self.writer.health().unwrap().height.0 {
            let block = self.writer.block(Height(height)).unwrap().unwrap();
            let entries = self.writer.health().unwrap().entries;
            let payloads = (0..entries).filter_map(|seq| self.writer.payload(seq).unwrap());
            let payloads: Vec<_> = payloads.collect();
            self.reader.store.apply(&block, payloads).unwrap();
        }
    }

    fn grant(&self) {
        let granted = self.writer.stage_grants(&identity(2), None, 100).unwrap();
        let (id, _) = granted.unwrap();
        self.writer.submit(id).unwrap();
    }

    fn assert_clean(&self) {
        for store in [&self.writer, &self.reader.store] {
            assert_eq!(store.verify(&mut |_| ()).unwrap().faults, []);
        }
    }
}

fn patient(id: &str, family: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "name": [{"family": family}]})
}

#[test]
fn what_a_later_grant_opens_is_found_by_search_and_by_history() {
    let two = Two::new();
    two.write(&[patient("a", "Soomro"), patient("b", "Memon")]);
    two.write(&[patient("a", "Talpur")]);
    two.follow();
    assert_eq!(two.reader.ids("Patient"), [] as [&str; 0]);
    assert_eq!(two.reader.get("Patient/a").status, 404);
    two.assert_clean();

    two.grant();
    two.follow();
    assert_eq!(two.reader.ids("Patient"), ["a", "b"]);
    assert_eq!(two.reader.ids("Patient?family=talpur"), ["a"]);
    assert_eq!(two.reader.ids("Patient?family=soomro"), [] as [&str; 0]);
    let read = two.reader.get("Patient/a").ok().json;
    assert_eq!(read["name"][0]["family"], "Talpur");
    let first = two.reader.get("Patient/a/_history/1").ok().json;
    assert_eq!(first["name"][0]["family"], "Soomro");
    assert_eq!(two.reader.get("Patient?_total=accurate").total(), Some(2));
    two.assert_clean();

    // Later versions of the same people open at once, new people only with another grant.
    two.write(&[patient("b", "Laghari"), patient("c", "Chandio")]);
    two.follow();
    assert_eq!(two.reader.ids("Patient?family=laghari"), ["b"]);
    assert_eq!(two.reader.ids("Patient"), ["a", "b"]);
    two.assert_clean();
    two.grant();
    two.follow();
    assert_eq!(two.reader.ids("Patient"), ["a", "b", "c"]);
    two.assert_clean();
}

#[test]
fn a_provenance_names_the_member_that_committed_the_version_as_its_certificate_does() {
    let two = Two::new();
    let mut body = patient("a", "Soomro");
    body["meta"] = json!({"source": "https://one.example"});
    two.write(&[body]);
    two.grant();
    two.follow();
    let who = two.custodian("Provenance?target=Patient/a");
    assert_eq!(who["display"], "hospital 1");
    assert_eq!(who["identifier"]["value"], "https://one.example");
    assert_eq!(who["reference"], Value::Null);
}
