// SPDX-License-Identifier: Apache-2.0
//! The part of FHIRPath in which R4 writes its search parameters.

/// One branch of an expression: what stands between two `|`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Branch<'e> {
    /// The elements that a path leads to.
    Path(Path<'e>),
    /// `path.exists() and path != false`.
    IsPresentAndNotFalse(Path<'e>),
}

impl<'e> Branch<'e> {
    /// The resource type with which the branch begins.
    pub(super) fn root(&self) -> &'e str {
        match self {
            Self::Path(path) | Self::IsPresentAndNotFalse(path) => path.root,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'e> {
    pub(super) root: &'e str,
    pub(super) steps: Vec<Step<'e>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'e> {
    /// `.name`
    Member(&'e str),
    /// `as Type`, `.as(Type)`, `.ofType(Type)`
    As(&'e str),
    /// `.where(member='text')`
    WhereEquals(&'e str, &'e str),
    /// `.where(resolve() is Type)`
    WhereTarget(&'e str),
    /// `.extension('url')`
    Extension(&'e str),
}

/// The branches of an expression, each parsed or not.
pub(super) fn parse(expression: &str) -> impl Iterator<Item = Option<Branch<'_>>> {
    split_union(expression).into_iter().map(|text| {
        let mut parser = Parser { rest: text.trim() };
        let branch = parser.branch()?;
        parser.rest.trim().is_empty().then_some(branch)
    })
}

/// Splits at every `|` that stands outside brackets and quotes.
fn split_union(expression: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut branches = Vec::new();
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            b'|' if !quoted && depth == 0 => {
                branches.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&expression[start..]);
    branches
}

struct Parser<'e> {
    rest: &'e str,
}

impl<'e> Parser<'e> {
    fn branch(&mut self) -> Option<Branch<'e>> {
        let path = self.path()?;
        if !self.take(".exists() and ") {
            return Some(Branch::Path(path));
        }
        let same = self.path()? == path && self.take(" != false");
        same.then_some(Branch::IsPresentAndNotFalse(path))
    }

    fn path(&mut self) -> Option<Path<'e>> {
        let mut path = if self.take("(") {
            let mut path = self.path()?;
            if self.take(" as ") {
                path.steps.push(Step::As(self.name()?));
            }
            self.take(")").then_some(path)?
        } else {
            Path {
                root: self.name()?,
                steps: Vec::new(),
            }
        };
        while !self.rest.starts_with(".exists()") && self.take(".") {
            path.steps.push(self.step()?);
        }
        Some(path)
    }

    fn step(&mut self) -> Option<Step<'e>> {
        let name = self.name()?;
        if !self.take("(") {
            return Some(Step::Member(name));
        }
        let step = match name {
            "as" | "ofType" => Step::As(self.name()?),
            "extension" => Step::Extension(self.quoted()?),
            "where" if self.take("resolve() is ") => Step::WhereTarget(self.name()?),
            "where" => {
                let member = self.name()?;
                self.take("=").then_some(())?;
                Step::WhereEquals(member, self.quoted()?)
            }
            _ => return None,
        };
        self.take(")").then_some(step)
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Option<&'e str> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn quoted(&mut self) -> Option<&'e str> {
        let (text, rest) = self.rest.strip_prefix('\'')?.split_once('\'')?;
        self.rest = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    #[track_caller]
    fn path(text: &str, root: &str, steps: Vec<Step<'_>>) {
        let branches: Vec<_> = parse(text).collect();
        assert_eq!(branches, [Some(Branch::Path(Path { root, steps }))]);
    }

    #[test]
    fn every_form_that_r4_uses_is_read() {
        path("Patient.name", "Patient", vec![Member("name")]);
        path(
            "Condition.onset.as(Age)",
            "Condition",
            vec![Member("onset"), As("Age")],
        );
        path(
            "(Goal.start as date)",
            "Goal",
            vec![Member("start"), As("date")],
        );
        path(
            "(Observation.value as CodeableConcept).text",
            "Observation",
            vec![Member("value"), As("CodeableConcept"), Member("text")],
        );
        path(
            "Patient.telecom.where(system='email')",
            "Patient",
            vec![Member("telecom"), WhereEquals("system", "email")],
        );
        path(
            "Task.for.where(resolve() is Patient)",
            "Task",
            vec![Member("for"), WhereTarget("Patient")],
        );
        path(
            "A.extension('http://x.y|z')",
            "A",
            vec![Extension("http://x.y|z")],
        );
        let present = "Patient.deceased.exists() and Patient.deceased != false";
        let deceased = Path {
            root: "Patient",
            steps: vec![Member("deceased")],
        };
        let branches: Vec<_> = parse(present).collect();
        assert_eq!(branches, [Some(Branch::IsPresentAndNotFalse(deceased))]);
    }

    #[test]
    fn a_union_is_split_and_what_is_not_understood_is_nothing() {
        let count = |text| {
            parse(text)
                .map(|branch| branch.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            count("A.b | (A.c as D) | A.e.where(f='|')"),
            [true, true, true]
        );
        assert_eq!(count("Bundle.entry[0].resource | A.b"), [false, true]);
        for text in [
            "",
            "A.",
            "A.b.where(c)",
            "A.b.first()",
            "(A.b as C",
            "A.b + 1",
            "A.b.exists()",
        ] {
            assert_eq!(count(text), [false], "{text}");
        }
    }
}
