// SPDX-License-Identifier: Apache-2.0
//! `silsila serve` as a process: it announces itself, answers, drains and ends; it survives a kill.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::place::{Ended, Place};

const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    child: Child,
    address: String,
    log: mpsc::Receiver<String>,
}

impl Running {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (send, log) = mpsc::sync_channel(10_000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.try_send(line);
            }
        });
        let mut seen = String::new();
        let address = loop {
            let line = log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no announcement in: {seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if let Some((_, rest)) = line.split_once("://") {
                break rest.split('/').next().expect("an address").to_owned();
            }
        };
        Self {
            child,
            address,
            log,
        }
    }

    /// One request over a connection of its own: status line, headers and body as text.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let code = self.child.wait().expect("it ends").code();
        (code, self.log.iter().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_gateway_serves_while_its_database_is_away_and_says_so() {
    let place = Place::new();
    let running = Running::start(&place);
    assert!(running.get("/health").starts_with("HTTP/1.1 200"));
    assert!(running.get("/ready").starts_with("HTTP/1.1 200"));
    let page = running.get("/");
    assert!(
        page.contains("Civil Hospital &lt;Mirpurkhas>") && page.contains("/fhir"),
        "{page}"
    );
    assert!(
        running
            .get("/fhir/metadata")
            .contains("CapabilityStatement")
    );
    assert!(running.get("/nothing").starts_with("HTTP/1.1 404"));

    let status = wait_for(&place, "status --json", |ended| ended.code == 3);
    let report: Value = serde_json::from_str(&status.out).expect("JSON");
    assert_eq!(report["running"], true);
    assert_eq!(report["pipeline"]["sources"][0]["fault"]["code"], "SRC0001");
    place
        .run("status")
        .expect(3, &["cannot be reached, trying again", "SRC0001", "height"]);

    let (code, log) = running.end("TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    place.run("status").expect(4, &["not running", "height"]);
}

/// Runs a command until it satisfies a condition.
fn wait_for(place: &Place, words: &str, holds: impl Fn(&Ended) -> bool) -> Ended {
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let ended = place.run(words);
        if holds(&ended) {
            return ended;
        }
        assert!(
            std::time::Instant::now() < until,
            "{words}: out: {}\nerr: {}",
            ended.out,
            ended.err
        );
    }
}

#[test]
fn orders_reach_a_running_gateway_and_wait_for_one_that_does_not_run() {
    let place = Place::new();
    let running = Running::start(&place);
    place.run("source confirm").expect(0, &["not asking"]);
    place
        .run("source confirm hyderabad")
        .expect(2, &["CLI0009"]);
    place
        .run("source resync")
        .expect(0, &["read and mapped again now"]);
    place
        .run("quarantine list")
        .expect(0, &["the quarantine is empty"]);
    place.run("quarantine list --json").expect(0, &["[]"]);
    place
        .run("quarantine retry")
        .expect(0, &["0 rows are mapped again now"]);
    assert_eq!(running.end("INT").0, Some(0));
    place
        .run("source resync")
        .expect(0, &["when the gateway starts"]);
}

#[test]
fn the_admin_socket_is_closed_to_others_and_replaced_after_a_kill() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let running = Running::start(&place);
    let mode = std::fs::metadata(place.at("state/admin.sock"))
        .expect("there")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600);
    running.end("KILL");
    assert!(place.at("state/admin.sock").exists());
    let again = Running::start(&place);
    place.run("quarantine list").expect(0, &[]);
    assert_eq!(again.end("TERM").0, Some(0));
    assert!(!place.at("state/admin.sock").exists());
}

#[test]
fn a_second_gateway_over_the_same_ledger_is_refused() {
    let place = Place::new();
    let running = Running::start(&place);
    place.run("serve").expect(5, &["LED0003"]);
    assert!(running.get("/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    place.change("127.0.0.1:0", &address);
    place
        .run("serve")
        .expect(9, &["error[CLI0005]", &address, "another program"]);
}

#[test]
fn a_ledger_whose_keys_are_gone_is_not_given_new_ones() {
    let place = Place::new();
    assert_eq!(Running::start(&place).end("TERM").0, Some(0));
    std::fs::remove_file(place.at("keys/gateway.keys")).expect("removed");
    place.run("serve").expect(5, &["error[CLI0004]", "backup"]);
}

#[test]
fn with_a_tokens_file_nobody_reads_without_a_token_and_the_front_page_stays_open() {
    let place = Place::new();
    place.configure(
        &place
            .sound()
            .replace("[storage]", "[access]\ntokens_file = \"tokens\"\n[storage]"),
    );
    place.secret("tokens", &format!("ward {}\n", "x".repeat(40)));
    let running = Running::start(&place);
    assert!(
        running.get("/fhir/Patient").starts_with("HTTP/1.1 401"),
        "{}",
        running.get("/fhir/Patient")
    );
    assert!(running.get("/").starts_with("HTTP/1.1 200"));
}

/// One HTTPS request, verified against `root`: the whole answer as text.
fn get_tls(
    address: &str,
    root: &rustls::pki_types::CertificateDer<'static>,
    headers: &str,
) -> String {
    silsila_gateway::tls::install_provider();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "gateway.example".try_into().expect("a name");
    let connection =
        rustls::ClientConnection::new(std::sync::Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(address).expect("it listens");
    let mut stream = rustls::StreamOwned::new(connection, stream);
    write!(
        stream,
        "GET /fhir/Patient HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n{headers}\r\n"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn off_loopback_https_is_spoken_and_a_token_opens_what_its_absence_does_not() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(vec!["gateway.example".to_owned()])
        .expect("a certificate");
    place.secret("chain.pem", &made.cert.pem());
    place.secret("key.pem", &made.signing_key.serialize_pem());
    let token = "x".repeat(40);
    place.secret("tokens", &format!("ward {token}\n"));
    place.configure(
        &place
            .sound()
            .replace("127.0.0.1:0", "0.0.0.0:0")
            .replace(
                "plain_http_on_loopback = true",
                "tls_certificate_file = \"chain.pem\"\ntls_key_file = \"key.pem\"",
            )
            .replace("[storage]", "[access]\ntokens_file = \"tokens\"\n[storage]"),
    );
    let running = Running::start(&place);
    let address = running.address.replace("0.0.0.0", "127.0.0.1");
    let root = made.cert.der();
    assert!(get_tls(&address, root, "").starts_with("HTTP/1.1 401"));
    assert!(get_tls(&address, root, "Authorization: Bearer wrong\r\n").starts_with("HTTP/1.1 401"));
    let answer = get_tls(
        &address,
        root,
        &format!("Authorization: Bearer {token}\r\n"),
    );
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("searchset"),
        "{answer}"
    );
    let (code, log) = running.end("TERM");
    assert_eq!(code, Some(0));
    assert!(!log.contains(&token), "no token reaches the log");
}

#[test]
fn a_verified_ledger_says_so_and_its_blocks_are_listed() {
    let place = Place::new();
    let running = Running::start(&place);
    place
        .run("ledger verify")
        .expect(0, &["verified", "nothing is wrong"]);
    let report: Value = serde_json::from_str(&place.run("ledger verify --json").out).expect("JSON");
    assert_eq!(report["clean"], true);
    place.run("ledger blocks").expect(0, &["height", "hash"]);
    assert_eq!(running.end("TERM").0, Some(0));
    place.run("ledger verify").expect(0, &["verified"]);
}
