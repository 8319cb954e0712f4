// SPDX-License-Identifier: Apache-2.0
//! What the ledger carries on this machine, without index and without a source.
//!
//! ```text
//! cargo run --release -p silsila-store --example bench_store [entries] [folder] [keep]
//! cargo run --release -p silsila-store --example bench_store verify <ledger>
//! ```

mod pressures;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pressures::{body, dictionary, draft};
use sha2::{Digest, Sha256};
use silsila_store::chain::{
    Admission, AsCertified, Contract, CustodianKey, Founder, Genesis, Identity, Limits, MemberKey,
};
use silsila_store::seal::SealingKey;
use silsila_store::{Draft, FileKey, NoIndex, Store, StoreError, StoreOptions};

const BATCH: u64 = 1000;
const SINGLES: u64 = 400;
const READS: u64 = 50_000;

/// Processor time of this process so far, over all its threads, where the system tells.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// The most memory that this process ever had, in MB.
fn peak_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn micros(time: Duration, entries: u64) -> f64 {
    time.as_secs_f64() * 1e6 / entries as f64
}

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("verify").is_some() {
        return arguments.try_for_each(|path| verify(&Store::open_read_only(Path::new(&path))?));
    }
    let entries = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let folder = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let keep = arguments.next().is_some_and(|word| word == "keep");
    let mut rates = Vec::new();
    for kind in KINDS {
        let path = folder.join(format!(
            "silsila-bench-{}-{}.sqlite",
            std::process::id(),
            kind.name.replace(' ', "-")
        ));
        println!("--- {}, {entries} entries", kind.name);
        let outcome = measure(&path, entries, kind);
        if keep {
            println!("kept as {}", path.display());
            rates.push(outcome?);
            continue;
        }
        for suffix in ["", "-wal", "-shm", "-lock", "-key"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            let _ = std::fs::remove_file(file);
        }
        rates.push(outcome?);
    }
    for (suite0, suite1) in [(1, 3), (2, 4)] {
        let (base, sealed): (Rate, Rate) = (rates[suite0], rates[suite1]);
        println!(
            "{} beside {}: {:.2} of the entries/s, {:.2} times the CPU, {:.2} times the bytes",
            KINDS[suite1].name,
            KINDS[suite0].name,
            sealed.per_second / base.per_second,
            sealed.cpu_us / base.cpu_us,
            sealed.bytes / base.bytes,
        );
    }
    Ok(())
}

/// What an entry costs.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    cpu_us: f64,
    bytes: f64,
}

/// What is compared, in one run and on one machine.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    dictionary: bool,
    encrypted: bool,
    /// Members of the channel: more than one, and payloads are sealed, with an envelope for each.
    members: u8,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "suite 0 in a clear file without a dictionary",
        dictionary: false,
        encrypted: false,
        members: 1,
    },
    Kind {
        name: "suite 0 in a clear file",
        dictionary: true,
        encrypted: false,
        members: 1,
    },
    Kind {
        name: "suite 0 in an encrypted file",
        dictionary: true,
        encrypted: true,
        members: 1,
    },
    Kind {
        name: "suite 1 for 4 members in a clear file",
        dictionary: true,
        encrypted: false,
        members: 4,
    },
    Kind {
        name: "suite 1 for 4 members in an encrypted file",
        dictionary: true,
        encrypted: true,
        members: 4,
    },
];

/// A channel that the first of its members orders.
fn shared(members: u8) -> Genesis {
    let key = |number: u8| MemberKey::from_seed(&[number; 32]).public();
    let founder = |number: u8| Founder {
        identity: Identity::ed25519(key(number)),
        admission: Admission {
            sealing_key: SealingKey::from_seed(&[number; 32]).public().0,
            organization: format!("hospital {number}"),
            role: "hospital".to_owned(),
            certificate: vec![number],
            not_after_ms: u64::MAX,
        },
    };
    let mut founders: Vec<Founder> = (1..=members).map(founder).collect();
    founders.sort_by_key(|founder| founder.identity);
    Genesis {
        network: [4; 32],
        members: founders,
        root: vec![5],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(key(1), "bench".to_owned(), [2; 16], 1_600_000_000_000)
    }
}

fn measure(path: &Path, entries: u64, kind: Kind) -> Result<Rate, StoreError> {
    let keys = (MemberKey::from_seed(&[1; 32]), CustodianKey::new([2; 32]));
    let mut options = StoreOptions::new(path, keys.0, keys.1);
    options.dictionaries = kind
        .dictionary
        .then(|| dictionary([1 << 40, 2 << 40]))
        .into_iter()
        .collect();
    options.file_key = kind.encrypted.then(|| FileKey::new(&[7; 32]));
    options.policy = std::sync::Arc::new(AsCertified);
    if kind.members > 1 {
        options.genesis = Some(shared(kind.members));
        options.sealing_key = Some(SealingKey::from_seed(&[1; 32]));
    }
    let store = Store::open(options.clone(), Box::new(NoIndex))?;
    let (per_second, cpu_us) = ingest(&store, entries)?;
    let after = store.health()?;
    reads(&store, entries)?;
    verify(&store)?;
    store.close()?;
    drop(store);
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let mean = body(7).len();
    println!(
        "file: {:.0} bytes per entry of {mean} bytes (wal was {} MB)",
        ratio(size, entries),
        after.wal_bytes >> 20
    );
    let started = Instant::now();
    let store = Store::open(options, Box::new(NoIndex))?;
    println!("open after a clean close: {:?}", started.elapsed());
    singles(&store)?;
    Ok(Rate {
        per_second,
        cpu_us,
        bytes: ratio(size, entries),
    })
}

/// Entries a second, and microseconds of CPU for each.
fn ingest(store: &Store, entries: u64) -> Result<(f64, f64), StoreError> {
    let (mut stage, mut submit) = (Duration::ZERO, Duration::ZERO);
    let (mut slowest, before) = (Duration::ZERO, cpu());
    for first in (0..entries).step_by(BATCH as usize) {
        let drafts: Vec<Draft> = (first..first + BATCH).map(|n| draft(n, n / 6, n)).collect();
        let started = Instant::now();
        let id = store.stage(drafts, |_| Ok::<_, StoreError>(()))?;
        let staged = started.elapsed();
        if let Some(id) = id {
            store.submit(id)?;
        }
        stage += staged;
        submit += started.elapsed() - staged;
        slowest = slowest.max(started.elapsed());
    }
    let rate = entries as f64 / (stage + submit).as_secs_f64();
    let each = micros(cpu() - before, entries);
    println!(
        "stage {stage:.1?} + submit {submit:.1?}: {rate:.0} entries/s; {each:.1} us of CPU per entry (bodies included); slowest batch {slowest:.0?}; memory {} MB",
        peak_memory()
    );
    Ok((rate, each))
}

fn reads(store: &Store, entries: u64) -> Result<(), StoreError> {
    let (started, before) = (Instant::now(), cpu());
    let mut seq = 1;
    for _ in 0..READS {
        seq = (seq * 48_271 + 11) % entries;
        store.read(|conn| store.record(conn, seq).map(drop))?;
    }
    let (wall, busy) = (
        micros(started.elapsed(), READS),
        micros(cpu() - before, READS),
    );
    println!("committed(): {wall:.1} us each at random, {busy:.1} us of CPU");
    Ok(())
}

fn verify(store: &Store) -> Result<(), StoreError> {
    for _ in 0..2 {
        let (started, before) = (Instant::now(), cpu());
        let report = store.verify(&mut |_| ())?;
        let (took, busy) = (started.elapsed(), cpu() - before);
        assert!(report.is_clean(), "{:?}", report.faults);
        let speed = report.bytes as f64 / took.as_secs_f64() / 1e6;
        let raw = raw_sha256(report.bytes);
        println!(
            "verify: {:.1} MB in {took:.0?}: {speed:.0} MB/s; one thread's SHA-256 {raw:.0} MB/s; ratio {:.2}; {:.0} bytes and {:.2} us of CPU per entry",
            report.bytes as f64 / 1e6,
            speed / raw,
            ratio(report.bytes, report.entries),
            micros(busy, report.entries),
        );
    }
    Ok(())
}

/// How fast one thread hashes as many bytes in large pieces.
fn raw_sha256(bytes: u64) -> f64 {
    let buffer = vec![7_u8; 1 << 20];
    let pieces = bytes / buffer.len() as u64 + 1;
    let started = Instant::now();
    let mut hasher = Sha256::new();
    for _ in 0..pieces {
        hasher.update(&buffer);
    }
    std::hint::black_box(hasher.finalize());
    (pieces * buffer.len() as u64) as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn singles(store: &Store) -> Result<(), StoreError> {
    let mut times = Vec::new();
    for n in 0..SINGLES {
        let started = Instant::now();
        if let Some(id) = store.stage(vec![draft(n, n / 6, n + 1_000_000_000)], |_| {
            Ok::<_, StoreError>(())
        })? {
            store.submit(id)?;
        }
        times.push(started.elapsed());
    }
    times.sort();
    let at = |part: usize| times[times.len() * part / 100];
    println!(
        "single entry, staged and committed: p50 {:.2?}, p99 {:.2?}",
        at(50),
        at(99)
    );
    Ok(())
}

fn ratio(bytes: u64, entries: u64) -> f64 {
    bytes as f64 / entries as f64
}
