// SPDX-License-Identifier: Apache-2.0
//! Claims about values that are easily spoilt on the way.

use super::walk::scan_all;
use super::{Broken, Check, Fixture, Role, ensure};
use crate::{Source, Value};

/// Compares one column of a sample, row by row, with what was stored.
async fn column_arrives(
    source: &dyn Source,
    fixture: &Fixture,
    role: Role,
    column: &str,
) -> Result<Vec<Value>, Broken> {
    let sample = fixture.sample(role);
    let at = sample.position(column);
    let rows = scan_all(source, sample, 100).await?;
    let mut stored: Vec<_> = sample.rows.iter().collect();
    stored.sort_by_key(|r| sample.key_of(r).encode());
    ensure(rows.len() == stored.len(), || "rows are missing".into())?;
    let mut values = Vec::new();
    for (row, want) in rows.iter().zip(stored) {
        let got = &row.values()[at];
        ensure(*got == want[at], || {
            format!("stored {}, got {}", shown(&want[at]), shown(got))
        })?;
        values.push(got.clone());
    }
    Ok(values)
}

/// An invented value, shortened.
fn shown(value: &Value) -> String {
    match value {
        Value::Decimal(d) => format!("decimal {d}"),
        Value::Int(i) => format!("integer {i}"),
        Value::Text(t) => format!(
            "text of {} characters {:?}",
            t.chars().count(),
            t.chars().take(12).collect::<String>()
        ),
        Value::DateTime(t) => format!("{t:?}"),
        other => other.kind().into(),
    }
}

/// Decimals keep every digit, trailing zeros too.
pub async fn decimals_keep_their_digits(source: &dyn Source, fixture: &Fixture) -> Check {
    let values = column_arrives(source, fixture, Role::Exact, "amount").await?;
    let decimals = values.iter().filter(|v| matches!(v, Value::Decimal(_)));
    ensure(decimals.count() > 0, || "no decimal was tried".into())
}

/// Integers above 2^53 are exact.
pub async fn large_integers_are_exact(source: &dyn Source, fixture: &Fixture) -> Check {
    column_arrives(source, fixture, Role::Exact, "large")
        .await
        .map(drop)
}

/// Empty text stays empty text and NULL stays NULL; blanks around text stay.
pub async fn empty_text_is_not_null(source: &dyn Source, fixture: &Fixture) -> Check {
    let values = column_arrives(source, fixture, Role::Exact, "note").await?;
    let empty = values.iter().any(|v| *v == Value::Text("".into()));
    let null = values.iter().any(Value::is_null);
    ensure(empty && null, || {
        "empty text and NULL were not both tried".into()
    })
}

/// Text of many thousand characters, with line ends and several scripts, is not cut.
pub async fn long_text_arrives_whole(source: &dyn Source, fixture: &Fixture) -> Check {
    let values = column_arrives(source, fixture, Role::Exact, "note").await?;
    let longest = values.iter().filter_map(|v| match v {
        Value::Text(t) => Some(t.chars().count()),
        _ => None,
    });
    ensure(longest.max() >= Some(20_000), || {
        "no long text was tried".into()
    })
}

/// Times of day without a zone come back without one, early years too.
pub async fn times_arrive_as_stored(source: &dyn Source, fixture: &Fixture) -> Check {
    column_arrives(source, fixture, Role::Exact, "at")
        .await
        .map(drop)
}

/// Reserved words, blanks, quotes and other scripts in names.
pub async fn odd_names_are_quoted(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::OddNames);
    for column in &sample.columns {
        column_arrives(source, fixture, Role::OddNames, &column.name)
            .await
            .map_err(|Broken(why)| Broken(format!("column {:?}: {why}", column.name)))?;
    }
    Ok(())
}
