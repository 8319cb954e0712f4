// SPDX-License-Identifier: Apache-2.0
//! The fuzz targets without a fuzzer: over the corpus, and over mutations of it for ten seconds. Every
//! round's seed is printed, and [`REPLAYED`] replays it.

#[path = "../../../../fuzz/src/targets.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sample;
use targets::TARGETS;

/// How long mutations run, over all targets together.
const TIME: Duration = Duration::from_secs(10);
/// Set to a seed that was printed, to see its mutations again.
const REPLAYED: Option<u64> = None;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target)
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(corpus(target))
        .unwrap_or_else(|error| panic!("{}: {error}", corpus(target).display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("readable");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

struct Dice(u64);

impl Dice {
    /// splitmix64 (Steele, Lea, Flood, 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("below a size in memory")
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        match self.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 0xff, 0x7f, 0x80, 0x9f, 0x5b][self.below(6)],
            2 => bytes.truncate(at),
            3 => bytes.insert(at, self.next().to_le_bytes()[0]),
            4 if at < bytes.len() => _ = bytes.remove(at),
            5 => {
                let from = self.below(other.len() + 1);
                let part = &other[from..(from + self.below(40)).min(other.len())];
                bytes.splice(at..at, part.iter().copied());
            }
            _ => {
                let end = (at + self.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[test]
fn the_corpus_holds_a_good_object_for_every_target_and_breaks_none() {
    for (name, run) in TARGETS {
        let seeds = seeds(name);
        let (_, good) = (sample::good().into_iter())
            .find(|(target, _)| *target == name)
            .unwrap_or_else(|| panic!("say in tests/it/sample.rs what a good {name} is"));
        assert!(
            seeds.iter().any(|(_, bytes)| *bytes == good),
            "fuzz/corpus/{name} has no good object of today's format: run the example `corpus`"
        );
        for (path, bytes) in seeds {
            eprintln!("{}", path.display());
            run(&bytes);
        }
    }
}

#[test]
fn mutations_of_the_corpus_break_no_target() {
    let corpora: Vec<Vec<Vec<u8>>> = TARGETS
        .iter()
        .map(|(name, _)| seeds(name).into_iter().map(|(_, bytes)| bytes).collect())
        .collect();
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = clock.expect("after 1970").as_nanos();
    let first = u64::try_from(nanos & u128::from(u64::MAX)).expect("64 bits");
    let started = Instant::now();
    let mut rounds = 0_u64;
    while started.elapsed() < TIME {
        let seed = REPLAYED.unwrap_or(first.wrapping_add(rounds));
        let mut dice = Dice(seed);
        let target = dice.below(TARGETS.len());
        let (name, run) = TARGETS[target];
        let corpus = &corpora[target];
        let mut bytes = corpus[dice.below(corpus.len())].clone();
        let other = &corpus[dice.below(corpus.len())];
        for _ in 0..=dice.below(4) {
            dice.mutate(&mut bytes, other);
        }
        let broken = std::panic::catch_unwind(|| run(&bytes)).is_err();
        assert!(!broken, "seed {seed} breaks {name}");
        rounds += 1;
    }
    println!("{rounds} mutations from seed {first}");
    assert!(rounds > 1000, "only {rounds} mutations in {TIME:?}");
}
