// SPDX-License-Identifier: Apache-2.0
//! The values of a query: commas, escapes, tokens and references.

/// A token of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTest {
    /// What the system must be.
    pub system: SystemTest,
    /// What the code must be; any where absent.
    pub code: Option<String>,
}

/// What a system must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemTest {
    /// Anything, or none.
    Any,
    /// None.
    Absent,
    /// This one.
    Is(String),
}

impl TokenTest {
    /// Reads `code`, `system|code`, `|code` or `system|`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, '|').into_iter();
        let first = parts.next()?;
        let Some(second) = parts.next() else {
            return (!first.is_empty()).then_some(Self {
                system: SystemTest::Any,
                code: Some(first),
            });
        };
        if parts.next().is_some() {
            return None;
        }
        let system = if first.is_empty() {
            SystemTest::Absent
        } else {
            SystemTest::Is(first)
        };
        let code = Some(second).filter(|code| !code.is_empty());
        if system == SystemTest::Absent && code.is_none() {
            return None;
        }
        Some(Self { system, code })
    }
}

/// A reference of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceTest {
    /// A type and an id.
    Typed(String, String),
    /// An id of whatever type.
    Id(String),
    /// An absolute URL of another server, or a canonical URL.
    Url(String),
}

impl ReferenceTest {
    /// Reads `Type/id`, `id`, or a URL; one under our own base is relative.
    pub fn parse(text: &str, base: &str) -> Option<Self> {
        let own = text
            .strip_prefix(base)
            .and_then(|rest| rest.strip_prefix('/'));
        let text = own.unwrap_or(text);
        if text.contains(':') {
            return Some(Self::Url(text.to_owned()));
        }
        let mut parts = text.split('/');
        let first = parts.next().filter(|first| is_id(first))?;
        let Some(id) = parts.next() else {
            return Some(Self::Id(first.to_owned()));
        };
        let version = match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => true,
            (Some("_history"), Some(version), None) => is_id(version),
            _ => false,
        };
        (version && is_id(id) && first.starts_with(|c: char| c.is_ascii_uppercase()))
            .then(|| Self::Typed(first.to_owned(), id.to_owned()))
    }
}

/// Whether a text can be a logical id.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// Splits at a separator that is not escaped. Escapes stay in the parts unless the separator is `|`,
/// which is the innermost.
pub fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if let (false, Some(part)) = (c == separator && !escaped, parts.last_mut()) {
            part.push(c);
            escaped = c == '\\' && !escaped;
        } else {
            parts.push(String::new());
            escaped = false;
        }
    }
    if separator == '|' {
        for part in &mut parts {
            *part = unescape(part);
        }
    }
    parts
}

/// Takes the backslashes of FHIR's search escapes out.
pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',' | '|' | '$' | '\\')) => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_bars_are_escaped_with_a_backslash() {
        assert_eq!(split("a,b", ','), ["a", "b"]);
        assert_eq!(split(r"a\,b,c\\,d", ','), [r"a\,b", r"c\\", "d"]);
        assert_eq!(split(r"a\|b|c", '|'), ["a|b", "c"]);
        assert_eq!(unescape(r"a\,b\\\$\|x\y"), r"a,b\$|x\y");
        assert_eq!(split("", ','), [""]);
    }

    #[test]
    fn tokens_are_read_in_their_four_forms() {
        let token = |system, code: Option<&str>| {
            Some(TokenTest {
                system,
                code: code.map(String::from),
            })
        };
        let is = |system: &str| SystemTest::Is(system.into());
        assert_eq!(
            TokenTest::parse("male"),
            token(SystemTest::Any, Some("male"))
        );
        assert_eq!(TokenTest::parse("|x"), token(SystemTest::Absent, Some("x")));
        assert_eq!(TokenTest::parse("urn:s|x"), token(is("urn:s"), Some("x")));
        assert_eq!(TokenTest::parse("urn:s|"), token(is("urn:s"), None));
        for malformed in ["", "|", "a|b|c"] {
            assert_eq!(TokenTest::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn references_are_read_in_their_forms() {
        let base = "http://h.example/fhir";
        let typed = Some(ReferenceTest::Typed("Patient".into(), "1".into()));
        for text in [
            "Patient/1",
            "Patient/1/_history/3",
            "http://h.example/fhir/Patient/1",
        ] {
            assert_eq!(ReferenceTest::parse(text, base), typed, "{text}");
        }
        assert_eq!(
            ReferenceTest::parse("1", base),
            Some(ReferenceTest::Id("1".into()))
        );
        assert_eq!(
            ReferenceTest::parse("http://other.example/Patient/1", base),
            Some(ReferenceTest::Url("http://other.example/Patient/1".into()))
        );
        for malformed in ["", "/", "Patient/", "Patient/1/2", "patient/1", "a b", "#x"] {
            assert_eq!(ReferenceTest::parse(malformed, base), None, "{malformed}");
        }
    }
}
