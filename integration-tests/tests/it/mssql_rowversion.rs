// SPDX-License-Identifier: Apache-2.0
//! A rowversion as the watermark: what is committed comes once and in order, and nothing is lost that was
//! written first and committed last.

use silsila_integration_tests::mssql::Database;
use silsila_mssql::MsSql;
use silsila_source::{Changes, Row, Source, Value};

struct Poll {
    source: MsSql,
    columns: Vec<String>,
    newest: Option<Value>,
}

impl Poll {
    fn new(source: MsSql) -> Self {
        Self {
            source,
            columns: ["id", "RowVer"].map(String::from).to_vec(),
            newest: None,
        }
    }

    /// The numbers of the rows that a look for changes brings, chunk by chunk, from the newest rowversion on.
    async fn look(&mut self) -> Vec<i64> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let after = rows
                .last()
                .map(|r| (r.get("RowVer").unwrap().clone(), r.key(&["id"]).unwrap()));
            let chunk = self
                .source
                .changes(Changes {
                    table: "t",
                    columns: &self.columns,
                    key: &self.columns[..1],
                    watermark: "RowVer",
                    since: self.newest.as_ref(),
                    after: after.as_ref().map(|(w, k)| (w, k)),
                    limit: 2,
                })
                .await
                .unwrap();
            let end = chunk.len() < 2;
            rows.extend(chunk);
            if end {
                break;
            }
        }
        if let Some(last) = rows.last() {
            self.newest = last.get("RowVer").cloned();
        }
        let id = |row: &Row| match row.values()[0] {
            Value::Int(id) => id,
            _ => panic!("no number"),
        };
        rows.iter().map(id).collect()
    }
}

#[tokio::test]
async fn rows_come_in_the_order_in_which_they_were_last_written() {
    let database = Database::new().await.unwrap();
    database
        .execute(
            "CREATE TABLE [t] ([id] int PRIMARY KEY, [n] int, [RowVer] rowversion);
             INSERT INTO [t] ([id], [n]) VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0);
             UPDATE [t] SET [n] = 1 WHERE [id] = 2",
        )
        .await
        .unwrap();
    let mut poll = Poll::new(database.source());
    assert_eq!(poll.look().await, [1, 3, 4, 5, 2]);
    assert_eq!(poll.look().await, [2], "the bound is inclusive");
    database
        .execute("UPDATE [t] SET [n] = 2 WHERE [id] = 4")
        .await
        .unwrap();
    assert_eq!(poll.look().await, [2, 4]);
    let schema = database.source().schema().await.unwrap();
    assert_eq!(schema.table("t").unwrap().columns[2].sql_type, "rowversion");
}

#[tokio::test]
async fn what_was_written_first_and_committed_last_is_not_passed_over() {
    let database = Database::new().await.unwrap();
    database
        .execute(
            "CREATE TABLE [t] ([id] int PRIMARY KEY, [n] int, [RowVer] rowversion);
             INSERT INTO [t] ([id], [n]) VALUES (1, 0), (2, 0)",
        )
        .await
        .unwrap();
    let mut poll = Poll::new(database.source());
    assert_eq!(poll.look().await, [1, 2]);

    let mut slow = database.admin().await.unwrap();
    slow.batch("BEGIN TRANSACTION; INSERT INTO [t] ([id], [n]) VALUES (3, 0)")
        .await
        .unwrap();
    database
        .execute("INSERT INTO [t] ([id], [n]) VALUES (4, 0)")
        .await
        .unwrap();
    // Row 4 is committed, but row 3 has the lower rowversion and may yet come: both wait.
    assert_eq!(poll.look().await, [2]);
    slow.batch("COMMIT").await.unwrap();
    assert_eq!(poll.look().await, [2, 3, 4]);

    let mut undone = database.admin().await.unwrap();
    undone
        .batch("BEGIN TRANSACTION; UPDATE [t] SET [n] = 9 WHERE [id] = 3")
        .await
        .unwrap();
    database
        .execute("UPDATE [t] SET [n] = 1 WHERE [id] = 1")
        .await
        .unwrap();
    assert_eq!(poll.look().await, [4]);
    undone.batch("ROLLBACK").await.unwrap();
    assert_eq!(poll.look().await, [4, 1]);
}
