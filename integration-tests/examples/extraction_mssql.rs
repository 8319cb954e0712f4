// SPDX-License-Identifier: Apache-2.0
//! Rows per second of the SQL Server adapter against the bare driver:
//! `cargo run --release -p silsila-integration-tests --example extraction_mssql -- 20000`

use std::sync::Arc;

use silsila_integration_tests::bench::mssql_extraction;
use silsila_integration_tests::hospital::generate;
use silsila_integration_tests::mssql::{Encryption, Karachi, SqlServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let patients = std::env::args().nth(1).map_or(Ok(5_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    generate(patients, folder.path())?;
    let server = Arc::new(SqlServer::stand_in(Encryption::None)?);
    let karachi = Karachi::load_from(server, "karachi", folder.path()).await?;
    println!("{}", mssql_extraction(&karachi.options(), 5_000, 9).await?);
    Ok(())
}
