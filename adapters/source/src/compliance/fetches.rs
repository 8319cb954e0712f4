// SPDX-License-Identifier: Apache-2.0
//! Claims about reading rows by the values of some columns.

use super::walk::same_rows;
use super::{Broken, Check, Fixture, Role, Sample, ensure};
use crate::{Fetch, Key, Row, Source, Value};

async fn fetch(
    source: &dyn Source,
    sample: &Sample,
    by: &[&str],
    keys: &[Key],
) -> Result<Vec<Row>, Broken> {
    let by: Vec<String> = by.iter().map(|&c| c.into()).collect();
    let columns = sample.column_names();
    Ok(source
        .fetch(Fetch {
            table: &sample.name,
            columns: &columns,
            by: &by,
            keys,
        })
        .await?)
}

/// More keys than fit one statement, some of them absent, some asked for twice.
pub async fn fetch_returns_exactly_the_matches(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let keys: Vec<_> = (0..4_000)
        .chain(0..100)
        .map(|i| Key(vec![Value::Int(i)]))
        .collect();
    let rows = fetch(source, sample, &["id"], &keys).await?;
    let wanted: Vec<_> = sample
        .rows
        .iter()
        .filter(|r| matches!(r[0], Value::Int(id) if id < 4_000))
        .collect();
    same_rows(sample, &rows, &wanted)?;
    let none = fetch(source, sample, &["id"], &[]).await?;
    ensure(none.is_empty(), || "no keys must give no rows".into())
}

/// A value that many rows share gives all of them.
pub async fn fetch_finds_every_row_of_a_repeated_value(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let keys = [Key(vec![Value::Int(5)]), Key(vec![Value::Int(96)])];
    let rows = fetch(source, sample, &["ward"], &keys).await?;
    let wanted: Vec<_> = sample
        .rows
        .iter()
        .filter(|r| matches!(r[1], Value::Int(5 | 96)))
        .collect();
    same_rows(sample, &rows, &wanted)
}

/// Several columns match together, not crosswise.
pub async fn fetch_by_several_columns_matches_pairs(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Composite);
    let keys: Vec<_> = (0..600)
        .map(|i| Key(vec![Value::Int(i % 3), Value::Int(i - 100)]))
        .collect();
    let rows = fetch(source, sample, &["clinic", "serial"], &keys).await?;
    let wanted: Vec<_> = sample
        .rows
        .iter()
        .filter(|r| keys.iter().any(|k| k.0[0] == r[0] && k.0[1] == r[1]))
        .collect();
    same_rows(sample, &rows, &wanted)
}

/// NULL equals nothing, not even NULL.
pub async fn fetch_matches_nothing_for_null(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let rows = fetch(source, sample, &["ward"], &[Key(vec![Value::Null])]).await?;
    ensure(rows.is_empty(), || format!("{} rows came back", rows.len()))?;
    let mixed = [Key(vec![Value::Null]), Key(vec![Value::Int(5)])];
    let rows = fetch(source, sample, &["ward"], &mixed).await?;
    let strays = rows.iter().filter(|r| r.values()[1] != Value::Int(5));
    ensure(strays.count() == 0, || "NULL found rows".into())
}

/// A number finds text only where it is spelt so, and text that is no number finds no number. Databases
/// that compare `'bed 7' = 0` as true would else give one patient another's rows.
pub async fn fetch_never_takes_text_for_a_number(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let zero = fetch(source, sample, &["label"], &[Key(vec![Value::Int(0)])]).await?;
    ensure(zero.is_empty(), || {
        format!("the number 0 found {} rows of text", zero.len())
    })?;
    let word = Key(vec![Value::Text("4 beds".into())]);
    let found = fetch(source, sample, &["id"], &[word]).await?;
    ensure(found.is_empty(), || {
        "the text '4 beds' found a number".into()
    })?;
    let digits = Key(vec![Value::Text("4".into())]);
    let found = fetch(source, sample, &["id"], &[digits]).await?;
    ensure(found.len() == 1, || {
        "the text '4' did not find the number".into()
    })
}
