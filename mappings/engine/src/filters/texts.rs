// SPDX-License-Identifier: Apache-2.0
//! Filters on texts.

use std::borrow::Cow;

use encoding_rs::Encoding;
use regex::Regex;

use super::args::{Args, Making};
use super::encode::base64;
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Ex, Stop};

pub(crate) const NAMES: &[&str] = &[
    "trim",
    "collapse",
    "lower",
    "upper",
    "title_case",
    "replace",
    "split",
    "join",
    "default",
    "blank_if",
    "length",
    "digits",
    "starts_with",
    "ends_with",
    "contains",
    "matches",
    "extract",
    "replace_pattern",
    "fix_mojibake",
    "base64",
];

pub(crate) enum TextOp {
    Trim,
    Collapse,
    Lower,
    Upper,
    TitleCase,
    Replace(Box<str>, Box<str>),
    Split(Option<Box<str>>),
    Join(Box<str>),
    Default(Ex),
    BlankIf(Vec<Box<str>>),
    Length,
    Digits,
    StartsWith(Ex),
    EndsWith(Ex),
    Contains(Ex),
    Matches(Regex),
    Extract(Regex, usize),
    ReplacePattern(Regex, Box<str>),
    FixMojibake,
    Base64,
}

pub(crate) fn make(name: &str, args: &mut Args, making: &mut Making<'_>) -> Made {
    let mut ty = Type::Text;
    let op = match name {
        "trim" => TextOp::Trim,
        "collapse" => TextOp::Collapse,
        "lower" => TextOp::Lower,
        "upper" => TextOp::Upper,
        "title_case" => TextOp::TitleCase,
        "fix_mojibake" => TextOp::FixMojibake,
        "base64" => TextOp::Base64,
        "digits" => TextOp::Digits,
        "replace" => TextOp::Replace(args.text("old")?, args.text("new")?),
        "split" => {
            ty = Type::list(Type::Text);
            TextOp::Split(args.opt_text("sep").filter(|s| !s.is_empty()))
        }
        "join" => TextOp::Join(args.opt_text("sep").unwrap_or_default()),
        "default" => {
            let arg = args.ex("value")?;
            ty = making.input.clone().or(arg.ty);
            TextOp::Default(arg.ex)
        }
        "blank_if" => {
            ty = making.input.clone();
            TextOp::BlankIf(args.texts().into_iter().map(|(t, _)| folded(&t)).collect())
        }
        "length" => {
            ty = Type::Number;
            TextOp::Length
        }
        "extract" => {
            let pattern = pattern(args)?;
            let group = args.opt_int("group", 0..100).unwrap_or(0);
            let group = usize::try_from(group).unwrap_or(0);
            if group >= pattern.captures_len() {
                args.fault(None, format!("the pattern has no group {group}"));
            }
            TextOp::Extract(pattern, group)
        }
        "replace_pattern" => TextOp::ReplacePattern(pattern(args)?, args.text("new")?),
        _ => {
            ty = Type::Bool;
            match name {
                "starts_with" => TextOp::StartsWith(args.ex("text")?.ex),
                "ends_with" => TextOp::EndsWith(args.ex("text")?.ex),
                "contains" => TextOp::Contains(args.ex("text")?.ex),
                _ => TextOp::Matches(pattern(args)?),
            }
        }
    };
    Some((Op::Text(op), ty))
}

fn pattern(args: &mut Args) -> Option<Regex> {
    let arg = args.ex("pattern")?;
    let Ex::Text(text) = &arg.ex else {
        args.fault(Some(arg.span), "`pattern` must be a literal text");
        return None;
    };
    // `'\b'` is a backspace before it is any pattern.
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n'))
    {
        let fault = "the pattern holds a control character: a backslash is an escape here, so `\\b` is written `\\\\b`";
        args.fault(Some(arg.span), fault);
        return None;
    }
    let built = regex::RegexBuilder::new(text)
        .size_limit(1 << 20)
        .nest_limit(50)
        .build();
    match built {
        Ok(regex) => Some(regex),
        Err(_) => {
            args.fault(Some(arg.span), "this is not a regular expression");
            None
        }
    }
}

impl TextOp {
    /// What stands in for null.
    pub fn default_value(&self) -> Option<&Ex> {
        match self {
            Self::Default(ex) => Some(ex),
            _ => None,
        }
    }

    pub fn takes_null(&self) -> bool {
        matches!(self, Self::Default(_))
    }

    pub fn is_predicate(&self) -> bool {
        matches!(
            self,
            Self::StartsWith(_) | Self::EndsWith(_) | Self::Contains(_) | Self::Matches(_)
        )
    }

    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        match self {
            Self::Default(ex) | Self::StartsWith(ex) | Self::EndsWith(ex) | Self::Contains(ex) => {
                visit(ex);
            }
            _ => {}
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, value: Val<'a>) -> Eval<'a> {
        match (self, &value) {
            (Self::Default(other), _) => {
                return if value.is_blank() {
                    env.eval(other)
                } else {
                    Ok(value)
                };
            }
            (Self::Join(sep), Val::List(items)) => return join(items, sep),
            (Self::Length, Val::List(items)) => return count(items.len()),
            (Self::BlankIf(blanks), _) => {
                let text = value.to_text().map(|t| folded(&t));
                let is_blank = text.is_some_and(|t| blanks.contains(&t));
                return Ok(if is_blank { Val::Null } else { value });
            }
            _ => {}
        }
        let Some(text) = value.to_text() else {
            return Err(Stop::Wrong("this filter needs a text"));
        };
        self.on_text(env, text)
    }

    fn on_text<'a>(&'a self, env: &Env<'a>, text: Cow<'a, str>) -> Eval<'a> {
        Ok(match self {
            Self::Trim => Val::Text(trimmed(text)),
            Self::Collapse => Val::Text(collapsed(text)),
            Self::Lower => Val::Text(text.to_lowercase().into()),
            Self::Upper => Val::Text(text.to_uppercase().into()),
            Self::TitleCase => Val::Text(title_case(text)),
            Self::Replace(old, new) if text.contains(&**old) => {
                Val::Text(text.replace(&**old, new).into())
            }
            Self::Split(sep) => split(&text, sep.as_deref()),
            Self::Length => return count(text.chars().count()),
            Self::Digits => {
                let digits = digits(&text);
                if digits.is_empty() {
                    Val::Null
                } else {
                    Val::text(digits)
                }
            }
            Self::StartsWith(other) => return about(env, other, |o| text.starts_with(o)),
            Self::EndsWith(other) => return about(env, other, |o| text.ends_with(o)),
            Self::Contains(other) => return about(env, other, |o| text.contains(o)),
            Self::Matches(pattern) => Val::Bool(pattern.is_match(&text)),
            Self::Extract(pattern, group) => pattern
                .captures(&text)
                .and_then(|c| c.get(*group))
                .map_or(Val::Null, |m| Val::text(m.as_str().to_owned())),
            Self::ReplacePattern(pattern, new) => {
                Val::text(pattern.replace_all(&text, &**new).into_owned())
            }
            Self::FixMojibake => Val::Text(match fix_mojibake(&text) {
                Some(fixed) => fixed.into(),
                None => text,
            }),
            Self::Base64 => Val::text(base64(text.as_bytes())),
            Self::Join(_) | Self::Replace(..) | Self::Default(_) | Self::BlankIf(_) => {
                Val::Text(text)
            }
        })
    }
}

fn about<'a>(env: &Env<'a>, other: &'a Ex, ask: impl FnOnce(&str) -> bool) -> Eval<'a> {
    let other = env.eval(other)?;
    if other.is_null() {
        return Ok(if env.strict.get() {
            Val::Null
        } else {
            Val::Bool(false)
        });
    }
    match other.to_text() {
        Some(other) => Ok(Val::Bool(ask(&other))),
        None => Err(Stop::Wrong("this filter compares texts")),
    }
}

fn count<'a>(n: usize) -> Eval<'a> {
    Ok(Val::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

fn join<'a>(items: &[Val<'a>], sep: &str) -> Eval<'a> {
    let mut out = String::new();
    for item in items.iter().filter(|i| !i.is_blank()) {
        let text = item
            .to_text()
            .ok_or(Stop::Wrong("`join` needs a list of texts"))?;
        if !out.is_empty() {
            out.push_str(sep);
        }
        out.push_str(&text);
    }
    Ok(if out.is_empty() {
        Val::Null
    } else {
        Val::text(out)
    })
}

fn split<'a>(text: &str, sep: Option<&str>) -> Val<'a> {
    let owned = |part: &str| Val::text(part.to_owned());
    let parts = match sep {
        None => text.split_whitespace().map(owned).collect(),
        Some(sep) => text
            .split(sep)
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .map(owned)
            .collect(),
    };
    Val::list(parts)
}

/// Without white space at the ends; borrowed when the whole was.
pub(crate) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.trim()),
        Cow::Owned(t) if t.trim().len() == t.len() => Cow::Owned(t),
        Cow::Owned(t) => Cow::Owned(t.trim().to_owned()),
    }
}

/// Trimmed, and runs of white space made one space.
pub(crate) fn collapsed(text: Cow<'_, str>) -> Cow<'_, str> {
    let text = trimmed(text);
    let mut last_space = false;
    let clean = text.chars().all(|c| {
        let fine = !(c.is_whitespace() && (last_space || c != ' '));
        last_space = c.is_whitespace();
        fine
    });
    if clean {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// Words that are all upper or all lower case get one capital; words in mixed case stay.
pub(crate) fn title_case(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_alphabetic() && c != '\'')
            .unwrap_or(rest.len());
        title_word(&rest[..end], &mut out);
        let next = rest[end..]
            .find(char::is_alphabetic)
            .map_or(rest.len(), |n| end + n);
        out.push_str(&rest[end..next]);
        rest = &rest[next..];
    }
    if *out == *text { text } else { Cow::Owned(out) }
}

fn title_word(word: &str, out: &mut String) {
    let uniform = !word.chars().any(char::is_uppercase) || !word.chars().any(char::is_lowercase);
    let mut chars = word.chars();
    match (uniform, chars.next()) {
        (true, Some(first)) => {
            out.extend(first.to_uppercase());
            out.extend(chars.flat_map(char::to_lowercase));
        }
        _ => out.push_str(word),
    }
}

/// Without regard to case and to outer and doubled spaces.
pub(crate) fn folded(text: &str) -> Box<str> {
    collapsed(Cow::Borrowed(text)).to_lowercase().into()
}

/// The digits of a text as ASCII digits; Arabic-Indic, Persian and Urdu ones too.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter_map(ascii_digit).collect()
}

pub(crate) fn ascii_digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => u32::from(c) - 0x660,
        '\u{6f0}'..='\u{6f9}' => u32::from(c) - 0x6f0,
        _ => return None,
    };
    char::from_digit(value, 10)
}

/// The text again as the UTF-8 that somebody read as latin1 or windows-1252; nothing if it never was.
pub(crate) fn fix_mojibake(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(single_byte).collect();
    String::from_utf8(bytes?).ok().filter(|fixed| fixed != text)
}

/// The byte that windows-1252 or latin1 shows as this character.
fn single_byte(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(u32::from(c)) {
        return Some(byte);
    }
    let mut buffer = [0; 4];
    let (bytes, _, failed) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut buffer));
    match (failed, &*bytes) {
        (false, [byte]) => Some(*byte),
        _ => None,
    }
}

/// A text that the database decoded as latin1, decoded as what it really was.
pub(crate) fn redecode<'a>(text: &'a str, charset: &'static Encoding) -> Option<Cow<'a, str>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let bytes: Option<Vec<u8>> = text.chars().map(single_byte).collect();
    charset
        .decode_without_bom_handling_and_without_replacement(&bytes?)
        .map(|t| Cow::Owned(t.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_collapses_and_clean_texts_are_not_copied() {
        for (text, expect, borrowed) in [
            (" a \t b\n", "a b", false),
            ("a b", "a b", true),
            ("  a b ", "a b", true),
            ("", "", true),
            ("a\u{a0}\u{a0}b", "a b", false),
        ] {
            let got = collapsed(Cow::Borrowed(text));
            assert_eq!(got, expect);
            assert_eq!(matches!(got, Cow::Borrowed(_)), borrowed, "{text:?}");
        }
    }

    #[test]
    fn title_case_leaves_mixed_case_alone() {
        for (text, expect) in [
            ("ABDUL rehman", "Abdul Rehman"),
            ("McDonald", "McDonald"),
            ("ABDUL-REHMAN", "Abdul-Rehman"),
            ("d'souza O'NEIL", "D'souza O'neil"),
            ("مریم خان", "مریم خان"),
            ("éMILE 3RD", "éMILE 3Rd"),
        ] {
            assert_eq!(title_case(Cow::Borrowed(text)), expect);
        }
    }

    #[test]
    fn mojibake_is_repaired_and_sound_text_is_not_touched() {
        assert_eq!(fix_mojibake("x10Â³/ÂµL").as_deref(), Some("x10³/µL"));
        assert_eq!(fix_mojibake("Ù…Ø±ÛŒÙ…").as_deref(), Some("مریم"));
        for sound in ["x10³/µL", "مریم", "abc", "Ã", "ÃO"] {
            assert_eq!(fix_mojibake(sound), None, "{sound}");
        }
    }

    #[test]
    fn a_declared_code_page_reads_what_the_database_called_latin1() {
        let arabic = Encoding::for_label(b"windows-1256").expect("known");
        assert_eq!(redecode("ãÑíã", arabic).as_deref(), Some("مريم"));
        assert_eq!(redecode("abc", arabic).as_deref(), Some("abc"));
        assert_eq!(redecode("漢", arabic), None);
    }

    #[test]
    fn digits_of_three_scripts_are_one() {
        assert_eq!(digits("a1-۲٣"), "123");
    }
}
