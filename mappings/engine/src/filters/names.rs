// SPDX-License-Identifier: Apache-2.0
//! Filters on people's names, and on Urdu text.

use std::borrow::Cow;

use super::args::{Args, Making};
use super::texts::{collapsed, title_case};
use super::{Made, Op};
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Stop};

pub(crate) const NAMES: &[&str] = &["given_names", "strip_honorific", "honorific", "urdu"];

pub(crate) enum NameOp {
    GivenNames,
    StripHonorific,
    Honorific,
    Urdu,
}

pub(crate) fn make(name: &str, _: &mut Args, _: &mut Making<'_>) -> Made {
    let (op, ty) = match name {
        "given_names" => (NameOp::GivenNames, Type::list(Type::Text)),
        "strip_honorific" => (NameOp::StripHonorific, Type::Text),
        "honorific" => (NameOp::Honorific, Type::Text),
        _ => (NameOp::Urdu, Type::Text),
    };
    Some((Op::Name(op), ty))
}

impl NameOp {
    pub fn reads(&self) -> bool {
        !matches!(self, Self::Urdu)
    }

    pub fn apply<'a>(&'a self, value: &Val<'a>) -> Eval<'a> {
        let Some(text) = value.to_text() else {
            return Err(Stop::Wrong("this filter needs a text"));
        };
        Ok(match self {
            Self::GivenNames => given_names(&text),
            Self::StripHonorific => {
                let text = collapsed(text);
                let name = text[honorific_len(&text)..].to_owned();
                if name.is_empty() {
                    Val::Null
                } else {
                    Val::text(name)
                }
            }
            Self::Honorific => {
                let text = collapsed(text);
                let title = text[..honorific_len(&text)].trim_end();
                if title.is_empty() {
                    Val::Null
                } else {
                    Val::text(title.to_owned())
                }
            }
            Self::Urdu => Val::Text(urdu(text)),
        })
    }
}

fn given_names<'a>(text: &str) -> Val<'a> {
    let names = text
        .split_whitespace()
        .map(|word| Val::text(title_case(Cow::Borrowed(word)).into_owned()))
        .collect();
    Val::list(names)
}

/// Titles written before a name in Pakistan, in lower case and without dots.
const HONORIFICS: &[&str] = &[
    "dr",
    "doctor",
    "prof",
    "professor",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mst",
    "master",
    "engr",
    "adv",
    "haji",
    "hajiani",
    "hajjan",
    "col",
    "maj",
    "capt",
    "lt",
    "sir",
    "madam",
    "janab",
    "mohtarma",
    "asst",
    "assoc",
    "ڈاکٹر",
    "پروفیسر",
    "جناب",
    "محترمہ",
    "مسماۃ",
    "حاجی",
];

/// How many bytes at the start are titles and the spaces after them. A name that is only a title stays.
fn honorific_len(name: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &name[at..];
        let end = rest.find([' ', '.']).unwrap_or(rest.len());
        let word = rest[..end].to_lowercase();
        if !HONORIFICS.contains(&&*word) {
            return at;
        }
        let after = rest[end..].trim_start_matches([' ', '.']);
        if after.is_empty() {
            return at;
        }
        at = name.len() - after.len();
    }
}

/// Arabic letters that Urdu writes differently become the Urdu ones; tatweel and direction marks go.
fn urdu(text: Cow<'_, str>) -> Cow<'_, str> {
    let foreign = |c: char| urdu_letter(c) != Some(c);
    if !text.chars().any(foreign) {
        return text;
    }
    Cow::Owned(text.chars().filter_map(urdu_letter).collect())
}

fn urdu_letter(c: char) -> Option<char> {
    match c {
        // Arabic yeh and alef maksura: Farsi yeh.
        '\u{64a}' | '\u{649}' => Some('\u{6cc}'),
        // Arabic kaf: keheh.
        '\u{643}' => Some('\u{6a9}'),
        // Arabic heh: heh goal.
        '\u{647}' => Some('\u{6c1}'),
        // Tatweel, direction marks, zero width space and byte order mark; joiners have a meaning and stay.
        '\u{640}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_come_off_as_often_as_they_stand_there() {
        for (name, title, rest) in [
            ("Dr. Abdul Ghaffar", "Dr.", "Abdul Ghaffar"),
            ("Dr Nuzhat Ansari", "Dr", "Nuzhat Ansari"),
            ("Prof. Dr. Iqbal Memon", "Prof. Dr.", "Iqbal Memon"),
            ("DR.S. M. Qadri", "DR.", "S. M. Qadri"),
            ("Drabu Khan", "", "Drabu Khan"),
            ("Haji", "", "Haji"),
            ("ڈاکٹر مریم", "ڈاکٹر", "مریم"),
        ] {
            let at = honorific_len(name);
            assert_eq!((name[..at].trim_end(), &name[at..]), (title, rest));
        }
    }

    #[test]
    fn arabic_yeh_and_kaf_become_urdu_letters() {
        assert_eq!(urdu("شازيہ بھٹي".into()), "شازیہ بھٹی");
        assert_eq!(urdu("كامران".into()), "کامران");
        assert!(matches!(urdu("شازیہ".into()), Cow::Borrowed(_)));
        assert_eq!(urdu("محـ\u{200f}مد".into()), "محمد");
    }
}
