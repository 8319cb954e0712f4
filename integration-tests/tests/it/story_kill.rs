// SPDX-License-Identifier: Apache-2.0
//! A gateway is killed with `kill -9` dozens of times, in every phase of the first sweep and of the days
//! after it, and ends with the record of one that nobody disturbed: nothing lost, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::dice::Dice;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Day2, Hospital, sindh};
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_store::Store;

use crate::ledger_file;
use crate::story_record::Record;

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;

const PATIENCE: Duration = Duration::from_secs(240);
/// The longest that a phase may keep us waiting for it.
const ATTENTION: Duration = Duration::from_secs(60);

/// How many kills may miss the phase that they seek.
const TRIES: u32 = 20;

const CONNECTING: &str = "connecting";
/// Before the gateway answers anything.
const STARTING: &str = "starting";
/// After a pause of any length, whatever the gateway is doing then.
const ANYWHEN: &str = "anywhen";
const FIRST_SWEEP: [&str; 7] = [
    STARTING,
    CONNECTING,
    "scanning",
    "joining",
    "mapping",
    "staging",
    "committing",
];
const DAYS_AFTER: [&str; 8] = [
    CONNECTING,
    "idle",
    "polling",
    "joining",
    "mapping",
    "staging",
    "committing",
    "sweeping-deletions",
];

/// One kill: what the gateway was doing when it was last looked at, which was just before, and how many
/// transactions its file then held that were staged and not committed.
struct Blow {
    sought: &'static str,
    active: Vec<String>,
    outbox: u64,
}

struct Killer {
    gateway: Gateway,
    dice: Dice,
    blows: Vec<Blow>,
}

impl Killer {
    /// Strikes until a kill fell into the phase; those that missed it count as what they struck.
    async fn seek(&mut self, sought: &'static str, meanwhile: &mut impl AsyncFnMut()) {
        for _ in 0..TRIES {
            self.strike(sought, meanwhile).await;
            let struck = self.blows.last().map(|blow| &blow.active);
            if sought == ANYWHEN || struck.is_some_and(|a| a.iter().any(|p| p == sought)) {
                return;
            }
        }
        panic!("{TRIES} kills missed the phase {sought}");
    }

    /// Starts the gateway, waits for the phase, and kills. `meanwhile` gives the gateway something to do.
    async fn strike(&mut self, sought: &'static str, meanwhile: &mut impl AsyncFnMut()) {
        meanwhile().await;
        // A database on loopback answers at once; a port that only listens keeps the gateway at the door.
        let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = self.gateway.config().source.mysql().port;
        if sought == CONNECTING {
            self.reach_for(mute.local_addr().unwrap().port());
        }
        self.gateway.start_again().unwrap();
        let active = match sought {
            STARTING => self.early().await,
            ANYWHEN => self.sometime().await,
            phase => self.in_phase(phase, meanwhile).await,
        };
        self.gateway.kill().unwrap();
        self.reach_for(port);
        let verified = self.gateway.command(&["ledger", "verify"]).unwrap();
        let nothing_yet = verified.status.code() == Some(5) && self.blows.is_empty();
        assert!(
            verified.status.success() || nothing_yet,
            "after a kill in {active:?}: {verified:?}"
        );
        let outbox = self.gateway.status().ok();
        let outbox = outbox.and_then(|status| status["ledger"]["outbox"].as_u64());
        self.blows.push(Blow {
            sought,
            active,
            outbox: outbox.unwrap_or(0),
        });
    }

    /// Says on which port the database is.
    fn reach_for(&mut self, port: u16) {
        let config = self.gateway.config();
        config.source.mysql().port = port;
        config.write().unwrap();
    }

    async fn early(&mut self) -> Vec<String> {
        let pause = self.dice.within(0..120);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match self.gateway.look() {
            None => vec![STARTING.to_owned()],
            Some(report) => active(&report),
        }
    }

    async fn sometime(&mut self) -> Vec<String> {
        let pause = self.dice.within(100..1_500);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let looked = self.gateway.look();
        looked.map_or_else(|| vec![STARTING.to_owned()], |report| active(&report))
    }

    async fn in_phase(&mut self, phase: &str, meanwhile: &mut impl AsyncFnMut()) -> Vec<String> {
        let until = Instant::now() + ATTENTION;
        let mut fed = Instant::now();
        loop {
            if let Some(report) = self.gateway.look() {
                let active = active(&report);
                if active.iter().any(|seen| seen == phase) {
                    let pause = self.dice.within(0..300);
                    tokio::time::sleep(Duration::from_micros(pause)).await;
                    return active;
                }
            }
            assert!(
                self.gateway.ended().is_none() && Instant::now() < until,
                "no {phase} in {ATTENTION:?}: {:?}\n{}",
                self.gateway.look(),
                self.gateway.output()
            );
            if fed.elapsed() > Duration::from_millis(400) {
                meanwhile().await;
                fed = Instant::now();
            }
            tokio::task::yield_now().await;
        }
    }

    /// The phases in which the kills since `from` struck.
    fn struck(&self, from: usize) -> BTreeSet<&str> {
        let active = self.blows[from..].iter().flat_map(|blow| &blow.active);
        active.map(String::as_str).collect()
    }

    fn swept(&self) -> u64 {
        let status = self.gateway.status().unwrap();
        status["pipeline"]["sources"][0]["sweep_completed"]
            .as_u64()
            .unwrap()
    }

    fn tell(&self, took: Duration) {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for phase in self.blows.iter().flat_map(|blow| &blow.active) {
            *counts.entry(phase).or_default() += 1;
        }
        let staged = self.blows.iter().filter(|blow| blow.outbox > 0).count();
        eprintln!(
            "story_kill: {} kills in {took:?}; phases under way at them: {counts:?}; {staged} left a staged transaction",
            self.blows.len()
        );
    }
}

/// What a gateway that answers is doing.
fn active(report: &Value) -> Vec<String> {
    let source = &report["pipeline"]["sources"][0];
    let active = source["active"].as_array().unwrap();
    if !active.is_empty() {
        let names = active
            .iter()
            .map(|phase| phase.as_str().unwrap().to_owned());
        return names.collect();
    }
    // Between two phases of one pass nothing is active either: idle is what is at rest.
    let rests = source["state"] == "running" && source["sweep"] == source["sweep_completed"];
    vec![if rests { "idle" } else { "between" }.to_owned()]
}

/// The hospital's days after the first sweep. Every row changes once, so that a gateway that slept through
/// changes writes as many versions as one that saw them singly.
struct Days {
    server: Arc<MariaDb>,
    hospital: Hospital,
    labs: Vec<i64>,
    visits: Vec<i64>,
    steps: i64,
}

impl Days {
    const PHONES: i64 = 4101;
    /// Patients who opt out or vanish; nothing else of theirs changes.
    const LEAVING: std::ops::Range<i64> = 4401..4424;

    async fn new(server: Arc<MariaDb>, hospital: Hospital) -> Self {
        let numbers = async |column: &str, table: &str, not: &str| {
            let mut conn = server.admin(Some(&hospital.database)).await.unwrap();
            let sql = format!(
                "SELECT {column} FROM {table} WHERE {column} NOT IN ({not}) AND patient_id > 0
                 AND patient_id NOT IN (4312, 4400, 4265) AND patient_id NOT BETWEEN {} AND {} ORDER BY 1",
                Self::LEAVING.start,
                Self::LEAVING.end
            );
            mysql_async::prelude::Queryable::query::<i64, _>(&mut conn, sql)
                .await
                .unwrap()
        };
        let labs = numbers(
            "test_id",
            "lab_tests",
            "71212, 70999, 70550, 70931, 70884, 70472, 70910",
        );
        let labs = labs.await;
        let visits = numbers("visit_id", "opd_visits", "20693").await;
        Self {
            labs,
            visits,
            server,
            hospital,
            steps: 0,
        }
    }

    /// Some of day 2, or when that is over some of the days after.
    async fn go_on(&mut self) {
        let played = self.hospital.play_day2(&self.server, 4).await.unwrap();
        if played == Day2::WasThere {
            self.improvise().await;
        }
    }

    async fn improvise(&mut self) {
        self.steps += 1;
        let step = self.steps;
        let now = format!("TIMESTAMP '2025-07-02 08:00:00' + INTERVAL {step} MINUTE");
        let mut sql = format!(
            "UPDATE patients SET phone_no = '0391{step:07}', updated_at = {now} WHERE patient_id = {};",
            Self::PHONES + step
        );
        let one_of = |numbers: &mut Vec<i64>, count: usize| {
            let from = numbers.len().saturating_sub(count);
            let some: Vec<String> = numbers.drain(from..).map(|n| n.to_string()).collect();
            if some.is_empty() {
                "0".to_owned()
            } else {
                some.join(", ")
            }
        };
        sql += &format!(
            "UPDATE opd_visits SET bp = '131/87', pulse = 71, updated_at = {now} WHERE visit_id IN ({});",
            one_of(&mut self.visits, 4)
        );
        // Without a trace: only a sweep finds what is gone.
        sql += &format!(
            "DELETE FROM lab_tests WHERE test_id IN ({});",
            one_of(&mut self.labs, 8)
        );
        let leaving = Self::LEAVING.start + step / 3;
        if step % 3 == 0 && Self::LEAVING.contains(&leaving) {
            sql += &if step % 2 == 0 {
                format!(
                    "UPDATE patients SET share_optout = 1, updated_at = {now} WHERE patient_id = {leaving};"
                )
            } else {
                format!("DELETE FROM patients WHERE patient_id = {leaving};")
            };
        }
        let database = Some(self.hospital.database.as_str());
        self.server.execute(database, &sql).await.unwrap();
    }

    /// Plays what is left of day 2.
    async fn finish(&self) {
        self.hospital.apply_day2(&self.server).await.unwrap();
    }
}

fn quick(folder: &Path, server: &MariaDb, hospital: &Hospital) -> GatewayConfig {
    let port = free_port().unwrap();
    let mut config = GatewayConfig::new(folder, port, hospital.options(server));
    config.poll_interval = "200ms".into();
    config.sweep_interval = "1s".into();
    config.chunk_rows = 100;
    // Whole groups of rows vanish between two sweeps of a gateway that lies dead.
    config.source_lines = "loss_limit_percent = 100".into();
    config
}

/// Waits for a sweep that begins after now.
async fn settled(gateway: &Gateway) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let report = gateway.look().unwrap();
        let source = &report["pipeline"]["sources"][0];
        // Before it has connected it does not know of the sweeps before.
        if source["state"] == "running" {
            let running = source["sweep"].as_u64().unwrap();
            return gateway.swept(running + 2, PATIENCE).await.unwrap();
        }
        assert!(Instant::now() < until, "{source:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Rows by outcome for each mapping, after making sure that the outcomes add up to the rows.
fn counters(status: &Value) -> BTreeMap<String, Value> {
    let mappings = status["pipeline"]["sources"][0]["mappings"]
        .as_array()
        .unwrap();
    let counted = mappings.iter().map(|mapping| {
        let counters = &mapping["counters"];
        let number = |name: &str| counters[name].as_u64().unwrap();
        let outcomes = ["produced", "empty", "not_shared", "quarantined"];
        let sum: u64 = outcomes.map(number).iter().sum();
        assert_eq!(number("rows"), sum, "{mapping:#}");
        let mut counters = counters.clone();
        // How many versions there are depends on the moments of the looks.
        counters["versions"].take();
        (mapping["name"].as_str().unwrap().to_owned(), counters)
    });
    counted.collect()
}

/// No two entries of the ledger tell the same event.
fn no_event_twice(folder: &Path, entries: u64) {
    let ledger = folder.join("state/ledger.sqlite");
    let key = ledger_file::file_key(folder);
    let dictionaries = silsila_fhir::dictionaries();
    let store = Store::open_read_only_with(&ledger, &dictionaries, Some(key)).unwrap();
    let events: BTreeSet<[u8; 16]> = store
        .read(|conn| {
            (0..entries)
                .map(|seq| Ok(store.committed(conn, seq)?.record().event_id.0))
                .collect::<Result<_, silsila_store::StoreError>>()
        })
        .unwrap();
    assert_eq!(events.len() as u64, entries);
}

#[tokio::test]
async fn killed_in_every_phase_a_gateway_ends_with_the_record_of_one_that_never_was() {
    let begun = Instant::now();
    let server = shared().await;
    let hospital = Hospital::load(&server, "story_kill", &sindh())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let silsila = beside_us("silsila").unwrap();

    let quiet_folder = folder.path().join("undisturbed");
    let config = quick(&quiet_folder, &server, &hospital);
    let undisturbed = Gateway::start(&silsila, config).await.unwrap();
    undisturbed.swept(1, PATIENCE).await.unwrap();

    // The same keys, so that the same rows get the same ids. Slow, so that there is time to be killed.
    let mut config = quick(&folder.path().join("killed"), &server, &hospital);
    config.rows_per_second = 700;
    config.write().unwrap();
    copy_keys(&quiet_folder, &config.folder);
    let gateway = Gateway::launch(&silsila, config).unwrap();
    let mut killer = Killer {
        gateway,
        dice: Dice::new("story_kill", SEED),
        blows: Vec::new(),
    };
    killer.gateway.kill().unwrap();

    let mut targets: Vec<&str> = FIRST_SWEEP.repeat(2);
    targets.extend([ANYWHEN; 4]);
    killer.dice.shuffle(&mut targets);
    for target in targets {
        killer.seek(target, &mut async || ()).await;
    }
    let mut tries = 0;
    while killer.blows.iter().all(|blow| blow.outbox == 0) {
        tries += 1;
        assert!(tries < 20, "no kill ever fell between stage and commit");
        killer.strike("committing", &mut async || ()).await;
    }
    assert_eq!(killer.swept(), 0, "all of it fell into the first sweep");
    let struck = killer.struck(0);
    assert!(
        FIRST_SWEEP.iter().all(|phase| struck.contains(phase)),
        "{struck:?}"
    );
    killer.gateway.config().rows_per_second = 100_000;
    killer.gateway.config().write().unwrap();
    killer.gateway.restart().await.unwrap();
    killer.gateway.swept(1, PATIENCE).await.unwrap();
    killer.gateway.kill().unwrap();

    let first_of_later = killer.blows.len();
    let mut days = Days::new(server.clone(), hospital.clone()).await;
    let mut targets: Vec<&str> = DAYS_AFTER.repeat(2);
    targets.extend([ANYWHEN; 4]);
    killer.dice.shuffle(&mut targets);
    for target in targets {
        killer
            .strike(target, &mut async || days.go_on().await)
            .await;
    }
    days.finish().await;
    let struck = killer.struck(first_of_later);
    assert!(
        DAYS_AFTER.iter().all(|phase| struck.contains(phase)),
        "{struck:?}"
    );
    assert!(killer.blows.len() >= 25, "{}", killer.blows.len());
    killer.tell(begun.elapsed());

    killer.gateway.restart().await.unwrap();
    let after_kills = settled(&killer.gateway).await;
    let after_quiet = settled(&undisturbed).await;
    assert_eq!(counters(&after_kills), counters(&after_quiet));
    assert_eq!(after_kills["ledger"]["outbox"], 0);

    let record = Record::of(&mut killer.gateway.http().await.unwrap()).await;
    let expected = Record::of(&mut undisturbed.http().await.unwrap()).await;
    assert!(record.current().len() > 5_000, "{}", record.current().len());
    record.at_rest().must_be(&expected.at_rest());
    record.must_not_repeat();
    let entries = after_kills["ledger"]["entries"].as_u64().unwrap();
    assert_eq!(record.versions() as u64, entries, "all of it is served");
    let verified = killer.gateway.command(&["ledger", "verify"]).unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(killer.gateway.stop().unwrap(), 0);
    no_event_twice(&folder.path().join("killed"), entries);
    let sought = killer
        .blows
        .iter()
        .filter(|b| b.active.iter().any(|a| a == b.sought));
    eprintln!(
        "story_kill: {} resources, {entries} versions, {} kills in the phase that was sought, {} resources with \
         another history in passing; {:?}",
        record.current().len(),
        sought.count(),
        record.differing(&expected),
        begun.elapsed()
    );
}

fn copy_keys(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(to.join("keys"))
        .unwrap();
    for file in std::fs::read_dir(from.join("keys")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join("keys").join(file.file_name())).unwrap();
    }
}
