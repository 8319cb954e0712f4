// SPDX-License-Identifier: Apache-2.0
//! `NAME.tests.toml`: questions to a contract, and the answers that are meant.

use std::ops::Range;
use std::path::Path;

use silsila_diagnostics::{Diagnostic, Diagnostics, Place, TextFile};
use silsila_replica::contract::{
    Asked, Authority, Compartment, Compiled, Decision, Entry, Kind, Who,
};
use toml::de::{DeTable, DeValue};

use super::fields::Fields;

const CODE: &str = "CON0009";
const ACTIONS: [&str; 11] = [
    "append",
    "grant",
    "read",
    "breakGlass",
    "erase",
    "admit",
    "renew",
    "suspend",
    "reinstate",
    "revoke",
    "changeContract",
];

/// What a case expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Yes.
    Permit,
    /// No.
    Deny,
    /// No, because a policy cannot be evaluated.
    Fail,
}

/// One question, and the answer that is meant.
#[derive(Debug)]
pub struct Case {
    /// A claim, such as `a laboratory deletes nothing`.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The answer.
    pub expected: Expected,
    who: Person,
    what: What,
}

/// What came of a case.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Held,
    /// Another answer came.
    Broken {
        /// In words.
        found: String,
    },
}

#[derive(Debug)]
struct Person {
    id: String,
    organization: String,
    role: String,
}

#[derive(Debug, Default)]
struct Thing {
    kind: String,
    class: u8,
    custodian: String,
}

#[derive(Debug)]
enum What {
    Append(Thing, bool),
    Grant(Thing),
    Read(Thing, Authority),
    BreakGlass(Thing),
    Erase(Thing, Authority),
    Membership {
        action: &'static str,
        subject: Person,
        votes: u32,
        organizations: u32,
        certified: bool,
    },
    ChangeContract(u32, u32),
}

impl Person {
    fn who(&self) -> Who<'_> {
        Who {
            id: &self.id,
            organization: &self.organization,
            role: &self.role,
        }
    }
}

impl Thing {
    fn entry(&self) -> Entry<'_> {
        Entry {
            kind: &self.kind,
            class: self.class,
            custodian: &self.custodian,
        }
    }

    fn compartment(&self) -> Compartment<'_> {
        Compartment {
            class: self.class,
            custodian: &self.custodian,
        }
    }
}

impl What {
    fn kind(&self) -> Kind<'_> {
        match self {
            Self::Append(thing, deletes) => Kind::Append {
                entry: thing.entry(),
                deletes: *deletes,
            },
            Self::Grant(thing) => Kind::Grant(thing.compartment()),
            Self::Read(thing, by) => Kind::Read {
                entry: thing.entry(),
                by: *by,
            },
            Self::BreakGlass(thing) => Kind::BreakGlass(thing.compartment()),
            Self::Erase(thing, by) => Kind::Erase {
                compartment: thing.compartment(),
                by: *by,
            },
            Self::Membership {
                action,
                subject,
                votes,
                organizations,
                certified,
            } => Kind::Membership {
                action,
                subject: subject.who(),
                votes: *votes,
                organizations: *organizations,
                certified: *certified,
            },
            Self::ChangeContract(votes, organizations) => Kind::ChangeContract {
                votes: *votes,
                organizations: *organizations,
            },
        }
    }
}

impl Case {
    /// Asks the contract.
    #[must_use]
    pub fn run(&self, contract: &Compiled) -> Outcome {
        let asked = Asked {
            who: self.who.who(),
            what: self.what.kind(),
        };
        let found = match (contract.decide(&asked), self.expected) {
            (Decision::Permitted, Expected::Permit)
            | (Decision::Denied, Expected::Deny)
            | (Decision::Failed { .. }, Expected::Fail) => return Outcome::Held,
            (Decision::Permitted, _) => "permitted".to_owned(),
            (Decision::Denied, _) => "denied".to_owned(),
            (Decision::Failed { errors }, _) => {
                format!("failed, hence denied: {}", errors.join("; "))
            }
        };
        Outcome::Broken { found }
    }
}

impl Expected {
    /// The word in the file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Fail => "fail",
        }
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<Case>, Diagnostics> {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => TextFile::new(name, text),
        Err(error) => {
            let message = format!("the cases {name} cannot be read: {error}");
            return Err([Diagnostic::error(CODE, message)].into_iter().collect());
        }
    };
    let mut faults = Diagnostics::new();
    let (table, errors) = DeTable::parse_recoverable(text.text());
    for error in errors {
        let place = text.place(error.span().unwrap_or(0..0));
        faults.push(Diagnostic::error(CODE, error.message()).at(place));
    }
    let mut cases = Vec::new();
    for (name, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Array(found) if &**name.get_ref() == "case" => {
                for case in found {
                    cases.extend(one(&text, case.get_ref(), case.span(), &mut faults));
                }
            }
            _ => {
                let message = "a file of cases has nothing but [[case]]";
                faults.push(Diagnostic::error(CODE, message).at(text.place(name.span())));
            }
        }
    }
    if cases.is_empty() && !faults.has_errors() {
        faults.push(Diagnostic::error(CODE, "there is no [[case]]").at(text.start()));
    }
    faults.into_result(cases)
}

fn one(
    file: &TextFile,
    value: &DeValue<'_>,
    span: Range<usize>,
    faults: &mut Diagnostics,
) -> Option<Case> {
    let DeValue::Table(table) = value else {
        let message = "a case is a table: begin it with [[case]]";
        faults.push(Diagnostic::error(CODE, message).at(file.place(span)));
        return None;
    };
    let mut fields = Fields::new(file, CODE, faults, table, span.clone());
    let name = fields.text("name");
    let name = fields.must("name", name).map(|(name, _)| name.to_owned());
    let expected = expected(&mut fields);
    let who = person(&mut fields, "who");
    let what = what(&mut fields);
    fields.finish();
    Some(Case {
        name: name?,
        place: file.place(span),
        expected: expected?,
        who: who?,
        what: what?,
    })
}

fn expected(fields: &mut Fields<'_, '_>) -> Option<Expected> {
    let found = fields.text("expect");
    let (word, span) = fields.must("expect", found)?;
    let known = [Expected::Permit, Expected::Deny, Expected::Fail];
    let found = known.into_iter().find(|expected| expected.word() == word);
    if found.is_none() {
        fields.fault(span, "`expect` must be \"permit\", \"deny\" or \"fail\"");
    }
    found
}

fn person(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Person> {
    let found = fields.table(name);
    let (table, span) = fields.must(name, found)?;
    let mut inner = Fields::new(fields.file, CODE, fields.faults, table, span);
    let organization = inner.text("organization");
    let organization = inner.must("organization", organization);
    let role = inner.text("role");
    let role = inner.must("role", role);
    let id = inner.text("id");
    inner.finish();
    let (organization, role) = (organization?.0.to_owned(), role?.0.to_owned());
    let id = id.map_or_else(|| format!("{organization}/{role}"), |(id, _)| id.to_owned());
    Some(Person {
        id,
        organization,
        role,
    })
}

fn thing(fields: &mut Fields<'_, '_>, typed: bool) -> Option<Thing> {
    let class = fields.number("class", 0..256).unwrap_or(0);
    let custodian = fields.text("custodian");
    let custodian = fields.must("custodian", custodian);
    let kind = if typed {
        let kind = fields.text("type");
        fields.must("type", kind)?.0
    } else {
        ""
    };
    Some(Thing {
        kind: kind.to_owned(),
        class: u8::try_from(class).ok()?,
        custodian: custodian?.0.to_owned(),
    })
}

fn authority(fields: &mut Fields<'_, '_>) -> Authority {
    Authority {
        consent: fields.flag("consent"),
        patient_key: fields.flag("patient_key"),
    }
}

fn votes(fields: &mut Fields<'_, '_>) -> Option<(u32, u32)> {
    let mut count = |name| {
        let found = fields.number(name, 0..4097);
        let found = fields.must(name, found)?;
        u32::try_from(found).ok()
    };
    let (votes, organizations) = (count("votes"), count("organizations"));
    Some((votes?, organizations?))
}

fn what(fields: &mut Fields<'_, '_>) -> Option<What> {
    let found = fields.text("action");
    let (word, span) = fields.must("action", found)?;
    let Some(action) = ACTIONS.into_iter().find(|action| *action == word) else {
        let fault = Diagnostic::error(CODE, format!("there is no action `{word}`"));
        let fault = fault.did_you_mean(word, ACTIONS);
        fields.faults.push(fault.at(fields.file.place(span)));
        return None;
    };
    match action {
        "append" => {
            let deletes = fields.flag("deletes");
            Some(What::Append(thing(fields, true)?, deletes))
        }
        "grant" => thing(fields, false).map(What::Grant),
        "read" => {
            let by = authority(fields);
            Some(What::Read(thing(fields, true)?, by))
        }
        "breakGlass" => thing(fields, false).map(What::BreakGlass),
        "erase" => {
            let by = authority(fields);
            Some(What::Erase(thing(fields, false)?, by))
        }
        "changeContract" => {
            let (votes, organizations) = votes(fields)?;
            Some(What::ChangeContract(votes, organizations))
        }
        action => {
            let (certified, counted) = (fields.flag("certified"), votes(fields));
            let subject = person(fields, "about");
            let (votes, organizations) = counted?;
            Some(What::Membership {
                action,
                subject: subject?,
                votes,
                organizations,
                certified,
            })
        }
    }
}
