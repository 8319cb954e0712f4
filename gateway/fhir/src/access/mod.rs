// SPDX-License-Identifier: Apache-2.0
//! Who is asking. Every function that reads patient data takes a [`Permit`], and only this module
//! can make one; a handler that forgets to ask does not compile.
//!
//! Rules: a bearer token that is known and not expired is a permit. Without a token, only a request
//! from this very machine is served, only where the operator said so, and only if nothing suggests
//! that somebody else is speaking through a proxy or through a browser tricked by its name server
//! (a foreign `Host`, a `Forwarded` header). Nothing here is remembered between requests.

mod token;

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;

pub use token::{SHORTEST_TOKEN, Token, TokenFault};

/// What the operator decided about access.
#[derive(Debug, Clone, Default)]
pub struct AccessSettings {
    /// Serve requests from a loopback address without a token.
    pub loopback_without_token: bool,
    /// The accepted bearer tokens.
    pub tokens: Vec<Token>,
}

/// Decides who may read.
#[derive(Debug, Clone)]
pub struct Access {
    settings: AccessSettings,
}

/// The right to read patient data in one request. Made by [`Access::permit`] alone.
#[derive(Debug, Clone)]
pub struct Permit {
    caller: Caller,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A process on this machine, by the operator's setting.
    Loopback,
    /// The bearer of the token with this name.
    Token(Box<str>),
}

impl Permit {
    /// Who was let in.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Access {
    /// Access under the given settings.
    pub fn new(settings: AccessSettings) -> Self {
        Self { settings }
    }

    /// Lets the request in or says why not. `peer` is the address of the connection; a request whose
    /// peer is unknown is treated as one from outside.
    pub fn permit(
        &self,
        peer: Option<SocketAddr>,
        uri: &Uri,
        headers: &HeaderMap,
        now_ms: i64,
    ) -> Result<Permit, Refusal> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            return self.by_token(value.as_bytes(), now_ms);
        }
        let local = peer.is_some_and(|address| is_loopback(address.ip()));
        if self.settings.loopback_without_token && local && speaks_for_itself(uri, headers) {
            return Ok(Permit {
                caller: Caller::Loopback,
            });
        }
        Err(Refusal::TokenMissing)
    }

    fn by_token(&self, value: &[u8], now_ms: i64) -> Result<Permit, Refusal> {
        let secret = bearer(value).ok_or(Refusal::TokenUnknown)?;
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let mut found = None;
        for token in &self.settings.tokens {
            if token.matches(&digest) {
                found = Some(token);
            }
        }
        match found {
            None => Err(Refusal::TokenUnknown),
            Some(token) if token.expired(now_ms) => Err(Refusal::TokenExpired),
            Some(token) => Ok(Permit {
                caller: Caller::Token(token.name().into()),
            }),
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
        .filter(|secret| !secret.is_empty())
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

/// Whether a loopback connection carries its own request rather than that of a stranger.
fn speaks_for_itself(uri: &Uri, headers: &HeaderMap) -> bool {
    const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
        return false;
    }
    let named = headers
        .get(header::HOST)
        .map(|host| host.to_str().unwrap_or("?"))
        .or_else(|| uri.authority().map(|authority| authority.as_str()));
    named.is_none_or(|host| is_loopback_name(strip_port(host)))
}

fn strip_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

fn is_loopback_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests;
