// SPDX-License-Identifier: Apache-2.0
//! `silsila mapping preview`: rows of the live database, mapped and printed; nothing is committed.
//!
//! What a row's references point to is not looked up: every target counts as shared. A row that is
//! produced here may therefore still be withheld because its patient does not share.

use serde::Serialize;
use serde_json::value::RawValue;
use silsila_config::Settings;
use silsila_mapping::{
    Batch, Context, LogicalId, Mapping, Outcome, RefState, References, RowOutcome,
};
use silsila_pipeline::key_text;
use silsila_source::{ColumnKind, DateTime, Fetch, Key, Row, Scan, Source, Value};
use silsila_store::{Clock as _, SystemClock};

use super::{print, print_json, source_named};
use crate::cli::PreviewArgs;
use crate::exit::{Exit, Failure};
use crate::{assemble, keys, pack};

struct EverythingShared;

impl References for EverythingShared {
    fn state(&self, _mapping: &str, _key: &Key) -> RefState {
        RefState::Shared
    }
}

#[derive(Serialize)]
struct Shown {
    key: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub(super) async fn run(settings: &Settings, args: &PreviewArgs) -> Result<Exit, Failure> {
    let pack = pack::configured(settings)?;
    let mapping = pack
        .mapping(&args.mapping)
        .ok_or_else(|| unknown(&pack, &args.mapping))?;
    let configured = source_named(settings, None)?;
    let source = assemble::source(settings, configured)?;
    let rows = rows(&*source, mapping, args).await?;
    let mut batch = Batch::new(mapping, rows);
    loop {
        let wants = batch.wants();
        if wants.is_empty() {
            break;
        }
        for want in wants {
            let rows = source
                .fetch(Fetch {
                    table: &want.table,
                    columns: &want.columns,
                    by: &want.by,
                    keys: &want.keys,
                })
                .await?;
            batch.supply(want.id, rows);
        }
    }
    // The gateway's own ids where it has keys already; else stable ones that it will never use.
    let id_key =
        keys::existing(&settings.keys.folder)?.map_or([0; 32], |keys| keys.pipeline().id_key);
    let ids = |mapping: &str, key: &Key| LogicalId::derive(&id_key, &configured.name, mapping, key);
    let context = Context {
        as_of: DateTime::from_unix_ms(SystemClock.now_ms()),
        ids: &ids,
        references: &EverythingShared,
    };
    let outcomes: Vec<RowOutcome> = (0..batch.len()).map(|i| batch.map(i, &context)).collect();
    let any_fault = outcomes
        .iter()
        .any(|row| matches!(row.outcome, Outcome::Quarantined(_)));
    if args.output.json {
        print_json(&outcomes.into_iter().map(shown).collect::<Vec<_>>())?;
    } else {
        for outcome in &outcomes {
            let key = key_text(&outcome.key);
            let text = silsila_mapping::preview(outcome);
            print(&format!("{} {key}: {text}", mapping.table()));
        }
    }
    Ok(if any_fault { Exit::Found } else { Exit::Ok })
}

fn unknown(pack: &silsila_mapping::Pack, name: &str) -> Failure {
    let known: Vec<&str> = pack.mappings().iter().map(Mapping::name).collect();
    let known = match silsila_diagnostics::suggest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("there are {}", known.join(", ")),
    };
    Failure::Unknown {
        what: "mapping",
        name: name.to_owned(),
        known,
    }
}

/// The first rows of the table, or the one row that `--key` names.
async fn rows(
    source: &dyn Source,
    mapping: &Mapping,
    args: &PreviewArgs,
) -> Result<Vec<Row>, Failure> {
    let (table, columns, key) = (mapping.table(), mapping.columns(), mapping.key());
    if args.key.is_empty() {
        let limit = args.limit as usize;
        let scan = Scan {
            table,
            columns,
            key,
            after: None,
            limit,
        };
        return Ok(source.scan(scan).await?);
    }
    let keys = [row_key(source, mapping, &args.key).await?];
    let found = source
        .fetch(Fetch {
            table,
            columns,
            by: key,
            keys: &keys,
        })
        .await?;
    if found.is_empty() {
        return Err(Failure::Unknown {
            what: "row",
            name: args.key.join("/"),
            known: format!("the table {table} has no row of that key"),
        });
    }
    Ok(found)
}

/// The key as its columns' types want it.
async fn row_key(source: &dyn Source, mapping: &Mapping, words: &[String]) -> Result<Key, Failure> {
    let columns = mapping.key();
    if words.len() != columns.len() {
        return Err(Failure::Unknown {
            what: "key",
            name: words.join("/"),
            known: format!("give --key once for each of {}", columns.join(", ")),
        });
    }
    let schema = source.schema().await?;
    let kind = |name: &String| {
        let columns = schema
            .table(mapping.table())
            .map(|table| table.columns.as_slice());
        columns
            .unwrap_or_default()
            .iter()
            .find(|column| column.name == *name)
            .map(|column| column.kind)
    };
    let values =
        columns
            .iter()
            .zip(words)
            .map(|(column, word)| match (kind(column), word.parse()) {
                (Some(ColumnKind::Integer), Ok(number)) => Value::Int(number),
                (Some(ColumnKind::Decimal), _) => Value::Decimal(word.as_str().into()),
                _ => Value::Text(word.as_str().into()),
            });
    Ok(Key(values.collect()))
}

fn shown(outcome: RowOutcome) -> Shown {
    let warnings = outcome.warnings.iter().map(|warning| {
        let place = [warning.column.as_deref(), warning.element.as_deref()];
        format!(
            "{} {}",
            warning.code,
            place.into_iter().flatten().collect::<Vec<_>>().join(" -> ")
        )
    });
    let mut shown = Shown {
        key: key_text(&outcome.key),
        outcome: "empty",
        resource: None,
        fault: None,
        warnings: warnings.collect(),
    };
    match outcome.outcome {
        Outcome::Empty => {}
        Outcome::NotShared => shown.outcome = "not shared",
        Outcome::Produced(resource) => {
            shown.outcome = "produced";
            let body = String::from_utf8(resource.into_body()).unwrap_or_default();
            shown.resource = RawValue::from_string(body).ok();
        }
        Outcome::Quarantined(fault) => {
            shown.outcome = "quarantined";
            shown.fault = Some(format!("{} {}", fault.code, fault.reason));
        }
    }
    shown
}
