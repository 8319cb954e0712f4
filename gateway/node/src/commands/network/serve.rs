// SPDX-License-Identifier: Apache-2.0
//! `silsila network serve`: the authority answers members.

use std::sync::Arc;

use silsila_authority::service::Service;
use silsila_config::AuthorityAlone;

use super::{now_ms, open};
use crate::commands::serve::stop_signal;
use crate::exit::{Exit, Failure};
use crate::logging;

pub(super) async fn run(settings: &AuthorityAlone) -> Result<Exit, Failure> {
    logging::start(settings.log);
    let signals = stop_signal()?;
    let authority = Arc::new(open(settings)?);
    let network = authority.network().name().to_owned();
    let fingerprint = authority.fingerprint();
    let service = Service::bind(authority, settings.authority.listen, Arc::new(now_ms)).await?;
    let address = service.address()?;
    tracing::info!(%address, network, %fingerprint, "the authority answers members");
    service.serve(signals).await;
    tracing::info!("stopped");
    Ok(Exit::Ok)
}
