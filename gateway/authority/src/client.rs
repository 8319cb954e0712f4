// SPDX-License-Identifier: Apache-2.0
//! The member's side: ask for a certificate, renew it, read the network's revocations.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use silsila_chain::MemberKey;
use silsila_replica::certificate::{Credential, Fingerprint, Revocation};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::wire::{
    Answer, BINDING_LABEL, Binding, ENROLMENT, Enrolment, MAX_ANSWER, RENEWAL, REVOCATIONS,
    Renewal, SignedRequest,
};
use crate::{AuthorityError, Invitation, Membership, Millis, tls};

/// How long one question may take, from the connection to the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a gateway has of its own: they never travel.
pub struct OwnKeys {
    /// Signs on the ledger, and signs what is asked here.
    pub ledger: MemberKey,
    /// The public half of the key to which others seal.
    pub sealing_public: [u8; 32],
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// A person at the authority has yet to decide.
    Waiting {
        /// The request's number there.
        request: u64,
    },
    /// The certificate is there, was verified and is kept.
    Member(Box<Membership>),
}

/// Asks once. Whoever is told to wait asks again with the same invitation and keys; killed in between,
/// it loses nothing.
///
/// # Errors
/// A refusal, or an authority that cannot be reached, is another one, or answers for another network.
pub async fn join(
    invitation: &Invitation,
    keys: &OwnKeys,
    folder: &Path,
    now: Millis,
) -> Result<Joined, AuthorityError> {
    if let Some(present) = Membership::load(folder)? {
        if present.fingerprint == invitation.fingerprint && is_own(&present.credential, keys) {
            return Ok(Joined::Member(Box::new(present)));
        }
        return Err(AuthorityError::AlreadyMember {
            network: present.credential.network.name().to_owned(),
        });
    }
    let enrolment = Enrolment {
        network: invitation.fingerprint,
        secret: invitation.secret,
        invitation: invitation.digest(),
        ledger_key: keys.ledger.public(),
        sealing_key: keys.sealing_public,
    };
    let mut line = Line::open(&invitation.authority, invitation.tls_key).await?;
    let request = SignedRequest::sign(enrolment.encode(), &keys.ledger, &line.binding);
    match line.ask(Method::POST, ENROLMENT, request.encode()).await? {
        Answer::Pending(request) => Ok(Joined::Waiting { request }),
        Answer::Issued(bytes) => {
            let credential = verified(&bytes, &invitation.fingerprint, keys, now)?;
            if credential.member.organization() != invitation.organization
                || credential.member.role() != invitation.role
            {
                return Err(nonsense("it certified somebody else"));
            }
            let membership = Membership::of(invitation, credential);
            membership.store(folder)?;
            Ok(Joined::Member(Box::new(membership)))
        }
        answer => Err(unexpected(&answer)),
    }
}

/// Renews the certificate, keeps the new one and says whether it is another than before.
///
/// # Errors
/// As [`join`].
pub async fn renew(
    membership: &mut Membership,
    keys: &OwnKeys,
    folder: &Path,
    now: Millis,
) -> Result<bool, AuthorityError> {
    let renewal = Renewal {
        network: membership.fingerprint,
        certificate: membership.certificate().der().to_vec(),
    };
    let mut line = Line::open(&membership.authority, membership.tls_key).await?;
    let request = SignedRequest::sign(renewal.encode(), &keys.ledger, &line.binding);
    match line.ask(Method::POST, RENEWAL, request.encode()).await? {
        Answer::Issued(bytes) => {
            let credential = verified(&bytes, &membership.fingerprint, keys, now)?;
            let (old, new) = (&membership.credential.member, &credential.member);
            if old.subject() != new.subject() {
                return Err(nonsense("it renewed another certificate"));
            }
            let changed = old != new;
            if changed {
                membership.credential = credential;
                membership.store(folder)?;
            }
            Ok(changed)
        }
        answer => Err(unexpected(&answer)),
    }
}

/// The network's revocations, each verified.
///
/// # Errors
/// As [`join`].
pub async fn revocations(membership: &Membership) -> Result<Vec<Revocation>, AuthorityError> {
    let mut line = Line::open(&membership.authority, membership.tls_key).await?;
    match line.ask(Method::GET, REVOCATIONS, Vec::new()).await? {
        Answer::Revocations(list) => {
            let trust = membership.trust()?;
            let verified = list.iter().map(|bytes| Ok(trust.revocation(bytes)?));
            verified.collect()
        }
        answer => Err(unexpected(&answer)),
    }
}

/// A credential of the pinned network, for these keys, that is valid now.
fn verified(
    bytes: &[u8],
    fingerprint: &Fingerprint,
    keys: &OwnKeys,
    now: Millis,
) -> Result<Credential, AuthorityError> {
    let credential = Credential::decode(bytes)?;
    if credential.network.fingerprint() != *fingerprint {
        return Err(AuthorityError::OtherNetwork);
    }
    if !is_own(&credential, keys) {
        return Err(nonsense("it certified other keys"));
    }
    credential.trust()?.judge_parsed(&credential.member, now)?;
    Ok(credential)
}

fn is_own(credential: &Credential, keys: &OwnKeys) -> bool {
    credential.member.key() == keys.ledger.public()
        && credential.member.sealing_key() == keys.sealing_public
}

fn nonsense(reason: impl Into<String>) -> AuthorityError {
    AuthorityError::Answer {
        reason: reason.into(),
    }
}

fn unexpected(answer: &Answer) -> AuthorityError {
    match answer {
        Answer::Refused(refusal) => (*refusal).into(),
        _ => nonsense("it answered another question"),
    }
}

/// One connection to the authority.
struct Line {
    address: String,
    binding: Binding,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Line {
    async fn open(address: &str, pin: [u8; 32]) -> Result<Self, AuthorityError> {
        let opened = tokio::time::timeout(PATIENCE, Self::connect(address, pin)).await;
        opened.unwrap_or_else(|_| Err(unreachable(address, "it did not answer in time")))
    }

    async fn connect(address: &str, pin: [u8; 32]) -> Result<Self, AuthorityError> {
        let stream = handshake(address, pin).await?;
        let binding = stream
            .get_ref()
            .1
            .export_keying_material([0; 32], BINDING_LABEL, Some(&[]))
            .map_err(|error| unreachable(address, error.to_string()))?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            shaken.map_err(|error| unreachable(address, error.to_string()))?;
        // It ends when the sender is dropped, with this line.
        tokio::spawn(connection);
        Ok(Self {
            address: address.to_owned(),
            binding: Binding(binding),
            sender,
        })
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, AuthorityError> {
        let address = self.address.clone();
        let asked = tokio::time::timeout(PATIENCE, self.send(method, path, body)).await;
        asked.unwrap_or_else(|_| Err(unreachable(&address, "it did not answer in time")))
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, AuthorityError> {
        let lost = |error: hyper::Error| unreachable(&self.address, error.to_string());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", tls::NAME)
            .header("content-type", "application/cbor")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| nonsense(error.to_string()))?;
        let response = self.sender.send_request(request).await.map_err(lost)?;
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(|error| unreachable(&self.address, error.to_string()))?;
        Answer::decode(&body.to_bytes()).map_err(|error| nonsense(error.to_string()))
    }
}

async fn handshake(address: &str, pin: [u8; 32]) -> Result<TlsStream<TcpStream>, AuthorityError> {
    let config =
        tls::pinned_client(pin).map_err(|error| unreachable(address, error.to_string()))?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| unreachable(address, error.to_string()))?;
    let name = ServerName::try_from(tls::NAME).expect("the name is a host name");
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| {
            if tls::is_impostor(&error) {
                AuthorityError::Impostor {
                    address: address.to_owned(),
                }
            } else {
                unreachable(address, error.to_string())
            }
        })
}

fn unreachable(address: &str, reason: impl Into<String>) -> AuthorityError {
    AuthorityError::Unreachable {
        address: address.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
