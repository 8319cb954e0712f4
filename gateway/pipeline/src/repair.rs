// SPDX-License-Identifier: Apache-2.0
//! Row states brought back to what the ledger says: after a rejected transaction, which never happened
//! although its row states were written with it.

use silsila_chain::Op;
use silsila_source::Key;

use crate::change::{Change, Quarantine};
use crate::intake::Intake;
use crate::row_state::{Digest, RowState, State};
use crate::tables::{progress, rows};
use crate::{PipelineError, digest};

/// Rows compared at once.
const CHUNK: usize = 1_000;

/// Has every source compare what it remembers of its rows with the ledger before it goes on, at its next
/// connection: after rows of that memory were lost, or transactions that it believes in.
///
/// # Errors
/// Where the ledger fails.
pub fn doubt(store: &silsila_store::Store) -> Result<(), PipelineError> {
    store.local(|txn| {
        if crate::tables::has(txn, "pipe_source")? {
            txn.execute("UPDATE pipe_source SET repair = 1", [])?;
        }
        Ok(())
    })
}

/// The last key of a page, and what has to change in it.
type Compared = (Vec<u8>, Vec<Change>);

impl Intake {
    /// Compares every row state with the newest version of its resource, where that was ordered.
    pub fn repair_if_needed(&self) -> Result<(), PipelineError> {
        let source = self
            .store
            .read(|conn| progress::source(conn, self.name()))?;
        if !source.repair {
            return Ok(());
        }
        let known = self.store.read(|conn| progress::mappings(conn, self.id))?;
        let mut count = 0;
        for mapping in known {
            let mut after: Option<Vec<u8>> = None;
            while let Some((last, changes)) = self.compare(&mapping, after.as_deref())? {
                count += changes.len();
                self.commit(changes, |_| Ok(()))?;
                after = Some(last);
            }
        }
        tracing::warn!(
            source = self.name(),
            rows = count,
            "row states follow the ledger again"
        );
        self.store
            .local(|txn| progress::set_repair(txn, self.id, false))
    }

    fn compare(
        &self,
        mapping: &progress::MappingRow,
        after: Option<&[u8]>,
    ) -> Result<Option<Compared>, PipelineError> {
        self.store.read(|conn| {
            let page = rows::page(conn, mapping.id, after, CHUNK)?;
            let Some(last) = page.last().map(|place| place.key.clone()) else {
                return Ok(None);
            };
            let mut changes = Vec::new();
            for place in page {
                let Some(key) = Key::decode(&place.key) else {
                    continue;
                };
                let id = self.logical_id(&mapping.name, &key);
                let resource = format!("{}/{id}", mapping.resource_type);
                let (live, body) = self.on_ledger(conn, &resource, &place.row)?;
                if (live, body) == (place.row.live, place.row.body) {
                    continue;
                }
                let after = RowState {
                    live,
                    body,
                    input: None,
                    ..place.row.clone()
                };
                changes.push(Change {
                    mapping: place.mapping,
                    key: place.key,
                    // A row that is not in its table and on no ledger is nothing to remember.
                    after: (after.state.present() || after.body.is_some()).then_some(after),
                    quarantine: match place.row.state {
                        State::Quarantined => Quarantine::Keep,
                        _ => Quarantine::Release,
                    },
                    before: Some(place.row),
                    draft: None,
                });
            }
            Ok(Some((last, changes)))
        })
    }

    /// Whether a resource's newest version is a put, and the digest of its last bytes as far as they are
    /// known.
    fn on_ledger(
        &self,
        conn: &rusqlite::Connection,
        resource: &str,
        row: &RowState,
    ) -> Result<(bool, Option<Digest>), PipelineError> {
        let Some(seq) = self.store.head(conn, resource)? else {
            return Ok((false, None));
        };
        let entry = self.store.committed(conn, seq)?;
        Ok(match (entry.record().op, entry.payload()) {
            (Op::Put, Some(payload)) => (
                true,
                Some(digest::body(&self.keys.digest_key, &payload.body)),
            ),
            (Op::Put, None) => (true, None),
            (Op::Delete, _) => (false, row.body.or(Some([0; 16]))),
        })
    }
}
