// SPDX-License-Identifier: Apache-2.0
//! A filter's arguments while it is being made.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::codes::CodeTables;
use crate::expression::Ex;
use crate::expression::types::Type;

/// One argument as written.
pub(crate) struct Arg {
    pub name: Option<String>,
    pub ex: Ex,
    pub ty: Type,
    /// Its bytes in the expression.
    pub span: Range<usize>,
}

/// A fault in the arguments.
pub(crate) struct ArgFault {
    pub code: &'static str,
    pub span: Range<usize>,
    pub message: String,
    /// A wrong name and the right ones.
    pub suggest: Option<(String, Vec<String>)>,
}

/// The arguments not yet taken, and the faults found so far.
pub(crate) struct Args {
    left: Vec<Arg>,
    whole: Range<usize>,
    asked: Vec<&'static str>,
    pub faults: Vec<ArgFault>,
}

/// What filters are made with.
pub(crate) struct Making<'m> {
    pub tables: &'m CodeTables,
    /// Names of the tables used so far.
    pub used: &'m mut std::collections::BTreeSet<String>,
    pub pivot: Option<u8>,
    pub zone: Option<TimeZone>,
    /// The type of the value that flows in.
    pub input: Type,
}

impl Args {
    pub fn new(left: Vec<Arg>, whole: Range<usize>) -> Self {
        Self {
            left,
            whole,
            asked: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub fn fault(&mut self, span: Option<Range<usize>>, message: impl Into<String>) {
        self.fault_with("MAP0017", span, message);
    }

    pub fn fault_with(
        &mut self,
        code: &'static str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
    ) {
        self.faults.push(ArgFault {
            code,
            span: span.unwrap_or_else(|| self.whole.clone()),
            message: message.into(),
            suggest: None,
        });
    }

    pub fn suggest(&mut self, wrong: &str, right: Vec<String>) {
        if let Some(fault) = self.faults.last_mut() {
            fault.suggest = Some((wrong.to_owned(), right));
        }
    }

    /// The next positional argument.
    pub fn next(&mut self) -> Option<Arg> {
        let at = self.left.iter().position(|a| a.name.is_none())?;
        Some(self.left.remove(at))
    }

    /// The argument of that name.
    pub fn named(&mut self, name: &'static str) -> Option<Arg> {
        self.asked.push(name);
        let at = self
            .left
            .iter()
            .position(|a| a.name.as_deref() == Some(name))?;
        Some(self.left.remove(at))
    }

    /// The argument of that name, or else the next positional one.
    pub fn either(&mut self, name: &'static str) -> Option<Arg> {
        self.named(name).or_else(|| self.next())
    }

    /// A needed expression.
    pub fn ex(&mut self, name: &'static str) -> Option<Arg> {
        let arg = self.either(name);
        if arg.is_none() {
            self.fault(None, format!("`{name}` is missing"));
        }
        arg
    }

    /// A needed literal text.
    pub fn text(&mut self, name: &'static str) -> Option<Box<str>> {
        let arg = self.ex(name)?;
        self.as_text(arg, name)
    }

    /// A literal text, if given.
    pub fn opt_text(&mut self, name: &'static str) -> Option<Box<str>> {
        let arg = self.either(name)?;
        self.as_text(arg, name)
    }

    fn as_text(&mut self, arg: Arg, name: &str) -> Option<Box<str>> {
        match arg.ex {
            Ex::Text(text) => Some(text),
            _ => {
                self.fault(Some(arg.span), format!("`{name}` must be a literal text"));
                None
            }
        }
    }

    /// All remaining positional arguments, as literal texts.
    pub fn texts(&mut self) -> Vec<(Box<str>, Range<usize>)> {
        let mut texts = Vec::new();
        while let Some(arg) = self.next() {
            let span = arg.span.clone();
            if let Some(text) = self.as_text(arg, "each argument") {
                texts.push((text, span));
            }
        }
        texts
    }

    /// A literal true or false, by name.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        match self.named(name) {
            None => default,
            Some(Arg {
                ex: Ex::Bool(b), ..
            }) => b,
            Some(arg) => {
                self.fault(Some(arg.span), format!("`{name}` must be true or false"));
                default
            }
        }
    }

    /// A literal whole number in a range, if given.
    pub fn opt_int(&mut self, name: &'static str, range: Range<i64>) -> Option<i64> {
        let arg = self.either(name)?;
        match arg.ex {
            Ex::Int(i) if range.contains(&i) => Some(i),
            _ => {
                let (lo, hi) = (range.start, range.end - 1);
                self.fault(
                    Some(arg.span),
                    format!("`{name}` must be a whole number from {lo} to {hi}"),
                );
                None
            }
        }
    }

    /// Complains about what nobody asked for.
    pub fn finish(&mut self) {
        for arg in std::mem::take(&mut self.left) {
            match arg.name {
                None => self.fault(Some(arg.span), "one argument too many"),
                Some(name) => {
                    self.fault(Some(arg.span), format!("there is no argument `{name}`"));
                    let asked = self.asked.iter().map(|a| (*a).to_owned()).collect();
                    self.suggest(&name, asked);
                }
            }
        }
    }
}
