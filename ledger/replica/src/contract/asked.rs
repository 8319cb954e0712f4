// SPDX-License-Identifier: Apache-2.0
//! What a contract can be asked.

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::LazyLock;

use super::text::{actions, schema};

/// A member, as the contract sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who<'a> {
    /// Its ledger key in hexadecimal.
    pub id: &'a str,
    /// Its organization.
    pub organization: &'a str,
    /// What the organization is.
    pub role: &'a str,
}

/// What somebody would do. The words are those of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Append a version of a resource, or its deletion.
    Append {
        /// The resource's type.
        entry: Entry<'a>,
        /// Whether it is deleted.
        deletes: bool,
    },
    /// Envelope the keys of a compartment.
    Grant(Compartment<'a>),
    /// Read a version of a resource.
    Read {
        /// The resource.
        entry: Entry<'a>,
        /// What speaks for it.
        by: Authority,
    },
    /// Read a compartment in an emergency.
    BreakGlass(Compartment<'a>),
    /// Erase a compartment.
    Erase {
        /// What is erased.
        compartment: Compartment<'a>,
        /// What speaks for it.
        by: Authority,
    },
    /// Change who is a member.
    Membership {
        /// `admit`, `renew`, `suspend`, `reinstate` or `revoke`.
        action: &'static str,
        /// Whom it is about.
        subject: Who<'a>,
        /// Organizations for it.
        votes: u32,
        /// Organizations that have a say.
        organizations: u32,
        /// Whether the authority's certificate says it.
        certified: bool,
    },
    /// Put another contract in place.
    ChangeContract {
        /// Organizations for it.
        votes: u32,
        /// Organizations that have a say.
        organizations: u32,
    },
}

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its type.
    pub kind: &'a str,
    /// Its compartment.
    pub class: u8,
    /// Whose it is.
    pub custodian: &'a str,
}

/// All that one custodian holds of one patient in one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compartment<'a> {
    /// The class.
    pub class: u8,
    /// The custodian.
    pub custodian: &'a str,
}

/// What of the patient's speaks for reading or erasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Authority {
    /// A grant of the patient stands.
    pub consent: bool,
    /// The patient's key was shown.
    pub patient_key: bool,
}

/// A question to a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who would act.
    pub who: Who<'a>,
    /// What they would do.
    pub what: Kind<'a>,
}

type Attributes = Vec<(&'static str, RestrictedExpression)>;

struct Types {
    member: EntityTypeName,
    channel: EntityTypeName,
    entry: EntityTypeName,
    compartment: EntityTypeName,
    action: EntityTypeName,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let name = |text| EntityTypeName::from_str(text).expect("a plain identifier");
    Types {
        member: name("Member"),
        channel: name("Channel"),
        entry: name("Entry"),
        compartment: name("Compartment"),
        action: name("Action"),
    }
});

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

impl Who<'_> {
    fn attributes(&self) -> Attributes {
        vec![
            ("organization", text(self.organization)),
            ("role", text(self.role)),
        ]
    }
}

impl Entry<'_> {
    fn attributes(&self) -> Attributes {
        vec![
            ("type", text(self.kind)),
            ("class", RestrictedExpression::new_long(self.class.into())),
            ("custodian", text(self.custodian)),
        ]
    }
}

impl Compartment<'_> {
    fn attributes(&self) -> Attributes {
        vec![
            ("class", RestrictedExpression::new_long(self.class.into())),
            ("custodian", text(self.custodian)),
        ]
    }
}

impl Authority {
    fn context(self) -> Attributes {
        vec![
            ("consent", RestrictedExpression::new_bool(self.consent)),
            (
                "patientKey",
                RestrictedExpression::new_bool(self.patient_key),
            ),
        ]
    }
}

fn counts(votes: u32, organizations: u32) -> Attributes {
    let long = |count: u32| RestrictedExpression::new_long(count.into());
    vec![
        ("votes", long(votes)),
        ("organizations", long(organizations)),
    ]
}

/// The parts of a question in Cedar's terms.
struct Parts {
    action: &'static str,
    resource: EntityUid,
    attributes: Attributes,
    context: Attributes,
}

impl Kind<'_> {
    fn parts(&self) -> Parts {
        let types = &*TYPES;
        let parts = |action, (kind, id), attributes, context| Parts {
            action,
            resource: uid(kind, id),
            attributes,
            context,
        };
        let (entry, compartment) = ((&types.entry, "entry"), (&types.compartment, "compartment"));
        match self {
            Self::Append { entry: of, deletes } => {
                let context = vec![("deletes", RestrictedExpression::new_bool(*deletes))];
                parts("append", entry, of.attributes(), context)
            }
            Self::Grant(of) => parts("grant", compartment, of.attributes(), Vec::new()),
            Self::Read { entry: of, by } => parts("read", entry, of.attributes(), by.context()),
            Self::BreakGlass(of) => parts("breakGlass", compartment, of.attributes(), Vec::new()),
            Self::Erase {
                compartment: of,
                by,
            } => parts("erase", compartment, of.attributes(), by.context()),
            Self::Membership {
                action,
                subject,
                votes,
                organizations,
                certified,
            } => {
                let mut context = counts(*votes, *organizations);
                context.push(("certified", RestrictedExpression::new_bool(*certified)));
                let about = (&types.member, subject.id);
                parts(action, about, subject.attributes(), context)
            }
            Self::ChangeContract {
                votes,
                organizations,
            } => {
                let context = counts(*votes, *organizations);
                parts(
                    "changeContract",
                    (&types.channel, "channel"),
                    Vec::new(),
                    context,
                )
            }
        }
    }
}

impl Asked<'_> {
    /// The question in Cedar's terms; `None` where it does not fit the vocabulary, which only a fault of
    /// this program could make.
    pub(super) fn request(&self) -> Option<(Request, Entities)> {
        let parts = self.what.parts();
        let principal = uid(&TYPES.member, self.who.id);
        let action = uid(&TYPES.action, parts.action);
        let context = parts.context.into_iter();
        let context = context.map(|(name, value)| (name.to_owned(), value));
        let context = Context::from_pairs(context).ok()?;
        let about = parts.resource.clone();
        let request =
            Request::new(principal.clone(), action, about, context, Some(schema())).ok()?;
        let mut entities = vec![entity(principal.clone(), self.who.attributes())?];
        if parts.resource != principal {
            entities.push(entity(parts.resource, parts.attributes)?);
        }
        let entities = actions()
            .clone()
            .add_entities(entities, Some(schema()))
            .ok()?;
        Some((request, entities))
    }
}

fn entity(uid: EntityUid, attributes: Attributes) -> Option<Entity> {
    let attributes: HashMap<String, RestrictedExpression> = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Entity::new(uid, attributes, HashSet::new()).ok()
}
