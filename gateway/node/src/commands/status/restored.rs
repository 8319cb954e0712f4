// SPDX-License-Identifier: Apache-2.0
//! What a gateway waits for that was restored from a backup.

use crate::admin::{Awaited, AwaitedReport, RestoredReport};
use crate::output::{span, time};

/// Says that it follows, and of every channel what is still to come.
pub(super) fn restored(hospital: &str, restored: &RestoredReport, now_ms: u64) -> String {
    let ago = span(now_ms.saturating_sub(restored.since_ms));
    let mut lines = vec![format!(
        "gateway  {hospital}: CLI0015 RESTORED FROM A BACKUP {ago} ago: it follows the others, and serves, reads and signs nothing until it is level (docs/errors/CLI0015.md)"
    )];
    let channels = restored.channels.iter().map(channel);
    lines.extend(channels.map(|line| format!("         {line}")));
    lines.join("\n")
}

fn channel(channel: &AwaitedReport) -> String {
    let name = &channel.name;
    let at = format!(
        "height {} of {}",
        channel.height,
        channel.seen.max(channel.height)
    );
    if channel.level {
        return format!("{name}: {at}; level");
    }
    let until = match &channel.until {
        Awaited::Block {
            after_ms,
            newest_ms,
        } if newest_ms <= after_ms => format!(
            "a block dated later than {}; the newest here is of {}, and an idle channel makes one every ten minutes",
            time(*after_ms),
            time(*newest_ms)
        ),
        Awaited::Members { heard, of } if heard < of => {
            format!("every other member: {heard} of {of} heard")
        }
        Awaited::Quorum { heard, of } if heard < of => {
            format!("a quorum of those who order: {heard} heard, and {of} are needed")
        }
        _ => "the blocks that the others have".to_owned(),
    };
    format!("{name}: {at}; waits for {until}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(until: Awaited, height: u64, level: bool) -> String {
        let channel = AwaitedReport {
            name: "Sindh".to_owned(),
            level,
            height,
            seen: 9,
            until,
        };
        let report = RestoredReport {
            since_ms: 1_780_000_000_000,
            channels: vec![channel],
        };
        restored("Civil Hospital", &report, 1_780_000_060_000)
    }

    #[test]
    fn what_is_waited_for_is_said_of_every_role() {
        let of = 3;
        let said_of = [
            (
                Awaited::Members { heard: 1, of },
                "every other member: 1 of 3 heard",
            ),
            (
                Awaited::Quorum { heard: 2, of },
                "2 heard, and 3 are needed",
            ),
            (
                Awaited::Block {
                    after_ms: 1_780_000_120_000,
                    newest_ms: 1_780_000_120_000,
                },
                "a block dated later than 2026-05-28 20:28:40 UTC",
            ),
        ];
        for (until, words) in said_of {
            let said = said(until, 9, false);
            assert!(
                said.contains("1 min ago") && said.contains("CLI0015"),
                "{said}"
            );
            assert!(
                said.contains("Sindh: height 9 of 9; waits for") && said.contains(words),
                "{said}"
            );
        }
        let behind = said(Awaited::Members { heard: 3, of }, 8, false);
        assert!(
            behind.contains("height 8 of 9; waits for the blocks"),
            "{behind}"
        );
        let level = said(Awaited::Members { heard: 3, of }, 9, true);
        assert!(level.ends_with("Sindh: height 9 of 9; level"), "{level}");
    }
}
