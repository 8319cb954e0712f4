// SPDX-License-Identifier: Apache-2.0
//! The log: to standard error, as text or JSON. `docs/operators/logging.md` says what never reaches it.

use silsila_config::{Log, LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;

/// Starts logging as the configuration says. The level is that of Silsila's own rooms; libraries speak
/// only when they warn, because a database driver's debug output holds statements and their values.
pub fn start(log: Log) {
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter(log.level));
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    // The driver for SQL Server logs every error of the server, and ODBC's every remark of a driver: their texts
    // may quote a row.
    EnvFilter::new(format!(
        "warn,tiberius=off,odbc_api=off,silsila={}",
        level.word()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_makes_a_filter_that_keeps_libraries_quiet() {
        for level in [
            LogLevel::Error,
            LogLevel::Warn,
            LogLevel::Info,
            LogLevel::Debug,
            LogLevel::Trace,
        ] {
            let shown = filter(level).to_string();
            assert!(
                shown.contains(&format!("silsila={}", level.word())),
                "{shown}"
            );
            assert!(shown.contains("warn"), "{shown}");
            assert!(shown.contains("tiberius=off"), "{shown}");
        }
    }
}
