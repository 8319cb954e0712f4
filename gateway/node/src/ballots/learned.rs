// SPDX-License-Identifier: Apache-2.0
//! What the gateway knows from the network's authority: its own certificate, and who was revoked.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use silsila_authority::{Membership, client};
use silsila_chain::PublicKey;
use silsila_config::Settings;
use silsila_replica::certificate::{Credential, Revocation};

/// The authority's word, as it was heard last.
pub struct Learned {
    folder: PathBuf,
    authority: Option<String>,
    pause: Duration,
    revocations: Mutex<Vec<Revocation>>,
}

impl Learned {
    /// Nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.keys.folder.clone(),
            authority: settings.network.authority.clone(),
            pause: settings.network.renewal_interval,
            revocations: Mutex::default(),
        }
    }

    /// Asks again and again. An authority that is away changes nothing.
    pub async fn run(&self) {
        loop {
            match self.ask().await {
                Ok(found) => *self.revocations() = found,
                Err(error) => {
                    tracing::debug!(%error, "the authority was not asked whom it revoked");
                }
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    async fn ask(&self) -> Result<Vec<Revocation>, silsila_authority::AuthorityError> {
        let Some(mut membership) = Membership::load(&self.folder)? else {
            return Ok(Vec::new());
        };
        if let Some(moved) = &self.authority {
            membership.authority.clone_from(moved);
        }
        client::revocations(&membership).await
    }

    /// The gateway's credential, as it lies in the keys folder now.
    #[must_use]
    pub fn credential(&self) -> Option<Credential> {
        let membership = Membership::load(&self.folder).ok()??;
        Some(membership.credential)
    }

    /// Whom the authority revoked.
    #[must_use]
    pub fn revoked(&self) -> Vec<Revocation> {
        self.revocations().clone()
    }

    /// Whether the authority revoked this key.
    #[must_use]
    pub fn is_revoked(&self, key: &PublicKey) -> bool {
        self.revocations().iter().any(|one| one.member == *key)
    }

    fn revocations(&self) -> MutexGuard<'_, Vec<Revocation>> {
        self.revocations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
