// SPDX-License-Identifier: Apache-2.0
//! What stands before every interaction: size, number and time of requests, access, the form of the
//! answer, and that a panic tells the client nothing.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use super::answer::{Coded, pretty};
use super::asked::{self, Asked, Form};
use crate::refusal::Refusal;
use crate::state::FhirState;

/// Runs the interaction, if the request may be served.
pub async fn guard(State(state): State<FhirState>, request: Request, next: Next) -> Response {
    let form = asked::form(request.uri(), request.headers());
    let shape = form.as_ref().copied().unwrap_or_default();
    let response = match form {
        Ok(_) => serve(&state, request, next).await,
        Err(refusal) => Err(refusal),
    };
    let response = response.unwrap_or_else(|refusal| refusal.into_response());
    dress(coded(response), shape).await
}

async fn serve(state: &FhirState, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let limits = state.settings().limits;
    if request.uri().query().unwrap_or("").len() > limits.query_bytes {
        return Err(Refusal::TooLarge);
    }
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0);
    let (uri, headers) = (request.uri(), request.headers());
    let permit = state.access().permit(peer, uri, headers, state.now_ms())?;
    let asked = Asked {
        permit,
        base: asked::base_url(state.settings(), uri, headers),
        lenient: asked::is_lenient(headers),
    };
    request.extensions_mut().insert(asked);
    let _slot = state.slots().try_acquire().map_err(|_| Refusal::Busy)?;
    contain(next.run(request), limits.timeout).await
}

/// An answer in time, or a refusal; a panic tells the client nothing.
async fn contain<T>(answer: impl Future<Output = T>, timeout: Duration) -> Result<T, Refusal> {
    let answer = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout(timeout, answer).await {
        Err(_) => Err(Refusal::TimedOut),
        Ok(Err(_)) => Err(Refusal::Internal),
        Ok(Ok(answer)) => Ok(answer),
    }
}

/// An error that the web framework made itself gets an outcome like every other.
fn coded(response: Response) -> Response {
    let status = response.status();
    let ours = response.extensions().get::<Coded>().is_some();
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match status.as_u16() {
        405 => Refusal::MethodNotAllowed,
        413 => Refusal::TooLarge,
        400..=499 => Refusal::NoSuchPath,
        _ => Refusal::Internal,
    }
    .into_response()
}

async fn dress(mut response: Response, form: Form) -> Response {
    if form.pretty {
        let (mut parts, body) = response.into_parts();
        // Bodies here are whole in memory already; the bound only satisfies the interface.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, Body::from(pretty(&bytes)));
    }
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(answer: impl Future<Output = T>, timeout: Duration) -> Result<T, &'static str> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(contain(answer, timeout))
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let panics = async { panic!("a name from a record") };
        assert_eq!(run::<()>(panics, Duration::from_secs(60)), Err("FHR0018"));
    }

    #[test]
    fn an_answer_that_does_not_come_is_given_up() {
        let never = std::future::pending::<()>();
        assert_eq!(run(never, Duration::from_millis(1)), Err("FHR0021"));
        assert_eq!(run(async { 7 }, Duration::from_secs(60)), Ok(7));
    }
}
