// SPDX-License-Identifier: Apache-2.0
//! One good object of each format. What member and authority, or members, say to each other is written here a
//! second time, as the documents draw it.

use silsila_authority::Invitation;
use silsila_chain::cbor::Writer;
use silsila_chain::{
    ChainState, CustodianKey, Entry, EntryHash, Height, MemberKey, Op, PayloadCommitment,
    PayloadDigest, Record, Suite, Transaction, sha256,
};
use silsila_engine::{Candidate, Receipt, Witnesses, private_key, validators};
use silsila_fhir::index::facts;
use silsila_fhir::index::key::Keyed;
use silsila_gateway::admin::{Answer, Order, Rows};
use silsila_replica::certificate::{Revocation, RevocationReason};
use silsila_seal::{ContentKey, RecoveryKey};

use crate::known::{CHANNEL, FOUNDED, MEMBERS, credential, identity, key};
use crate::member::PLACE;
use crate::mutations::Good;
use crate::votes;

pub const CONTRACT: &str = include_str!("../../../../config/examples/contracts/laboratory.cedar");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.trim_end().len()).step_by(2).map(digit).collect()
}

pub fn cbor(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

/// Every request and every answer, by what it is.
pub fn registration() -> Vec<Good> {
    let answer = |kind: u64, write: fn(&mut Writer)| {
        cbor(|writer| {
            writer.array(3).text("silsila/answer/1").uint(kind);
            write(writer);
        })
    };
    vec![
        (
            "enrolment",
            cbor(|writer| {
                writer.array(6).text("silsila/enrolment/1");
                writer.bytes(&[1; 32]).bytes(&[2; 16]).bytes(&[3; 32]);
                writer.bytes(&[4; 32]).bytes(&[5; 32]);
            }),
        ),
        (
            "renewal",
            cbor(|writer| {
                writer.array(3).text("silsila/renewal/1");
                writer.bytes(&[1; 32]).bytes(&[2; 80]);
            }),
        ),
        (
            "request",
            cbor(|writer| {
                writer.array(3).text("silsila/request/1");
                writer.bytes(&[1; 50]).bytes(&[2; 64]);
            }),
        ),
        ("answer: pending", answer(0, |writer| _ = writer.uint(7))),
        (
            "answer: issued",
            answer(1, |writer| _ = writer.bytes(&[9; 90])),
        ),
        ("answer: refused", answer(2, |writer| _ = writer.uint(1))),
        (
            "answer: revocations",
            answer(3, |writer| {
                writer.array(2).bytes(&[1; 9]).bytes(&[2; 9]);
            }),
        ),
    ]
}

/// The text of an invitation.
pub fn invitation() -> String {
    let lines = format!(
        "silsila invitation 1\nnetwork Sindh hospitals\norganization Civil Hospital Mirpurkhas\n\
         role hospital\nexpires 1780604800\nauthority 192.0.2.5:8080\ntls-key {}\nfingerprint {}\n\
         secret {}\n",
        hex(&[7; 32]),
        credential(3).network.fingerprint(),
        hex(&[5; 16]),
    );
    let check = hex(&sha256(lines.as_bytes())[..4]);
    let text = format!("{lines}check {check}\n");
    assert!(Invitation::parse(&text).is_ok());
    text
}

/// The file that says where the authority is.
pub fn membership() -> String {
    format!(
        "silsila-membership 1\nauthority 192.0.2.5:8080\ntls-key {}\nfingerprint {}\n",
        hex(&[7; 32]),
        credential(3).network.fingerprint(),
    )
}

/// Every message between members of a channel, by what it is.
pub fn messages() -> Vec<Good> {
    let alone = cbor(|writer| {
        writer.array(4).text("silsila/block/1");
        writer.bytes(&[]).bytes(&[]).array(1);
        writer.array(4).bytes(&[1, 2, 3]).uint(1);
        writer.bytes(&[4; 64]).bytes(&[5; 300]);
    });
    let offer = |after: Option<[u8; 32]>| {
        cbor(|writer| {
            writer.array(4).uint(3).bytes(&alone);
            match after {
                Some(after) => writer.bytes(&after),
                None => writer.null(),
            };
            writer.array(1).bytes(&[9; 9]);
        })
    };
    vec![
        ("tip", cbor(|writer| _ = writer.array(2).uint(0).uint(9))),
        (
            "ask",
            cbor(|writer| {
                writer.array(4).uint(1).uint(u64::MAX);
                writer.uint(1 << 16).uint(0);
            }),
        ),
        (
            "blocks",
            cbor(|writer| _ = writer.array(2).uint(2).array(1).bytes(&alone)),
        ),
        ("offer", offer(None)),
        ("offer behind another", offer(Some([1; 32]))),
        (
            "receipt",
            cbor(|writer| {
                writer
                    .array(4)
                    .uint(4)
                    .bytes(&[2; 32])
                    .uint(3)
                    .bytes(&[8; 64]);
            }),
        ),
        (
            "want",
            cbor(|writer| {
                writer
                    .array(3)
                    .uint(5)
                    .bytes(&[3; 32])
                    .array(1)
                    .bytes(&[4; 32]);
            }),
        ),
        (
            "payloads",
            cbor(|writer| _ = writer.array(2).uint(6).array(2).bytes(&[]).bytes(&[1; 99])),
        ),
        (
            "fetch",
            cbor(|writer| _ = writer.array(2).uint(7).array(2).uint(0).uint(77)),
        ),
        (
            "note",
            cbor(|writer| _ = writer.array(2).uint(8).bytes(&[1; 99])),
        ),
        (
            "check",
            cbor(|writer| _ = writer.array(2).uint(9).bytes(&[2; 99])),
        ),
    ]
}

fn transaction(op: Op, name: &str) -> Transaction {
    let (member, keys) = (
        MemberKey::from_seed(&[3; 32]),
        CustodianKey::new([3; 32]).on(&CHANNEL.id()),
    );
    let tag = keys.resource_tag(name);
    let payload = PayloadCommitment {
        suite: Suite::SEALED,
        digest: PayloadDigest([5; 32]),
        size: 500,
    };
    let put = op == Op::Put;
    let entry = Entry::Record(Record {
        op,
        resource_tag: tag,
        subject_tag: keys.subject_tag("Patient/a"),
        kind: "Observation".to_owned(),
        label_class: 0,
        version: if put { 1 } else { 2 },
        previous: (!put).then_some(EntryHash([6; 32])),
        key_period: u32::from(put),
        event_id: keys.event_id(&tag, None, Some(&[7; 32])),
        payload: put.then_some(payload),
    });
    let entries = entry.encode();
    let hashes = [Entry::hash(&entries)];
    Transaction::sign(&member, CHANNEL.id(), 1, Height(1000), entries, &hashes)
}

/// A candidate with a transaction that needs storage receipts, and one that needs none.
pub fn candidate() -> Vec<u8> {
    let witnesses = Witnesses::new(CHANNEL.id(), validators(&CHANNEL));
    let transactions = vec![transaction(Op::Put, "a"), transaction(Op::Delete, "b")];
    let opened: Vec<_> = transactions
        .iter()
        .map(|transaction| transaction.open().expect("sound"))
        .collect();
    let sign = |seed: u8| witnesses.sign(&private_key(&[seed; 32]), &transactions[0].id());
    let mut receipts: Vec<Receipt> = MEMBERS[..3].iter().filter_map(|seed| sign(*seed)).collect();
    receipts.sort_by_key(|receipt| receipt.validator);
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let header = ChainState::at_genesis(&CHANNEL).next_header(CHANNEL.time_ms + 10, &ids);
    let receipts = [receipts, Vec::new()];
    let candidate = Candidate::new(header, Height(0), transactions, opened, &receipts);
    commonware_codec::Encode::encode(&candidate).to_vec()
}

/// Packed content without a dictionary; its size stands before it.
fn packed() -> Vec<u8> {
    let frame = cbor(|writer| {
        writer.array(3).text("patient").bytes(&[1; 32]);
        writer.bytes(br#"{"resourceType":"Patient"}"#);
    });
    [
        &[0][..],
        &zstd::bulk::compress(&frame, 3).expect("compressed"),
    ]
    .concat()
}

/// The file of a gateway's keys.
pub fn keys() -> String {
    let names = ["member", "custodian", "ids", "digests", "sealing", "file"];
    let lines: String = (1..)
        .zip(names)
        .map(|(seed, name)| format!("{name} {}\n", hex(&[seed; 32])))
        .collect();
    format!("silsila-keys 3\n{lines}")
}

/// The numbers under which the index finds rows, one of each kind.
pub fn terms() -> Vec<u8> {
    let keyed = Keyed::new([7; 16]);
    let terms = [
        keyed.of_type("Patient"),
        keyed.of_resource("Patient", "a"),
        keyed.of_tag(&[8; 16]),
        keyed.of_code("Patient", "gender", "Female"),
        keyed.of_code("Patient", "identifier", "4485"),
        keyed.of_system("Patient", "gender", "urn:x"),
        keyed.of_reference("Observation", "subject", "Patient", "a"),
        keyed.of_reference("Encounter", "location", "Location", "a"),
        keyed.of_uri("Observation", "source", "urn:y"),
        keyed.of_identifier("Observation", "subject", "4485"),
    ];
    terms.iter().flat_map(|term| term.to_be_bytes()).collect()
}

/// What the index keeps of a version beside its terms.
pub fn facts() -> Vec<u8> {
    let mut facts = facts::Writer::default();
    facts.date(1, 1_780_000_000_000, 1_780_000_001_000);
    facts.number(2, 6.5, 7.5);
    facts.quantity(3, (6.5, 7.5), [Some("urn:ucum"), None, Some("mmol/L")]);
    facts.text(4, "ayesha baloch");
    facts.finish()
}

/// Orders that the command line gives to a gateway, perhaps of another version.
pub fn orders() -> Vec<Good> {
    let rows = Rows {
        mapping: Some("patient".to_owned()),
        code: None,
        key: Some("4031".to_owned()),
    };
    let json = |order: &Order| serde_json::to_vec(order).expect("JSON");
    vec![
        ("order: status", json(&Order::Status)),
        (
            "order: confirm",
            json(&Order::Confirm {
                source: "hims".to_owned(),
            }),
        ),
        (
            "order: resync",
            json(&Order::Resync {
                source: "hims".to_owned(),
                mapping: None,
            }),
        ),
        (
            "order: quarantine",
            json(&Order::Quarantine {
                rows: rows.clone(),
                limit: 100,
            }),
        ),
        ("order: retry", json(&Order::Retry { rows, accept: true })),
        (
            "answer: done",
            serde_json::to_vec(&Answer::Done("two rows".to_owned())).expect("JSON"),
        ),
        (
            "answer: refused",
            serde_json::to_vec(&Answer::Refused("PIP0001 no".to_owned())).expect("JSON"),
        ),
    ]
}

/// All of them, by the target that reads them.
pub fn good() -> Vec<Good> {
    let known = credential(3);
    let revocation = Revocation::sign(
        &key(2),
        known.network.fingerprint(),
        identity(3).key,
        FOUNDED,
        RevocationReason::KeyCompromise,
    );
    let sealed = PLACE.seal_with(&ContentKey::new(&[8; 32]), &packed(), &[9; 12]);
    let envelopes = include_str!("../../../../ledger/seal/tests/it/samples/envelopes.hex");
    let backup = include_str!("../../../../ledger/seal/tests/it/samples/backup.hex");
    let mut all: Vec<Good> = vec![
        ("invitation", invitation().into_bytes()),
        ("membership", membership().into_bytes()),
        ("x509", known.member.der().to_vec()),
        ("x509", known.issuing.der().to_vec()),
        ("x509", known.network.root().der().to_vec()),
        ("network", known.network.encode()),
        ("credential", known.encode()),
        ("revocation", revocation.encode()),
        ("channel", CHANNEL.encode()),
        ("contract", CONTRACT.as_bytes().to_vec()),
        ("candidate", candidate()),
        ("state", ChainState::at_genesis(&CHANNEL).encode()),
        ("envelopes", bytes(envelopes)),
        ("sealed", sealed.expect("sealed")),
        ("packed", packed()),
        ("backup", bytes(backup)),
        ("keys", keys().into_bytes()),
        (
            "recovery",
            RecoveryKey::new(&[8; 32]).text().as_bytes().to_vec(),
        ),
    ];
    for (target, objects) in [
        ("registration", registration()),
        ("message", messages()),
        ("order", orders()),
        ("order", votes::orders()),
        ("order", votes::answers()),
        ("ballot", votes::ballots()),
        ("note", votes::notes()),
    ] {
        all.extend(objects.into_iter().map(|(_, bytes)| (target, bytes)));
    }
    all
}
