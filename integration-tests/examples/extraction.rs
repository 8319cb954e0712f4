// SPDX-License-Identifier: Apache-2.0
//! Rows per second of the MySQL adapter against the bare driver:
//! `cargo run --release -p silsila-integration-tests --example extraction -- 20000`

use silsila_integration_tests::bench::extraction;
use silsila_integration_tests::hospital::{Hospital, generate};
use silsila_integration_tests::mariadb::{MariaDb, MariaDbOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let patients = std::env::args().nth(1).map_or(Ok(5_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    generate(patients, folder.path())?;
    let server = MariaDb::start(MariaDbOptions {
        arguments: vec!["--innodb-buffer-pool-size=512M".into()],
        ..MariaDbOptions::default()
    })
    .await?;
    let hospital = Hospital::load(&server, "mirpurkhas", folder.path()).await?;
    println!(
        "{}",
        extraction(&hospital.options(&server), 5_000, 9).await?
    );
    Ok(())
}
