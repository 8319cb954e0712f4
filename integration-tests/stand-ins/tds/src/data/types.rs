// SPDX-License-Identifier: Apache-2.0
//! The types.

use std::fmt;

/// A declared type. Lengths are in characters or bytes; `None` is MAX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Decimal { precision: u8, scale: u8 },
    Money,
    SmallMoney,
    Real,
    Float,
    Char(u16),
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    Text,
    NText,
    Xml,
    Binary(u16),
    VarBinary(Option<u16>),
    Image,
    RowVersion,
    Date,
    Time(u8),
    SmallDateTime,
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    SqlVariant,
    Geography,
    HierarchyId,
}

impl Type {
    /// As `INFORMATION_SCHEMA.COLUMNS.DATA_TYPE` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Decimal { .. } => "decimal",
            Self::Money => "money",
            Self::SmallMoney => "smallmoney",
            Self::Real => "real",
            Self::Float => "float",
            Self::Char(_) => "char",
            Self::VarChar(_) => "varchar",
            Self::NChar(_) => "nchar",
            Self::NVarChar(_) => "nvarchar",
            Self::Text => "text",
            Self::NText => "ntext",
            Self::Xml => "xml",
            Self::Binary(_) => "binary",
            Self::VarBinary(_) => "varbinary",
            Self::Image => "image",
            Self::RowVersion => "timestamp",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime => "datetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::SqlVariant => "sql_variant",
            Self::Geography => "geography",
            Self::HierarchyId => "hierarchyid",
        }
    }

    /// The type of a name with its arguments, -1 for MAX.
    pub(crate) fn parse(name: &str, arguments: &[i64]) -> Option<Self> {
        let first = arguments.first().copied();
        let scale = || u8::try_from(first.unwrap_or(7)).ok().filter(|s| *s <= 7);
        let most = |limit: i64, default: i64| {
            let n = first.unwrap_or(default);
            (1..=limit).contains(&n).then(|| u16::try_from(n).ok())?
        };
        let or_max = |limit, default| match first {
            Some(-1) => Some(None),
            _ => most(limit, default).map(Some),
        };
        Some(match name.to_ascii_lowercase().as_str() {
            "bit" => Self::Bit,
            "tinyint" => Self::TinyInt,
            "smallint" => Self::SmallInt,
            "int" | "integer" => Self::Int,
            "bigint" => Self::BigInt,
            "decimal" | "numeric" | "dec" => {
                let precision = u8::try_from(first.unwrap_or(18)).ok()?;
                let scale = u8::try_from(arguments.get(1).copied().unwrap_or(0)).ok()?;
                ((1..=38).contains(&precision) && scale <= precision)
                    .then_some(Self::Decimal { precision, scale })?
            }
            "money" => Self::Money,
            "smallmoney" => Self::SmallMoney,
            "real" => Self::Real,
            "float" if first.is_some_and(|bits| bits <= 24) => Self::Real,
            "float" => Self::Float,
            "char" => Self::Char(most(8000, 1)?),
            "varchar" => Self::VarChar(or_max(8000, 1)?),
            "nchar" => Self::NChar(most(4000, 1)?),
            "nvarchar" => Self::NVarChar(or_max(4000, 1)?),
            "sysname" => Self::NVarChar(Some(128)),
            "text" => Self::Text,
            "ntext" => Self::NText,
            "xml" => Self::Xml,
            "binary" => Self::Binary(most(8000, 1)?),
            "varbinary" => Self::VarBinary(or_max(8000, 1)?),
            "image" => Self::Image,
            "rowversion" | "timestamp" => Self::RowVersion,
            "date" => Self::Date,
            "time" => Self::Time(scale()?),
            "smalldatetime" => Self::SmallDateTime,
            "datetime" => Self::DateTime,
            "datetime2" => Self::DateTime2(scale()?),
            "datetimeoffset" => Self::DateTimeOffset(scale()?),
            "uniqueidentifier" => Self::UniqueIdentifier,
            "sql_variant" => Self::SqlVariant,
            "geography" => Self::Geography,
            "hierarchyid" => Self::HierarchyId,
            _ => return None,
        })
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(
            self,
            Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt
        )
    }

    pub(crate) fn is_text(self) -> bool {
        self.is_unicode() || self.is_code_page()
    }

    pub(crate) fn is_unicode(self) -> bool {
        matches!(
            self,
            Self::NChar(_) | Self::NVarChar(_) | Self::NText | Self::Xml
        )
    }

    pub(crate) fn is_code_page(self) -> bool {
        matches!(self, Self::Char(_) | Self::VarChar(_) | Self::Text)
    }

    pub(crate) fn is_binary(self) -> bool {
        matches!(
            self,
            Self::Binary(_) | Self::VarBinary(_) | Self::Image | Self::RowVersion
        )
    }

    /// Whether values of it can be compared and sorted.
    pub(crate) fn is_comparable(self) -> bool {
        !matches!(
            self,
            Self::Text | Self::NText | Self::Xml | Self::Image | Self::Geography
        )
    }

    /// The scale of its digits after the point.
    pub(crate) fn decimal_scale(self) -> Option<u8> {
        match self {
            Self::Decimal { scale, .. } => Some(scale),
            Self::Money | Self::SmallMoney => Some(4),
            _ => None,
        }
    }

    /// Of two types in one comparison the higher wins ("Data type precedence" in SQL Server's reference).
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Geography | Self::HierarchyId => 31,
            Self::SqlVariant => 30,
            Self::Xml => 29,
            Self::DateTimeOffset(_) => 28,
            Self::DateTime2(_) => 27,
            Self::DateTime => 26,
            Self::SmallDateTime => 25,
            Self::Date => 24,
            Self::Time(_) => 23,
            Self::Float => 22,
            Self::Real => 21,
            Self::Decimal { .. } => 20,
            Self::Money => 19,
            Self::SmallMoney => 18,
            Self::BigInt => 17,
            Self::Int => 16,
            Self::SmallInt => 15,
            Self::TinyInt => 14,
            Self::Bit => 13,
            Self::NText => 12,
            Self::Text => 11,
            Self::Image => 10,
            Self::RowVersion => 9,
            Self::UniqueIdentifier => 8,
            Self::NVarChar(_) => 7,
            Self::NChar(_) => 6,
            Self::VarChar(_) => 5,
            Self::Char(_) => 4,
            Self::VarBinary(_) => 3,
            Self::Binary(_) => 2,
        }
    }
}

/// As one would declare it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Decimal { precision, scale } => write!(f, "({precision},{scale})"),
            Self::Char(n) | Self::NChar(n) | Self::Binary(n) => write!(f, "({n})"),
            Self::VarChar(Some(n)) | Self::NVarChar(Some(n)) | Self::VarBinary(Some(n)) => {
                write!(f, "({n})")
            }
            Self::VarChar(None) | Self::NVarChar(None) | Self::VarBinary(None) => {
                f.write_str("(max)")
            }
            Self::Time(s) | Self::DateTime2(s) | Self::DateTimeOffset(s) => write!(f, "({s})"),
            _ => Ok(()),
        }
    }
}
