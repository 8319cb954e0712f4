// SPDX-License-Identifier: Apache-2.0
//! Claims about reading by watermark.

use super::walk::{changes_all, same_rows};
use super::{Broken, Check, Fixture, Role, Sample, ensure};
use crate::{Source, Value};

/// A sample's rows with a watermark, in the order in which they must come.
fn in_order(sample: &Sample) -> Vec<&Vec<Value>> {
    let at = sample
        .watermark
        .as_deref()
        .map_or(0, |w| sample.position(w));
    let mut rows: Vec<_> = sample.rows.iter().filter(|r| !r[at].is_null()).collect();
    rows.sort_by_key(|r| match (&r[at], &r[0]) {
        (Value::DateTime(t), Value::Int(id)) => Some((*t, *id)),
        _ => None,
    });
    rows
}

/// Rows of one instant come back each once, also where chunks end among them.
pub async fn changes_lose_no_ties_in_the_watermark(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Changed);
    let wanted = in_order(sample);
    for limit in [1, 17, 100, 5_000] {
        let rows = changes_all(source, sample, None, limit).await?;
        same_rows(sample, &rows, &wanted)?;
        let ordered = rows
            .iter()
            .zip(&wanted)
            .all(|(got, want)| got.values()[0] == want[0]);
        ensure(ordered, || {
            format!("chunks of {limit}: not in order of watermark and key")
        })?;
    }
    Ok(())
}

/// `since` is inclusive: the rows of that very instant are read again.
pub async fn changes_begin_at_the_watermark_itself(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Changed);
    let wanted = in_order(sample);
    let since = wanted
        .get(wanted.len() / 2)
        .map(|r| r[1].clone())
        .ok_or_else(|| Broken("the sample is empty".into()))?;
    let from = wanted
        .iter()
        .position(|r| r[1] == since)
        .ok_or_else(|| Broken("the sample lost a row".into()))?;
    let rows = changes_all(source, sample, Some(&since), 13).await?;
    same_rows(sample, &rows, &wanted[from..])
}

/// Rows without a watermark never come: the sweep finds them.
pub async fn changes_leave_null_watermarks_to_the_sweep(
    source: &dyn Source,
    fixture: &Fixture,
) -> Check {
    let sample = fixture.sample(Role::Changed);
    let without = sample.rows.iter().filter(|r| r[1].is_null()).count();
    ensure(without > 0, || "the sample has no NULL watermark".into())?;
    let rows = changes_all(source, sample, None, 50).await?;
    let nulls = rows
        .iter()
        .filter(|r| r.get("changed_at").is_none_or(Value::is_null))
        .count();
    ensure(nulls == 0, || format!("{nulls} rows without a watermark"))
}
