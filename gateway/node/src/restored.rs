// SPDX-License-Identifier: Apache-2.0
//! A gateway that was restored from a backup does not know what it signed since: votes, receipts, transactions,
//! perhaps whole blocks. So before anything else it follows its channels, serves nothing, reads no source, and signs
//! nothing, until it knows again:
//!
//! - **A validator among others** until its ledger holds a block whose time is later than the restore by twice what
//!   clocks may differ. That block was proposed after its former self had ended, so that no vote of the former self
//!   lies in a later view; voting begins behind it.
//! - **A lone orderer** until every other member is there and none has a later block: two blocks of one height would
//!   end the channel.
//! - **Everybody else** until a quorum of the validators is there and none has a later block, so that what its source
//!   gives is compared with what it committed, and not committed twice.
//!
//! `restored` in the storage folder says since when and which channels, and goes when all of them are level; a channel
//! that was joined later is not waited for. A crash meanwhile begins anew. Where the others cannot come, because too many
//! were lost at once, a person removes the file and answers for it. `status` says meanwhile what is waited for.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use silsila_authority::files;
use silsila_chain::{ChainState, Identity, Standing, quorum};
use silsila_config::Settings;
use silsila_engine::ChannelStatus;
use silsila_store::Store;
use tokio::sync::watch;

use crate::admin::server::Server;
use crate::admin::{Awaited, AwaitedReport, Office, RestoredReport};
use crate::exit::Failure;
use crate::shared::{Ledgers, Watched};
use crate::{assemble, channels};

/// The mark's name: the time in milliseconds since 1970, then the short id of each channel, a line each.
const FILE: &str = "restored";
/// Twice what a validator lets a block's time lie ahead of its clock, in milliseconds.
const MARGIN_MS: u64 = 120_000;
/// How often to look.
const LOOK: Duration = Duration::from_millis(200);
/// So long it is to be level without a break: what a member is heard saying first need not be its height, which it
/// tells every other second.
const STEADY: Duration = Duration::from_secs(3);

/// Says of a storage folder that it was restored, when, and which channels were.
///
/// # Errors
/// Where the mark cannot be written.
pub(crate) fn mark(storage: &Path, now_ms: u64) -> Result<(), Failure> {
    let channels = storage.join(channels::FOLDER);
    let mut text = format!("{now_ms}\n");
    if channels.is_dir() {
        for entry in fs::read_dir(&channels).map_err(Failure::file(&channels))? {
            let file = entry.map_err(Failure::file(&channels))?.path();
            if file.extension().is_some_and(|found| found == "channel") {
                text.extend(file.file_stem().and_then(|stem| stem.to_str()));
                text.push('\n');
            }
        }
    }
    let mark = storage.join(FILE);
    files::write_whole(&mark, text.as_bytes()).map_err(Failure::file(&mark))
}

/// What a mark says.
struct Mark {
    since_ms: u64,
    channels: Vec<String>,
}

impl Mark {
    /// `None` where there is no mark; one that cannot be read is an error, lest the gateway go on as if there were
    /// none.
    fn read(settings: &Settings) -> Result<Option<Self>, Failure> {
        let file = settings.storage.folder.join(FILE);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Failure::file(&file))?,
        };
        let mut lines = text.lines().map(str::trim);
        let since = lines.next().unwrap_or_default().parse();
        Ok(Some(Self {
            since_ms: since
                .map_err(std::io::Error::other)
                .map_err(Failure::file(&file))?,
            channels: lines.map(ToOwned::to_owned).collect(),
        }))
    }
}

/// Waits, following, until a restored gateway may sign again; at once where it was not restored.
///
/// # Errors
/// Where its ledgers cannot be opened, or the network not be started.
pub async fn catch_up(settings: &Settings) -> Result<(), Failure> {
    let Some(mark) = Mark::read(settings)? else {
        return Ok(());
    };
    let keys = assemble::open_keys(settings)?;
    let opened = tokio::task::block_in_place(|| {
        let ledgers = Ledgers::open(settings, &keys)?;
        let own = ledgers.own().clone();
        Ok::<_, Failure>((ledgers.watch(settings, &keys)?, own))
    });
    let (watched, own) = opened?;
    if let Some(watched) = watched {
        let me = Identity::ed25519(keys.member().public());
        let wait = Wait { mark, me };
        tracing::warn!(
            code = "CLI0015",
            "restored from a backup: following the others, signing and serving nothing until it is known what this gateway signed before"
        );
        let (tell, told) = watch::channel(RestoredReport::default());
        let office = Office::closed(settings, own.clone()).following(told);
        let admin = Server::bind(&assemble::admin_socket(settings))?;
        tokio::select! {
            over = wait.until_level(&watched, &tell) => over?,
            () = admin.run(office) => {}
        }
        drop(admin);
        tracing::info!("caught up with the others");
        tokio::task::block_in_place(|| close(watched))?;
    }
    own.close()?;
    let mark = settings.storage.folder.join(FILE);
    fs::remove_file(&mark).map_err(Failure::file(&mark))
}

fn close(watched: Watched) -> Result<(), Failure> {
    let ledgers: Vec<Store> = watched
        .channels
        .iter()
        .map(|(_, store, _)| store.clone())
        .collect();
    drop(watched);
    for ledger in ledgers {
        ledger.close()?;
    }
    Ok(())
}

/// What is waited for.
struct Wait {
    mark: Mark,
    me: Identity,
}

impl Wait {
    /// Returns once every channel is level; tells meanwhile how far it is.
    async fn until_level(
        &self,
        watched: &Watched,
        tell: &watch::Sender<RestoredReport>,
    ) -> Result<(), Failure> {
        let mut level_since = None;
        loop {
            let channels = tokio::task::block_in_place(|| self.look(watched))?;
            let level = channels.iter().all(|channel| channel.level);
            tell.send_replace(RestoredReport {
                since_ms: self.mark.since_ms,
                channels,
            });
            let now = Instant::now();
            level_since = level.then(|| level_since.unwrap_or(now));
            if level_since.is_some_and(|since| now >= since + STEADY) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&self, watched: &Watched) -> Result<Vec<AwaitedReport>, Failure> {
        let mut channels = Vec::new();
        for (genesis, store, handle) in &watched.channels {
            let Some(status) = handle.status() else {
                let reason = "the channel's thread has ended".to_owned();
                return Err(silsila_engine::EngineError::Stopped { reason }.into());
            };
            if self.mark.channels.contains(&channels::short_id(genesis)) {
                let chain = store.chain()?;
                let until = self.awaited(&Known::of(&chain), &status);
                // What the channel's thread says of itself may be older than its ledger.
                let height = chain.height().0;
                channels.push(AwaitedReport {
                    name: genesis.name.clone(),
                    level: height >= status.seen && until.is_there(),
                    height,
                    seen: status.seen,
                    until,
                });
            }
        }
        Ok(channels)
    }

    fn awaited(&self, known: &Known<'_>, status: &ChannelStatus) -> Awaited {
        let heard = |identity: &&Identity| status.heard.contains(&identity.key.to_string());
        let validators = known.validators;
        match (validators.contains(&self.me), validators.len()) {
            (true, 1) => {
                // As the chain says: the channel's thread counts nobody before its first turn.
                let others = || known.members.iter().filter(|member| **member != self.me);
                Awaited::Members {
                    heard: others().filter(heard).count(),
                    of: others().count(),
                }
            }
            (true, _) => Awaited::Block {
                after_ms: self.mark.since_ms.saturating_add(MARGIN_MS),
                newest_ms: known.tip_ms,
            },
            (false, count) => Awaited::Quorum {
                heard: validators.iter().filter(heard).count(),
                of: quorum(count),
            },
        }
    }
}

/// What a chain says.
struct Known<'c> {
    validators: &'c [Identity],
    /// Those that were not revoked.
    members: Vec<Identity>,
    tip_ms: u64,
}

impl<'c> Known<'c> {
    fn of(chain: &'c ChainState) -> Self {
        let members = chain.members().iter();
        let members = members.filter(|(_, member)| member.standing != Standing::Revoked);
        Self {
            validators: chain.validators().identities(),
            members: members.map(|(identity, _)| *identity).collect(),
            tip_ms: chain.time_ms(),
        }
    }
}

impl Awaited {
    const fn is_there(&self) -> bool {
        match *self {
            Self::Block {
                after_ms,
                newest_ms,
            } => newest_ms > after_ms,
            Self::Members { heard, of } | Self::Quorum { heard, of } => heard >= of,
        }
    }
}

#[cfg(test)]
mod tests {
    use silsila_chain::MemberKey;

    use super::*;

    const RESTORED: u64 = 1_780_000_000_000;

    fn identity(seed: u8) -> Identity {
        Identity::ed25519(MemberKey::from_seed(&[seed; 32]).public())
    }

    fn those(seeds: &[u8]) -> Vec<Identity> {
        seeds.iter().map(|seed| identity(*seed)).collect()
    }

    fn status(heard: &[u8], height: u64, seen: u64) -> (ChannelStatus, u64) {
        let heard = those(heard).into_iter();
        let status = ChannelStatus {
            heard: heard.map(|identity| identity.key.to_string()).collect(),
            seen,
            ..ChannelStatus::default()
        };
        (status, height)
    }

    /// On a channel of five.
    fn level(
        me: u8,
        validators: &[Identity],
        tip_ms: u64,
        (status, height): &(ChannelStatus, u64),
    ) -> bool {
        let (since_ms, channels, me) = (RESTORED, Vec::new(), identity(me));
        let mark = Mark { since_ms, channels };
        let known = Known {
            validators,
            members: those(&[1, 2, 3, 4, 5]),
            tip_ms,
        };
        let awaited = Wait { mark, me }.awaited(&known, status);
        *height >= status.seen && awaited.is_there()
    }

    #[test]
    fn a_validator_waits_for_a_block_that_its_former_self_cannot_have_voted_on() {
        let four = those(&[1, 2, 3, 4]);
        let late = RESTORED + MARGIN_MS;
        assert!(!level(1, &four, late, &status(&[2, 3, 4], 9, 9)));
        assert!(level(1, &four, late + 1, &status(&[2], 9, 9)));
        assert!(!level(1, &four, late + 1, &status(&[2, 3, 4], 9, 10)));
    }

    #[test]
    fn a_lone_orderer_waits_for_every_other_member() {
        let lone = those(&[1]);
        let late = RESTORED + MARGIN_MS + 1;
        assert!(!level(1, &lone, late, &status(&[2, 3, 4], 9, 9)));
        assert!(!level(1, &lone, late, &status(&[2, 3, 4, 5], 9, 10)));
        assert!(level(1, &lone, 0, &status(&[2, 3, 4, 5], 9, 9)));
        // Before the channel's thread has said anything.
        assert!(!level(1, &lone, late, &(ChannelStatus::default(), 0)));
    }

    #[test]
    fn a_follower_waits_for_a_quorum_of_the_validators() {
        let four = those(&[1, 2, 3, 4]);
        assert!(!level(5, &four, 0, &status(&[1, 2], 9, 9)));
        assert!(!level(5, &four, 0, &status(&[1, 2, 3], 8, 9)));
        assert!(level(5, &four, 0, &status(&[1, 2, 3], 9, 9)));
        let lone = those(&[1]);
        assert!(!level(5, &lone, 0, &status(&[2, 3, 4], 9, 9)));
        assert!(level(5, &lone, 0, &status(&[1], 9, 9)));
    }
}
