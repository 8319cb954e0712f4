// SPDX-License-Identifier: Apache-2.0
//! Whether sweeps may read now, and when they may next. Pure.

use crate::AllowedHours;

const DAY: i64 = 24 * 60;

impl AllowedHours {
    /// Milliseconds until the window opens; 0 while it is open.
    pub(crate) fn opens_in_ms(&self, now_ms: u64) -> u64 {
        let minutes = i64::try_from(now_ms / 60_000).unwrap_or(0) + i64::from(self.offset_minutes);
        let now = minutes.rem_euclid(DAY);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        let open = match from.cmp(&to) {
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Less => (from..to).contains(&now),
            std::cmp::Ordering::Greater => now >= from || now < to,
        };
        if open {
            return 0;
        }
        let minutes = (from - now).rem_euclid(DAY).unsigned_abs();
        minutes * 60_000 - now_ms % 60_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIGHT: AllowedHours = AllowedHours {
        from: 22 * 60,
        to: 5 * 60,
        offset_minutes: 300,
    };

    /// Milliseconds since 1970 of a time of day at Karachi.
    fn karachi(hour: u64, minute: u64) -> u64 {
        (24 + hour - 5) * 3_600_000 + minute * 60_000
    }

    #[test]
    fn a_window_that_passes_midnight_is_open_on_both_sides_of_it() {
        for (hour, minute) in [(22, 0), (23, 59), (0, 0), (4, 59)] {
            assert_eq!(
                NIGHT.opens_in_ms(karachi(hour, minute)),
                0,
                "{hour}:{minute}"
            );
        }
        assert_eq!(NIGHT.opens_in_ms(karachi(5, 0)), 17 * 3_600_000);
        assert_eq!(NIGHT.opens_in_ms(karachi(21, 59) + 30_000), 30_000);
    }

    #[test]
    fn a_window_within_the_day_is_closed_around_it() {
        let lunch = AllowedHours {
            from: 13 * 60,
            to: 14 * 60,
            offset_minutes: 300,
        };
        assert_eq!(lunch.opens_in_ms(karachi(13, 30)), 0);
        assert_eq!(lunch.opens_in_ms(karachi(14, 0)), 23 * 3_600_000);
        assert_eq!(lunch.opens_in_ms(karachi(12, 59)), 60_000);
    }
}
