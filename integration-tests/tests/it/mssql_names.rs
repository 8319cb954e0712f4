// SPDX-License-Identifier: Apache-2.0
//! Names, schemas, collations and large numbers.

use silsila_integration_tests::mssql::Database;
use silsila_source::{Fetch, Key, Row, Scan, Source, Value};

fn text(s: &str) -> Value {
    Value::Text(s.into())
}

async fn all(database: &Database, table: &str, columns: &[&str], key: usize) -> Vec<Row> {
    let columns: Vec<_> = columns.iter().map(|c| (*c).to_owned()).collect();
    let scan = Scan {
        table,
        columns: &columns,
        key: &columns[..key],
        after: None,
        limit: 1000,
    };
    database.source().scan(scan).await.unwrap()
}

async fn found(database: &Database, table: &str, by: &str, keys: &[&str]) -> Vec<String> {
    let columns = [by.to_owned()];
    let keys: Vec<_> = keys.iter().map(|k| Key(vec![text(k)])).collect();
    let fetch = Fetch {
        table,
        columns: &columns,
        by: &columns,
        keys: &keys,
    };
    let rows = database.source().fetch(fetch).await.unwrap();
    let word = |row: &Row| match &row.values()[0] {
        Value::Text(t) => t.to_string(),
        other => other.kind().into(),
    };
    let mut words: Vec<_> = rows.iter().map(word).collect();
    words.sort();
    words
}

#[tokio::test]
async fn a_table_of_another_schema_with_reserved_words_and_urdu_is_read() {
    let database = Database::new().await.unwrap();
    database.execute("CREATE SCHEMA [order]").await.unwrap();
    database
        .execute(
            "CREATE TABLE [order].[select] ([from] bigint NOT NULL PRIMARY KEY, [نام] nvarchar(40), [it's ]]5%] int);
             INSERT INTO [order].[select] VALUES (9007199254740993, N'عائشہ', 1), (9007199254740994, NULL, 2);
             CREATE TABLE [dbo].[مریض] ([شناخت] int PRIMARY KEY);
             INSERT INTO [dbo].[مریض] VALUES (7);
             CREATE TABLE [dbo].[old.patients] ([id] int PRIMARY KEY)",
        )
        .await
        .unwrap();
    let rows = all(&database, "order.select", &["from", "نام", "it's ]5%"], 1).await;
    assert!(
        rows[0].values()
            == [
                Value::Int(9_007_199_254_740_993),
                text("عائشہ"),
                Value::Int(1)
            ]
    );
    assert_eq!(rows.len(), 2);
    let key = Key(vec![Value::Int(9_007_199_254_740_993)]);
    let columns = ["from".to_owned()];
    let scan = Scan {
        table: "order.select",
        columns: &columns,
        key: &columns,
        after: Some(&key),
        limit: 9,
    };
    let rest = database.source().scan(scan).await.unwrap();
    assert!(rest.len() == 1 && rest[0].values()[0] == Value::Int(9_007_199_254_740_994));
    assert_eq!(all(&database, "مریض", &["شناخت"], 1).await.len(), 1);
    assert_eq!(all(&database, "dbo.مریض", &["شناخت"], 1).await.len(), 1);

    let schema = database.source().schema().await.unwrap();
    let names: Vec<_> = schema.tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["dbo.old.patients", "order.select", "مریض"]);
    assert_eq!(schema.table("order.select").unwrap().primary_key, ["from"]);
    let some = ["order.select".to_owned(), "nowhere".to_owned()];
    let few = database.source().tables(&some).await.unwrap();
    assert_eq!(few.tables, [schema.table("order.select").unwrap().clone()]);
    assert_eq!(database.source().tables(&[]).await.unwrap().tables, []);
}

#[tokio::test]
async fn a_code_page_of_its_own_is_read_and_compared_in_it() {
    let database = Database::new().await.unwrap();
    database
        .execute(
            "CREATE TABLE [t] ([code] varchar(20) COLLATE Arabic_CI_AS NOT NULL PRIMARY KEY);
             INSERT INTO [t] VALUES (N'بخار'), (N'a'), (N'?'), (N'شوگر')",
        )
        .await
        .unwrap();
    let schema = database.source().schema().await.unwrap();
    assert_eq!(
        schema.tables[0].columns[0].charset.as_deref(),
        Some("cp1256")
    );
    let walked = all(&database, "t", &["code"], 1).await;
    assert!(walked.iter().any(|row| row.values()[0] == text("شوگر")));
    // Every key finds its row; a letter that the code page lacks does not find the question mark that it
    // would become.
    assert_eq!(
        found(&database, "t", "code", &["بخار", "شوگر"]).await,
        ["بخار", "شوگر"]
    );
    assert_eq!(found(&database, "t", "code", &["Щ", "a"]).await, ["a"]);
    // A scan goes on after a key of that code page.
    let columns = ["code".to_owned()];
    let mut after = None;
    let mut count = 0;
    loop {
        let scan = Scan {
            table: "t",
            columns: &columns,
            key: &columns,
            after: after.as_ref(),
            limit: 1,
        };
        let rows = database.source().scan(scan).await.unwrap();
        let Some(row) = rows.first() else { break };
        after = row.key(&columns);
        count += 1;
        assert!(count <= walked.len(), "the scan does not advance");
    }
    assert_eq!(count, walked.len());
}

#[tokio::test]
async fn equal_means_equal_to_the_database_and_each_row_comes_once() {
    let database = Database::new().await.unwrap();
    let many: Vec<_> = (0..900).map(|n| format!("('x{n}')")).collect();
    database
        .execute(&format!(
            "CREATE TABLE [t] ([code] varchar(20) NOT NULL); INSERT INTO [t] VALUES ('E11.9'), ('e11.9'), {}",
            many.join(", ")
        ))
        .await
        .unwrap();
    assert_eq!(
        found(&database, "t", "code", &["e11.9", "E11.9"]).await,
        ["E11.9", "e11.9"]
    );
    let mut keys: Vec<String> = (0..900).map(|n| format!("X{n}")).collect();
    keys.push("x5".into()); // another spelling, in another statement
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    assert_eq!(found(&database, "t", "code", &keys).await.len(), 900);
}
