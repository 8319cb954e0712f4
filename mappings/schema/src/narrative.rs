// SPDX-License-Identifier: Apache-2.0
//! The XHTML of a narrative: one well-formed `div` of formatting, without scripts, forms, styles of
//! its own or anything else that acts, <https://hl7.org/fhir/R4/narrative.html>.

const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

const ATTRIBUTES: &[&str] = &[
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "border",
    "cellpadding",
    "cellspacing",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "colspan",
    "compact",
    "coords",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "id",
    "lang",
    "longdesc",
    "name",
    "noshade",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "size",
    "space",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "target",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "width",
    "xml:lang",
    "xmlns",
];

const NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// Whether a text is such a `div`.
pub(crate) fn is_narrative(text: &str) -> bool {
    let mut reader = Reader {
        rest: text.trim(),
        open: Vec::new(),
        shows_something: false,
    };
    reader.document().is_some() && reader.shows_something
}

struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    /// Whether there is text or an image.
    shows_something: bool,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<()> {
        self.rest.starts_with("<div").then_some(())?;
        loop {
            self.markup()?;
            if self.open.is_empty() {
                return self.rest.is_empty().then_some(());
            }
            let (text, rest) = self.rest.split_at(self.rest.find('<')?);
            self.shows_something |= !text.trim().is_empty();
            references_are_closed(text).then_some(())?;
            self.rest = rest;
        }
    }

    /// A tag or a comment, of which the `<` comes next.
    fn markup(&mut self) -> Option<()> {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = &comment[comment.find("-->")? + 3..];
            return Some(());
        }
        if let Some(end) = self.rest.strip_prefix("</") {
            let (name, rest) = end.split_at(end.find('>')?);
            self.rest = &rest[1..];
            return (self.open.pop()? == name.trim_end()).then_some(());
        }
        self.rest = &self.rest[1..];
        let name = self.name(ELEMENTS)?;
        self.shows_something |= name == "img";
        let is_outermost = self.open.is_empty();
        let mut has_namespace = !is_outermost;
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return (!is_outermost).then_some(());
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                self.open.push(name);
                return has_namespace.then_some(());
            }
            has_namespace |= self.attribute()? == ("xmlns", NAMESPACE);
        }
    }

    /// A name out of a list, in the one spelling that XHTML has.
    fn name(&mut self, known: &[&str]) -> Option<&'a str> {
        let length = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '-')?;
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        known.binary_search(&name).is_ok().then_some(name)
    }

    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        let name = self.name(ATTRIBUTES)?;
        let value = self.rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = value[1..].split_once(quote)?;
        let acts = matches!(name, "href" | "src") && acts(value);
        (!acts && !value.contains('<') && references_are_closed(value)).then_some(())?;
        self.rest = rest;
        Some((name, value))
    }
}

/// Whether a link would run something. Everything but a plain scheme is judged after taking out
/// what browsers ignore.
fn acts(link: &str) -> bool {
    let plain: String = link
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .take(11)
        .collect::<String>()
        .to_ascii_lowercase();
    let has_reference_in_scheme = link.split(':').next().is_some_and(|s| s.contains('&'));
    plain.starts_with("javascript:") || plain.starts_with("vbscript:") || has_reference_in_scheme
}

/// Whether every `&` begins an entity or character reference.
fn references_are_closed(text: &str) -> bool {
    text.split('&').skip(1).all(|after| {
        after.split_once(';').is_some_and(|(name, _)| {
            let name = name.strip_prefix('#').unwrap_or(name);
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn div(inside: &str) -> String {
        format!("<div xmlns=\"{NAMESPACE}\">{inside}</div>")
    }

    #[test]
    fn formatting_is_accepted() {
        assert!(ELEMENTS.is_sorted() && ATTRIBUTES.is_sorted());
        for inside in [
            "text",
            "<p class='x'>a<br/>b &amp; c &#233; &nbsp;</p>",
            "<img src=\"#photo\" alt=\"x\" />",
            "<!-- note --><a href=\"https://mirpurkhas.example/a?b=1&amp;c=2\">link</a >",
            "<table><tr><td colspan = \"2\">سلسلہ</td></tr></table>",
        ] {
            assert!(is_narrative(&div(inside)), "{inside}");
        }
        assert!(is_narrative(&format!("  {}\n", div("x"))));
    }

    #[test]
    fn what_acts_or_is_not_well_formed_is_refused() {
        for inside in [
            "",
            "  ",
            "<script>alert(1)</script>",
            "<p onclick=\"x()\">a</p>",
            "<a href=\"javascript:x()\">a</a>",
            "<a href=\" Java\tscript:x()\">a</a>",
            "<a href=\"java&#115;cript:x()\">a</a>",
            "<style>p{}</style>a",
            "<iframe src=\"x\">a</iframe>",
            "<form>a</form>",
            "<p>a",
            "<p>a</b>",
            "<b><i>a</b></i>",
            "<p class=x>a</p>",
            "<P>a</P>",
            "a & b",
            "<?php a ?>",
            "<![CDATA[a]]>",
            "a < b",
        ] {
            assert!(!is_narrative(&div(inside)), "{inside}");
        }
        for text in [
            "",
            "text",
            "<p>a</p>",
            "<div>a</div>",
            "<div",
            "<div>",
            "<div xmlns='x'>a</div>",
        ] {
            assert!(!is_narrative(text), "{text}");
        }
        assert!(!is_narrative(&format!("{}{}", div("a"), div("b"))));
    }
}
