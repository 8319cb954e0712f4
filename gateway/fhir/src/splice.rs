// SPDX-License-Identifier: Apache-2.0
//! Putting `meta.versionId` and `meta.lastUpdated` into canonical bytes, which leave them out because
//! the version number and the block time are known only once the entry is committed. The rest of the
//! text stays as it is, byte for byte.

use std::fmt::Write as _;
use std::ops::Range;

/// Appends the body with the two members to `out`. A body without `meta` gets one.
pub fn with_meta(out: &mut Vec<u8>, body: &[u8], version: u64, updated_ms: i64) {
    splice(out, body, outline(body).meta, version, updated_ms);
}

/// The logical id that a body gives itself.
pub fn id_of(body: &[u8]) -> Option<&str> {
    let id = outline(body).id?;
    std::str::from_utf8(body.get(id)?).ok()
}

fn splice(out: &mut Vec<u8>, body: &[u8], meta: Option<usize>, version: u64, updated_ms: i64) {
    let mut added = String::with_capacity(72);
    let _infallible = write!(
        added,
        r#""lastUpdated":"{}","versionId":"{version}""#,
        instant(updated_ms)
    );
    let (head, tail) = body.split_at(meta.unwrap_or(1).min(body.len()));
    out.extend(head);
    if meta.is_none() {
        out.extend(b"\"meta\":{");
    }
    out.extend(added.as_bytes());
    if meta.is_none() {
        out.push(b'}');
    }
    if tail.first() != Some(&b'}') {
        out.push(b',');
    }
    out.extend(tail);
}

/// Places in a body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outline {
    /// The text of the outermost `id`.
    id: Option<Range<usize>>,
    /// Where the members of the outermost `meta` begin.
    meta: Option<usize>,
}

/// Finds the outermost `id` and `meta`. Canonical text has no whitespace and sorted members, so nothing
/// after `meta` matters; a backslash in a name would only make it another name.
fn outline(body: &[u8]) -> Outline {
    const ID: &[u8] = b"\"id\":\"";
    const META: &[u8] = b"\"meta\":{";
    let mut found = Outline::default();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => {
                let member = depth == 1 && matches!(body[at - 1], b'{' | b',');
                let rest = &body[at..];
                if member && rest.starts_with(META) {
                    found.meta = Some(at + META.len());
                    return found;
                }
                let Some(end) = end_of_string(body, at) else {
                    return found;
                };
                if member && rest.starts_with(ID) {
                    let begin = at + ID.len();
                    found.id = end_of_string(body, begin - 1).map(|end| begin..end);
                }
                at = end;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The closing quote of the string that opens at `at`.
fn end_of_string(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1;
        match body.get(at)? {
            b'\\' => at += 1,
            b'"' => return Some(at),
            _ => {}
        }
    }
}

/// A time as a FHIR instant in UTC, with milliseconds.
pub fn instant(ms: i64) -> String {
    let (year, month, day, hour, minute, second) = parts(ms);
    let milli = ms.rem_euclid(1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// A time as HTTP writes it (RFC 9110, section 5.6.7).
pub fn http_date(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let (year, month, day, hour, minute, second) = parts(ms);
    let weekday = usize::try_from(ms.div_euclid(86_400_000).rem_euclid(7)).unwrap_or(0);
    let name = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    format!(
        "{}, {day:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
        DAYS[weekday]
    )
}

/// The second that such a text names; none for the obsolete forms and for what is no date.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let fields: Vec<_> = text.split_ascii_whitespace().collect();
    let [_weekday, day, month, year, clock, "GMT"] = fields[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let (ms, _) =
        silsila_schema::search::parse_date_range(&format!("{year}-{month:02}-{day}T{clock}Z"))?;
    Some(ms.div_euclid(1_000))
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Civil date and time of a moment, by the days of an era of 400 years.
fn parts(ms: i64) -> (i64, i64, i64, i64, i64, i64) {
    let seconds = ms.div_euclid(1000);
    let days = seconds.div_euclid(86_400);
    let second_of_day = seconds.rem_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (
        year,
        month,
        day,
        second_of_day / 3_600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: &str) {
        let mut out = Vec::new();
        with_meta(&mut out, body.as_bytes(), 3, 1_751_328_000_250);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }

    const ADDED: &str = r#""lastUpdated":"2025-07-01T00:00:00.250Z","versionId":"3""#;

    #[test]
    fn version_and_time_join_the_meta_that_is_there() {
        check(
            r#"{"id":"a","meta":{"source":"https://h.example"},"resourceType":"Patient"}"#,
            &format!(
                r#"{{"id":"a","meta":{{{ADDED},"source":"https://h.example"}},"resourceType":"Patient"}}"#
            ),
        );
        check(r#"{"meta":{}}"#, &format!(r#"{{"meta":{{{ADDED}}}}}"#));
    }

    #[test]
    fn a_body_without_meta_gets_one() {
        check(
            r#"{"id":"a"}"#,
            &format!(r#"{{"meta":{{{ADDED}}},"id":"a"}}"#),
        );
    }

    #[test]
    fn only_the_outermost_meta_counts() {
        check(
            r#"{"contained":[{"meta":{"x":1}}],"id":"\"meta\":{","meta":{"y":[{}]},"note":"\\"}"#,
            &format!(
                r#"{{"contained":[{{"meta":{{"x":1}}}}],"id":"\"meta\":{{","meta":{{{ADDED},"y":[{{}}]}},"note":"\\"}}"#
            ),
        );
    }

    #[test]
    fn a_body_tells_its_id() {
        for (body, id) in [
            (
                r#"{"active":true,"contained":[{"id":"x"}],"id":"a-1","meta":{}}"#,
                Some("a-1"),
            ),
            (r#"{"code":{"id":"x"},"note":"\"id\":\"y\""}"#, None),
            (r#"{"id":"#, None),
            (r#"{"id":"a"#, None),
            ("", None),
        ] {
            assert_eq!(id_of(body.as_bytes()), id, "{body}");
        }
    }

    #[test]
    fn times_are_written_as_fhir_and_http_ask() {
        assert_eq!(instant(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(instant(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(instant(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        for other in [
            "",
            "yesterday",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(other), None, "{other}");
        }
    }
}
