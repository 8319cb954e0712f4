// SPDX-License-Identifier: Apache-2.0
//! What stands before every interaction: size, number and time of requests, access, the form of the
//! answer, and that a panic tells the client nothing.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;

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
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limits.timeout, answer).await {
        Err(_) => Err(Refusal::TimedOut),
        Ok(Err(_)) => Err(Refusal::Internal),
        Ok(Ok(response)) => Ok(response),
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
