// SPDX-License-Identifier: Apache-2.0
//! Two certified blocks of one height: the channel's validators gave it two histories; or another member's signed
//! tree that is not this one's. Nothing is committed from then on, also after a restart, until people have decided;
//! the evidence is kept.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::{Block, BlockHeader, Certified, Conflict, Evidence, Height};

use crate::file::{BlockRow, int, number};
use crate::read::handovers;
use crate::verify::damage::has_table;
use crate::{Clock as _, Store, StoreError, SystemClock};

/// Why nothing is committed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// When it was noticed, in milliseconds since 1970.
    pub found_ms: u64,
    /// The height at which there are two blocks.
    pub height: Height,
    /// [`Evidence`], for others to verify.
    pub evidence: Vec<u8>,
}

impl Store {
    /// Why nothing is committed any more, if so.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn halted(&self) -> Result<Option<Halt>, StoreError> {
        self.read(halted)
    }

    /// Compares a certified block with the one of its height, if there is one. Where they differ, commits
    /// halt for good, and both are kept as evidence.
    ///
    /// # Errors
    /// [`StoreError::Halted`] where it is so, or was before.
    pub fn compare(&self, block: &Block, now_ms: u64) -> Result<(), StoreError> {
        let halt = self.read(|conn| match halted(conn)? {
            Some(halt) => Ok(Some((halt, false))),
            None => {
                Ok::<_, StoreError>(self.conflict(conn, block, now_ms)?.map(|halt| (halt, true)))
            }
        })?;
        let Some((halt, new)) = halt else {
            return Ok(());
        };
        if new {
            self.halt(&halt)?;
        }
        Err(StoreError::Halted {
            height: halt.height.0,
        })
    }

    /// As [`Store::compare`], also where commits are halted already: two certificates say who gave two histories,
    /// and take the place of evidence that does not.
    ///
    /// # Errors
    /// [`StoreError::Halted`] where the blocks are not the same.
    pub fn compare_again(&self, block: &Block) -> Result<(), StoreError> {
        let now_ms = SystemClock.now_ms();
        let conflict = self.read(|conn| self.conflict(conn, block, now_ms))?;
        let Some(halt) = conflict else {
            return Ok(());
        };
        self.halt(&halt)?;
        Err(StoreError::Halted {
            height: halt.height.0,
        })
    }

    /// Ends all committing. What was evidence before stays, unless this says more.
    pub(crate) fn halt(&self, halt: &Halt) -> Result<(), StoreError> {
        let certified = |evidence: &[u8]| {
            let decoded = Evidence::decode(evidence).ok();
            decoded.is_some_and(|one| matches!(one.conflict, Conflict::Certificates { .. }))
        };
        self.local(|txn| {
            let before = halted(txn)?;
            let says_more = before
                .is_none_or(|before| certified(&halt.evidence) && !certified(&before.evidence));
            if says_more {
                txn.execute(
                    "INSERT OR REPLACE INTO ledger_halt VALUES (0, ?1, ?2, ?3)",
                    params![int(halt.found_ms), int(halt.height.0), halt.evidence],
                )?;
            }
            Ok::<_, StoreError>(())
        })
    }

    /// Refuses to go on where commits are halted.
    pub(crate) fn refuse_if_halted(&self) -> Result<(), StoreError> {
        match self.halted()? {
            Some(halt) => Err(StoreError::Halted {
                height: halt.height.0,
            }),
            None => Ok(()),
        }
    }

    fn conflict(
        &self,
        conn: &Connection,
        block: &Block,
        found_ms: u64,
    ) -> Result<Option<Halt>, StoreError> {
        let Ok(header) = BlockHeader::decode(&block.header) else {
            return Ok(None);
        };
        let Some(stored) = BlockRow::at(conn, header.height)? else {
            return Ok(None);
        };
        if stored.header == block.header || header.channel != self.channel() {
            return Ok(None);
        }
        let [first, second] = [
            (stored.header, stored.certificate),
            (block.header.clone(), block.certificate.clone()),
        ]
        .map(|(header, certificate)| Certified {
            header,
            certificate,
        });
        // One that is not certified is no statement of the channel's, only of whoever sent it.
        let Ok((conflict, height)) = Conflict::certificates(&self.epochs(conn)?, first, second)
        else {
            return Ok(None);
        };
        let evidence = Evidence {
            genesis: self.genesis().encode(),
            handovers: handovers(conn, height)?,
            admissions: Vec::new(),
            conflict,
        };
        Ok(Some(Halt {
            found_ms,
            height,
            evidence: evidence.encode(),
        }))
    }
}

fn halted(conn: &Connection) -> Result<Option<Halt>, StoreError> {
    if !has_table(conn, "ledger_halt")? {
        return Ok(None);
    }
    let mut statement =
        conn.prepare_cached("SELECT found_ms, height, evidence FROM ledger_halt WHERE number = 0")?;
    let found = statement.query_row([], |row| {
        Ok(Halt {
            found_ms: number(row.get(0)?),
            height: Height(number(row.get(1)?)),
            evidence: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}
