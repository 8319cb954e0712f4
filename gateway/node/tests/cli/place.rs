// SPDX-License-Identifier: Apache-2.0
//! A folder with a configuration, and the binary run in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub struct Place {
    folder: tempfile::TempDir,
}

/// What a command printed, and how it ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    /// A sound configuration: plain HTTP on a loopback port that the system chooses, a database that
    /// nobody serves, the pack of Mirpurkhas.
    pub fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        place.secret("password", "nobody asks\n");
        place.configure(&place.sound());
        place
    }

    pub fn sound(&self) -> String {
        let pack =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mappings/packs/sindh-mirpurkhas");
        format!(
            r#"[hospital]
name = "Civil Hospital <Mirpurkhas>"
base_uri = "https://mirpurkhas.example"
[listen]
address = "127.0.0.1:0"
plain_http_on_loopback = true
[storage]
folder = "state"
[keys]
folder = "keys"
[source.mirpurkhas]
kind = "mysql"
host = "127.0.0.1"
port = 1
database = "hospital"
user = "silsila"
password_file = "password"
tls = "off"
connect_timeout = "1s"
[mapping]
pack = "{}"
"#,
            pack.display()
        )
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn configure(&self, text: &str) {
        fs::write(self.at("silsila.toml"), text).expect("written");
    }

    /// Changes the sound configuration.
    pub fn change(&self, from: &str, to: &str) {
        let sound = self.sound();
        assert!(
            sound.contains(from),
            "{from:?} is in the sound configuration"
        );
        self.configure(&sound.replacen(from, to, 1));
    }

    pub fn secret(&self, name: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.at(name))
            .expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    /// The binary with this place's configuration.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_silsila"));
        command
            .args(words.split_whitespace())
            .env_clear()
            .env("SILSILA_CONFIG", self.at("silsila.toml"))
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &str) -> Ended {
        Ended::of(self.command(words).output().expect("the binary runs"))
    }
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Demands an exit code and words in what was printed.
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word:?} in out: {}\nerr: {}",
                self.out,
                self.err
            );
        }
        self
    }
}
