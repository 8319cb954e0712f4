// SPDX-License-Identifier: Apache-2.0
//! Expressions over a row given in a test.

use silsila_diagnostics::{Diagnostics, TextFile};
use silsila_source::{Columns, Date, DateTime, Row, Time, Value};

use super::compile::{Compiled, Compiler};
use super::eval::{Env, Program};
use super::scope::{Position, Scope, World};
use super::value::{Shape, Val, View};
use super::{Ex, Stop};
use crate::filters::codes::{CodeTable, CodeTables};
use crate::language::source::Site;
use crate::language::yaml::{Data, Node, Scalar, Style};
use crate::{Context, LogicalId, RefState, References};

/// What an expression gave, as text that tells kinds apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gave {
    pub value: Result<String, Stop>,
    pub warnings: Vec<(&'static str, Option<String>)>,
}

struct Nobody;

impl References for Nobody {
    fn state(&self, _: &str, _: &silsila_source::Key) -> RefState {
        RefState::Shared
    }
}

/// The first of July 2025.
pub(crate) const AS_OF: DateTime = DateTime {
    date: Date {
        year: 2025,
        month: 7,
        day: 1,
    },
    time: Time {
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
    },
    offset_minutes: Some(0),
};

/// Compiles an expression, or says why not.
pub(crate) fn compile(text: &str, position: Position) -> Result<(Compiled, Scope), Diagnostics> {
    let file = TextFile::new("x.yaml", text);
    let node = Node {
        span: 0..text.len(),
        data: Data::Scalar(Scalar {
            text: text.to_owned(),
            style: Style::Plain,
        }),
    };
    let mut found = Diagnostics::new();
    let mut tables = CodeTables::default();
    let gender = "from,to\nm,male\nf,female\n?,\n";
    let lab = "from,code,unit\nhb,718-7,g/dL\n\"\",none,\n";
    for (name, text) in [("gender", gender), ("lab", lab)] {
        let table = TextFile::new(format!("{name}.csv"), text);
        let table = CodeTable::parse(name, &table, &|t| t.to_owned(), &mut found);
        tables.add(table.expect("a table"), &mut found);
    }
    let world = World {
        tables: &tables,
        mappings: &[],
        zone: crate::filters::dates::find_zone("Asia/Karachi"),
        pivot: Some(25),
    };
    let mut scope = Scope::default();
    let site = Site {
        file: &file,
        node: &node,
    };
    let compiled = Compiler {
        site,
        scope: &mut scope,
        world: &world,
        position,
        found: &mut found,
        depth: 0,
        reach: 0,
    }
    .compile();
    match compiled {
        Some(compiled) if !found.has_errors() => Ok((compiled, scope)),
        _ => Err(found),
    }
}

/// Evaluates over a row, in `share`'s way if `strict`.
pub(crate) fn eval(text: &str, row: &[(&str, Value)], strict: bool) -> Gave {
    let (compiled, scope) = match compile(text, Position::Set) {
        Ok(compiled) => compiled,
        Err(found) => panic!("{found}"),
    };
    let program = Program {
        lets: Vec::new(),
        joins: Vec::new(),
        columns: scope.columns.names(),
        zone: crate::filters::dates::find_zone("Asia/Karachi"),
        base_uri: "https://h.example".into(),
        hospital: "H".into(),
    };
    let ex: Ex = compiled.ex;
    let columns = Columns::new(row.iter().map(|(n, _)| *n));
    let row = Row::new(columns, row.iter().map(|(_, v)| v.clone()).collect());
    let shape = Shape::new(&program.columns, &[], row.columns());
    let view = View {
        row: &row,
        shape: &shape,
    };
    let ids = |m: &str, k: &silsila_source::Key| LogicalId::derive(&[0; 32], "", m, k);
    let context = Context {
        as_of: AS_OF,
        ids: &ids,
        references: &Nobody,
    };
    let env = Env::new(&program, Some(view), &[], Some(&context));
    env.strict.set(strict);
    let value = env.eval(&ex).map(|v| show(&v));
    let warnings = env
        .warnings
        .borrow()
        .iter()
        .map(|w| (w.code, w.column.clone()))
        .collect();
    Gave { value, warnings }
}

/// `null`, `true`, `7.10`, `'text'`, `[a, b]`, `{k: v}`, `2024-01-01`.
pub(crate) fn show(value: &Val<'_>) -> String {
    match value {
        Val::Null => "null".to_owned(),
        Val::Bool(b) => b.to_string(),
        Val::Text(t) => format!("'{t}'"),
        Val::List(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Val::Record(record) => {
            let members = record.members.iter();
            let members: Vec<_> = members.map(|(n, v)| format!("{n}: {}", show(v))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other
            .to_text()
            .map_or_else(|| other.kind().to_owned(), |t| t.into_owned()),
    }
}
