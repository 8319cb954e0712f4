// SPDX-License-Identifier: Apache-2.0
//! Writes one good object of each format into `fuzz/corpus`, for whoever changed a format:
//! `cargo run -p silsila-verify --example corpus`.

#[path = "../tests/it/sample.rs"]
mod sample;

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, bytes) in sample::good() {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join("good"), bytes)?;
    }
    Ok(())
}
