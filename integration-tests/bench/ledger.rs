// SPDX-License-Identifier: Apache-2.0
//! The ledger: its size, how fast it verifies, and what a single commit takes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use sha2::{Digest as _, Sha256};
use silsila_gateway::assemble::open_keys;
use silsila_gateway::shared::Ledgers;
use silsila_integration_tests::gateway::Gateway;
use silsila_schema::Json;
use silsila_store::chain::Op;
use silsila_store::rusqlite::Connection;
use silsila_store::{Draft, Payload, Store};

use crate::site::Site;

/// At most so many stored bytes are hashed to learn how fast that is.
const SAMPLE: usize = 256 << 20;

/// Where the chain and its payloads lie.
const STORED: [(&str, &str); 4] = [
    ("ledger_payload", "bytes"),
    ("ledger_entries", "bytes"),
    ("ledger_transaction", "header"),
    ("ledger_block", "header"),
];

/// The ledger in a gateway's folder, which is encrypted.
fn connect(folder: &Path) -> anyhow::Result<Connection> {
    let keys = silsila_gateway::keys::existing(&folder.join("keys"))?.context("no key file")?;
    Ok(keys.file().connect(&folder.join("state/ledger.sqlite"))?)
}

/// Bytes of blocks and payloads that a gateway has of its one channel, or of its own ledger.
pub fn stored(folder: &Path) -> anyhow::Result<f64> {
    let keys = silsila_gateway::keys::existing(&folder.join("keys"))?.context("no key file")?;
    let files = std::fs::read_dir(folder.join("state/channels"));
    let mut files = files
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path());
    let of_channel = files.find(|file| file.extension().is_some_and(|found| found == "sqlite"));
    let own = folder.join("state/ledger.sqlite");
    let conn = keys.file().connect(&of_channel.unwrap_or(own))?;
    let mut sum = 0.0;
    for (table, column) in STORED {
        let sql = format!("SELECT total(length({column})) FROM {table}");
        sum += conn.query_row(&sql, [], |row| row.get::<_, f64>(0))?;
    }
    Ok(sum)
}

/// Bytes of the file by the first word of the tables' names.
pub fn storage(folder: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let conn = connect(folder)?;
    let mut query =
        conn.prepare("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY name")?;
    let mut sizes = BTreeMap::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (name, bytes): (String, i64) = (row.get(0)?, row.get(1)?);
        let bytes = u64::try_from(bytes)?;
        let word = name.split('_').next().unwrap_or_default().to_owned();
        *sizes.entry(word).or_default() += bytes;
        sizes.insert(name, bytes);
    }
    Ok(sizes)
}

/// What a verification of the whole ledger took.
pub struct Verified {
    /// Stored bytes read.
    pub bytes: f64,
    /// Time from the opened file to the report.
    pub seconds: f64,
    /// One thread's SHA-256 over stored bytes in memory, in bytes per second.
    pub hashing: f64,
}

/// Verifies the ledger as an operator would, then hashes its bytes with nothing else.
pub fn verified(gateway: &Gateway, folder: &Path) -> anyhow::Result<Verified> {
    let output = gateway.command(&["ledger", "verify", "--json"])?;
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("silsila ledger verify")?;
    ensure!(report["clean"] == true, "the ledger is damaged: {report}");
    let number = |name: &str| report[name].as_f64().with_context(|| format!("no {name}"));
    Ok(Verified {
        bytes: number("bytes")?,
        seconds: number("seconds")?,
        hashing: hashing(folder)?,
    })
}

fn hashing(folder: &Path) -> anyhow::Result<f64> {
    let conn = connect(folder)?;
    let mut stored: Vec<u8> = Vec::new();
    for (table, column) in STORED {
        let mut query = conn.prepare(&format!("SELECT {column} FROM {table}"))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            stored.extend_from_slice(row.get_ref(0)?.as_blob()?);
            if stored.len() > SAMPLE {
                break;
            }
        }
    }
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        std::hint::black_box(Sha256::digest(&stored));
        best = best.min(start.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred megabytes")]
    Ok(stored.len() as f64 / best)
}

/// Milliseconds for each of some single changes, staged and committed durably with their index rows, on
/// the full ledger of a gateway that does not run.
pub fn commits(site: &Site, patients: &[String]) -> anyhow::Result<Vec<f64>> {
    let loaded = silsila_config::load(&site.config().file())
        .map_err(|faults| anyhow::anyhow!("the configuration is faulty: {faults:?}"))?;
    let keys = open_keys(&loaded.settings)?;
    let store = Ledgers::open(&loaded.settings, &keys)?.own().clone();
    let mut times = Vec::new();
    for id in patients {
        let draft = changed(&store, &format!("Patient/{id}"))?;
        let start = Instant::now();
        let staged = store.stage(vec![draft], |_| anyhow::Ok(()))?;
        store.submit(staged.context("nothing was staged")?)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    store.close()?;
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The next version of a patient: what is committed, with a language.
fn changed(store: &Store, resource: &str) -> anyhow::Result<Draft> {
    let payload = store.read(|conn| {
        let seq = store.head(conn, resource)?.context("no such patient")?;
        let payload = store.committed(conn, seq)?.into_payload();
        payload.context("the patient is deleted")
    })?;
    let mut json = Json::parse(&payload.body).map_err(|e| anyhow::anyhow!("{e}"))?;
    match &mut json {
        Json::Object(patient) => drop(patient.insert("language", Json::String("ur".into()))),
        _ => anyhow::bail!("not a resource"),
    }
    Ok(Draft {
        op: Op::Put,
        resource: resource.to_owned(),
        subject: resource.to_owned(),
        kind: "Patient".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body: json.canonical(),
            ..payload
        }),
    })
}
