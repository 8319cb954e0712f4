// SPDX-License-Identifier: Apache-2.0
//! A store, a server over it, and a client.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use silsila_fhir::{Access, AccessSettings, FhirSettings, FhirState, Hospital, SearchIndex, Token};
use silsila_schema::Json;
use silsila_store::chain::{CustodianKey, MemberKey, Op};
use silsila_store::{Draft, Index, Payload, Store, StoreError, StoreOptions, TestClock, TxStatus};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub const SECRET: &str = "the-ward's-own-token-of-32-chars-";
pub const START_MS: u64 = 1_751_328_000_000; // 2025-07-01T00:00:00Z

/// A gateway under test.
pub struct Bed {
    pub folder: TempDir,
    pub store: Store,
    pub clock: Arc<TestClock>,
    router: Router,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

pub fn options(folder: &TempDir, clock: &Arc<TestClock>) -> StoreOptions {
    let mut options = StoreOptions::new(
        folder.path().join("ledger.db"),
        MemberKey::from_seed(&[1; 32]),
        CustodianKey::new([2; 32]),
    );
    options.clock = Arc::clone(clock) as _;
    options.channel_name = "test".into();
    options
}

pub fn settings() -> FhirSettings {
    FhirSettings {
        hospital: Hospital {
            name: "Civil Hospital".into(),
            organization_id: None,
            base_uri: "https://civil.example".into(),
            ..Hospital::default()
        },
        ..FhirSettings::default()
    }
}

pub fn open_access() -> Access {
    Access::new(AccessSettings {
        loopback_without_token: true,
        tokens: vec![Token::new("ward", SECRET, None)],
    })
}

impl Bed {
    pub fn new() -> Self {
        Self::with(SearchIndex::new(), settings(), open_access())
    }

    pub fn with(index: Box<dyn Index>, settings: FhirSettings, access: Access) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::at(START_MS));
        let store = Store::open(options(&folder, &clock), index).unwrap();
        let state = FhirState::with_clock(store.clone(), settings, access, Arc::clone(&clock) as _)
            .unwrap();
        Self {
            folder,
            store,
            clock,
            router: silsila_fhir::router(state),
        }
    }

    /// A server over a store that is open already.
    pub fn over(store: Store, state: FhirState) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            store,
            clock: Arc::new(TestClock::at(START_MS)),
            router: silsila_fhir::router(state),
        }
    }

    /// Commits puts (`Some`) and deletes (`None`) as one block.
    pub fn commit(&self, changes: &[(String, Option<Value>)]) {
        commit_to(&self.store, changes);
    }

    /// Commits resources, named by their own type and id.
    pub fn put(&self, resources: &[Value]) {
        let changes: Vec<_> = resources
            .iter()
            .map(|body| (name_of(body), Some(body.clone())))
            .collect();
        self.commit(&changes);
    }

    pub fn delete(&self, name: &str) {
        self.commit(&[(name.to_owned(), None)]);
    }

    pub fn later(&self, ms: u64) {
        use silsila_store::Clock as _;
        self.clock.set(self.clock.now_ms() + ms);
    }

    pub fn ask(&self, request: Request<Body>) -> Reply {
        self.ask_from("127.0.0.1:4711", request)
    }

    pub fn ask_from(&self, peer: &str, mut request: Request<Body>) -> Reply {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        run(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            Reply {
                status: parts.status,
                headers: parts.headers,
                json: serde_json::from_str(&text).unwrap_or(Value::Null),
                text,
            }
        })
    }

    /// `GET` of a path below the base.
    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::get(encode(&format!("/fhir/{path}")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap())
    }

    pub fn post_form(&self, path: &str, form: &str) -> Reply {
        let request = Request::post(format!("/fhir/{path}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.ask(request)
    }

    /// The ids that a search finds, sorted.
    pub fn ids(&self, query: &str) -> Vec<String> {
        let mut ids = self.get(query).ok().ids();
        ids.sort();
        ids
    }

    /// Follows `next` links from a first page; the ids in order.
    pub fn all_pages(&self, first: &Reply) -> Vec<String> {
        let mut ids = first.ids();
        let mut next = first.link("next");
        while let Some(url) = next {
            let reply = self.get(below(&url)).ok();
            assert!(!reply.ids().is_empty(), "a next link leads to a page");
            ids.extend(reply.ids());
            next = reply.link("next");
        }
        ids
    }
}

pub fn commit_to(store: &Store, changes: &[(String, Option<Value>)]) {
    let drafts = changes
        .iter()
        .map(|(name, body)| draft(name, body.as_ref()));
    let id = store
        .stage::<StoreError>(drafts.collect(), |_| Ok(()))
        .unwrap()
        .unwrap();
    let status = store.submit(id).unwrap();
    assert!(matches!(status, TxStatus::Committed { .. }), "{status:?}");
}

/// The part of a link below the base.
pub fn below(url: &str) -> &str {
    url.split_once("/fhir/").unwrap().1
}

pub fn name_of(body: &Value) -> String {
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    format!("{}/{}", text("resourceType"), text("id"))
}

pub fn canonical(body: &Value) -> Vec<u8> {
    Json::parse(body.to_string().as_bytes())
        .unwrap()
        .canonical()
}

fn draft(name: &str, body: Option<&Value>) -> Draft {
    Draft {
        op: if body.is_some() { Op::Put } else { Op::Delete },
        resource: name.to_owned(),
        subject: name.to_owned(),
        kind: name.split('/').next().unwrap().to_owned(),
        label_class: 0,
        payload: body.map(|body| Payload {
            body: canonical(body),
            mapping: "patient".into(),
            mapping_digest: [7; 32],
        }),
    }
}

impl Reply {
    /// The reply, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text);
        self
    }

    /// The code of the outcome, which must be one that says nothing of the inside.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.json["resourceType"], "OperationOutcome",
            "{}",
            self.text
        );
        let issue = &self.json["issue"][0];
        assert!(issue["severity"].is_string() && issue["code"].is_string());
        issue["details"]["coding"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn message(&self) -> String {
        self.json["issue"][0]["details"]["text"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    }

    pub fn entries(&self) -> Vec<Value> {
        self.json["entry"].as_array().cloned().unwrap_or_default()
    }

    /// Ids of the matches, in order.
    pub fn ids(&self) -> Vec<String> {
        self.entries()
            .iter()
            .filter(|entry| entry["search"]["mode"] == "match")
            .map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn link(&self, relation: &str) -> Option<String> {
        let links = self.json["link"].as_array()?;
        let link = links.iter().find(|link| link["relation"] == relation)?;
        Some(link["url"].as_str()?.to_owned())
    }

    pub fn total(&self) -> Option<u64> {
        self.json["total"].as_u64()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Spaces, bars, letters beyond ASCII and the like, as a client would send them.
pub fn encode(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            b'-' | b'.' | b'_' | b'~' | b'/' | b'?' | b'&' | b'=' | b':' | b',' | b'%' | b'+'
            | b'$' | b'@' | b'!' | b'*' | b'\'' | b'(' | b')' | b';' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
