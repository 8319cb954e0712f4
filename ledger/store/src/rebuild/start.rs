// SPDX-License-Identifier: Apache-2.0
//! A damaged file that cannot be opened: what is left of it begins a new one, and the rest comes from the other
//! members as to anybody who was away.

use silsila_chain::{Height, Identity};

use super::Spares;
use super::replay::{New, discard};
use super::salvage::{Salvage, tip};
use super::swap::{put_in_place, settle};
use crate::file::{WriteLock, beside};
use crate::{Fault, Index, Rebuilt, Store, StoreError, StoreOptions};

impl Store {
    /// As [`Store::open`]; where the file of a shared channel is too damaged for it, its whole beginning is put
    /// into a new file first, up to the first block that cannot be read, and other members have the rest. The
    /// damaged file is kept beside it, as `….damaged`, where something was lost that nobody else has.
    ///
    /// Whoever orders a channel alone must not go on from a beginning: it would certify other blocks for heights
    /// that have some. For it, and for a gateway alone, this is [`Store::open`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_or_rebuild(
        options: StoreOptions,
        index: Box<dyn Index>,
    ) -> Result<(Self, Option<Rebuilt>), StoreError> {
        let me = Identity::ed25519(options.member_key.public());
        let others = (options.genesis.as_ref())
            .is_some_and(|genesis| !genesis.is_alone() && genesis.validators != [me]);
        let again = index.again();
        let opened = Self::open(options.clone(), index);
        let (true, Some(index)) = (others, again) else {
            return opened.map(|store| (store, None));
        };
        let damaged = match opened {
            Ok(store) => match store.probe() {
                Err(StoreError::Damaged { fault }) => *fault,
                _ => return Ok((store, None)),
            },
            Err(StoreError::Damaged { fault }) => *fault,
            Err(error) => return Err(error),
        };
        let again = index.again();
        let rebuilt = from_beginning(&options, index, &damaged)?;
        let Some(again) = again else {
            return Err(damaged.into());
        };
        Ok((Self::open(options, again)?, Some(rebuilt)))
    }

    /// Reads what a gateway must have to begin: the last block, and the tables that others keep beside the chain
    /// and that do not follow from it.
    fn probe(&self) -> Result<(), StoreError> {
        self.health()?;
        let index = self.0.write(|writer| Ok(writer.index.tables()))?;
        self.read(|conn| {
            let mut tables = conn.prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'ledger_%'",
            )?;
            let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
            for table in tables.collect::<Result<Vec<_>, _>>()? {
                if !index.contains(&&*table) {
                    let count = format!("SELECT count(*) FROM {table}");
                    conn.query_row(&count, [], |row| row.get::<_, i64>(0))?;
                }
            }
            Ok(())
        })
    }
}

fn from_beginning(
    options: &StoreOptions,
    index: Box<dyn Index>,
    damaged: &Fault,
) -> Result<Rebuilt, StoreError> {
    let lock = WriteLock::acquire(&options.path)?;
    let mut old = Salvage::new(options.file());
    let end = tip(&mut old)?.unwrap_or_default();
    let mut new = New::begin(options, index, &mut old)?;
    let spares = Spares::default();
    // Where it ends early, other members have the rest.
    _ = new.up_to(Height(end.0), &mut old, &spares)?;
    let now_ms = options.clock.now_ms();
    let met = (damaged.clone(), now_ms);
    let rebuilt = settle(&mut new, &mut old, &spares, &[met], now_ms)?;
    drop(old);
    let made = new.finish()?;
    if !rebuilt.lost.is_empty() {
        let kept = beside(&options.path, ".damaged");
        std::fs::copy(&options.path, &kept).map_err(|source| StoreError::Io {
            action: "keeping",
            path: kept.display().to_string(),
            source,
        })?;
    }
    put_in_place(&made, &options.path)?;
    discard(&made);
    drop(lock);
    Ok(rebuilt)
}
