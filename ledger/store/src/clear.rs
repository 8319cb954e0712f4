// SPDX-License-Identifier: Apache-2.0
//! Packing, and payload suite 0: salted, compressed, in clear. For a gateway that is alone on its channel.
//!
//! ```text
//! suite 0                                            packed, as suite 1 seals it
//! byte 0      suite: 0                               byte 0   dictionary: 0 for none
//! byte 1      dictionary: 0 for none                 bytes 1- one zstd frame
//! bytes 2-17  salt, random, so that equal plaintexts
//!             have unrelated commitments
//! bytes 18-   one zstd frame
//! ```
//!
//! The frame holds the CBOR array `[mapping, mapping digest, body]`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use silsila_chain::cbor::{DecodeError, Reader, Writer};
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound, get_frame_content_size};

use crate::{Dictionary, Payload};

/// The longest body, in bytes.
pub(crate) const MAX_BODY: usize = 8 << 20;
const MAX_MAPPING: usize = 256;
const MAX_FRAME: usize = MAX_BODY + 1024;
const LEVEL: i32 = 3;
const HEAD: usize = 18;
const SUITE: u8 = 0;

/// Random bytes in front of a payload's frame.
pub(crate) type Salt = [u8; 16];

/// Compresses and decompresses payloads, with contexts that are used again.
pub(crate) struct ClearSuite {
    encoder: Option<(u8, CDict<'static>)>,
    decoders: HashMap<u8, DDict<'static>>,
    idle: Mutex<Vec<DCtx<'static>>>,
}

/// Compresses the payloads of one batch.
pub(crate) struct Sealer<'s> {
    suite: &'s ClearSuite,
    context: CCtx<'static>,
}

impl ClearSuite {
    pub(crate) fn new(dictionaries: &[Dictionary]) -> Self {
        let encoder = dictionaries
            .last()
            .map(|last| (last.id, CDict::create(&last.bytes, LEVEL)));
        let decoders = dictionaries
            .iter()
            .map(|one| (one.id, DDict::create(&one.bytes)))
            .collect();
        Self {
            encoder,
            decoders,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn sealer(&self) -> Sealer<'_> {
        Sealer {
            suite: self,
            context: CCtx::create(),
        }
    }

    /// Takes a payload's stored bytes apart. Call it only for bytes whose digest was checked.
    pub(crate) fn open(&self, stored: &[u8]) -> Result<Payload, &'static str> {
        let (head, packed) = stored
            .split_at_checked(HEAD)
            .ok_or("a payload that is too short")?;
        if head[0] != SUITE {
            return Err("a payload of another suite");
        }
        self.open_frame(head[1], packed)
    }

    /// Takes packed content apart, as it comes out of a sealed payload.
    pub(crate) fn open_packed(&self, packed: &[u8]) -> Result<Payload, &'static str> {
        let (dictionary, packed) = packed.split_first().ok_or("a payload that is too short")?;
        self.open_frame(*dictionary, packed)
    }

    fn open_frame(&self, dictionary: u8, packed: &[u8]) -> Result<Payload, &'static str> {
        let frame = self.unpack(dictionary, packed)?;
        read_frame(&frame).map_err(|_| "a payload whose frame is not in its format")
    }

    fn unpack(&self, dictionary: u8, packed: &[u8]) -> Result<Vec<u8>, &'static str> {
        let size = get_frame_content_size(packed)
            .ok()
            .flatten()
            .ok_or("a payload without a size")?;
        let size = usize::try_from(size).ok().filter(|size| *size <= MAX_FRAME);
        let mut frame = Vec::with_capacity(size.ok_or("a payload that is too large")?);
        let mut context = self.idle().pop().unwrap_or_default();
        let result = match dictionary {
            0 => context.decompress(&mut frame, packed),
            id => {
                let dictionary = self
                    .decoders
                    .get(&id)
                    .ok_or("a payload of a dictionary that is not here")?;
                context.decompress_using_ddict(&mut frame, packed, dictionary)
            }
        };
        self.idle().push(context);
        result
            .map(|_| frame)
            .map_err(|_| "a payload that does not decompress")
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<DCtx<'static>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sealer<'_> {
    /// The bytes to store for a payload of suite 0.
    pub(crate) fn seal(&mut self, payload: &Payload, salt: &Salt) -> Result<Vec<u8>, &'static str> {
        let mut stored = vec![SUITE, self.dictionary()];
        stored.extend_from_slice(salt);
        self.append_frame(stored, payload)
    }

    /// What suite 1 seals.
    pub(crate) fn pack(&mut self, payload: &Payload) -> Result<Vec<u8>, &'static str> {
        let packed = vec![self.dictionary()];
        self.append_frame(packed, payload)
    }

    fn dictionary(&self) -> u8 {
        self.suite.encoder.as_ref().map_or(0, |(id, _)| *id)
    }

    fn append_frame(
        &mut self,
        mut head: Vec<u8>,
        payload: &Payload,
    ) -> Result<Vec<u8>, &'static str> {
        if payload.body.len() > MAX_BODY || payload.mapping.len() > MAX_MAPPING {
            return Err("its payload is too large");
        }
        let frame = write_frame(payload);
        let mut packed = Vec::with_capacity(compress_bound(frame.len()));
        match &self.suite.encoder {
            Some((_, dictionary)) => {
                self.context
                    .compress_using_cdict(&mut packed, &frame, dictionary)
            }
            None => self.context.compress(&mut packed, &frame, LEVEL),
        }
        .map_err(|_| "its payload cannot be compressed")?;
        head.extend_from_slice(&packed);
        Ok(head)
    }
}

fn write_frame(payload: &Payload) -> Vec<u8> {
    let mut writer = Writer::append_to(Vec::with_capacity(payload.body.len() + 64));
    writer
        .array(3)
        .text(&payload.mapping)
        .bytes(&payload.mapping_digest)
        .bytes(&payload.body);
    writer.into_bytes()
}

fn read_frame(frame: &[u8]) -> Result<Payload, DecodeError> {
    let mut reader = Reader::new(frame);
    reader.tuple(3)?;
    let payload = Payload {
        mapping: reader.text(MAX_MAPPING)?.to_owned(),
        mapping_digest: reader.fixed()?,
        body: reader.bytes(MAX_BODY)?.to_vec(),
    };
    reader.finish()?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dictionary(id: u8) -> Dictionary {
        Dictionary {
            id,
            bytes: [b"{\"resourceType\":\"Observation\",".as_slice(), &[id; 200]]
                .concat()
                .into(),
        }
    }

    fn payload(body: Vec<u8>) -> Payload {
        Payload {
            body,
            mapping: "visit-bp".to_owned(),
            mapping_digest: [7; 32],
        }
    }

    /// The zstd library may pack otherwise in a later version; what it unpacks to is the format.
    #[test]
    fn the_format_does_not_change_by_accident() {
        let frame = write_frame(&payload(b"{}".to_vec()));
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let expected = format!("83{}5820{}427b7d", "6876697369742d6270", "07".repeat(32));
        assert_eq!(hex(&frame), expected);
        let stored = ClearSuite::new(&[])
            .sealer()
            .seal(&payload(b"{}".to_vec()), &[9; 16])
            .unwrap();
        assert_eq!(
            hex(&stored[..22]),
            format!("0000{}28b52ffd", "09".repeat(16))
        );
    }

    #[test]
    fn equal_payloads_under_other_salts_share_no_bytes_of_their_commitment() {
        let suite = ClearSuite::new(&[]);
        let mut sealer = suite.sealer();
        let one = sealer.seal(&payload(vec![1; 99]), &[1; 16]).unwrap();
        let other = sealer.seal(&payload(vec![1; 99]), &[2; 16]).unwrap();
        assert_ne!(one, other);
        assert_eq!(suite.open(&one), suite.open(&other));
    }

    #[test]
    fn new_payloads_use_the_last_dictionary_and_old_ones_stay_readable() {
        let old = ClearSuite::new(&[dictionary(1)]);
        let sealed = old
            .sealer()
            .seal(&payload(b"{}".to_vec()), &[0; 16])
            .unwrap();
        let new = ClearSuite::new(&[dictionary(1), dictionary(2)]);
        assert_eq!(new.open(&sealed), Ok(payload(b"{}".to_vec())));
        assert_eq!(
            new.sealer()
                .seal(&payload(b"{}".to_vec()), &[0; 16])
                .unwrap()[1],
            2
        );
        assert_eq!(
            ClearSuite::new(&[]).open(&sealed),
            Err("a payload of a dictionary that is not here")
        );
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused() {
        let suite = ClearSuite::new(&[]);
        let large = payload(vec![0; MAX_BODY + 1]);
        assert_eq!(
            suite.sealer().seal(&large, &[0; 16]),
            Err("its payload is too large")
        );
        let most = payload(vec![0; MAX_BODY]);
        let sealed = suite.sealer().seal(&most, &[0; 16]).unwrap();
        assert_eq!(suite.open(&sealed), Ok(most));
    }

    proptest! {
        #[test]
        fn a_payload_survives_its_bytes(body: Vec<u8>, salt: [u8; 16], with_dictionary: bool) {
            let dictionaries = with_dictionary.then(|| dictionary(9));
            let suite = ClearSuite::new(dictionaries.as_slice());
            let sealed = suite.sealer().seal(&payload(body.clone()), &salt).unwrap();
            prop_assert_eq!(suite.open(&sealed), Ok(payload(body.clone())));
            let packed = suite.sealer().pack(&payload(body.clone())).unwrap();
            prop_assert_eq!(suite.open_packed(&packed), Ok(payload(body)));
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(mut bytes: Vec<u8>, honest_head: bool) {
            if honest_head && bytes.len() > 1 {
                bytes[..2].fill(0);
            }
            let _ = ClearSuite::new(&[]).open(&bytes);
            let _ = ClearSuite::new(&[]).open_packed(&bytes);
        }
    }
}
