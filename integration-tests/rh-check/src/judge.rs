// SPDX-License-Identifier: Apache-2.0
//! The validator, and what it says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use rh_validator::{FhirValidator, FhirVersion};
use serde_json::Value;

const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The profile of vital signs that R4 demands for a LOINC code.
const VITAL_SIGNS: [(&str, &str); 6] = [
    ("85354-9", "bp"),
    ("8867-4", "heartrate"),
    ("9279-1", "resprate"),
    ("8310-5", "bodytemp"),
    ("29463-7", "bodyweight"),
    ("8302-2", "bodyheight"),
];

/// `rh-validator` with HL7's definitions and nothing from any network.
pub struct Judge(FhirValidator);

/// One kind of remark: what is said of resources of one type, or of vital signs, wherever it occurs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// `error`, `warning` or `information`.
    pub severity: String,
    /// The kind of fault, a code of FHIR's issue types.
    pub code: String,
    /// A type of resource, or `vital signs`.
    pub profile: String,
    /// What the validator says, without the places of entries in lists.
    pub says: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            code,
            profile,
            says,
        } = self;
        write!(f, "{severity} ({code}) {profile}: {says}")
    }
}

/// Remarks, and how often each was made.
#[derive(Default)]
pub struct Remarks(BTreeMap<Remark, usize>);

impl Remarks {
    /// Every remark with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&Remark, usize)> {
        self.0.iter().map(|(remark, times)| (remark, *times))
    }
}

impl Judge {
    /// Reads the definitions.
    pub fn over(definitions: &Path) -> Result<Self> {
        let folder = definitions
            .to_str()
            .context("the folder's name is not UTF-8")?;
        let judge = Self(FhirValidator::new(FhirVersion::R4, Some(folder))?);
        let patient = format!("{CORE}Patient");
        let known = judge.0.list_profiles().contains(&patient);
        anyhow::ensure!(known, "{folder} holds no StructureDefinition of Patient");
        Ok(judge)
    }

    /// Judges a resource by the base profile of its type, and a vital sign by its own as well.
    pub fn look(&self, resource: &Value, remarks: &mut Remarks) -> Result<()> {
        let kind = resource["resourceType"]
            .as_str()
            .context("no resourceType")?;
        let base = self.against(resource, kind, kind)?;
        if let Some(profile) = vital_sign(resource) {
            let further = self.against(resource, profile, "vital signs")?;
            let already = |r: &Remark| base.iter().any(|b| b.says == r.says);
            for remark in further.iter().filter(|r| !already(r)) {
                *remarks.0.entry(remark.clone()).or_default() += 1;
            }
        }
        for remark in base {
            *remarks.0.entry(remark).or_default() += 1;
        }
        Ok(())
    }

    fn against(&self, resource: &Value, profile: &str, called: &str) -> Result<Vec<Remark>> {
        let verdict = self
            .0
            .validate_with_profile(resource, &format!("{CORE}{profile}"))?;
        let remarks = verdict.issues.into_iter().map(|issue| Remark {
            severity: issue.severity.to_string(),
            code: issue.code.to_string(),
            profile: called.to_owned(),
            says: without_indices(&issue.message),
        });
        Ok(remarks.collect())
    }
}

/// The profile that R4 demands of an Observation with one of the codes of vital signs.
fn vital_sign(resource: &Value) -> Option<&'static str> {
    if resource["resourceType"] != "Observation" {
        return None;
    }
    let codings = resource["code"]["coding"].as_array()?;
    codings
        .iter()
        .filter(|coding| coding["system"] == "http://loinc.org")
        .find_map(|coding| {
            let of_code = VITAL_SIGNS.iter().find(|(code, _)| coding["code"] == *code);
            of_code.map(|(_, profile)| *profile)
        })
}

/// `name[0].given[1]` as `name.given`, so that one fault is one remark.
fn without_indices(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(open) = rest.find('[') {
        let inside = &rest[open + 1..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        let index = digits > 0 && inside[digits..].starts_with(']');
        plain.push_str(&rest[..open]);
        if !index {
            plain.push('[');
        }
        rest = if index { &inside[digits + 1..] } else { inside };
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_lists_go_and_other_brackets_stay() {
        for (message, expect) in [
            ("[at name[0].given[12]]", "[at name.given]"),
            ("Observation.value[x] []", "Observation.value[x] []"),
            ("[7", "[7"),
        ] {
            assert_eq!(without_indices(message), expect);
        }
    }
}
