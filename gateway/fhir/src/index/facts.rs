// SPDX-License-Identifier: Apache-2.0
//! The facts of a version: its dates, numbers, quantities and normalized texts, in a few bytes beside
//! the version's row. Filters that the index rows answer only roughly are decided here, and sorting
//! reads its keys here, without opening the body.
//!
//! Format: for each value `param: u16 LE`, `kind: u8`, then for a date `lo`, `hi` as `i64 LE`; for a
//! number `lo`, `hi` as `f64 LE`; for a quantity the same and three texts (system, code, unit); for a
//! text the text. A text is `length: u8` and bytes; a length of 255 says that the text was cut.

/// One fact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fact<'a> {
    /// Milliseconds, both ends included.
    Date {
        /// First.
        lo: i64,
        /// Last.
        hi: i64,
    },
    /// A number or the bounds of one.
    Number {
        /// Least.
        lo: f64,
        /// Greatest.
        hi: f64,
    },
    /// A number with its unit.
    Quantity {
        /// Least.
        lo: f64,
        /// Greatest.
        hi: f64,
        /// System of the unit's code.
        system: Text<'a>,
        /// Code of the unit.
        code: Text<'a>,
        /// Unit in words.
        unit: Text<'a>,
    },
    /// Normalized text.
    Text(Text<'a>),
}

/// A text that may have been cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<'a> {
    /// What was kept.
    pub kept: &'a str,
    /// Whether there was more.
    pub cut: bool,
}

const DATE: u8 = 0;
const NUMBER: u8 = 1;
const QUANTITY: u8 = 2;
const TEXT: u8 = 3;
const CUT: u8 = 255;
const LONGEST: usize = 254;

/// Collects facts.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Adds a date.
    pub fn date(&mut self, param: u16, lo: i64, hi: i64) {
        self.head(param, DATE);
        self.0.extend(lo.to_le_bytes());
        self.0.extend(hi.to_le_bytes());
    }

    /// Adds a number.
    pub fn number(&mut self, param: u16, lo: f64, hi: f64) {
        self.head(param, NUMBER);
        self.bounds(lo, hi);
    }

    /// Adds a quantity: bounds, and system, code and unit.
    pub fn quantity(&mut self, param: u16, bounds: (f64, f64), unit: [Option<&str>; 3]) {
        self.head(param, QUANTITY);
        self.bounds(bounds.0, bounds.1);
        for text in unit {
            self.put(text.unwrap_or(""));
        }
    }

    /// Adds a normalized text.
    pub fn text(&mut self, param: u16, text: &str) {
        self.head(param, TEXT);
        self.put(text);
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, param: u16, kind: u8) {
        self.0.extend(param.to_le_bytes());
        self.0.push(kind);
    }

    fn bounds(&mut self, lo: f64, hi: f64) {
        self.0.extend(lo.to_le_bytes());
        self.0.extend(hi.to_le_bytes());
    }

    fn put(&mut self, text: &str) {
        let kept = cut_to(text, LONGEST);
        let length = u8::try_from(kept.len()).expect("a cut text is at most 254 bytes");
        if kept.len() == text.len() {
            self.0.push(length);
        } else {
            self.0.extend([CUT, length]);
        }
        self.0.extend(kept.as_bytes());
    }
}

/// The longest beginning of `text` that has at most `bytes` bytes.
pub fn cut_to(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Reads facts. Ends early at bytes that are none: the bytes come from this file's own writer.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The facts in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<Text<'a>> {
        let [mut length] = self.take()?;
        let cut = length == CUT;
        if cut {
            [length] = self.take()?;
        }
        let (head, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        let kept = std::str::from_utf8(head).ok()?;
        Some(Text { kept, cut })
    }

    fn bounds(&mut self) -> Option<(f64, f64)> {
        Some((
            f64::from_le_bytes(self.take()?),
            f64::from_le_bytes(self.take()?),
        ))
    }

    fn fact(&mut self) -> Option<(u16, Fact<'a>)> {
        let param = u16::from_le_bytes(self.take()?);
        let [kind] = self.take()?;
        let fact = match kind {
            DATE => Fact::Date {
                lo: i64::from_le_bytes(self.take()?),
                hi: i64::from_le_bytes(self.take()?),
            },
            NUMBER => {
                let (lo, hi) = self.bounds()?;
                Fact::Number { lo, hi }
            }
            QUANTITY => {
                let (lo, hi) = self.bounds()?;
                Fact::Quantity {
                    lo,
                    hi,
                    system: self.text()?,
                    code: self.text()?,
                    unit: self.text()?,
                }
            }
            TEXT => Fact::Text(self.text()?),
            _ => return None,
        };
        Some((param, fact))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = (u16, Fact<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.fact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_written_is_read_back() {
        let long = "ا".repeat(200);
        let mut writer = Writer::default();
        writer.date(3, i64::MIN, 17);
        writer.number(4, -0.5, f64::INFINITY);
        writer.quantity(
            5,
            (7.1, 7.1),
            [Some("http://unitsofmeasure.org"), Some("mg"), None],
        );
        writer.text(6, &long);
        writer.text(6, "");
        let bytes = writer.finish();
        let facts: Vec<_> = Reader::new(&bytes).collect();
        let whole = |kept| Text { kept, cut: false };
        assert_eq!(
            facts,
            [
                (
                    3,
                    Fact::Date {
                        lo: i64::MIN,
                        hi: 17
                    }
                ),
                (
                    4,
                    Fact::Number {
                        lo: -0.5,
                        hi: f64::INFINITY
                    }
                ),
                (
                    5,
                    Fact::Quantity {
                        lo: 7.1,
                        hi: 7.1,
                        system: whole("http://unitsofmeasure.org"),
                        code: whole("mg"),
                        unit: whole(""),
                    }
                ),
                (
                    6,
                    Fact::Text(Text {
                        kept: &long[..254],
                        cut: true
                    })
                ),
                (6, Fact::Text(whole(""))),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Reader::new(&bytes).count();
        }
    }
}
