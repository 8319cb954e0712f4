// SPDX-License-Identifier: Apache-2.0
//! Files that were cut short or have other bits than were written: an answer or a coded error, never a panic that
//! reaches the caller, never an endless loop, and never a value in the error.

use std::time::{Duration, Instant};

use silsila_access::Access;
use silsila_source::{Source, SourceError};

use crate::place::{fixture, options, rows};

/// Numbers from a seed (SplitMix64), so that a failure can be played again.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }
}

/// The seed of this run, or the one that `SILSILA_TEST_SEED` plays again.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment of a test, not of the gateway"
)]
fn seed() -> u64 {
    let given = std::env::var("SILSILA_TEST_SEED").ok();
    given.and_then(|s| s.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    })
}

fn coded(error: &SourceError) {
    let text = error.to_string();
    assert!(text.starts_with(error.code()), "{text}");
    assert!(!text.contains("Khan") && !text.contains("xxxx"), "{text}");
}

/// Asks everything that the pipeline would. Answers how many tables could be read.
async fn ask_everything(file: &std::path::Path) -> usize {
    let mut quick = options(file);
    quick.attempts = 2;
    quick.pause = Duration::ZERO;
    let source = Access::new(quick);
    let schema = match source.schema().await {
        Ok(schema) => schema,
        Err(error) => {
            coded(&error);
            return 0;
        }
    };
    let mut read = 0;
    for table in &schema.tables {
        let key: Vec<&str> = match table.primary_key.as_slice() {
            [] => table
                .columns
                .iter()
                .take(1)
                .map(|c| c.name.as_str())
                .collect(),
            key => key.iter().map(String::as_str).collect(),
        };
        match rows(&source, &table.name, &key, 500).await {
            Ok(_) => read += 1,
            Err(error) => coded(&error),
        }
        if let Err(error) = source.count(&table.name).await {
            coded(&error);
        }
    }
    if let Err(error) = source.health().await {
        coded(&error);
    }
    read
}

#[tokio::test]
async fn a_file_cut_anywhere_gives_what_is_left_or_a_coded_error() {
    let seed = seed();
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().unwrap();
    for name in ["types-v2010.accdb", "types-v2003.mdb", "moved.mdb"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for round in 0..9 {
            let cut = match round {
                0 => 1,
                1 => 4_095,
                2 => 4_096,
                3 => whole.len() - 1,
                _ => dice.below(whole.len()),
            };
            let file = folder.path().join(format!("{name}-{round}"));
            std::fs::write(&file, &whole[..cut]).unwrap();
            println!("seed {seed}: {name} cut at {cut}");
            let begun = Instant::now();
            ask_everything(&file).await;
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "seed {seed}: {name} {cut}"
            );
        }
    }
}

#[tokio::test]
async fn flipped_bits_give_an_answer_or_a_coded_error_and_end_nothing() {
    let seed = seed();
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut read = 0;
    for name in [
        "types-v2010.accdb",
        "types-v2003.mdb",
        "moved.accdb",
        "kinds.accdb",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for round in 0..24 {
            let mut bytes = whole.clone();
            for _ in 0..=dice.below(1 << (round % 8)) {
                // Half of them where the catalogue and the definitions are.
                let end = if dice.below(2) == 0 {
                    bytes.len()
                } else {
                    30 * 4_096
                };
                let at = dice.below(end.min(bytes.len()));
                bytes[at] ^= 1 << dice.below(8);
            }
            let file = folder.path().join(format!("{name}-{round}"));
            std::fs::write(&file, &bytes).unwrap();
            println!("seed {seed}: {name} round {round}");
            let begun = Instant::now();
            read += ask_everything(&file).await;
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "seed {seed}: {name} {round}"
            );
        }
    }
    assert!(read > 0, "some table survives");
}

#[tokio::test]
async fn a_broken_table_does_not_take_the_others_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.accdb");
    let mut bytes = std::fs::read(fixture("wards-1.accdb")).unwrap();
    // The first page that says it holds rows, and names the table of the beds (whose definition is on page 84).
    let beds = 84_u32.to_le_bytes();
    let page = bytes
        .chunks(4_096)
        .position(|page| page[0] == 1 && page[4..8] == beds)
        .unwrap();
    bytes[page * 4_096 + 12..page * 4_096 + 14].copy_from_slice(&[0xFF, 0x7F]);
    std::fs::write(&file, bytes).unwrap();
    let source = Access::new(options(&file));
    let error = rows(&source, "beds", &["id"], 10).await.unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error}");
    let error = source.count("beds").await.unwrap_err();
    assert!(
        error.to_string().contains("has more rows than it can hold"),
        "{error}"
    );
    assert_eq!(rows(&source, "wards", &["id"], 5).await.unwrap().len(), 12);
    let notes = source.health().await.unwrap().notes;
    assert!(
        notes.iter().any(|n| n.contains("\"beds\" cannot be read")),
        "{notes:?}"
    );
}
