// SPDX-License-Identifier: Apache-2.0
//! How results and refusals become HTTP.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::author::outcome;
use crate::refusal::Refusal;
use crate::served::Ready;
use crate::splice::http_date;

/// Marks a response as made here, with its code where it is a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Coded;

/// A resource or a bundle, ready to be sent.
#[derive(Debug, Default)]
pub struct Answer {
    /// The text.
    pub body: Bytes,
    /// The version, for `ETag`.
    pub version: Option<i64>,
    /// The block time, for `Last-Modified`.
    pub updated_ms: Option<i64>,
    /// The client has this version already.
    pub unchanged: bool,
}

impl Answer {
    /// A version's text, or that the client has it already.
    pub fn of_version(ready: &Ready, unchanged: bool) -> Self {
        Self {
            body: if unchanged {
                Bytes::new()
            } else {
                ready.text.clone()
            },
            version: i64::try_from(ready.version).ok(),
            updated_ms: Some(ready.updated_ms),
            unchanged,
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = if self.unchanged {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let mut response = Response::new(Body::from(self.body));
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
            response
        };
        let headers = response.headers_mut();
        if let Some(version) = self.version {
            insert(headers, header::ETAG, &format!("W/\"{version}\""));
        }
        if let Some(updated_ms) = self.updated_ms {
            insert(headers, header::LAST_MODIFIED, &http_date(updated_ms));
        }
        response.extensions_mut().insert(Coded);
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(outcome::of_refusal(&self)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        match &self {
            Self::TokenMissing => insert(headers, header::WWW_AUTHENTICATE, "Bearer"),
            Self::TokenUnknown | Self::TokenExpired => insert(
                headers,
                header::WWW_AUTHENTICATE,
                "Bearer error=\"invalid_token\"",
            ),
            Self::Busy | Self::TimedOut | Self::Rebuilding => {
                insert(headers, header::RETRY_AFTER, "1");
            }
            Self::Deleted { version, .. } => {
                insert(headers, header::ETAG, &format!("W/\"{version}\""));
            }
            Self::MethodNotAllowed => insert(headers, header::ALLOW, "GET, HEAD, POST"),
            _ => {}
        }
        response.extensions_mut().insert(Coded);
        response
    }
}

fn insert(headers: &mut axum::http::HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The text with line breaks and two spaces of indentation. Tokens stay as they are, so `7.10` does.
pub fn pretty(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut previous = 0;
    for &byte in text {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            previous = byte;
            continue;
        }
        match byte {
            b'{' | b'[' => {
                if matches!(previous, b'{' | b'[') {
                    line(&mut out, depth);
                }
                out.push(byte);
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(previous, b'{' | b'[') {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend(b": "),
            _ => {
                if matches!(previous, b'{' | b'[') {
                    line(&mut out, depth);
                }
                in_string = byte == b'"';
                out.push(byte);
            }
        }
        previous = byte;
    }
    out
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_text_breaks_lines_and_leaves_tokens_alone() {
        let text = br#"{"a":[{"b":7.10},{}],"c":"x,{\"y\":1}\\","d":[],"e":[[1,2]]}"#;
        let expect = "{\n  \"a\": [\n    {\n      \"b\": 7.10\n    },\n    {}\n  ],\n  \"c\": \"x,{\\\"y\\\":1}\\\\\",\n  \"d\": [],\n  \"e\": [\n    [\n      1,\n      2\n    ]\n  ]\n}";
        assert_eq!(String::from_utf8(pretty(text)).unwrap(), expect);
    }
}
