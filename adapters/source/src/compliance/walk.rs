// SPDX-License-Identifier: Apache-2.0
//! Reading a whole sample chunk by chunk, as the pipeline would.

use super::{Broken, Sample, ensure};
use crate::{Changes, Key, Row, Scan, Source, Value};

/// No sample needs more chunks than this; a scan that does not advance must not run for ever.
const MOST_CHUNKS: usize = 10_000;

/// All rows of a sample by repeated scans of `limit` rows.
pub(super) async fn scan_all(
    source: &dyn Source,
    sample: &Sample,
    limit: usize,
) -> Result<Vec<Row>, Broken> {
    scan_from(source, sample, None, limit).await
}

/// All rows after a key.
pub(super) async fn scan_from(
    source: &dyn Source,
    sample: &Sample,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<Row>, Broken> {
    let columns = sample.column_names();
    let mut rows = Vec::new();
    let mut after = after;
    for _ in 0..MOST_CHUNKS {
        let chunk = source
            .scan(Scan {
                table: &sample.name,
                columns: &columns,
                key: &sample.key,
                after: after.as_ref(),
                limit,
            })
            .await?;
        ensure(chunk.len() <= limit, || {
            format!("asked for {limit} rows, got {}", chunk.len())
        })?;
        let done = chunk.len() < limit;
        after = chunk.last().and_then(|r| r.key(&sample.key)).or(after);
        rows.extend(chunk);
        if done {
            return Ok(rows);
        }
    }
    Err(Broken("the scan does not advance".into()))
}

/// All changes since a watermark by repeated reads of `limit` rows.
pub(super) async fn changes_all(
    source: &dyn Source,
    sample: &Sample,
    since: Option<&Value>,
    limit: usize,
) -> Result<Vec<Row>, Broken> {
    let watermark = sample
        .watermark
        .as_deref()
        .ok_or_else(|| Broken("the sample has no watermark".into()))?;
    let columns = sample.column_names();
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..MOST_CHUNKS {
        let after = rows
            .last()
            .and_then(|r| Some((r.get(watermark)?.clone(), r.key(&sample.key)?)));
        let chunk = source
            .changes(Changes {
                table: &sample.name,
                columns: &columns,
                key: &sample.key,
                watermark,
                since,
                after: after.as_ref().map(|(w, k)| (w, k)),
                limit,
            })
            .await?;
        let done = chunk.len() < limit;
        rows.extend(chunk);
        if done {
            return Ok(rows);
        }
    }
    Err(Broken("the changes do not advance".into()))
}

/// The encoded keys of rows, in their order.
pub(super) fn keys_of(rows: &[Row], sample: &Sample) -> Result<Vec<Vec<u8>>, Broken> {
    rows.iter()
        .map(|r| r.key(&sample.key).map(|k| k.encode()))
        .collect::<Option<_>>()
        .ok_or_else(|| Broken("a row came back without its key columns".into()))
}

/// The encoded keys that the sample's own rows have, sorted.
pub(super) fn sorted_keys<'a>(
    sample: &Sample,
    rows: impl IntoIterator<Item = &'a Vec<Value>>,
) -> Vec<Vec<u8>> {
    let mut keys: Vec<_> = rows
        .into_iter()
        .map(|r| sample.key_of(r).encode())
        .collect();
    keys.sort();
    keys
}

/// Checks that exactly these rows came back, each once, with all their values, in whatever order.
pub(super) fn same_rows(
    sample: &Sample,
    got: &[Row],
    wanted: &[&Vec<Value>],
) -> Result<(), Broken> {
    ensure(got.len() == wanted.len(), || {
        format!("{} rows came back instead of {}", got.len(), wanted.len())
    })?;
    let mut left: std::collections::HashMap<Vec<u8>, &Vec<Value>> = wanted
        .iter()
        .map(|r| (sample.key_of(r).encode(), *r))
        .collect();
    for row in got {
        let key = row
            .key(&sample.key)
            .ok_or_else(|| Broken("a row came back without its key columns".into()))?;
        let want = left
            .remove(&key.encode())
            .ok_or_else(|| Broken("a row came back twice or uninvited".into()))?;
        for (value, (expected, column)) in row.values().iter().zip(want.iter().zip(&sample.columns))
        {
            ensure(value == expected, || {
                format!(
                    "column {:?} of {:?}: {} where {} was stored, or another value of that kind",
                    column.name,
                    sample.name,
                    value.kind(),
                    expected.kind()
                )
            })?;
        }
    }
    Ok(())
}
