// SPDX-License-Identifier: Apache-2.0
//! Members of a running network decide together, by command: another contract, a suspension and its end, a
//! member that is admitted later and finds what was there before it.

use std::time::{Duration, Instant};

use silsila_integration_tests::gateway::Gateway;
use silsila_integration_tests::{free_port, network};

use crate::story_scene::PATIENCE;
use crate::votes_scene::{Network, member, section};

/// How many observations a gateway serves.
async fn observations(gateway: &Gateway) -> u64 {
    let mut http = gateway.http().await.unwrap();
    let found = http.json("/fhir/Observation?_summary=count").await.unwrap();
    found["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_member_is_admitted_by_vote_catches_up_from_nothing_and_finds_earlier_records() {
    let mut sindh = Network::founded("story_votes", "", 4, 0..4).await;
    sindh.shown(&[0, 1, 2, 3], "Mirpurkhas").await;

    // One proposes another contract: by two thirds of four organizations, that is three.
    let contract = sindh.dir().join("stricter.cedar");
    let open = silsila_integration_tests::repository()
        .join("config/examples/contracts/open-treatment.cedar");
    let text = std::fs::read_to_string(&open).unwrap();
    let text = text.replace(
        "context.certified && context.votes * 2 > context.organizations",
        "context.certified && context.votes * 4 >= context.organizations * 3",
    );
    std::fs::write(&contract, &text).unwrap();
    let id = sindh.propose(1, &["contract", contract.to_str().unwrap()]);
    sindh.endorse(2, &id).await;
    sindh
        .until("both votes are known everywhere", || {
            (0..4).all(|one| {
                let known = sindh.proposal(one, &id).unwrap_or_default();
                known["votes"] == 2 && known["needed"] == 3 && known["state"] == "open"
            })
        })
        .await;
    let whole = sindh.gateways[3].command(&["channel", "proposals", &id]);
    let whole = String::from_utf8(whole.unwrap().stdout).unwrap();
    let line = "when { context.certified && context.votes * 4 >= context.organizations * 3 };";
    assert!(whole.contains(&format!("\n+ {line}")), "{whole}");
    assert!(whole.contains("2 of 4, 3 are needed"), "{whole}");
    // One was away while it was proposed, and hears of it when it is back.
    sindh.gateways[3].kill().unwrap();
    sindh.gateways[3].restart().await.unwrap();
    sindh.endorse(3, &id).await;
    for gateway in 0..4 {
        sindh.committed(gateway, &id).await;
    }

    // A fifth organization is certified, and asks to join.
    let dir = sindh.dir().to_owned();
    let mut fifth = member(&dir, 5);
    let port = free_port().unwrap();
    fifth.sections = section(port, &[]);
    network::enrol(&dir, &sindh.silsila, &fifth).unwrap();
    let credential = fifth.folder.join("keys/network.credential");
    let credential = credential.to_str().unwrap();
    let file = dir.join("sindh.channel");
    let configured = fifth.file();
    let refused = network::run(
        &sindh.silsila,
        &configured,
        &["channel", "join", file.to_str().unwrap()],
    );
    assert!(refused.is_err(), "it is no founder");
    network::run(
        &sindh.silsila,
        &configured,
        &["channel", "join", file.to_str().unwrap(), "--admitted"],
    )
    .unwrap();
    let peers: Vec<String> = (0..4)
        .map(|one| {
            let sections = &sindh.gateways[one].config().sections;
            let listen = sections.lines().find(|line| line.starts_with("listen"));
            let address = listen.unwrap().split('"').nth(1).unwrap().to_owned();
            format!("{}@{address}", sindh.keys[one])
        })
        .collect();
    fifth.sections = section(port, &peers);
    // It may start before it is admitted: nobody speaks to it.
    let fifth = Gateway::start(&sindh.silsila, fifth).await.unwrap();
    sindh.gateways.push(fifth);
    let id = sindh.propose(0, &["admit", credential]);
    sindh.endorse(1, &id).await;
    sindh
        .until(
            "two votes are there, and the new contract wants three",
            || {
                let known = sindh.proposal(0, &id).unwrap_or_default();
                known["votes"] == 2 && known["needed"] == 3
            },
        )
        .await;
    let alone = sindh.channel(4);
    assert_eq!(
        (&alone["height"], &alone["standing"]),
        (&0.into(), &"none".into())
    );
    sindh.endorse(2, &id).await;
    sindh.committed(0, &id).await;

    // Nobody restarts: it dials the others, takes the chain from its first block, and is given keys.
    sindh.shown(&[4], "Mirpurkhas").await;
    sindh.moves_to("Badin").await;
    let took = sindh.shown(&[0, 1, 2, 3, 4], "Badin").await;
    eprintln!("from UPDATE to five gateways, the fifth admitted a moment ago: {took:?}");
    let there = observations(&sindh.gateways[0]).await;
    assert!(there > 100, "{there}");
    // What is new goes before what is older, so that may still be on its way.
    let until = Instant::now() + PATIENCE;
    loop {
        let here = observations(&sindh.gateways[4]).await;
        if here == there {
            break;
        }
        assert!(
            here < there && Instant::now() < until,
            "{here} of {there} records that were there before it"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // It votes as the others do: a suspension, and its end.
    let (third, key) = (2, sindh.keys[2].clone());
    let id = sindh.propose(4, &["suspend", &key, "--reason", "key-compromise"]);
    sindh.endorse(0, &id).await;
    sindh.endorse(1, &id).await;
    sindh.committed(third, &id).await;
    assert_eq!(sindh.channel(third)["standing"], "suspended");
    assert_eq!(sindh.member(4, &key)["standing"], "suspended");
    let declined = sindh.propose(0, &["reinstate", &key]);
    sindh
        .until("the proposal arrives", || {
            sindh.proposal(3, &declined).is_some()
        })
        .await;
    sindh.ask(3, &["channel", "decline", &declined, "--yes", "--json"]);
    sindh
        .until("the objection is shown", || {
            sindh.proposal(0, &declined).unwrap()["declined"][0][1] == "Hospital 4"
        })
        .await;
    sindh.endorse(1, &declined).await;
    sindh.endorse(4, &declined).await;
    sindh.committed(third, &declined).await;
    assert_eq!(sindh.channel(third)["standing"], "active");
    for gateway in 0..5 {
        sindh.verified(gateway);
    }
}
