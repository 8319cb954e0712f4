// SPDX-License-Identifier: Apache-2.0
//! The only place where configuration becomes components.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use silsila_access::AccessOptions;
use silsila_config::{
    AccessSource, Hospital, Listen, MssqlSource, MysqlSource, OdbcSource, OdbcText, SecretRef,
    Settings, SourceKind, SourceTls,
};
use silsila_fhir::{Access, AccessSettings, FhirSettings, FhirState, Token};
use silsila_mapping::Pack;
use silsila_mssql::{MsSql, MsSqlOptions};
use silsila_mysql::{MySql, MySqlOptions, Tls};
use silsila_odbc::{Odbc, OdbcOptions, TextMode};
use silsila_pipeline::{
    AllowedHours, Guard, Pipeline, PipelineHandle, PipelineOptions, SourceOptions,
};
use silsila_source::{Secret, Source};
use silsila_store::{Store, StoreOptions, SystemClock};

use crate::ballots::Ballots;
use crate::bases::Bases;
use crate::exit::Failure;
use crate::front::{self, Readiness};
use crate::keys::{self, GatewayKeys};
use crate::ledgers::{self, Shelf};
use crate::listener::Listener;
use crate::shared::{Ledgers, Shared};
use crate::{pack, tls};

/// Where the FHIR server of the gateway's own channel lies below its address.
pub const FHIR_PATH: &str = "/fhir";

/// A gateway that is ready to run.
pub struct Gateway {
    /// The ledger.
    pub store: Store,
    /// The channels that it shares with others, where it does.
    pub shared: Option<Shared>,
    /// Not yet running.
    pub pipeline: Pipeline,
    /// To it.
    pub handle: PipelineHandle,
    /// Everything that is served.
    pub router: Router,
    /// Whether `/ready` says so.
    pub ready: Readiness,
    /// The address, taken.
    pub listener: Listener,
}

/// The ledger's file, as long as the gateway is alone; on a channel, [`crate::ledgers`] says.
#[must_use]
pub fn ledger_file(settings: &Settings) -> PathBuf {
    settings.storage.folder.join("ledger.sqlite")
}

/// The admin socket of a running gateway.
#[must_use]
pub fn admin_socket(settings: &Settings) -> PathBuf {
    settings.storage.folder.join("admin.sock")
}

/// Builds everything, opens the ledger and takes the address; nothing runs yet. What can be refused
/// without touching the disk is refused first.
///
/// # Errors
/// The first component that cannot be had.
pub async fn gateway(settings: &Settings) -> Result<Gateway, Failure> {
    let access = access(settings)?;
    let acceptor = settings
        .listen
        .tls
        .as_ref()
        .map(tls::acceptor)
        .transpose()?;
    let pack = Arc::new(pack::configured(settings)?);
    let sources = settings
        .sources
        .iter()
        .map(|source| source_options(settings, source, &pack))
        .collect::<Result<Vec<_>, _>>()?;
    let listener = Listener::bind(settings.listen.address, acceptor).await?;
    let keys = Arc::new(open_keys(settings)?);
    let ledgers = Ledgers::open(settings, &keys)?;
    let store = ledgers.own().clone();
    let pipeline = Pipeline::new(PipelineOptions {
        store: store.clone(),
        sources,
        keys: keys.pipeline(),
        clock: Arc::new(SystemClock),
    })?;
    let fhir = fhir_settings(settings, &pack, &keys);
    let ready = Readiness::default();
    let bases = Bases::new(fhir.clone(), access.clone());
    let router = silsila_fhir::router(FhirState::new(store.clone(), fhir, access)?)
        .merge(front::router(&settings.hospital.name, ready.clone()))
        .merge(bases.router());
    Ok(Gateway {
        shared: ledgers.start(settings, keys, &bases)?,
        store,
        handle: pipeline.handle(),
        pipeline,
        router,
        ready,
        listener,
    })
}

/// The votes of the members of the channels that run.
///
/// # Errors
/// A ledger that cannot be written.
pub fn ballots(settings: &Settings, shared: Option<Shared>) -> Result<Option<Ballots>, Failure> {
    let ballots = shared.map(|shared| Ballots::new(settings, shared));
    ballots.transpose()
}

/// The keys, made at the first start.
///
/// # Errors
/// Where they cannot be read or made.
pub fn open_keys(settings: &Settings) -> Result<GatewayKeys, Failure> {
    let (keys, new) = keys::load_or_create(&settings.keys.folder, &ledgers::any(settings))?;
    if new {
        let folder = settings.keys.folder.display();
        tracing::warn!(%folder, "made the gateway's keys: back them up, apart from the ledger");
    }
    Ok(keys)
}

/// What every ledger of this gateway has in common: its keys, its sizes, its encryption.
#[must_use]
pub fn store_options(settings: &Settings, keys: &GatewayKeys, file: PathBuf) -> StoreOptions {
    let storage = &settings.storage;
    let mut options = StoreOptions::new(file, keys.member(), keys.custodian());
    options.file_key = Some(keys.file());
    options.sealing_key = Some(keys.sealing());
    options.readers = storage.readers as usize;
    options.cache_bytes = usize::try_from(storage.cache).unwrap_or(usize::MAX);
    options.dictionaries = silsila_fhir::dictionaries();
    options
}

/// A ledger, for reading, also while a gateway writes to it: the gateway's own, or that of a named channel.
///
/// # Errors
/// Where there is none.
pub fn open_store_read_only(settings: &Settings, channel: Option<&str>) -> Result<Store, Failure> {
    Shelf::new(settings).open(channel)
}

/// The adapter of a configured source; nothing is connected yet.
///
/// # Errors
/// Where a password cannot be had.
pub fn source(
    settings: &Settings,
    source: &silsila_config::Source,
) -> Result<Arc<dyn Source>, Failure> {
    match &source.kind {
        SourceKind::MySql(mysql) => Ok(Arc::new(MySql::new(mysql_options(source, mysql)?))),
        SourceKind::Mssql(mssql) => Ok(Arc::new(MsSql::new(mssql_options(source, mssql)?))),
        SourceKind::Odbc(odbc) => Ok(Arc::new(Odbc::new(odbc_options(source, odbc)?))),
        SourceKind::Access(access) => Ok(Arc::new(silsila_access::Access::new(access_options(
            settings, source, access,
        )?))),
    }
}

/// Copies of the file lie, without a name and encrypted, beside the ledger; before the first start, when a
/// command must not make that folder, where the system keeps what is passing.
fn access_options(
    settings: &Settings,
    source: &silsila_config::Source,
    access: &AccessSource,
) -> Result<AccessOptions, Failure> {
    let own = &settings.storage.folder;
    let copies = if own.is_dir() {
        own.clone()
    } else {
        std::env::temp_dir()
    };
    let mut options = AccessOptions::new(&source.name, &access.file, copies);
    options.password = access.password.as_ref().map(secret).transpose()?;
    options.rows_per_second = NonZeroU32::new(source.rows_per_second);
    options.look_every = options.look_every.max(source.poll_interval);
    Ok(options)
}

fn odbc_options(
    source: &silsila_config::Source,
    odbc: &OdbcSource,
) -> Result<OdbcOptions, Failure> {
    let mut options = OdbcOptions::new(&source.name, &odbc.connection);
    options.user.clone_from(&odbc.user);
    options.password = odbc.password.as_ref().map(secret).transpose()?;
    options.catalog.clone_from(&odbc.catalog);
    options.schema.clone_from(&odbc.schema);
    options.text = match odbc.text {
        OdbcText::Auto => TextMode::Auto,
        OdbcText::Utf16 => TextMode::Utf16,
        OdbcText::Utf8 => TextMode::Utf8,
    };
    options.rows_per_second = NonZeroU32::new(source.rows_per_second);
    options.connections = odbc.connections as usize;
    options.connect_timeout = odbc.connect_timeout;
    options.statement_timeout = odbc.statement_timeout;
    Ok(options)
}

fn mysql_options(
    source: &silsila_config::Source,
    mysql: &MysqlSource,
) -> Result<MySqlOptions, Failure> {
    let mut options = MySqlOptions::new(
        &source.name,
        &mysql.host,
        &mysql.database,
        &mysql.user,
        secret(&mysql.password)?,
    );
    options.port = mysql.port;
    options.tls = match mysql.tls.clone() {
        SourceTls::Off => Tls::Off,
        SourceTls::Required {
            ca_file,
            server_name,
        } => Tls::Required {
            ca_file,
            server_name,
        },
    };
    options.rows_per_second = NonZeroU32::new(source.rows_per_second);
    options.connections = mysql.connections as usize;
    options.connect_timeout = mysql.connect_timeout;
    options.statement_timeout = mysql.statement_timeout;
    options.binlog = mysql.binlog;
    options.server_id = mysql.server_id.and_then(NonZeroU32::new);
    Ok(options)
}

fn mssql_options(
    source: &silsila_config::Source,
    mssql: &MssqlSource,
) -> Result<MsSqlOptions, Failure> {
    let mut options = MsSqlOptions::new(
        &source.name,
        &mssql.host,
        &mssql.database,
        &mssql.user,
        secret(&mssql.password)?,
    );
    options.port = mssql.port;
    options.tls = match mssql.tls.clone() {
        SourceTls::Off => silsila_mssql::Tls::Off,
        SourceTls::Required {
            ca_file,
            server_name,
        } => silsila_mssql::Tls::Required {
            ca_file,
            server_name,
        },
    };
    options.rows_per_second = NonZeroU32::new(source.rows_per_second);
    options.connections = mssql.connections as usize;
    options.connect_timeout = mssql.connect_timeout;
    options.statement_timeout = mssql.statement_timeout;
    options.lock_timeout = mssql.lock_timeout;
    Ok(options)
}

fn secret(place: &SecretRef) -> Result<Secret, Failure> {
    Ok(Secret::new(place.read()?.expose()))
}

fn source_options(
    settings: &Settings,
    configured: &silsila_config::Source,
    pack: &Arc<Pack>,
) -> Result<SourceOptions, Failure> {
    let mut options = SourceOptions::new(source(settings, configured)?, pack.clone());
    options.poll_interval = configured.poll_interval;
    options.sweep_interval = configured.sweep_interval;
    options.overlap = configured.overlap;
    options.chunk_rows = configured.chunk_rows as usize;
    options.hours = configured
        .allowed_hours
        .zip(configured.utc_offset)
        .map(|(hours, offset)| AllowedHours {
            from: hours.from,
            to: hours.until % 1440,
            offset_minutes: offset.0,
        });
    options.guard = Guard {
        vanish_per_10k: per_10k(configured.loss_limit_percent),
        floor: u64::from(configured.loss_floor_rows),
    };
    Ok(options)
}

/// Percent, 0 to 100, as hundredths of a percent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a percentage lies between 0 and 100"
)]
fn per_10k(percent: f64) -> u32 {
    (percent * 100.0).round() as u32
}

/// Who may ask: with a tokens file its bearers only; without one, this machine only.
///
/// # Errors
/// Names every faulty line of the tokens file.
pub fn access(settings: &Settings) -> Result<Access, Failure> {
    let tokens = settings
        .access
        .tokens_file
        .as_deref()
        .map(tokens)
        .transpose()?;
    Ok(Access::new(AccessSettings {
        loopback_without_token: tokens.is_none() && settings.listen.address.ip().is_loopback(),
        tokens: tokens.unwrap_or_default(),
    }))
}

fn tokens(file: &Path) -> Result<Vec<Token>, Failure> {
    let fault = |reasons| Failure::Tokens {
        file: file.to_owned(),
        reasons,
    };
    let text = std::fs::read_to_string(file).map_err(|error| fault(vec![error.to_string()]))?;
    let tokens = Token::parse_file(&text)
        .map_err(|faults| fault(faults.iter().map(ToString::to_string).collect()))?;
    if tokens.is_empty() {
        return Err(fault(vec!["it names nobody".to_owned()]));
    }
    Ok(tokens)
}

fn fhir_settings(settings: &Settings, pack: &Pack, keys: &GatewayKeys) -> FhirSettings {
    let Hospital { name, base_uri, .. } = &settings.hospital;
    let Listen {
        public_url, tls, ..
    } = &settings.listen;
    FhirSettings {
        base_path: FHIR_PATH.to_owned(),
        public_url: public_url.as_ref().map(|url| format!("{url}{FHIR_PATH}")),
        https: tls.is_some(),
        hospital: silsila_fhir::Hospital {
            name: name.clone(),
            base_uri: base_uri.clone(),
            organization_id: organization_id(settings, pack, keys),
            member: Some(keys.member().public()),
        },
        types: types_of(pack),
        // The store keeps two readers for reads by id and for the pipeline's own questions.
        search_threads: (settings.storage.readers as usize).saturating_sub(2).max(1),
        ..FhirSettings::default()
    }
}

/// What the gateway will serve, also before the first row of it is committed.
fn types_of(pack: &Pack) -> Vec<String> {
    let mappings = pack.mappings().iter();
    mappings
        .map(|mapping| mapping.resource_type().to_owned())
        .collect()
}

fn organization_id(settings: &Settings, pack: &Pack, keys: &GatewayKeys) -> Option<String> {
    let source = &settings.sources.first()?.name;
    let id_key = keys.pipeline().id_key;
    let ids = |mapping: &str, key: &silsila_source::Key| {
        silsila_mapping::LogicalId::derive(&id_key, source, mapping, key)
    };
    pack.organization(&ids)
        .ok()
        .map(|resource| resource.id().to_owned())
}
