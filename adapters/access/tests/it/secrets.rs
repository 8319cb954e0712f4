// SPDX-License-Identifier: Apache-2.0
//! Passwords, and files that Access encodes.

use silsila_access::Access;
use silsila_source::{Secret, Source, SourceError};

use crate::place::{fixture, options, rows, source};

fn with_password(password: Option<&str>) -> Access {
    let mut options = options(&fixture("encrypted.accdb"));
    options.password = password.map(Secret::new);
    Access::new(options)
}

#[tokio::test]
async fn an_encrypted_file_opens_with_its_password_alone() {
    let source = with_password(Some("بہار 4485"));
    assert_eq!(source.count("moved").await.unwrap(), 571);
    let found = rows(&source, "moved", &["id"], 300).await.unwrap();
    assert_eq!(found.len(), 571);

    let error = with_password(Some("بہار")).health().await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("SRC0002 hyd: ") && text.contains("the password does not open"),
        "{text}"
    );
    assert!(!text.contains("بہار"), "{text}");

    let text = with_password(None).health().await.unwrap_err().to_string();
    assert!(
        text.starts_with("SRC0002") && text.contains("set password_file"),
        "{text}"
    );
}

#[tokio::test]
async fn an_encoded_mdb_is_read() {
    let source = source("encoded.mdb");
    assert_eq!(source.count("moved").await.unwrap(), 571);
}

#[tokio::test]
async fn an_encryption_that_is_not_known_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.accdb");
    let mut bytes = std::fs::read(fixture("encrypted.accdb")).unwrap();
    // The version of the encryption: Office's own RC4, which 2007 could still make.
    bytes[0x29B..0x29F].copy_from_slice(&[1, 0, 1, 0]);
    std::fs::write(&file, bytes).unwrap();
    let error = Access::new(options(&file)).health().await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    assert!(
        error.to_string().contains("take the password off"),
        "{error}"
    );
}
