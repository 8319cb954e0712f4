// SPDX-License-Identifier: Apache-2.0
//! HTTPS: the gateway's certificate and key, by rustls with aws-lc-rs.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use silsila_config::TlsFiles;
use tokio_rustls::TlsAcceptor;

use crate::exit::Failure;

/// Makes aws-lc-rs the one crypto provider of the process: the database driver and the HTTPS listener
/// share it. Called first thing in `main`; later calls change nothing.
pub fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Reads certificate and key, and speaks TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1 on offer.
///
/// # Errors
/// Names the file at fault.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Failure> {
    let fault = |file: &Path, reason: String| Failure::Tls {
        file: file.to_owned(),
        reason,
    };
    let chain =
        certificates(&files.certificate).map_err(|reason| fault(&files.certificate, reason))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| fault(&files.key, error.to_string()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| fault(&files.key, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| error.to_string())?;
    if chain.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(chain)
}
