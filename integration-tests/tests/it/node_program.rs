// SPDX-License-Identifier: Apache-2.0
//! Programs for Node.js beside these tests, each in a folder with what it depends on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

static TURN: Mutex<()> = Mutex::new(());

/// A program that can be run here.
pub struct NodeProgram {
    folder: PathBuf,
    script: &'static str,
}

impl NodeProgram {
    /// The script of that name in the folder of that name, installed outside the checkout where later runs
    /// find it again; where Node.js is missing, says what is skipped.
    pub fn installed(name: &str, script: &'static str, skipped: &str) -> Option<Self> {
        if !there_is("node") || !there_is("npm") {
            // Not by a macro: the test runner would keep the line to itself.
            let said = writeln!(
                std::io::stderr(),
                "skipped: Node.js is missing, so {skipped}"
            );
            said.unwrap();
            return None;
        }
        // Tests of one run share the folder: one installs, the others find it done.
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut stale = !folder.join("node_modules").exists();
        for file in ["package.json", "package-lock.json", script] {
            let wanted = std::fs::read(from.join(file)).unwrap();
            if std::fs::read(folder.join(file)).is_ok_and(|there| there == wanted) {
                continue;
            }
            std::fs::write(folder.join(file), wanted).unwrap();
            stale = true;
        }
        if stale {
            let npm = Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
                .current_dir(&folder)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&npm.stderr);
            assert!(npm.status.success(), "npm ci failed: {said}");
        }
        Some(Self { folder, script })
    }

    /// The command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(self.script).current_dir(&self.folder);
        command
    }
}

/// Whether a program can be run here.
fn there_is(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").output();
    asked.is_ok_and(|said| said.status.success())
}
