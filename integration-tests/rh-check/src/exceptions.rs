// SPDX-License-Identifier: Apache-2.0
//! Remarks that are explained, each with its reason.

use anyhow::{Context, Result, bail};

use crate::judge::{Remark, Remarks};

/// The lines of `exceptions.csv`.
pub struct Exceptions(Vec<Exception>);

struct Exception {
    severity: String,
    code: String,
    /// Empty for all.
    profile: String,
    says: String,
    /// Whether the validator must be seen to say it of a resource that is right.
    shown: bool,
    why: String,
}

impl Exceptions {
    /// Reads the list that is part of this program.
    pub fn read() -> Result<Self> {
        let text = include_str!("../exceptions.csv");
        let mut lines = text.lines();
        let header = lines.next();
        if header != Some("severity,code,profile,says,shown,why") {
            bail!("exceptions.csv has another header");
        }
        let all = lines.map(|line| exception(line).with_context(|| line.to_owned()));
        Ok(Self(all.collect::<Result<_>>()?))
    }

    /// Why a remark may be made, if that is known. What is blamed on the validator counts only if it says the same
    /// of one of the resources that are `sound`.
    pub fn explain(&self, remark: &Remark, sound: &Remarks) -> Option<&str> {
        let found = self.0.iter().find(|e| {
            e.severity == remark.severity
                && e.code == remark.code
                && (e.profile.is_empty() || e.profile == remark.profile)
                && remark.says.contains(&e.says)
        })?;
        let same = |r: &Remark| r.profile == remark.profile && r.says == remark.says;
        let seen = || sound.iter().any(|(example, _)| same(example));
        (!found.shown || seen()).then_some(&*found.why)
    }
}

/// A line, whose fields may stand in quotes.
fn exception(line: &str) -> Result<Exception> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().context("a field")?.push(c),
        }
    }
    let [severity, code, profile, says, shown, why] = <[String; 6]>::try_from(fields)
        .map_err(|fields| anyhow::anyhow!("{} fields in place of six", fields.len()))?;
    if says.is_empty() || why.is_empty() {
        bail!("an exception names what is said, and why that may be");
    }
    Ok(Exception {
        severity,
        code,
        profile,
        says,
        shown: shown == "yes",
        why,
    })
}
