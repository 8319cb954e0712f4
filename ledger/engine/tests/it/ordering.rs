// SPDX-License-Identifier: Apache-2.0
//! Four validators over real connections.

use std::time::{Duration, Instant};

use silsila_chain::Reason;
use silsila_engine::Patience;
use silsila_store::TxStatus;

use crate::nodes::{Node, Running, bytes_of, found, kill, level, nodes, one_history, share, wait};

#[test]
fn what_any_of_four_submits_is_committed_at_all_in_one_order() {
    let nodes = nodes(4);
    let (_, _, running) = share(&nodes, 4);
    let ids: Vec<_> = (running.iter().zip(["a", "b", "c", "d"]))
        .map(|(one, name)| one.stage(&[name], "first"))
        .collect();
    for (one, id) in running.iter().zip(&ids) {
        one.committed(*id);
    }
    let second = running[2].stage(&["c", "e"], "second");
    let height = running[2].committed(second).0;
    level(&running, height);
    one_history(&running, height);
    for one in &running {
        one.has_all_payloads();
        let report = one.store.verify(&mut |_| ()).unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
    }
}

#[test]
fn three_of_four_go_on_and_the_fourth_returns_level() {
    let nodes = nodes(4);
    let (all, genesis, mut running) = share(&nodes, 4);
    let first = running[0].stage(&["a"], "first");
    level(&running, running[0].committed(first).0);
    kill(running.pop().expect("four run"));
    let mut worst = 0;
    for round in 0..60 {
        let began = Instant::now();
        let id = running[round % 3].stage(&[["a", "b", "c"][round % 3]], &format!("round {round}"));
        running[round % 3].committed(id);
        worst = worst.max(began.elapsed().as_millis());
    }
    eprintln!("worst gap with one of four away: {worst} ms");
    let height = running
        .iter()
        .map(Running::height)
        .max()
        .expect("three run");
    running.push(nodes[3].run(&genesis, &all));
    level(&running, height);
    running[3].has_all_payloads();
    let own = running[3].stage(&["d"], "it takes part again");
    level(&running, running[3].committed(own).0);
}

#[test]
fn all_four_end_and_return_without_a_fork_or_a_loss() {
    let nodes = nodes(4);
    let (_, _, running) = share(&nodes, 4);
    let id = running[0].stage(&["a"], "first");
    let height = running[0].committed(id).0;
    level(&running, height);
    let before = running[0].headers();
    let pending = running[1].stage(&["b"], "perhaps under way");
    running.into_iter().for_each(kill);
    let (_, _, running) = share(&nodes, 4);
    running[1].committed(pending);
    let id = running[3].stage(&["d"], "after");
    let height = running[3].committed(id).0;
    level(&running, height);
    assert_eq!(running[0].headers()[..before.len()], before);
    one_history(&running, height);
    running.iter().for_each(Running::has_all_payloads);
}

#[test]
fn whoever_does_not_vote_follows_and_submits_also_from_nothing() {
    let nodes = nodes(6);
    let all: Vec<&Node> = nodes.iter().collect();
    let genesis = found("shared", &all, 4);
    let mut running: Vec<Running> = nodes[..5]
        .iter()
        .map(|node| node.run(&genesis, &all))
        .collect();
    for name in ["a", "b", "c"] {
        let id = running[4].stage(&[name], "by a follower");
        running[4].committed(id);
    }
    running.push(nodes[5].run(&genesis, &all));
    let height = running[4].height();
    level(&running, height);
    assert_eq!(running[5].status().role, "follower");
    running[5].has_all_payloads();
    one_history([&running[0], &running[5]], height);
}

#[test]
fn one_named_validator_orders_for_three_organizations() {
    let nodes = nodes(3);
    let (_, _, running) = share(&nodes, 1);
    for (position, name) in [(0, "a"), (1, "b"), (2, "c"), (0, "a")] {
        let id = running[position].stage(&[name], &format!("by {position}"));
        running[position].committed(id);
    }
    let height = running[0].height();
    level(&running, height);
    for one in &running {
        one.has_all_payloads();
        assert_eq!(one.headers(), running[0].headers());
    }
    assert_eq!(running[0].status().role, "orderer");
    assert_eq!(running[1].status().role, "follower");
}

#[test]
fn what_the_contract_forbids_is_rejected_with_its_code_and_holds_nothing_up() {
    let nodes = nodes(4);
    let (_, _, running) = share(&nodes, 4);
    for one in [&running[0], &running[3]] {
        let (note, id) = (one.stage_note(), one.stage(&["a"], "permitted"));
        one.committed(id);
        let expected = TxStatus::Rejected {
            code: Reason::NotPermitted.code().to_owned(),
        };
        assert_eq!(one.status_of(note), expected);
    }
}

#[test]
fn two_or_three_validators_are_refused_with_their_code() {
    let nodes = nodes(3);
    let all: Vec<&Node> = nodes.iter().collect();
    for validators in [2, 3] {
        let genesis = found("shared", &all, validators);
        let refused = nodes[0].join(&genesis, &all).err().expect("too few");
        assert_eq!(refused.code(), "NET0002");
    }
}

#[test]
fn a_channel_says_whom_it_hears_and_that_nothing_waits() {
    let nodes = nodes(4);
    let (_, _, running) = share(&nodes, 4);
    let id = running[0].stage(&["a"], "first");
    level(&running, running[0].committed(id).0);
    let status = wait("others are heard", || {
        let status = running[0].status();
        (status.heard.len() == 3).then_some(status)
    });
    assert_eq!(
        (status.role, status.validators, status.members),
        ("validator", 4, 4)
    );
    assert_eq!((status.waiting, status.failing), (0, None));
}

#[test]
fn an_idle_channel_gets_empty_blocks_and_its_files_stop_growing() {
    let nodes = nodes(4);
    let all: Vec<&Node> = nodes.iter().collect();
    let genesis = found("idle", &all, 4);
    // Twelve views a second in which nobody proposes, and an empty block every second.
    let hasty = Patience {
        leader: Duration::from_millis(80),
        votes: Duration::from_millis(160),
        silence: Duration::from_secs(6),
        idle: Duration::from_secs(1),
    };
    let join = |node: &Node| node.join_with(&genesis, &all, hasty).unwrap();
    let running: Vec<Running> = nodes.iter().map(join).collect();
    let id = running[0].stage(&["a"], "first");
    let height = running[0].committed(id).0;
    let after = |blocks: u64| {
        level(&running, height + blocks);
        nodes
            .iter()
            .map(|node| bytes_of(&node.engine_folder()))
            .sum::<u64>()
    };
    // Consensus remembers some hundred views; from then on it forgets as many as it adds.
    let (filling, full, later) = (after(3), after(22), after(32));
    eprintln!("files of an idle channel's four validators: {filling}, {full}, {later} bytes");
    assert!(later < full + (full - filling) / 4);
}

#[test]
fn time_passes_on_an_idle_channel_while_something_waits_for_it_and_no_longer() {
    let all = nodes(2);
    let (one, two) = (&all[0], &all[1]);
    let genesis = found("idle", &[one, two], 1);
    let running = [one.run(&genesis, &[two]), two.run(&genesis, &[one])];
    let [orders, follows] = &running;
    assert_eq!(orders.height(), 0);

    orders.channel.hurry(true);
    level(&running, 1);
    orders.channel.hurry(false);
    let chain = follows.store.chain().unwrap();
    assert!(chain.time_ms() > genesis.time_ms);
    assert_eq!(chain.entries(), 0);

    // Nothing further, and nothing by who only follows.
    let height = orders.height();
    follows.channel.hurry(true);
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        assert_eq!(orders.height(), height);
        std::thread::sleep(Duration::from_millis(50));
    }
}
