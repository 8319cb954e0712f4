// SPDX-License-Identifier: Apache-2.0
//! From a changed row of another table back to the rows that depend on it.

use crate::Mapping;
use crate::language::mapping_file::JoinSort;
use crate::plan::Origin;

/// One way in which rows of a mapping's main table depend on rows of another table.
///
/// Each step is one [`silsila_source::Fetch`]; the first starts from the changed row, each further one from
/// the rows that the step before it found, the last one finds rows of the mapping's main table.
///
/// A prescription looks up its visit, and through the visit its patient. For a changed row of `patients`
/// the mapping of `prescriptions` therefore answers with one path of two steps:
///
/// ```text
/// fetch opd_visits    where patient_id in (patient_id of the changed patients rows)
/// fetch prescriptions where visit_id   in (visit_id of the opd_visits rows found)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReversePath {
    /// The lookup, child or referenced mapping behind this path, for people.
    pub via: String,
    /// In order; `None` when the way back cannot be walked (a reference whose key is computed): only a
    /// sweep finds the rows.
    pub steps: Option<Vec<ReverseStep>>,
}

/// One fetch of a [`ReversePath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReverseStep {
    /// The table to read.
    pub table: String,
    /// Its columns to match, in order.
    pub by: Vec<String>,
    /// The columns of the previous step's rows (or of the changed row) whose values to match, in the same
    /// order.
    pub from: Vec<String>,
}

/// The ways back from `table` to the main rows of a mapping. `targets` are the mappings that it refers to.
pub(crate) fn paths(mapping: &Mapping, targets: &[RefTarget], table: &str) -> Vec<ReversePath> {
    let plan = mapping.plan();
    let mut paths = Vec::new();
    for (j, join) in plan.joins.iter().enumerate() {
        if join.table == table && join.sort != JoinSort::Group {
            let steps = walk_back(mapping, j, Vec::new());
            paths.push(ReversePath {
                via: join.name.clone(),
                steps: Some(steps),
            });
        }
    }
    for target in targets.iter().filter(|t| t.table == table) {
        let via = format!("ref {}", target.mapping);
        let steps = target.from.as_ref().map(|from| match single_origin(from) {
            Some((None, columns)) => vec![ReverseStep {
                table: mapping.table().to_owned(),
                by: named(&plan.program.columns, &columns),
                from: columns_of(target, from, None),
            }],
            Some((Some(j), columns)) => {
                let step = ReverseStep {
                    table: plan.joins[j].table.clone(),
                    by: named(&plan.joins[j].columns, &columns),
                    from: columns_of(target, from, Some(j)),
                };
                walk_back(mapping, j, vec![step])
            }
            None => Vec::new(),
        });
        paths.push(ReversePath {
            via,
            steps: steps.filter(|s| !s.is_empty()),
        });
    }
    paths.sort();
    paths.dedup();
    paths
}

/// A mapping that is referred to: its table and key, and where our side's key comes from.
pub(crate) struct RefTarget {
    pub mapping: String,
    pub table: String,
    pub key: Vec<String>,
    pub from: Option<Vec<Origin>>,
}

/// From a row of join `j`, already found by `steps`, to the main table.
fn walk_back(mapping: &Mapping, j: usize, mut steps: Vec<ReverseStep>) -> Vec<ReverseStep> {
    let plan = mapping.plan();
    let join = &plan.joins[j];
    let upstream = join.from.iter().find_map(|o| match o {
        Origin::Join(up, _) => Some(*up),
        Origin::Row(_) => None,
    });
    // Where a join matches columns of several rows, matching those of one of them finds all and perhaps
    // more, and mapping a row too many changes nothing.
    let pairs = join.by.iter().zip(&join.from);
    let from_row: Vec<(usize, usize)> = pairs
        .clone()
        .filter_map(|(theirs, ours)| match ours {
            Origin::Row(column) => Some((*theirs, *column)),
            Origin::Join(..) => None,
        })
        .collect();
    let theirs = |pairs: &[(usize, usize)]| {
        let numbers: Vec<usize> = pairs.iter().map(|p| p.0).collect();
        named(&join.columns, &numbers)
    };
    if !from_row.is_empty() {
        let ours: Vec<usize> = from_row.iter().map(|p| p.1).collect();
        steps.push(ReverseStep {
            table: mapping.table().to_owned(),
            by: named(&plan.program.columns, &ours),
            from: theirs(&from_row),
        });
        return steps;
    }
    let Some(up) = upstream else {
        return steps;
    };
    let from_up: Vec<(usize, usize)> = pairs
        .filter_map(|(theirs, ours)| match ours {
            Origin::Join(j, column) if *j == up => Some((*theirs, *column)),
            _ => None,
        })
        .collect();
    let ours: Vec<usize> = from_up.iter().map(|p| p.1).collect();
    steps.push(ReverseStep {
        table: plan.joins[up].table.clone(),
        by: named(&plan.joins[up].columns, &ours),
        from: theirs(&from_up),
    });
    // Joins form no circle, so this ends.
    walk_back(mapping, up, steps)
}

/// The row or lookup from which a key comes, with its columns; of several, the main row or the first lookup.
fn single_origin(from: &[Origin]) -> Option<(Option<usize>, Vec<usize>)> {
    let from_row: Vec<usize> = from
        .iter()
        .filter_map(|o| match o {
            Origin::Row(column) => Some(*column),
            Origin::Join(..) => None,
        })
        .collect();
    if !from_row.is_empty() {
        return Some((None, from_row));
    }
    let first = from.iter().find_map(|o| match o {
        Origin::Join(j, _) => Some(*j),
        Origin::Row(_) => None,
    })?;
    let columns = from.iter().filter_map(|o| match o {
        Origin::Join(j, column) if *j == first => Some(*column),
        _ => None,
    });
    Some((Some(first), columns.collect()))
}

/// The target's key columns whose values come from that origin.
fn columns_of(target: &RefTarget, from: &[Origin], origin: Option<usize>) -> Vec<String> {
    from.iter()
        .zip(&target.key)
        .filter(|(o, _)| match o {
            Origin::Row(_) => origin.is_none(),
            Origin::Join(j, _) => origin == Some(*j),
        })
        .map(|(_, column)| column.clone())
        .collect()
}

fn named(columns: &[String], numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|n| columns[*n].clone()).collect()
}
