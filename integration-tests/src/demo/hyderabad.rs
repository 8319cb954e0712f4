// SPDX-License-Identifier: Apache-2.0
//! Hyderabad: a Java application on MS Access, here a file that lies where the application would write it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use async_trait::async_trait;
use serde_json::Value;

use super::place::Place;
use super::site::Site;
use crate::gateway::{GatewayConfig, LegacySource, beside_us, pack};
use crate::hospital::sindh;

const NAME: &str = "hyderabad";

/// The longest that the gateway may take to show the next day.
const NOTICED: Duration = Duration::from_secs(120);

/// The tables that have other numbers of rows after the next day, and those numbers.
const DAY2: [(&str, u64); 3] = [("tblPatient", 408), ("tblLab", 800), ("tblAdmission", 501)];

/// The hospital; nothing runs but the gateway.
#[derive(Default)]
pub struct Hyderabad;

#[async_trait]
impl Site for Hyderabad {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Hyderabad (MS Access)"
    }

    fn usual_port(&self) -> u16 {
        8082
    }

    async fn open(&mut self, place: &Place, port: u16) -> anyhow::Result<GatewayConfig> {
        let file = file(place);
        if !file.exists() {
            let folder = file.parent().unwrap_or(&place.dir);
            std::fs::create_dir_all(folder)?;
            let draft = file.with_extension("new");
            std::fs::copy(of_day(1), &draft).context("the file of day 1")?;
            std::fs::rename(draft, &file)?;
        }
        println!("{}: its file is {}", self.title(), file.display());
        let source = LegacySource::Access {
            name: NAME.into(),
            file,
        };
        let identity = ("Taluka Hospital Hyderabad", "https://hyderabad.example");
        let mut config = GatewayConfig::of(identity, &place.gateway(NAME), port, source);
        config.pack = pack("sindh-hyderabad");
        Ok(config)
    }

    fn close(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Writes the next day's bytes over the file page by page, as Access does; a run that was cut short is
    /// completed by the next. The gateway reads a copy, never the file while it is written.
    async fn day2(&self, place: &Place) -> anyhow::Result<String> {
        // Whether a demonstration runs, before anything is changed.
        place.announced(NAME).context("no demonstration runs")?;
        let bytes = std::fs::read(of_day(2)).context("the file of day 2")?;
        let file = file(place);
        if std::fs::read(&file).context("no demonstration runs")? == bytes {
            return Ok(format!(
                "Hyderabad: 1 July 2025 has been played already; delete {} to start afresh.",
                place.dir.display()
            ));
        }
        write_over(&file, &bytes)?;
        let took = shown(place).await?;
        Ok(format!(
            "Hyderabad: 1 July 2025 is in the Access file, and after {:.1} s the gateway serves it: eight patients are \
             new,\namong them Aqib Sheikh (401), five have moved, two stays are entered-in-error.",
            took.as_secs_f64()
        ))
    }

    fn what_to_try(&self, port: u16, silsila: &Path, config: &Path) -> String {
        let fhir = format!("http://127.0.0.1:{port}/fhir");
        let (silsila, config) = (silsila.display(), config.display());
        format!(
            "Hyderabad keeps names in two scripts; either keyboard finds them, and from day 2 on Aqib Sheikh is \
             patient 401:\n\
             \n  curl -G '{fhir}/Patient' --data-urlencode 'name=شیخ' --data-urlencode '_pretty=true'\
             \n  curl '{fhir}/Patient?identifier=https://hyderabad.example/ns/patient|401&_pretty=true'\
             \n  {silsila} status --config {config}     (how old the copy is that is read)"
        )
    }

    fn logs(&self, place: &Place) -> Vec<PathBuf> {
        vec![place.gateway(NAME).join("silsila.log")]
    }
}

/// Where the hospital's application keeps its file.
fn file(place: &Place) -> PathBuf {
    place.dir.join("access/Hospital.accdb")
}

fn of_day(day: u8) -> PathBuf {
    sindh().join(format!("hyderabad/hyderabad-day{day}.accdb"))
}

fn write_over(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    const PAGE: usize = 4_096;
    let open = File::options().write(true).open(file)?;
    let mut at = 0;
    for page in bytes.chunks(PAGE) {
        open.write_all_at(page, at)?;
        at += page.len() as u64;
    }
    open.set_len(at)?;
    open.sync_all()?;
    Ok(())
}

/// Waits until the gateway's own counts are those of the next day.
async fn shown(place: &Place) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let silsila = beside_us("silsila")?;
    let config = place.gateway(NAME).join("silsila.toml");
    loop {
        let output = Command::new(&silsila)
            .args(["status", "--json", "--config"])
            .arg(&config)
            .output()?;
        let status: Value = serde_json::from_slice(&output.stdout).context("silsila status")?;
        let source = &status["pipeline"]["sources"][0];
        if is_day2(source) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > NOTICED {
            bail!("the gateway does not notice: {source:#}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether every mapping of the tables that changed counts the rows of the next day.
fn is_day2(source: &Value) -> bool {
    let expected = BTreeMap::from(DAY2);
    let mappings = source["mappings"].as_array().into_iter().flatten();
    let mut changed = mappings.filter_map(|mapping| {
        let rows = expected.get(mapping["table"].as_str()?)?;
        Some(mapping["counters"]["rows"].as_u64() == Some(*rows))
    });
    let any = changed.next();
    any == Some(true) && changed.all(|as_expected| as_expected)
}
