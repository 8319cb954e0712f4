// SPDX-License-Identifier: Apache-2.0
//! One row through a mapping: may it be shared, does it make a resource, whose is it, what is in it.

use silsila_schema::{Fault as SchemaFault, FaultRule, Json, json::Object, validate};
use silsila_source::{Key, Value};

use super::drop::{self, Drop};
use crate::expression::eval::{Env, Joined};
use crate::expression::value::{Val, View};
use crate::expression::{Ex, Stop};
use crate::plan::Plan;
use crate::plan::template::{EachTemplate, Template, Values};
use crate::{Context, Fault, MappedResource, Mapping, Outcome, RefState, RowOutcome, Warning};

/// Maps one row.
pub(crate) fn map(
    mapping: &Mapping,
    main: View<'_>,
    joined: &[Joined<'_>],
    ambiguous: &[usize],
    key: Key,
    cx: &Context<'_>,
) -> RowOutcome {
    let plan = mapping.plan();
    let run = Run {
        mapping,
        plan,
        main,
        joined,
        cx,
    };
    let env = run.env();
    let outcome = run.outcome(&env, &key, ambiguous);
    let mut warnings = env.warnings.take();
    if matches!(outcome, Outcome::NotShared) {
        warnings.clear();
    }
    RowOutcome {
        key,
        outcome,
        warnings,
    }
}

struct Run<'a> {
    mapping: &'a Mapping,
    plan: &'a Plan,
    main: View<'a>,
    joined: &'a [Joined<'a>],
    cx: &'a Context<'a>,
}

type Subject = Option<(String, Key)>;

impl<'a> Run<'a> {
    fn env(&self) -> Env<'a> {
        Env::new(
            &self.plan.program,
            Some(self.main),
            self.joined,
            Some(self.cx),
        )
    }

    fn outcome(&self, env: &Env<'a>, key: &Key, ambiguous: &[usize]) -> Outcome {
        let subject = match self.gates(env, key) {
            Ok(subject) => subject,
            Err(outcome) => return outcome,
        };
        env.element.set("");
        for &j in ambiguous {
            let join = &self.plan.joins[j];
            let code = if join.pivot.is_some() {
                "MAP1021"
            } else {
                "MAP1018"
            };
            env.warn(code, Some(&join.name));
        }
        match self.build(env, key, subject) {
            Ok(resource) => Outcome::Produced(resource),
            Err(fault) => Outcome::Quarantined(fault),
        }
    }

    /// Everything that may end a row before its resource is built.
    fn gates(&self, env: &Env<'a>, key: &Key) -> Result<Subject, Outcome> {
        if let Some(at) = key.0.iter().position(Value::is_null) {
            let column = self.plan.program.columns.get(at).cloned();
            let reason = "a key column is NULL";
            return Err(Outcome::Quarantined(fault("MAP2001", column, None, reason)));
        }
        if let Some(share) = &self.plan.share {
            env.strict.set(true);
            let decided = self.share(env, share);
            env.strict.set(false);
            decided?;
        }
        if let Some(when) = &self.plan.when {
            self.when(env, when)?;
        }
        self.subject(env)
    }

    fn share(&self, env: &Env<'a>, share: &'a Ex) -> Result<(), Outcome> {
        let withheld = |code, column, reason: String, retry| {
            Outcome::Quarantined(Fault {
                code,
                column,
                element: Some("share".to_owned()),
                reason,
                withdraws: true,
                retry_on_patient: retry,
            })
        };
        match env.eval(share) {
            Ok(Val::Bool(true)) => Ok(()),
            Ok(Val::Bool(false) | Val::Null) => Err(Outcome::NotShared),
            Ok(other) => {
                let reason = format!("share gave {}, not true or false", other.kind());
                Err(withheld("MAP2002", None, reason, false))
            }
            Err(Stop::Wrong(why)) => Err(withheld("MAP2002", None, why.to_owned(), false)),
            Err(Stop::NoRow(j)) => {
                let name = self.plan.joins[j].name.clone();
                let reason = format!(
                    "there is no row for lookup {name}, so nobody can say whether to share"
                );
                Err(withheld("MAP2003", Some(name), reason, true))
            }
            Err(Stop::NoColumn(column)) => {
                let reason = "the row lacks this column".to_owned();
                Err(withheld("MAP2011", Some(column.into()), reason, false))
            }
        }
    }

    fn when(&self, env: &Env<'a>, when: &'a Ex) -> Result<(), Outcome> {
        env.element.set("when");
        match env.eval(when) {
            Ok(value) if value.is_true() => Ok(()),
            Ok(_) => Err(Outcome::Empty),
            Err(stop) => {
                let (column, reason) = self.why(stop);
                let element = Some("when".to_owned());
                Err(Outcome::Quarantined(fault(
                    "MAP2009", column, element, &reason,
                )))
            }
        }
    }

    /// The patient rule: the subject's state decides before anything is built.
    fn subject(&self, env: &Env<'a>) -> Result<Subject, Outcome> {
        let Some(slot) = self.plan.subject else {
            return Ok(None);
        };
        let slot = &self.plan.template.slots[slot];
        let Ex::Ref(reference) = &slot.ex else {
            return Ok(None);
        };
        let element = &self.plan.template.nodes[slot.node].path;
        let withheld = |code, reason: &str| {
            Outcome::Quarantined(Fault {
                code,
                column: slot.column.as_deref().map(str::to_owned),
                element: Some(element.to_string()),
                reason: reason.to_owned(),
                withdraws: true,
                retry_on_patient: code != "MAP2006",
            })
        };
        env.element.set(element);
        let key = match env.ref_key(reference) {
            Ok(Some(key)) => key,
            Ok(None) => return Err(withheld("MAP2006", "the patient's key is NULL")),
            Err(stop) => return Err(withheld("MAP2006", &self.why(stop).1)),
        };
        match self.cx.references.state(&reference.mapping, &key) {
            RefState::Shared => Ok(Some((reference.mapping.to_string(), key))),
            RefState::NotShared => Err(Outcome::NotShared),
            RefState::Quarantined => Err(withheld("MAP2005", "the patient's row is in quarantine")),
            RefState::Absent => Err(withheld("MAP2004", "the patient's row is not there")),
        }
    }

    fn why(&self, stop: Stop) -> (Option<String>, String) {
        match stop {
            Stop::Wrong(why) => (None, why.to_owned()),
            Stop::NoRow(j) => (
                Some(self.plan.joins[j].name.clone()),
                "the lookup has no row".to_owned(),
            ),
            Stop::NoColumn(column) => (Some(column.into()), "the row lacks this column".to_owned()),
        }
    }

    /// Evaluates, assembles and validates; what is faulty and optional is dropped, and the rest tried again.
    fn build(&self, env: &Env<'a>, key: &Key, subject: Subject) -> Result<MappedResource, Fault> {
        let template = &self.plan.template;
        let id = (self.cx.ids)(self.mapping.name(), key);
        let mut dropped: Vec<Drop> = Vec::new();
        loop {
            // Evaluating again counts nothing again.
            let again = (!dropped.is_empty()).then(|| self.env());
            let mut values = self.evaluate(again.as_ref().unwrap_or(env), template, &dropped)?;
            let mut resource = template
                .assemble(&mut values, true)
                .unwrap_or_else(|| Json::Object(Object::new()));
            self.stamp(&mut resource, id.as_str());
            let faults = validate(&resource);
            let Some(first) = faults.first() else {
                let resource_type = self.mapping.resource_type().to_owned();
                let id = id.as_str().to_owned();
                return Ok(MappedResource::new(
                    resource_type,
                    id,
                    subject,
                    resource.canonical(),
                ));
            };
            let again = |child: &EachTemplate, k: usize| {
                let env = self.env();
                self.child_values(&env, child, k, &dropped)
            };
            let found = drop::choose(template, &values, first, &again)
                .filter(|d| !dropped.contains(&d.what))
                .ok_or_else(|| self.rejected(first, &values))?;
            env.warnings.borrow_mut().push(Warning {
                code: "MAP1014",
                column: found.column,
                element: Some(found.element),
            });
            dropped.push(found.what);
        }
    }

    fn stamp(&self, resource: &mut Json, id: &str) {
        let Some(object) = resource.as_object_mut() else {
            return;
        };
        object.insert("resourceType", self.mapping.resource_type());
        object.insert("id", id);
        let source = Json::from(&*self.plan.program.base_uri);
        match object.get_mut("meta").and_then(Json::as_object_mut) {
            Some(meta) => {
                meta.insert("source", source);
            }
            None => {
                let meta: Object = [("source", source)].into_iter().collect();
                object.insert("meta", Json::Object(meta));
            }
        }
    }

    fn evaluate(
        &self,
        env: &Env<'a>,
        template: &'a Template,
        dropped: &[Drop],
    ) -> Result<Values, Fault> {
        let mut values = template.values();
        self.slots(env, template, &mut values, &|slot| {
            dropped.contains(&Drop::Slot(slot))
        })?;
        for (e, child) in template.eaches.iter().enumerate() {
            let Joined::Many(views) = &self.joined[child.join] else {
                continue;
            };
            for k in 0..views.len() {
                if dropped.contains(&Drop::Entry(e, k)) {
                    continue;
                }
                let mut inner = self.child(env, child, e, k, dropped)?;
                if let Some(entry) = child.template.assemble(&mut inner, false) {
                    values.eaches[e].push((k, entry));
                }
            }
        }
        Ok(values)
    }

    /// The values of one child row, assembled once so that faults can be located in them.
    fn child_values(
        &self,
        env: &Env<'a>,
        child: &EachTemplate,
        k: usize,
        dropped: &[Drop],
    ) -> Option<Values> {
        let template = &self.plan.template;
        let e = template
            .eaches
            .iter()
            .position(|c| std::ptr::eq(c, child))?;
        let mut values = self.child(env, &template.eaches[e], e, k, dropped).ok()?;
        child.template.assemble(&mut values, false)?;
        Some(values)
    }

    fn child(
        &self,
        env: &Env<'a>,
        child: &'a EachTemplate,
        e: usize,
        k: usize,
        dropped: &[Drop],
    ) -> Result<Values, Fault> {
        let mut values = child.template.values();
        if let Joined::Many(views) = &self.joined[child.join] {
            env.item.set(views.get(k).map(|view| (child.join, *view)));
            let is_dropped = |slot| dropped.contains(&Drop::ChildSlot(e, k, slot));
            let result = self.slots(env, &child.template, &mut values, &is_dropped);
            env.item.set(None);
            result?;
        }
        Ok(values)
    }

    fn slots(
        &self,
        env: &Env<'a>,
        template: &'a Template,
        values: &mut Values,
        is_dropped: &dyn Fn(usize) -> bool,
    ) -> Result<(), Fault> {
        for (i, slot) in template.slots.iter().enumerate() {
            if is_dropped(i) {
                continue;
            }
            let element: &'a str = &template.nodes[slot.node].path;
            env.element.set(element);
            match env.eval(&slot.ex) {
                Ok(value) => match slot.fit.json(env, &value) {
                    Ok(json) => values.slots[i] = json,
                    Err(_) => env.warn("MAP1014", slot.column.as_deref()),
                },
                Err(Stop::NoColumn(column)) => {
                    let reason = "the row lacks this column";
                    return Err(fault(
                        "MAP2011",
                        Some(column.into()),
                        Some(element.to_owned()),
                        reason,
                    ));
                }
                Err(_) => env.warn("MAP1015", slot.column.as_deref()),
            }
        }
        Ok(())
    }

    /// A fault that only the whole resource could lose.
    fn rejected(&self, found: &SchemaFault, values: &Values) -> Fault {
        let template = &self.plan.template;
        let path = found.path.split_once('.').map_or("", |(_, path)| path);
        let node = template.locate(values, path).node;
        let slot = template
            .slots
            .iter()
            .find(|s| template.is_within(s.node, node));
        let column = slot.filter(|_| node != 0).and_then(|s| s.column.as_deref());
        let (code, reason) = match found.rule {
            FaultRule::Missing => ("MAP2007", "a required element got no value".to_owned()),
            rule => (
                "MAP2008",
                format!("a required element is not valid: {rule}"),
            ),
        };
        fault(
            code,
            column.map(str::to_owned),
            Some(found.path.clone()),
            &reason,
        )
    }
}

fn fault(
    code: &'static str,
    column: Option<String>,
    element: Option<String>,
    reason: &str,
) -> Fault {
    Fault {
        code,
        column,
        element,
        reason: reason.to_owned(),
        withdraws: false,
        retry_on_patient: false,
    }
}
