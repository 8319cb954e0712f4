// SPDX-License-Identifier: Apache-2.0
//! Claims about what happens when something is asked for that is not there.

use super::{Broken, Check, Fixture, Role, ensure};
use crate::{Scan, Source, SourceError};

async fn scan_error(
    source: &dyn Source,
    table: &str,
    columns: &[String],
    key: &[String],
) -> Result<SourceError, Broken> {
    let scan = Scan {
        table,
        columns,
        key,
        after: None,
        limit: 10,
    };
    match source.scan(scan).await {
        Ok(_) => Err(Broken("it was read as if it were there".into())),
        Err(error) => Ok(error),
    }
}

/// A table that is not there is `SRC0003` with its name, and not worth retrying.
pub async fn a_missing_table_is_named(source: &dyn Source, _: &Fixture) -> Check {
    let id = ["id".to_owned()];
    let error = scan_error(source, "no_such_table", &id, &id).await?;
    let named = matches!(&error, SourceError::Missing { what: "table", name, .. } if name == "no_such_table");
    ensure(named && !error.is_transient(), || format!("got: {error}"))?;
    match source.count("no_such_table").await {
        Err(SourceError::Missing { what: "table", .. }) => Ok(()),
        Err(error) => Err(Broken(format!("count says: {error}"))),
        Ok(_) => Err(Broken("it was counted as if it were there".into())),
    }
}

/// A column that is not there is `SRC0003` with its name.
pub async fn a_missing_column_is_named(source: &dyn Source, fixture: &Fixture) -> Check {
    let sample = fixture.sample(Role::Numbered);
    let columns = ["id".to_owned(), "lable".to_owned()];
    let error = scan_error(source, &sample.name, &columns, &sample.key).await?;
    let named =
        matches!(&error, SourceError::Missing { what: "column", name, .. } if name == "lable");
    ensure(named, || format!("got: {error}"))
}

/// An error leaves the source usable.
pub async fn the_source_answers_after_an_error(source: &dyn Source, fixture: &Fixture) -> Check {
    a_missing_table_is_named(source, fixture).await?;
    let sample = fixture.sample(Role::Numbered);
    let count = source.count(&sample.name).await?;
    ensure(count == sample.rows.len() as u64, || {
        "the count is off".into()
    })
}
