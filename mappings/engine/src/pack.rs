// SPDX-License-Identifier: Apache-2.0
//! All mappings of one legacy system.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use silsila_source::{Key, Schema};

use crate::expression::scope::{Header, World};
use crate::filters::codes::{CodeTable, CodeTables};
use crate::language::mapping_file::{self, MappingFile};
use crate::organization;
use crate::plan::{self, Plan};
use crate::reverse::RefTarget;
use crate::testing::TestFile;
use crate::{LogicalId, MappedResource, Mapping, OnDelete, Organization, delete, schema_check};

/// Raised when the same pack may give other bytes than before, so that every row is mapped again.
const ENGINE_VERSION: u32 = 1;

/// One file of a pack: `*.yaml` is a mapping, `*.tests.yaml` tests, `*.csv` a code table; others are
/// ignored.
#[derive(Debug, Clone)]
pub struct PackFile {
    /// The path as diagnostics show it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// What the configuration adds to a pack.
#[derive(Debug, Clone, Default)]
pub struct PackSettings {
    /// The source's name in the configuration: part of every id.
    pub source: String,
    /// The hospital's own base address without a slash at the end, such as `https://mirpurkhas.example`;
    /// becomes `meta.source` and `${base_uri}`.
    pub base_uri: String,
    /// The hospital's short name: `${hospital}`.
    pub hospital: String,
    /// What the hospital's Organization resource says.
    pub organization: Organization,
}

/// All mappings of one legacy system, compiled and free of mistakes.
pub struct Pack {
    mappings: Vec<Mapping>,
    settings: PackSettings,
    pub(crate) tests: Vec<TestFile>,
}

impl Pack {
    /// Compiles the files of a pack.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn compile(files: &[PackFile], settings: &PackSettings) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::new();
        let fill = |text: &str| {
            text.replace("${base_uri}", &settings.base_uri)
                .replace("${hospital}", &settings.hospital)
        };
        let mut files: Vec<&PackFile> = files.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (mut tables, mut written, mut tests) = (CodeTables::default(), Vec::new(), Vec::new());
        for file in files {
            let text = TextFile::new(file.path.as_str(), file.text.as_str());
            match kind_of(&file.path) {
                Some(FileKind::Table(name)) => {
                    if let Some(table) = CodeTable::parse(name, &text, &fill, &mut found) {
                        tables.add(table, &mut found);
                    }
                }
                Some(FileKind::Tests) => tests.push(text),
                Some(FileKind::Mapping) => written.extend(mapping_file::read(&text, &mut found)),
                None => {}
            }
        }
        let headers = headers(&written, &mut found);
        let mut mappings = Vec::new();
        for file in &written {
            let world = World {
                tables: &tables,
                mappings: &headers,
                zone: file.from.zone.clone(),
                pivot: file.from.pivot,
            };
            let plan = plan::compile(file, &world, settings, &fill, &mut found);
            let on_delete = on_delete(file, &mut found);
            mappings.extend(
                plan.map(|plan| mapping(file, plan, on_delete, &written, &tables, settings)),
            );
        }
        let mappings = in_order(mappings, &mut found);
        let known: Vec<&str> = headers.iter().map(|h| &*h.name).collect();
        let tests = tests
            .iter()
            .filter_map(|file| TestFile::read(file, &known, &mut found))
            .collect();
        let settings = settings.clone();
        found.into_result(Self {
            mappings,
            settings,
            tests,
        })
    }

    /// Holds the pack against the tables that a source really has: unknown tables and columns, keys that
    /// do not fit together.
    #[must_use]
    pub fn check_against(&self, schema: &Schema) -> Diagnostics {
        schema_check::check(&self.mappings, schema)
    }

    /// In an order in which a mapping comes after those that it refers to: patients first.
    #[must_use]
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The mapping of that name.
    #[must_use]
    pub fn mapping(&self, name: &str) -> Option<&Mapping> {
        self.mappings.iter().find(|m| m.name() == name)
    }

    /// The hospital's own Organization, to be committed once; its mapping's name is `organization`, its key
    /// is empty.
    ///
    /// # Errors
    /// When the configured fields do not make a valid resource.
    pub fn organization(
        &self,
        ids: &dyn Fn(&str, &Key) -> LogicalId,
    ) -> Result<MappedResource, Diagnostics> {
        organization::build(&self.settings, ids("organization", &Key(Vec::new())))
    }
}

enum FileKind<'p> {
    Mapping,
    Tests,
    Table(&'p str),
}

fn kind_of(path: &str) -> Option<FileKind<'_>> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if name.ends_with(".tests.yaml") || name.ends_with(".tests.yml") {
        return Some(FileKind::Tests);
    }
    if name.ends_with(".yaml") || name.ends_with(".yml") {
        return Some(FileKind::Mapping);
    }
    name.strip_suffix(".csv").map(FileKind::Table)
}

fn headers(written: &[MappingFile], found: &mut Diagnostics) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for file in written {
        let (name, span) = &file.name;
        if let Some(first) = written.iter().find(|f| f.name.0 == *name)
            && !std::ptr::eq(first, file)
        {
            let message = format!("there are two mappings named {name:?}");
            let problem = Diagnostic::error("MAP0009", message)
                .at(file.file.place(span.clone()))
                .help(format!("the other is in {}", first.file.name()));
            found.push(problem);
        }
        headers.push(Header {
            name: name.clone(),
            resource_type: file.resource.0.clone(),
            key_len: file.from.key.len(),
        });
    }
    headers
}

fn on_delete(file: &MappingFile, found: &mut Diagnostics) -> OnDelete {
    let resource = &file.resource.0;
    let can = delete::can_be_in_error(resource);
    match &file.on_delete {
        None if can => OnDelete::EnteredInError,
        None => OnDelete::Gone,
        Some((OnDelete::EnteredInError, span)) if !can => {
            let message = format!("{resource} has no status for what was entered in error");
            let problem = Diagnostic::error("MAP0005", message)
                .at(file.file.place(span.clone()))
                .help("write gone");
            found.push(problem);
            OnDelete::Gone
        }
        Some((way, _)) => *way,
    }
}

fn mapping(
    file: &MappingFile,
    plan: Plan,
    on_delete: OnDelete,
    written: &[MappingFile],
    tables: &CodeTables,
    settings: &PackSettings,
) -> Mapping {
    let mut columns = plan.program.columns.clone();
    columns.sort();
    let targets = plan.refs.iter().filter_map(|r| {
        let target = written.iter().find(|f| f.name.0 == r.mapping)?;
        Some(RefTarget {
            mapping: r.mapping.clone(),
            table: target.from.table.0.clone(),
            key: target.from.key.iter().map(|(c, _)| c.clone()).collect(),
            from: r.from.clone(),
        })
    });
    Mapping {
        name: file.name.0.clone(),
        resource_type: file.resource.0.clone(),
        table: file.from.table.0.clone(),
        key: file.from.key.iter().map(|(c, _)| c.clone()).collect(),
        changed: file.from.changed.as_ref().map(|(c, _)| c.clone()),
        columns,
        digest: digest(file, &plan, written, tables, settings),
        on_delete,
        targets: targets.collect(),
        plan,
    }
}

fn digest(
    file: &MappingFile,
    plan: &Plan,
    written: &[MappingFile],
    tables: &CodeTables,
    settings: &PackSettings,
) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(&format!("silsila mapping {ENGINE_VERSION}"));
    add(file.file.text());
    for name in &plan.tables {
        add(name);
        add(tables.get(name).map_or("", |t| t.file.text()));
    }
    for r in &plan.refs {
        let target = written.iter().find(|f| f.name.0 == r.mapping);
        add(&r.mapping);
        add(target.map_or("", |t| &t.resource.0));
    }
    for setting in [&settings.source, &settings.base_uri, &settings.hospital] {
        add(setting);
    }
    hash.finalize().into()
}

/// Each mapping after those that it refers to, names deciding between equals. Circles are reported.
fn in_order(mappings: Vec<Mapping>, found: &mut Diagnostics) -> Vec<Mapping> {
    let mut waiting: BTreeMap<String, Mapping> =
        mappings.into_iter().map(|m| (m.name.clone(), m)).collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let free = waiting
            .values()
            .find(|m| m.targets.iter().all(|t| !waiting.contains_key(&t.mapping)))
            .map(|m| m.name.clone());
        if let Some(mapping) = free.and_then(|name| waiting.remove(&name)) {
            ordered.push(mapping);
            continue;
        }
        let names: Vec<&str> = waiting.keys().map(String::as_str).collect();
        let mut problem =
            Diagnostic::error("MAP0033", "mappings that refer to each other in a circle")
                .help(format!("look at the ref calls of {}", names.join(", ")));
        if let Some(place) = waiting
            .values()
            .find_map(|m| m.plan.refs.iter().find_map(|r| r.place.clone()))
        {
            problem = problem.at(place);
        }
        found.push(problem);
        break;
    }
    ordered
}
