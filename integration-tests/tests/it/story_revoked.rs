// SPDX-License-Identifier: Apache-2.0
//! A member is revoked while its hospital goes on writing: what it committed before is there, after the block
//! that revoked it nothing of it is, and it says so itself.

use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::network;

use crate::votes_scene::Network;

/// So long after the revocation the hospital goes on writing.
const AFTERWARDS: Duration = Duration::from_secs(8);

/// The entries of all blocks behind a height.
fn entries_behind(sindh: &Network, gateway: usize, height: u64) -> u64 {
    let from = (height + 1).to_string();
    let blocks = sindh.ask(gateway, &["ledger", "blocks", "--from", &from, "--json"]);
    let blocks = blocks.as_array().unwrap().iter();
    blocks.map(|block| block["entries"].as_u64().unwrap()).sum()
}

fn height(channel: &Value) -> u64 {
    channel["height"].as_u64().unwrap()
}

#[tokio::test]
async fn a_revocation_under_load_cuts_off_exactly_at_its_height() {
    let mut sindh = Network::founded("story_revoked", "", 5, 1..5).await;
    sindh.shown(&[0, 1, 2, 3, 4], "Mirpurkhas").await;
    let key = sindh.keys[0].clone();

    // The authority revokes; a gateway that learns of it proposes; three of five organizations decide.
    let authority = network::config_file(sindh.dir());
    let revoke = ["network", "revoke", &key, "--reason", "key-compromise"];
    network::run(&sindh.silsila, &authority, &revoke).unwrap();
    let mut proposal = Value::Null;
    sindh
        .until("a gateway that learned of it proposes it", || {
            proposal = sindh.ask(1, &["channel", "proposals", "--json"])[0].clone();
            proposal["what"] == "revoke" && proposal["authority"] == true
        })
        .await;
    assert_eq!(proposal["needed"], 3, "{proposal:#}");
    let id = proposal["id"].as_str().unwrap().to_owned();
    sindh
        .until("its own gateway knows", || {
            sindh.channel(0)["revoked_by_authority"] == true
        })
        .await;

    let mut written = 0;
    let mut write = async |sindh: &Network| {
        written += 1;
        sindh.moves_to(&format!("City {written}")).await;
    };
    for _ in 0..10 {
        write(&sindh).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for gateway in 1..5 {
        let proposal = sindh.proposal(gateway, &id).unwrap_or_default();
        if proposal["own"] != "endorsed" && proposal["state"] != "committed" {
            sindh.endorse(gateway, &id).await;
        }
        write(&sindh).await;
        if sindh.proposal(1, &id).unwrap()["votes"].as_u64() >= Some(3) {
            break;
        }
    }
    let began = Instant::now();
    let mut cut = None;
    while cut.is_none() || began.elapsed() < AFTERWARDS {
        write(&sindh).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        cut = cut.or_else(|| sindh.proposal(1, &id).unwrap()["committed"].as_u64());
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "it is not committed"
        );
    }
    let cut = cut.unwrap();

    // Only this member appends: behind the height there is nothing, at whoever one asks.
    for gateway in 1..5 {
        assert_eq!(sindh.committed(gateway, &id).await, cut);
        assert_eq!(entries_behind(&sindh, gateway, cut), 0, "gateway {gateway}");
    }
    // What was committed before is served by all, the same everywhere.
    let city = sindh.city(1).await.unwrap();
    assert!(city.starts_with("City "), "{city}");
    sindh.shown(&[1, 2, 3, 4], &city).await;
    // The revoked gateway has the chain up to that block and knows why nothing more comes.
    sindh
        .until("it knows that it is revoked", || {
            let own = sindh.channel(0);
            own["standing"] == "revoked" && height(&own) == cut
        })
        .await;
    assert_eq!(
        sindh.city(0).await.as_deref(),
        Some(&city[..]),
        "and serves no more than that"
    );
    let fault = |sindh: &Network| {
        let status = sindh.gateways[0].look().unwrap_or_default();
        status["pipeline"]["sources"][0]["fault"]["message"].to_string()
    };
    sindh
        .until("its submissions are refused with a code", || {
            let fault = fault(&sindh);
            fault.contains("PIP0008") && fault.contains("REVOKED")
        })
        .await;
    let status = sindh.gateways[0].command(&["status"]).unwrap();
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        text.contains("REVOKED: nothing of this gateway is accepted"),
        "{text}"
    );
    assert_eq!(status.status.code(), Some(1));

    // The others go on: it hears nothing of that.
    let id = sindh.propose(1, &["suspend", &sindh.keys[4].clone()]);
    sindh.endorse(2, &id).await;
    sindh.endorse(3, &id).await;
    let later = sindh.committed(1, &id).await;
    assert!(later > cut);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        assert_eq!(height(&sindh.channel(0)), cut, "no block behind it is sent");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for gateway in 0..5 {
        sindh.verified(gateway);
    }
}
