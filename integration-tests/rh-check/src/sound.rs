// SPDX-License-Identifier: Apache-2.0
//! Resources that are right: HL7's own examples, and one of ours. What the validator says of these, it may say of others
//! without their being wrong.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::judge::{Judge, Remarks};

/// From five to six o'clock UTC, though the texts are in another order.
const OFFSETS: &str = r#"{
    "resourceType": "Observation", "status": "final", "code": {"text": "x"},
    "effectivePeriod": {"start": "2025-01-01T10:00:00+05:00", "end": "2025-01-01T06:00:00Z"}
}"#;

/// The types of which HL7's examples are asked about.
const EXAMPLES: [&str; 2] = ["Observation-", "Encounter-"];

/// What is said of them.
pub fn remarks(judge: &Judge, definitions: &Path) -> Result<Remarks> {
    let mut remarks = Remarks::default();
    judge.look(&serde_json::from_str(OFFSETS)?, &mut remarks)?;
    let mut examples = 0;
    for entry in std::fs::read_dir(definitions)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if EXAMPLES.iter().any(|kind| name.starts_with(kind)) {
            let place = || path.display().to_string();
            let text = std::fs::read_to_string(&path).with_context(place)?;
            let resource = serde_json::from_str(&text).with_context(place)?;
            judge.look(&resource, &mut remarks)?;
            examples += 1;
        }
    }
    ensure!(examples > 0, "{} holds no examples", definitions.display());
    Ok(remarks)
}
