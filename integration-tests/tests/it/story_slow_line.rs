// SPDX-License-Identifier: Apache-2.0
//! A hospital at the end of a slow, far and lossy line comes to the network with nothing: 2 Mbit/s down, 0.5 up, 200 ms
//! there and back, 2% of segments lost. While it fetches what there is, what the others write reaches it in time.
//!
//! The line is a model in this process (`relay.rs`), since few kernels of test machines have a queue that delays and
//! loses: rate, delay, the pause after a lost segment, and 62 kB/s for one connection, which is what losses leave of it
//! (Mathis and others, 1997: 1.22 segments of 1,448 bytes a round trip, over the root of the loss).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use silsila_integration_tests::dice::Dice;
use silsila_integration_tests::free_port;
use silsila_integration_tests::network::Terms;
use silsila_integration_tests::relay::{Entrance, Lane, Line, Place, carry};

use crate::story_four::{FIRST, Founding, Four, PATIENCE, comes};

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;
const PATIENTS: u32 = 1_500;
/// Rows of one transaction, so that the chain has many blocks.
const CHUNK: u32 = 100;
/// Who lives far away.
const FAR: usize = 3;
/// The pause between two rows that the hospital writes.
const PACE: Duration = Duration::from_millis(400);
/// How soon a change is to be seen, of twenty the second slowest.
const SOON: Duration = Duration::from_secs(10);
/// So long nothing happens, and bytes are counted.
const IDLE: Duration = Duration::from_secs(45);

/// Connections that go over the line: the port in front, the port behind, and whether who lives far away is behind.
type Wires = Rc<RefCell<Vec<(u16, u16, bool)>>>;

fn terms(wires: &Wires) -> Terms {
    let wires = Rc::clone(wires);
    Terms {
        reaches: Box::new(move |from, to, port| {
            if from != FAR && to != FAR {
                return format!("127.0.0.1:{port}");
            }
            let front = free_port().unwrap();
            wires.borrow_mut().push((front, port, to == FAR));
            format!("127.0.0.1:{front}")
        }),
        ..Terms::default()
    }
}

/// Lays the line, which lies until the process ends.
fn lay(wires: &Wires, dice: &mut Dice) -> [Arc<Lane>; 2] {
    let half = Duration::from_millis(100);
    let lanes = [250_000.0, 62_500.0].map(|rate| {
        let dice = Dice::new("story_slow_line, a lane", Some(dice.throw()));
        Arc::new(Lane::new(rate, 62_000.0, half, 20, dice))
    });
    let (wires, [down, up]) = (wires.borrow().clone(), lanes.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            let place = |port: u16| Place::of(&format!("127.0.0.1:{port}"));
            let mut all = tokio::task::JoinSet::new();
            for (front, behind, inward) in wires {
                let (there, back) = if inward { (&down, &up) } else { (&up, &down) };
                let (there, back) = (Arc::clone(there), Arc::clone(back));
                let entrance = Entrance::at(&place(front)).await.unwrap();
                all.spawn(carry(entrance, place(behind), Some(Line { there, back })));
            }
            while all.join_next().await.is_some() {}
        });
    });
    lanes
}

/// Where the arriving member stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It lacks blocks.
    Blocks,
    /// It has all blocks and lacks payloads.
    Payloads,
    /// It lacks nothing.
    Level,
}

fn phase(four: &Four) -> Phase {
    let Some(report) = four.gateways[FAR].look() else {
        return Phase::Blocks;
    };
    let channel = &report["channels"][0];
    let number = |name: &str| channel[name].as_u64().unwrap_or(0);
    // A block or two are always on their way.
    if number("height") == 0 || number("height") + 3 < number("seen") {
        return Phase::Blocks;
    }
    if number("lacking") > 0 {
        Phase::Payloads
    } else {
        Phase::Level
    }
}

/// Every change's phase when it was written, and how long it took to be served far away. The changes are new patients:
/// what is new of a patient known before is opened once the key of that time has been fetched. A change lies behind
/// all older blocks, so that none can be served while those are missing.
async fn live(four: &Four) -> Vec<(Phase, Duration)> {
    let (mut seen, mut open, began) = (Vec::new(), Vec::new(), Instant::now());
    let (mut last, mut level, mut next) = (None, 0, FIRST + PATIENTS);
    let mut due = began;
    while level < 10 {
        if Instant::now() >= due {
            due = Instant::now() + PACE;
            let now = phase(four);
            if last.replace(now) != Some(now) {
                eprintln!("story_slow_line: {now:?} after {:?}", began.elapsed());
            }
            comes(&four.server, &four.hospital.database, next).await;
            open.push((next, now, Instant::now()));
            next += 1;
        }
        // One that comes late hides none that come before it.
        let mut waits = Vec::new();
        for (patient, phase, at) in open {
            if four.serves(FAR, 0, patient, "House 0").await {
                seen.push((phase, at.elapsed()));
                level += u32::from(phase == Phase::Level);
            } else {
                waits.push((patient, phase, at));
            }
        }
        open = waits;
        assert!(
            began.elapsed() < 2 * PATIENCE,
            "{:#?}",
            four.gateways[FAR].look()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seen
}

fn p95(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times
        .get((times.len() * 95).div_ceil(100).checked_sub(1)?)
        .copied()
}

#[tokio::test]
async fn over_a_slow_line_what_is_new_arrives_in_time_while_the_rest_is_fetched() {
    let mut dice = Dice::new("story_slow_line", SEED);
    let wires = Wires::default();
    let mut four = Four::found(Founding {
        patients: Some(PATIENTS),
        absent: 1,
        terms: terms(&wires),
        prepare: Box::new(|configs| configs[0].chunk_rows = CHUNK),
        ..Founding::of("story_slow_line")
    })
    .await;
    let [down, up] = lay(&wires, &mut dice);
    let grown = four.level().await;
    four.arrives();
    let seen = live(&four).await;
    let carried = [&down, &up].map(|lane| lane.carried());
    eprintln!(
        "story_slow_line: {} entries and {} changes meanwhile; {:.1} MB down, {:.1} MB up",
        grown["entries"],
        seen.len(),
        carried[0] as f64 / 1e6,
        carried[1] as f64 / 1e6
    );
    for of in [Phase::Blocks, Phase::Payloads, Phase::Level] {
        let times: Vec<Duration> = seen
            .iter()
            .filter(|(phase, _)| *phase == of)
            .map(|(_, time)| *time)
            .collect();
        eprintln!(
            "story_slow_line: {} changes while in {of:?}: p95 {:?}",
            times.len(),
            p95(times)
        );
    }
    let times = seen
        .iter()
        .filter(|(phase, _)| *phase != Phase::Blocks)
        .map(|(_, time)| *time);
    assert!(p95(times.collect()).unwrap() < SOON, "{seen:?}");

    four.level().await;
    let before = down.carried() + up.carried();
    let began = Instant::now();
    tokio::time::sleep(IDLE).await;
    let bytes = (down.carried() + up.carried() - before) as f64;
    let a_day = bytes / began.elapsed().as_secs_f64() * 86_400.0;
    eprintln!(
        "story_slow_line: {:.1} MB a day over the line while nothing happens",
        a_day / 1e6
    );
    four.one_chain();
}
