// SPDX-License-Identifier: Apache-2.0
//! Four of five hospitals order. One of them is gone for good: the others revoke it and, by command, let the
//! fifth take its seat, without which the next power cut would stop them.

use crate::votes_scene::Network;

#[tokio::test]
async fn the_fifth_member_takes_the_seat_of_a_revoked_validator() {
    let mut sindh = Network::founded("story_seats", "", 5, 0..4).await;
    sindh.shown(&[0, 1, 2, 3, 4], "Mirpurkhas").await;
    let keys = sindh.keys.clone();
    assert_eq!(sindh.channel(4)["role"], "follower");

    sindh.gateways[3].kill().unwrap();
    let id = sindh.propose(1, &["revoke", &keys[3], "--reason", "left"]);
    sindh.endorse(0, &id).await;
    sindh.endorse(2, &id).await;
    for gateway in [0, 1, 2, 4] {
        sindh.committed(gateway, &id).await;
    }
    sindh
        .until("its seat is said to be left", || {
            let channel = sindh.channel(0);
            channel["revoked_validators"] == 1 && channel["epoch"] == 0
        })
        .await;
    let status = sindh.gateways[0].command(&["status"]).unwrap();
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains("OF THE VALIDATORS WAS REVOKED"), "{text}");
    assert!(text.contains("0 may be away"), "{text}");

    let seats = ["validators", &keys[0][..], &keys[1], &keys[2], &keys[4]];
    let id = sindh.propose(1, &seats);
    for gateway in [0, 2, 4] {
        if sindh.proposal(1, &id).unwrap()["state"] == "open" {
            sindh.endorse(gateway, &id).await;
        }
    }
    let decided = sindh.committed(0, &id).await;
    sindh
        .until("the next epoch has begun everywhere", || {
            [0, 1, 2, 4].into_iter().all(|one| {
                let channel = sindh.channel(one);
                channel["epoch"] == 1 && channel["role"] == "validator"
            })
        })
        .await;
    let channel = sindh.channel(4);
    assert!(
        channel["height"].as_u64() >= Some(decided + 16),
        "{channel:#}"
    );
    assert_eq!(channel["revoked_validators"], 0);
    sindh.moves_to("Badin").await;
    sindh.shown(&[0, 1, 2, 4], "Badin").await;

    // With one more away, the new one's vote is needed.
    sindh.gateways[2].kill().unwrap();
    sindh.moves_to("Thatta").await;
    let took = sindh.shown(&[0, 1, 4], "Thatta").await;
    eprintln!("from UPDATE to three gateways, one validator away: {took:?}");
    sindh.gateways[2].restart().await.unwrap();
    sindh.shown(&[2], "Thatta").await;

    // Whoever was revoked while it was away learns of that, and of nothing after.
    sindh.gateways[3].restart().await.unwrap();
    sindh
        .until("it knows that it is revoked", || {
            sindh.channel(3)["standing"] == "revoked"
        })
        .await;
    assert_eq!(sindh.city(3).await.as_deref(), Some("Mirpurkhas"));
    for gateway in 0..5 {
        sindh.verified(gateway);
    }
}
