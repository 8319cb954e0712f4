// SPDX-License-Identifier: Apache-2.0
//! Evaluation of compiled expressions over one row.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::cmp::Ordering;
use std::sync::Arc;

use jiff::tz::TimeZone;
use silsila_schema::{Json, json::Object};
use silsila_source::{Date, Key, Value};

use super::compare::{Compared, compare};
use super::value::{Record, Val, View};
use super::{Comparison, Eval, Ex, Filter, Ref, Stop, Test};
use crate::filters::dates;
use crate::{Context, RefState, Warning};

/// What a lookup, child or group yielded for the row at hand.
#[derive(Clone)]
pub(crate) enum Joined<'a> {
    One(View<'a>),
    /// A lookup without a row; `true` when our side was NULL, which is no fault.
    Missing(bool),
    Many(Vec<View<'a>>),
    /// Attributes and their values.
    Pivot(Arc<Record<'a>>),
}

/// The parts of a plan that evaluation needs.
pub(crate) struct Program {
    pub lets: Vec<Ex>,
    /// Names of lookups and children, for warnings.
    pub joins: Vec<Box<str>>,
    pub columns: Vec<String>,
    pub zone: Option<TimeZone>,
    pub base_uri: Box<str>,
    pub hospital: Box<str>,
}

/// One row and its surroundings.
pub(crate) struct Env<'a> {
    pub program: &'a Program,
    pub row: Option<View<'a>>,
    pub joined: &'a [Joined<'a>],
    /// The row of a join that is being gone through.
    pub item: Cell<Option<(usize, View<'a>)>>,
    pub context: Option<&'a Context<'a>>,
    /// Whether `share` is being evaluated: three-valued logic, and a missing lookup row is an error.
    pub strict: Cell<bool>,
    /// The element being made: what warnings name.
    pub element: Cell<&'a str>,
    pub warnings: RefCell<Vec<Warning>>,
    lets: Vec<OnceCell<Eval<'a>>>,
    strict_lets: Vec<OnceCell<Eval<'a>>>,
    warned: RefCell<Vec<usize>>,
}

impl<'a> Env<'a> {
    pub fn new(
        program: &'a Program,
        row: Option<View<'a>>,
        joined: &'a [Joined<'a>],
        context: Option<&'a Context<'a>>,
    ) -> Self {
        let cells = || program.lets.iter().map(|_| OnceCell::new()).collect();
        Self {
            program,
            row,
            joined,
            item: Cell::new(None),
            context,
            strict: Cell::new(false),
            element: Cell::new(""),
            warnings: RefCell::new(Vec::new()),
            lets: cells(),
            strict_lets: cells(),
            warned: RefCell::new(Vec::new()),
        }
    }

    /// Counts a value that was dropped or doubted. `share` counts nothing: it decides.
    pub fn warn(&self, code: &'static str, column: Option<&str>) {
        if self.strict.get() {
            return;
        }
        let element = self.element.get();
        self.warnings.borrow_mut().push(Warning {
            code,
            column: column.map(str::to_owned),
            element: (!element.is_empty()).then(|| element.to_owned()),
        });
    }

    pub fn eval(&self, ex: &'a Ex) -> Eval<'a> {
        match ex {
            Ex::Null => Ok(Val::Null),
            Ex::Bool(b) => Ok(Val::Bool(*b)),
            Ex::Int(i) => Ok(Val::Int(*i)),
            Ex::Num(n) => Ok(Val::Num(Cow::Borrowed(n))),
            Ex::Text(t) => Ok(Val::Text(Cow::Borrowed(t))),
            Ex::Column(i) => match self.row {
                Some(row) => self.cell(row, *i),
                None => Err(Stop::NoColumn(self.program.columns[*i].as_str().into())),
            },
            Ex::Let(i) => self.named(*i),
            Ex::Join(j) => Ok(match &self.joined[*j] {
                Joined::One(view) => Val::Row(*view),
                _ => Val::Null,
            }),
            Ex::JoinColumn(j, column) => self.join_column(*j, *column),
            Ex::Rows(j) => Ok(match &self.joined[*j] {
                Joined::Many(views) => Val::list(views.iter().map(|v| Val::Row(*v)).collect()),
                _ => Val::Null,
            }),
            Ex::Item => Ok(self.item.get().map_or(Val::Null, |(_, v)| Val::Row(v))),
            Ex::ItemColumn(column) => match self.item.get() {
                Some((_, view)) => self.cell(view, *column),
                None => Ok(Val::Null),
            },
            Ex::Pivot(j) => Ok(match &self.joined[*j] {
                Joined::Pivot(record) => Val::Record(record.clone()),
                _ => Val::Null,
            }),
            Ex::RowColumn(inner, column) => match self.eval(inner)? {
                Val::Row(view) => self.cell(view, *column),
                Val::Null => Ok(Val::Null),
                _ => Err(Stop::Wrong("only a record has members")),
            },
            Ex::Member(inner, name) => member(self.eval(inner)?, name),
            Ex::Index(inner, index) => index_into(self.eval(inner)?, &self.eval(index)?),
            Ex::List(items) => {
                let items: Result<_, _> = items.iter().map(|i| self.eval(i)).collect();
                Ok(Val::list(items?))
            }
            Ex::Map(members) => self.map(members),
            _ => self.operate(ex),
        }
    }

    fn operate(&self, ex: &'a Ex) -> Eval<'a> {
        match ex {
            Ex::Not(inner) => {
                let value = self.eval(inner)?;
                Ok(self.truth(&value)?.map_or(Val::Null, |b| Val::Bool(!b)))
            }
            Ex::And(a, b) => self.connect(a, b, false),
            Ex::Or(a, b) => self.connect(a, b, true),
            Ex::If(parts) => {
                let condition = self.eval(&parts.0)?;
                match self.truth(&condition)? {
                    Some(true) => self.eval(&parts.1),
                    Some(false) => self.eval(&parts.2),
                    None => Ok(Val::Null),
                }
            }
            Ex::Compare(parts) => {
                let (a, b) = (self.eval(&parts.0)?, self.eval(&parts.2)?);
                self.compared(&a, parts.1, &b)
            }
            Ex::In(parts) => {
                let (item, list) = (self.eval(&parts.0)?, self.eval(&parts.1)?);
                self.contained(&item, &list)
            }
            Ex::Concat(parts) => concat(&self.eval(&parts.0)?, &self.eval(&parts.1)?),
            Ex::Is(inner, test) => {
                let value = self.eval(inner)?;
                let says_nothing = value.is_null() && !matches!(test, Test::Null | Test::Blank);
                if says_nothing && self.strict.get() {
                    return Ok(Val::Null);
                }
                Ok(Val::Bool(holds(&value, *test)))
            }
            Ex::Filter(filter) => self.filter(filter),
            Ex::Ref(r) => self.reference(r),
            Ex::Organization => {
                let context = self
                    .context
                    .ok_or(Stop::Wrong("no reference is possible here"))?;
                let id = (context.ids)("organization", &Key(Vec::new()));
                Ok(reference_to("Organization", id.as_str()))
            }
            Ex::Today => Ok(self.today().map_or(Val::Null, Val::Date)),
            Ex::BaseUri => Ok(Val::Text(Cow::Borrowed(&self.program.base_uri))),
            Ex::Hospital => Ok(Val::Text(Cow::Borrowed(&self.program.hospital))),
            _ => Err(Stop::Wrong("not an expression")),
        }
    }

    /// The day of the run in the mapping's timezone.
    pub fn today(&self) -> Option<Date> {
        let as_of = self.context?.as_of;
        Some(dates::day_in_zone(as_of, self.program.zone.as_ref()))
    }

    fn named(&self, i: usize) -> Eval<'a> {
        let cells = if self.strict.get() {
            &self.strict_lets
        } else {
            &self.lets
        };
        // A let never depends on itself: the checker refuses circles.
        cells[i]
            .get_or_init(|| self.eval(&self.program.lets[i]))
            .clone()
    }

    fn join_column(&self, j: usize, column: usize) -> Eval<'a> {
        match &self.joined[j] {
            Joined::One(view) => self.cell(*view, column),
            Joined::Missing(_) if self.strict.get() => Err(Stop::NoRow(j)),
            Joined::Missing(null) => {
                if !null && !self.warned.borrow().contains(&j) {
                    self.warned.borrow_mut().push(j);
                    self.warn("MAP1012", Some(&self.program.joins[j]));
                }
                Ok(Val::Null)
            }
            Joined::Many(_) | Joined::Pivot(_) => Ok(Val::Null),
        }
    }

    /// Column `i` of a row as a value of an expression.
    pub fn cell(&self, view: View<'a>, i: usize) -> Eval<'a> {
        let Some(value) = view.raw(i) else {
            let name = view.shape.names.get(i).map_or("", |n| n);
            return Err(Stop::NoColumn(name.into()));
        };
        Ok(match value {
            Value::Null => Val::Null,
            Value::Bool(b) => Val::Bool(*b),
            Value::Int(n) => Val::Int(*n),
            Value::UInt(n) => Val::Num(n.to_string().into()),
            Value::Decimal(d) => Val::Num(Cow::Borrowed(d)),
            Value::Float(f) if f.is_finite() => Val::Num(f.to_string().into()),
            Value::Float(_) => {
                self.warn("MAP1008", Some(&view.shape.names[i]));
                Val::Null
            }
            Value::Text(t) => match view.charset(i) {
                None => Val::Text(Cow::Borrowed(t)),
                Some(charset) => self.decoded(crate::filters::texts::redecode(t, charset), view, i),
            },
            Value::Bytes(bytes) => {
                let charset = view.charset(i).unwrap_or(encoding_rs::UTF_8);
                let text = charset.decode_without_bom_handling_and_without_replacement(bytes);
                self.decoded(text, view, i)
            }
            Value::Date(d) => Val::Date(*d),
            Value::DateTime(dt) => Val::DateTime(*dt),
            Value::Time(t) => Val::Time(*t),
        })
    }

    fn decoded(&self, text: Option<Cow<'a, str>>, view: View<'a>, i: usize) -> Val<'a> {
        match text {
            Some(text) => Val::Text(text),
            None => {
                self.warn("MAP1017", Some(&view.shape.names[i]));
                Val::Null
            }
        }
    }

    fn map(&self, members: &'a [(Box<str>, Ex)]) -> Eval<'a> {
        let mut values = Vec::with_capacity(members.len());
        for (name, ex) in members {
            values.push((Cow::Borrowed(&**name), self.eval(ex)?));
        }
        Ok(Val::Record(Arc::new(Record {
            members: values,
            open: false,
        })))
    }

    /// True, false or unknown. In `share` only booleans and null are conditions.
    fn truth(&self, value: &Val<'_>) -> Result<Option<bool>, Stop> {
        match value {
            Val::Bool(b) => Ok(Some(*b)),
            Val::Null if self.strict.get() => Ok(None),
            _ if self.strict.get() => Err(Stop::Wrong(
                "in share a condition must be true or false: compare the value with something",
            )),
            value => Ok(Some(value.is_true())),
        }
    }

    /// `and` (decided by false) and `or` (decided by true). Outside `share` they yield the deciding operand,
    /// as in Jinja.
    fn connect(&self, a: &'a Ex, b: &'a Ex, decides: bool) -> Eval<'a> {
        let left = self.eval(a)?;
        let left_truth = self.truth(&left)?;
        if left_truth == Some(decides) {
            return Ok(left);
        }
        let right = self.eval(b)?;
        if !self.strict.get() {
            return Ok(right);
        }
        Ok(match (left_truth, self.truth(&right)?) {
            (_, Some(r)) if r == decides => Val::Bool(decides),
            (Some(_), Some(r)) => Val::Bool(r),
            _ => Val::Null,
        })
    }

    fn compared(&self, a: &Val<'_>, op: Comparison, b: &Val<'_>) -> Eval<'a> {
        if a.is_null() || b.is_null() {
            if self.strict.get() {
                return Ok(Val::Null);
            }
            let same = a.is_null() && b.is_null();
            return Ok(Val::Bool(match op {
                Comparison::Eq => same,
                Comparison::Ne => !same,
                _ => false,
            }));
        }
        let order = match compare(a, b) {
            Compared::Ordered(order) => order,
            Compared::Unlike if self.strict.get() => {
                return Err(Stop::Wrong("in share unlike values cannot be compared"));
            }
            Compared::Unlike => {
                return match op {
                    Comparison::Eq => Ok(Val::Bool(false)),
                    Comparison::Ne => Ok(Val::Bool(true)),
                    _ => Err(Stop::Wrong("these values have no order")),
                };
            }
        };
        Ok(Val::Bool(match op {
            Comparison::Eq => order == Ordering::Equal,
            Comparison::Ne => order != Ordering::Equal,
            Comparison::Lt => order == Ordering::Less,
            Comparison::Le => order != Ordering::Greater,
            Comparison::Gt => order == Ordering::Greater,
            Comparison::Ge => order != Ordering::Less,
        }))
    }

    fn contained(&self, item: &Val<'_>, list: &Val<'a>) -> Eval<'a> {
        let Val::List(items) = list else {
            if list.is_null() && !self.strict.get() {
                return Ok(Val::Bool(false));
            }
            if list.is_null() {
                return Ok(Val::Null);
            }
            return Err(Stop::Wrong("`in` needs a list on the right"));
        };
        let mut unknown = false;
        for other in items.iter() {
            match self.compared(item, Comparison::Eq, other)? {
                Val::Bool(true) => return Ok(Val::Bool(true)),
                Val::Null => unknown = true,
                _ => {}
            }
        }
        Ok(if unknown { Val::Null } else { Val::Bool(false) })
    }

    fn filter(&self, filter: &'a Filter) -> Eval<'a> {
        let value = self.eval(&filter.input)?;
        let nothing = value.is_null() || (filter.op.reads() && value.is_blank());
        if nothing && !filter.op.takes_null() {
            let answers = filter.op.is_predicate() && !self.strict.get();
            return Ok(if answers { Val::Bool(false) } else { Val::Null });
        }
        filter.op.apply(self, filter.column.as_deref(), value)
    }

    /// The key that a reference points to, or `None` if a part of it is null.
    pub fn ref_key(&self, r: &'a Ref) -> Result<Option<Key>, Stop> {
        let mut key = Vec::with_capacity(r.keys.len());
        for part in &r.keys {
            match key_value(self.eval(part)?)? {
                Value::Null => return Ok(None),
                value => key.push(value),
            }
        }
        Ok(Some(Key(key)))
    }

    fn reference(&self, r: &'a Ref) -> Eval<'a> {
        let context = self
            .context
            .ok_or(Stop::Wrong("no reference is possible here"))?;
        let Some(key) = self.ref_key(r)? else {
            return Ok(Val::Null);
        };
        if context.references.state(&r.mapping, &key) != RefState::Shared {
            self.warn("MAP1013", r.column.as_deref());
            return Ok(Val::Null);
        }
        Ok(reference_to(
            &r.resource_type,
            (context.ids)(&r.mapping, &key).as_str(),
        ))
    }
}

/// `{"reference": "Type/id"}`.
pub(crate) fn reference_to<'a>(resource_type: &str, id: &str) -> Val<'a> {
    let mut text = String::with_capacity(resource_type.len() + 1 + id.len());
    text.push_str(resource_type);
    text.push('/');
    text.push_str(id);
    let mut object = Object::new();
    object.insert("reference", Json::from(text));
    Val::Json(Arc::new(Json::Object(object)))
}

/// A value as part of a legacy key, of the type that the database would have given it.
fn key_value(value: Val<'_>) -> Result<Value, Stop> {
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(b) => Value::Bool(b),
        Val::Int(i) => Value::Int(i),
        Val::Num(n) => match n.parse::<u64>() {
            Ok(unsigned) => i64::try_from(unsigned).map_or(Value::UInt(unsigned), Value::Int),
            Err(_) => Value::Decimal(n.into()),
        },
        Val::Text(t) => Value::Text(t.into()),
        Val::Date(d) => Value::Date(d),
        Val::DateTime(dt) => Value::DateTime(dt),
        Val::Time(t) => Value::Time(t),
        _ => return Err(Stop::Wrong("a key is made of plain values")),
    })
}

fn member<'a>(value: Val<'a>, name: &str) -> Eval<'a> {
    match value {
        Val::Null => Ok(Val::Null),
        Val::Record(record) => match record.get(name) {
            Some(value) => Ok(value.clone()),
            None if record.open => Ok(Val::Null),
            None => Err(Stop::Wrong("the record has no such member")),
        },
        _ => Err(Stop::Wrong("only a record has members")),
    }
}

fn index_into<'a>(value: Val<'a>, index: &Val<'_>) -> Eval<'a> {
    match (value, index) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::List(items), Val::Int(i)) => {
            let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = if *i < 0 { len.saturating_add(*i) } else { *i };
            let item = usize::try_from(at).ok().and_then(|at| items.get(at));
            Ok(item.cloned().unwrap_or(Val::Null))
        }
        (record @ Val::Record(_), Val::Text(name)) => member(record, name),
        (_, Val::Null) => Ok(Val::Null),
        _ => Err(Stop::Wrong(
            "lists take numbers and records take names in brackets",
        )),
    }
}

fn concat<'a>(a: &Val<'a>, b: &Val<'a>) -> Eval<'a> {
    if a.is_null() || b.is_null() {
        return Ok(Val::Null);
    }
    match (a.to_text(), b.to_text()) {
        (Some(a), Some(b)) => Ok(Val::text(a.into_owned() + &b)),
        _ => Err(Stop::Wrong("`~` joins texts, numbers and dates")),
    }
}

fn holds(value: &Val<'_>, test: Test) -> bool {
    match test {
        Test::Null => value.is_null(),
        Test::Blank => value.is_blank(),
        Test::Number => matches!(value, Val::Int(_) | Val::Num(_)),
        Test::String => matches!(value, Val::Text(_)),
        Test::True => matches!(value, Val::Bool(true)),
        Test::False => matches!(value, Val::Bool(false)),
    }
}
