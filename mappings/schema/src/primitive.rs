// SPDX-License-Identifier: Apache-2.0
//! The primitive datatypes of R4 and their syntax.

/// A primitive datatype of FHIR R4, <https://hl7.org/fhir/R4/datatypes.html#primitive>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `true` or `false`.
    Boolean,
    /// A signed 32-bit number.
    Integer,
    /// A number from 0 to 2,147,483,647.
    UnsignedInt,
    /// A number from 1 to 2,147,483,647.
    PositiveInt,
    /// A decimal whose digits carry its precision.
    Decimal,
    /// Text.
    String,
    /// Text that may be rendered as Markdown.
    Markdown,
    /// A token without leading, trailing or doubled spaces.
    Code,
    /// A logical id: 1 to 64 of `A-Z a-z 0-9 - .`
    Id,
    /// A URI.
    Uri,
    /// A URL.
    Url,
    /// The URL of a definition, perhaps with `|version`.
    Canonical,
    /// `urn:oid:...`
    Oid,
    /// `urn:uuid:...`
    Uuid,
    /// Bytes in base64.
    Base64Binary,
    /// A year, month or day.
    Date,
    /// A year, month, day, or an instant with its zone.
    DateTime,
    /// A moment to the second or finer, with its zone.
    Instant,
    /// A time of day.
    Time,
    /// The XHTML of a narrative.
    Xhtml,
}

impl Primitive {
    /// The name in FHIR.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::UnsignedInt => "unsignedInt",
            Self::PositiveInt => "positiveInt",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::Markdown => "markdown",
            Self::Code => "code",
            Self::Id => "id",
            Self::Uri => "uri",
            Self::Url => "url",
            Self::Canonical => "canonical",
            Self::Oid => "oid",
            Self::Uuid => "uuid",
            Self::Base64Binary => "base64Binary",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Instant => "instant",
            Self::Time => "time",
            Self::Xhtml => "xhtml",
        }
    }
}
