// SPDX-License-Identifier: Apache-2.0
//! Dates and times as the log packs them.

use mysql_async::Value as Raw;
use silsila_source::DateTime;

use super::wire::Bytes;

/// Numbers that fit by their masks.
fn small(n: u64) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

fn year(n: u64) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// DATE: five bits of day, four of month, the year.
pub(super) fn date(packed: u64) -> Raw {
    let (month, day) = (small(packed >> 5 & 15), small(packed & 31));
    Raw::Date(year(packed >> 9), month, day, 0, 0, 0, 0)
}

/// DATETIME before MySQL 5.6: the digits YYYYMMDDhhmmss.
pub(super) fn old_date_time(digits: u64) -> Raw {
    let two = |from: u64| small(digits / from % 100);
    Raw::Date(
        year(digits / 10_000_000_000),
        two(100_000_000),
        two(1_000_000),
        two(10_000),
        two(100),
        two(1),
        0,
    )
}

/// TIME before MySQL 5.6: the digits hhmmss, negative ones as a negative number of three bytes.
pub(super) fn old_time(digits: u64) -> Raw {
    let signed = (digits << 40).cast_signed() >> 40;
    let n = signed.unsigned_abs();
    span(signed < 0, n / 10_000, n / 100 % 100, n % 100, 0)
}

/// DATETIME: a sign that is always set, year and month in one number, day, hour, minute, second, and the
/// fraction.
pub(super) fn date_time(cell: &[u8], digits: u8) -> Option<Raw> {
    let (whole, micros) = fractioned(cell, 5, digits)?;
    let packed = whole & 0x7f_ffff_ffff;
    let month = packed >> 22;
    Some(Raw::Date(
        year(month / 13),
        small(month % 13),
        small(packed >> 17 & 31),
        small(packed >> 12 & 31),
        small(packed >> 6 & 63),
        small(packed & 63),
        micros,
    ))
}

/// TIMESTAMP: seconds since 1970, of which none stands for the zero date.
pub(super) fn timestamp(seconds: u64, micros: u32) -> Raw {
    if seconds == 0 && micros == 0 {
        return Raw::Date(0, 0, 0, 0, 0, 0, 0);
    }
    let at = DateTime::from_unix_ms(seconds.saturating_mul(1_000));
    Raw::Date(
        at.date.year,
        at.date.month,
        at.date.day,
        at.time.hour,
        at.time.minute,
        at.time.second,
        micros,
    )
}

/// TIME: hours, minutes, seconds and the fraction in one number that is shifted by its middle.
pub(super) fn time(cell: &[u8], digits: u8) -> Option<Raw> {
    let bytes = usize::from(digits).div_ceil(2);
    let stored = Bytes(cell).big_endian(3 + bytes).ok()?;
    let middle = 1u64 << (23 + 8 * bytes);
    let negative = stored < middle;
    let distance = stored.abs_diff(middle);
    let (whole, fraction) = (distance >> (8 * bytes), distance & ((1 << (8 * bytes)) - 1));
    Some(span(
        negative,
        whole >> 12 & 1023,
        whole >> 6 & 63,
        whole & 63,
        micros(fraction, bytes)?,
    ))
}

fn span(negative: bool, hours: u64, minutes: u64, seconds: u64, micros: u32) -> Raw {
    let days = u32::try_from(hours / 24).unwrap_or(u32::MAX);
    let hours = small(hours % 24);
    Raw::Time(
        negative,
        days,
        hours,
        small(minutes),
        small(seconds),
        micros,
    )
}

/// A whole part of so many bytes, and the microseconds behind it.
pub(super) fn fractioned(cell: &[u8], whole: usize, digits: u8) -> Option<(u64, u32)> {
    let mut bytes = Bytes(cell);
    let number = bytes.big_endian(whole).ok()?;
    let length = usize::from(digits).div_ceil(2);
    let fraction = bytes.big_endian(length).ok()?;
    Some((number, micros(fraction, length)?))
}

/// Two digits for every byte.
fn micros(fraction: u64, bytes: usize) -> Option<u32> {
    let scale = [0, 10_000, 100, 1].get(bytes)?;
    u32::try_from(fraction * scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_midnight_are_told_apart() {
        let check = |cell: &[u8], digits, expect: Raw| assert_eq!(time(cell, digits), Some(expect));
        check(&[0x80, 0x17, 0x9e], 0, Raw::Time(false, 0, 1, 30, 30, 0));
        // -01:30:30.5 with one digit: one less than the whole, and the rest of a second.
        check(
            &[0x7f, 0xe8, 0x61, 0xce],
            2,
            Raw::Time(true, 0, 1, 30, 30, 500_000),
        );
        check(&[0x80, 0x00, 0x00], 0, Raw::Time(false, 0, 0, 0, 0, 0));
    }

    #[test]
    fn zero_dates_stay_zero() {
        assert_eq!(date(0), Raw::Date(0, 0, 0, 0, 0, 0, 0));
        assert_eq!(timestamp(0, 0), Raw::Date(0, 0, 0, 0, 0, 0, 0));
        let zero = date_time(&[0x80, 0, 0, 0, 0], 0);
        assert_eq!(zero, Some(Raw::Date(0, 0, 0, 0, 0, 0, 0)));
    }

    #[test]
    fn the_old_forms_are_digits() {
        let old = old_date_time(20_250_701_083_059);
        assert_eq!(old, Raw::Date(2025, 7, 1, 8, 30, 59, 0));
        assert_eq!(
            old_time(0xff_ffff - 13_029),
            Raw::Time(true, 0, 1, 30, 30, 0)
        );
    }
}
