// SPDX-License-Identifier: Apache-2.0
//! Drivers that are missing, wrong, slow or without end, and the program on a machine without any ODBC.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use silsila_integration_tests::gateway::beside_us;
use silsila_odbc::{Odbc, OdbcOptions};
use silsila_source::{Scan, Source, SourceError};

use crate::odbc_ground::{SqliteFile, driver, sqlite_driver};

async fn refusal(options: OdbcOptions) -> SourceError {
    match Odbc::new(options).health().await {
        Ok(health) => panic!("{} answered", health.server),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_driver_that_is_not_there_is_named_and_nobody_waits_for_it() {
    for connection in [
        "Driver=/no/such/driver.so;Database=x",
        "Driver={No Such Driver};Server=x",
        "DSN=no-such-data-source",
        "Server=x",
    ] {
        let error = refusal(OdbcOptions::new("lab", connection)).await;
        assert!(matches!(error, SourceError::NoDriver { .. }), "{error}");
        assert!(!error.is_transient());
        assert!(
            error.to_string().starts_with("SRC0006 lab: no driver: "),
            "{error}"
        );
    }
    let error = refusal(OdbcOptions::new("lab", "Driver={No Such Driver}")).await;
    assert!(error.to_string().contains("\"No Such Driver\""), "{error}");
}

#[tokio::test]
async fn mdbtools_is_refused_by_the_name_of_its_driver() {
    for connection in [
        "Driver={MDBTools};DBQ=/his.mdb",
        "Driver=/usr/lib/x86_64-linux-gnu/odbc/libmdbodbc.so;DBQ=/his.mdb",
    ] {
        let error = refusal(OdbcOptions::new("hyd", connection)).await;
        assert!(matches!(error, SourceError::Unfit { .. }), "{error}");
        let text = error.to_string();
        for reason in [
            "filters on dates",
            "16,383 bytes",
            "before 1900",
            "kind = \"access\"",
        ] {
            assert!(text.contains(reason), "{text}");
        }
    }
}

#[tokio::test]
async fn mdbtools_under_another_name_is_refused_by_what_it_calls_itself() {
    let skipped = "it is refused by the driver's name alone";
    let Some(library) = driver("libmdbodbc.so", "odbc-mdbtools", skipped) else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let innocent = folder.path().join("access-driver.so");
    std::os::unix::fs::symlink(library, &innocent).unwrap();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/sindh/hyderabad/hyderabad-day1.mdb"
    );
    let connection = format!("Driver={};DBQ={file}", innocent.display());
    let error = refusal(OdbcOptions::new("hyd", connection)).await;
    assert!(matches!(error, SourceError::Unfit { .. }), "{error}");
}

#[tokio::test]
async fn a_misspelt_path_makes_no_new_database() {
    let Some(driver) = sqlite_driver("nobody tries to read an SQLite file that is not there")
    else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("hopsital.db");
    let connection = format!("Driver={};Database={}", driver.display(), path.display());
    let error = refusal(OdbcOptions::new("lab", connection)).await;
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert!(!path.exists());
}

/// Scans the first rows of a table of one column.
async fn scanned(source: &Odbc) -> Result<usize, SourceError> {
    let columns = ["id".to_owned()];
    let scan = Scan {
        table: "t",
        columns: &columns,
        key: &columns,
        after: None,
        limit: 10,
    };
    source.scan(scan).await.map(|rows| rows.len())
}

/// Another process that holds a file for itself: a lock of our own would not keep our own driver out.
struct Lock(Child);

impl Lock {
    fn on(file: &SqliteFile) -> Self {
        const HOLD: &str = "import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", HOLD])
            .arg(file.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// The driver waits for a locked file for longer than anybody should wait for an answer.
#[tokio::test]
async fn calls_that_do_not_come_back_are_given_up_and_only_so_many_are_left_behind() {
    let Some(file) = SqliteFile::new("no call into a driver hangs") else {
        return;
    };
    file.execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);");
    let mut options = file.options();
    options.connections = 1;
    options.statement_timeout = Duration::from_millis(100);
    options.connect_timeout = Duration::from_secs(5);
    options.grace = Duration::from_millis(100);
    let source = Odbc::new(options);
    assert_eq!(scanned(&source).await.unwrap(), 2);

    let lock = Lock::on(&file);
    let mut given_up = 0;
    let refused = loop {
        let began = Instant::now();
        let error = scanned(&source).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it waited for the driver"
        );
        given_up += 1;
        if error.to_string().contains("have not come back") {
            break error;
        }
        assert!(
            given_up < 20,
            "threads are left behind without end: {error}"
        );
    };
    assert!(refused.to_string().starts_with("SRC0001 lab:"), "{refused}");
    // Whoever asks now is told at once, and nothing more is sent into the driver.
    let began = Instant::now();
    assert!(scanned(&source).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(1));

    drop(lock);
    let until = Instant::now() + Duration::from_secs(150);
    while scanned(&source).await.is_err() {
        assert!(Instant::now() < until, "the source does not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_program_needs_no_odbc_on_the_machine_to_start() {
    let program = beside_us("silsila").unwrap();
    let Ok(output) = Command::new("readelf").arg("-d").arg(&program).output() else {
        crate::odbc_ground::say(
            "skipped: readelf is missing, so nobody looks what the program links to",
        );
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let needed: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .collect();
    assert!(needed.iter().any(|line| line.contains("libc.so")), "{text}");
    assert!(
        !needed.iter().any(|line| line.contains("odbc")),
        "{needed:?}"
    );
}
