// SPDX-License-Identifier: Apache-2.0
//! The routes under the base path. One file per interaction; every refusal becomes an
//! `OperationOutcome` in [`answer`], and [`guard`] stands before all of them.

mod answer;
mod asked;
mod guard;
mod history;
mod metadata;
pub mod provenance;
mod read;
mod search;

use axum::Router;
use axum::extract::Path;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::refusal::Refusal;
use crate::state::FhirState;

/// The FHIR server, to be merged into the node's router. The connection's address is expected as
/// `ConnectInfo<SocketAddr>` in the request's extensions; without it every request needs a token.
pub fn router(state: FhirState) -> Router {
    let base = state.settings().base_path.clone();
    let root = get(system).post(batch);
    let slash = Router::new()
        .route(&format!("{base}/"), root.clone())
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state.clone());
    let routes = Router::new()
        .route("/", root)
        .route("/metadata", get(metadata::metadata))
        .route("/_history", get(history::system))
        .route("/{type}", get(search::by_get).post(create))
        .route("/{type}/_search", axum::routing::post(search::by_post))
        .route("/{type}/_history", get(history::of_type))
        .route(
            "/{type}/{id}",
            get(read::read)
                .put(update)
                .patch(patch)
                .delete(delete)
                .post(operation),
        )
        .route(
            "/{type}/{id}/{operation}",
            get(operation_on).post(operation_on),
        )
        .route("/{type}/{id}/_history", get(history::of_instance))
        .route("/{type}/{id}/_history/{version}", get(read::vread))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state);
    Router::new().nest(&base, routes).merge(slash)
}

async fn nothing() -> Refusal {
    Refusal::NoSuchPath
}

async fn wrong_method() -> Refusal {
    Refusal::MethodNotAllowed
}

async fn system() -> Refusal {
    Refusal::NotSupported {
        interaction: "a search over all types",
    }
}

async fn batch() -> Refusal {
    Refusal::NotSupported {
        interaction: "batch and transaction",
    }
}

async fn operation(Path((_, name)): Path<(String, String)>) -> Refusal {
    operation_named(&name)
}

async fn operation_on(Path((_, _, name)): Path<(String, String, String)>) -> Refusal {
    operation_named(&name)
}

fn operation_named(name: &str) -> Refusal {
    if name.starts_with('$') {
        Refusal::NotSupported {
            interaction: "this operation",
        }
    } else {
        Refusal::NoSuchPath
    }
}

async fn create() -> Refusal {
    Refusal::NotSupported {
        interaction: "create",
    }
}

async fn update() -> Refusal {
    Refusal::NotSupported {
        interaction: "update",
    }
}

async fn patch() -> Refusal {
    Refusal::NotSupported {
        interaction: "patch",
    }
}

async fn delete() -> Refusal {
    Refusal::NotSupported {
        interaction: "delete",
    }
}
