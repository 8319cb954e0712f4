// SPDX-License-Identifier: Apache-2.0
//! The door to the network: HTTPS under the hospital's own authority, and nobody in without a token that is
//! known and has not expired; a configuration that would open another door is refused.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::Value;
use silsila_integration_tests::authority::{Authority, Issued};
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::http::{Answer, Http};
use silsila_integration_tests::mariadb::shared;
use tempfile::TempDir;

const NAME: &str = "gateway.mirpurkhas.example";
pub const WARD: &str = "ward-token-0123456789-0123456789-0123456789";
const EXPIRED: &str = "old-token-0123456789-0123456789-0123456789-01";
const PATIENCE: Duration = Duration::from_secs(240);

/// A gateway that has swept its hospital and listens by HTTPS, demanding tokens.
pub struct Door {
    pub gateway: Gateway,
    pub authority: Authority,
    pub folder: TempDir,
}

/// A file that only its owner reads.
fn secret(path: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600);
    file.open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn listen(address: &str, tls: Option<&Issued>) -> String {
    let tls = tls.map_or_else(String::new, |issued| {
        format!(
            "tls_certificate_file = {:?}\ntls_key_file = {:?}",
            issued.certificate, issued.key
        )
    });
    format!("address = \"{address}\"\n{tls}")
}

async fn config(folder: &Path, database: &str) -> GatewayConfig {
    let server = shared().await;
    let hospital = Hospital::load(&server, database, &sindh()).await.unwrap();
    let port = free_port().unwrap();
    let mut config = GatewayConfig::new(folder, port, hospital.options(&server));
    config.sections = "[access]\ntokens_file = \"tokens\"\n[log]\nlevel = \"trace\"".into();
    let tokens = format!("ward {WARD}\nformer {EXPIRED} 2020-01-31\n");
    secret(&folder.join("tokens"), &tokens);
    config
}

impl Door {
    pub async fn open(database: &str, host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(&folder.path().join("tls")).unwrap();
        let issued = authority
            .issue("gateway", &[NAME, "127.0.0.1", "localhost"])
            .unwrap();
        secret(&issued.key, &std::fs::read_to_string(&issued.key).unwrap());
        let mut config = config(folder.path(), database).await;
        let address = format!("{host}:{}", config.port);
        config.listen = Some(listen(&address, Some(&issued)));
        let gateway = Gateway::launch(&beside_us("silsila").unwrap(), config).unwrap();
        let until = std::time::Instant::now() + PATIENCE;
        while gateway.look().is_none() {
            let late = std::time::Instant::now() > until;
            assert!(gateway.ended().is_none() && !late, "{}", gateway.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        gateway.swept(1, PATIENCE).await.unwrap();
        Self {
            gateway,
            authority,
            folder,
        }
    }

    async fn https(&self) -> Http {
        let ca = std::fs::read(self.authority.ca_file()).unwrap();
        Http::open_tls(self.gateway.port(), NAME, &ca)
            .await
            .unwrap()
    }

    async fn get(&self, target: &str, token: Option<&str>) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|b| ("authorization", &**b)).collect();
        let mut https = self.https().await;
        let answer = https.send(Method::GET, target, &headers, "").await;
        answer.unwrap()
    }
}

/// A refusal is an OperationOutcome with a code, and says how to ask.
fn is_refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
    let outcome: Value = answer.json().unwrap();
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    assert!(answer.text().contains(code), "{code} in {}", answer.text());
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer"), "{challenge:?}");
}

#[tokio::test]
async fn off_loopback_the_door_opens_by_https_to_a_bearer_of_a_token() {
    let mut door = Door::open("story_door", "0.0.0.0").await;
    let search = "/fhir/Patient?family=shaikh&_count=1";
    for target in [
        search,
        "/fhir/Patient/nobody",
        "/fhir/Patient/_history",
        "/fhir/Nonsense",
    ] {
        is_refused(&door.get(target, None).await, "FHR0014");
        is_refused(
            &door
                .get(target, Some("0123456789-0123456789-0123456789"))
                .await,
            "FHR0015",
        );
        is_refused(&door.get(target, Some(EXPIRED)).await, "FHR0016");
    }
    let found = door.get(search, Some(WARD)).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    let found: Value = found.json().unwrap();
    assert_eq!(found["entry"].as_array().unwrap().len(), 1);
    let own = found["link"][0]["url"].as_str().unwrap();
    assert!(own.starts_with("https://"), "{own}");
    for open in ["/health", "/ready", "/"] {
        assert_eq!(door.get(open, None).await.status, StatusCode::OK, "{open}");
    }

    // Another authority's client does not trust us, and in clear nothing is said.
    let stranger = Authority::new(&door.folder.path().join("other")).unwrap();
    let other = std::fs::read(stranger.ca_file()).unwrap();
    let port = door.gateway.port();
    assert!(Http::open_tls(port, NAME, &other).await.is_err());
    let ca = std::fs::read(door.authority.ca_file()).unwrap();
    assert!(Http::open_tls(port, "another.example", &ca).await.is_err());
    let mut clear = Http::open(port).await.unwrap();
    let answer = clear.get(search).await;
    assert!(answer.is_err(), "{answer:?}");

    assert_eq!(door.gateway.stop().unwrap(), 0);
    let log = door.gateway.output();
    assert!(log.contains("serving"), "{log}");
    for token in [WARD, EXPIRED] {
        assert!(!log.contains(token), "no token reaches the log");
    }
}

#[tokio::test]
async fn a_door_in_clear_or_without_tokens_is_never_opened_to_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "story_door_refused").await;
    let authority = Authority::new(&folder.path().join("tls")).unwrap();
    let issued = authority.issue("gateway", &[NAME]).unwrap();
    secret(&issued.key, &std::fs::read_to_string(&issued.key).unwrap());
    let address = format!("0.0.0.0:{}", config.port);
    let loopback = format!("127.0.0.1:{}", config.port);
    let sections = config.sections.clone();
    for (listen, sections, code) in [
        (listen(&address, None), &*sections, "CFG0010"),
        (
            format!("address = \"{address}\"\nplain_http_on_loopback = true"),
            &*sections,
            "CFG0010",
        ),
        (listen(&address, Some(&issued)), "", "CFG0012"),
        (listen(&loopback, None), &*sections, "CFG0011"),
    ] {
        config.listen = Some(listen);
        config.sections = sections.to_owned();
        config.write().unwrap();
        for command in [&["check", "--offline"][..], &["serve"]] {
            let output = std::process::Command::new(beside_us("silsila").unwrap())
                .args(command)
                .arg("--config")
                .arg(config.file())
                .output()
                .unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
            let place = format!("error[{code}]");
            assert!(
                said.contains(&place) && said.contains("silsila.toml:"),
                "{said}"
            );
        }
        assert!(!folder.path().join("state").exists(), "nothing was made");
    }
}
