// SPDX-License-Identifier: Apache-2.0
//! Certificates end while a hospital writes: the authority renews them, the gateways put that on the channel by
//! themselves, and nobody notices. Then the authority is gone, and members extend each other's time by vote.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::story_hero::HERO;
use crate::votes_scene::Network;

/// How long certificates last here.
const LASTS: &str = "validity = \"90s\"\n";
/// The longest that an update may take to every gateway while certificates are renewed.
const NO_GAP: Duration = Duration::from_secs(15);

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}

/// When each member's time ends, as a gateway's chain says.
fn ends(sindh: &Network, gateway: usize) -> Vec<u64> {
    let members = sindh.ask(gateway, &["channel", "members", "--json"]);
    let members = members.as_array().unwrap().iter();
    members
        .map(|member| member["not_after_ms"].as_u64().unwrap())
        .collect()
}

/// Writes city after city until `done`, each shown by all; gives the worst time and how many there were.
async fn write_until(
    sindh: &Network,
    cities: &mut u32,
    done: impl Fn(&Network) -> bool,
) -> Duration {
    let (mut worst, began) = (Duration::ZERO, Instant::now());
    loop {
        *cities += 1;
        let city = format!("City {cities}");
        sindh.moves_to(&city).await;
        worst = worst.max(sindh.shown(&[0, 1, 2, 3], &city).await);
        if done(sindh) {
            return worst;
        }
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "{:?}",
            ends(sindh, 0)
        );
    }
}

#[tokio::test]
async fn certificates_are_renewed_under_load_and_extended_by_vote_when_the_authority_is_gone() {
    let mut sindh = Network::founded("story_renewal", LASTS, 4, 0..4).await;
    sindh.shown(&[0, 1, 2, 3], "Mirpurkhas").await;
    let first = ends(&sindh, 0);
    let last = *first.iter().max().unwrap();
    let mut cities = 0;

    // Until every certificate of the founding has ended: each was renewed on the chain before.
    let worst = write_until(&sindh, &mut cities, |_| now_ms() > last + 2_000).await;
    eprintln!(
        "worst time from UPDATE to four gateways while certificates ended: {worst:?}, {cities} updates"
    );
    assert!(worst < NO_GAP, "{worst:?}");
    let renewed = ends(&sindh, 1);
    for (before, after) in first.iter().zip(&renewed) {
        assert!(after > before, "{first:?} {renewed:?}");
    }
    for gateway in 0..4 {
        let own = sindh.channel(gateway);
        assert_eq!(own["standing"], "active");
        let status = sindh.gateways[gateway].command(&["status"]).unwrap();
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(
            text.contains("left on this channel"),
            "warned 30 days ahead: {text}"
        );
    }
    let renewals: Value = sindh.ask(2, &["channel", "proposals", "--all", "--json"]);
    let renewals = renewals.as_array().unwrap().iter();
    let own = |one: &&Value| one["what"] == "renew" && one["state"] == "committed";
    assert!(
        renewals.filter(own).count() >= 4,
        "each gateway proposed its own"
    );

    // The authority is gone for good. Members extend each other's time, with three of four organizations.
    drop(sindh.authority.take());
    let mut extended = Vec::new();
    for member in 0..4 {
        let key = sindh.keys[member].clone();
        let id = sindh.propose(1, &["renew", &key, "--for", "1h"]);
        sindh.endorse(2, &id).await;
        sindh.endorse(3, &id).await;
        extended.push(id);
    }
    for id in &extended {
        sindh.committed(0, id).await;
    }
    let status = sindh.ask(0, &["network", "status", "--json"]);
    let end = status["not_after_ms"].as_u64().unwrap();
    let worst = write_until(&sindh, &mut cities, |_| now_ms() > end + 2_000).await;
    eprintln!("worst time after the last certificate ended, extended by vote: {worst:?}");
    assert!(worst < NO_GAP, "{worst:?}");
    assert!(
        ends(&sindh, 3)
            .iter()
            .all(|end| *end > now_ms() + 1_800_000)
    );

    // Every update is one version, at every gateway.
    for gateway in 0..4 {
        let mut http = sindh.gateways[gateway].http().await.unwrap();
        let hero = http.json(HERO).await.unwrap();
        let version = &hero["entry"][0]["resource"]["meta"]["versionId"];
        assert_eq!(*version, (cities + 1).to_string(), "nothing was lost");
    }
    for gateway in 0..4 {
        sindh.verified(gateway);
    }
}
