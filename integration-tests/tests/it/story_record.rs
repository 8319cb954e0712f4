// SPDX-License-Identifier: Apache-2.0
//! What a gateway has on record, as its FHIR server tells it: every version of every resource. Two
//! gateways of one hospital that have seen the same days must have the same record.

use std::collections::BTreeMap;

use hyper::StatusCode;
use silsila_integration_tests::http::Http;
use silsila_schema::Json;

/// Every type that the pack of Mirpurkhas makes, and the hospital itself.
pub const TYPES: [&str; 10] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "AllergyIntolerance",
    "Immunization",
];

/// One version: its canonical bytes but for the moment of its commit, or that it is a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    Put(String),
    Deleted,
}

/// Versions by `Type/id`, the oldest first: the version at index 0 is number 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record(pub BTreeMap<String, Vec<Version>>);

/// The target in an absolute link of our own server.
pub fn target(link: &str) -> &str {
    let after_scheme = link.find("://").map_or(0, |at| at + 3);
    link[after_scheme..]
        .find('/')
        .map_or("/", |at| &link[after_scheme + at..])
}

/// All entries of a bundle and of the pages that follow it, as they were written.
pub async fn entries(http: &mut Http, first: &str) -> Vec<Json> {
    let mut all = Vec::new();
    let mut next = Some(first.to_owned());
    while let Some(page) = next.take() {
        let answer = http.get(&page).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.text());
        let bundle = Json::parse(&answer.body).unwrap();
        let list = |name: &str| bundle.get(name).and_then(Json::as_array).unwrap_or(&[]);
        all.extend(list("entry").iter().cloned());
        next = list("link")
            .iter()
            .find(|link| text(link, "relation") == "next")
            .map(|link| target(text(link, "url")).to_owned());
    }
    all
}

/// Every resource that a gateway serves, as bytes.
pub async fn served(http: &mut Http) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for kind in TYPES {
        for entry in entries(http, &format!("/fhir/{kind}?_count=1000")).await {
            let name = format!("{kind}/{}", text(entry.get("resource").unwrap(), "id"));
            let answer = http.get(&format!("/fhir/{name}")).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{name}");
            all.insert(name, answer.body.to_vec());
        }
    }
    all
}

/// A member that is a string.
pub fn text<'j>(json: &'j Json, member: &str) -> &'j str {
    json.get(member).and_then(Json::as_str).unwrap_or_default()
}

impl Record {
    /// Reads the histories of all types.
    pub async fn of(http: &mut Http) -> Self {
        let mut found: BTreeMap<String, BTreeMap<usize, Version>> = BTreeMap::new();
        for kind in TYPES {
            let history = format!("/fhir/{kind}/_history?_count=1000");
            for entry in entries(http, &history).await {
                let (name, number, version) = version(kind, &entry);
                let before = found
                    .entry(name.clone())
                    .or_default()
                    .insert(number, version);
                assert!(before.is_none(), "{name} has version {number} twice");
            }
        }
        let whole = |(name, versions): (String, BTreeMap<usize, Version>)| {
            let numbers: Vec<usize> = versions.keys().copied().collect();
            let counted: Vec<usize> = (1..=versions.len()).collect();
            assert_eq!(numbers, counted, "{name}: no number is left out");
            (name, versions.into_values().collect())
        };
        Self(found.into_iter().map(whole).collect())
    }

    /// Versions in all.
    pub fn versions(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Resources whose newest version is not a deletion, with its bytes.
    pub fn current(&self) -> BTreeMap<&str, &str> {
        self.0
            .iter()
            .filter_map(|(name, versions)| match versions.last() {
                Some(Version::Put(bytes)) => Some((name.as_str(), bytes.as_str())),
                _ => None,
            })
            .collect()
    }

    /// No version repeats the one before it.
    pub fn must_not_repeat(&self) {
        for (name, versions) in &self.0 {
            let bare: Vec<Version> = versions.iter().map(|v| v.without(&NUMBER)).collect();
            for pair in bare.windows(2) {
                assert_ne!(pair[0], pair[1], "{name} repeats a version");
            }
        }
    }

    /// The record without what a gateway that reads a database at work may show in passing, depending on
    /// the moment of its looks: a resource that does not yet refer to a doctor or a visit whose row it has
    /// not come to, and a record struck out just before its patient went.
    pub fn at_rest(&self) -> Self {
        let rest = |versions: &Vec<Version>| {
            let mut kept: Vec<Version> = Vec::new();
            for version in versions {
                if *version == Version::Deleted && kept.last().is_some_and(Version::is_struck_out) {
                    kept.pop();
                }
                let version = version.without(&[NUMBER[0], "encounter", "Practitioner/"]);
                if kept.last() != Some(&version) {
                    kept.push(version);
                }
            }
            kept
        };
        let settled = self.0.iter().map(|(name, all)| (name.clone(), rest(all)));
        Self(settled.collect())
    }

    /// How many resources have another history here than there.
    pub fn differing(&self, other: &Self) -> usize {
        let mine = self.0.iter();
        mine.filter(|(name, versions)| other.0.get(*name) != Some(versions))
            .count()
    }

    /// Demands the same of the record of another gateway, and says where the two part.
    pub fn must_be(&self, other: &Self) {
        let mut differences = Vec::new();
        let names: std::collections::BTreeSet<&String> =
            self.0.keys().chain(other.0.keys()).collect();
        for name in names {
            let (mine, theirs) = (self.0.get(name), other.0.get(name));
            if mine != theirs {
                differences.push(format!(
                    "{name}:\n  here      {mine:?}\n  undisturbed {theirs:?}"
                ));
            }
        }
        assert!(
            differences.is_empty(),
            "{} resources differ, such as\n{}",
            differences.len(),
            differences[..differences.len().min(5)].join("\n")
        );
    }
}

const NUMBER: [&str; 1] = ["versionId"];

impl Version {
    /// Without members of these names, and without references that begin so.
    fn without(&self, names: &[&str]) -> Self {
        match self {
            Self::Put(bytes) => {
                let mut json = Json::parse(bytes.as_bytes()).unwrap();
                strip(&mut json, names);
                Self::Put(String::from_utf8(json.canonical()).unwrap())
            }
            Self::Deleted => Self::Deleted,
        }
    }

    fn is_struck_out(&self) -> bool {
        matches!(self, Self::Put(bytes) if bytes.contains("entered-in-error"))
    }
}

fn strip(json: &mut Json, names: &[&str]) {
    match json {
        Json::Object(object) => {
            object.retain(|name, value| {
                let refers = name == "reference"
                    && value
                        .as_str()
                        .is_some_and(|r| names.iter().any(|n| r.starts_with(n)));
                strip(value, names);
                !refers && !names.contains(&name)
            });
        }
        Json::Array(items) => items.iter_mut().for_each(|item| strip(item, names)),
        _ => {}
    }
}

/// Name, number and content of one entry of a history.
fn version(kind: &str, entry: &Json) -> (String, usize, Version) {
    let request = entry.get("request").unwrap();
    let etag = entry.get("response").map(|r| text(r, "etag")).unwrap();
    let number = etag.trim_start_matches("W/").trim_matches('"');
    let number = number.parse().unwrap_or_else(|_| panic!("etag {etag}"));
    let Some(mut resource) = entry.get("resource").cloned() else {
        assert_eq!(text(request, "method"), "DELETE");
        let name = text(request, "url").to_owned();
        assert!(name.starts_with(kind), "{name}");
        return (name, number, Version::Deleted);
    };
    let name = format!("{kind}/{}", text(&resource, "id"));
    let meta = resource.as_object_mut().and_then(|r| r.get_mut("meta"));
    let meta = meta.and_then(Json::as_object_mut).unwrap();
    assert!(meta.remove("lastUpdated").is_some(), "{name}");
    let said = meta.get("versionId").and_then(Json::as_str);
    assert_eq!(said, Some(number.to_string().as_str()), "{name}");
    let bytes = String::from_utf8(resource.canonical()).unwrap();
    (name, number, Version::Put(bytes))
}
