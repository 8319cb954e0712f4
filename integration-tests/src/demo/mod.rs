// SPDX-License-Identifier: Apache-2.0
//! The demonstration: hospitals, each with its legacy database and its gateway. Its state lies in one folder
//! and survives a restart, a crash and a second start:
//!
//! ```text
//! mariadb/       the database server of Mirpurkhas
//! access/        the file of Hyderabad's application
//! mirpurkhas/    a gateway: silsila.toml, its password file, state and keys; so for every hospital
//! authority/     the network's registration authority; more in [`crate::network`]
//! union/         the gateway of the authority's organization: the fourth validator
//! demo.json      where to find the gateways, once everything mapped is committed
//! ```
//!
//! A further hospital is a file with a [`Site`] and a line in [`sites`].

mod hyderabad;
mod karachi;
mod mirpurkhas;
mod place;
mod site;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};
use crate::network;
use place::Place;
pub use site::Port;
use site::Site;

/// The name of the gateway of the authority's organization.
const UNION: &str = "union";

/// The longest that the first sweep of 400 patients may take on a slow machine.
const FIRST_SWEEP: Duration = Duration::from_secs(600);

/// Every hospital, in the order in which they are started and shown.
fn sites() -> Vec<Box<dyn Site>> {
    vec![
        Box::new(mirpurkhas::Mirpurkhas::default()),
        Box::new(hyderabad::Hyderabad),
        Box::new(karachi::Karachi::default()),
    ]
}

/// Starts every hospital and its gateway, and keeps them running until Ctrl-C or SIGTERM. `ports` are those
/// that shall be others than the usual ones.
///
/// # Errors
/// When one of them cannot be started or ends by itself.
pub async fn run(dir: &Path, ports: &[Port]) -> anyhow::Result<()> {
    let place = Place::new(dir)?;
    let mut stop = Stop::new()?;
    place.withdraw()?;
    let mut sites = ported(ports)?;
    let others = Others::ported(ports);
    let all = sites.iter().map(|(_, port)| *port);
    for port in all.chain([others.authority, others.union]) {
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            bail!(
                "port {port} is taken; is another demonstration running? Its own terminal ends it with Ctrl-C"
            );
        }
    }
    let outcome = tokio::select! {
        outcome = serve(&place, &mut sites, others) => outcome,
        () = stop.wait() => Ok(()),
    };
    place.withdraw()?;
    println!(
        "\nEverything has ended; the state stays in {}",
        place.dir.display()
    );
    for (site, _) in &mut sites {
        site.close()?;
    }
    outcome
}

/// Every hospital with its gateway's port.
fn ported(ports: &[Port]) -> anyhow::Result<Vec<(Box<dyn Site>, u16)>> {
    let sites = sites();
    for port in ports {
        let known = ["authority", UNION].contains(&port.name.as_str());
        if !known && !sites.iter().any(|site| site.name() == port.name) {
            bail!("no hospital of the demonstration is called {:?}", port.name);
        }
    }
    let port = |site: &dyn Site| {
        let asked = ports.iter().find(|port| port.name == site.name());
        asked.map_or_else(|| site.usual_port(), |port| port.number)
    };
    Ok(sites
        .into_iter()
        .map(|site| {
            let port = port(&*site);
            (site, port)
        })
        .collect())
}

/// The ports of what is no hospital.
#[derive(Debug, Clone, Copy)]
struct Others {
    authority: u16,
    union: u16,
}

impl Others {
    fn ported(ports: &[Port]) -> Self {
        let port = |name: &str, usual| {
            let asked = ports.iter().find(|port| port.name == name);
            asked.map_or(usual, |port| port.number)
        };
        Self {
            authority: port("authority", 8080),
            union: port(UNION, 8084),
        }
    }
}

/// Opens every hospital, has all join the network, starts the gateways, says what to try, and watches. Dropping it,
/// also when we are interrupted, ends authority and gateways.
async fn serve(
    place: &Place,
    sites: &mut [(Box<dyn Site>, u16)],
    others: Others,
) -> anyhow::Result<()> {
    let silsila = beside_us("silsila")?;
    let start = Instant::now();
    let mut configs = Vec::new();
    for (site, port) in sites.iter_mut() {
        configs.push(site.open(place, *port).await?);
    }
    configs.push(union(place, others.union));
    let authority = network::Authority::start(&place.dir, &silsila, others.authority)?;
    println!(
        "The registration authority answers on 127.0.0.1:{}; all gateways join its network",
        others.authority
    );
    network::join(&place.dir, &silsila, &mut configs)?;
    let mut gateways = Vec::new();
    for config in configs {
        let (name, port) = (config.hospital.0.clone(), config.port);
        gateways.push(Gateway::start(&silsila, config).await?);
        println!("{name}: the gateway serves on http://127.0.0.1:{port}/fhir");
    }
    for ((site, _), gateway) in sites.iter().zip(&gateways) {
        let status = gateway.swept(1, FIRST_SWEEP).await?;
        let took = start.elapsed().as_secs_f64();
        let count = resources(&status);
        println!(
            "{}: {count} resources are committed ({took:.1} s)",
            site.title()
        );
    }
    let ports = sites.iter().map(|(site, port)| (site.name(), *port));
    place.announce(ports, &others)?;
    for (site, port) in sites.iter() {
        let config = place.gateway(site.name()).join("silsila.toml");
        println!("\n{}", site.what_to_try(*port, &silsila, &config));
    }
    println!("\n{}", across(sites, others, &silsila, place));
    println!(
        "\nIn a second terminal, the hospitals' next day (then look at the histories again):\n\n  script/demo day2\n"
    );
    for (site, _) in sites.iter() {
        for log in site.logs(place) {
            println!("Log: {}", log.display());
        }
    }
    println!("Log: {}", network::log(&place.dir).display());
    println!("Ctrl-C ends everything.");
    loop {
        if let Some(code) = authority.ended() {
            bail!("the registration authority ended with code {code}");
        }
        for gateway in &gateways {
            if let Some(code) = gateway.ended() {
                bail!("a gateway ended with code {code}:\n{}", gateway.output());
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The resources of every mapping of a gateway's only source.
fn resources(status: &serde_json::Value) -> u64 {
    status["pipeline"]["sources"][0]["mappings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m["counters"]["resources"].as_u64())
        .sum()
}

/// What shows that the gateways are one network.
fn across(sites: &[(Box<dyn Site>, u16)], others: Others, silsila: &Path, place: &Place) -> String {
    let last = sites.last().map_or(0, |(_, port)| *port);
    let config = |name: &str| place.gateway(name).join("silsila.toml");
    format!(
        "All of them order one channel, and each hospital serves what the others committed (meta.source says whose it \
         is). The\nauthority's gateway orders with them and can open nothing:\n\
         \n  curl 'http://127.0.0.1:{last}/fhir/Patient?identifier=https://mirpurkhas.example/ns/patient|4485&_pretty=true'\
         \n  curl 'http://127.0.0.1:{union}/fhir/Patient?_summary=count'\
         \n  {silsila} status --config {own}\
         \n  {silsila} channel list --config {own}\
         \n  {silsila} network list --config {authority}",
        union = others.union,
        silsila = silsila.display(),
        own = config(UNION).display(),
        authority = network::config_file(&place.dir).display(),
    )
}

/// The gateway of the authority's organization: it has no database and treats nobody. It validates, and keeps the
/// chain with sealed payloads that it cannot open.
fn union(place: &Place, port: u16) -> GatewayConfig {
    let identity = ("Sindh Health Union", "https://union.example");
    let config = GatewayConfig::of(identity, &place.gateway(UNION), port, LegacySource::None);
    GatewayConfig {
        role: "authority",
        ..config
    }
}

/// Plays the next day of every hospital in the running demonstration.
///
/// # Errors
/// When no demonstration runs in that folder.
pub async fn day2(dir: &Path) -> anyhow::Result<()> {
    let place = Place::new(dir)?;
    for site in sites() {
        let told = site.day2(&place).await.with_context(|| {
            format!(
                "{}: the next day cannot be played in {}; start script/demo first",
                site.title(),
                place.dir.display()
            )
        })?;
        println!("{told}");
    }
    Ok(())
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
