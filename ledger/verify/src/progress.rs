// SPDX-License-Identifier: Apache-2.0
//! How far a long verification has come: on standard error, and only where that is a terminal.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);
const WIDTH: u64 = 40;

/// A bar.
pub struct Progress {
    of: u64,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// A bar that is full at `of` bytes.
    pub fn new(of: u64) -> Self {
        Self {
            of: of.max(1),
            shown: None,
            terminal: stderr().is_terminal(),
        }
    }

    /// Draws it, at most ten times a second.
    pub fn show(&mut self, read: u64) {
        let recent = self.shown.is_some_and(|at| at.elapsed() < EVERY);
        if !self.terminal || recent {
            return;
        }
        self.shown = Some(Instant::now());
        let full = (read.min(self.of) * WIDTH / self.of) as usize;
        let (bar, rest) = ("#".repeat(full), " ".repeat(WIDTH as usize - full));
        let (read, of) = (read >> 20, self.of >> 20);
        _ = write!(stderr(), "\rverifying [{bar}{rest}] {read} of {of} MiB");
    }

    /// Takes it away.
    pub fn clear(&self) {
        if self.shown.is_some() {
            _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
