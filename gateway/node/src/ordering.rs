// SPDX-License-Identifier: Apache-2.0
//! What follows when a gateway's part in ordering has ended (ADR 60). Consensus and the connections to the members run on
//! a thread of their own; where its files cannot be written, as on a full disk, the library that they come from ends it
//! with a panic. The gateway goes on serving what is committed, takes nothing more, and says so.
//!
//! A new start is what mends it, and takes up everything as after a power cut. The gateway ends by itself for one, but
//! not before there is room: on a full disk it would not come up, and what is read now could not be read. Nor does it end
//! soon after its start, lest a fault that stays make it come and go.

use std::future::pending;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::shared::Shared;

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);
/// The gateway ends no sooner than so long after its start.
const SETTLED: Duration = Duration::from_secs(60);
/// Room enough, in bytes; on a small disk a twentieth of it.
const ROOM: u64 = 64 << 20;

/// A file system, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Disk {
    /// What may be written yet.
    pub free: u64,
    /// All of it.
    pub size: u64,
}

impl Disk {
    /// The one of a folder, where the system knows.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(Self {
            free: disk.f_bavail.checked_mul(disk.f_frsize)?,
            size: disk.f_blocks.checked_mul(disk.f_frsize)?,
        })
    }

    const fn has_room(self) -> bool {
        let twentieth = self.size / 20;
        self.free >= if twentieth < ROOM { twentieth } else { ROOM }
    }
}

/// Returns once ordering has ended and a new start can mend it; never on a gateway that is alone.
pub async fn is_to_start_anew(shared: Option<Shared>, storage: &Path) {
    let Some(shared) = shared else {
        return pending().await;
    };
    let began = Instant::now();
    let mut told = false;
    loop {
        tokio::time::sleep(LOOK).await;
        if !shared.has_ended() {
            continue;
        }
        if !std::mem::replace(&mut told, true) {
            tracing::error!(
                code = "CLI0017",
                "ordering has ended, as on a full disk: nothing more is committed here, and what is committed is served; once there is room, the gateway ends to be started again"
            );
        }
        if may_end(began.elapsed(), Disk::of(storage)) {
            return;
        }
    }
}

/// Where the system does not know how much room there is, a start may show it.
fn may_end(up: Duration, disk: Option<Disk>) -> bool {
    up >= SETTLED && disk.is_none_or(Disk::has_room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_ends_for_a_new_start_only_where_there_is_room_and_not_soon_after_the_last() {
        let disk = |free, size| Some(Disk { free, size });
        let large = 1 << 40;
        for (up, disk, expect) in [
            (SETTLED, disk(ROOM, large), true),
            (SETTLED, disk(ROOM - 1, large), false),
            (SETTLED, disk(0, large), false),
            (SETTLED - LOOK, disk(large, large), false),
            (SETTLED, disk(5, 100), true),
            (SETTLED, disk(4, 100), false),
            (SETTLED, None, true),
        ] {
            assert_eq!(may_end(up, disk), expect, "{up:?} {disk:?}");
        }
    }
}
