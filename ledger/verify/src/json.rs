// SPDX-License-Identifier: Apache-2.0
//! One flat JSON object, written; reading is never needed here.

/// An object that begins with the verdict.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new(verdict: bool) -> Self {
        Self(format!("{{\"verdict\":{verdict}"))
    }

    pub(crate) fn unknown() -> Self {
        Self("{\"verdict\":null".to_owned())
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.0.push_str(&value.to_string());
    }

    pub(crate) fn list(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.0.push('[');
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            self.string(value);
        }
        self.0.push(']');
    }

    pub(crate) fn close(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn name(&mut self, name: &str) {
        self.0.push(',');
        self.string(name);
        self.0.push(':');
    }

    fn string(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                c if c.is_control() => self.0.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }
}
