// SPDX-License-Identifier: Apache-2.0
//! A file that changes under us: replaced, written in place, half-written, emptied, gone.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use silsila_access::Access;
use silsila_source::{Source, SourceError};
use tempfile::TempDir;

use crate::place::{fixture, options, rows};

/// A copy of a fixture in a folder of its own.
struct Share {
    _folder: TempDir,
    file: PathBuf,
}

impl Share {
    fn with(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Hospital.accdb");
        std::fs::copy(fixture(name), &file).unwrap();
        Self {
            _folder: folder,
            file,
        }
    }

    /// Puts another file in its place at once.
    fn rename_to(&self, name: &str) {
        let beside = self.file.with_extension("new");
        std::fs::copy(fixture(name), &beside).unwrap();
        std::fs::rename(beside, &self.file).unwrap();
    }

    /// Writes another file's bytes over its own, page by page, as Access does.
    fn write_over(&self, name: &str) {
        write_over(&self.file, &std::fs::read(fixture(name)).unwrap());
    }
}

fn write_over(file: &Path, bytes: &[u8]) {
    let open = File::options().write(true).open(file).unwrap();
    for (i, page) in bytes.chunks(4_096).enumerate() {
        open.write_all_at(page, i as u64 * 4_096).unwrap();
    }
    open.set_len(bytes.len() as u64).unwrap();
}

async fn beds(source: &Access) -> u64 {
    source.count("beds").await.unwrap()
}

#[tokio::test]
async fn the_next_days_file_is_seen_whether_it_is_renamed_or_written_over() {
    let share = Share::with("wards-1.accdb");
    let source = Access::new(options(&share.file));
    assert!(
        source.copy().is_none(),
        "nothing is read before the first question"
    );
    assert_eq!(beds(&source).await, 3_000);
    let first = source.copy().unwrap();
    assert!(first.modified_ms.is_some() && first.behind.is_none());
    share.rename_to("wards-2.accdb");
    assert_eq!(beds(&source).await, 3_008);
    share.write_over("wards-1.accdb");
    assert_eq!(beds(&source).await, 3_000);
    let last = source.copy().unwrap();
    assert!(last.taken_ms >= first.taken_ms);
}

#[tokio::test]
async fn an_unchanged_file_is_copied_once() {
    let share = Share::with("wards-1.accdb");
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    File::options()
        .write(true)
        .open(&share.file)
        .unwrap()
        .set_modified(past)
        .unwrap();
    let source = Access::new(options(&share.file));
    beds(&source).await;
    let taken = source.copy().unwrap().taken_ms;
    for _ in 0..50 {
        assert_eq!(rows(&source, "wards", &["id"], 5).await.unwrap().len(), 12);
    }
    assert_eq!(source.copy().unwrap().taken_ms, taken);
}

#[tokio::test]
async fn a_file_that_is_emptied_replaced_by_something_else_or_gone_says_so() {
    let share = Share::with("wards-1.accdb");
    let source = Access::new(options(&share.file));
    assert_eq!(beds(&source).await, 3_000);

    std::fs::write(&share.file, "").unwrap();
    let error = source.count("beds").await.unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("is empty"), "{error}");

    std::fs::write(&share.file, "not a database, ".repeat(1_000)).unwrap();
    let error = source.count("beds").await.unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }), "{error}");
    assert!(
        error.to_string().contains("is not an Access file"),
        "{error}"
    );

    std::fs::remove_file(&share.file).unwrap();
    let error = source.count("beds").await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert!(
        error.to_string().contains("is the share mounted"),
        "{error}"
    );

    std::fs::create_dir(&share.file).unwrap();
    let error = source.count("beds").await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    std::fs::remove_dir(&share.file).unwrap();

    std::fs::copy(fixture("wards-2.accdb"), &share.file).unwrap();
    assert_eq!(
        beds(&source).await,
        3_008,
        "and when it is back, it is read"
    );
}

#[tokio::test]
async fn a_missing_share_is_unavailable_from_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("his/Hospital.accdb");
    let error = Access::new(options(&file)).health().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("Hospital.accdb"), "{error}");
}

/// Both days alternate, page by page, as fast as the disk takes them, while all rows are read again and again:
/// what is read is one day or the other, whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_written_is_never_read_half_way() {
    let share = Share::with("wards-1.accdb");
    let days = ["wards-1.accdb", "wards-2.accdb"].map(|day| std::fs::read(fixture(day)).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (done, file, days) = (done.clone(), share.file.clone(), days.clone());
        std::thread::spawn(move || {
            for round in 0.. {
                write_over(&file, &days[round % 2]);
                if done.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(round as u64 % 8 * 50));
            }
        })
    };
    let mut lock = share.file.clone();
    lock.set_extension("laccdb");
    std::fs::write(lock, "").unwrap();
    let source = Access::new(options(&share.file));
    let mut whole = [0, 0];
    let mut busy = 0;
    for _ in 0..60 {
        let schema = match source.schema().await {
            Ok(schema) => schema,
            Err(SourceError::Unavailable { .. }) => {
                busy += 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(schema.tables.len(), 2);
        match source.count("beds").await.unwrap() {
            3_000 => whole[0] += 1,
            3_008 => whole[1] += 1,
            other => panic!("{other} beds are of no day"),
        }
    }
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    println!("day 1: {}, day 2: {}, too busy: {busy}", whole[0], whole[1]);
    assert!(whole[0] + whole[1] > 0, "it was read in some pause");
}

#[tokio::test]
async fn the_share_rests_between_two_copies_and_status_says_so() {
    let share = Share::with("wards-1.accdb");
    let mut resting = options(&share.file);
    resting.rest = 1_000_000;
    let source = Access::new(resting);
    assert_eq!(beds(&source).await, 3_000);
    share.rename_to("wards-2.accdb");
    assert_eq!(beds(&source).await, 3_000);
    let behind = source.copy().unwrap().behind.unwrap();
    assert!(
        behind.contains("the file has changed; the next copy is taken in"),
        "{behind}"
    );
}

#[tokio::test]
async fn while_somebody_writes_on_and_on_the_last_copy_serves_and_says_why() {
    let share = Share::with("wards-1.accdb");
    let mut quick = options(&share.file);
    quick.attempts = 3;
    let source = Access::new(quick);
    assert_eq!(beds(&source).await, 3_000);
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (done, file) = (done.clone(), share.file.clone());
        std::thread::spawn(move || {
            let open = File::options().write(true).open(file).unwrap();
            let mut n = 0_u64;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                open.write_all_at(&n.to_le_bytes(), 4_096 + 512).unwrap();
            }
        })
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let behind = loop {
        let notes = source.health().await.unwrap().notes;
        if let Some(behind) = source.copy().unwrap().behind {
            assert!(notes[0].contains("older than the file"), "{notes:?}");
            break behind;
        }
        assert!(
            std::time::Instant::now() < until,
            "the writing was not noticed"
        );
    };
    assert!(
        behind.contains("written to during each of 3 attempts"),
        "{behind}"
    );
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}
