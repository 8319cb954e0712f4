// SPDX-License-Identifier: Apache-2.0
//! The environment, of which the gateway reads two things: `SILSILA_CONFIG` (which configuration file)
//! and whatever variable a `..._env` setting names (one secret). Nothing else in the program looks.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Names the configuration file where `--config` does not.
pub const CONFIG_VARIABLE: &str = "SILSILA_CONFIG";

/// The configuration file where neither `--config` nor [`CONFIG_VARIABLE`] names one.
pub const DEFAULT_CONFIG: &str = "/etc/silsila/silsila.toml";

/// The configuration file to read: the argument, else the environment, else the default.
#[must_use]
pub fn config_file(argument: Option<&Path>) -> PathBuf {
    argument.map_or_else(
        || {
            read(CONFIG_VARIABLE)
                .filter(|name| !name.is_empty())
                .map_or_else(|| DEFAULT_CONFIG.into(), |name| name.as_str().into())
        },
        Path::to_path_buf,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(crate) fn read(variable: &str) -> Option<Zeroizing<String>> {
    std::env::var(variable).ok().map(Zeroizing::new)
}
