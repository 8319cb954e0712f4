// SPDX-License-Identifier: Apache-2.0
//! The demonstration. Its state lies in one folder and survives a restart, a crash and a second start:
//!
//! ```text
//! mariadb/       the hospital's database server
//! mirpurkhas/    the gateway: silsila.toml, its password file, state and keys
//! demo.json      where to find the gateway, once everything mapped is committed
//! ```

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::gateway::{Gateway, GatewayConfig, beside_us};
use crate::hospital::{Day2, Hospital, sindh};
use crate::mariadb::{MariaDb, MariaDbOptions};

/// The longest that the first sweep of 400 patients may take on a slow machine.
const FIRST_SWEEP: Duration = Duration::from_secs(600);

const DATABASE: &str = "mirpurkhas";

/// Starts the server, the hospital and the gateway, and keeps them running until Ctrl-C or SIGTERM.
///
/// # Errors
/// When one of them cannot be started or ends by itself.
pub async fn run(dir: &Path, port: u16) -> anyhow::Result<()> {
    let place = Place::new(dir)?;
    let mut stop = Stop::new()?;
    remove(&place.demo_json())?;
    if TcpListener::bind(("127.0.0.1", port)).is_err() {
        bail!(
            "port {port} is taken; is another demonstration running? Its own terminal ends it with Ctrl-C"
        );
    }
    let mut server = tokio::select! {
        server = MariaDb::start(place.server()) => server?,
        () = stop.wait() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = serve(&place, &server, port) => outcome,
        () = stop.wait() => Ok(()),
    };
    remove(&place.demo_json())?;
    println!(
        "\nEverything has ended; the state stays in {}",
        place.dir.display()
    );
    server.stop()?;
    outcome
}

/// Loads the hospital if it is new, starts the gateway, says what to try, and watches.
async fn serve(place: &Place, server: &MariaDb, port: u16) -> anyhow::Result<()> {
    let hospital = place.hospital(server).await?;
    println!(
        "MariaDB with the hospital runs on 127.0.0.1:{}",
        server.port()
    );
    let config = GatewayConfig::new(&place.gateway(), port, hospital.options(server));
    let log = config.log();
    let start = Instant::now();
    // Dropping it, also when we are interrupted, ends the process.
    let gateway = Gateway::start(&beside_us("silsila")?, config).await?;
    println!("The gateway serves on http://127.0.0.1:{port}/fhir; it reads the hospital now");
    let status = gateway.swept(1, FIRST_SWEEP).await?;
    let resources: u64 = status["pipeline"]["sources"][0]["mappings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m["counters"]["resources"].as_u64())
        .sum();
    let took = start.elapsed().as_secs_f64();
    println!("{resources} resources are committed ({took:.1} s)\n");
    place.announce(port)?;
    println!(
        "{}",
        what_to_try(
            port,
            &beside_us("silsila")?,
            &place.gateway().join("silsila.toml")
        )
    );
    println!("\nLogs: {} and {}", log.display(), server.log().display());
    println!("Ctrl-C ends everything.");
    loop {
        if let Some(code) = gateway.ended() {
            bail!("the gateway ended with code {code}:\n{}", gateway.output());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Plays the hospital's next day in the running demonstration; returns once it is committed in MariaDB.
///
/// # Errors
/// When no demonstration runs in that folder.
pub async fn day2(dir: &Path) -> anyhow::Result<()> {
    let place = Place::new(dir)?;
    let server = MariaDb::attach(&place.dir.join("mariadb"))
        .await
        .with_context(|| {
            format!(
                "no demonstration runs in {}; start script/demo first",
                place.dir.display()
            )
        })?;
    let hospital = place.hospital(&server).await?;
    match hospital.apply_day2(&server).await? {
        Day2::Applied(changes) => println!(
            "{changes} changes of 1 July 2025 are committed in MariaDB: patient 4485 has moved to Hyderabad.\n\
             The gateway notices within seconds; what changed without a trace, with its next sweep."
        ),
        Day2::WasThere => println!(
            "1 July 2025 has been played already; delete {} to start afresh.",
            place.dir.display()
        ),
    }
    Ok(())
}

/// The folder of a demonstration.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn new(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        Ok(Self {
            dir: dir.canonicalize()?,
        })
    }

    fn server(&self) -> MariaDbOptions {
        MariaDbOptions {
            dir: Some(self.dir.join("mariadb")),
            ..MariaDbOptions::default()
        }
    }

    fn gateway(&self) -> PathBuf {
        self.dir.join(DATABASE)
    }

    fn demo_json(&self) -> PathBuf {
        self.dir.join("demo.json")
    }

    /// The hospital, loaded if it is new or its loading was cut short.
    async fn hospital(&self, server: &MariaDb) -> anyhow::Result<Hospital> {
        let loaded = self.dir.join("hospital-loaded");
        if !loaded.exists() {
            let sql = format!("DROP DATABASE IF EXISTS `{DATABASE}`");
            server.execute(None, &sql).await?;
            Hospital::load(server, DATABASE, &sindh()).await?;
            std::fs::write(&loaded, "")?;
        }
        Ok(Hospital {
            database: DATABASE.into(),
            data: sindh(),
        })
    }

    /// Writes `demo.json`, whole or not at all.
    fn announce(&self, port: u16) -> anyhow::Result<()> {
        let text = serde_json::json!({
            "gateways": [{
                "name": "mirpurkhas",
                "port": port,
                "fhir": format!("http://127.0.0.1:{port}/fhir"),
            }]
        });
        let draft = self.dir.join("demo.json.new");
        std::fs::write(&draft, format!("{text:#}\n"))?;
        std::fs::rename(draft, self.demo_json())?;
        Ok(())
    }
}

/// Ctrl-C, or the signal that `kill` sends.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

fn what_to_try(port: u16, silsila: &Path, config: &Path) -> String {
    let fhir = format!("http://127.0.0.1:{port}/fhir");
    let silsila = silsila.display();
    let config = config.display();
    format!(
        "Patient 4485 is Aquib Shaikh, the worked example of the published design. Try:\n\
         \n  curl '{fhir}/Patient?identifier=https://mirpurkhas.example/ns/patient|4485&_pretty=true'\
         \n  curl '{fhir}/Patient?phone=%2B923213122332&_pretty=true'\
         \n  curl '{fhir}/Patient?family=shaikh&birthdate=ge1980&_summary=count'\
         \n\nthen, with the id that the first one shows:\n\
         \n  curl '{fhir}/Patient/ID/_history?_pretty=true'\
         \n  curl '{fhir}/Observation?patient=ID&_sort=-date&_pretty=true'\
         \n  curl '{fhir}/Patient?_id=ID&_revinclude=Provenance:target&_pretty=true'\
         \n\nand on the chain:\n\
         \n  {silsila} ledger blocks --last 5 --config {config}\
         \n  {silsila} ledger verify --config {config}\
         \n  {silsila} status --config {config}\
         \n  {silsila} quarantine list --config {config}\
         \n\nIn a second terminal, the hospital's next day (then look at the history of 4485 again):\n\
         \n  script/demo day2"
    )
}
