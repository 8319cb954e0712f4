// SPDX-License-Identifier: Apache-2.0
//! Which texts are contracts.

use proptest::prelude::*;
use silsila_replica::contract::{Compiled, ContractFault, FaultCode};

const LIVES: &str = r#"permit (principal, action in [Action::"append", Action::"renew", Action::"changeContract"], resource);"#;

fn faults(more: &str) -> Vec<ContractFault> {
    Compiled::new(&format!("{LIVES}\n{more}"))
        .err()
        .unwrap_or_default()
}

fn codes(more: &str) -> Vec<FaultCode> {
    faults(more).iter().map(|fault| fault.code).collect()
}

#[test]
fn the_least_contract_that_lives_is_taken() {
    assert_eq!(codes(""), []);
}

#[test]
fn what_is_not_cedar_is_named_with_its_place() {
    let found = faults("permit (principal, action, resource) when { 1 + };");
    assert_eq!(found[0].code, FaultCode::Syntax);
    let at = found[0].at.clone().unwrap();
    assert!(at.start > LIVES.len(), "{at:?}");
}

#[test]
fn what_the_vocabulary_does_not_have_is_refused_all_at_once() {
    let more = r#"
permit (principal, action == Action::"read", resource) when { principal.organisation == "x" };
permit (principal, action == Action::"read", resource) when { resource.class == "normal" };
permit (principal, action == Action::"write", resource);
permit (principal == User::"alice", action, resource);
"#;
    let found = faults(more);
    let text = format!("{LIVES}\n{more}");
    let places: Vec<&str> = found
        .iter()
        .filter(|fault| fault.code == FaultCode::Vocabulary)
        .filter_map(|fault| text.get(fault.at.clone()?))
        .collect();
    for part in [
        "principal.organisation",
        "resource.class ==",
        "Action::\"write\"",
        "User",
    ] {
        assert!(
            places.iter().any(|place| place.contains(part)),
            "{part}: {places:?}"
        );
    }
    assert!(places.len() >= 4, "{places:?}");
}

#[test]
fn an_optional_thing_cannot_be_forgotten_and_functions_are_not_there() {
    assert!(
        !codes(
            r#"permit (principal, action == Action::"read", resource) when { context.deletes };"#
        )
        .is_empty()
    );
    assert!(
        !codes(r#"permit (principal, action, resource) when { ip("10.0.0.1").isLoopback() };"#)
            .is_empty()
    );
    assert!(!codes(r#"permit (principal, action, resource) when { datetime("2026-01-01") < datetime("2026-01-02") };"#).is_empty());
}

#[test]
fn what_can_hardly_be_meant_is_refused_too() {
    let never = r#"permit (principal, action == Action::"read", resource) when { false };"#;
    assert_eq!(codes(never), [FaultCode::Doubtful]);
    let mixed = "permit (principal, action == Action::\"read\", resource) when { principal.role == \"hоspital\" };";
    assert_eq!(codes(mixed), [FaultCode::Doubtful], "a Cyrillic o");
}

#[test]
fn templates_and_emptiness_are_refused() {
    assert!(
        codes("permit (principal == ?principal, action, resource);").contains(&FaultCode::Template)
    );
    let empty = Compiled::new("// nothing\n").unwrap_err();
    assert!(
        empty.iter().any(|fault| fault.code == FaultCode::Empty),
        "{empty:?}"
    );
}

#[test]
fn a_contract_that_nobody_could_change_or_live_by_is_refused() {
    let found = Compiled::new(r#"permit (principal, action == Action::"append", resource);"#);
    let found = found.unwrap_err();
    let messages: Vec<&str> = found.iter().map(|fault| &fault.message[..]).collect();
    assert_eq!(found.len(), 2, "{messages:?}");
    assert!(found.iter().all(|fault| fault.code == FaultCode::Locked));
}

#[test]
fn a_policy_so_deep_that_stacks_could_differ_is_refused_and_the_deepest_allowed_is_judged() {
    let chain = |links: usize| {
        let sum = vec!["1"; links].join("+");
        format!(r#"permit (principal, action == Action::"read", resource) when {{ {sum} > 0 }};"#)
    };
    assert_eq!(codes(&chain(300)), []);
    assert_eq!(codes(&chain(2000)), [FaultCode::Size]);
    let nested = format!(
        r#"permit (principal, action == Action::"read", resource) when {{ {}true{} }};"#,
        "(".repeat(5000),
        ")".repeat(5000)
    );
    assert_eq!(codes(&nested), [FaultCode::Size]);
    let ifs = format!(
        r#"permit (principal, action == Action::"read", resource) when {{ {}true{} }};"#,
        "if true then ".repeat(1000),
        " else false".repeat(1000)
    );
    assert_eq!(codes(&ifs), [FaultCode::Size]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_judged_without_a_panic(text: String, at: prop::sample::Index) {
        let _ = Compiled::new(&text);
        let mut mixed = include_str!("../../../../config/examples/contracts/consent-first.cedar").to_owned();
        let mut at = at.index(mixed.len());
        while !mixed.is_char_boundary(at) {
            at -= 1;
        }
        mixed.insert_str(at, &text);
        let _ = Compiled::new(&mixed);
    }
}
