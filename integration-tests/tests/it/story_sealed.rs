// SPDX-License-Identifier: Apache-2.0
//! The demonstration's names, telephone numbers and identifiers in files of a ledger: found where payloads are in
//! clear and the file is not encrypted, found nowhere else.
//!
//! The scan looks at raw bytes and inside every zstd frame that begins anywhere, with every dictionary there is.
//! Capitals are taken for small letters, as an index may keep them. Words shorter than [`SHORTEST`] bytes would be found by chance and are left out.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use silsila_fhir::SearchIndex;
use silsila_store::chain::{
    Admission, AsCertified, Contract, CustodianKey, Founder, Genesis, Height, Identity, Limits,
    MemberKey, Op,
};
use silsila_store::seal::SealingKey;
use silsila_store::{Draft, FileKey, Payload, Store, StoreError, StoreOptions, TxStatus};
use tempfile::TempDir;

use crate::ledger_file;
use crate::story_scene::Scene;

const SHORTEST: usize = 7;
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Records of one transaction.
const BATCH: usize = 500;

/// A version as the demonstration's gateway committed it.
struct Resource {
    name: String,
    subject: String,
    kind: String,
    body: Vec<u8>,
}

/// Everything that a gateway committed, with its subject.
fn committed(folder: &Path) -> Vec<Resource> {
    let ledger = folder.join("state/ledger.sqlite");
    let (dictionaries, key) = (silsila_fhir::dictionaries(), ledger_file::file_key(folder));
    let store = Store::open_read_only_with(&ledger, &dictionaries, Some(key)).unwrap();
    let entries = store.health().unwrap().entries;
    let bodies = store.read(|conn| {
        let bodies = (0..entries).map(|seq| Ok(store.committed(conn, seq)?.into_payload()));
        bodies.collect::<Result<Vec<_>, StoreError>>()
    });
    let bodies = bodies.unwrap().into_iter().flatten();
    bodies.map(|payload| resource(payload.body)).collect()
}

fn resource(body: Vec<u8>) -> Resource {
    let json: Value = serde_json::from_slice(&body).unwrap();
    let kind = json["resourceType"].as_str().unwrap().to_owned();
    let name = format!("{kind}/{}", json["id"].as_str().unwrap());
    let of = ["subject", "patient"].map(|element| json[element]["reference"].as_str());
    let subject = of.into_iter().flatten().next().unwrap_or(&name).to_owned();
    Resource {
        name,
        subject,
        kind,
        body,
    }
}

/// Names, telephone numbers and identifiers of people.
fn words(resources: &[Resource]) -> BTreeSet<Vec<u8>> {
    let mut words = BTreeSet::new();
    let people = resources.iter().filter(|one| one.kind == "Patient");
    for person in people {
        let json: Value = serde_json::from_slice(&person.body).unwrap();
        let list = |element: &str| json[element].as_array().cloned().unwrap_or_default();
        let mut take = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            if text.len() >= SHORTEST {
                words.insert(text.to_lowercase().into_bytes());
            }
        };
        for name in list("name") {
            take(&name["text"]);
            take(&name["family"]);
            name["given"]
                .as_array()
                .into_iter()
                .flatten()
                .for_each(&mut take);
        }
        for value in list("telecom").iter().chain(&list("identifier")) {
            take(&value["value"]);
        }
    }
    words
}

/// Which words occur in any file of a folder, in the clear or in a compressed frame.
fn found(folder: &Path, words: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let mut by_start: HashMap<&[u8], Vec<&Vec<u8>>> = HashMap::new();
    // Which pairs of bytes a word begins with: most of a sealed file is passed over by these.
    let mut begins = vec![false; 1 << 16];
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    for word in words {
        by_start.entry(&word[..SHORTEST]).or_default().push(word);
        begins[pair(word)] = true;
    }
    let mut found = BTreeSet::new();
    let mut scan = |bytes: &[u8]| {
        // An index may keep names in small letters.
        let bytes = &bytes.to_ascii_lowercase()[..];
        for at in 0..bytes.len().saturating_sub(SHORTEST - 1) {
            if !begins[pair(&bytes[at..])] {
                continue;
            }
            for word in by_start
                .get(&bytes[at..at + SHORTEST])
                .into_iter()
                .flatten()
            {
                if bytes[at..].starts_with(word) {
                    found.insert((*word).clone());
                }
            }
        }
    };
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.is_file()) {
        let bytes = fs::read(path).unwrap();
        scan(&bytes);
        for at in 0..bytes.len().saturating_sub(FRAME.len()) {
            if bytes[at..].starts_with(&FRAME) {
                unpacked(&bytes[at..]).iter().for_each(|text| scan(text));
            }
        }
    }
    found
}

/// What a frame unpacks to, with each dictionary and with none.
fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    use zstd::zstd_safe::{DCtx, find_frame_compressed_size, get_frame_content_size};
    let Ok(Some(size @ 1..=1_000_000)) = get_frame_content_size(bytes) else {
        return Vec::new();
    };
    let Ok(length) = find_frame_compressed_size(bytes) else {
        return Vec::new();
    };
    let mut dictionaries: Vec<Arc<[u8]>> = silsila_fhir::dictionaries()
        .into_iter()
        .map(|dictionary| dictionary.bytes)
        .collect();
    dictionaries.push(Arc::default());
    let texts = dictionaries.iter().filter_map(|dictionary| {
        let mut text = Vec::with_capacity(usize::try_from(size).ok()?);
        DCtx::create()
            .decompress_using_dict(&mut text, &bytes[..length], dictionary)
            .ok()?;
        Some(text)
    });
    texts.collect()
}

/// A member of the test's network, in a folder of its own.
struct Member {
    number: u8,
    folder: TempDir,
    given_keys: bool,
    encrypted: bool,
}

impl Member {
    fn new(number: u8, given_keys: bool, encrypted: bool) -> Self {
        Self {
            number,
            folder: tempfile::tempdir().unwrap(),
            given_keys,
            encrypted,
        }
    }

    fn key(&self) -> MemberKey {
        MemberKey::from_seed(&[self.number; 32])
    }

    fn founder(&self) -> Founder {
        let sealing = SealingKey::from_seed(&[self.number; 32]).public().0;
        Founder {
            identity: Identity::ed25519(self.key().public()),
            admission: Admission {
                sealing_key: sealing,
                organization: format!("hospital {}", self.number),
                role: "hospital".to_owned(),
                certificate: vec![self.number],
                not_after_ms: u64::MAX,
            },
        }
    }

    fn open(&self, genesis: Option<&Genesis>, left_out: &[Identity]) -> Store {
        let custodian = CustodianKey::new([self.number; 32]);
        let file = self.folder.path().join("ledger.sqlite");
        let mut options = StoreOptions::new(file, self.key(), custodian);
        options.policy = Arc::new(AsCertified);
        options.genesis = genesis.cloned();
        options.sealing_key = Some(SealingKey::from_seed(&[self.number; 32]));
        options.file_key = self.encrypted.then(|| FileKey::new(&[self.number; 32]));
        options.dictionaries = silsila_fhir::dictionaries();
        let left_out = left_out.to_vec();
        options.grants = Arc::new(move |member, _| !left_out.contains(member));
        Store::open(options, SearchIndex::new()).unwrap()
    }

    /// Words in its files while it is open, and after it was closed.
    fn found(&self, store: Store, words: &BTreeSet<Vec<u8>>) -> [usize; 2] {
        let open = found(self.folder.path(), words).len();
        store.close().unwrap();
        drop(store);
        [open, found(self.folder.path(), words).len()]
    }
}

fn write(store: &Store, resources: &[Resource]) {
    for batch in resources.chunks(BATCH) {
        let drafts = batch.iter().map(|one| Draft {
            op: Op::Put,
            resource: one.name.clone(),
            subject: one.subject.clone(),
            kind: one.kind.clone(),
            label_class: 0,
            payload: Some(Payload {
                body: one.body.clone(),
                mapping: "demonstration".to_owned(),
                mapping_digest: [1; 32],
            }),
        });
        let id = store.stage(drafts.collect(), |_| Ok::<_, StoreError>(()));
        let committed = store.submit(id.unwrap().unwrap()).unwrap();
        assert!(
            matches!(committed, TxStatus::Committed { .. }),
            "{committed:?}"
        );
    }
}

fn follow(from: &Store, to: &Store) {
    let mut seq = 0;
    for height in 1..=from.health().unwrap().height.0 {
        let block = from.block(Height(height)).unwrap().unwrap();
        let entries = block.transactions.iter();
        let entries: u64 = entries.map(|one| one.open().unwrap().header().count).sum();
        let beside = (seq..seq + entries).filter_map(|seq| from.payload(seq).unwrap());
        to.apply(&block, beside.collect::<Vec<_>>()).unwrap();
        seq += entries;
    }
}

fn genesis(members: &[&Member]) -> Genesis {
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
        ..Genesis::lone(orderer, "sealed".to_owned(), [2; 16], 1_600_000_000_000)
    }
}

#[tokio::test]
async fn the_demonstrations_people_are_in_no_file_of_any_member() {
    let mut scene =
        Scene::begin("story_sealed", |config| config.sweep_interval = "1d".into()).await;
    let gateway = scene.folder.path().join("state");
    let resources_after = |scene: &Scene| committed(scene.folder.path());
    let resources = resources_after(&scene);
    let words = words(&resources);
    assert!(
        resources.len() > 3000 && words.len() > 1000,
        "{} {}",
        resources.len(),
        words.len()
    );

    // The gateway's own files, as it runs and as it was stopped.
    assert_eq!(
        found(&gateway, &words),
        BTreeSet::new(),
        "a running gateway"
    );
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    assert_eq!(
        found(&gateway, &words),
        BTreeSet::new(),
        "a stopped gateway"
    );

    // The scan finds them where nothing hides them; a word that lies across two pages may be missed.
    let alone = Member::new(9, true, false);
    let store = alone.open(None, &[]);
    write(&store, &resources);
    let [open, closed] = alone.found(store, &words);
    let most = words.len() * 99 / 100;
    println!(
        "{} words, {open} found open, {closed} closed, of suite 0 in clear",
        words.len()
    );
    assert!(
        open >= most && closed >= most,
        "{open} and {closed} of {}",
        words.len()
    );

    // One writes, one is given keys, two are given none; of these one does not even encrypt its file.
    let writer = Member::new(1, true, true);
    let reader = Member::new(2, true, true);
    let (blind, bare) = (Member::new(3, false, true), Member::new(4, false, false));
    let members = [&writer, &reader, &blind, &bare];
    let genesis = genesis(&members);
    let without = members.iter().filter(|member| !member.given_keys);
    let without: Vec<Identity> = without.map(|member| member.founder().identity).collect();
    let store = writer.open(Some(&genesis), &without);
    write(&store, &resources);
    for member in [&reader, &blind, &bare] {
        let replica = member.open(Some(&genesis), &[]);
        follow(&store, &replica);
        let opened = opened(&replica);
        let expected = if member.given_keys {
            resources.len()
        } else {
            0
        };
        assert_eq!(opened, expected, "member {}", member.number);
        assert_eq!(
            member.found(replica, &words),
            [0, 0],
            "member {}",
            member.number
        );
    }
    assert_eq!(writer.found(store, &words), [0, 0], "the writer");
}

/// How many records a member can read.
fn opened(store: &Store) -> usize {
    let entries = store.health().unwrap().entries;
    let read = store.read(|conn| {
        let mut opened = 0;
        for seq in 0..entries {
            let record = store.record(conn, seq)?;
            opened += usize::from(record.is_some_and(|record| record.payload().is_some()));
        }
        Ok::<_, StoreError>(opened)
    });
    read.unwrap()
}
