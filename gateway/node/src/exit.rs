// SPDX-License-Identifier: Apache-2.0
//! How a command ends: the exit codes that scripts rely on, and the errors of the command line itself.

use std::path::PathBuf;
use std::process::ExitCode;

use silsila_diagnostics::Diagnostics;

/// What the process answers. `docs/operators/commands.md` promises these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// The command did its work and found something wrong: a fault in a mapping, a failed test, damage.
    Found,
    /// The command line or the configuration is faulty; nothing was done.
    Usage,
    /// The legacy database could not be reached or refused us.
    Source,
    /// No gateway is running, or it did not answer.
    NotRunning,
    /// The ledger, the keys or a folder of the gateway cannot be used.
    Ledger,
    /// Anything else.
    Other,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Source => 3,
            Exit::NotRunning => 4,
            Exit::Ledger => 5,
            Exit::Other => 9,
        })
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration or the pack is faulty; every fault is in there.
    #[error("{0}")]
    Faults(Diagnostics),
    /// Nothing listens on the admin socket.
    #[error("CLI0001 no gateway is running with this configuration: nothing listens on {}", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// Something else than an answer came from the admin socket.
    #[error("CLI0002 the running gateway did not answer: {reason}")]
    NoAnswer {
        /// What happened.
        reason: String,
    },
    /// The key file is there and cannot be used.
    #[error("CLI0003 the key file {} cannot be used: {reason}", file.display())]
    Keys {
        /// The file.
        file: PathBuf,
        /// Why, without any of its content.
        reason: String,
    },
    /// There is a ledger and no key file: new keys would give every resource a new identity.
    #[error("CLI0004 there is a ledger at {} and no key file {}", ledger.display(), file.display())]
    KeysLost {
        /// The ledger.
        ledger: PathBuf,
        /// The key file that should be there.
        file: PathBuf,
    },
    /// The FHIR server's address cannot be had.
    #[error("CLI0005 cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("CLI0006 {} cannot be used for HTTPS: {reason}", file.display())]
    Tls {
        /// The file at fault.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The tokens file cannot be used.
    #[error("CLI0007 the tokens file {} cannot be used: {}", file.display(), reasons.join("; "))]
    Tokens {
        /// The file.
        file: PathBuf,
        /// Each fault with its line; no token among them.
        reasons: Vec<String>,
    },
    /// A folder or file of the gateway's own cannot be made, read or written.
    #[error("CLI0008 {}: {reason}", path.display())]
    File {
        /// Folder or file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// Something named on the command line does not exist.
    #[error("CLI0009 no {what} is named {name:?}; {known}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// As it was named.
        name: String,
        /// What there is.
        known: String,
    },
    /// The ledger's own proof of an entry does not hold.
    #[error("CLI0013 the proof does not hold: {reason}")]
    NoProof {
        /// What it fails to show.
        reason: String,
    },
    /// A running gateway refused a request; the text is its own, with its own code.
    #[error("{message}")]
    Refused {
        /// Code and sentence.
        message: String,
        /// How the command ends.
        exit: Exit,
    },
    /// The legacy database.
    #[error("{0}")]
    Source(#[from] silsila_source::SourceError),
    /// The ledger.
    #[error("{} {}", .0.code(), .0)]
    Store(Box<silsila_store::StoreError>),
    /// The pipeline.
    #[error("{0}")]
    Pipeline(Box<silsila_pipeline::PipelineError>),
    /// A secret that the configuration refers to.
    #[error("{0}")]
    Secret(#[from] silsila_config::SecretError),
    /// The registration authority, or the way to it.
    #[error("{0}")]
    Authority(Box<silsila_authority::AuthorityError>),
    /// A proposal or a vote.
    #[error("{0}")]
    Vote(#[from] crate::ballots::VoteFault),
    /// The network of gateways.
    #[error("{} {}", .0.code(), .0)]
    Engine(#[from] silsila_engine::EngineError),
    /// A channel's file.
    #[error("{0}")]
    Founding(#[from] silsila_replica::FoundingFault),
    /// A recovery key, or a backup.
    #[error("{0}")]
    Seal(#[from] silsila_seal::SealError),
    /// No recovery key was ever made.
    #[error("KEY0006 there is no recovery key, and so nothing that a backup could be sealed to")]
    NoRecoveryKey,
    /// The keys are locked, and nobody is there who could be asked.
    #[error("KEY0008 the keys in {} are locked, and there is no passphrase", file.display())]
    Locked {
        /// The key file.
        file: PathBuf,
    },
    /// What was given cannot be a passphrase.
    #[error("KEY0009 the passphrase is not taken: {reason}")]
    Passphrase {
        /// Why, without it.
        reason: &'static str,
    },
    /// A restore would fill a folder that is not empty.
    #[error("KEY0007 {} is not empty", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The gateway was restored from a backup and is not level yet.
    #[error(
        "CLI0015 this gateway was restored from a backup: it signs nothing until it is level with the others"
    )]
    Following,
    /// Nobody said yes.
    #[error("CLI0014 nothing was done: {what} needs a yes")]
    NotConfirmed {
        /// What was to be done.
        what: &'static str,
    },
}

impl Failure {
    /// How the process ends on this failure.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Faults(_)
            | Self::Unknown { .. }
            | Self::Secret(_)
            | Self::Tls { .. }
            | Self::Tokens { .. } => Exit::Usage,
            Self::NotRunning { .. } | Self::NoAnswer { .. } => Exit::NotRunning,
            Self::NoProof { .. } => Exit::Found,
            Self::Keys { .. } | Self::KeysLost { .. } | Self::Store(_) | Self::File { .. } => {
                Exit::Ledger
            }
            Self::Source(_) => Exit::Source,
            Self::Refused { exit, .. } => *exit,
            Self::Authority(error) => authority_exit(error),
            Self::Seal(_) | Self::NoRecoveryKey | Self::NotEmpty { .. } => Exit::Ledger,
            Self::Locked { .. } => Exit::Ledger,
            Self::NotConfirmed { .. }
            | Self::Following
            | Self::Passphrase { .. }
            | Self::Founding(_)
            | Self::Vote(_) => Exit::Usage,
            Self::Pipeline(_) | Self::Listen { .. } | Self::Engine(_) => Exit::Other,
        }
    }

    /// What to do about it, where one sentence can say so.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some("start it with `silsila serve`, or name its configuration with --config".into()),
            Self::KeysLost { .. } => Some("restore the key file from its backup; with new keys every resource would get a new id".into()),
            Self::Listen { .. } => Some("is another program, or another gateway, using the port?".into()),
            Self::NoRecoveryKey => Some("run `silsila init`, which makes one and prints it once".into()),
            Self::NotEmpty { .. } => Some("a restore fills empty folders only; move this one away".into()),
            Self::Locked { .. } => Some("name its file with --passphrase-file or keys.passphrase_file, or type it at a terminal".into()),
            Self::Tokens { .. } => Some("one line for each caller: NAME TOKEN [EXPIRY]".into()),
            Self::NotConfirmed { .. } => Some("answer yes, or give --yes".into()),
            Self::Authority(error) => authority_help(error).map(Into::into),
            _ => None,
        }
    }

    /// The form shown to a person: `error[CODE]: sentence`, and help.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = self.to_string();
        if matches!(self, Self::Faults(_)) {
            return text;
        }
        let mut shown = match text.split_once(' ') {
            Some((code, sentence)) if is_code(code) => format!("error[{code}]: {sentence}"),
            _ => format!("error: {text}"),
        };
        if let Some(help) = self.help() {
            shown.push_str("\n  = help: ");
            shown.push_str(&help);
        }
        shown
    }

    /// The failure of an operation on one of the gateway's own files.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }
}

impl From<silsila_store::StoreError> for Failure {
    fn from(error: silsila_store::StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<silsila_pipeline::PipelineError> for Failure {
    fn from(error: silsila_pipeline::PipelineError) -> Self {
        Self::Pipeline(Box::new(error))
    }
}

impl From<silsila_authority::AuthorityError> for Failure {
    fn from(error: silsila_authority::AuthorityError) -> Self {
        Self::Authority(Box::new(error))
    }
}

/// A no of the authority is a finding; what was typed wrong is a usage fault.
fn authority_exit(error: &silsila_authority::AuthorityError) -> Exit {
    use silsila_authority::AuthorityError as E;
    match error {
        E::Refused(_) | E::Impostor { .. } | E::OtherNetwork | E::Answer { .. } => Exit::Found,
        E::Unreachable { .. } => Exit::NotRunning,
        E::Unknown { .. }
        | E::Decided { .. }
        | E::Invitation { .. }
        | E::RootKey { .. }
        | E::NotEmpty { .. }
        | E::NoNetwork { .. }
        | E::AlreadyMember { .. }
        | E::NotMember
        | E::Certificate(_) => Exit::Usage,
        E::Listen { .. } => Exit::Other,
        _ => Exit::Ledger,
    }
}

fn authority_help(error: &silsila_authority::AuthorityError) -> Option<&'static str> {
    use silsila_authority::{AuthorityError as E, Refusal};
    match error {
        E::NoNetwork { .. } => {
            Some("found one with `silsila network create NAME`, or name its folder with --folder")
        }
        E::NotMember => Some(
            "ask the network's authority for an invitation, and join with `silsila network join FILE`",
        ),
        E::Impostor { .. } => Some(
            "do not go on: ask the authority, by telephone, whether its address or key changed",
        ),
        E::Unreachable { .. } => Some(
            "is `silsila network serve` running there, and does the firewall let this machine through?",
        ),
        E::Refused(
            Refusal::Expired | Refusal::Used | Refusal::UnknownInvitation | Refusal::Altered,
        ) => Some("ask the authority for a new invitation"),
        _ => None,
    }
}

impl From<Diagnostics> for Failure {
    fn from(faults: Diagnostics) -> Self {
        Self::Faults(faults)
    }
}

/// Whether a word is a code such as `CLI0001`.
#[must_use]
pub fn is_code(word: &str) -> bool {
    word.len() == 7
        && word.bytes().take(3).all(|b| b.is_ascii_uppercase())
        && word.bytes().skip(3).all(|b| b.is_ascii_digit())
}
