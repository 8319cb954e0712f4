// SPDX-License-Identifier: Apache-2.0
//! Two hospitals' gateways write as fast as their database changes, and gateways are killed with `kill -9` under
//! it: one that only validates, one that writes, and all four at once. What was changed is one version each at
//! every gateway, there is one chain, and whatever a gateway says of a transaction is true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use silsila_integration_tests::dice::Dice;
use silsila_integration_tests::gateway::Gateway;

use crate::story_four::{Answers, FIRST, Founding, Four, PATIENCE, moves};
use crate::story_watch::{Sight, Watch};

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;
/// Patients, each of whom changes once.
const PATIENTS: u32 = 800;
/// The hospital writes a row after a pause of so many milliseconds.
const PACE: std::ops::Range<u64> = 15..55;
/// With one of four gone, the longest time without a block; the product waits 3 s for a leader who is silent.
const WORST: Duration = Duration::from_secs(20);

/// The hospital's software, which writes and knows nothing of gateways.
struct Writer {
    written: Arc<AtomicU32>,
    /// It writes no further for now, so that on a slow machine enough is left for what is to come.
    gate: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    fn begin(four: &Four, mut dice: Dice) -> Self {
        let (server, database) = (Arc::clone(&four.server), four.hospital.database.clone());
        let written = Arc::new(AtomicU32::new(0));
        let gate = Arc::new(AtomicU32::new(0));
        let (count, limit) = (Arc::clone(&written), Arc::clone(&gate));
        let task = tokio::spawn(async move {
            for n in 0..PATIENTS {
                while n >= limit.load(Ordering::Acquire) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                moves(&server, &database, FIRST + n).await;
                count.store(n + 1, Ordering::Release);
                // The load itself, not a wait for something.
                tokio::time::sleep(Duration::from_millis(dice.within(PACE))).await;
            }
        });
        Self {
            written,
            gate,
            task,
        }
    }

    fn may_write(&self, rows: u32) {
        self.gate.store(rows, Ordering::Release);
    }

    /// Waits until so many rows were written.
    async fn reached(&self, rows: u32) {
        let until = Instant::now() + PATIENCE;
        while self.written.load(Ordering::Acquire) < rows {
            assert!(Instant::now() < until, "the hospital does not write");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// From when to when somebody was away.
struct Away {
    who: String,
    from: Instant,
    to: Instant,
}

/// Kills one under load and has it return when so many more rows are written, and the others have gone on: one that has
/// just returned may first have to learn where they are, and lead a view that they have given up.
async fn away(four: &mut Four, writer: &Writer, who: usize, rows: u32) -> Away {
    let from = Instant::now();
    four.gateways[who].kill().unwrap();
    let (height, before) = (height(four), writer.written.load(Ordering::Acquire));
    writer.reached(before + rows).await;
    while self::height(four) < height + 3 {
        assert!(from.elapsed() < WORST, "{} held the others up", who + 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let to = Instant::now();
    four.gateways[who].restart().await.unwrap();
    let ready = to.elapsed();
    let until = Instant::now() + PATIENCE;
    while !is_back(four, who) {
        assert!(Instant::now() < until, "{:#?}", four.gateways[who].look());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let who = format!("gateway {}", who + 1);
    let back = to.elapsed();
    eprintln!(
        "story_load: {who} served {ready:?} after its start, and was level with all heard after {back:?}"
    );
    Away { who, from, to }
}

/// The greatest height of those that live.
fn height(four: &Four) -> u64 {
    let reports = four.gateways.iter().filter_map(Gateway::look);
    let heights = reports.filter_map(|report| report["channels"][0]["height"].as_u64());
    heights.max().unwrap_or(0)
}

/// Whether all hear one another, and the one is level but for what has just been committed.
fn is_back(four: &Four, who: usize) -> bool {
    let reports: Vec<_> = four.gateways.iter().filter_map(Gateway::look).collect();
    let channel = |n: usize| &reports[n]["channels"][0];
    let number = |n: usize, name: &str| channel(n)[name].as_u64().unwrap_or(0);
    let heard = |n: usize| {
        channel(n)["heard"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
    };
    let tip = (0..reports.len()).map(|n| number(n, "height")).max();
    reports.len() == 4 && (0..4).all(heard) && Some(number(who, "height") + 2) >= tip
}

async fn all_away(four: &mut Four) -> Away {
    let from = Instant::now();
    Gateway::cut_power(&mut four.gateways).await.unwrap();
    let who = "all four".to_owned();
    Away {
        who,
        from,
        to: Instant::now(),
    }
}

/// Every patient has two versions of both hospitals at every gateway: as first written, and as changed.
async fn each_change_is_one_version(four: &Four) {
    let meant: BTreeMap<u32, Vec<String>> = (FIRST..FIRST + PATIENTS)
        .map(|n| (n, vec!["House 0".to_owned(), format!("House {n}")]))
        .collect();
    for of in 0..four.readers() {
        for gateway in 0..four.gateways.len() {
            let found = four.lives(gateway, of).await;
            for (patient, versions) in &meant {
                assert_eq!(
                    found.get(patient),
                    Some(versions),
                    "{patient} of {of} at {gateway}"
                );
            }
            assert_eq!(found.len(), meant.len());
        }
    }
}

fn tell(sight: &Sight, times: &[Away]) {
    for Away { who, from, to } in times {
        let (gap, blocks) = (sight.worst_gap(*from, *to), sight.blocks_in(*from, *to));
        eprintln!(
            "story_load: {who} away for {:?}: {blocks} blocks, worst gap {gap:?}",
            *to - *from
        );
    }
}

#[tokio::test]
async fn under_load_kills_lose_nothing_fork_nothing_and_every_answer_is_true() {
    let mut dice = Dice::new("story_load", SEED);
    let mut four = Four::found(Founding {
        patients: Some(PATIENTS),
        readers: 2,
        ..Founding::of("story_load")
    })
    .await;
    four.level().await;
    let watch = Watch::begin((0..4).map(|n| four.home(n)).collect());
    let writer = Writer::begin(&four, dice.clone());
    writer.may_write(100);
    writer.reached(40).await;
    let quiet = Away {
        who: "nobody".to_owned(),
        from: Instant::now(),
        to: Instant::now(),
    };
    writer.reached(100).await;
    let quiet = Away {
        to: Instant::now(),
        ..quiet
    };

    writer.may_write(400);
    let validator = usize::try_from(dice.within(2..4)).unwrap();
    let mut times = vec![quiet, away(&mut four, &writer, validator, 260).await];
    writer.may_write(640);
    let reader = usize::try_from(dice.within(0..2)).unwrap();
    times.push(away(&mut four, &writer, reader, 220).await);
    writer.may_write(PATIENTS);
    let sooner = u32::try_from(dice.within(20..60)).unwrap();
    writer
        .reached(writer.written.load(Ordering::Acquire) + sooner)
        .await;
    assert!(
        writer.written.load(Ordering::Acquire) < PATIENTS,
        "all that was under load"
    );
    times.push(all_away(&mut four).await);

    writer.reached(PATIENTS).await;
    writer.task.await.unwrap();
    let ended = Instant::now();
    for of in 0..four.readers() {
        for gateway in 0..4 {
            let last = FIRST + PATIENTS - 1;
            four.shows(gateway, of, last, &format!("House {last}"))
                .await;
        }
    }
    eprintln!(
        "story_load: the last row was everywhere {:?} after it was written",
        ended.elapsed()
    );
    four.level().await;
    each_change_is_one_version(&four).await;
    let sight = watch.end();
    tell(&sight, &times);
    for one in &times[1..3] {
        assert!(
            sight.worst_gap(one.from, one.to) < WORST,
            "{} held the others up",
            one.who
        );
        assert!(
            sight.blocks_in(one.from, one.to) > 1,
            "{}: the others went on",
            one.who
        );
    }

    let chain = four.one_chain();
    for (n, (store, seen)) in four.stores().iter().zip(&sight.seen).enumerate() {
        let answers = Answers::of(store, seen, &chain);
        eprintln!(
            "story_load: gateway {}: {answers:?} of {} on the chain",
            n + 1,
            chain.len()
        );
        assert_eq!(
            answers.committed > 20,
            n < four.readers(),
            "what wrote was watched"
        );
    }
    assert!(
        four.gateways
            .iter()
            .all(|gateway| Gateway::pid(gateway).is_none())
    );
}
