// SPDX-License-Identifier: Apache-2.0
//! Seconds since 1970 as ASN.1 times: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5).

/// The last second that a certificate can say: 9999-12-31 23:59:59.
pub(super) const LAST_SECOND: u64 = 253_402_300_799;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The tag and the digits of a time that is not after [`LAST_SECOND`].
pub(super) fn digits(seconds: u64) -> (u8, String) {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let clock = format!(
        "{month:02}{day:02}{:02}{:02}{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    );
    if year < 2050 {
        (UTC_TIME, format!("{:02}{clock}", year % 100))
    } else {
        (GENERALIZED_TIME, format!("{year:04}{clock}"))
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar: 400 years have
/// 146,097 days, and a year that begins in March ends with its leap day.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, tag, text) in [
            (0, 0x17, "700101000000Z"),
            (951_782_399, 0x17, "000228235959Z"),
            (951_782_400, 0x17, "000229000000Z"),
            (2_524_607_999, 0x17, "491231235959Z"),
            (2_524_608_000, 0x18, "20500101000000Z"),
            (4_107_542_400, 0x18, "21000301000000Z"),
            (LAST_SECOND, 0x18, "99991231235959Z"),
        ] {
            assert_eq!(digits(seconds), (tag, text.to_owned()));
        }
    }
}
