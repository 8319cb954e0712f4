// SPDX-License-Identifier: Apache-2.0
//! Compiles the pack in a folder, shows what is wrong with it, and runs its tests.

use std::path::Path;

use silsila_mapping::{Pack, PackFile, PackSettings, run_tests};

fn collect(folder: &Path, files: &mut Vec<PackFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.display().to_string();
            files.push(PackFile { path, text });
        }
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files)?;
    let settings = PackSettings {
        source: "example".to_owned(),
        base_uri: "https://hospital.example".to_owned(),
        hospital: "Example Hospital".to_owned(),
        ..PackSettings::default()
    };
    match Pack::compile(&files, &settings) {
        Err(found) => println!("{found}"),
        Ok(pack) => {
            let report = run_tests(&pack);
            for failure in &report.failures {
                let place = &failure.place;
                println!(
                    "{}:{}: {}\n{}",
                    place.file, place.line, failure.name, failure.diff
                );
            }
            println!("{} passed, {} failed", report.passed, report.failures.len());
        }
    }
    Ok(())
}
