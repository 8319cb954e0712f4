// SPDX-License-Identifier: Apache-2.0
//! Mappings that left the pack: their resources must not outlive the rules by which they were shared.

use silsila_mapping::Pack;
use silsila_source::Key;

use crate::change::{Change, Quarantine};
use crate::connect::ORGANIZATION;
use crate::intake::Intake;
use crate::plan::draft;
use crate::tables::{progress, rows};
use crate::{PipelineError, Question};

impl Intake {
    /// Withdraws what mappings made that the pack no longer has, or that make another type now. Answers
    /// whether there were any. With resources at stake a person is asked first.
    pub fn retire(&self, source: &progress::SourceRow) -> Result<bool, PipelineError> {
        let known = self.store.read(|conn| progress::mappings(conn, self.id))?;
        let pack: &Pack = &self.options.pack;
        let retired: Vec<_> = known
            .into_iter()
            .filter(|m| m.name != ORGANIZATION)
            .filter(|m| {
                pack.mapping(&m.name)
                    .is_none_or(|now| now.resource_type() != m.resource_type)
            })
            .collect();
        if retired.is_empty() {
            return Ok(false);
        }
        let resources: u64 = retired.iter().map(|m| m.resources).sum();
        if resources > 0 && source.confirmed <= source.sweep {
            if !source.asking {
                self.ask_about_retired(&retired, resources)?;
            }
            return Ok(false);
        }
        for mapping in &retired {
            self.withdraw_all(mapping)?;
        }
        Ok(true)
    }

    fn withdraw_all(&self, retired: &progress::MappingRow) -> Result<(), PipelineError> {
        loop {
            let found = self
                .store
                .read(|conn| rows::page(conn, retired.id, None, 1_000))?;
            if found.is_empty() {
                return self.store.local(|txn| {
                    progress::forget_mapping(txn, retired.id)?;
                    Ok(())
                });
            }
            let changes = found
                .into_iter()
                .map(|place| {
                    let id = Key::decode(&place.key)
                        .map(|key| self.logical_id(&retired.name, &key).to_string());
                    let draft = id.filter(|_| place.row.live).map(|id| {
                        draft(
                            &retired.resource_type,
                            &id,
                            place.row.subject.as_deref(),
                            None,
                        )
                    });
                    Change {
                        mapping: place.mapping,
                        key: place.key,
                        before: Some(place.row),
                        after: None,
                        draft,
                        quarantine: Quarantine::Release,
                    }
                })
                .collect();
            self.commit(changes, |_| Ok(()))?;
        }
    }

    /// Asks before withdrawing what mappings made that are no longer in the pack.
    fn ask_about_retired(
        &self,
        retired: &[progress::MappingRow],
        resources: u64,
    ) -> Result<(), PipelineError> {
        let names: Vec<&str> = retired.iter().map(|m| m.name.as_str()).collect();
        self.ask_question(&Question {
            code: "PIP0004".to_owned(),
            message: format!(
                "the mappings {} are no longer in the pack, or make another type; their {resources} resources \
                 would be withdrawn",
                names.join(", ")
            ),
            mapping: names.join(", "),
            table: String::new(),
            known: resources,
            vanished: resources,
            since_ms: self.now_ms(),
        })
    }
}
