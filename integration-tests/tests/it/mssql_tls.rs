// SPDX-License-Identifier: Apache-2.0
//! TLS to a private authority, and what is said when it cannot be had. On the stand-in alone: a real
//! server's certificate is not ours to change.

use std::sync::Arc;

use silsila_integration_tests::authority::Authority;
use silsila_integration_tests::mssql::{Database, Encryption, SqlServer};
use silsila_mssql::{MsSql, MsSqlOptions, Tls};
use silsila_source::{Scan, Source};

const NAME: &str = "db.karachi.example";

struct Place {
    folder: tempfile::TempDir,
    database: Database,
}

/// A server that demands encryption, with a certificate for these names.
async fn place(names: &[&str]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let issued = authority.issue("server", names).unwrap();
    let dir = folder.path().join("databases");
    // Made before the server demands what its own administrator does not do here.
    let open = SqlServer::stand_in_at(&dir, 0, Encryption::None).unwrap();
    let port = open.port();
    let database = Database::named(Arc::new(open), "hospital").await.unwrap();
    database
        .execute("CREATE TABLE [t] ([id] int PRIMARY KEY); INSERT INTO [t] VALUES (1), (2)")
        .await
        .unwrap();
    Arc::into_inner(database.server).unwrap().stop().await;
    let encryption = Encryption::Required {
        certificate: issued.certificate,
        key: issued.key,
    };
    let server = SqlServer::stand_in_at(&dir, port, encryption).unwrap();
    let database = Database {
        name: database.name,
        server: Arc::new(server),
    };
    Place { folder, database }
}

impl Place {
    fn options(&self, server_name: Option<&str>) -> MsSqlOptions {
        let mut options = self.database.options();
        options.tls = Tls::Required {
            ca_file: Some(self.folder.path().join("ca.pem")),
            server_name: server_name.map(Into::into),
        };
        options
    }
}

async fn refusal(options: MsSqlOptions) -> String {
    MsSql::new(options).health().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_private_authority_is_trusted_for_the_right_name_and_no_other() {
    let place = place(&[NAME]).await;
    let source = MsSql::new(place.options(Some(NAME)));
    let health = source.health().await.unwrap();
    let tls = health.tls.unwrap();
    assert!(
        tls.starts_with("TLSv1.2 TLS_ECDHE_") && tls.contains("GCM"),
        "{tls}"
    );
    let id = ["id".to_owned()];
    let scan = Scan {
        table: "t",
        columns: &id,
        key: &id,
        after: None,
        limit: 10,
    };
    assert_eq!(source.scan(scan).await.unwrap().len(), 2);

    let error = refusal(place.options(None)).await; // the certificate does not name 127.0.0.1
    assert!(
        error.starts_with("SRC0004 khi:") && error.contains("subject alternative name"),
        "{error}"
    );

    let mut options = place.options(Some(NAME));
    options.tls = Tls::Required {
        ca_file: None,
        server_name: Some(NAME.into()),
    };
    let error = refusal(options).await; // the public authorities did not issue it
    assert!(
        error.starts_with("SRC0004 khi:") && error.contains("UnknownIssuer"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_for_the_address_needs_no_other_name() {
    let place = place(&["127.0.0.1"]).await;
    let health = MsSql::new(place.options(None)).health().await.unwrap();
    assert!(health.tls.is_some());
}

#[tokio::test]
async fn the_authority_of_another_hospital_is_not_trusted() {
    let place = place(&[NAME]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Authority::new(elsewhere.path()).unwrap();
    let mut options = place.options(Some(NAME));
    options.tls = Tls::Required {
        ca_file: Some(other.ca_file()),
        server_name: Some(NAME.into()),
    };
    let error = refusal(options).await;
    assert!(error.starts_with("SRC0004 khi:"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_named_and_no_password_goes_to_it() {
    let server = Arc::new(SqlServer::stand_in(Encryption::None).unwrap());
    let database = Database::named(server, "hospital").await.unwrap();
    let mut options = database.options();
    options.tls = Tls::Required {
        ca_file: None,
        server_name: None,
    };
    let error = refusal(options).await;
    assert!(
        error.starts_with("SRC0004 khi:") && error.contains("offers no TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_demands_encryption_gets_no_plain_text() {
    let place = place(&[NAME]).await;
    let mut options = place.options(None);
    options.tls = Tls::Off;
    let error = refusal(options).await;
    assert!(
        error.starts_with("SRC0004 khi:") && error.contains("demands encryption"),
        "{error}"
    );
}

#[tokio::test]
async fn something_that_is_no_sql_server_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut tcp, http).await;
        }
    });
    let options = SqlServer::reached(port).options("khi", "d", "u", "p");
    let error = refusal(options).await;
    assert!(
        error.starts_with("SRC0001 khi:") && error.contains("does not answer as SQL Server"),
        "{error}"
    );
    answering.abort();
}
