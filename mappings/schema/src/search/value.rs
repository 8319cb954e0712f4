// SPDX-License-Identifier: Apache-2.0
//! What an index holds.

/// The type of a search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A code, an identifier, a boolean.
    Token,
    /// Text, compared after [`super::normalize`].
    String,
    /// A date or a period.
    Date,
    /// A reference to another resource.
    Reference,
    /// A number with a unit.
    Quantity,
    /// A number.
    Number,
    /// A URI, compared exactly.
    Uri,
}

/// A search parameter of one resource type.
#[derive(Debug)]
pub struct SearchParam {
    /// The name in the query: `birthdate`.
    pub code: &'static str,
    /// Its type.
    pub kind: Kind,
    /// A number that never changes its meaning; the same for all resource types that share the
    /// definition.
    pub id: u16,
    /// The canonical URL of the definition.
    pub url: &'static str,
    /// The resource types that a reference parameter can lead to, within what this resource type's
    /// elements allow.
    pub targets: Vec<&'static str>,
    /// Whether every resource type has it (`_id`, `_lastUpdated`, `_tag`, `_profile`, `_security`,
    /// `_source`).
    pub common: bool,
}

/// One value for an index. Text is as it stands in the resource.
#[derive(Clone, Copy, PartialEq)]
pub enum IndexValue<'a> {
    /// A code in a system. For an element of type `code` the system is the one that the required
    /// value set implies, if it is one.
    Token {
        /// The system; none for identifiers and codings without one, contact points and booleans.
        system: Option<&'a str>,
        /// The code, identifier or value; absent when only a text is known.
        code: Option<&'a str>,
        /// What `:text` searches: display, text of a concept, text of an identifier's type.
        text: Option<&'a str>,
    },
    /// Text.
    String(&'a str),
    /// Milliseconds since 1970 (UTC), both ends included; an open end is the least or greatest
    /// number.
    Date {
        /// The first millisecond.
        lo_ms: i64,
        /// The last millisecond.
        hi_ms: i64,
    },
    /// A reference.
    Reference(ReferenceValue<'a>),
    /// A number with a unit. `lo` and `hi` are what the element covers exactly: equal for a plain
    /// quantity, apart for a Range, infinite on one side for `<` and `>`. Precision belongs to the
    /// query ([`super::parse_number_range`]).
    Quantity {
        /// The number as written; absent for a Range.
        value: Option<&'a str>,
        /// The least number covered.
        lo: f64,
        /// The greatest number covered.
        hi: f64,
        /// The system of the unit's code.
        system: Option<&'a str>,
        /// The unit's code; the currency of a Money.
        code: Option<&'a str>,
        /// The unit as text.
        unit: Option<&'a str>,
    },
    /// A number, covered as for a quantity.
    Number {
        /// The number as written; absent for a Range.
        value: Option<&'a str>,
        /// The least number covered.
        lo: f64,
        /// The greatest number covered.
        hi: f64,
    },
    /// A URI.
    Uri(&'a str),
}

/// Where a reference points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReferenceValue<'a> {
    /// `Patient/123`, perhaps followed by a version, which is left out here.
    Relative {
        /// The resource type.
        kind: &'a str,
        /// The id.
        id: &'a str,
    },
    /// An absolute URL or URN, or the URL of a definition. A definition with a version comes twice,
    /// with `|version` and without.
    Absolute(&'a str),
    /// `Reference.identifier`, for the modifier `:identifier`.
    Identifier {
        /// The identifier's system.
        system: Option<&'a str>,
        /// The identifier's value.
        value: Option<&'a str>,
    },
}

impl std::fmt::Debug for IndexValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token { .. } => "token",
            Self::String(_) => "string",
            Self::Date { .. } => "date",
            Self::Reference(_) => "reference",
            Self::Quantity { .. } => "quantity",
            Self::Number { .. } => "number",
            Self::Uri(_) => "uri",
        })
    }
}
