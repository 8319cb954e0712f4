// SPDX-License-Identifier: Apache-2.0
//! Everything that can go wrong. No variant carries a key or a plaintext.

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The bytes were not sealed with this key for this place, or were changed since.
    #[error("sealed bytes that do not open here")]
    Unopened,
    /// The bytes are not in their format.
    #[error("sealed bytes that are not in their format: {reason}")]
    Format {
        /// What is wrong.
        reason: &'static str,
    },
    /// A recipient's key is none that anything can be sealed to.
    #[error("a recipient's sealing key is none")]
    Recipient,
    /// The operating system gives no random numbers.
    #[error("the system gives no random numbers: {reason}")]
    Random {
        /// What it said.
        reason: String,
    },
    /// A recovery key that was mistyped.
    #[error("KEY0001 this is not a recovery key: {reason}")]
    RecoveryText {
        /// Where it fails, without its letters.
        reason: &'static str,
    },
    /// Another recovery key than the one that the backup is sealed to.
    #[error("KEY0002 the backup is sealed to another recovery key")]
    WrongRecoveryKey,
    /// A backup that was cut off, changed, or forged.
    #[error("KEY0003 the backup is damaged: {reason}")]
    Backup {
        /// What is wrong.
        reason: &'static str,
    },
    /// The stream of a backup failed.
    #[error("KEY0004 the backup cannot be read or written: {source}")]
    Stream {
        /// What the system said.
        source: std::io::Error,
    },
    /// Another passphrase than the one that the keys were locked with.
    #[error("KEY0005 the passphrase does not open the keys, or the key file was changed")]
    WrongPassphrase,
}

impl From<std::io::Error> for SealError {
    /// A file that is read out of a backup gives the backup's own faults as errors of a stream; here they
    /// become themselves again.
    fn from(source: std::io::Error) -> Self {
        source
            .downcast()
            .unwrap_or_else(|source| Self::Stream { source })
    }
}
