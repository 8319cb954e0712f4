// SPDX-License-Identifier: Apache-2.0
//! Where each channel is served: the gateway's own at `/fhir`, every further one at a FHIR base of its own, such as
//! `/channels/laboratory-93dc9853/fhir`. A base may come while the gateway runs.
//!
//! The address is made of the channel's name, for people, and of the first eight digits of its id, because names are not
//! unique; both stay for ever. Who may read is the same everywhere: the gateway's tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use silsila_chain::Genesis;
use silsila_fhir::{Access, FhirSettings, FhirState, Hospital};
use silsila_store::{Store, StoreError};

/// What every further base's address begins with.
const BELOW: &str = "/channels/";
/// Bytes of a name that are taken into an address.
const LONGEST: usize = 40;
/// Memory for versions that are served again, on each further channel.
const SERVED_BYTES: usize = 8 << 20;

/// The bases of all channels but the gateway's own. Clones share them.
#[derive(Clone)]
pub struct Bases(Arc<Inner>);

struct Inner {
    /// Those of the gateway's own base.
    own: FhirSettings,
    access: Access,
    /// By what follows [`BELOW`] in the address.
    routers: RwLock<BTreeMap<String, Router>>,
}

/// A base that is ready to be served.
pub struct Base {
    place: String,
    router: Router,
}

impl Base {
    /// Its path below the gateway's address.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.place)
    }
}

impl Bases {
    /// None yet; further ones are like the gateway's own.
    #[must_use]
    pub fn new(own: FhirSettings, access: Access) -> Self {
        Self(Arc::new(Inner {
            own,
            access,
            routers: RwLock::default(),
        }))
    }

    /// Builds the base of a channel over its ledger.
    ///
    /// # Errors
    /// Where the ledger has no search index or cannot be read.
    pub fn over(&self, store: &Store) -> Result<Base, StoreError> {
        let Inner { own, access, .. } = &*self.0;
        let place = place_of(store.genesis());
        let base_path = path(&place);
        let stem = own.public_url.as_deref();
        let stem = stem.map(|url| url.strip_suffix(&own.base_path).unwrap_or(url));
        let settings = FhirSettings {
            public_url: stem.map(|stem| format!("{stem}{base_path}")),
            // What its members share, and nothing that this gateway's own mappings promise.
            types: Vec::new(),
            // Its own Organization is a resource of its own channel.
            hospital: Hospital {
                organization_id: None,
                ..own.hospital.clone()
            },
            search_threads: 1,
            served_bytes: SERVED_BYTES.min(own.served_bytes),
            base_path,
            ..own.clone()
        };
        let state = FhirState::new(store.clone(), settings, access.clone())?;
        Ok(Base {
            place,
            router: silsila_fhir::router(state),
        })
    }

    /// Serves a base from now on.
    pub fn serve(&self, base: Base) {
        let mut routers = self
            .0
            .routers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        routers.insert(base.place, base.router);
    }

    /// Lets go of every base, and so of the ledgers behind them.
    pub fn close(&self) {
        let mut routers = self
            .0
            .routers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        routers.clear();
    }

    /// Answers what no other route answers.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn of(&self, path: &str) -> Option<Router> {
        let (place, _) = path.strip_prefix(BELOW)?.split_once('/')?;
        let routers = self
            .0
            .routers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        routers.get(place).cloned()
    }
}

async fn answer(State(bases): State<Bases>, request: Request) -> Response {
    let Some(router) = bases.of(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let answer = TowerToHyperService::new(router).call(request).await;
    answer
        .map(|response| response.map(Body::new))
        .unwrap_or_else(|never| match never {})
}

fn path(place: &str) -> String {
    format!("{BELOW}{place}{}", crate::assemble::FHIR_PATH)
}

/// `laboratory-93dc9853`: small letters and digits of the name, and the id; the id alone where the name has none.
fn place_of(genesis: &Genesis) -> String {
    let id: String = genesis.id().to_string().chars().take(8).collect();
    let mut place = String::new();
    for letter in genesis.name.chars() {
        if letter.is_ascii_alphanumeric() && place.len() < LONGEST {
            place.push(letter.to_ascii_lowercase());
        } else if !place.is_empty() && !place.ends_with('-') {
            place.push('-');
        }
    }
    let name = place.trim_end_matches('-');
    match name {
        "" => id,
        name => format!("{name}-{id}"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use silsila_chain::{CustodianKey, MemberKey};
    use silsila_fhir::{AccessSettings, SearchIndex, Token};
    use silsila_store::StoreOptions;

    use super::*;

    #[tokio::test]
    async fn the_same_tokens_hold_at_every_base_and_a_base_may_come_late() {
        const SECRET: &str = "0123456789abcdef0123456789abcdef";
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ledger.sqlite");
        let custodian = CustodianKey::new([2; 32]);
        let mut options = StoreOptions::new(file, MemberKey::from_seed(&[1; 32]), custodian);
        options.channel_name = "Laboratory".to_owned();
        let store = Store::open(options, SearchIndex::new()).expect("opened");
        let tokens = Token::parse_file(&format!("ward {SECRET}\n")).expect("a token");
        let access = Access::new(AccessSettings {
            loopback_without_token: false,
            tokens,
        });
        let bases = Bases::new(FhirSettings::default(), access);
        let ask = |path: String, token: Option<&str>| {
            let mut request = Request::get(path);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let request = request.body(Body::empty()).expect("a request");
            let answer = TowerToHyperService::new(bases.router()).call(request);
            async { answer.await.expect("never fails").status().as_u16() }
        };
        let base = bases.over(&store).expect("a base");
        let metadata = format!("{}/metadata", base.path());
        assert_eq!(ask(metadata.clone(), Some(SECRET)).await, 404);
        bases.serve(base);
        assert_eq!(ask(metadata.clone(), None).await, 401);
        assert_eq!(ask(metadata.clone(), Some("another")).await, 401);
        assert_eq!(ask(metadata.clone(), Some(SECRET)).await, 200);
        let search = metadata.replace("metadata", "Patient");
        assert_eq!(ask(search.clone(), Some(SECRET)).await, 200);
        assert_eq!(ask(search, None).await, 401);
        assert_eq!(
            ask("/channels/other-0/fhir/metadata".into(), Some(SECRET)).await,
            404
        );
        bases.close();
        assert_eq!(ask(metadata, Some(SECRET)).await, 404);
    }

    #[test]
    fn a_place_is_made_of_the_name_and_always_of_the_id() {
        let key = MemberKey::from_seed(&[1; 32]).public();
        for (name, place) in [
            ("Laboratory of Sindh", "laboratory-of-sindh-"),
            (" -- Ward 7 / B? ", "ward-7-b-"),
            ("سندھ", ""),
            ("../../etc", "etc-"),
        ] {
            let genesis = Genesis::lone(key, name.to_owned(), [2; 16], 7);
            let id: String = genesis.id().to_string().chars().take(8).collect();
            assert_eq!(place_of(&genesis), format!("{place}{id}"), "{name}");
        }
        let long = Genesis::lone(key, "x ".repeat(60), [2; 16], 7);
        assert!(place_of(&long).len() <= LONGEST + 9, "{}", place_of(&long));
    }
}
