// SPDX-License-Identifier: Apache-2.0
//! YAML as a small tree in which every node knows its bytes.
//!
//! Scalars keep the text as written (`7.10` stays `7.10`); what a plain scalar means is decided by whoever
//! asks. Duplicate keys, anchors, aliases, tags and second documents are refused.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError};
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};

/// Deeper nesting than any mapping needs.
const MAX_DEPTH: usize = 32;

/// One YAML node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Its bytes in the file; of a collection, those of its first token.
    pub span: Range<usize>,
    pub data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A scalar's text and how it was written.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub text: String,
    pub style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Block,
}

/// One member of a map.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Node,
}

/// What a plain scalar means under the YAML core schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plain<'a> {
    Null,
    Bool(bool),
    /// A number in JSON's notation, digits as written.
    Number(&'a str),
    Text(&'a str),
}

impl Scalar {
    /// The meaning of this scalar: quoted ones are always text.
    pub fn meaning(&self) -> Plain<'_> {
        if self.style != Style::Plain {
            return Plain::Text(&self.text);
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
            "true" | "True" | "TRUE" => Plain::Bool(true),
            "false" | "False" | "FALSE" => Plain::Bool(false),
            text if is_number(text) => Plain::Number(text),
            text => Plain::Text(text),
        }
    }
}

impl Node {
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|s| s.meaning() == Plain::Null)
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
            Data::Scalar(s) => match s.meaning() {
                Plain::Null => "nothing",
                Plain::Bool(_) => "true or false",
                Plain::Number(_) => "a number",
                Plain::Text(_) => "a text",
            },
        }
    }
}

/// Whether a text is a number in JSON's notation without an exponent.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(all_digits)
}

/// Reads a file. Problems go to `found`; a tree comes back unless the text cannot be read at all.
pub(crate) fn parse(file: &TextFile, found: &mut Diagnostics) -> Option<Node> {
    let mut reader = Reader {
        events: Parser::new_from_str(file.text()),
        file,
        found,
    };
    reader.document().unwrap_or_default()
}

/// The rest of the file cannot be read; the reason has been reported.
struct Stop;

struct Reader<'f, 'd, I> {
    events: I,
    file: &'f TextFile,
    found: &'d mut Diagnostics,
}

type Item<'f> = Result<(Event<'f>, serde_saphyr::granit_parser::Span), ScanError>;

impl<'f, I: Iterator<Item = Item<'f>>> Reader<'f, '_, I> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event if root.is_none() => root = Some(self.node(event, span, 0)?),
                _ => {
                    self.report(span, "a second document in one file", "keep one per file");
                    return Ok(root);
                }
            }
        }
    }

    /// The next event that is no comment, with its bytes.
    fn next(&mut self) -> Result<(Event<'f>, Range<usize>), Stop> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    return Ok((event, span.byte_range().unwrap_or_default()));
                }
                Some(Err(error)) => return Err(self.syntax(&error)),
                None => return Ok((Event::StreamEnd, 0..0)),
            }
        }
    }

    fn node(&mut self, event: Event<'f>, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            self.report(span, "nested too deeply", "32 levels are the limit");
            return Err(Stop);
        }
        let data = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(&span, anchor, tag.is_some());
                Data::Scalar(scalar(&text, style, &span))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(&span, anchor, tag.is_some());
                Data::List(self.list(depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(&span, anchor, tag.is_some());
                Data::Map(self.map(depth)?)
            }
            _ => {
                self.report(
                    span.clone(),
                    "aliases are not used in a pack",
                    "write the value out, or quote the expression",
                );
                Data::Scalar(scalar("", ScalarStyle::Plain, &(0..0)))
            }
        };
        Ok(Node { span, data })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(items);
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(entries);
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match key.data {
                Data::Scalar(scalar) => self.entry(&mut entries, scalar.text, key.span, value),
                _ => self.report(key.span, "a key must be a text", QUOTE),
            }
        }
    }

    fn entry(
        &mut self,
        entries: &mut Vec<Entry>,
        key: String,
        key_span: Range<usize>,
        value: Node,
    ) {
        if let Some(first) = entries.iter().find(|e| e.key == key) {
            let line = self.file.place(first.key_span.clone()).line;
            let problem = Diagnostic::error("MAP0003", format!("{key:?} stands here twice"))
                .at(self.file.place(key_span))
                .help(format!("the first is on line {line}"));
            self.found.push(problem);
            return;
        }
        entries.push(Entry {
            key,
            key_span,
            value,
        });
    }

    fn refuse_properties(&mut self, span: &Range<usize>, anchor: usize, tag: bool) {
        if anchor != 0 {
            self.report(
                span.clone(),
                "anchors (&name) are not used in a pack",
                QUOTE,
            );
        }
        if tag {
            self.report(span.clone(), "tags (!name) are not used in a pack", QUOTE);
        }
    }

    fn report(&mut self, span: Range<usize>, message: &str, help: &str) {
        self.found.push(
            Diagnostic::error("MAP0001", message)
                .at(self.file.place(span))
                .help(help),
        );
    }

    fn syntax(&mut self, error: &ScanError) -> Stop {
        let at = error.marker().byte_offset().unwrap_or(0);
        let mut problem = Diagnostic::error(
            "MAP0001",
            format!("this is not YAML: {}", error.info().replace('`', "'")),
        )
        .at(self.file.place(at..at + 1));
        if let Some(help) = eaten(self.file.text(), at) {
            problem = problem.help(help);
        }
        self.found.push(problem);
        Stop
    }
}

const QUOTE: &str = "if this is an expression, quote it whole: \"...\"";

/// What to say when the line on which YAML stumbled looks like an expression that needed quotes.
fn eaten(text: &str, at: usize) -> Option<&'static str> {
    let at = text.floor_char_boundary(at.min(text.len()));
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let line = text[start..].lines().next().unwrap_or("");
    let value = line.split_once(": ").map_or("", |(_, v)| v.trim_start());
    if line.contains('{') && line.contains('[') {
        return Some(
            "inside { } quote keys and expressions that hold brackets: { \"name[0].text\": x }",
        );
    }
    let opens = value.starts_with(['\'', '"', '[', '{', '|', '>', '*', '&', '!', '%', '@', '`']);
    (opens || value.contains(": ")).then_some(QUOTE)
}

fn scalar(text: &str, style: ScalarStyle, span: &Range<usize>) -> Scalar {
    let style = match style {
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        _ => Style::Plain,
    };
    let absent = style == Style::Plain && span.is_empty();
    Scalar {
        text: if absent {
            String::new()
        } else {
            text.to_owned()
        },
        style,
    }
}

/// Where in the file a byte of a scalar's text was written. YAML folds lines and reads escapes, so the
/// two are walked side by side.
pub(crate) fn source_offset(file: &str, node: &Node, wanted: usize) -> usize {
    let Some(scalar) = node.scalar() else {
        return node.span.start;
    };
    let source = file.get(node.span.clone()).unwrap_or("");
    let mut at = usize::from(matches!(
        scalar.style,
        Style::SingleQuoted | Style::DoubleQuoted
    ));
    for (offset, c) in scalar.text.char_indices() {
        let rest = source.get(at..).unwrap_or("");
        let skipped = skip_to(rest, c, scalar.style);
        if offset >= wanted {
            return node.span.start + at + skipped;
        }
        at += skipped + written_len(&rest[skipped..], c, scalar.style);
    }
    (node.span.start + at).min(file.len())
}

/// Bytes to skip before the character `c` of the value: indentation and folded line ends.
fn skip_to(rest: &str, c: char, style: Style) -> usize {
    if rest.starts_with(c) || (style == Style::DoubleQuoted && rest.starts_with('\\')) {
        return 0;
    }
    if c.is_whitespace() {
        return 0;
    }
    rest.find(|r: char| !r.is_whitespace()).unwrap_or(0)
}

/// How many bytes of source the character `c` took.
fn written_len(rest: &str, c: char, style: Style) -> usize {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    match style {
        Style::SingleQuoted if c == '\'' && rest.starts_with("''") => 2,
        Style::DoubleQuoted if rest.starts_with('\\') => match rest.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            Some(_) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            None => 1,
        }
        .min(rest.len()),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<(&'static str, u32, u32)>) {
        let file = TextFile::new("m.yaml", text);
        let mut found = Diagnostics::new();
        let node = parse(&file, &mut found);
        let faults = found
            .iter()
            .map(|d| {
                let place = d.place.as_ref().expect("a place");
                (d.code, place.line, place.column)
            })
            .collect();
        (node, faults)
    }

    fn scalar_at<'n>(node: &'n Node, key: &str) -> &'n Node {
        let Data::Map(entries) = &node.data else {
            panic!("a map")
        };
        &entries.iter().find(|e| e.key == key).expect(key).value
    }

    #[test]
    fn scalars_keep_their_digits_and_quotes_make_text() {
        let (node, faults) = read("a: 7.10\nb: '7.10'\nc: yes\nd: true\ne:\nf: 8480-6\ng: 007\n");
        assert_eq!(faults, []);
        let node = node.expect("a tree");
        let meaning = |k| scalar_at(&node, k).scalar().expect("scalar").meaning();
        assert_eq!(meaning("a"), Plain::Number("7.10"));
        assert_eq!(meaning("b"), Plain::Text("7.10"));
        assert_eq!(meaning("c"), Plain::Text("yes"));
        assert_eq!(meaning("d"), Plain::Bool(true));
        assert_eq!(meaning("e"), Plain::Null);
        assert_eq!(meaning("f"), Plain::Text("8480-6"));
        assert_eq!(meaning("g"), Plain::Text("007"));
    }

    #[test]
    fn duplicates_anchors_aliases_and_tags_are_refused_together() {
        let (_, faults) = read("a: 1\nb: &x 2\na: 3\nc: *x\nd: !t 4\n");
        let lines: Vec<_> = faults.iter().map(|f| (f.0, f.1)).collect();
        assert_eq!(
            lines,
            [
                ("MAP0001", 2),
                ("MAP0003", 3),
                ("MAP0001", 4),
                ("MAP0001", 5)
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_is_reported_where_it_stops() {
        assert_eq!(read("a: 'x' ~ y\n").1, [("MAP0001", 1, 8)]);
        assert_eq!(read("a: 1\nb: [x\n").1, [("MAP0001", 2, 4)]);
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert_eq!(read(&deep).1, [("MAP0001", 1, 34)]);
    }

    #[test]
    fn a_byte_of_a_scalar_is_found_again_in_the_file() {
        let cases = [
            ("k: ab | cd", "cd", 8),
            ("k: \"ab | cd\"", "cd", 9),
            ("k: 'it''s | cd'", "cd", 12),
            ("k: \"x\\ty | cd\"", "cd", 11),
            ("k:\n  ab\n  | cd", "cd", 12),
            ("k: >-\n  ab\n  | cd\n", "cd", 15),
            ("k: |\n  ab\n  | cd\n", "cd", 14),
            ("k: \"é | cd\"", "cd", 9),
        ];
        for (text, needle, expect) in cases {
            let (node, _) = read(text);
            let node = node.expect("a tree");
            let value = scalar_at(&node, "k");
            let within = value.scalar().expect("scalar").text.find(needle);
            let at = source_offset(text, value, within.expect("needle"));
            assert_eq!(at, expect, "{text:?}");
            assert_eq!(&text[at..at + 2], needle);
        }
    }
}
