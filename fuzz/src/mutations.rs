// SPDX-License-Identifier: Apache-2.0
//! The targets without a fuzzer, as the tests run them: over the corpus, and over mutations of it. Every target's
//! first seed is printed, and [`REPLAYED`] replays the one that broke.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A target's name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// How long the mutations of one target run.
const TIME: Duration = Duration::from_secs(3);
/// Set to a seed that was printed, to see its mutation again.
const REPLAYED: Option<u64> = None;
/// Set to write the good objects of today's formats into the corpus, for whoever changed a format.
const WRITE: bool = false;

/// A target's name, and one good object.
pub type Good = (&'static str, Vec<u8>);

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

/// Writes each good object into the corpus, the first of a target as `good`.
pub fn write(good: &[Good]) {
    for (number, (target, bytes)) in good.iter().enumerate() {
        let earlier = good[..number].iter().filter(|(name, _)| name == target);
        let name = match earlier.count() {
            0 => "good".to_owned(),
            count => format!("good-{}", count + 1),
        };
        fs::create_dir_all(corpus(target)).expect("made");
        fs::write(corpus(target).join(name), bytes).expect("written");
    }
}

/// Runs every target over its corpus, which must hold its good objects.
pub fn replay(targets: &[Target], good: &[Good]) {
    if WRITE {
        write(good);
    }
    for (name, run) in targets {
        let seeds = seeds(name);
        let mut good = good.iter().filter(|(target, _)| target == name).peekable();
        assert!(good.peek().is_some(), "say what a good {name} is");
        for (_, good) in good {
            assert!(
                seeds.iter().any(|(_, bytes)| bytes == good),
                "fuzz/corpus/{name} lacks a good object of today's format: set WRITE in fuzz/src/mutations.rs"
            );
        }
        for (path, bytes) in seeds {
            eprintln!("{}", path.display());
            run(&bytes);
        }
    }
}

/// Runs every target over mutations of its corpus, several targets at once.
pub fn mutate(targets: &[Target]) {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = clock.expect("after 1970").as_nanos();
    let first = u64::try_from(nanos & u128::from(u64::MAX)).expect("64 bits");
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = targets.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for part in targets.chunks(share) {
            scope.spawn(move || {
                for target in part {
                    mutations_of(target, first);
                }
            });
        }
    });
}

fn mutations_of((name, run): &Target, first: u64) {
    let corpus: Vec<Vec<u8>> = seeds(name).into_iter().map(|(_, bytes)| bytes).collect();
    let started = Instant::now();
    let mut rounds = 0_u64;
    while started.elapsed() < TIME {
        let seed = REPLAYED.unwrap_or(first.wrapping_add(rounds));
        let mut dice = Dice(seed);
        let mut bytes = corpus[dice.below(corpus.len())].clone();
        let other = &corpus[dice.below(corpus.len())];
        for _ in 0..=dice.below(4) {
            dice.mutate(&mut bytes, other);
        }
        let broken = std::panic::catch_unwind(|| run(&bytes)).is_err();
        assert!(!broken, "seed {seed} breaks {name}");
        rounds += 1;
    }
    println!("{name}: {rounds} mutations from seed {first}");
    assert!(rounds > 20, "only {rounds} mutations of {name} in {TIME:?}");
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
