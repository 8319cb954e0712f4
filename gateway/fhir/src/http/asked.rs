// SPDX-License-Identifier: Apache-2.0
//! What a request asks for apart from its path: the form of the answer, the address under which links
//! must work, leniency. Made by [`super::guard`] once access is decided.

use axum::http::{HeaderMap, Uri, header};

use crate::access::Permit;
use crate::refusal::Refusal;
use crate::state::FhirSettings;

/// The part of a request that all interactions share.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The right to read.
    pub permit: Permit,
    /// The base of links, without a slash at its end.
    pub base: String,
    /// Unknown parameters are named in the answer rather than refused.
    pub lenient: bool,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// With line breaks and indentation.
    pub pretty: bool,
    /// Content type.
    pub media: &'static str,
}

const FHIR_JSON: &str = "application/fhir+json";
const JSON: &str = "application/json";

impl Default for Form {
    fn default() -> Self {
        Self {
            pretty: false,
            media: FHIR_JSON,
        }
    }
}

/// The base of links: the configured one, or the host that the client itself named.
pub fn base_url(settings: &FhirSettings, uri: &Uri, headers: &HeaderMap) -> String {
    if let Some(url) = &settings.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(|authority| authority.as_str()))
        .filter(|host| host.bytes().all(is_host_byte))
        .unwrap_or("localhost");
    let scheme = if settings.https { "https" } else { "http" };
    format!("{scheme}://{host}{}", settings.base_path)
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
}

/// Whether the client wants unknown parameters ignored (RFC 7240, FHIR search "Handling Errors").
pub fn is_lenient(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("handling=lenient"))
}

/// The form that a client asked for, by `_format` before `Accept`.
pub fn form(uri: &Uri, headers: &HeaderMap) -> Result<Form, Refusal> {
    let mut form = Form::default();
    let mut format = None;
    for (name, value) in form_pairs(uri.query().unwrap_or("")) {
        match &*name {
            "_pretty" => form.pretty = value == "true",
            "_format" => format = Some(value),
            _ => {}
        }
    }
    if let Some(format) = format {
        // A plus sign in an address is a space to the decoder.
        form.media = media(&format.replace(' ', "+")).ok_or(Refusal::NotAcceptable)?;
        return Ok(form);
    }
    let accepted: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .collect();
    if let Some(media) = accepted.iter().find_map(|range| media(range)) {
        form.media = media;
    } else if !accepted.is_empty() {
        return Err(Refusal::NotAcceptable);
    }
    Ok(form)
}

/// What a media range or a `_format` stands for; its parameters (`fhirVersion`, `charset`, `q`) are not
/// weighed, except that `q=0` excludes.
fn media(range: &str) -> Option<&'static str> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    if parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")) {
        return None;
    }
    match &*name {
        "application/fhir+json" | "application/json+fhir" | "json" | "*/*" | "application/*" => {
            Some(FHIR_JSON)
        }
        "application/json" | "text/json" => Some(JSON),
        _ => None,
    }
}

/// The pairs of a query or a form, decoded.
pub fn form_pairs(
    text: &str,
) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
    form_urlencoded::parse(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str, accept: Option<&str>) -> Result<(bool, &'static str), &'static str> {
        let uri = format!("/fhir/Patient?{query}").parse().unwrap();
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        form(&uri, &headers)
            .map(|form| (form.pretty, form.media))
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn json_in_every_spelling_is_acceptable_and_xml_is_not() {
        for accept in [
            None,
            Some("application/fhir+json; fhirVersion=4.3"),
            Some("text/html,application/xhtml+xml,*/*;q=0.8"),
            Some("application/fhir+xml;q=0.5, application/fhir+json"),
        ] {
            assert_eq!(ask("", accept), Ok((false, FHIR_JSON)), "{accept:?}");
        }
        assert_eq!(ask("", Some("application/json")), Ok((false, JSON)));
        assert_eq!(ask("", Some("application/fhir+xml")), Err("FHR0011"));
        assert_eq!(
            ask("", Some("application/fhir+json;q=0, text/turtle")),
            Err("FHR0011")
        );
    }

    #[test]
    fn the_format_parameter_goes_before_the_header() {
        for format in ["json", "application/fhir%2Bjson", "application/fhir+json"] {
            assert_eq!(
                ask(
                    &format!("_format={format}&_pretty=true"),
                    Some("text/turtle")
                ),
                Ok((true, FHIR_JSON))
            );
        }
        assert_eq!(ask("_format=xml", None), Err("FHR0011"));
    }

    #[test]
    fn links_use_the_host_that_the_client_named() {
        let mut settings = FhirSettings::default();
        let uri = Uri::from_static("/fhir/Patient");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "localhost:8081".parse().unwrap());
        assert_eq!(
            base_url(&settings, &uri, &headers),
            "http://localhost:8081/fhir"
        );
        headers.insert(header::HOST, "evil\"<x>".parse().unwrap());
        assert_eq!(base_url(&settings, &uri, &headers), "http://localhost/fhir");
        settings.public_url = Some("https://h.example/fhir/".into());
        assert_eq!(
            base_url(&settings, &uri, &headers),
            "https://h.example/fhir"
        );
    }
}
