// SPDX-License-Identifier: Apache-2.0
//! What a member does: join, renew, look.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use silsila_authority::client::{self, Joined, OwnKeys};
use silsila_authority::{AuthorityError, Invitation, Membership};
use silsila_config::Settings;
use zeroize::Zeroizing;

use super::{file_failure, now_ms, shown};
use crate::admin::NetworkReport;
use crate::cli::JoinArgs;
use crate::commands::{print, print_json};
use crate::exit::{Exit, Failure};
use crate::keys::{self, GatewayKeys};
use crate::output;

/// The pause between two questions whether the request was approved.
const POLL: Duration = Duration::from_secs(1);

pub(in crate::commands) async fn join(
    settings: &Settings,
    args: &JoinArgs,
) -> Result<Exit, Failure> {
    let invitation = Invitation::parse(&text_of(&args.invitation)?)?;
    let folder = &settings.keys.folder;
    let keys = own(&keys::load_or_create(folder, &crate::ledgers::any(settings))?.0);
    print(&format!("invited      {invitation}"));
    print(&format!("fingerprint  {}", invitation.fingerprint));
    print(&format!(
        "this key     {}",
        shown::key(&keys.ledger.public())
    ));
    print("compare both with the authority, by telephone");
    let mut told = false;
    loop {
        match client::join(&invitation, &keys, folder, now_ms()).await {
            Ok(Joined::Member(membership)) => {
                joined(&membership);
                return Ok(Exit::Ok);
            }
            Ok(Joined::Waiting { request }) => {
                if !told {
                    print(&format!(
                        "request {request} waits for the authority's approval"
                    ));
                }
                told = true;
            }
            // An authority that is away for a while comes back; one that refused does not change its mind.
            Err(error) if told && may_pass(&error) => tracing::debug!(%error, "asking again"),
            Err(error) => return Err(error.into()),
        }
        if args.no_wait {
            print("ask again with the same command");
            return Ok(Exit::Found);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn may_pass(error: &AuthorityError) -> bool {
    match error {
        AuthorityError::Unreachable { .. } => true,
        AuthorityError::Refused(refusal) => refusal.may_pass(),
        _ => false,
    }
}

fn joined(membership: &Membership) {
    let certificate = membership.certificate();
    print(&format!(
        "approved: certificate {} until {}",
        certificate.serial(),
        shown::until(certificate, now_ms())
    ));
    print("a running gateway renews it by itself");
}

fn text_of(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(65_536)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(65_536).read_to_string(&mut text))
    };
    read.map_err(file_failure(file))?;
    Ok(text)
}

fn own(keys: &GatewayKeys) -> OwnKeys {
    OwnKeys {
        ledger: keys.member(),
        sealing_public: keys.sealing().public().0,
    }
}

/// The gateway's membership, with the authority where the configuration says it is now. A membership of
/// other keys than the gateway's own is none: somebody restored one without the other.
pub(in crate::commands) fn membership(settings: &Settings) -> Result<Option<Membership>, Failure> {
    let folder = &settings.keys.folder;
    let Some(mut membership) = Membership::load(folder)? else {
        return Ok(None);
    };
    // Whoever asks how the gateway is need not unlock its keys for it.
    if (!keys::is_locked(folder) || keys::passphrase::is_known()) && !is_own(settings, &membership)?
    {
        return Err(AuthorityError::Unusable {
            path: folder.join("network.credential"),
            reason: "it certifies other keys than those of this gateway".to_owned(),
        }
        .into());
    }
    if let Some(moved) = &settings.network.authority {
        membership.authority.clone_from(moved);
    }
    Ok(Some(membership))
}

pub(in crate::commands) async fn renew(settings: &Settings) -> Result<Exit, Failure> {
    let mut membership = membership(settings)?.ok_or(AuthorityError::NotMember)?;
    let keys = existing(settings)?;
    let folder = &settings.keys.folder;
    let changed = client::renew(&mut membership, &keys, folder, now_ms()).await?;
    let certificate = membership.certificate();
    let until = shown::until(certificate, now_ms());
    print(&if changed {
        format!(
            "renewed: certificate {} until {until}",
            certificate.serial()
        )
    } else {
        format!(
            "not due yet: certificate {} until {until}",
            certificate.serial()
        )
    });
    Ok(Exit::Ok)
}

fn is_own(settings: &Settings, membership: &Membership) -> Result<bool, Failure> {
    let (keys, certificate) = (existing(settings)?, membership.certificate());
    Ok(certificate.key() == keys.ledger.public()
        && certificate.sealing_key() == keys.sealing_public)
}

fn existing(settings: &Settings) -> Result<OwnKeys, Failure> {
    let keys = keys::existing(&settings.keys.folder)?;
    Ok(own(&keys.ok_or(AuthorityError::NotMember)?))
}

/// What `status` says of the network; nothing where the gateway is a member of none.
pub(in crate::commands) fn report(settings: &Settings) -> Option<NetworkReport> {
    match membership(settings) {
        Ok(membership) => membership.map(|membership| {
            let certificate = membership.certificate();
            NetworkReport {
                name: certificate.network().to_owned(),
                fingerprint: membership.fingerprint.to_string(),
                organization: certificate.organization().to_owned(),
                role: certificate.role().to_string(),
                key: certificate.key().to_string(),
                serial: certificate.serial().to_string(),
                not_after_ms: certificate.validity().until_ms(),
                renew_from_ms: certificate.validity().until_ms() - membership.renewal_window_ms(),
                fault: None,
            }
        }),
        Err(error) => Some(NetworkReport {
            fault: Some(error.to_string()),
            ..NetworkReport::default()
        }),
    }
}

pub(in crate::commands) fn status(settings: &Settings, json: bool) -> Result<Exit, Failure> {
    let membership = membership(settings)?.ok_or(AuthorityError::NotMember)?;
    let report = report(settings).unwrap_or_default();
    if json {
        print_json(&report)?;
    } else {
        print(&format!("network      {}", report.name));
        print(&format!("fingerprint  {}", report.fingerprint));
        print(&format!("organization {}", report.organization));
        print(&format!("role         {}", report.role));
        print(&format!(
            "key          {}",
            shown::key(&membership.certificate().key())
        ));
        print(&format!(
            "certificate  {} until {}",
            report.serial,
            shown::until(membership.certificate(), now_ms())
        ));
        print(&format!("authority    {}", membership.authority));
    }
    Ok(if now_ms() > report.not_after_ms {
        Exit::Found
    } else {
        Exit::Ok
    })
}

/// Renews the certificate of a running gateway, before it ends.
pub(in crate::commands) struct Renewal {
    membership: Membership,
    keys: OwnKeys,
    folder: std::path::PathBuf,
    pause: Duration,
}

impl Renewal {
    /// Of this gateway, if it is a member of a network.
    pub(in crate::commands) fn of(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(membership) = membership(settings)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            membership,
            keys: existing(settings)?,
            folder: settings.keys.folder.clone(),
            pause: settings.network.renewal_interval,
        }))
    }

    /// Looks again and again, until it is dropped. A failure is no end: there are 30 days of further tries.
    pub(in crate::commands) async fn run(mut self) {
        loop {
            if self.membership.is_due(now_ms()) {
                self.once().await;
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    async fn once(&mut self) {
        let end = output::time(self.membership.certificate().validity().until_ms());
        match client::renew(&mut self.membership, &self.keys, &self.folder, now_ms()).await {
            Ok(true) => {
                let until = output::time(self.membership.certificate().validity().until_ms());
                tracing::info!(%until, "the network's authority renewed this gateway's certificate");
            }
            Ok(false) => {
                tracing::debug!(%end, "the authority says that the certificate is not due yet");
            }
            Err(error) => {
                tracing::warn!(%error, %end, "this gateway's certificate could not be renewed");
            }
        }
    }
}
