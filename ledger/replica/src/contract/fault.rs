// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with a contract's text.

use std::fmt;
use std::ops::Range;

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultCode {
    /// Not Cedar.
    Syntax,
    /// Not the vocabulary, or not its types.
    Vocabulary,
    /// Cedar would take it, but it can hardly be meant.
    Doubtful,
    /// A template: nothing would ever link it.
    Template,
    /// Too long, or a policy with too many operators.
    Size,
    /// No policies at all.
    Empty,
    /// Something that nobody could ever do again.
    Locked,
}

impl FaultCode {
    /// The stable code, such as `CON0001`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "CON0001",
            Self::Vocabulary => "CON0002",
            Self::Doubtful => "CON0003",
            Self::Template => "CON0004",
            Self::Size => "CON0005",
            Self::Empty => "CON0006",
            Self::Locked => "CON0007",
        }
    }
}

/// One fault of a contract's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFault {
    /// What kind of fault it is.
    pub code: FaultCode,
    /// What is wrong.
    pub message: String,
    /// What would help, where that is known.
    pub help: Option<String>,
    /// Where in the text, in bytes; `None` for the text as a whole.
    pub at: Option<Range<usize>>,
}

impl fmt::Display for ContractFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.code(), self.message)
    }
}

impl std::error::Error for ContractFault {}
