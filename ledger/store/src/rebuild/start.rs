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
        let again = index.again();
        let damaged = match Self::open(options.clone(), index) {
            Err(StoreError::Damaged { fault }) => *fault,
            other => return other.map(|store| (store, None)),
        };
        let me = Identity::ed25519(options.member_key.public());
        let others = options
            .genesis
            .as_ref()
            .filter(|genesis| !genesis.is_alone() && genesis.validators != [me]);
        let (Some(_), Some(index)) = (others, again) else {
            return Err(damaged.into());
        };
        let again = index.again();
        let rebuilt = from_beginning(&options, index, &damaged)?;
        let Some(again) = again else {
            return Err(damaged.into());
        };
        Ok((Self::open(options, again)?, Some(rebuilt)))
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
