// SPDX-License-Identifier: Apache-2.0
//! Bundles, written as text around the text of resources, which so keep every byte.

/// A bundle under construction.
pub struct Bundle {
    out: Vec<u8>,
    entries: usize,
}

/// Why an entry is in a search's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It matches.
    Match,
    /// It was asked for along with a match.
    Include,
    /// It says something about the search.
    Outcome,
}

impl Bundle {
    /// A bundle of this type with its links.
    pub fn new(bundle_type: &str, total: Option<u64>, links: &[(&str, String)]) -> Self {
        let mut out = Vec::with_capacity(16 * 1024);
        out.extend(b"{\"resourceType\":\"Bundle\",\"type\":\"");
        out.extend(bundle_type.as_bytes());
        out.push(b'"');
        if let Some(total) = total {
            out.extend(format!(",\"total\":{total}").as_bytes());
        }
        if !links.is_empty() {
            out.extend(b",\"link\":[");
            for (place, (relation, url)) in links.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.extend(b"{\"relation\":");
                string(&mut out, relation);
                out.extend(b",\"url\":");
                string(&mut out, url);
                out.push(b'}');
            }
            out.push(b']');
        }
        Self { out, entries: 0 }
    }

    /// Adds an entry of a search. `write` appends the resource's text; where it fails, so does this.
    pub fn found<E>(
        &mut self,
        full_url: Option<&str>,
        mode: Mode,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(full_url);
        self.out.extend(b"\"resource\":");
        write(&mut self.out)?;
        self.out.extend(match mode {
            Mode::Match => &b",\"search\":{\"mode\":\"match\"}}"[..],
            Mode::Include => b",\"search\":{\"mode\":\"include\"}}",
            Mode::Outcome => b",\"search\":{\"mode\":\"outcome\"}}",
        });
        Ok(())
    }

    /// Adds an entry of a history: a version, or what stands for a deletion.
    pub fn version(&mut self, full_url: &str, past: &Past<'_>, text: Option<&[u8]>) {
        self.open(Some(full_url));
        if let Some(text) = text {
            self.out.extend(b"\"resource\":");
            self.out.extend(text);
            self.out.push(b',');
        }
        self.out.extend(b"\"request\":{\"method\":\"");
        self.out.extend(past.method.as_bytes());
        self.out.extend(b"\",\"url\":");
        string(&mut self.out, past.url);
        self.out.extend(b"},\"response\":{\"status\":\"");
        self.out.extend(past.status.as_bytes());
        self.out
            .extend(format!("\",\"etag\":\"W/\\\"{}\\\"\"", past.version).as_bytes());
        self.out.extend(b",\"lastModified\":\"");
        self.out.extend(past.updated.as_bytes());
        self.out.extend(b"\"}}");
    }

    fn open(&mut self, full_url: Option<&str>) {
        let start: &[u8] = if self.entries == 0 {
            b",\"entry\":[{"
        } else {
            b",{"
        };
        self.out.extend(start);
        self.entries += 1;
        if let Some(url) = full_url {
            self.out.extend(b"\"fullUrl\":");
            string(&mut self.out, url);
            self.out.push(b',');
        }
    }

    /// The bundle's text.
    pub fn finish(mut self) -> Vec<u8> {
        if self.entries > 0 {
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.out
    }
}

/// What a history tells of a version beside its content.
pub struct Past<'a> {
    /// `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The URL that such a request would have had.
    pub url: &'a str,
    /// Its HTTP status.
    pub status: &'static str,
    /// The version.
    pub version: i64,
    /// The block time as an instant.
    pub updated: &'a str,
}

/// Appends a JSON string.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            c if c < ' ' => out.extend(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &'static [u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), ()> {
        move |out| {
            out.extend(text);
            Ok(())
        }
    }

    #[test]
    fn a_search_bundle_holds_its_resources_byte_for_byte() {
        let mut bundle = Bundle::new(
            "searchset",
            Some(2),
            &[("self", "http://h/?a=\"b\\".into())],
        );
        bundle
            .found(
                Some("http://h/Patient/1"),
                Mode::Match,
                put(b"{\"v\":7.10}"),
            )
            .unwrap();
        bundle.found(None, Mode::Outcome, put(b"{}")).unwrap();
        assert_eq!(
            String::from_utf8(bundle.finish()).unwrap(),
            r#"{"resourceType":"Bundle","type":"searchset","total":2,"link":[{"relation":"self","url":"http://h/?a=\"b\\"}],"entry":[{"fullUrl":"http://h/Patient/1","resource":{"v":7.10},"search":{"mode":"match"}},{"resource":{},"search":{"mode":"outcome"}}]}"#
        );
    }

    #[test]
    fn a_bundle_without_entries_has_no_entry_member() {
        assert_eq!(
            Bundle::new("history", None, &[]).finish(),
            br#"{"resourceType":"Bundle","type":"history"}"#
        );
    }

    #[test]
    fn control_characters_in_strings_are_escaped() {
        let mut out = Vec::new();
        string(&mut out, "a\u{1}\n\"\\ش");
        assert_eq!(out, "\"a\\u0001\\u000a\\\"\\\\ش\"".as_bytes());
    }
}
