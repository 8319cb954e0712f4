// SPDX-License-Identifier: Apache-2.0
//! Rows that outgrew their pages, once or twice, and such as were deleted afterwards: each that lives comes once, as it
//! is now, and none that is gone comes back. `Make.java` has the same rule.

use std::collections::BTreeMap;

use silsila_source::{Fetch, Key, Source, Value};

use crate::place::{int, rows, source, text};

/// What a row of the table holds in the end; `None` where it was deleted.
fn note(id: i64) -> Option<String> {
    let grown = |times: usize| {
        let mut text = format!("moved {times} times {id} ");
        while text.chars().count() < 80 + 80 * times {
            text.push('ا');
        }
        text
    };
    (id % 21 != 0).then(|| match id {
        _ if id % 12 == 0 => format!("small {id}"),
        _ if id % 6 == 0 => grown(2),
        _ if id % 3 == 0 => grown(1),
        _ => format!("short {id}"),
    })
}

fn expected() -> BTreeMap<i64, String> {
    (0..600).filter_map(|id| Some((id, note(id)?))).collect()
}

async fn check(file: &str) {
    let source = source(file);
    let found = rows(&source, "moved", &["id"], 100).await.unwrap();
    let found: Vec<(i64, String)> = found
        .iter()
        .map(|row| (int(row, "id"), text(row, "note").unwrap().to_owned()))
        .collect();
    assert_eq!(found, expected().into_iter().collect::<Vec<_>>(), "{file}");
    assert_eq!(source.count("moved").await.unwrap(), 571, "{file}");
    let names = ["id".to_owned(), "note".to_owned()];
    let keys: Vec<Key> = (0..600).map(|id| Key(vec![Value::Int(id)])).collect();
    let fetched = source
        .fetch(Fetch {
            table: "moved",
            columns: &names,
            by: &names[..1],
            keys: &keys,
        })
        .await
        .unwrap();
    let fetched: BTreeMap<i64, String> = fetched
        .iter()
        .map(|row| (int(row, "id"), text(row, "note").unwrap().to_owned()))
        .collect();
    assert_eq!(fetched, expected(), "{file}");
}

#[tokio::test]
async fn a_row_that_moved_comes_once_as_it_is_now_and_a_deleted_one_never() {
    check("moved.accdb").await;
    check("moved.mdb").await;
}

#[tokio::test]
async fn rows_deleted_from_a_table_of_memos_stay_away() {
    let source = source("long-memo.accdb");
    let found = rows(&source, "M", &["ID"], 2).await.unwrap();
    let lengths: Vec<(i64, usize)> = found
        .iter()
        .map(|row| (int(row, "ID"), text(row, "N").unwrap().chars().count()))
        .collect();
    let expect = [10, 4_000, 65_000, 70_000, 200_000];
    assert_eq!(lengths, expect.map(|n| (n, usize::try_from(n).unwrap())));
    for row in &found {
        let name = format!("x{}", int(row, "ID"));
        assert_eq!(text(row, "نام"), Some(name.as_str()));
    }
    let urdu = rows(&source, "مریض", &["ID"], 10).await.unwrap();
    assert_eq!(
        urdu.iter().map(|row| int(row, "ID")).collect::<Vec<_>>(),
        [7]
    );
}
