// SPDX-License-Identifier: Apache-2.0
//! Somebody between gateway and authority.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::authority::{Authority, altered, join_once, line_of};
use crate::place::Place;

#[test]
fn who_answers_with_another_tls_key_is_told_nothing() {
    let authority = Authority::founded("365d");
    let impostor = Authority::founded("365d");
    let place = Place::new();
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    let led_astray = altered(&invitation, &authority.address, &impostor.address);
    join_once(&place, &led_astray).expect(1, &["REG0031", "telephone"]);
    for authority in [&authority, &impostor] {
        assert_eq!(
            authority.list()["requests"].as_array().map(Vec::len),
            Some(0)
        );
    }
    // Who also replaces the pin reaches the impostor, which is of another network.
    let theirs = impostor.invite("Civil Hospital Mirpurkhas", &[]);
    let pin = line_of(&theirs, "tls-key");
    let led_astray = altered(&led_astray, &line_of(&led_astray, "tls-key"), &pin);
    join_once(&place, &led_astray).expect(1, &["REG0017"]);
}

#[test]
fn who_passes_bytes_on_sees_neither_secret_nor_key_in_them() {
    let authority = Authority::founded("365d");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &["--address", &address]);
    let behind = authority.address.clone();
    let wire = std::thread::spawn(move || {
        let (mut near, _) = listener.accept().expect("a connection");
        let mut far = TcpStream::connect(behind).expect("it listens");
        let (mut near_in, mut far_out) = (
            near.try_clone().expect("a clone"),
            far.try_clone().expect("a clone"),
        );
        let back = std::thread::spawn(move || {
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = far.read(&mut buffer) {
                seen.extend_from_slice(&buffer[..count]);
                let _ = near.write_all(&buffer[..count]);
            }
            let _ = near.shutdown(Shutdown::Both);
            seen
        });
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = near_in.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
            let _ = far_out.write_all(&buffer[..count]);
        }
        let _ = far_out.shutdown(Shutdown::Both);
        seen.extend(back.join().expect("joined"));
        seen
    });
    let place = Place::new();
    join_once(&place, &invitation).expect(1, &["request 1 waits"]);
    let seen = wire.join().expect("joined");
    assert!(seen.len() > 1000, "the bytes went this way");
    let bytes = |digits: &str| -> Vec<u8> {
        let digits: Vec<char> = digits.chars().collect();
        digits
            .chunks(2)
            .map(|pair| {
                u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal")
            })
            .collect()
    };
    let key = authority.list()["requests"][0]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    for hidden in [line_of(&invitation, "secret"), key] {
        let hidden = bytes(&hidden);
        assert!(!seen.windows(hidden.len()).any(|window| window == hidden));
    }
}

#[test]
fn who_speaks_no_tls_or_too_much_is_turned_away_and_others_are_served_on() {
    let authority = Authority::founded("365d");
    let mut plain = TcpStream::connect(&authority.address).expect("it listens");
    plain
        .write_all(b"GET /health HTTP/1.1\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let place = Place::new();
    let invitation = authority.invite("Civil Hospital Mirpurkhas", &[]);
    join_once(&place, &invitation).expect(1, &["request 1 waits"]);
    // Guessing ends soon: the address has to wait, also with its own invitation.
    let guess = altered(
        &invitation,
        &line_of(&invitation, "secret"),
        &"07".repeat(16),
    );
    let refused = (0..40).find(|_| join_once(&place, &guess).err.contains("REG0016"));
    assert!(refused.is_some(), "nobody guesses forty times");
}
