// SPDX-License-Identifier: Apache-2.0
//! What stands beside `/fhir`: a page that says what this is, and two addresses for watchers. None of
//! them knows anything of a patient.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

/// What the front page says.
#[derive(Debug, Clone)]
pub struct Front {
    hospital: Arc<str>,
    ready: Readiness,
}

/// Whether the gateway takes work: true between the end of its start and the order to stop.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets it.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// `/`, `/health` (the process lives) and `/ready` (it takes work: 200, else 503).
pub fn router(hospital: &str, ready: Readiness) -> Router {
    Router::new()
        .route("/", get(page))
        .route(
            "/health",
            get(|| async { plain(StatusCode::OK, "alive\n") }),
        )
        .route("/ready", get(readiness))
        .with_state(Front {
            hospital: hospital.into(),
            ready,
        })
}

async fn readiness(State(front): State<Front>) -> Response {
    if front.ready.get() {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

async fn page(State(front): State<Front>) -> Response {
    let hospital = escaped(&front.hospital);
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Silsila at {hospital}</title></head>\n\
         <body><h1>{hospital}</h1>\n\
         <p>This is a Silsila gateway. It serves what this hospital shares as FHIR R4 at \
         <a href=\"/fhir/metadata\">/fhir</a>; every version is committed to a hash chain.</p>\n\
         </body></html>\n"
    );
    let policy = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (policy, Html(page)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hospitals_name_cannot_become_markup() {
        assert_eq!(escaped("A & <b>\"B\""), "A &amp; &lt;b>&quot;B&quot;");
    }
}
