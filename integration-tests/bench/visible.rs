// SPDX-License-Identifier: Apache-2.0
//! How soon a row that a clerk changes is read as FHIR.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use silsila_integration_tests::gateway::Gateway;
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::MariaDb;

use crate::site::Site;

/// The longest that a change may take to appear.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds from each committed UPDATE in the database to the new version over FHIR; every patient
/// moves to a house in `road`, which must not have been used before.
pub async fn visible(
    site: &Site,
    server: &MariaDb,
    gateway: &Gateway,
    patients: &[Value],
    road: &str,
) -> anyhow::Result<Vec<f64>> {
    let mut conn = server.admin(Some(&site.hospital.database)).await?;
    let mut http = gateway.http().await?;
    let mut times = Vec::new();
    for (at, patient) in patients.iter().enumerate() {
        let id = patient["id"].as_str().context("no id")?;
        let row = patient["identifier"][0]["value"]
            .as_str()
            .context("no number")?;
        let target = format!("/fhir/Patient/{id}");
        let before = tag(&mut http, &target).await?;
        update(&mut conn, row, &format!("House {at}, {road}")).await?;
        let start = Instant::now();
        while tag(&mut http, &target).await? == before {
            if start.elapsed() > PATIENCE {
                bail!("a change is not visible after {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
        // The next change comes at another moment between two polls.
        tokio::time::sleep(Duration::from_millis(137 * (at as u64 % 11))).await;
    }
    conn.disconnect().await?;
    times.sort_by(f64::total_cmp);
    Ok(times)
}

async fn update(conn: &mut Conn, row: &str, address: &str) -> anyhow::Result<()> {
    let sql = "UPDATE patients SET address = ?, updated_at = NOW() WHERE patient_id = ?";
    conn.exec_drop(sql, (address, row)).await?;
    anyhow::ensure!(conn.affected_rows() == 1, "there is no such row");
    Ok(())
}

/// The version of a resource, as its ETag says.
async fn tag(http: &mut Http, target: &str) -> anyhow::Result<String> {
    let answer = http.get(target).await?;
    anyhow::ensure!(answer.status.is_success(), "{}", answer.status);
    Ok(answer.header("etag").to_owned())
}
