// SPDX-License-Identifier: Apache-2.0
//! From an element to the values an index holds, per search type and datatype: the tables of
//! <https://hl7.org/fhir/R4/search.html>.

use super::Kind;
use super::value::{IndexValue, ReferenceValue};
use crate::calendar::date_range;
use crate::json::{Json, Object};
use crate::primitive::Primitive;
use crate::reference::relative;
use crate::table::{Member, Shape, table};

/// How an element becomes index values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convert {
    /// A primitive as a token, with the system that its value set implies.
    TokenText(Option<&'static str>),
    TokenBoolean,
    /// Present whatever its value: `true`.
    TokenPresent,
    TokenCoding,
    TokenConcept,
    TokenIdentifier,
    TokenContact,
    StringText,
    StringName,
    StringAddress,
    DateText,
    DatePeriod,
    DateTiming,
    Reference,
    Canonical,
    Quantity,
    QuantityMoney,
    QuantityRange,
    NumberToken,
    NumberRange,
    Uri,
}

impl Convert {
    /// What a search type makes of a member; nothing when R4 knows no way.
    pub(super) fn of(kind: Kind, member: &Member) -> Option<Self> {
        match member.shape {
            Shape::Primitive(primitive) => Self::of_primitive(kind, primitive, member),
            Shape::Complex(id) => Self::of_complex(kind, table().get(id).name),
            Shape::Resource => None,
        }
    }

    fn of_primitive(kind: Kind, primitive: Primitive, member: &Member) -> Option<Self> {
        use Primitive as P;
        Some(match (kind, primitive) {
            (Kind::Token, P::Boolean) => Self::TokenBoolean,
            (Kind::Token, P::Code) => Self::TokenText(
                member
                    .binding
                    .and_then(|number| table().bindings[usize::from(number)].system()),
            ),
            (Kind::Token, P::String | P::Id | P::Uri | P::Canonical | P::Oid | P::Uuid) => {
                Self::TokenText(None)
            }
            (Kind::String, P::String | P::Markdown) => Self::StringText,
            (Kind::Date, P::Date | P::DateTime | P::Instant) => Self::DateText,
            (Kind::Reference, P::Canonical | P::Uri) => Self::Canonical,
            (Kind::Uri, P::Uri | P::Url | P::Canonical | P::Oid | P::Uuid) => Self::Uri,
            (Kind::Number, _) if primitive.is_number() => Self::NumberToken,
            _ => return None,
        })
    }

    fn of_complex(kind: Kind, type_name: &str) -> Option<Self> {
        Some(match (kind, type_name) {
            (Kind::Token, "Coding") => Self::TokenCoding,
            (Kind::Token, "CodeableConcept") => Self::TokenConcept,
            (Kind::Token, "Identifier") => Self::TokenIdentifier,
            (Kind::Token, "ContactPoint") => Self::TokenContact,
            (Kind::String, "HumanName") => Self::StringName,
            (Kind::String, "Address") => Self::StringAddress,
            (Kind::Date, "Period") => Self::DatePeriod,
            (Kind::Date, "Timing") => Self::DateTiming,
            (Kind::Reference, "Reference") => Self::Reference,
            (Kind::Quantity, "Quantity" | "Age" | "Count" | "Distance" | "Duration") => {
                Self::Quantity
            }
            (Kind::Quantity, "Money") => Self::QuantityMoney,
            (Kind::Quantity, "Range") => Self::QuantityRange,
            (Kind::Number, "Range") => Self::NumberRange,
            _ => return None,
        })
    }

    /// Gives the values of one element to `sink`. What does not look as R4 says gives nothing.
    pub(super) fn apply<'a>(self, value: &'a Json, sink: &mut impl FnMut(IndexValue<'a>)) {
        match (self, value) {
            (Self::TokenBoolean, Json::Bool(value)) => {
                sink(token(None, Some(if *value { "true" } else { "false" })));
            }
            (Self::TokenPresent, _) => sink(token(None, Some("true"))),
            (Self::NumberToken, Json::Number(value)) => {
                if let Ok(number) = value.parse() {
                    let (lo, hi) = (number, number);
                    sink(IndexValue::Number {
                        value: Some(value),
                        lo,
                        hi,
                    });
                }
            }
            (_, Json::String(text)) => self.apply_text(text, sink),
            (_, Json::Object(object)) => self.apply_object(object, sink),
            _ => {}
        }
    }

    fn apply_text<'a>(self, text: &'a str, sink: &mut impl FnMut(IndexValue<'a>)) {
        match self {
            Self::TokenText(system) => sink(token(system, Some(text))),
            Self::StringText => sink(IndexValue::String(text)),
            Self::Uri => sink(IndexValue::Uri(text)),
            Self::DateText => {
                if let Some((lo_ms, hi_ms)) = date_range(text) {
                    sink(IndexValue::Date { lo_ms, hi_ms });
                }
            }
            Self::Canonical if !text.starts_with('#') => {
                sink(IndexValue::Reference(ReferenceValue::Absolute(text)));
                if let Some((url, _)) = text.split_once('|') {
                    sink(IndexValue::Reference(ReferenceValue::Absolute(url)));
                }
            }
            _ => {}
        }
    }

    fn apply_object<'a>(self, object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
        match self {
            Self::TokenCoding => coding(object, sink),
            Self::TokenConcept => concept(object, sink),
            Self::TokenIdentifier => identifier(object, sink),
            Self::TokenContact => {
                if let Some(value) = text(object, "value") {
                    sink(token(None, Some(value)));
                }
            }
            Self::StringName => texts(
                object,
                &["family", "given", "prefix", "suffix", "text"],
                sink,
            ),
            Self::StringAddress => texts(object, ADDRESS, sink),
            Self::DatePeriod => date(period(object), sink),
            Self::DateTiming => date(timing(object), sink),
            Self::Reference => reference(object, sink),
            Self::Quantity => quantity(object, sink),
            Self::QuantityMoney => money(object, sink),
            Self::QuantityRange => range_of_quantities(object, sink),
            Self::NumberRange => {
                if let Some((lo, hi, _)) = range(object) {
                    sink(IndexValue::Number {
                        value: None,
                        lo,
                        hi,
                    });
                }
            }
            _ => {}
        }
    }
}

const ADDRESS: &[&str] = &[
    "line",
    "city",
    "district",
    "state",
    "postalCode",
    "country",
    "text",
];

fn text<'a>(object: &'a Object, member: &str) -> Option<&'a str> {
    object.get(member)?.as_str()
}

fn token<'a>(system: Option<&'a str>, code: Option<&'a str>) -> IndexValue<'a> {
    IndexValue::Token {
        system,
        code,
        text: None,
    }
}

fn coding<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    let (system, code) = (text(object, "system"), text(object, "code"));
    let display = text(object, "display");
    if system.or(code).or(display).is_some() {
        sink(IndexValue::Token {
            system,
            code,
            text: display,
        });
    }
}

fn concept<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    if let Some(Json::Array(codings)) = object.get("coding") {
        codings
            .iter()
            .filter_map(Json::as_object)
            .for_each(|own| coding(own, sink));
    }
    if let Some(own) = text(object, "text") {
        sink(IndexValue::Token {
            system: None,
            code: None,
            text: Some(own),
        });
    }
}

fn identifier<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    let (system, code) = (text(object, "system"), text(object, "value"));
    if system.or(code).is_some() {
        let text = object
            .get("type")
            .and_then(|kind| kind.get("text")?.as_str());
        sink(IndexValue::Token { system, code, text });
    }
}

/// The texts of some members, each a value of its own.
fn texts<'a>(object: &'a Object, names: &[&str], sink: &mut impl FnMut(IndexValue<'a>)) {
    for (name, value) in object.iter() {
        if !names.contains(&name) {
            continue;
        }
        let items = value.as_array().unwrap_or(std::slice::from_ref(value));
        items
            .iter()
            .filter_map(Json::as_str)
            .for_each(|text| sink(IndexValue::String(text)));
    }
}

fn date<'a>(range: Option<(i64, i64)>, sink: &mut impl FnMut(IndexValue<'a>)) {
    if let Some((lo_ms, hi_ms)) = range.filter(|(lo, hi)| lo <= hi) {
        sink(IndexValue::Date { lo_ms, hi_ms });
    }
}

/// A period without start or end is open there.
fn period(object: &Object) -> Option<(i64, i64)> {
    let start = text(object, "start").and_then(date_range);
    let end = text(object, "end").and_then(date_range);
    start.or(end)?;
    Some((
        start.map_or(i64::MIN, |(lo, _)| lo),
        end.map_or(i64::MAX, |(_, hi)| hi),
    ))
}

/// The outer limits of a schedule; its details do not count.
fn timing(object: &Object) -> Option<(i64, i64)> {
    let events = object
        .get("event")
        .and_then(Json::as_array)
        .unwrap_or_default();
    let bounds = object
        .get("repeat")
        .and_then(|repeat| repeat.get("boundsPeriod")?.as_object())
        .and_then(period);
    events
        .iter()
        .filter_map(|event| date_range(event.as_str()?))
        .chain(bounds)
        .reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
}

fn reference<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    if let Some(literal) = text(object, "reference")
        && !literal.starts_with('#')
    {
        sink(IndexValue::Reference(match relative(literal) {
            Some((kind, id)) => ReferenceValue::Relative { kind, id },
            None => ReferenceValue::Absolute(literal),
        }));
    }
    if let Some(Json::Object(own)) = object.get("identifier") {
        let (system, value) = (text(own, "system"), text(own, "value"));
        if system.or(value).is_some() {
            sink(IndexValue::Reference(ReferenceValue::Identifier {
                system,
                value,
            }));
        }
    }
}

/// The type of resource that a Reference names, by its literal or by `type`.
pub(super) fn target_type(reference: &Json) -> Option<&str> {
    let literal = reference.get("reference").and_then(Json::as_str);
    let by_literal = literal.and_then(|literal| match relative(literal) {
        Some((kind, _)) => Some(kind),
        None => absolute_type(literal),
    });
    by_literal.or_else(|| reference.get("type")?.as_str())
}

/// `https://server/fhir/Patient/1` is a Patient.
fn absolute_type(url: &str) -> Option<&str> {
    let path = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let path = path.split_once("/_history/").map_or(path, |(path, _)| path);
    let (before, _id) = path.rsplit_once('/')?;
    let (_, kind) = before.rsplit_once('/')?;
    table().resource(kind).map(|_| kind)
}

fn quantity<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    let Some(value) = object.get("value").and_then(Json::as_number) else {
        return;
    };
    let Ok(number) = value.parse::<f64>() else {
        return;
    };
    let (lo, hi) = match text(object, "comparator") {
        Some("<" | "<=") => (f64::NEG_INFINITY, number),
        Some(">" | ">=") => (number, f64::INFINITY),
        _ => (number, number),
    };
    sink(IndexValue::Quantity {
        value: Some(value),
        lo,
        hi,
        system: text(object, "system"),
        code: text(object, "code"),
        unit: text(object, "unit"),
    });
}

/// A Money is a quantity whose unit is the currency.
fn money<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    let Some(value) = object.get("value").and_then(Json::as_number) else {
        return;
    };
    if let Ok(number) = value.parse() {
        let code = text(object, "currency");
        sink(IndexValue::Quantity {
            value: Some(value),
            lo: number,
            hi: number,
            system: code.map(|_| "urn:iso:std:iso:4217"),
            code,
            unit: code,
        });
    }
}

/// What a Range covers, with the end that names the unit.
fn range(object: &Object) -> Option<(f64, f64, &Object)> {
    let end = |name| {
        let end = object.get(name)?.as_object()?;
        let number: f64 = end.get("value")?.as_number()?.parse().ok()?;
        Some((number, end))
    };
    let (low, high) = (end("low"), end("high"));
    let (_, unit) = low.or(high)?;
    let lo = low.map_or(f64::NEG_INFINITY, |(number, _)| number);
    let hi = high.map_or(f64::INFINITY, |(number, _)| number);
    (lo <= hi).then_some((lo, hi, unit))
}

fn range_of_quantities<'a>(object: &'a Object, sink: &mut impl FnMut(IndexValue<'a>)) {
    if let Some((lo, hi, unit)) = range(object) {
        sink(IndexValue::Quantity {
            value: None,
            lo,
            hi,
            system: text(unit, "system"),
            code: text(unit, "code"),
            unit: text(unit, "unit"),
        });
    }
}
