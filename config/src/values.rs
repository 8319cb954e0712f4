// SPDX-License-Identifier: Apache-2.0
//! One function per kind of value: what is accepted, and what to say otherwise.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use crate::{Hours, PeerAddress, UtcOffset};

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another type was wanted: in words, such as `a whole number`.
    Type(&'static str),
    /// The right type, but it cannot be: what is wrong with it, and what would do.
    Value(String, String),
}

pub(crate) type Read<T> = Result<T, Refused>;

fn refuse<T>(problem: impl Into<String>, help: impl Into<String>) -> Read<T> {
    Err(Refused::Value(problem.into(), help.into()))
}

/// Text that is not empty.
pub(crate) fn text(value: &DeValue<'_>) -> Read<String> {
    let text = value.as_str().ok_or(Refused::Type("text in quotes"))?;
    if text.trim().is_empty() {
        return refuse("it is empty", "write something, or leave the setting out");
    }
    if text.chars().any(char::is_control) {
        return refuse("it holds a control character", "write it on one line");
    }
    Ok(text.to_owned())
}

pub(crate) fn switch(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().ok_or(Refused::Type("true or false"))
}

pub(crate) fn path(value: &DeValue<'_>) -> Read<PathBuf> {
    text(value)
        .map(PathBuf::from)
        .map_err(|refused| match refused {
            Refused::Type(_) => Refused::Type("a path in quotes"),
            refused @ Refused::Value(..) => refused,
        })
}

/// A whole number within bounds.
pub(crate) fn whole(low: u32, high: u32) -> impl Fn(&DeValue<'_>) -> Read<u32> {
    move |value| {
        let digits = value.as_integer().ok_or(Refused::Type("a whole number"))?;
        let help = || format!("any number from {low} to {high}");
        match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(n) if (i64::from(low)..=i64::from(high)).contains(&n) => {
                u32::try_from(n).or_else(|_| refuse("it is out of range", help()))
            }
            _ => refuse(format!("{digits} is out of range"), help()),
        }
    }
}

pub(crate) fn port(value: &DeValue<'_>) -> Read<u16> {
    whole(1, 65_535)(value).map(|port| u16::try_from(port).expect("at most 65535"))
}

pub(crate) fn percent(value: &DeValue<'_>) -> Read<f64> {
    let written = match value {
        DeValue::Integer(digits) => digits.as_str(),
        DeValue::Float(digits) => digits.as_str(),
        _ => return Err(Refused::Type("a number, such as 2 or 0.5")),
    };
    match written.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => refuse(format!("{written} is no percentage"), "from 0 to 100"),
    }
}

const DURATION: &str = "a duration in quotes, such as \"10s\" or \"5 min\"";

/// A duration within bounds: a whole number and `ms`, `s`, `min`, `h` or `d`.
pub(crate) fn duration(low: Duration, high: Duration) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    move |value| {
        let text = value.as_str().ok_or(Refused::Type(DURATION))?;
        let (number, unit) = number_and_unit(text);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" | "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => {
                return refuse(
                    format!("{text:?} is no duration"),
                    format!("write {DURATION}; the units are ms, s, min, h and d"),
                );
            }
        };
        let Some(millis) = number.and_then(|n| n.checked_mul(millis)) else {
            return refuse(
                format!("{text:?} is no duration"),
                format!("write {DURATION}"),
            );
        };
        let read = Duration::from_millis(millis);
        if read < low || read > high {
            let help = format!("anything from {} to {}", show(low), show(high));
            return refuse(format!("{text:?} is out of range"), help);
        }
        Ok(read)
    }
}

/// A duration in the largest unit that keeps it whole.
pub(crate) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, " min"),
        (1_000, "s"),
    ]
    .into_iter()
    .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit))
    .map_or_else(
        || format!("{millis}ms"),
        |(unit, word)| format!("{}{word}", millis / unit),
    )
}

const SIZE: &str = "a size in quotes, such as \"64 MB\"";

/// A number of bytes within bounds: a whole number and `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`.
pub(crate) fn size(low: u64, high: u64) -> impl Fn(&DeValue<'_>) -> Read<u64> {
    move |value| {
        let text = value.as_str().ok_or(Refused::Type(SIZE))?;
        let (number, unit) = number_and_unit(text);
        let unit = match unit {
            "B" => Some(1),
            "kB" | "KB" => Some(1_000),
            "MB" => Some(1_000_000),
            "GB" => Some(1_000_000_000),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = number.zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
        match bytes {
            Some(bytes) if (low..=high).contains(&bytes) => Ok(bytes),
            Some(_) => refuse(
                format!("{text:?} is out of range"),
                format!("anything from {low} B to {high} B"),
            ),
            None => refuse(
                format!("{text:?} is no size"),
                format!("write {SIZE}; the units are B, kB, MB, GB, KiB, MiB and GiB"),
            ),
        }
    }
}

fn number_and_unit(text: &str) -> (Option<u64>, &str) {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..digits].parse().ok(), text[digits..].trim_start())
}

pub(crate) fn socket_address(value: &DeValue<'_>) -> Read<SocketAddr> {
    const KIND: &str = "an address and port in quotes, such as \"127.0.0.1:8081\"";
    let text = value.as_str().ok_or(Refused::Type(KIND))?;
    text.parse().or_else(|_| {
        let help = if text.starts_with("localhost") {
            format!("write {}", text.replacen("localhost", "127.0.0.1", 1))
        } else {
            format!("write {KIND}; [::]:8081 for IPv6")
        };
        refuse(format!("{text:?} is no address and port"), help)
    })
}

/// A host name or address, and a port.
pub(crate) fn host_and_port(value: &DeValue<'_>) -> Read<String> {
    const KIND: &str = "a host and port in quotes, such as \"authority.example:8080\"";
    let text = value.as_str().ok_or(Refused::Type(KIND))?;
    let sound = text.rsplit_once(':').is_some_and(|(host, port)| {
        let letters = |c: char| c.is_ascii_alphanumeric() || "-.[]:".contains(c);
        !host.is_empty()
            && host.chars().all(letters)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if sound {
        Ok(text.to_owned())
    } else {
        refuse(
            format!("{text:?} is no host and port"),
            format!("write {KIND}"),
        )
    }
}

/// Other members' gateways, each as the beginning of its key, `@`, host and port.
pub(crate) fn peers(value: &DeValue<'_>) -> Read<Vec<PeerAddress>> {
    const KIND: &str =
        "a list of gateways in quotes, such as [\"7f3a22c1@hyderabad.example:9082\"]";
    let list = value.as_array().ok_or(Refused::Type(KIND))?;
    list.iter().map(|value| peer(value.get_ref())).collect()
}

fn peer(value: &DeValue<'_>) -> Read<PeerAddress> {
    const KIND: &str = "a key and an address, such as \"7f3a22c1@hyderabad.example:9082\"";
    let text = value.as_str().ok_or(Refused::Type(KIND))?;
    let fault = || {
        let help = "write how the gateway's key begins (eight digits or more, see `silsila channel list`), @, host and port";
        Refused::Value(format!("{text:?} names no gateway"), help.to_owned())
    };
    let (key, address) = text.split_once('@').ok_or_else(fault)?;
    let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if !(8..=64).contains(&key.len()) || !key.chars().all(digits) {
        return Err(fault());
    }
    host_and_port(&DeValue::String(address.into())).map(|address| PeerAddress {
        key: key.to_owned(),
        address,
    })
}

/// An absolute `http` or `https` URI without query, fragment or closing slash.
pub(crate) fn base_uri(value: &DeValue<'_>) -> Read<String> {
    const HELP: &str = "write something like \"https://mirpurkhas.example\"";
    let text = value.as_str().ok_or(Refused::Type("a URI in quotes"))?;
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(host) = host else {
        return refuse(format!("{text:?} is no http or https URI"), HELP);
    };
    if let Some(trimmed) = text.strip_suffix('/') {
        return refuse("it ends with a slash", format!("write {trimmed:?}"));
    }
    let bad = |c: char| !c.is_ascii_graphic() || "\"<>\\^`{|}?#@".contains(c);
    if host.is_empty() || host.starts_with('/') || host.contains(bad) {
        return refuse(format!("{text:?} is no base URI"), HELP);
    }
    Ok(text.to_owned())
}

/// An absolute URI of any scheme.
pub(crate) fn uri(value: &DeValue<'_>) -> Read<String> {
    let text = value.as_str().ok_or(Refused::Type("a URI in quotes"))?;
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && text.len() > scheme.len() + 1
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c));
    if sound {
        Ok(text.to_owned())
    } else {
        refuse(
            format!("{text:?} is no absolute URI"),
            "write something like \"https://example.org/register\" or \"urn:oid:1.2.3\"",
        )
    }
}

/// Two capital letters.
pub(crate) fn country(value: &DeValue<'_>) -> Read<String> {
    let country = text(value)?;
    if country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(country)
    } else {
        refuse(
            format!("{country:?} is no ISO 3166 code"),
            "two capital letters, such as \"PK\"",
        )
    }
}

/// The name of an environment variable.
pub(crate) fn variable(value: &DeValue<'_>) -> Read<String> {
    let name = text(value)?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
    {
        Ok(name)
    } else {
        // The value is not repeated: it may be the secret itself.
        refuse(
            "this is no name of an environment variable",
            "letters, digits and underscores; the name of the variable, not the secret",
        )
    }
}

/// `"22:00-06:00"`: a stretch of every day, which may pass midnight.
pub(crate) fn hours(value: &DeValue<'_>) -> Read<Hours> {
    const KIND: &str = "hours in quotes, such as \"22:00-06:00\"";
    let text = value.as_str().ok_or(Refused::Type(KIND))?;
    let read = text.split_once('-').and_then(|(from, until)| {
        let (from, until) = (clock(from.trim())?, clock(until.trim())?);
        (from != until && from < 1440).then_some(Hours { from, until })
    });
    read.map_or_else(
        || {
            refuse(
                format!("{text:?} are no hours of a day"),
                format!("write {KIND}"),
            )
        },
        Ok,
    )
}

fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |t: &str| (t.len() == 2).then(|| t.parse::<u16>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
}

/// `"+05:00"`, `"-03:30"` or `"Z"`.
pub(crate) fn utc_offset(value: &DeValue<'_>) -> Read<UtcOffset> {
    const KIND: &str = "an offset from UTC in quotes, such as \"+05:00\"";
    let text = value.as_str().ok_or(Refused::Type(KIND))?;
    let read = match text.split_at_checked(1) {
        Some(("Z", "")) => Some(0),
        Some(("+", rest)) => clock(rest),
        Some(("-", rest)) => clock(rest),
        _ => None,
    };
    match read
        .and_then(|minutes| i16::try_from(minutes).ok())
        .filter(|m| *m <= 14 * 60)
    {
        Some(minutes) => Ok(UtcOffset(if text.starts_with('-') {
            -minutes
        } else {
            minutes
        })),
        None => refuse(
            format!("{text:?} is no offset from UTC"),
            format!("write {KIND}"),
        ),
    }
}

/// One of a few words.
pub(crate) fn choice<T: Copy + 'static>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Read<T> {
    move |value| {
        let word = value.as_str().ok_or(Refused::Type("a word in quotes"))?;
        if let Some((_, meant)) = words.iter().find(|(known, _)| *known == word) {
            return Ok(*meant);
        }
        let known = words.iter().map(|(known, _)| *known);
        let help = silsila_diagnostics::suggest(word, known.clone()).map_or_else(
            || {
                format!(
                    "one of {}",
                    known
                        .map(|w| format!("{w:?}"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            },
            |near| format!("did you mean {near:?}?"),
        );
        refuse(format!("{word:?} is not known here"), help)
    }
}
