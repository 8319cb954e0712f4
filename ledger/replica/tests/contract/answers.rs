// SPDX-License-Identifier: Apache-2.0
//! What a contract answers.

use silsila_replica::contract::{Asked, Authority, Compiled, Decision, Entry, Kind, Who};

const LIVES: &str = r#"permit (principal, action in [Action::"append", Action::"renew", Action::"changeContract"], resource);"#;

fn asked(what: Kind<'_>) -> Asked<'_> {
    let who = Who {
        id: "ab",
        organization: "Karachi",
        role: "hospital",
    };
    Asked { who, what }
}

fn read(class: u8) -> Kind<'static> {
    let entry = Entry {
        kind: "Observation",
        class,
        custodian: "Mirpurkhas",
    };
    Kind::Read {
        entry,
        by: Authority::default(),
    }
}

fn decide(more: &str, what: Kind<'_>) -> Decision {
    let compiled = Compiled::new(&format!("{LIVES}\n{more}")).expect("a contract");
    compiled.decide(&asked(what))
}

#[test]
fn what_nothing_permits_is_denied_and_a_forbid_outweighs() {
    let permit = r#"permit (principal, action == Action::"read", resource);"#;
    let forbid =
        r#"forbid (principal, action == Action::"read", resource) when { resource.class > 0 };"#;
    assert_eq!(decide("", read(0)), Decision::Denied);
    assert_eq!(decide(permit, read(3)), Decision::Permitted);
    assert_eq!(
        decide(&format!("{permit}{forbid}"), read(0)),
        Decision::Permitted
    );
    assert_eq!(
        decide(&format!("{permit}{forbid}"), read(3)),
        Decision::Denied
    );
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_even_where_another_permits() {
    let more = r#"
permit (principal, action == Action::"read", resource);
forbid (principal, action == Action::"read", resource)
when { resource.class * 9223372036854775807 > 5 };"#;
    assert_eq!(decide(more, read(0)), Decision::Permitted);
    assert_eq!(decide(more, read(1)), Decision::Denied);
    let Decision::Failed { errors } = decide(more, read(2)) else {
        panic!("an overflow was let pass")
    };
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_question_about_oneself_is_a_question() {
    let more = r#"permit (principal, action == Action::"revoke", resource)
when { principal == resource && principal.organization == "Karachi" };"#;
    let about = |id| Kind::Membership {
        action: "revoke",
        subject: Who {
            id,
            organization: "Karachi",
            role: "hospital",
        },
        votes: 1,
        organizations: 3,
        certified: false,
    };
    assert_eq!(decide(more, about("ab")), Decision::Permitted);
    assert_eq!(decide(more, about("cd")), Decision::Denied);
}
