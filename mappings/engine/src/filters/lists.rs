// SPDX-License-Identifier: Apache-2.0
//! Filters on lists, and the ones that choose.

use super::args::{Args, Making};
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Ex, Stop};

pub(crate) const NAMES: &[&str] = &[
    "first", "last", "map", "compact", "unique", "coalesce", "keep_if",
];

pub(crate) enum ListOp {
    First,
    Last,
    Map(Box<str>),
    Compact,
    Unique,
    Coalesce,
    KeepIf(Ex),
}

pub(crate) fn make(name: &str, args: &mut Args, making: &mut Making<'_>) -> Made {
    let item = match &making.input {
        Type::List(item) => (**item).clone(),
        Type::Rows(j) => Type::Row(*j),
        _ => Type::Any,
    };
    let (op, ty) = match name {
        "first" => (ListOp::First, item),
        "last" => (ListOp::Last, item),
        "coalesce" => (ListOp::Coalesce, item),
        "compact" => (ListOp::Compact, making.input.clone()),
        "unique" => (ListOp::Unique, making.input.clone()),
        "map" => (ListOp::Map(args.text("member")?), Type::list(Type::Any)),
        _ => (
            ListOp::KeepIf(args.ex("condition")?.ex),
            making.input.clone(),
        ),
    };
    Some((Op::List(op), ty))
}

impl ListOp {
    /// Whether what comes out is what went in, or nothing.
    pub fn passes_on(&self) -> bool {
        matches!(self, Self::KeepIf(_))
    }

    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        if let Self::KeepIf(ex) = self {
            visit(ex);
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: Val<'a>) -> Eval<'a> {
        if let Self::KeepIf(condition) = self {
            return keep_if(env, column, value, condition);
        }
        let Val::List(items) = &value else {
            return Err(Stop::Wrong("this filter needs a list"));
        };
        Ok(match self {
            Self::First => items.first().cloned().unwrap_or(Val::Null),
            Self::Last => items.last().cloned().unwrap_or(Val::Null),
            Self::Coalesce => (items.iter().find(|i| !i.is_blank()).cloned()).unwrap_or(Val::Null),
            Self::Compact => Val::list(items.iter().filter(|i| !i.is_blank()).cloned().collect()),
            Self::Unique => unique(items)?,
            Self::Map(name) => {
                let members: Result<Vec<_>, _> =
                    items.iter().map(|i| member(env, i, name)).collect();
                Val::list(members?)
            }
            Self::KeepIf(_) => value,
        })
    }
}

fn keep_if<'a>(env: &Env<'a>, column: Option<&str>, value: Val<'a>, condition: &'a Ex) -> Eval<'a> {
    match env.eval(condition)? {
        Val::Null => Ok(Val::Null),
        condition if condition.is_true() => Ok(value),
        _ => {
            env.warn("MAP1019", column);
            Ok(Val::Null)
        }
    }
}

fn member<'a>(env: &Env<'a>, item: &Val<'a>, name: &str) -> Eval<'a> {
    match item {
        Val::Null => Ok(Val::Null),
        Val::Row(view) => match view.position(name) {
            Some(i) => env.cell(*view, i),
            None => Err(Stop::NoColumn(name.into())),
        },
        Val::Record(record) => record
            .get(name)
            .cloned()
            .ok_or(Stop::Wrong("an entry has no such member")),
        _ => Err(Stop::Wrong("`map` needs a list of records")),
    }
}

fn unique<'a>(items: &[Val<'a>]) -> Eval<'a> {
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for item in items {
        let text = match item {
            Val::Null => continue,
            item => item
                .to_text()
                .ok_or(Stop::Wrong("`unique` needs a list of texts"))?,
        };
        if !seen.contains(&text) {
            seen.push(text);
            kept.push(item.clone());
        }
    }
    Ok(Val::list(kept))
}
