// SPDX-License-Identifier: Apache-2.0
//! A ledger that looks after itself: what reads, writes and the scrub meet that is damaged goes on the list, and
//! is mended: from the ledger's own whole parts, with what other members have, or, where the file itself is
//! damaged, by a new file in its place.
//!
//! A page of an encrypted file that was changed cannot be read at all, and SQLite can neither drop nor overwrite
//! it without reading it. So everything that can be read is put into a new file, through the same door through
//! which every block comes; what cannot be is asked of other members first; and the new file takes the place of
//! the old one while the gateway runs. Versions, tree, look-ups and the search index follow from the blocks.
//!
//! [`Salvage`] reads what is left, [`replay`] and [`carry`] write, [`swap`] exchanges, [`start`] does the same for
//! a file that cannot even be opened.

mod carry;
mod replay;
mod salvage;
mod start;
mod swap;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use silsila_chain::{Block, Height, PayloadDigest, sha256};

use crate::notice::Seen;
use crate::verify::{By, OWN};
use crate::{Fault, Place, Store, StoreError, Tended};
use salvage::{Found, Salvage, Whole};

/// So many faults that were met wait to be listed.
const NOTICED: usize = 256;
/// So many places are asked for at a time.
const ASKED: usize = 512;
/// For payloads that nobody has, a new file is not held up longer than this, in milliseconds.
const PATIENCE_MS: u64 = 60_000;
/// Between two attempts to make the file anew, in milliseconds: the last one may have failed for a reason that stays.
const AGAIN_MS: u64 = 10_000;
/// Payloads from other members are kept in memory up to so many bytes; more are fetched behind the exchange.
const SPARE_BYTES: usize = 64 << 20;
/// The pages of the file are looked at in one out of so many parts of the time.
const PAGES_SHARE: u32 = 50;

/// What other members are to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Torn {
    /// Blocks, by height.
    pub blocks: Vec<Height>,
    /// Payloads, by entry and digest.
    pub payloads: Vec<(u64, PayloadDigest)>,
}

/// What was met, and how far the mending is.
#[derive(Default)]
pub(crate) struct Care {
    noticed: Vec<(Fault, u64)>,
    /// Whether the file itself is damaged.
    file: bool,
    survey: Option<Survey>,
    /// When the file was last made anew, or it was tried.
    tried_ms: u64,
    pages: Pages,
}

/// When the file's pages were looked at last, and how long it took.
#[derive(Default)]
struct Pages(Option<(Instant, Duration)>);

/// What cannot be read of a damaged file, and what others have sent of it.
struct Survey {
    since_ms: u64,
    blocks: BTreeSet<u64>,
    payloads: BTreeMap<u64, PayloadDigest>,
    spares: Spares,
}

/// What others have sent, and who.
#[derive(Default)]
struct Spares {
    blocks: BTreeMap<u64, (Block, String)>,
    payloads: HashMap<PayloadDigest, (Vec<u8>, String)>,
    bytes: usize,
}

impl Spares {
    fn has(&self, height: u64) -> bool {
        self.blocks.contains_key(&height)
    }
}

impl Survey {
    fn torn(&self) -> Torn {
        let blocks = self.blocks.iter().copied();
        let blocks = blocks.filter(|height| !self.spares.blocks.contains_key(height));
        let payloads = self.payloads.iter().map(|(seq, digest)| (*seq, *digest));
        let payloads = payloads.filter(|(_, digest)| !self.spares.payloads.contains_key(digest));
        Torn {
            blocks: blocks.map(Height).take(ASKED).collect(),
            payloads: payloads.take(ASKED).collect(),
        }
    }

    /// How many blocks, and how many payloads, must still come.
    fn outstanding(&self) -> (usize, usize) {
        let full = self.spares.bytes >= SPARE_BYTES;
        let has = |digest: &PayloadDigest| self.spares.payloads.contains_key(digest);
        let payloads = self.payloads.values().filter(|digest| !has(digest));
        (
            self.blocks.len() - self.spares.blocks.len(),
            if full { 0 } else { payloads.count() },
        )
    }
}

fn file_fault(what: String) -> Fault {
    let place = Place {
        table: "sqlite",
        ..Place::default()
    };
    Fault { place, what }
}

fn payload_fault(entry: u64) -> Fault {
    let place = Place {
        table: "ledger_payload",
        entry: Some(entry),
        ..Place::default()
    };
    let what = "the payload cannot be read".to_owned();
    Fault { place, what }
}

impl Care {
    /// Notes that the file itself is damaged.
    pub(crate) fn page(&mut self) {
        if !self.file {
            self.file = true;
            let fault = file_fault("a page of the file cannot be read".to_owned());
            self.noticed.push((fault, 0));
        }
    }
}

impl Store {
    /// Takes note of what a read or a write met.
    pub(crate) fn met(&self, seen: Seen) {
        if seen.is_empty() {
            return;
        }
        let now = self.now_ms();
        let mut care = self.care();
        if seen.page {
            care.page();
        }
        for fault in seen.faults {
            // What has neither is named again by whoever knows where he was.
            if fault.place.height.is_none() && fault.place.entry.is_none() {
                continue;
            }
            let known = care.noticed.iter().any(|(known, _)| *known == fault);
            if !known && care.noticed.len() < NOTICED {
                care.noticed.push((fault, now));
            }
        }
    }

    /// Whether something that a read met waits to be mended: [`Store::tend`] need not wait for its turn then.
    #[must_use]
    pub fn is_hurt(&self) -> bool {
        let care = self.care();
        care.file || !care.noticed.is_empty()
    }

    /// What other members are to be asked for, so that this ledger can be mended. What they send is taken by
    /// [`Store::mend_block`] and [`Store::mend_payload`].
    ///
    /// # Errors
    /// Where the database fails.
    pub fn torn(&self) -> Result<Torn, StoreError> {
        if let Some(survey) = &self.care().survey {
            return Ok(survey.torn());
        }
        let (mut torn, mut entries) = (Torn::default(), Vec::new());
        for one in self.damage(ASKED as u32)? {
            if one.repaired_ms.is_some() {
                continue;
            }
            match (one.height, one.entry) {
                (_, Some(entry)) if one.table == "ledger_payload" => entries.push(entry),
                (Some(height), _) if height > 0 => torn.blocks.push(Height(height)),
                _ => {}
            }
        }
        torn.blocks.sort_unstable();
        torn.blocks.dedup();
        for entry in entries {
            let digest = self.read(|conn| self.0.reading.locate(conn, entry));
            match digest {
                Ok(located) => {
                    let payload = located.entry.entry.payload();
                    torn.payloads
                        .extend(payload.map(|payload| (entry, payload.digest)));
                }
                Err(StoreError::Damaged { .. } | StoreError::UnknownEntry { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(torn)
    }

    /// Mends a block with the one that a member sent; says whether it was of use. Nothing in it is believed.
    ///
    /// # Errors
    /// Where it does not hold; where the database fails.
    pub fn mend_block(&self, block: &Block, from: &str) -> Result<bool, StoreError> {
        let Ok(header) = silsila_chain::BlockHeader::decode(&block.header) else {
            return Ok(false);
        };
        let height = header.height.0;
        let asked = (self.care().survey.as_ref())
            .map(|survey| survey.blocks.contains(&height) && !survey.spares.has(height));
        if let Some(asked) = asked {
            return if asked {
                self.keep_spare(block, from)
            } else {
                Ok(false)
            };
        }
        let now_ms = self.now_ms();
        self.repair_block_by(block, By { now_ms, from })?;
        Ok(true)
    }

    /// Keeps a block for the new file. Whether it is certified and the one of its height is judged when it is
    /// applied; which of its payloads must come too is known only now.
    fn keep_spare(&self, block: &Block, from: &str) -> Result<bool, StoreError> {
        let header = silsila_chain::BlockHeader::decode(&block.header);
        let Some(height) = header.ok().map(|header| header.height) else {
            return Ok(false);
        };
        let Some(whole) = Whole::of(block.clone(), self.channel(), height) else {
            return Ok(false);
        };
        let mut salvage = Salvage::new(self.0.file.clone());
        let gone = gone(&mut salvage, &whole)?;
        if let Some(survey) = &mut self.care().survey {
            survey.payloads.extend(gone);
            let spare = (whole.block, from.to_owned());
            survey.spares.blocks.insert(height.0, spare);
        }
        Ok(true)
    }

    /// Mends the payload of an entry with the bytes that a member sent.
    ///
    /// # Errors
    /// Where they are not those committed; where the database fails.
    pub fn mend_payload(&self, entry: u64, bytes: &[u8], from: &str) -> Result<(), StoreError> {
        if let Some(survey) = &mut self.care().survey {
            let digest = PayloadDigest(sha256(bytes));
            if survey.payloads.get(&entry) == Some(&digest) && survey.spares.bytes < SPARE_BYTES {
                survey.spares.bytes += bytes.len();
                let spare = (bytes.to_vec(), from.to_owned());
                survey.spares.payloads.insert(digest, spare);
            }
            return Ok(());
        }
        let now_ms = self.now_ms();
        self.repair_payload_by(entry, bytes, By { now_ms, from })
    }

    /// One step of looking after this ledger: lists what was met, scrubs about so many `entries`, mends what can
    /// be mended without others, and makes the file anew where it is damaged and everything for it is here.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn tend(&self, entries: u64, now_ms: u64) -> Result<Tended, StoreError> {
        let mut tended = Tended {
            faults: self.list_noticed(),
            ..Tended::default()
        };
        if !self.care().file {
            let scrubbed = self.scrub(entries, now_ms);
            match scrubbed {
                Ok(step) => {
                    if step.round_ended {
                        tended.faults.extend(self.look_at_pages(now_ms)?);
                    }
                    self.care().file |= step.faults.iter().any(|one| one.place.table == "index");
                    tended.faults.extend(step.faults);
                }
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            if !self.care().file {
                let mended = |fault: &&Fault| self.mend_from_own(fault, now_ms);
                tended.mended = tended.faults.iter().filter(mended).count() as u64;
            }
        }
        if self.care().file {
            self.mend_file(now_ms, &mut tended)?;
        }
        Ok(tended)
    }

    /// Puts what was met on the list; where the list itself cannot be written, that waits.
    fn list_noticed(&self) -> Vec<Fault> {
        let noticed = std::mem::take(&mut self.care().noticed);
        let mut listed = Vec::new();
        for (fault, found_ms) in noticed {
            let found_ms = if found_ms == 0 {
                self.now_ms()
            } else {
                found_ms
            };
            match self.record_damage(std::slice::from_ref(&fault), found_ms) {
                Ok(()) => listed.push(fault),
                Err(_) => self.care().noticed.push((fault, found_ms)),
            }
        }
        listed
    }

    /// Authenticates every page of the file, for a small part of the time.
    fn look_at_pages(&self, now_ms: u64) -> Result<Vec<Fault>, StoreError> {
        let due = (self.care().pages.0).is_none_or(|(at, took)| at.elapsed() >= took * PAGES_SHARE);
        if !due {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let faults = self.damaged_pages()?;
        let mut care = self.care();
        care.pages = Pages(Some((Instant::now(), began.elapsed())));
        if faults.is_empty() {
            return Ok(faults);
        }
        care.file = true;
        let waiting = faults.iter().map(|fault| (fault.clone(), now_ms));
        care.noticed.extend(waiting.take(NOTICED));
        drop(care);
        self.list_noticed();
        Ok(faults)
    }

    /// Writes anew what follows from parts that are whole; what does not stays on the list.
    fn mend_from_own(&self, fault: &Fault, now_ms: u64) -> bool {
        match fault.place.height {
            Some(Height(0)) => self.repair_genesis(now_ms).is_ok(),
            Some(height) => (self.block(height).ok().flatten())
                .and_then(|block| self.repair_block(&block, now_ms).ok())
                .is_some_and(|left| left.is_empty()),
            None => false,
        }
    }

    fn mend_file(&self, now_ms: u64, tended: &mut Tended) -> Result<(), StoreError> {
        let tried_ms = self.care().tried_ms;
        if tried_ms > 0 && now_ms < tried_ms + AGAIN_MS {
            return Ok(());
        }
        if self.care().survey.is_none() {
            let survey = self.survey(now_ms)?;
            tended.faults.extend(self.list_survey(&survey, now_ms));
            self.care().survey = Some(survey);
        }
        let (blocks, payloads, since) = match &self.care().survey {
            Some(survey) => {
                let (blocks, payloads) = survey.outstanding();
                (blocks, payloads, survey.since_ms)
            }
            None => return Ok(()),
        };
        tended.waits_for = (blocks + payloads) as u64;
        let alone = self.genesis().is_alone();
        let patient = alone || now_ms < since + PATIENCE_MS;
        if blocks > 0 || (payloads > 0 && patient) {
            return Ok(());
        }
        self.care().tried_ms = now_ms;
        tended.rebuilt = self.rebuild(now_ms)?;
        Ok(())
    }

    /// Goes through the whole chain for what cannot be read of it.
    fn survey(&self, since_ms: u64) -> Result<Survey, StoreError> {
        let tip = self.0.write(|writer| Ok(writer.chain.height()))?;
        let mut salvage = Salvage::new(self.0.file.clone());
        let mut survey = Survey {
            since_ms,
            blocks: BTreeSet::new(),
            payloads: BTreeMap::new(),
            spares: Spares::default(),
        };
        for height in 1..=tip.0 {
            let Some(whole) = salvage.block(self.channel(), Height(height))? else {
                survey.blocks.insert(height);
                continue;
            };
            survey.payloads.extend(gone(&mut salvage, &whole)?);
        }
        Ok(survey)
    }

    fn list_survey(&self, survey: &Survey, now_ms: u64) -> Vec<Fault> {
        let blocks = survey.blocks.iter().map(|height| Fault {
            place: Place {
                table: "ledger_block",
                height: Some(Height(*height)),
                ..Place::default()
            },
            what: "the block cannot be read".to_owned(),
        });
        let payloads = survey.payloads.keys().map(|entry| payload_fault(*entry));
        let faults: Vec<Fault> = blocks.chain(payloads).take(NOTICED).collect();
        let waiting = faults.iter().map(|fault| (fault.clone(), now_ms));
        self.care().noticed.extend(waiting);
        self.list_noticed();
        faults
    }

    fn now_ms(&self) -> u64 {
        let clock = self.0.options.as_ref().map(|options| &options.clock);
        clock.map_or(0, |clock| clock.now_ms())
    }

    fn care(&self) -> MutexGuard<'_, Care> {
        self.0.care.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Payloads of a block that were here and cannot be read any more.
fn gone(salvage: &mut Salvage, whole: &Whole) -> Result<Vec<(u64, PayloadDigest)>, StoreError> {
    let mut gone = Vec::new();
    for one in whole.payloads() {
        if matches!(salvage.payload(&one)?, Found::Gone) {
            gone.push((one.0, one.1.digest));
        }
    }
    Ok(gone)
}

/// By whom everything was repaired that came from `spares`.
fn givers(spares: &Spares) -> String {
    let blocks = spares.blocks.values().map(|(_, from)| from);
    let payloads = spares.payloads.values().map(|(_, from)| from);
    let all: BTreeSet<&String> = blocks.chain(payloads).collect();
    match all.len() {
        0 => OWN.to_owned(),
        _ => all.into_iter().cloned().collect::<Vec<_>>().join(", "),
    }
}
