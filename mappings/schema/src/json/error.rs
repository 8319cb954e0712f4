// SPDX-License-Identifier: Apache-2.0
//! Why a text is not the JSON that this crate accepts.

use thiserror::Error;

/// Where and why parsing stopped. The text itself is never quoted, for it may be patient data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct JsonError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What was wrong there.
    pub reason: JsonReason,
}

impl JsonError {
    /// The stable code of this error.
    pub const CODE: &'static str = "SCH0014";
}

/// What was wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonReason {
    /// The bytes are not UTF-8.
    #[error("the text is not valid UTF-8")]
    NotUtf8,
    /// The text begins with a byte order mark, which RFC 8259 forbids to add.
    #[error("the text begins with a byte order mark")]
    ByteOrderMark,
    /// The text ended inside a value.
    #[error("the text ends in the middle of a value")]
    Ended,
    /// Something else than a value.
    #[error("a value was expected")]
    ValueExpected,
    /// Something else than a member's name in quotes.
    #[error("a member name in double quotes was expected")]
    NameExpected,
    /// No colon after a member's name.
    #[error("a colon was expected")]
    ColonExpected,
    /// Neither a comma nor the end of the object or array.
    #[error("a comma or the closing bracket was expected")]
    CommaExpected,
    /// Something after the value.
    #[error("nothing was expected after the value")]
    Trailing,
    /// A member's name came twice in one object.
    #[error("this member was already given")]
    DuplicateMember,
    /// Objects and arrays nest deeper than [`super::MAX_DEPTH`].
    #[error("the nesting is too deep")]
    TooDeep,
    /// A number that JSON does not know, such as `01`, `1.` or `NaN`.
    #[error("this is not a JSON number")]
    Number,
    /// A control character inside a string that should have been escaped.
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    /// An escape that JSON does not know.
    #[error("this escape is unknown")]
    Escape,
    /// Half of a surrogate pair.
    #[error("this escape is half of a surrogate pair")]
    Surrogate,
}
