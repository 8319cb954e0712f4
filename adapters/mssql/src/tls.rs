// SPDX-License-Identifier: Apache-2.0
//! The encryption's terms: whom to trust, and why not.
//!
//! TLS 1.2 alone: inside TDS 7 the handshake travels in packets and what follows does not, and a server
//! that spoke TLS 1.3 could send session tickets on either side of that line. SQL Server keeps TLS 1.3 for
//! TDS 8, which is another protocol on the wire.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// The client's side of a handshake, or why it cannot be had.
pub(crate) async fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let pem = tokio::fs::read(path)
                .await
                .map_err(|e| format!("CA file {}: {}", path.display(), e.kind()))?;
            add(&mut roots, &pem).map_err(|why| format!("CA file {}: {why}", path.display()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), &'static str> {
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "it is not PEM")?;
        roots
            .add(certificate)
            .map_err(|_| "a certificate in it cannot be used")?;
    }
    if roots.is_empty() {
        Err("it holds no certificate")
    } else {
        Ok(())
    }
}

/// The name that the certificate must bear.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| "the server name is neither a DNS name nor an address".into())
}

/// Why a handshake failed, in words for an operator; `None` where it was the network.
pub(crate) fn reason(error: &std::io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(rustls_reason(error))
}

fn rustls_reason(error: &rustls::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};
    match error {
        Rustls::AlertReceived(AlertDescription::ProtocolVersion)
        | Rustls::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => "the server does not speak TLS 1.2; bring it up to date, or end a tunnel on this machine and connect to that".into(),
        Rustls::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server has no cipher in common with us; it needs one with ECDHE and AES-GCM".into()
        }
        Rustls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("{error}; the name must stand in the certificate as a subject alternative name"),
        Rustls::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
            "{error}; the certificate comes from an authority that is not trusted here, or is the one that SQL Server makes for itself"
        ),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_too_old_for_tls_1_2_is_named_so() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion);
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, alert);
        let reason = reason(&error).unwrap();
        assert!(reason.contains("does not speak TLS 1.2"), "{reason}");
        let network = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(super::reason(&network), None);
    }

    #[tokio::test]
    async fn a_file_without_certificates_is_named() {
        let error = client(Some(Path::new("no/such/ca.pem"))).await.unwrap_err();
        assert!(error.contains("no/such/ca.pem"), "{error}");
        let error = client(Some(Path::new("Cargo.toml"))).await.unwrap_err();
        assert!(error.contains("holds no certificate"), "{error}");
    }
}
