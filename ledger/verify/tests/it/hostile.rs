// SPDX-License-Identifier: Apache-2.0
//! Files from strangers.

use silsila_chain::ChannelId;
use silsila_verify::{
    Fault, Report, verify_bundle, verify_chain, verify_checkpoint, verify_evidence, verify_receipt,
};

use crate::sample::sample;

fn chain(bytes: &[u8], channel: &ChannelId) -> Result<Report, Fault> {
    verify_chain(&mut &bytes[..], "a file", channel, &[], &mut |_| ())
}

/// Every byte set to every other value would be 256 times the bundle; every bit, and every byte to 0 and
/// to 255, is what finds a check that is missing.
#[test]
fn no_file_with_a_byte_changed_or_cut_anywhere_is_true() {
    let sample = sample(2);
    let channel = sample.genesis.id();
    let bundle = sample.bundle().encode();
    type Check<'c> = Box<dyn Fn(&[u8]) -> Result<Report, Fault> + 'c>;
    let checks: [(&str, Vec<u8>, Check<'_>); 5] = [
        (
            "bundle",
            bundle.clone(),
            Box::new(|bytes| verify_bundle(bytes, &channel).map(|verified| verified.report)),
        ),
        (
            "chain",
            sample.export(),
            Box::new(|bytes| chain(bytes, &channel)),
        ),
        (
            "evidence",
            sample.evidence().encode(),
            Box::new(|bytes| verify_evidence(bytes, &channel)),
        ),
        (
            "receipt",
            sample.receipt().encode(),
            Box::new(|bytes| verify_receipt(bytes, &bundle, &channel)),
        ),
        (
            "checkpoint",
            sample.checkpoint(2).encode().into_bytes(),
            Box::new(|bytes| verify_checkpoint(bytes, &channel)),
        ),
    ];
    for (name, good, check) in &checks {
        assert!(check(good).is_ok(), "{name}");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            let changed = (0..8).map(|bit| good[at] ^ 1 << bit).chain([0, 0xff]);
            for byte in changed.filter(|byte| *byte != good[at]) {
                bytes[at] = byte;
                assert!(check(&bytes).is_err(), "{name}: byte {at} as {byte:#04x}");
            }
            assert!(check(&good[..at]).is_err(), "{name}: {at} bytes");
        }
    }
}

#[test]
fn a_length_that_lies_reserves_no_memory() {
    let sample = sample(1);
    let mut bytes = sample.export()[..16].to_vec();
    bytes.extend_from_slice(b"G\x00\xff\xff\xff");
    let fault = chain(&bytes, &sample.genesis.id()).expect_err("no genesis");
    assert_eq!(fault.code(), "VER0006");
    bytes[17] = 0xff;
    let fault = chain(&bytes, &sample.genesis.id()).expect_err("too long");
    assert_eq!(fault.code(), "VER0002");
}
