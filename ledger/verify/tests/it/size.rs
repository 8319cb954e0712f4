// SPDX-License-Identifier: Apache-2.0
//! The program is small: what it is built from.

use std::process::Command;

/// Crates that `cargo tree` names for the program, procedural macros and build scripts left out.
fn crates() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "silsila-verify",
            "-e",
            "normal,no-proc-macro",
        ])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let mut names: Vec<String> = (text.lines())
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn the_program_is_built_from_few_crates() {
    let crates = crates();
    assert!(
        crates.iter().any(|name| name == "silsila-chain"),
        "{crates:?}"
    );
    assert!(crates.len() <= 45, "{} crates: {crates:?}", crates.len());
}
