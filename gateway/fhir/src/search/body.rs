// SPDX-License-Identifier: Apache-2.0
//! What only the body can tell: a token's system without its code, a text to the letter, a text that
//! was too long for the facts, and sort keys of tokens and references.

use silsila_schema::Json;
use silsila_schema::search::{IndexValue, ReferenceValue, extract, normalize};
use silsila_store::Store;
use silsila_store::rusqlite::Connection;

use super::filter::{BodyFilter, BodyTest, FactFilter};
use super::value::{SystemTest, TokenTest};
use crate::refusal::Refusal;

/// The tree of a version's body; none where its content is not held here.
pub fn load(store: &Store, conn: &Connection, vid: i64) -> Result<Option<Json>, Refusal> {
    let seq = u64::try_from(vid).map_err(|_| Refusal::Corrupt)?;
    let payload = store.committed(conn, seq)?.into_payload();
    Ok(payload.and_then(|payload| Json::parse(&payload.body).ok()))
}

/// Whether the body satisfies a filter.
pub fn accepts(filter: &BodyFilter, body: &Json) -> bool {
    let mut found = false;
    extract(body, &mut |param, value| {
        if param.code == filter.code && !found {
            found = match (&filter.test, value) {
                (BodyTest::Tokens { any, .. }, IndexValue::Token { system, code, .. }) => {
                    any.iter().any(|test| token_fits(test, system, code))
                }
                (BodyTest::Exactly(texts), IndexValue::String(text)) => {
                    texts.iter().any(|wanted| wanted == text)
                }
                _ => false,
            };
        }
    });
    match &filter.test {
        BodyTest::Tokens { negated, .. } => found != *negated,
        BodyTest::Exactly(_) => found,
    }
}

fn token_fits(test: &TokenTest, system: Option<&str>, code: Option<&str>) -> bool {
    let system_fits = match &test.system {
        SystemTest::Any => true,
        SystemTest::Absent => system.is_none(),
        SystemTest::Is(wanted) => system == Some(wanted),
    };
    let code_fits = test
        .code
        .as_deref()
        .is_none_or(|wanted| code.is_some_and(|code| code.to_lowercase() == wanted.to_lowercase()));
    system_fits && code_fits
}

/// Whether a text that the facts hold only in part satisfies their test.
pub fn accepts_text(filter: &FactFilter, body: &Json) -> bool {
    let mut found = false;
    extract(body, &mut |param, value| {
        if let (true, IndexValue::String(text)) = (filter.params.contains(&param.id), value) {
            found = found || filter.test.text(&normalize(text));
        }
    });
    found
}

/// The least or greatest text of a parameter, for sorting.
pub fn sort_text(body: &Json, code: &str, greatest: bool) -> Option<String> {
    let mut key: Option<String> = None;
    extract(body, &mut |param, value| {
        if param.code != code {
            return;
        }
        let text = match value {
            IndexValue::Token { system, code, .. } => code.or(system).map(str::to_lowercase),
            IndexValue::Uri(uri) => Some(uri.to_owned()),
            IndexValue::Reference(ReferenceValue::Relative { kind, id }) => {
                Some(format!("{kind}/{id}"))
            }
            IndexValue::Reference(ReferenceValue::Absolute(url)) => Some(url.to_owned()),
            _ => None,
        };
        let better = |text: &String| match &key {
            None => true,
            Some(key) => (text > key) == greatest,
        };
        if let Some(text) = text.filter(better) {
            key = Some(text);
        }
    });
    key
}
