// SPDX-License-Identifier: Apache-2.0
//! TLS to a private authority, and what is said when it cannot be had.

use silsila_integration_tests::authority::Authority;
use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::{MySql, MySqlOptions, Tls};
use silsila_source::Source;

struct Place {
    folder: tempfile::TempDir,
    server: MariaDb,
    database: Database,
}

const NAME: &str = "db.hospital.example";

async fn place(arguments: &[&str]) -> Place {
    place_with(&[NAME], arguments).await
}

async fn place_with(names: &[&str], arguments: &[&str]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let issued = authority.issue("server", names).unwrap();
    let server = MariaDb::start(MariaDbOptions {
        tls: Some((issued, authority.ca_file())),
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
        ..MariaDbOptions::default()
    })
    .await
    .unwrap();
    let database = Database::on(&server, "hospital").await.unwrap();
    Place {
        folder,
        server,
        database,
    }
}

impl Place {
    fn options(&self, server_name: Option<&str>) -> MySqlOptions {
        let mut options = self.database.options();
        options.tls = Tls::Required {
            ca_file: Some(self.folder.path().join("ca.pem")),
            server_name: server_name.map(Into::into),
        };
        options
    }
}

async fn refusal(options: MySqlOptions) -> String {
    MySql::new(options).health().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_private_authority_is_trusted_for_the_right_name_and_no_other() {
    let place = place(&[]).await;
    let health = MySql::new(place.options(Some(NAME)))
        .health()
        .await
        .unwrap();
    assert!(
        health
            .tls
            .as_deref()
            .is_some_and(|t| t.starts_with("TLSv1.3 ")),
        "{health:?}"
    );

    let error = refusal(place.options(None)).await; // the certificate does not name 127.0.0.1
    assert!(
        error.starts_with("SRC0004 mpk:") && error.contains("not valid for name"),
        "{error}"
    );

    let mut options = place.options(Some(NAME));
    options.tls = Tls::Required {
        ca_file: None,
        server_name: Some("db.hospital.example".into()),
    };
    let error = refusal(options).await; // the public authorities did not issue it
    assert!(
        error.starts_with("SRC0004 mpk:") && error.contains("UnknownIssuer"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_named_and_no_password_goes_to_it() {
    let database = Database::new().await.unwrap();
    let mut options = database.options();
    options.tls = Tls::Required {
        ca_file: None,
        server_name: None,
    };
    let error = refusal(options).await;
    assert!(
        error.starts_with("SRC0004 mpk:") && error.contains("offers no TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_speaks_only_tls_1_1_is_named_as_too_old() {
    let place = place(&["--tls-version=TLSv1.1", "--ssl-cipher=ALL:@SECLEVEL=0"]).await;
    let error = refusal(place.options(Some(NAME))).await;
    assert!(
        error.starts_with("SRC0004 mpk:") && error.contains("TLS 1.0 or 1.1"),
        "{error}"
    );
    assert!(place.server.pid().is_some());
}

#[tokio::test]
async fn a_certificate_without_any_name_is_refused_with_what_it_lacks() {
    let place = place_with(&[], &[]).await; // as MySQL makes for itself
    let error = refusal(place.options(Some(NAME))).await;
    assert!(
        error.starts_with("SRC0004 mpk:") && error.contains("subject alternative name"),
        "{error}"
    );
}

#[tokio::test]
async fn tls_1_2_is_enough() {
    let place = place(&["--tls-version=TLSv1.2"]).await;
    let health = MySql::new(place.options(Some(NAME)))
        .health()
        .await
        .unwrap();
    assert!(
        health
            .tls
            .as_deref()
            .is_some_and(|t| t.starts_with("TLSv1.2 ")),
        "{health:?}"
    );
}
