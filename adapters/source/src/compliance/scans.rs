// SPDX-License-Identifier: Apache-2.0
//! Claims about scans, schema, counts and health.

use super::walk::{keys_of, same_rows, scan_all, scan_from, sorted_keys};
use super::{Broken, Check, Fixture, Role, ensure};
use crate::{Key, Scan, Source, Value};

/// Tables, columns, kinds, nullability and primary keys are as created.
pub async fn schema_lists_tables_columns_and_keys(source: &dyn Source, fixture: &Fixture) -> Check {
    let schema = source.schema().await?;
    for sample in &fixture.samples {
        let table = schema
            .table(&sample.name)
            .ok_or_else(|| Broken(format!("table {:?} is not listed", sample.name)))?;
        ensure(table.primary_key == sample.key, || {
            format!(
                "the key of {:?} is said to be {:?}",
                sample.name, table.primary_key
            )
        })?;
        let listed: Vec<_> = table
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.kind, c.nullable))
            .collect();
        let wanted: Vec<_> = sample
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.kind, c.nullable))
            .collect();
        ensure(listed == wanted, || {
            format!(
                "columns of {:?}: {listed:?} instead of {wanted:?}",
                sample.name
            )
        })?;
    }
    let names: Vec<_> = schema.tables.iter().map(|t| &t.name).collect();
    ensure(names.is_sorted(), || "tables are not in name order".into())
}

/// `count` equals the number of rows.
pub async fn count_says_how_many_rows_there_are(source: &dyn Source, fixture: &Fixture) -> Check {
    for sample in &fixture.samples {
        let count = source.count(&sample.name).await?;
        ensure(count == sample.rows.len() as u64, || {
            format!("{:?} is said to have {count} rows", sample.name)
        })?;
    }
    Ok(())
}

/// `health` answers and names a server; the source has a name.
pub async fn health_names_the_server(source: &dyn Source, _: &Fixture) -> Check {
    let health = source.health().await?;
    ensure(!health.server.is_empty(), || "no server is named".into())?;
    ensure(!source.name().is_empty(), || {
        "the source has no name".into()
    })
}

/// Every row once, ascending, with every value, whatever the size of the chunks.
pub async fn scan_visits_every_row_once_in_key_order(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Numbered);
    for limit in [1_000, 335, sample.rows.len(), sample.rows.len() + 1] {
        let rows = scan_all(source, sample, limit).await?;
        same_rows(sample, &rows, &sample.rows.iter().collect::<Vec<_>>())?;
        let keys = keys_of(&rows, sample)?;
        ensure(keys.is_sorted(), || {
            format!("chunks of {limit}: keys are not in ascending order")
        })?;
    }
    Ok(())
}

/// Never more rows than asked for, also for none and for one.
pub async fn scan_obeys_its_limit(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let columns = sample.column_names();
    for limit in [0, 1, 2, 999] {
        let rows = source
            .scan(Scan {
                table: &sample.name,
                columns: &columns,
                key: &sample.key,
                after: None,
                limit,
            })
            .await?;
        ensure(rows.len() == limit, || {
            format!("asked for {limit} rows, got {}", rows.len())
        })?;
    }
    Ok(())
}

/// Resuming after the key of any row gives exactly the rows above it.
pub async fn scan_resumes_after_any_key(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Composite);
    let all = keys_of(&scan_all(source, sample, 5_000).await?, sample)?;
    for row in sample.rows.iter().step_by(59) {
        let key = sample.key_of(row);
        let rest = scan_from(source, sample, Some(key.clone()), 97).await?;
        let at = all
            .iter()
            .position(|k| *k == key.encode())
            .ok_or_else(|| Broken("a stored key was not scanned".into()))?;
        ensure(keys_of(&rest, sample)? == all[at + 1..], || {
            format!("resuming after row {at} gave other rows than those after it")
        })?;
    }
    Ok(())
}

/// The row of the cursor may have been deleted meanwhile.
pub async fn scan_resumes_after_a_key_whose_row_is_gone(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let hole = Key(vec![Value::Int(3_000)]); // stored keys are 1, 4, 7, ...
    let rest = scan_from(source, sample, Some(hole), 1_000).await?;
    let above: Vec<_> = sample
        .rows
        .iter()
        .filter(|r| matches!(r[0], Value::Int(id) if id > 3_000))
        .collect();
    same_rows(sample, &rest, &above)
}

/// Composite keys are walked in the order of their columns, across chunks that cut runs of equal parts.
pub async fn scan_walks_composite_keys(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Composite);
    let mut wanted: Vec<_> = sample
        .rows
        .iter()
        .map(|r| match (&r[0], &r[1]) {
            (Value::Int(a), Value::Int(b)) => (*a, *b),
            _ => (0, 0),
        })
        .collect();
    wanted.sort_unstable();
    for limit in [1, 7, 250] {
        let rows = scan_all(source, sample, limit).await?;
        let got: Vec<_> = rows
            .iter()
            .map(|r| match (&r.values()[0], &r.values()[1]) {
                (Value::Int(a), Value::Int(b)) => (*a, *b),
                _ => (i64::MIN, i64::MIN),
            })
            .collect();
        ensure(got == wanted, || {
            format!("chunks of {limit}: not every pair once in order")
        })?;
    }
    Ok(())
}

/// A text key is walked completely in the database's own order.
pub async fn scan_walks_text_keys(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::TextKey);
    let whole = keys_of(&scan_all(source, sample, 10_000).await?, sample)?;
    let mut sorted = whole.clone();
    sorted.sort();
    ensure(sorted == sorted_keys(sample, &sample.rows), || {
        "not every key came back once".into()
    })?;
    for limit in [1, 13] {
        let keys = keys_of(&scan_all(source, sample, limit).await?, sample)?;
        ensure(keys == whole, || {
            format!("chunks of {limit} give another order or other rows than one chunk")
        })?;
    }
    Ok(())
}

/// A table without rows gives none.
pub async fn scan_of_an_empty_table_is_empty(source: &dyn Source, fixture: &Fixture) -> Check {
    let rows = scan_all(source, fixture.sample(Role::Empty), 100).await?;
    ensure(rows.is_empty(), || format!("{} rows came back", rows.len()))
}
