// SPDX-License-Identifier: Apache-2.0
//! By what a channel could be told, and whether a gateway's folder holds it: in the bytes of every file, and in those of
//! every value of its databases, opened with the gateway's own key.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use silsila_store::FileKey;
use silsila_store::rusqlite::Connection;
use silsila_store::rusqlite::types::ValueRef;

use crate::ledger_file::file_key;

/// What a channel could be told by.
pub struct Marks {
    words: Vec<(&'static str, Vec<u8>)>,
    /// Parts of signatures and payloads, by how they begin.
    parts: HashMap<[u8; 4], Vec<(&'static str, Vec<u8>)>>,
    /// With which two bytes any of them begins.
    begins: Vec<bool>,
    id: String,
}

/// Which kinds of marks were found.
pub struct Found(BTreeSet<&'static str>);

impl Marks {
    /// Those of the channel of this name whose own gateway has this folder, and whose entries come from `source`.
    pub fn of(folder: &Path, name: &str, source: &str) -> Self {
        let [ledger] = &ledgers_of(folder, name)[..] else {
            panic!("one ledger of {name} in {}", folder.display());
        };
        let conn = file_key(folder).connect(ledger).unwrap();
        let id: String = stem(ledger);
        let whole = channel_id(folder, &id);
        let bytes = (0..whole.len()).step_by(2);
        let bytes: Vec<u8> = bytes
            .map(|at| u8::from_str_radix(&whole[at..at + 2], 16).unwrap())
            .collect();
        let words = vec![
            ("name", name.as_bytes().to_vec()),
            ("id", bytes[..8].to_vec()),
            ("digits", whole.as_bytes()[..16].to_vec()),
            ("source", source.as_bytes().to_vec()),
        ];
        let mut parts: HashMap<[u8; 4], Vec<_>> = HashMap::new();
        let mut add = |kind, part: Vec<u8>| {
            let begin = *part.first_chunk().unwrap();
            parts.entry(begin).or_default().push((kind, part));
        };
        for part in column(
            &conn,
            "SELECT substr(signature, 1, 32) FROM ledger_transaction",
        ) {
            add("signature", part);
        }
        for part in column(
            &conn,
            "SELECT substr(bytes, 101, 32) FROM ledger_payload WHERE length(bytes) > 200",
        ) {
            add("payload", part);
        }
        let mut begins = vec![false; 1 << 16];
        let all = words.iter().chain(parts.values().flatten());
        for (_, mark) in all {
            begins[usize::from(mark[0]) << 8 | usize::from(mark[1])] = true;
        }
        Self {
            words,
            parts,
            begins,
            id: whole,
        }
    }

    /// Whether a text says the channel's name, its id, or where its records come from.
    pub fn in_text(&self, text: &str) -> bool {
        let words = self.words.iter();
        let mut words = words.filter(|(kind, _)| *kind != "id");
        words.any(|(_, word)| text.contains(std::str::from_utf8(word).unwrap()))
    }

    /// The channel's ledger in a member's folder.
    pub fn ledger_at(&self, folder: &Path) -> PathBuf {
        folder.join(format!("state/channels/{}.sqlite", &self.id[..16]))
    }

    fn look(&self, bytes: &[u8], found: &mut BTreeSet<&'static str>) {
        for at in 1..bytes.len() {
            // Most places begin no mark: one look tells.
            if !self.begins[usize::from(bytes[at - 1]) << 8 | usize::from(bytes[at])] {
                continue;
            }
            let rest = &bytes[at - 1..];
            let words = self.words.iter();
            found.extend(
                words
                    .filter(|(_, word)| rest.starts_with(word))
                    .map(|(kind, _)| kind),
            );
            if let Some(parts) = rest
                .first_chunk::<4>()
                .and_then(|four| self.parts.get(four))
            {
                let parts = parts.iter().filter(|(_, part)| rest.starts_with(part));
                found.extend(parts.map(|(kind, _)| kind));
            }
        }
    }
}

impl Found {
    /// The kinds that were found.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.0.iter().copied().collect()
    }

    /// The kinds that were not.
    pub fn missing(&self, marks: &Marks) -> Vec<&'static str> {
        let words = marks.words.iter().map(|(kind, _)| *kind);
        let all = words.chain(["signature", "payload"]);
        all.filter(|kind| !self.0.contains(kind)).collect()
    }
}

/// Looks into every file of a gateway's folder but its log, which is looked at as text.
pub fn scan(folder: &Path, marks: &Marks) -> Found {
    let mut found = BTreeSet::new();
    let key = file_key(folder);
    for file in files(&folder.join("state"))
        .into_iter()
        .chain(files(&folder.join("keys")))
    {
        let name = file.strip_prefix(folder).unwrap().display().to_string();
        marks.look(name.as_bytes(), &mut found);
        marks.look(&fs::read(&file).unwrap_or_default(), &mut found);
        if file.extension().is_some_and(|found| found == "sqlite") {
            marks.look(&opened(&file, &key), &mut found);
        }
    }
    Found(found)
}

/// Every value of a database, decrypted: texts and blobs as they are, numbers as eight bytes.
fn opened(file: &Path, key: &FileKey) -> Vec<u8> {
    let conn = key.connect(file).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let mut statement = conn.prepare(tables).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0));
    let mut bytes = Vec::new();
    for name in names.unwrap().map(Result::unwrap) {
        let mut statement = conn.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(value) | ValueRef::Blob(value) => bytes.extend(value),
                    ValueRef::Integer(value) => bytes.extend(value.to_be_bytes()),
                    ValueRef::Real(_) | ValueRef::Null => {}
                }
            }
        }
    }
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The ledgers of a folder whose founding says a name.
fn ledgers_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let key = file_key(folder);
    let mut ledgers = files(&folder.join("state"));
    ledgers.retain(|file| {
        file.extension().is_some_and(|found| found == "sqlite") && {
            let conn = key.connect(file).unwrap();
            let genesis = column(
                &conn,
                "SELECT value FROM ledger_meta WHERE name = 'genesis'",
            );
            let word = name.as_bytes();
            genesis[0].windows(word.len()).any(|window| window == word)
        }
    });
    ledgers
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The whole id of a channel, as `channel list` prints it.
fn channel_id(folder: &Path, begin: &str) -> String {
    let silsila = silsila_integration_tests::gateway::beside_us("silsila").unwrap();
    let output = std::process::Command::new(silsila)
        .args(["channel", "list", "--json", "--config"])
        .arg(folder.join("silsila.toml"))
        .output()
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut ids = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap());
    ids.find(|id| id.starts_with(begin)).unwrap().to_owned()
}

fn column(conn: &Connection, sql: &str) -> Vec<Vec<u8>> {
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
