// SPDX-License-Identifier: Apache-2.0
//! A child process that cannot outlive us.
//!
//! A destructor does not run when a process is killed, nor for what lies in a static, so a small shell
//! stands between: it starts the child, says its id, and waits on a pipe that we hold. When the pipe
//! closes, for whatever reason, it ends the child and removes the child's scrap folder.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// `$1` is the log, `$2` the folder to remove in the end or nothing, the rest the command.
///
/// A line on the pipe says that the child's end is known and the folder shall stay; only the closing of
/// the pipe without one ends the child, so that an id is never used after it may belong to another.
const WATCH: &str = r#"
log=$1; scrap=$2; shift 2
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
child=$!
echo "$child"
{
  if ! read -r _ <&3; then
    kill -KILL "$child" 2>/dev/null
    while kill -0 "$child" 2>/dev/null; do sleep 0.01; done
    if [ -n "$scrap" ]; then rm -rf -- "$scrap"; fi
  fi
} >/dev/null 2>&1 &
wait "$child"
echo "ended $?"
wait
"#;

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to finish.
    Term,
    /// As Ctrl-C does.
    Int,
    /// Gives it no chance to.
    Kill,
}

/// A running child.
#[derive(Debug)]
pub struct Supervised {
    pid: u32,
    shell: Child,
    pipe: Option<ChildStdin>,
    ending: Arc<Ending>,
}

/// The exit code of the child, once there is one.
#[derive(Debug, Default)]
struct Ending {
    code: Mutex<Option<i32>>,
    known: Condvar,
}

impl Supervised {
    /// Starts a command with its output appended to `log`; `scrap` is removed when the child has been
    /// ended by the closing of the pipe.
    ///
    /// # Errors
    /// When there is no shell or the command cannot be started.
    pub fn start(command: &[&str], log: &Path, scrap: Option<&Path>) -> anyhow::Result<Self> {
        let program = command.first().copied().unwrap_or_default();
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCH, "supervisor"])
            .arg(log)
            .arg(scrap.unwrap_or(Path::new("")))
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0) // the terminal's Ctrl-C is for us to handle
            .spawn()
            .with_context(|| format!("{program} cannot be started"))?;
        let pipe = shell.stdin.take();
        let mut lines = BufReader::new(shell.stdout.take().context("the shell has no output")?);
        let mut first = String::new();
        lines.read_line(&mut first)?;
        let pid = first
            .trim()
            .parse()
            .with_context(|| format!("{program} was not started"))?;
        let ending = Arc::new(Ending::default());
        let told = Arc::clone(&ending);
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = lines.read_line(&mut line);
            let code = line
                .trim()
                .strip_prefix("ended ")
                .and_then(|c| c.parse().ok());
            *told.code.lock().unwrap_or_else(PoisonError::into_inner) = Some(code.unwrap_or(-1));
            told.known.notify_all();
        });
        Ok(Self {
            pid,
            shell,
            pipe,
            ending,
        })
    }

    /// The child's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The exit code if the child has ended (128 and the signal's number if by a signal).
    #[must_use]
    pub fn ended(&self) -> Option<i32> {
        *self
            .ending
            .code
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a signal to the child, by its id, unless it has ended.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
            Signal::Kill => "KILL",
        };
        Command::new("/bin/sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "kill", name])
            .arg(self.pid.to_string())
            .stderr(Stdio::null())
            .status()
            .context("no signal can be sent")?;
        Ok(())
    }

    /// Waits for the child's end and gives its exit code.
    ///
    /// # Errors
    /// When the child does not end in time.
    pub fn wait(&self, at_most: Duration) -> anyhow::Result<i32> {
        let until = Instant::now() + at_most;
        let mut code = self
            .ending
            .code
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(code) = *code {
                return Ok(code);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("process {} did not end within {at_most:?}", self.pid);
            }
            code = self
                .ending
                .known
                .wait_timeout(code, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Kills the child at once, by closing the pipe: no other program has to be started first. Gives its
    /// exit code (137, unless it had ended by itself). The scrap folder goes as well.
    ///
    /// # Errors
    /// When the child does not end in time.
    pub fn kill(mut self, at_most: Duration) -> anyhow::Result<i32> {
        drop(self.pipe.take());
        self.wait(at_most)
    }

    /// Sends a signal and waits for the end, keeping the scrap folder.
    ///
    /// # Errors
    /// When the child does not end in time.
    pub fn end(mut self, signal: Signal, at_most: Duration) -> anyhow::Result<i32> {
        self.signal(signal)?;
        let code = self.wait(at_most)?;
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(b"ended\n");
        }
        Ok(code)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_its_supervisor_and_leaves_no_scrap() {
        let dir = tempfile::tempdir().unwrap();
        let scrap = dir.path().join("scrap");
        std::fs::create_dir(&scrap).unwrap();
        let log = dir.path().join("log");
        let child = Supervised::start(&["sleep", "600"], &log, Some(&scrap)).unwrap();
        let process = format!("/proc/{}", child.pid());
        assert!(Path::new(&process).exists());
        drop(child);
        assert!(!Path::new(&process).exists());
        assert!(!scrap.exists());
    }

    #[test]
    fn a_signal_ends_a_child_and_keeps_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let child = Supervised::start(&["sleep", "600"], &log, Some(dir.path())).unwrap();
        let code = child.end(Signal::Kill, Duration::from_secs(20)).unwrap();
        assert_eq!(code, 128 + 9);
        assert!(dir.path().exists());
    }

    #[test]
    fn a_killed_child_says_so_and_one_that_ended_before_keeps_its_own_code() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let patience = Duration::from_secs(20);
        let child = Supervised::start(&["sleep", "600"], &log, None).unwrap();
        assert_eq!(child.kill(patience).unwrap(), 128 + 9);
        let child = Supervised::start(&["true"], &log, None).unwrap();
        assert_eq!(child.wait(patience).unwrap(), 0);
        assert_eq!(child.kill(patience).unwrap(), 0);
    }

    #[test]
    fn an_exit_code_and_the_output_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let child = Supervised::start(&["sh", "-c", "echo out; echo err >&2; exit 7"], &log, None);
        assert_eq!(child.unwrap().wait(Duration::from_secs(20)).unwrap(), 7);
        assert_eq!(std::fs::read_to_string(log).unwrap(), "out\nerr\n");
    }
}
