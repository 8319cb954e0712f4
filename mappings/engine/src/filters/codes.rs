// SPDX-License-Identifier: Apache-2.0
//! Code tables: CSV files that say what a legacy code means.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};

use super::args::{Args, Making};
use super::texts::folded;
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::{Record, Val};
use crate::expression::{Eval, Ex, Stop};
use crate::language::csv;

pub(crate) const NAMES: &[&str] = &["code", "has_code"];

/// One code table.
pub(crate) struct CodeTable {
    pub name: String,
    pub file: TextFile,
    /// The output columns.
    pub columns: Arc<[Box<str>]>,
    rows: Vec<Row>,
    exact: HashMap<Box<str>, usize>,
    folded: HashMap<Box<str>, usize>,
}

struct Row {
    /// One per output column; empty cells are none.
    cells: Vec<Option<Box<str>>>,
    spans: Vec<Range<usize>>,
}

/// All code tables of a pack by name.
#[derive(Default)]
pub(crate) struct CodeTables(BTreeMap<String, Arc<CodeTable>>);

impl CodeTables {
    pub fn get(&self, name: &str) -> Option<&Arc<CodeTable>> {
        self.0.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds a table; a second one of the same name is refused.
    pub fn add(&mut self, table: CodeTable, found: &mut Diagnostics) {
        if let Some(first) = self.0.get(&table.name) {
            let message = format!("there are two code tables {:?}", table.name);
            let problem = Diagnostic::error("MAP0032", message)
                .at(table.file.start())
                .help(format!("the other is {}", first.file.name()));
            found.push(problem);
            return;
        }
        self.0.insert(table.name.clone(), Arc::new(table));
    }
}

impl CodeTable {
    /// Reads a table; `fill` replaces what stands for settings in a cell.
    pub fn parse(
        name: &str,
        file: &TextFile,
        fill: &dyn Fn(&str) -> String,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let fault = |span: Range<usize>, message: String| {
            Diagnostic::error("MAP0032", message).at(file.place(span))
        };
        let records = match csv::parse(file.text()) {
            Ok(records) => records,
            Err(why) => {
                found.push(fault(why.span, why.reason.to_owned()));
                return None;
            }
        };
        let mut records = records.into_iter();
        let Some(header) = records.next() else {
            found.push(fault(0..0, "the table is empty".to_owned()));
            return None;
        };
        if header[0].text.trim() != "from" {
            let message = "the first column must be named \"from\"".to_owned();
            found.push(fault(header[0].span.clone(), message));
            return None;
        }
        let columns: Arc<[Box<str>]> = header[1..].iter().map(|c| c.text.trim().into()).collect();
        let distinct: BTreeSet<_> = columns.iter().collect();
        if columns.is_empty()
            || distinct.len() < columns.len()
            || columns.iter().any(|c| c.is_empty())
        {
            let message = "after \"from\" come one or more columns with different names".to_owned();
            found.push(fault(header[0].span.clone(), message));
            return None;
        }
        let mut table = Self {
            name: name.to_owned(),
            file: file.clone(),
            columns,
            rows: Vec::new(),
            exact: HashMap::new(),
            folded: HashMap::new(),
        };
        for record in records {
            table.row(&record, fill, found);
        }
        Some(table)
    }

    fn row(
        &mut self,
        record: &[csv::Cell],
        fill: &dyn Fn(&str) -> String,
        found: &mut Diagnostics,
    ) {
        let span = record[0].span.clone();
        if record.len() != self.columns.len() + 1 {
            let message = format!(
                "this line has {} cells, the header has {}",
                record.len(),
                self.columns.len() + 1
            );
            found.push(Diagnostic::error("MAP0032", message).at(self.file.place(span)));
            return;
        }
        let at = self.rows.len();
        let from = record[0].text.as_str();
        if self.folded.insert(folded(from), at).is_some() {
            let message = "this value stands in the table twice (case and spaces apart)";
            found.push(Diagnostic::error("MAP0032", message).at(self.file.place(span)));
            return;
        }
        self.exact.insert(from.into(), at);
        let cell = |c: &csv::Cell| {
            let text = fill(c.text.trim());
            (!text.is_empty()).then(|| text.into())
        };
        self.rows.push(Row {
            cells: record[1..].iter().map(cell).collect(),
            spans: record[1..].iter().map(|c| c.span.clone()).collect(),
        });
    }

    fn find(&self, value: &str, fold: bool) -> Option<&Row> {
        // Most values are written as the table writes them, and need no folding.
        let at = self
            .exact
            .get(value)
            .or_else(|| fold.then(|| self.folded.get(&folded(value))).flatten())?;
        self.rows.get(*at)
    }

    /// Every filled cell of an output column, with its place.
    pub fn outputs(&self, column: usize) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.rows.iter().filter_map(move |row| {
            let text = row.cells.get(column)?.as_deref()?;
            Some((text, row.spans[column].clone()))
        })
    }
}

/// What is done with a table.
pub(crate) struct CodeOp {
    pub table: Arc<CodeTable>,
    /// The output column, or all of them as a record.
    pub column: Option<usize>,
    fold: bool,
    asks: bool,
    otherwise: Option<Ex>,
}

pub(crate) fn make(name: &str, args: &mut Args, making: &mut Making<'_>) -> Made {
    let asks = name == "has_code";
    let table_arg = args.ex("table")?;
    let Ex::Text(table_name) = &table_arg.ex else {
        args.fault(Some(table_arg.span), "`table` must be a literal text");
        return None;
    };
    let Some(table) = making.tables.get(table_name) else {
        let message = format!("there is no code table {table_name:?} in the pack");
        args.fault_with("MAP0031", Some(table_arg.span), message);
        args.suggest(
            table_name,
            making.tables.names().map(str::to_owned).collect(),
        );
        return None;
    };
    making.used.insert(table_name.to_string());
    let table = table.clone();
    let column = if asks { None } else { column(args, &table) };
    let fold = args.flag("fold", true);
    let otherwise = if asks { None } else { args.named("else") };
    let ty = match (asks, column) {
        (true, _) => Type::Bool,
        (false, Some(_)) => Type::Text,
        (false, None) => Type::Record(table.columns.clone()),
    };
    let ty = match &otherwise {
        Some(other) => ty.or(other.ty.clone()),
        None => ty,
    };
    let op = CodeOp {
        table,
        column,
        fold,
        asks,
        otherwise: otherwise.map(|o| o.ex),
    };
    Some((Op::Code(op), ty))
}

fn column(args: &mut Args, table: &CodeTable) -> Option<usize> {
    let Some(arg) = args.either("column") else {
        return (table.columns.len() == 1).then_some(0);
    };
    let Ex::Text(name) = &arg.ex else {
        args.fault(Some(arg.span), "`column` must be a literal text");
        return None;
    };
    let at = table.columns.iter().position(|c| c == name);
    if at.is_none() {
        let message = format!("code table {:?} has no column {name:?}", table.name);
        args.fault_with("MAP0031", Some(arg.span), message);
        args.suggest(name, table.columns.iter().map(|c| c.to_string()).collect());
    }
    at
}

impl CodeOp {
    pub fn takes_null(&self) -> bool {
        true
    }

    pub fn is_predicate(&self) -> bool {
        self.asks
    }

    pub fn otherwise(&self) -> Option<&Ex> {
        self.otherwise.as_ref()
    }

    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        if let Some(ex) = &self.otherwise {
            visit(ex);
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let blank = value.is_blank();
        let text = match value {
            Val::Null => Cow::Borrowed(""),
            Val::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
            value => value
                .to_text()
                .ok_or(Stop::Wrong("a code is a text or a number"))?,
        };
        let row = self.table.find(if blank { "" } else { &text }, self.fold);
        if self.asks {
            return Ok(match (row, blank && env.strict.get()) {
                (None, true) => Val::Null,
                (row, _) => Val::Bool(row.is_some()),
            });
        }
        match row {
            Some(row) => Ok(self.output(row)),
            None if blank => Ok(Val::Null),
            None => {
                env.warn("MAP1001", column);
                self.otherwise
                    .as_ref()
                    .map_or(Ok(Val::Null), |ex| env.eval(ex))
            }
        }
    }

    fn output<'a>(&'a self, row: &'a Row) -> Val<'a> {
        let cell = |i: usize| row.cells[i].as_deref().map_or(Val::Null, Val::text);
        match self.column {
            Some(i) => cell(i),
            None => Val::Record(Arc::new(Record {
                members: (self.table.columns.iter().enumerate())
                    .map(|(i, name)| (Cow::Borrowed(&**name), cell(i)))
                    .collect(),
                open: false,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<CodeTable>, Vec<(u32, u32)>) {
        let mut found = Diagnostics::new();
        let fill = |t: &str| t.replace("${base_uri}", "https://h.example");
        let table = CodeTable::parse("t", &TextFile::new("t.csv", text), &fill, &mut found);
        let places = found.iter().filter_map(|d| d.place.as_ref());
        let places = places.map(|p| (p.line, p.column)).collect();
        (table, places)
    }

    #[test]
    fn values_are_found_without_regard_to_case_and_spaces() {
        let (table, faults) =
            read("from,code,system\nMale,male,\n\"A  B\",ab,${base_uri}/x\n,unknown,\n");
        assert_eq!(faults, []);
        let table = table.expect("a table");
        let code = |v, fold| table.find(v, fold).and_then(|r| r.cells[0].as_deref());
        assert_eq!(code("Male", false), Some("male"));
        assert_eq!(code(" mALE ", true), Some("male"));
        assert_eq!(code(" mALE ", false), None);
        assert_eq!(code("a b", true), Some("ab"));
        assert_eq!(code("", true), Some("unknown"));
        assert_eq!(
            table.outputs(1).map(|o| o.0).collect::<Vec<_>>(),
            ["https://h.example/x"]
        );
    }

    #[test]
    fn every_fault_of_a_table_is_placed() {
        assert_eq!(read("from,code\na,1\nA ,2\nb\n").1, [(3, 1), (4, 1)]);
        assert_eq!(read("code,from\n").1, [(1, 1)]);
        assert_eq!(read("from\n").1, [(1, 1)]);
        assert_eq!(read("from,a,a\n").1, [(1, 1)]);
        assert_eq!(read("").1, [(1, 1)]);
        assert_eq!(read("from,a\n\"x,1\n").1, [(2, 1)]);
    }
}
