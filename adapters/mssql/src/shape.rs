// SPDX-License-Identifier: Apache-2.0
//! What the columns are.

use silsila_source::{Column, ColumnKind};

/// What decides how a column is selected, compared and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Money,
    SmallMoney,
    Real,
    Float,
    /// NCHAR, NVARCHAR: Unicode.
    Unicode {
        blanks: Blanks,
        characters: Option<u32>,
    },
    /// CHAR, VARCHAR: in the code page of its collation, from which the server converts.
    CodePage {
        blanks: Blanks,
        characters: Option<u32>,
        collation: Option<String>,
        /// Whether the driver decodes it as the server would convert it.
        plain: bool,
    },
    /// TEXT, NTEXT and XML: read as text, never compared.
    LongText,
    Binary,
    /// IMAGE: read as bytes, never compared.
    LongBinary,
    RowVersion,
    Date,
    Time {
        scale: u8,
    },
    SmallDateTime,
    DateTime,
    DateTime2 {
        scale: u8,
    },
    DateTimeOffset {
        scale: u8,
    },
    UniqueIdentifier,
    Unsupported,
}

/// Whether a text column is filled up with blanks, which are then not part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blanks {
    Padding,
    Text,
}

/// A line of `INFORMATION_SCHEMA.COLUMNS`.
#[derive(Debug, Default)]
pub(crate) struct Described {
    pub name: String,
    pub data_type: String,
    /// -1 for MAX.
    pub characters: Option<i64>,
    pub precision: Option<i64>,
    pub scale: Option<i64>,
    pub fraction: Option<i64>,
    pub nullable: bool,
    pub collation: Option<String>,
    pub charset: Option<String>,
}

impl Described {
    pub(crate) fn shape(&self) -> Shape {
        let small =
            |n: Option<i64>, default| n.and_then(|n| u8::try_from(n).ok()).unwrap_or(default);
        let scale = small(self.fraction, 7);
        let characters = self.characters.and_then(|n| u32::try_from(n).ok());
        let unicode = |blanks| Shape::Unicode { blanks, characters };
        let code_page = |blanks| Shape::CodePage {
            blanks,
            characters,
            collation: self.collation.clone().filter(|c| is_word(c)),
            plain: self.is_plain(),
        };
        match self.data_type.to_ascii_lowercase().as_str() {
            "bit" => Shape::Bit,
            "tinyint" => Shape::TinyInt,
            "smallint" => Shape::SmallInt,
            "int" => Shape::Int,
            "bigint" => Shape::BigInt,
            "decimal" | "numeric" => Shape::Decimal {
                precision: small(self.precision, 38),
                scale: small(self.scale, 0),
            },
            "money" => Shape::Money,
            "smallmoney" => Shape::SmallMoney,
            "real" => Shape::Real,
            "float" => Shape::Float,
            "nchar" => unicode(Blanks::Padding),
            "nvarchar" => unicode(Blanks::Text),
            "char" => code_page(Blanks::Padding),
            "varchar" => code_page(Blanks::Text),
            "text" | "ntext" | "xml" => Shape::LongText,
            "binary" | "varbinary" => Shape::Binary,
            "image" => Shape::LongBinary,
            "timestamp" | "rowversion" => Shape::RowVersion,
            "date" => Shape::Date,
            "time" => Shape::Time { scale },
            "smalldatetime" => Shape::SmallDateTime,
            "datetime" => Shape::DateTime,
            "datetime2" => Shape::DateTime2 { scale },
            "datetimeoffset" => Shape::DateTimeOffset { scale },
            "uniqueidentifier" => Shape::UniqueIdentifier,
            _ => Shape::Unsupported,
        }
    }

    /// The Western code page, which nearly every CHAR and VARCHAR is in, has a letter for every byte, and the
    /// driver knows it by these two collations. Of others it refuses some, and takes UTF-8 for Western.
    fn is_plain(&self) -> bool {
        const KNOWN: [&str; 2] = ["SQL_Latin1_General_CP1_", "Latin1_General_"];
        let collation = self.collation.as_deref().unwrap_or_default();
        self.charset.as_deref() == Some("iso_1")
            && KNOWN.iter().any(|stem| collation.starts_with(stem))
            && !collation.to_ascii_uppercase().ends_with("_UTF8")
    }

    /// The type as one would declare it, such as `nvarchar(100)`.
    pub(crate) fn sql_type(&self) -> String {
        let name = self.data_type.to_ascii_lowercase();
        match self.shape() {
            Shape::Decimal { precision, scale } => format!("{name}({precision},{scale})"),
            Shape::Time { scale }
            | Shape::DateTime2 { scale }
            | Shape::DateTimeOffset { scale } => {
                format!("{name}({scale})")
            }
            Shape::Unicode { .. } | Shape::CodePage { .. } | Shape::Binary => match self.characters
            {
                Some(-1) => format!("{name}(max)"),
                Some(n) => format!("{name}({n})"),
                None => name,
            },
            Shape::RowVersion => "rowversion".into(), // the catalogue still calls it timestamp
            _ => name,
        }
    }

    pub(crate) fn column(&self) -> Column {
        let shape = self.shape();
        Column {
            name: self.name.clone(),
            sql_type: self.sql_type(),
            kind: shape.kind(),
            nullable: self.nullable,
            charset: match shape {
                Shape::CodePage { .. } => self.charset.clone(),
                _ => None,
            },
        }
    }
}

/// A collation's name goes into a statement as it is, so it must be one word.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Shape {
    /// The kind of value to expect.
    pub(crate) fn kind(&self) -> ColumnKind {
        match self {
            Self::Bit => ColumnKind::Bool,
            Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt | Self::RowVersion => {
                ColumnKind::Integer
            }
            Self::Decimal { .. } | Self::Money | Self::SmallMoney => ColumnKind::Decimal,
            Self::Real | Self::Float => ColumnKind::Float,
            Self::Unicode { .. }
            | Self::CodePage { .. }
            | Self::LongText
            | Self::UniqueIdentifier => ColumnKind::Text,
            Self::Binary | Self::LongBinary => ColumnKind::Bytes,
            Self::Date => ColumnKind::Date,
            Self::Time { .. } => ColumnKind::Time,
            Self::SmallDateTime
            | Self::DateTime
            | Self::DateTime2 { .. }
            | Self::DateTimeOffset { .. } => ColumnKind::DateTime,
            Self::Unsupported => ColumnKind::Unsupported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_western_code_page_is_left_to_the_driver() {
        let plain = |charset: &str, collation: &str| {
            let described = Described {
                data_type: "varchar".into(),
                charset: Some(charset.into()),
                collation: Some(collation.into()),
                ..Described::default()
            };
            matches!(described.shape(), Shape::CodePage { plain: true, .. })
        };
        assert!(plain("iso_1", "SQL_Latin1_General_CP1_CI_AS"));
        assert!(plain("iso_1", "Latin1_General_100_BIN2"));
        for (charset, collation) in [
            ("utf8", "Latin1_General_100_CI_AS_SC_UTF8"),
            ("iso_1", "Latin1_General_100_CI_AS_SC_UTF8"),
            ("cp1256", "Arabic_CI_AS"),
            ("iso_1", "Icelandic_CI_AS"),
            ("cp850", "SQL_Latin1_General_CP850_CI_AS"),
        ] {
            assert!(!plain(charset, collation), "{collation}");
        }
    }

    #[test]
    fn a_type_is_named_as_one_would_declare_it() {
        let check = |data_type: &str, characters, (precision, scale), fraction, expect: &str| {
            let described = Described {
                data_type: data_type.into(),
                characters,
                precision,
                scale,
                fraction,
                ..Described::default()
            };
            assert_eq!(described.sql_type(), expect);
        };
        check("nvarchar", Some(-1), (None, None), None, "nvarchar(max)");
        check("varchar", Some(20), (None, None), None, "varchar(20)");
        check(
            "decimal",
            None,
            (Some(38), Some(10)),
            None,
            "decimal(38,10)",
        );
        check("datetime2", None, (None, None), Some(7), "datetime2(7)");
        check("timestamp", None, (None, None), None, "rowversion");
        check("int", None, (Some(10), Some(0)), None, "int");
        check("geography", Some(-1), (None, None), None, "geography");
    }
}
