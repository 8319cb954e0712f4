// SPDX-License-Identifier: Apache-2.0
//! The binary with somebody at its standard input.

use std::io::Write as _;
use std::process::Stdio;

use crate::place::{Ended, Place};

impl Place {
    /// The binary run in this place's folder, with a line on its standard input.
    pub fn typed(&self, words: &str, line: &str) -> Ended {
        let mut child = self
            .command(words)
            .current_dir(self.at(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // One that does not read it may be gone already.
        let _ = writeln!(stdin, "{line}");
        drop(stdin);
        Ended::of(child.wait_with_output().expect("it ends"))
    }
}
