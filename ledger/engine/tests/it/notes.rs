// SPDX-License-Identifier: Apache-2.0
//! What members' gateways say to each other, and what a member hears that is one no longer.

use std::time::{Duration, Instant};

use silsila_chain::{Height, PublicKey, Standing};
use silsila_engine::MAX_NOTE;
use silsila_store::TxStatus;

use crate::nodes::{Node, Running, found, nodes, revocation, wait};

/// What came, within a time.
fn heard(member: &Running, within: Duration) -> Option<(PublicKey, Vec<u8>)> {
    let until = Instant::now() + within;
    while Instant::now() < until {
        if let Some(note) = member.channel.hear(Duration::from_millis(50)).unwrap() {
            return Some(note);
        }
    }
    None
}

/// Says something to all until a member has heard it; what else it hears meanwhile was said before.
fn says(from: &Running, to: &Running, note: &[u8]) -> (PublicKey, Vec<u8>) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(from.channel.tell(None, note.to_vec()));
        if let Some(found) = heard(to, Duration::from_millis(300))
            && found.1 == note
        {
            return found;
        }
        assert!(Instant::now() < until, "nothing was heard");
    }
}

/// Waits until a member's chain says that another one is revoked.
fn knows(member: &Running, of: &Node) {
    wait("the revocation is known", || {
        let chain = member.store.chain().unwrap();
        let revoked = chain
            .members()
            .get(&of.identity())
            .map(|member| member.standing);
        (revoked == Some(Standing::Revoked)).then_some(())
    });
}

fn level(one: &Running, other: &Running) {
    wait("two members are level", || {
        (one.height() == other.height()).then_some(())
    });
}

#[test]
fn a_revoked_member_hears_up_to_the_block_that_revoked_it_and_nothing_more() {
    let all = nodes(3);
    let (one, two, three) = (&all[0], &all[1], &all[2]);
    let genesis = found("a channel", &[one, two, three], 1);
    let orders = one.run(&genesis, &[two, three]);
    let follows = two.run(&genesis, &[one, three]);
    let leaves = three.run(&genesis, &[one, two]);

    // Notes reach every member, and say who said them.
    let (from, note) = says(&orders, &leaves, b"to all");
    assert_eq!((from, &note[..]), (one.key().public(), &b"to all"[..]));
    let (from, _) = says(&leaves, &follows, b"by the third");
    assert_eq!(from, three.key().public());
    assert!(
        !orders.channel.tell(None, vec![0; MAX_NOTE + 1]),
        "too long"
    );

    // It is revoked while it is away; more is committed meanwhile.
    drop(leaves);
    let id = orders.propose(&revocation(three));
    let Height(cut) = orders.committed(id);
    for name in ["a", "b"] {
        orders.committed(orders.stage(&[name], "later"));
    }
    level(&follows, &orders);
    assert!(orders.height() > cut);

    // Back, it is told up to that block, learns why, and its own is refused for good.
    let leaves = three.run(&genesis, &[one, two]);
    knows(&leaves, three);
    assert_eq!(leaves.height(), cut);
    let own = leaves.stage(&["c"], "too late");
    wait("its own is refused", || match leaves.status_of(own) {
        TxStatus::Rejected { code } => {
            assert_eq!(code, "REVOKED");
            Some(())
        }
        _ => None,
    });

    // The others speak on; it hears nothing, and nobody hears it.
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        assert!(leaves.channel.tell(None, b"still here".to_vec()));
        let (from, _) = says(&orders, &follows, b"among us");
        assert_eq!(from, one.key().public());
        assert_eq!(heard(&leaves, Duration::from_millis(100)), None);
    }
    // Whoever is gone asks in vain for what came later.
    orders.committed(orders.stage(&["d"], "later still"));
    level(&follows, &orders);
    assert_eq!(leaves.height(), cut);
    assert_eq!(heard(&leaves, Duration::from_secs(1)), None);
}
