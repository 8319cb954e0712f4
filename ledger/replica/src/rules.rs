// SPDX-License-Identifier: Apache-2.0
//! The [`Policy`] of a replica: contracts in Cedar, certificates in X.509.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silsila_chain::merkle::Hash;
use silsila_chain::{Action, Claim, Contract, Identity, Member, Policy, Question, Reason};

use crate::admission::{end_ms, split};
use crate::certificate::{Fingerprint, IssuingCertificate, MemberCertificate, Network, Trust};
use crate::contract::{Asked, Authority, Compartment, Compiled, ContractFault, Entry, Kind, Who};

/// So many contracts stay compiled.
const COMPILED: usize = 8;
/// So many answers are remembered for each contract.
const ANSWERS: usize = 1 << 16;

/// Judges contracts and certificates. Pure towards the outside: what it remembers only saves time.
#[derive(Default)]
pub struct Rules {
    contracts: Mutex<VecDeque<(Hash, Arc<Known>)>>,
    forgetful: bool,
}

/// A contract and the answers that it gave.
struct Known {
    compiled: Option<Compiled>,
    answers: Mutex<BTreeMap<Identity, Answers>>,
}

/// What one member was answered. Neither its organization nor its role ever changes on one chain; but two
/// proposed blocks that compete may admit one key as different members, so both are compared.
#[derive(Default)]
struct Answers {
    organization: String,
    role: String,
    of: HashMap<Remembered, bool>,
}

impl Answers {
    fn are_of(&self, member: &Member) -> bool {
        self.organization == member.organization && self.role == member.role
    }
}

/// What an answer depends on, apart from contract and member.
#[derive(PartialEq, Eq, Hash)]
enum Remembered {
    Append(Box<str>, u8, bool),
    Grant(u8),
    Open(u8, Box<str>),
}

impl Rules {
    /// Rules that remember nothing, to measure what remembering saves.
    #[must_use]
    pub fn forgetful() -> Self {
        Self {
            forgetful: true,
            ..Self::default()
        }
    }

    /// Reads and checks a contract, limits included.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn check(contract: &Contract) -> Result<Compiled, Vec<ContractFault>> {
        Compiled::new(&contract.policies)
    }

    fn known(&self, contract: &Contract, hash: &Hash) -> Arc<Known> {
        let mut contracts = lock(&self.contracts);
        let found = contracts.iter().find(|(known, _)| known == hash);
        if let Some((_, known)) = found {
            return Arc::clone(known);
        }
        let known = Arc::new(Known {
            compiled: Compiled::new(&contract.policies).ok(),
            answers: Mutex::default(),
        });
        contracts.push_back((*hash, Arc::clone(&known)));
        if contracts.len() > COMPILED {
            contracts.pop_front();
        }
        known
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules(..)")
    }
}

/// What is remembered is only ever added to, so that a panic elsewhere leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn answer(&self, question: &Question<'_>) -> bool {
        let Some(compiled) = &self.compiled else {
            return false;
        };
        let id = question.identity.key.to_string();
        let candidate;
        let subject = match subject(question) {
            Some(key) => {
                candidate = key;
                &candidate[..]
            }
            None => &id[..],
        };
        let who = who(&id, question.member);
        let what = kind(question, subject);
        compiled.decide(&Asked { who, what }).is_permitted()
    }

    fn remembered(&self, question: &Question<'_>) -> bool {
        let key = match question.action {
            Action::Append {
                kind,
                label_class,
                deletes,
            } => Remembered::Append(kind.into(), label_class, deletes),
            Action::Grant { label_class } => Remembered::Grant(label_class),
            Action::Open {
                label_class,
                custodian,
            } => Remembered::Open(label_class, custodian.into()),
            _ => return self.answer(question),
        };
        let known = |answers: &BTreeMap<Identity, Answers>| {
            let answers = answers.get(question.identity)?;
            let answers = Some(answers).filter(|answers| answers.are_of(question.member))?;
            answers.of.get(&key).copied()
        };
        if let Some(answer) = known(&lock(&self.answers)) {
            return answer;
        }
        let answer = self.answer(question);
        let mut answers = lock(&self.answers);
        if answers
            .values()
            .map(|answers| answers.of.len())
            .sum::<usize>()
            >= ANSWERS
        {
            answers.clear();
        }
        let of_member = answers.entry(*question.identity).or_default();
        if !of_member.are_of(question.member) {
            *of_member = Answers {
                organization: question.member.organization.clone(),
                role: question.member.role.clone(),
                of: HashMap::new(),
            };
        }
        of_member.of.insert(key, answer);
        answer
    }
}

fn who<'a>(id: &'a str, member: &'a Member) -> Who<'a> {
    Who {
        id,
        organization: &member.organization,
        role: &member.role,
    }
}

/// The key of whom a question is about, where that is another than the signer.
fn subject(question: &Question<'_>) -> Option<String> {
    question.subject.map(|subject| subject.key.to_string())
}

fn kind<'a>(question: &Question<'a>, subject: &'a str) -> Kind<'a> {
    let custodian = &question.member.organization[..];
    let (votes, organizations) = (question.votes, question.organizations);
    let membership = |action, organization: &'a str, role: &'a str| Kind::Membership {
        action,
        subject: Who {
            id: subject,
            organization,
            role,
        },
        votes,
        organizations,
        certified: question.certified,
    };
    let about = |action, member: &'a Member| membership(action, &member.organization, &member.role);
    match question.action {
        Action::Append {
            kind,
            label_class: class,
            deletes,
        } => Kind::Append {
            entry: Entry {
                kind,
                class,
                custodian,
            },
            deletes,
        },
        Action::Grant { label_class: class } => Kind::Grant(Compartment { class, custodian }),
        Action::Open {
            label_class: class,
            custodian,
        } => Kind::Read {
            // A key opens every type of a compartment: a contract that permits some only permits none here.
            entry: Entry {
                kind: "",
                class,
                custodian,
            },
            by: Authority::default(),
        },
        Action::Admit(admission) => membership("admit", &admission.organization, &admission.role),
        Action::Renew(member) => about("renew", member),
        Action::Suspend(member) => about("suspend", member),
        Action::Reinstate(member) => about("reinstate", member),
        Action::Revoke(member) => about("revoke", member),
        Action::ChangeContract(_) | Action::ChangeValidators(_) => Kind::ChangeContract {
            votes,
            organizations,
        },
    }
}

impl Policy for Rules {
    fn certificate(&self, claim: &Claim<'_>) -> Result<(), Reason> {
        certified(claim).ok_or(Reason::MemberCertificate)
    }

    fn contract(&self, contract: &Contract) -> Result<(), Reason> {
        contract.check()?;
        Self::check(contract).map_err(|_| Reason::Contract)?;
        Ok(())
    }

    fn permits(&self, question: &Question<'_>) -> Result<(), Reason> {
        let known = self.known(question.contract, question.contract_hash);
        let permitted = if self.forgetful {
            known.answer(question)
        } else {
            known.remembered(question)
        };
        if permitted {
            Ok(())
        } else {
            Err(Reason::NotPermitted)
        }
    }
}

/// Whether a certificate says what is claimed. Its bytes are the member's certificate and behind it its
/// issuer's; the root is the network document.
fn certified(claim: &Claim<'_>) -> Option<()> {
    let network = Network::decode(claim.root).ok()?;
    let (member, issuer) = split(&claim.admission.certificate)?;
    let member = MemberCertificate::parse(member).ok()?;
    let issuer = IssuingCertificate::parse(issuer).ok()?;
    let end_ms = end_ms(&network, &issuer, &member);
    let trust = Trust::pinned(&Fingerprint(*claim.network), network, vec![issuer]).ok()?;
    trust.judge_parsed(&member, claim.at_ms).ok()?;
    let (subject, admission) = (member.subject(), claim.admission);
    let says = subject.ledger_key == claim.identity.key
        && subject.sealing_key == admission.sealing_key
        && subject.organization == admission.organization
        && subject.role.word() == admission.role
        && end_ms == admission.not_after_ms;
    says.then_some(())
}
