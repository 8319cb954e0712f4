// SPDX-License-Identifier: Apache-2.0
//! `silsila serve`: start, announce, run, drain, close.

use silsila_config::Loaded;
use silsila_diagnostics::Severity;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{Office, server::Server};
use crate::assemble::{self, FHIR_PATH, Gateway};
use crate::exit::{Exit, Failure};
use crate::keys;
use crate::{logging, ordering, restored};

pub(super) async fn run(loaded: &Loaded) -> Result<Exit, Failure> {
    let settings = &loaded.settings;
    logging::start(settings.log);
    look_for_files(loaded)?;
    if keys::is_locked(&settings.keys.folder) {
        // Before signals are caught, so that Ctrl-C answers the question too.
        keys::existing(&settings.keys.folder)?;
    }
    let mut signals = std::pin::pin!(stop_signal()?);
    tokio::select! {
        () = &mut signals => return Ok(Exit::Ok),
        caught_up = restored::catch_up(settings) => caught_up?,
    }
    let gateway = assemble::gateway(settings).await?;
    let fhir = format!(
        "{}://{}{FHIR_PATH}",
        gateway.listener.scheme(),
        gateway.listener.address()
    );
    let ballots = assemble::ballots(settings, gateway.shared.clone())?;
    let office = Office::closed(settings, gateway.store.clone())
        .running(gateway.handle.clone(), fhir.clone())
        .sharing(gateway.shared.clone())
        .voting(ballots.clone());
    let admin = Server::bind(&assemble::admin_socket(settings))?;
    let Gateway {
        store,
        shared,
        pipeline,
        router,
        ready,
        listener,
        ..
    } = gateway;

    let (stop, stopped) = watch::channel(false);
    let wait = |mut stopped: watch::Receiver<bool>| async move {
        // A closed channel also means stop.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut intake = tokio::spawn(pipeline.run(wait(stopped.clone())));
    let renewal = super::network::Renewal::of(settings)?.map(|it| tokio::spawn(it.run()));
    let voting = ballots.map(|ballots| tokio::spawn(ballots.run()));
    let scrub = tokio::spawn(crate::scrub::run(store.clone(), shared.clone()));
    let mut served = tokio::spawn(listener.serve(router, wait(stopped), settings.listen.drain));
    ready.set(true);
    tracing::info!(%fhir, hospital = settings.hospital.name, "serving");

    // Intake and listener run until they are told to stop; one that ends by itself has panicked. Ordering may end, and
    // is waited for until a new start can mend it.
    let (exit, intake_ended, served_ended) = tokio::select! {
        () = &mut signals => (Exit::Ok, false, false),
        () = admin.run(office) => (Exit::Other, false, false),
        _ = &mut intake => (Exit::Other, true, false),
        _ = &mut served => (Exit::Other, false, true),
        () = ordering::is_to_start_anew(shared.clone(), &settings.storage.folder) => (Exit::Other, false, false),
    };
    if exit != Exit::Ok {
        tracing::error!(
            "a part of the gateway ended by itself; stopping, so that it can be started again"
        );
    }
    tracing::info!("stopping: intake ends, requests finish");
    ready.set(false);
    let _ = stop.send(true);
    renewal.inspect(tokio::task::JoinHandle::abort);
    voting.inspect(tokio::task::JoinHandle::abort);
    scrub.abort();
    if !served_ended && !served.await.unwrap_or(false) {
        tracing::warn!("some requests were cut off");
    }
    if !intake_ended && intake.await.is_err() {
        tracing::error!(
            "the intake ended in the middle of its work; the store recovers at the next start"
        );
    }
    drop(admin);
    if let Some(shared) = shared {
        tokio::task::block_in_place(|| shared.close())?;
    }
    store.close()?;
    tracing::info!("stopped");
    Ok(exit)
}

/// Refuses, all at once, what the configuration names and this machine lacks; logs what it warns of.
fn look_for_files(loaded: &Loaded) -> Result<(), Failure> {
    let found = loaded.check_files();
    for warning in found
        .iter()
        .filter(|found| found.severity == Severity::Warning)
    {
        tracing::warn!(code = warning.code, "{}", warning.message);
    }
    Ok(found.into_result(())?)
}

/// Resolves at SIGTERM or SIGINT. Installed before anything is opened, so that no signal is missed.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(Failure::file("signals"));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
