// SPDX-License-Identifier: Apache-2.0
//! Computing values and conditions for one row.

use super::bind::{Condition, Scalar};
use super::context::Context;
use super::functions;
use crate::data::{Collation, Type, Value, compare, convert, show};
use crate::error::Result;

/// The value of an expression for a row.
pub(crate) fn value(scalar: &Scalar, row: &[Value], context: &Context<'_>) -> Result<Value> {
    match scalar {
        Scalar::Constant(value, _) => Ok(value.clone()),
        Scalar::Column(at, ..) => Ok(row.get(*at).cloned().unwrap_or(Value::Null)),
        Scalar::Cast(inner, ty) => {
            let collation = inner.collation().unwrap_or_default();
            convert(value(inner, row, context)?, inner.ty(), *ty, collation)
        }
        Scalar::Collated(inner, _) => value(inner, row, context),
        Scalar::Concatenated(left, right) => {
            let (left, right) = (value(left, row, context)?, value(right, row, context)?);
            if left.is_null() || right.is_null() {
                return Ok(Value::Null);
            }
            let text = Type::NVarChar(None);
            Ok(Value::Text(show(&left, text) + &show(&right, text)))
        }
        Scalar::Call(function, arguments) => {
            let arguments = arguments
                .iter()
                .map(|a| value(a, row, context))
                .collect::<Result<Vec<_>>>()?;
            functions::compute(*function, &arguments, context)
        }
    }
}

/// Whether a condition holds for a row; `None` is unknown.
pub(crate) fn holds(
    condition: &Condition,
    row: &[Value],
    context: &Context<'_>,
) -> Result<Option<bool>> {
    Ok(match condition {
        Condition::All(parts) => several(parts, false, row, context)?,
        Condition::Any(parts) => several(parts, true, row, context)?,
        Condition::Not(inner) => holds(inner, row, context)?.map(|b| !b),
        Condition::Compare(left, comparison, right, collation) => {
            let (left, right) = (value(left, row, context)?, value(right, row, context)?);
            compare(&left, &right, *collation).map(|order| comparison.holds(order))
        }
        Condition::IsNull(inner, negated) => {
            Some(value(inner, row, context)?.is_null() != *negated)
        }
        Condition::In(left, list, negated, collation) => {
            let found = among(
                &value(left, row, context)?,
                left.ty(),
                list,
                row,
                context,
                *collation,
            )?;
            found.map(|found| found != *negated)
        }
    })
}

/// Whether one part decides: a true one among OR, a false one among AND; unknown where none does and one is
/// unknown.
fn several(
    parts: &[Condition],
    decides: bool,
    row: &[Value],
    context: &Context<'_>,
) -> Result<Option<bool>> {
    let mut outcome = Some(!decides);
    for part in parts {
        match holds(part, row, context)? {
            Some(held) if held == decides => return Ok(Some(decides)),
            Some(_) => {}
            None => outcome = None,
        }
    }
    Ok(outcome)
}

fn among(
    wanted: &Value,
    ty: Type,
    list: &[Scalar],
    row: &[Value],
    context: &Context<'_>,
    collation: Collation,
) -> Result<Option<bool>> {
    let mut unknown = false;
    for item in list {
        let here = convert_like(wanted, ty, item.ty())?;
        match compare(&here, &value(item, row, context)?, collation) {
            Some(order) if order.is_eq() => return Ok(Some(true)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(false) })
}

/// The left side of an IN in the type that the item was brought to.
fn convert_like(value: &Value, from: Type, to: Type) -> Result<Value> {
    let alike =
        from == to || from.is_text() && to.is_text() || from.is_integer() && to.is_integer();
    if alike {
        Ok(value.clone())
    } else {
        convert(value.clone(), from, to, Collation::default())
    }
}
