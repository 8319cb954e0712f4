// SPDX-License-Identifier: Apache-2.0
//! The worked contracts are contracts.

use silsila_replica::contract::Compiled;

#[test]
fn every_worked_contract_is_taken() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/examples/contracts"
    );
    let mut found = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "cedar")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(faults) = Compiled::new(&text) {
            let faults = faults.iter().map(|fault| {
                let at = fault.at.clone().and_then(|at| text.get(at)).unwrap_or("");
                format!("{fault} at {at:?}")
            });
            panic!("{}: {:#?}", path.display(), faults.collect::<Vec<_>>());
        }
        found += 1;
    }
    assert_eq!(found, 3);
}
