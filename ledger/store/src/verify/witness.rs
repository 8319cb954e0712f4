// SPDX-License-Identifier: Apache-2.0
//! Other members' signed trees, each compared with the own one. Below four validators this is what finds out a
//! lone orderer that gives two members two histories.

use rusqlite::{Connection, params};
use silsila_chain::{Conflict, Evidence, Height, PublicKey, SignedCheckpoint};

use crate::file::{int, number};
use crate::verify::admissions::admissions;
use crate::verify::damage::has_table;
use crate::verify::halt::Halt;
use crate::{Clock as _, Store, StoreError, SystemClock};

/// What a comparison gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witnessed {
    /// The member's tree is this one's.
    Same,
    /// This ledger has no tree of that size, or its own is damaged.
    Unknown,
    /// It is another one: commits are halted, and both statements are kept as evidence.
    Other,
}

/// The last tree of another member that was the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Who signed it.
    pub member: PublicKey,
    /// Over how many headers.
    pub size: u64,
    /// When it was seen, in milliseconds since 1970.
    pub seen_ms: u64,
    /// The checkpoint, with this member's signature beside the other's.
    pub note: String,
}

impl Store {
    /// Compares a checkpoint that `member` signed with the own tree of that size. One that is the same is
    /// countersigned and kept, the newest of each member; one that is another ends all committing.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`]; where the database fails.
    pub fn witness(
        &self,
        member: &PublicKey,
        theirs: &SignedCheckpoint,
    ) -> Result<Witnessed, StoreError> {
        let options = self.0.options.as_ref().ok_or(StoreError::ReadOnly)?;
        let size = theirs.checkpoint().size;
        // A tree that a flipped bit made is no statement of this member's.
        let own = match self.checkpoint(Some(size)) {
            Ok(own) => own,
            Err(StoreError::UnknownEntry { .. } | StoreError::Damaged { .. }) => {
                return Ok(Witnessed::Unknown);
            }
            Err(error) => return Err(error),
        };
        let now_ms = SystemClock.now_ms();
        match theirs.clone().countersign(&own, &options.member_key) {
            Ok(both) => {
                self.keep_witness(member, size, &both, now_ms)?;
                Ok(Witnessed::Same)
            }
            Err(conflict) => {
                let halt = self.read(|conn| self.parted(conn, *conflict, size, now_ms))?;
                self.halt(&halt)?;
                Ok(Witnessed::Other)
            }
        }
    }

    /// The last checkpoint of each other member that was the same as this ledger's.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn witnesses(&self) -> Result<Vec<Witness>, StoreError> {
        self.read(|conn| {
            if !has_table(conn, "ledger_witness")? {
                return Ok(Vec::new());
            }
            let mut all = conn.prepare_cached(
                "SELECT member, size, seen_ms, note FROM ledger_witness ORDER BY size DESC",
            )?;
            let all = all.query_map([], |row| {
                Ok(Witness {
                    member: PublicKey(row.get(0)?),
                    size: number(row.get(1)?),
                    seen_ms: number(row.get(2)?),
                    note: String::from_utf8_lossy(&row.get::<_, Vec<u8>>(3)?).into_owned(),
                })
            })?;
            Ok(all.collect::<Result<_, _>>()?)
        })
    }

    /// A conflict at a height, with what a verifier needs besides.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn evidence_of(&self, conflict: Conflict, height: Height) -> Result<Evidence, StoreError> {
        self.read(|conn| self.evidence_in(conn, conflict, height))
    }

    fn evidence_in(
        &self,
        conn: &Connection,
        conflict: Conflict,
        height: Height,
    ) -> Result<Evidence, StoreError> {
        Ok(Evidence {
            genesis: self.genesis().encode(),
            handovers: crate::read::handovers(conn, height)?,
            admissions: admissions(self, conn, &conflict)?,
            conflict,
        })
    }

    fn keep_witness(
        &self,
        member: &PublicKey,
        size: u64,
        both: &SignedCheckpoint,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.local(|txn| {
            txn.prepare_cached(
                "INSERT INTO ledger_witness VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT(member) DO UPDATE SET size = ?2, seen_ms = ?3, note = ?4 WHERE size < ?2",
            )?
            .execute(params![
                member.0,
                int(size),
                int(now_ms),
                both.encode().into_bytes()
            ])?;
            Ok(())
        })
    }

    fn parted(
        &self,
        conn: &Connection,
        conflict: Conflict,
        size: u64,
        found_ms: u64,
    ) -> Result<Halt, StoreError> {
        let height = Height(size.saturating_sub(1));
        let evidence = self.evidence_in(conn, conflict, height)?;
        Ok(Halt {
            found_ms,
            height,
            evidence: evidence.encode(),
        })
    }
}
