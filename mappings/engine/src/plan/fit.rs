// SPDX-License-Identifier: Apache-2.0
//! From a value of an expression to JSON that suits an element's type.

use silsila_schema::{Binding, Json, Primitive, json::Object};
use silsila_source::{Date, DateTime};

use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::{Val, date_text, datetime_text, time_text};
use crate::filters::dates::{self, Moment};
use crate::filters::numbers::read_number;
use crate::language::yaml::is_number;

/// What an element takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The primitive type; complex if none.
    pub primitive: Option<Primitive>,
    /// The codes that FHIR demands of a primitive.
    pub binding: Option<&'static Binding>,
    /// Whether the whole array is set at once.
    pub array: bool,
}

/// The value does not suit the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

impl Fit {
    /// The JSON of a value; `Ok(None)` for what writes nothing.
    pub fn json(self, env: &Env<'_>, value: &Val<'_>) -> Result<Option<Json>, Unfit> {
        if !self.array {
            return self.one(env, value);
        }
        let Val::List(items) = value else {
            return Ok(self.one(env, value)?.map(|one| Json::Array(vec![one])));
        };
        let mut array = Vec::with_capacity(items.len());
        for item in items.iter() {
            array.extend(self.one(env, item)?);
        }
        Ok((!array.is_empty()).then_some(Json::Array(array)))
    }

    fn one(self, env: &Env<'_>, value: &Val<'_>) -> Result<Option<Json>, Unfit> {
        match value {
            Val::Null => Ok(None),
            Val::Text(t) if t.trim().is_empty() => Ok(None),
            value => match self.primitive {
                Some(primitive) => {
                    let json = primitive_json(primitive, env, value).ok_or(Unfit)?;
                    if self.allows(primitive, &json) {
                        Ok(Some(json))
                    } else {
                        Err(Unfit)
                    }
                }
                None => complex_json(env, value),
            },
        }
    }

    /// Whether the text of a primitive is well formed and among the codes demanded.
    pub fn allows(self, primitive: Primitive, json: &Json) -> bool {
        match json {
            Json::String(text) => {
                primitive.accepts(text) && self.binding.is_none_or(|b| b.allows(text))
            }
            Json::Number(token) => primitive.accepts(token),
            _ => true,
        }
    }

    /// Whether a value of this type could ever suit the element.
    pub fn accepts(self, ty: &Type) -> bool {
        match ty {
            Type::Any | Type::Null => true,
            Type::List(item) => self.array && self.accepts_one(item),
            ty => self.accepts_one(ty),
        }
    }

    fn accepts_one(self, ty: &Type) -> bool {
        use Primitive as P;
        let Some(primitive) = self.primitive else {
            return matches!(
                ty,
                Type::Any | Type::Null | Type::Record(_) | Type::Reference
            );
        };
        match ty {
            Type::Any | Type::Null => true,
            Type::Bool => primitive == P::Boolean,
            Type::Number => !matches!(primitive, P::Date | P::DateTime | P::Instant | P::Time),
            Type::Text => !matches!(primitive, P::Boolean),
            Type::Date => {
                !is_numeric(primitive) && !matches!(primitive, P::Boolean | P::Time | P::Instant)
            }
            Type::DateTime => !is_numeric(primitive) && !matches!(primitive, P::Boolean | P::Time),
            Type::Time => {
                !is_numeric(primitive)
                    && !matches!(primitive, P::Boolean | P::Date | P::DateTime | P::Instant)
            }
            _ => false,
        }
    }
}

fn is_numeric(primitive: Primitive) -> bool {
    use Primitive as P;
    matches!(
        primitive,
        P::Integer | P::UnsignedInt | P::PositiveInt | P::Decimal
    )
}

fn primitive_json(primitive: Primitive, env: &Env<'_>, value: &Val<'_>) -> Option<Json> {
    use Primitive as P;
    match primitive {
        P::Boolean => match value {
            Val::Bool(b) => Some(Json::Bool(*b)),
            Val::Int(0) => Some(Json::Bool(false)),
            Val::Int(1) => Some(Json::Bool(true)),
            _ => None,
        },
        P::Decimal => match value {
            Val::Int(i) => Json::number(&i.to_string()),
            Val::Num(n) => plain_number(n),
            Val::Text(t) => plain_number(t.trim()),
            _ => None,
        },
        P::Integer | P::UnsignedInt | P::PositiveInt => {
            integer(value).map(|i| Json::Number(i.into()))
        }
        P::Date => day(value).map(|d| date_text(d).into()),
        P::DateTime => moment(env, value, true),
        P::Instant => moment(env, value, false),
        P::Time => match value {
            Val::Time(t) => Some(time_text(*t).into()),
            Val::DateTime(dt) => Some(time_text(dt.time).into()),
            Val::Text(t) => dates::iso_time(t).map(|t| time_text(t).into()),
            _ => None,
        },
        _ => text(env, value).map(Json::from),
    }
}

fn text(env: &Env<'_>, value: &Val<'_>) -> Option<String> {
    match value {
        Val::DateTime(dt) => {
            let placed = dates::place(*dt, env.program.zone.as_ref()).unwrap_or(*dt);
            Some(datetime_text(placed))
        }
        value => value.to_text().map(std::borrow::Cow::into_owned),
    }
}

/// Digits as they are, except what JSON does not allow: leading zeros.
fn plain_number(text: &str) -> Option<Json> {
    if is_number(text) {
        return Some(Json::Number(text.into()));
    }
    let read = read_number(text, false)?;
    text.bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        .then(|| Json::Number((*read).into()))
}

fn integer(value: &Val<'_>) -> Option<String> {
    let digits = match value {
        Val::Int(i) => return Some(i.to_string()),
        Val::Num(n) => n,
        Val::Text(t) => t,
        _ => return None,
    };
    let read = read_number(digits, false)?;
    let (whole, fraction) = read.split_once('.').unwrap_or((&read, ""));
    (fraction.bytes().all(|b| b == b'0') && whole != "-0").then(|| whole.to_owned())
}

fn day(value: &Val<'_>) -> Option<Date> {
    let date = match value {
        Val::Date(d) => *d,
        Val::DateTime(dt) => dt.date,
        Val::Text(t) => dates::iso_date(t)?,
        _ => return None,
    };
    dates::sound(Moment::Day(date)).ok().map(|_| date)
}

fn moment(env: &Env<'_>, value: &Val<'_>, day_is_enough: bool) -> Option<Json> {
    let parsed = match value {
        Val::Text(t) => dates::iso_datetime(t),
        Val::DateTime(dt) => Some(*dt),
        _ => None,
    };
    if let Some(dt) = parsed {
        dates::sound(Moment::At(dt)).ok()?;
        let placed: DateTime = dates::place(dt, env.program.zone.as_ref()).ok()?;
        return Some(datetime_text(placed).into());
    }
    if day_is_enough {
        return day(value).map(|d| date_text(d).into());
    }
    None
}

/// Records and references; members that write nothing are left out.
fn complex_json(env: &Env<'_>, value: &Val<'_>) -> Result<Option<Json>, Unfit> {
    match value {
        Val::Json(json) => Ok(Some((**json).clone())),
        Val::Record(record) => {
            let mut object = Object::new();
            for (name, member) in &record.members {
                if let Some(json) = natural_json(env, member)? {
                    object.insert(&**name, json);
                }
            }
            Ok((!object.is_empty()).then_some(Json::Object(object)))
        }
        _ => Err(Unfit),
    }
}

/// A member of a record, in the JSON that its own kind suggests.
fn natural_json(env: &Env<'_>, value: &Val<'_>) -> Result<Option<Json>, Unfit> {
    match value {
        Val::Null => Ok(None),
        Val::Text(t) if t.trim().is_empty() => Ok(None),
        Val::Bool(b) => Ok(Some(Json::Bool(*b))),
        Val::Int(i) => Ok(Json::number(&i.to_string())),
        Val::Num(n) => plain_number(n).map(Some).ok_or(Unfit),
        Val::List(items) => {
            let mut array = Vec::with_capacity(items.len());
            for item in items.iter() {
                array.extend(natural_json(env, item)?);
            }
            Ok((!array.is_empty()).then_some(Json::Array(array)))
        }
        Val::Record(_) | Val::Json(_) => complex_json(env, value),
        Val::Row(_) => Err(Unfit),
        other => Ok(text(env, other).map(Json::from)),
    }
}
