// SPDX-License-Identifier: Apache-2.0
//! Change tracking as the feed.

use std::time::Duration;

use silsila_integration_tests::mssql::Database;
use silsila_mssql::MsSql;
use silsila_source::{
    ChangeKind, FeedAnswer, FeedBatch, FeedPosition, FeedStanding, Follow, Followed, Source, Value,
};

async fn database() -> Database {
    let database = Database::new().await.unwrap();
    let name = &database.name;
    let script = format!(
        "ALTER DATABASE [{name}] SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)
         GO
         CREATE TABLE [t] ([id] int NOT NULL, [part] nvarchar(9) NOT NULL, [n] int, PRIMARY KEY ([id], [part]));
         INSERT INTO [t] VALUES (1, N'ا', 0), (2, N'ب', 0), (3, N'پ', 0);
         ALTER TABLE [t] ENABLE CHANGE_TRACKING;
         GRANT VIEW CHANGE TRACKING ON [dbo].[t] TO [{name}];
         CREATE TABLE [u] ([id] int PRIMARY KEY);
         ALTER TABLE [u] ENABLE CHANGE_TRACKING;
         GRANT VIEW CHANGE TRACKING ON [dbo].[u] TO [{name}];
         CREATE TABLE [untracked] ([id] int PRIMARY KEY)"
    );
    database.execute(&script).await.unwrap();
    database
}

fn followed() -> Vec<Followed> {
    let table = |table: &str, columns: &[&str]| Followed {
        table: table.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    };
    vec![
        table("t", &["id", "part", "n"]),
        table("u", &["id"]),
        table("untracked", &["id"]),
    ]
}

async fn follow(source: &MsSql, after: &FeedPosition, limit: usize) -> FeedAnswer {
    let tables = followed();
    let follow = Follow {
        after,
        tables: &tables,
        limit,
        wait: Duration::ZERO,
    };
    source.feed().unwrap().follow(follow).await.unwrap()
}

async fn changes(source: &MsSql, after: &FeedPosition, limit: usize) -> FeedBatch {
    match follow(source, after, limit).await {
        FeedAnswer::Changes(batch) => batch,
        FeedAnswer::Lost { reason } => panic!("{reason}"),
    }
}

/// Kind, table and number of every change.
fn told(batch: &FeedBatch) -> Vec<(ChangeKind, &str, i64)> {
    let one = |change: &'_ silsila_source::RowChange| {
        let image = change.before.as_ref().or(change.after.as_ref()).unwrap();
        match image.get("id") {
            Some(Value::Int(id)) => *id,
            _ => panic!("no id"),
        }
    };
    batch
        .changes
        .iter()
        .map(|c| (c.kind, c.table.as_str(), one(c)))
        .collect()
}

#[tokio::test]
async fn changes_and_deletions_are_told_by_key_and_once() {
    use ChangeKind::{Deleted, Inserted, Updated};
    let database = database().await;
    let source = database.source();
    let feed = source.feed().unwrap();
    assert!(matches!(
        feed.standing().await.unwrap(),
        FeedStanding::Ready { .. }
    ));
    let start = feed.present().await.unwrap();
    assert!(changes(&source, &start, 100).await.changes.is_empty());
    database
        .execute(
            "UPDATE [t] SET [n] = 1 WHERE [id] = 1; DELETE FROM [t] WHERE [id] = 2; INSERT INTO [u] VALUES (7);
             INSERT INTO [t] VALUES (4, N'ت', 0); UPDATE [t] SET [n] = 9 WHERE [id] = 4;
             INSERT INTO [untracked] VALUES (1); INSERT INTO [t] VALUES (5, N'ٹ', 0); DELETE FROM [t] WHERE [id] = 5",
        )
        .await
        .unwrap();
    let batch = changes(&source, &start, 100).await;
    assert_eq!(
        told(&batch),
        [
            (Updated, "t", 1),
            (Deleted, "t", 2),
            (Inserted, "u", 7),
            (Inserted, "t", 4),
            (Deleted, "t", 5)
        ]
    );
    let gone = batch.changes[1].before.as_ref().unwrap();
    assert!(gone.get("part") == Some(&Value::Text("ب".into())) && gone.get("n").is_none());
    assert!(batch.unclear.is_empty() && !batch.more);
    assert!(
        changes(&source, &batch.position, 100)
            .await
            .changes
            .is_empty()
    );
    assert_eq!(
        told(&changes(&source, &start, 100).await).len(),
        5,
        "asked again, told again"
    );
}

#[tokio::test]
async fn many_changes_come_a_few_at_a_time_and_none_is_missing() {
    let database = database().await;
    let source = database.source();
    let start = source.feed().unwrap().present().await.unwrap();
    let inserts: Vec<_> = (10..40)
        .map(|n| format!("INSERT INTO [u] VALUES ({n});"))
        .collect();
    database.execute(&inserts.concat()).await.unwrap();
    let (mut position, mut seen) = (start, Vec::new());
    loop {
        let batch = changes(&source, &position, 7).await;
        assert!(batch.changes.len() <= 7 && batch.unclear.is_empty());
        seen.extend(told(&batch).into_iter().map(|(_, _, id)| id));
        position = batch.position;
        if !batch.more {
            break;
        }
    }
    assert_eq!(seen, (10..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_bulk_import_is_left_to_the_sweep() {
    let database = database().await;
    let source = database.source();
    let start = source.feed().unwrap().present().await.unwrap();
    let rows: Vec<_> = (10..40).map(|n| format!("({n})")).collect();
    database
        .execute(&format!("INSERT INTO [u] VALUES {}", rows.join(", ")))
        .await
        .unwrap();
    let batch = changes(&source, &start, 7).await;
    assert!(batch.changes.is_empty());
    assert_eq!(batch.unclear, ["u"]);
    assert!(!batch.more);
}

#[tokio::test]
async fn what_can_no_longer_be_told_is_lost_and_said_so() {
    let database = database().await;
    let source = database.source();
    let start = source.feed().unwrap().present().await.unwrap();
    database
        .execute("INSERT INTO [u] VALUES (1); ALTER TABLE [t] DISABLE CHANGE_TRACKING; ALTER TABLE [t] ENABLE CHANGE_TRACKING")
        .await
        .unwrap();
    let answer = follow(&source, &start, 100).await;
    assert!(
        matches!(&answer, FeedAnswer::Lost { reason } if reason.contains("cleaned up")),
        "{answer:?}"
    );
    let future = FeedPosition::new(&b"900000"[..]);
    let answer = follow(&source, &future, 100).await;
    assert!(
        matches!(&answer, FeedAnswer::Lost { reason } if reason.contains("restored")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_database_without_change_tracking_says_what_is_missing() {
    let database = Database::new().await.unwrap();
    let standing = database.source().feed().unwrap().standing().await.unwrap();
    let FeedStanding::Missing(missing) = standing else {
        panic!("{standing:?}");
    };
    assert!(missing[0].contains("CHANGE_TRACKING = ON"), "{missing:?}");
}

#[tokio::test]
async fn a_change_ends_the_wait() {
    let database = database().await;
    let source = database.source();
    let start = source.feed().unwrap().present().await.unwrap();
    let tables = followed();
    let waiting = source.feed().unwrap().follow(Follow {
        after: &start,
        tables: &tables,
        limit: 10,
        wait: Duration::from_secs(60),
    });
    let (answer, ()) = tokio::join!(waiting, async {
        database
            .execute("INSERT INTO [u] VALUES (1)")
            .await
            .unwrap();
    });
    let FeedAnswer::Changes(batch) = answer.unwrap() else {
        panic!("lost");
    };
    assert_eq!(told(&batch), [(ChangeKind::Inserted, "u", 1)]);
}
