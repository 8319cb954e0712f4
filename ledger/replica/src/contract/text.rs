// SPDX-License-Identifier: Apache-2.0
//! From a contract's text to policies that can be asked.

use std::ops::Range;
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Effect, Entities, Policy, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use silsila_chain::MAX_POLICIES;

use super::{ContractFault, FaultCode, SCHEMA};

/// The most operators of one policy: what bounds the depth of its tree, hence the stack that judging it
/// takes. Beyond its stack Cedar gives up, and members with other stacks would answer otherwise.
const MAX_OPERATORS: usize = 320;
const OPERATORS: &str = "&|=<>+-*!.([{?%/";
const NESTING: [&str; 7] = ["if", "then", "else", "like", "has", "in", "is"];
/// Makers of Cedar's extension types, which the vocabulary does without.
const FUNCTIONS: [&str; 4] = ["ip", "decimal", "datetime", "duration"];
/// The most policies of one contract.
const MAX_POLICY_COUNT: usize = 256;

/// Actions that somebody must be able to do, or the channel is dead.
const VITAL: [(&str, &str); 3] = [
    ("append", "nobody could ever append"),
    ("renew", "nobody's time could ever be extended"),
    ("changeContract", "the contract could never be changed"),
];

static PARSED_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::from_cedarschema_str(SCHEMA)
        .expect("the vocabulary is Cedar's schema language; a test reads it")
        .0
});

static ACTIONS: LazyLock<Entities> = LazyLock::new(|| {
    schema()
        .action_entities()
        .expect("the vocabulary has actions; a test reads it")
});

/// The vocabulary, read.
pub(super) fn schema() -> &'static Schema {
    &PARSED_SCHEMA
}

/// The actions and the groups that they belong to.
pub(super) fn actions() -> &'static Entities {
    &ACTIONS
}

/// A contract that can be asked.
#[derive(Debug, Clone)]
pub struct Compiled {
    policies: PolicySet,
}

impl Compiled {
    /// Reads and checks a contract's text.
    ///
    /// # Errors
    /// Every fault, in the order of the text where they have a place.
    pub fn new(text: &str) -> Result<Self, Vec<ContractFault>> {
        if text.len() > MAX_POLICIES {
            return Err(vec![whole(
                FaultCode::Size,
                format!("the text has more than {MAX_POLICIES} bytes"),
            )]);
        }
        let faults = surface(text);
        if !faults.is_empty() {
            return Err(faults);
        }
        let policies = PolicySet::from_str(text).map_err(|errors| {
            let errors = errors.iter();
            errors
                .map(|error| located(FaultCode::Syntax, error, None))
                .collect::<Vec<_>>()
        })?;
        let mut faults = shape(&policies);
        faults.extend(vocabulary(&policies));
        if faults.is_empty() {
            faults.extend(locked(&policies));
        }
        faults.sort_by_key(|fault| fault.at.as_ref().map_or(usize::MAX, |at| at.start));
        if faults.is_empty() {
            Ok(Self { policies })
        } else {
            Err(faults)
        }
    }

    pub(super) const fn policies(&self) -> &PolicySet {
        &self.policies
    }
}

fn whole(code: FaultCode, message: impl Into<String>) -> ContractFault {
    ContractFault {
        code,
        message: message.into(),
        help: None,
        at: None,
    }
}

fn shape(policies: &PolicySet) -> Vec<ContractFault> {
    let mut faults = Vec::new();
    if policies.is_empty() {
        faults.push(whole(FaultCode::Empty, "there is no policy"));
    }
    if policies.num_of_templates() > 0 {
        let message =
            "a policy has a slot (?principal or ?resource), which nothing would ever fill";
        faults.push(whole(FaultCode::Template, message));
    }
    if policies.num_of_policies() > MAX_POLICY_COUNT {
        let message = format!("there are more than {MAX_POLICY_COUNT} policies");
        faults.push(whole(FaultCode::Size, message));
    }
    faults
}

fn vocabulary(policies: &PolicySet) -> Vec<ContractFault> {
    let result = Validator::new(schema().clone()).validate(policies, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| {
        let message = strip(&error.to_string());
        located(FaultCode::Vocabulary, error, Some(message))
    });
    let errors: Vec<ContractFault> = errors.collect();
    if !errors.is_empty() {
        // What Cedar doubts then mostly follows from what is wrong.
        return errors;
    }
    let warnings = result.validation_warnings().map(|warning| {
        let message = strip(&warning.to_string());
        located(FaultCode::Doubtful, warning, Some(message))
    });
    warnings.collect()
}

/// Cedar names the policy by the number that it gave it; the place says it better.
fn strip(message: &str) -> String {
    let after = message.strip_prefix("for policy `");
    let rest = after.and_then(|after| after.split_once("`, "));
    rest.map_or(message, |(_, rest)| rest).to_owned()
}

fn located(
    code: FaultCode,
    error: &(impl Diagnostic + ?Sized),
    message: Option<String>,
) -> ContractFault {
    let label = error.labels().and_then(|mut labels| labels.next());
    let at = label.map(|label| -> Range<usize> { label.offset()..label.offset() + label.len() });
    ContractFault {
        code,
        message: message.unwrap_or_else(|| error.to_string()),
        help: error.help().map(|help| help.to_string()),
        at,
    }
}

/// Says what the contract lets nobody do that must stay possible.
fn locked(policies: &PolicySet) -> Vec<ContractFault> {
    let permits = |action: &str, policy: &Policy| {
        policy.effect() == Effect::Permit
            && policy
                .get_valid_request_envs(schema())
                .any(|env| env.action().id().unescaped() == action)
    };
    let vital = VITAL.iter().filter(|(action, _)| {
        let mut policies = policies.policies();
        !policies.any(|policy| permits(action, policy))
    });
    vital
        .map(|(action, consequence)| ContractFault {
            help: Some(format!("add a policy that permits `{action}`")),
            ..whole(
                FaultCode::Locked,
                format!("no policy permits `{action}`: {consequence}"),
            )
        })
        .collect()
}

/// What the text alone shows: policies that nest too deep, and functions. Comments and strings are
/// blanked before; a policy ends at its semicolon.
fn surface(text: &str) -> Vec<ContractFault> {
    let code = blank(text);
    let mut faults = Vec::new();
    let mut start = 0;
    for policy in code.split(';') {
        let words = words(policy);
        let count = policy.chars().filter(|c| OPERATORS.contains(*c)).count()
            + words
                .iter()
                .filter(|(_, word)| NESTING.contains(word))
                .count();
        if count > MAX_OPERATORS {
            faults.push(ContractFault {
                at: Some(start..start + policy.len()),
                help: Some("make several policies of it".to_owned()),
                ..whole(
                    FaultCode::Size,
                    format!("a policy has more than {MAX_OPERATORS} operators"),
                )
            });
        }
        for (at, word) in words {
            let called = policy[at + word.len()..].trim_start().starts_with('(');
            if called && FUNCTIONS.contains(&word) {
                faults.push(ContractFault {
                    at: Some(start + at..start + at + word.len()),
                    ..whole(
                        FaultCode::Vocabulary,
                        format!("the function `{word}` is not in the vocabulary"),
                    )
                });
            }
        }
        start += policy.len() + 1;
    }
    faults
}

/// The text with comments and strings made blank, every byte in its place.
fn blank(text: &str) -> String {
    let (mut quoted, mut comment, mut escaped) = (false, false, false);
    let bytes = text.as_bytes();
    let kept = text.char_indices().map(|(at, c)| {
        match (comment, quoted, c) {
            (true, _, '\n') => comment = false,
            (false, true, _) if escaped => escaped = false,
            (false, true, '\\') => escaped = true,
            (false, _, '"') => quoted = !quoted,
            (false, false, '/') if bytes.get(at + 1) == Some(&b'/') => comment = true,
            (false, false, _) => return (c, 1),
            _ => {}
        }
        (' ', c.len_utf8())
    });
    kept.flat_map(|(c, times)| std::iter::repeat_n(c, times))
        .collect()
}

fn words(policy: &str) -> Vec<(usize, &str)> {
    let part = |c: char| !(c.is_alphanumeric() || c == '_');
    let mut at = 0;
    let parts = policy.split_inclusive(part).map(|word| {
        let start = at;
        at += word.len();
        (start, word.trim_end_matches(part))
    });
    parts.filter(|(_, word)| !word.is_empty()).collect()
}
