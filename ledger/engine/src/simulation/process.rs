// SPDX-License-Identifier: Apache-2.0
//! What runs at a member: the engine as it is, or the two halves of a clone.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, SplitOrigin, SplitTarget};
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Supervisor};
use commonware_utils::{NZU16, NZUsize};

use super::hostile::Damages;
use super::machine::Machine;
use super::memory::MemoryLedger;
use super::world::Halves;
use super::{Context, Dice};
use crate::assembly::{AllLanes, Ground, Me, open};
use crate::consensus::Patience;

/// Runs a member until the process is ended.
pub(super) async fn run<S, R>(
    machine: Machine,
    key: PrivateKey,
    ledger: Arc<MemoryLedger>,
    blocker: simulated::Control<PublicKey, Context>,
    lanes: Vec<(S, R)>,
    folder: String,
) where
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let lanes = AllLanes::of(lanes).expect("six lanes");
    let ground = Ground {
        blocker,
        patience: Patience {
            leader: Duration::from_secs(1),
            votes: Duration::from_secs(2),
            silence: Duration::from_secs(11),
            idle: Duration::from_secs(20),
        },
        cache: CacheRef::new(NZU16!(4096), NZUsize!(256)),
        folder,
        root: None,
        watch: false,
    };
    let me = Me {
        engine_key: key,
        member_key: ledger.key(),
    };
    let opened = Box::pin(open(machine.child("member"), ledger, me, ground, lanes)).await;
    let (_handle, _running) = opened.expect("a channel opens");
    pending::<()>().await;
}

type Half<S, R> = Vec<(Damages<S>, R)>;

/// One key at two places: each half hears and reaches those of the others that are on its side, and one of
/// them damages some of what it sends.
pub(super) fn split<E: Clock>(
    machine: &Machine,
    lanes: Vec<(
        simulated::Sender<PublicKey, E>,
        simulated::Receiver<PublicKey>,
    )>,
    halves: &Halves,
    seed: u64,
) -> (
    Half<impl Sender<PublicKey = PublicKey>, simulated::Receiver<PublicKey>>,
    Half<impl Sender<PublicKey = PublicKey>, simulated::Receiver<PublicKey>>,
) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (lane, (sender, receiver)) in (0..).zip(lanes) {
        let sides = Arc::clone(halves);
        let (one, other) =
            sender.split_with(move |origin, recipients: &Recipients<PublicKey>, _: &_| {
                let sides = sides.lock().expect("nobody panics with it");
                let side = &sides[usize::from(origin == SplitOrigin::Secondary)];
                let kept = |key: &&PublicKey| side.contains(*key);
                let kept: Vec<PublicKey> = match recipients {
                    Recipients::All => side.iter().cloned().collect(),
                    Recipients::Some(some) => some.iter().filter(kept).cloned().collect(),
                    Recipients::One(one) => Some(one).into_iter().filter(kept).cloned().collect(),
                };
                (!kept.is_empty()).then_some(Recipients::Some(kept))
            });
        let sides = Arc::clone(halves);
        let ears = machine.child("ears").with_attribute("lane", lane);
        let (hears, overhears) = receiver.split_with(ears, move |message| {
            let sides = sides.lock().expect("nobody panics with it");
            match (sides[0].contains(&message.0), sides[1].contains(&message.0)) {
                (true, true) => SplitTarget::Both,
                (true, false) => SplitTarget::Primary,
                (false, true) => SplitTarget::Secondary,
                (false, false) => SplitTarget::None,
            }
        });
        let honest = Damages::new(one, 0, Dice(seed));
        let damaging = Damages::new(other, if lane == 3 { 3 } else { 0 }, Dice(seed));
        first.push((honest, hears));
        second.push((damaging, overhears));
    }
    (first, second)
}
