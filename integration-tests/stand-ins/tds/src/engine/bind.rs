// SPDX-License-Identifier: Apache-2.0
//! From expressions to what can be computed: columns found, types settled, constants folded.

use std::cmp::Ordering;

use super::context::Context;
use super::functions::{self, Function};
use crate::data::{Collation, Type, Value, convert};
use crate::error::{Result, SqlError};
use crate::sql::{Expr, Operator};

/// A column that expressions may name.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub collation: Collation,
}

/// Something with a value.
#[derive(Debug, Clone)]
pub(crate) enum Scalar {
    Constant(Value, Type),
    Column(usize, Type, Collation),
    Cast(Box<Scalar>, Type),
    Collated(Box<Scalar>, Collation),
    Concatenated(Box<Scalar>, Box<Scalar>),
    Call(Function, Vec<Scalar>),
}

/// Something that is true, false or unknown.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Scalar, Comparison, Scalar, Collation),
    IsNull(Scalar, bool),
    In(Scalar, Vec<Scalar>, bool, Collation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Equal => Self::Equal,
            Operator::NotEqual => Self::NotEqual,
            Operator::Less => Self::Less,
            Operator::LessOrEqual => Self::LessOrEqual,
            Operator::Greater => Self::Greater,
            Operator::GreaterOrEqual => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

impl Scalar {
    pub(crate) fn ty(&self) -> Type {
        match self {
            Self::Constant(_, ty) | Self::Column(_, ty, _) | Self::Cast(_, ty) => *ty,
            Self::Collated(inner, _) => inner.ty(),
            Self::Concatenated(..) => Type::NVarChar(Some(4000)),
            Self::Call(function, _) => function.ty(),
        }
    }

    /// The collation that it brings along; a constant and a CAST of one bring none.
    pub(crate) fn collation(&self) -> Option<Collation> {
        match self {
            Self::Column(_, _, collation) | Self::Collated(_, collation) => Some(*collation),
            Self::Cast(inner, _) => inner.collation(),
            _ => None,
        }
    }
}

/// Binds expressions against the columns of one table.
pub(crate) struct Binder<'a> {
    pub context: &'a Context<'a>,
    pub columns: &'a [Visible],
}

impl Binder<'_> {
    pub(crate) fn scalar(&self, expression: &Expr) -> Result<Scalar> {
        let constant = |value, ty| Ok(Scalar::Constant(value, ty));
        match expression {
            Expr::Column(name) => self.column(name),
            Expr::Variable(name) => self.variable(name),
            Expr::Integer(n) if i32::try_from(*n).is_ok() => constant(Value::Int(*n), Type::Int),
            Expr::Integer(n) => constant(Value::Int(*n), Type::BigInt),
            Expr::Decimal(digits) => {
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                let sizes = u8::try_from(whole.len() + fraction.len())
                    .ok()
                    .zip(u8::try_from(fraction.len()).ok());
                let (precision, scale) = sizes
                    .filter(|(p, _)| *p <= 38)
                    .ok_or_else(|| SqlError::overflow("numeric"))?;
                let ty = Type::Decimal {
                    precision: precision.max(1),
                    scale,
                };
                constant(
                    convert(
                        Value::text(digits.as_str()),
                        Type::VarChar(None),
                        ty,
                        Collation::default(),
                    )?,
                    ty,
                )
            }
            Expr::Float(f) => constant(Value::Float(*f), Type::Float),
            Expr::Text(text, unicode) => {
                let length = u16::try_from(text.encode_utf16().count().max(1))
                    .ok()
                    .filter(|n| *n <= 4000);
                if *unicode {
                    return constant(Value::text(text.as_str()), Type::NVarChar(length));
                }
                // Without an N before it, a text goes through the code page of the database.
                let text = Collation::default().code_page.pass(text.clone());
                constant(Value::Text(text), Type::VarChar(length))
            }
            Expr::Binary(bytes) => {
                let length = u16::try_from(bytes.len().max(1))
                    .ok()
                    .filter(|n| *n <= 8000);
                constant(Value::Bytes(bytes.clone()), Type::VarBinary(length))
            }
            Expr::Null => constant(Value::Null, Type::Int),
            Expr::Cast(inner, ty) => fold(
                Scalar::Cast(Box::new(self.scalar(inner)?), *ty),
                self.context,
            ),
            Expr::Collate(inner, name) => {
                let collation = Collation::named(name).ok_or_else(|| {
                    SqlError::new(448, 16, format!("Invalid collation '{name}'."))
                })?;
                let inner = self.scalar(inner)?;
                if !inner.ty().is_text() {
                    return Err(SqlError::new(
                        447,
                        16,
                        format!(
                            "Expression type {} is invalid for COLLATE clause.",
                            inner.ty().name()
                        ),
                    ));
                }
                Ok(Scalar::Collated(Box::new(inner), collation))
            }
            Expr::Call(name, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|a| self.scalar(a))
                    .collect::<Result<Vec<_>>>()?;
                functions::call(name, arguments, self.context)
            }
            Expr::Negated(inner) => match self.scalar(inner)? {
                Scalar::Constant(Value::Int(n), ty) => constant(Value::Int(-n), ty),
                Scalar::Constant(Value::Decimal(n, s), ty) => constant(Value::Decimal(-n, s), ty),
                Scalar::Constant(Value::Float(f), ty) => constant(Value::Float(-f), ty),
                _ => Err(SqlError::unknown("arithmetic")),
            },
            Expr::Both(left, Operator::Add, right) => {
                let (left, right) = (self.scalar(left)?, self.scalar(right)?);
                if left.ty().is_text() && right.ty().is_text() {
                    return fold(
                        Scalar::Concatenated(Box::new(left), Box::new(right)),
                        self.context,
                    );
                }
                Err(SqlError::unknown("arithmetic"))
            }
            Expr::Both(_, Operator::Subtract, _) => Err(SqlError::unknown("arithmetic")),
            Expr::Star => Err(SqlError::unknown("* but in COUNT_BIG(*)")),
            Expr::Default => Err(SqlError::syntax("DEFAULT")),
            _ => Err(SqlError::new(
                4145,
                15,
                "A condition stands where a value was expected.",
            )),
        }
    }

    fn column(&self, name: &str) -> Result<Scalar> {
        let found = self
            .columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(name));
        let at = found.ok_or_else(|| SqlError::invalid_column(name))?;
        let column = &self.columns[at];
        Ok(Scalar::Column(at, column.ty, column.collation))
    }

    fn variable(&self, name: &str) -> Result<Scalar> {
        if let Some(global) = functions::global(name, self.context) {
            return Ok(global);
        }
        let found = self.context.parameters.get(&name.to_ascii_lowercase());
        let (value, ty) = found.ok_or_else(|| {
            SqlError::new(
                137,
                15,
                format!("Must declare the scalar variable \"{name}\"."),
            )
        })?;
        Ok(Scalar::Constant(value.clone(), *ty))
    }

    pub(crate) fn condition(&self, expression: &Expr) -> Result<Condition> {
        match expression {
            Expr::All(parts) => self.conditions(parts).map(Condition::All),
            Expr::Any(parts) => self.conditions(parts).map(Condition::Any),
            Expr::Not(inner) => Ok(Condition::Not(Box::new(self.condition(inner)?))),
            Expr::IsNull(inner, negated) => Ok(Condition::IsNull(self.scalar(inner)?, *negated)),
            Expr::In(left, list, negated) => {
                let left = self.scalar(left)?;
                let mut bound = Vec::new();
                let mut collation = Collation::default();
                for item in list {
                    let (_, item, agreed) = self.alike(left.clone(), self.scalar(item)?)?;
                    collation = agreed;
                    bound.push(item);
                }
                Ok(Condition::In(left, bound, *negated, collation))
            }
            Expr::Both(left, operator, right) => {
                let comparison = Comparison::of(*operator).ok_or_else(no_condition)?;
                let (left, right, collation) =
                    self.alike(self.scalar(left)?, self.scalar(right)?)?;
                Ok(Condition::Compare(left, comparison, right, collation))
            }
            _ => Err(no_condition()),
        }
    }

    fn conditions(&self, parts: &[Expr]) -> Result<Vec<Condition>> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    /// Both sides in one type: that of the higher rank.
    fn alike(&self, left: Scalar, right: Scalar) -> Result<(Scalar, Scalar, Collation)> {
        let (l, r) = (left.ty(), right.ty());
        for ty in [l, r] {
            if !ty.is_comparable() {
                return Err(SqlError::new(
                    402,
                    16,
                    format!("The data types {l} and {r} are incompatible in the comparison."),
                ));
            }
        }
        let collation = match (left.collation(), right.collation()) {
            (Some(a), Some(b)) if a != b && l.is_text() && r.is_text() => {
                return Err(SqlError::new(
                    468,
                    16,
                    "Cannot resolve the collation conflict in the comparison.",
                ));
            }
            (Some(one), _) | (_, Some(one)) => one,
            _ => Collation::default(),
        };
        if is_null(&left) || is_null(&right) || same_kind(l, r) {
            return Ok((left, right, collation));
        }
        let higher = if l.rank() >= r.rank() { l } else { r };
        if !goes(l, higher) || !goes(r, higher) {
            return Err(SqlError::new(
                206,
                16,
                format!(
                    "Operand type clash: {} is incompatible with {}",
                    l.name(),
                    r.name()
                ),
            ));
        }
        // A decimal must hold whatever the other side is.
        let common = match higher {
            Type::Decimal { scale, .. } => Type::Decimal {
                precision: 38,
                scale: scale.max(6),
            },
            other => other,
        };
        let cast = |side: Scalar| match same_kind(side.ty(), common) {
            true => Ok(side),
            false => fold(Scalar::Cast(Box::new(side), common), self.context),
        };
        Ok((cast(left)?, cast(right)?, collation))
    }
}

fn no_condition() -> SqlError {
    SqlError::new(
        4145,
        15,
        "An expression of non-boolean type specified in a context where a condition is expected.",
    )
}

fn is_null(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Constant(Value::Null, _))
}

/// Whether values of both types are of one kind and compare as they are.
fn same_kind(a: Type, b: Type) -> bool {
    let moments = |a, b| std::mem::discriminant::<Type>(&a) == std::mem::discriminant(&b);
    a == b
        || a.is_integer() && b.is_integer()
        || a.is_text() && b.is_text()
        || a.is_binary() && b.is_binary()
        || a.decimal_scale().is_some() && b.decimal_scale().is_some()
        || matches!((a, b), (Type::Real | Type::Float, Type::Real | Type::Float))
        || moments(a, b)
}

/// Whether SQL Server converts from one type to another by itself, as far as the stand-in does.
fn goes(from: Type, to: Type) -> bool {
    let number = |t: Type| {
        t.is_integer()
            || t.decimal_scale().is_some()
            || matches!(t, Type::Bit | Type::Real | Type::Float)
    };
    let moment = |t: Type| {
        matches!(
            t,
            Type::Date
                | Type::Time(_)
                | Type::SmallDateTime
                | Type::DateTime
                | Type::DateTime2(_)
                | Type::DateTimeOffset(_)
        )
    };
    same_kind(from, to)
        || number(from) && number(to)
        || moment(from) && moment(to)
        || from.is_text() && (number(to) || moment(to) || to == Type::UniqueIdentifier)
        || from.is_binary() && (to.is_integer() || to == Type::UniqueIdentifier)
}

/// Computes what needs no row.
pub(super) fn fold(scalar: Scalar, context: &Context<'_>) -> Result<Scalar> {
    let is_constant = match &scalar {
        Scalar::Cast(inner, _) => constant_inside(inner),
        Scalar::Concatenated(left, right) => constant_inside(left) && constant_inside(right),
        Scalar::Call(_, arguments) => arguments.iter().all(constant_inside),
        _ => false,
    };
    if !is_constant {
        return Ok(scalar);
    }
    let (ty, collation) = (scalar.ty(), scalar.collation());
    let constant = Scalar::Constant(super::judge::value(&scalar, &[], context)?, ty);
    Ok(match collation {
        Some(collation) if ty.is_text() => Scalar::Collated(Box::new(constant), collation),
        _ => constant,
    })
}

fn constant_inside(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Constant(..) => true,
        Scalar::Collated(inner, _) => constant_inside(inner),
        _ => false,
    }
}
