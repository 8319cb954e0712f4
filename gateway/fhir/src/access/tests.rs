// SPDX-License-Identifier: Apache-2.0
use super::*;

const SECRET: &str = "a-secret-of-the-ward-that-is-long";

fn access(loopback_without_token: bool) -> Access {
    Access::new(AccessSettings {
        loopback_without_token,
        tokens: vec![
            Token::new("ward", SECRET, None),
            Token::new("past", "an-older-secret-that-has-expired!", Some(1_000)),
        ],
    })
}

fn ask(access: &Access, peer: Option<&str>, headers: &[(&str, &str)]) -> Result<Caller, String> {
    let map = headers
        .iter()
        .map(|(name, value)| {
            (
                header::HeaderName::try_from(*name).unwrap(),
                header::HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect();
    let peer = peer.map(|text| text.parse().unwrap());
    let uri = Uri::from_static("/fhir/Patient");
    access
        .permit(peer, &uri, &map, 2_000)
        .map(|permit| permit.caller)
        .map_err(|refusal| refusal.code().to_owned())
}

#[test]
fn off_loopback_a_token_is_demanded_always() {
    for open in [false, true] {
        let access = access(open);
        assert_eq!(
            ask(&access, Some("192.0.2.7:4000"), &[]),
            Err("FHR0014".into())
        );
        assert_eq!(ask(&access, None, &[]), Err("FHR0014".into()));
        let header = format!("Bearer {SECRET}");
        assert_eq!(
            ask(
                &access,
                Some("192.0.2.7:4000"),
                &[("authorization", &header)]
            ),
            Ok(Caller::Token("ward".into()))
        );
    }
}

#[test]
fn loopback_needs_a_token_unless_the_operator_said_otherwise() {
    assert_eq!(
        ask(&access(false), Some("127.0.0.1:4000"), &[]),
        Err("FHR0014".into())
    );
    for peer in ["127.0.0.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:4000"] {
        assert_eq!(ask(&access(true), Some(peer), &[]), Ok(Caller::Loopback));
    }
}

#[test]
fn a_stranger_behind_a_local_proxy_or_a_foreign_host_name_needs_a_token() {
    for header in [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
        ("host", "rebound.example:8081"),
        ("host", "127.0.0.1.rebound.example"),
    ] {
        assert_eq!(
            ask(&access(true), Some("127.0.0.1:4000"), &[header]),
            Err("FHR0014".into()),
            "{header:?}"
        );
    }
    for host in ["localhost:8081", "127.0.0.1:8081", "[::1]:8081"] {
        assert_eq!(
            ask(&access(true), Some("127.0.0.1:4000"), &[("host", host)]),
            Ok(Caller::Loopback)
        );
    }
}

#[test]
fn a_wrong_expired_or_malformed_token_is_refused_even_on_loopback() {
    for (value, code) in [
        ("Bearer wrong", "FHR0015"),
        ("Bearer ", "FHR0015"),
        ("Basic d2FyZDp4", "FHR0015"),
        ("Bearer an-older-secret-that-has-expired!", "FHR0016"),
    ] {
        assert_eq!(
            ask(
                &access(true),
                Some("127.0.0.1:4000"),
                &[("authorization", value)]
            ),
            Err(code.into()),
            "{value}"
        );
    }
}
